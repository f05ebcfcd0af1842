package convert

import (
	"strings"
	"testing"
)

const manifests = `# A cluster, and its class.
apiVersion: cluster.x-k8s.io/v1beta1   # core's
kind: Cluster
spec:
  controlPlaneRef:
    apiVersion: controlplane.cluster.x-k8s.io/v1beta2
    kind: AWSManagedControlPlane
---
kind:   AWSManagedControlPlane
apiVersion:   "controlplane.cluster.x-k8s.io/v1beta2"   # ours
metadata: {name: "${CLUSTER_NAME}"}

---
apiVersion: cluster.x-k8s.io/v1beta2
kind: ClusterClass
spec:
  controlPlane:
    templateRef: {apiVersion: controlplane.cluster.x-k8s.io/v1beta2, kind: AWSManagedControlPlaneTemplate, name: x}
  workers:
    machineDeployments:
    - bootstrap:
        templateRef:
          kind: NodeadmConfigTemplate
          apiVersion: bootstrap.cluster.x-k8s.io/v1beta2
      infrastructure:
        templateRef: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSMachineTemplate}
  patches:
  - definitions:
    - selector: {kind: AWSManagedControlPlaneTemplate, apiVersion: 'controlplane.cluster.x-k8s.io/v1beta2'}
    - selector: {kind: KubeadmConfigTemplate, apiVersion: bootstrap.cluster.x-k8s.io/v1beta2}
---
apiVersion: v1
kind: List
items:
- {apiVersion: bootstrap.cluster.x-k8s.io/v1beta2, kind: EKSConfig, "metadata": {"name": "ä"}}
- apiVersion: infrastructure.cluster.x-k8s.io/v1beta1
  kind: AWSCluster
- apiVersion: controlplane.cluster.x-k8s.io/v1beta2
  kind: KubeadmControlPlane
---
apiVersion: v1
kind: ConfigMap
data:
  inside: |
    apiVersion: controlplane.cluster.x-k8s.io/v1beta2
    kind: AWSManagedControlPlane
`

// wantedLines are those of manifests that change, with what they become.
var wantedLines = map[int]string{
	10: `apiVersion:   "controlplane.cluster.x-k8s.io/v2beta1"   # ours`,
	18: `    templateRef: {apiVersion: controlplane.cluster.x-k8s.io/v2beta1, kind: AWSManagedControlPlaneTemplate, name: x}`,
	24: `          apiVersion: bootstrap.cluster.x-k8s.io/v2beta1`,
	29: `    - selector: {kind: AWSManagedControlPlaneTemplate, apiVersion: 'controlplane.cluster.x-k8s.io/v2beta1'}`,
	35: `- {apiVersion: bootstrap.cluster.x-k8s.io/v2beta1, kind: EKSConfig, "metadata": {"name": "ä"}}`,
	36: `- apiVersion: infrastructure.cluster.x-k8s.io/v1beta2`,
}

func TestOnlyApiVersionsChangeAndOnlyOnce(t *testing.T) {
	out, changes, err := Text([]byte(manifests), Beside)
	if err != nil {
		t.Fatal(err)
	}
	before, after := strings.Split(manifests, "\n"), strings.Split(string(out), "\n")
	if len(before) != len(after) || len(changes) != len(wantedLines) {
		t.Fatalf("%d lines are %d, with changes %v", len(before), len(after), changes)
	}
	for i := range before {
		want, changes := wantedLines[i+1]
		if !changes {
			want = before[i]
		}
		if after[i] != want {
			t.Errorf("line %d is %q, want %q", i+1, after[i], want)
		}
	}
	if again, more, err := Text(out, Beside); err != nil || string(again) != string(out) || len(more) > 0 {
		t.Errorf("a second time it changes %v, %v", more, err)
	}
	back, _, err := Text(out, Native)
	if want := strings.Replace(manifests, "infrastructure.cluster.x-k8s.io/v1beta1", "infrastructure.cluster.x-k8s.io/v1beta2", 1); err != nil || string(back) != want {
		t.Errorf("the way back leads to %s, %v", back, err)
	}
}

func TestJSONAndOtherLineEndsStayAsTheyAre(t *testing.T) {
	for in, want := range map[string]string{
		`{"kind": "NodeadmConfig", "apiVersion": "bootstrap.cluster.x-k8s.io/v1beta2"}`: `{"kind": "NodeadmConfig", "apiVersion": "bootstrap.cluster.x-k8s.io/v2beta1"}`,
		"apiVersion: bootstrap.cluster.x-k8s.io/v1beta2\r\nkind: EKSConfigTemplate\r\n": "apiVersion: bootstrap.cluster.x-k8s.io/v2beta1\r\nkind: EKSConfigTemplate\r\n",
		"": "", "# nothing\n": "# nothing\n", "---\n---\n": "---\n---\n", "[1, 2]": "[1, 2]",
	} {
		if out, _, err := Text([]byte(in), Beside); err != nil || string(out) != want {
			t.Errorf("%q becomes %q, %v", in, out, err)
		}
	}
}

func TestWhatCannotBeRewrittenIsRefusedWithWhatToDo(t *testing.T) {
	for in, says := range map[string]string{
		"{{ if .Values.x }}\nkind: a\n{{ end }}":                                                    "helm template CHART | clusterawsadm convert -",
		"x: &v controlplane.cluster.x-k8s.io/v1beta2\napiVersion: *v\nkind: AWSManagedControlPlane": "line 2: the apiVersion of AWSManagedControlPlane is shared by an anchor; write it out",
		"apiVersion: |-\n  controlplane.cluster.x-k8s.io/v1beta2\nkind: AWSManagedControlPlane":     "isn't written on its line",
	} {
		if _, _, err := Text([]byte(in), Beside); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: it says %v, want %q", in, err, says)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add([]byte(manifests))
	f.Fuzz(func(t *testing.T, in []byte) {
		out, _, err := Text(in, Beside)
		if err != nil {
			return
		}
		if again, changes, err := Text(out, Beside); err == nil && (len(changes) > 0 || string(again) != string(out)) {
			t.Errorf("a second time it changes %v", changes)
		}
	})
}
