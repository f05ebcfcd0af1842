package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const ninth = `apiVersion: ninth.example.com/v2beta1
kind: AWSNinth
metadata: {name: %s}
spec: {clusterName: %q, size: %d}
`

// TestARowAddsAKind runs the server with a row more, for a kind of a group that nothing
// else knows.
func TestARowAddsAKind(t *testing.T) {
	program := filepath.Join(t.TempDir(), "server")
	build := exec.Command("go", "build", "-o", program, "./test/ninth/cmd")
	build.Dir = suite.root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	w := newStoppedWorld(t)
	w.program, w.kubeconfig = program, suite.local.Kubeconfig // the manifests know nothing of the kind
	w.startServer()
	t.Cleanup(func() {
		w.stopServer()
		w.kubectl("delete", "apiservice", "v2beta1.ninth.example.com")
		w.kubectl("delete", "crd", "awsninths.ninth.example.com")
	})
	ns := w.namespace()
	w.eventually("the kind is served", func(context.Context) error {
		_, err := w.tryKubectl("", "get", "awsninths", "-n", ns)
		return err
	})

	w.apply(ns, fmt.Sprintf(ninth, "good", "c", 1))
	if out := w.kubectl("get", "awsn", "-n", ns); !strings.Contains(out, "AGE") || !strings.Contains(out, "good") {
		t.Errorf("its table is\n%s", out)
	}
	if out := w.kubectl("get", "cluster-api", "-n", ns); !strings.Contains(out, "awsninth.ninth.example.com/good") {
		t.Errorf("the category shows\n%s", out)
	}
	for what, c := range map[string]struct{ manifest, says string }{
		"its schema": {fmt.Sprintf(ninth, "small", "c", -1), "spec.size"},
		"its rules":  {fmt.Sprintf(ninth, "nameless", "", 1), "name the cluster"},
		"admission":  {fmt.Sprintf(ninth, "known", ns, 1), "is the namespace"},
	} {
		if out, err := w.tryKubectl(c.manifest, "apply", "-n", ns, "-f", "-"); err == nil || !strings.Contains(out, c.says) {
			t.Errorf("%s doesn't refuse: %v\n%s", what, err, out)
		}
	}
	if out := w.apply(ns, fmt.Sprintf(ninth, "good", "c", 2)); !strings.Contains(out, "the ninth kind was judged") {
		t.Errorf("an update isn't judged:\n%s", out)
	}
	if out := w.kubectl("get", "awsn", "-n", ns, "good", "-o", "jsonpath={.metadata.generation}"); out != "2" {
		t.Errorf("an update of its spec leads to generation %s", out)
	}
	crd := w.kubectl("get", "crd", "awsninths.ninth.example.com", "-o", `jsonpath={.spec.versions[*].name} {.spec.versions[*].served} {.metadata.labels.cluster\.x-k8s\.io/v1beta2}`)
	if crd != "v2beta1 false v2beta1" {
		t.Errorf("its shadow CRD has %s", crd)
	}
	if mapped := w.kubectl("get", "apiservice", "v2beta1.ninth.example.com", "-o", `jsonpath={.status.conditions[?(@.type=="Available")].status}`); mapped != "True" {
		t.Errorf("its APIService is available: %s", mapped)
	}
	w.eventually("it is explained", func(context.Context) error { // the host asks for schemas now and then
		out, err := w.tryKubectl("", "explain", "awsninths.spec")
		if err == nil && !strings.Contains(out, "clusterName") {
			err = fmt.Errorf("it is explained as\n%s", out)
		}
		return err
	})
	w.kubectl("delete", "awsn", "-n", ns, "good")
}
