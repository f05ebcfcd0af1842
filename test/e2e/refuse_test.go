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
	"slices"
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
	calls, bad := w.mutations(), w.servedBad(files)
	if len(bad) < fewestBadManifests {
		t.Errorf("only %d of %d invalid manifests are of kinds that are served", len(bad), len(files))
	}
	said := w.sendTogether(bad)
	for _, file := range bad {
		t.Run(file.name, func(t *testing.T) {
			out, sent := said[file.name]
			if !sent {
				out = w.sendAlone(t, ns, file)
			}
			if out == "" {
				t.Fatal("it was accepted")
			}
			for _, want := range file.wants {
				if !strings.Contains(out, want) {
					t.Errorf("the refusal doesn't say %q:\n%s", want, out)
				}
			}
		})
	}
	if now := w.mutations(); now != calls {
		t.Errorf("refused manifests made %d calls that change AWS: %v", now-calls, w.aws.Counts())
	}
}

// badManifest is a file of the table: what its refusal has to say, and the document that is refused, after one that is
// accepted if it is an update.
type badManifest struct {
	name, text string
	wants      []string
	accepted   []string
	refused    string
}

// servedBad reads the files that are of kinds and versions that are served here.
func (w *world) servedBad(files []string) []badManifest {
	w.t.Helper()
	served := ""
	for _, group := range []string{"infrastructure", "controlplane", "bootstrap"} {
		served += w.kubectl("api-resources", "--api-group="+group+".cluster.x-k8s.io", "--no-headers")
	}
	// Beside the kubeadm providers, kinds of their groups are written at the hub's version.
	here := strings.NewReplacer("controlplane.cluster.x-k8s.io/v1beta2", "controlplane.cluster.x-k8s.io/v2beta1",
		"bootstrap.cluster.x-k8s.io/v1beta2", "bootstrap.cluster.x-k8s.io/v2beta1")
	var bad []badManifest
	for _, file := range files {
		content, err := os.ReadFile(file)
		must(w.t, err)
		text := string(content)
		if !regexp.MustCompile(`(?m)\b` + kindOf(text) + `$`).MatchString(served) {
			continue // a kind that has its types but isn't served yet
		}
		if strings.Contains(text, "# served: v1beta2") && !strings.Contains(text, "infrastructure.cluster.x-k8s.io/v1beta2") {
			continue // about a version that isn't served beside the kubeadm providers; the table beside the rules has it
		}
		wants, documents := parseBad(here.Replace(text))
		last := len(documents) - 1
		// Two groups may have files of one name.
		group := filepath.Base(strings.TrimSuffix(filepath.Dir(file), "/validation/testdata/invalid"))
		bad = append(bad, badManifest{
			name: group + "-" + strings.TrimSuffix(filepath.Base(file), ".yaml"), text: text,
			wants: wants, accepted: documents[:last], refused: documents[last],
		})
	}
	return bad
}

// alone tells that a file can't be sent with others: it is about the one default identity, or an object that has no
// namespace to be in, or isn't for kubectl.
func (b badManifest) alone() bool {
	return !strings.Contains(b.text, "namespace: default") || strings.Contains(b.text, "# sent: as it is")
}

// together is how many files one kubectl sends, each in a namespace of its own.
const together = 40

// sendTogether has kubectl apply the files that need not be alone, many at once, and returns what is said of each, which
// is nothing of one that is accepted.
func (w *world) sendTogether(bad []badManifest) map[string]string {
	w.t.Helper()
	var namespaces []string
	for range together {
		namespaces = append(namespaces, w.namespace())
	}
	said := map[string]string{}
	for batch := range slices.Chunk(slices.DeleteFunc(slices.Clone(bad), badManifest.alone), together) {
		accepted, refused := writeBatch(w.t, batch, namespaces)
		if accepted != "" {
			w.kubectl("apply", "-f", accepted)
		}
		out, _ := w.tryKubectl("", "apply", "-f", refused)
		if accepted != "" {
			w.kubectl("delete", "-f", accepted)
		}
		for _, file := range batch {
			said[file.name] = saidOf(file.name, out)
		}
	}
	return said
}

// writeBatch writes what is accepted first, if there is any, and what is refused into two folders.
func writeBatch(t *testing.T, batch []badManifest, namespaces []string) (accepted, refused string) {
	t.Helper()
	dir := t.TempDir()
	write := func(folder, name, namespace string, documents ...string) string {
		folder = filepath.Join(dir, folder)
		must(t, os.MkdirAll(folder, 0o750))
		text := strings.ReplaceAll(strings.Join(documents, "\n---\n"), "namespace: default", "namespace: "+namespace)
		must(t, os.WriteFile(filepath.Join(folder, name+".yaml"), []byte(text), 0o600))
		return folder
	}
	for i, file := range batch {
		refused = write("refused", file.name, namespaces[i], file.refused)
		if len(file.accepted) > 0 {
			accepted = write("accepted", file.name, namespaces[i], file.accepted...)
		}
	}
	return accepted, refused
}

// saidOf picks the errors that name a file out of all that kubectl says.
func saidOf(name, out string) string {
	said := ""
	starts := regexp.MustCompile(`(?m)^[Ee]rror\b`).FindAllStringIndex(out, -1)
	for i, start := range starts {
		end := len(out)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		if text := out[start[0]:end]; strings.Contains(text, "/"+name+".yaml\"") {
			said += text
		}
	}
	return said
}

// sendAlone applies a file by itself and returns how it was refused, nothing if it wasn't.
func (w *world) sendAlone(t *testing.T, ns string, file badManifest) string {
	t.Helper()
	if strings.Contains(file.text, "kind: AWSClusterControllerIdentity") {
		// There is one already, which can't be changed.
		w.kubectl("delete", "awsci", "default", "--ignore-not-found")
		defer w.restoreDefaultIdentity()
	}
	if len(file.accepted) > 0 {
		accepted := strings.Join(file.accepted, "\n---\n")
		if out, err := w.tryKubectl(accepted, "apply", "-n", ns, "-f", "-"); err != nil {
			t.Fatalf("the object before the bad update is refused: %s", out)
		}
		// The next file is to find none of it.
		defer func() {
			if out, err := w.tryKubectl(accepted, "delete", "-n", ns, "-f", "-", "--ignore-not-found", "--wait=false"); err != nil {
				t.Errorf("kubectl delete: %v\n%s", err, out)
			}
		}()
	}
	if strings.Contains(file.text, "# sent: as it is") {
		return w.post(ns, strings.ReplaceAll(file.refused, "namespace: default", "namespace: "+ns))
	}
	out, err := w.tryKubectl(file.refused, "apply", "-n", ns, "-f", "-")
	if err == nil {
		return ""
	}
	return out
}

// post sends an AWSCluster over the wire as it is, where kubectl itself would repair it, as it drops all but the last of a
// field that is given twice, and returns how it was refused.
func (w *world) post(ns, document string) string {
	w.t.Helper()
	c, err := rest.HTTPClientFor(w.config)
	must(w.t, err)
	url := w.config.Host + "/apis/infrastructure.cluster.x-k8s.io/v1beta2/namespaces/" + ns + "/awsclusters?fieldValidation=Strict"
	response, err := c.Post(url, "application/yaml", strings.NewReader(document)) //nolint:noctx // bounded by the test
	must(w.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(w.t, err)
	if response.StatusCode < http.StatusBadRequest {
		return ""
	}
	var status metav1.Status
	must(w.t, json.Unmarshal(body, &status))
	return status.Message
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
