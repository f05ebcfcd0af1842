package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	movedCluster = `{"apiVersion":"infrastructure.cluster.x-k8s.io/v1beta2","kind":"AWSCluster","metadata":{"name":"c","namespace":"a","uid":"1"},"spec":{"region":"eu-central-1"},"status":{"ready":true}}`
	movedOther   = `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","namespace":"a"}}`
)

func TestAMovedFolderIsConvertedAsAWhole(t *testing.T) {
	folder := t.TempDir()
	cluster, other := written(t, folder, "AWSCluster_a_c.yaml", movedCluster), written(t, folder, "Secret_a_s.yaml", movedOther)
	if out, _ := runs(t, "convert-moved", folder); !strings.Contains(out, "v2beta1") {
		t.Errorf("it says %q", out)
	}
	content, err := os.ReadFile(cluster)
	if err != nil || !strings.Contains(string(content), `"apiVersion":"infrastructure.cluster.x-k8s.io/v2beta1"`) || strings.Contains(string(content), "status") {
		t.Errorf("the cluster is %s (%v)", content, err)
	}
	holds(t, other, movedOther+"\n")
	written(t, folder, "AWSCluster_a_c.yaml.converted", movedCluster[:20]) // a run was ended as it wrote that
	runs(t, "convert-moved", folder)
	holds(t, cluster, string(content))
	runs(t, "convert-moved", folder, "--to", "v1beta2")
	if content, err = os.ReadFile(cluster); err != nil || !strings.Contains(string(content), `"apiVersion":"infrastructure.cluster.x-k8s.io/v1beta2"`) {
		t.Errorf("back the cluster is %s (%v)", content, err)
	}
	written(t, folder, "broken.yaml", "kind: [")
	for says, args := range map[string][]string{"nothing was written": {folder}, "has no files": {t.TempDir()}, "write v2beta1": {folder, "--to", "v3"}, "accepts 1 arg": {}} {
		if _, _, err := run("", append([]string{"convert-moved"}, args...)...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("it says %v, want %q", err, says)
		}
	}
	holds(t, cluster, string(content))
	if left, _ := filepath.Glob(filepath.Join(folder, "*.converted")); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}
