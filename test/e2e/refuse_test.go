package e2e

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// fewestBadManifests keeps the table from shrinking unnoticed.
const fewestBadManifests = 680

// TestBadInputIsRefusedWithWhatToWrite sends every invalid manifest of the
// validation's own table through kubectl and the whole chain.
func TestBadInputIsRefusedWithWhatToWrite(t *testing.T) {
	w := newWorld(t)
	ns := w.namespace()
	files, err := filepath.Glob(filepath.Join(suite.root, "apis", "*", "validation", "testdata", "invalid", "*.yaml"))
	must(t, err)
	if len(files) < fewestBadManifests {
		t.Fatalf("there are %d invalid manifests, want at least %d", len(files), fewestBadManifests)
	}
	calls, sent := w.mutations(), 0
	served := ""
	for _, group := range []string{"infrastructure", "controlplane", "bootstrap"} {
		served += w.kubectl("api-resources", "--api-group="+group+".cluster.x-k8s.io", "--no-headers")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		if !regexp.MustCompile(`(?m)\b` + kindOf(string(text)) + `$`).MatchString(served) {
			continue // a kind that has its types but isn't served yet
		}
		if strings.Contains(string(text), "# served: v1beta2") && !strings.Contains(string(text), "infrastructure.cluster.x-k8s.io/v1beta2") {
			continue // about a version that isn't served beside the kubeadm providers; the table beside the rules has it
		}
		sent++
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			// Beside the kubeadm providers, kinds of their groups are written at the hub's version.
			here := strings.NewReplacer("namespace: default", "namespace: "+ns, "controlplane.cluster.x-k8s.io/v1beta2", "controlplane.cluster.x-k8s.io/v2beta1",
				"bootstrap.cluster.x-k8s.io/v1beta2", "bootstrap.cluster.x-k8s.io/v2beta1")
			w.refuses(t, ns, here.Replace(string(text)))
		})
	}
	if sent < fewestBadManifests {
		t.Errorf("only %d of %d invalid manifests are of kinds that are served", sent, len(files))
	}
	if now := w.mutations(); now != calls {
		t.Errorf("refused manifests made %d calls that change AWS: %v", now-calls, w.aws.Counts())
	}
}

// refuses applies a file of the table and checks what is said.
func (w *world) refuses(t *testing.T, ns, file string) {
	wants, documents := parseBad(file)
	last := len(documents) - 1
	if strings.Contains(file, "kind: AWSClusterControllerIdentity") {
		// There is one already, which can't be changed.
		w.kubectl("delete", "awsci", "default", "--ignore-not-found")
		defer w.restoreDefaultIdentity()
	}
	for _, valid := range documents[:last] {
		if out, err := w.tryKubectl(valid, "apply", "-n", ns, "-f", "-"); err != nil {
			t.Fatalf("the object before the bad update is refused: %s", out)
		}
	}
	out, err := w.send(ns, documents[last])
	if err == nil {
		t.Fatalf("it was accepted: %s", out)
	}
	for _, want := range wants {
		if !strings.Contains(out, want) {
			t.Errorf("the refusal doesn't say %q:\n%s", want, out)
		}
	}
	if last > 0 {
		w.unapply(ns, documents[:last])
	}
}

// unapply deletes what manifests made, so that the next file finds none of it.
func (w *world) unapply(ns string, documents []string) {
	w.t.Helper()
	if out, err := w.tryKubectl(strings.Join(documents, "\n---\n"), "delete", "-n", ns, "-f", "-", "--ignore-not-found", "--wait=false"); err != nil {
		w.t.Fatalf("kubectl delete: %v\n%s", err, out)
	}
}

// send applies a document. One that kubectl itself would repair, as it drops all
// but the last of a field that is given twice, goes over the wire as it is.
func (w *world) send(ns, document string) (string, error) {
	if !strings.Contains(document, "# sent: as it is") {
		return w.tryKubectl(document, "apply", "-n", ns, "-f", "-")
	}
	c, err := rest.HTTPClientFor(w.config)
	must(w.t, err)
	url := w.config.Host + "/apis/infrastructure.cluster.x-k8s.io/v1beta2/namespaces/" + ns + "/awsclusters?fieldValidation=Strict"
	response, err := c.Post(url, "application/yaml", strings.NewReader(document)) //nolint:noctx // bounded by the test
	must(w.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(w.t, err)
	var status metav1.Status
	must(w.t, json.Unmarshal(body, &status))
	if response.StatusCode >= http.StatusBadRequest {
		return status.Message, fmt.Errorf("%s", response.Status)
	}
	return string(body), nil
}

func (w *world) restoreDefaultIdentity() {
	w.kubectl("delete", "awsci", "default", "--ignore-not-found")
	w.apply("default", "{apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSClusterControllerIdentity, metadata: {name: default}, spec: {allowedNamespaces: {}}}")
}

// kindOf returns the kind of a file's documents.
func kindOf(file string) string {
	match := regexp.MustCompile(`(?m)^kind: (\w+)$`).FindStringSubmatch(file)
	if match == nil {
		return "no kind"
	}
	return match[1]
}

// parseBad splits a file of the table: "# want: " lines, then one document for a
// creation or two for an update.
func parseBad(text string) (wants, documents []string) {
	for _, line := range strings.Split(text, "\n") {
		if want, ok := strings.CutPrefix(line, "# want: "); ok {
			wants = append(wants, strings.TrimSpace(want))
		}
	}
	for _, document := range strings.Split(text, "\n---\n") {
		if strings.Contains(document, "kind:") {
			documents = append(documents, document)
		}
	}
	return wants, documents
}

// TestAForgedUserIsRefused speaks to our port directly, claiming to be the front
// proxy without its certificate.
func TestAForgedUserIsRefused(t *testing.T) {
	w := newWorld(t)
	url := fmt.Sprintf("https://127.0.0.1:%d/apis/infrastructure.cluster.x-k8s.io/v2beta1/awsclusters", w.port)
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	must(t, err)
	request.Header.Set("X-Remote-User", "system:admin")
	request.Header.Set("X-Remote-Group", "system:masters")
	insecure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // the forger doesn't care
	response, err := insecure.Do(request)
	must(t, err)
	defer response.Body.Close()
	if response.StatusCode != http.StatusForbidden && response.StatusCode != http.StatusUnauthorized {
		t.Errorf("a forged user got %s, want to be refused", response.Status)
	}
}
