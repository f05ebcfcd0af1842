package convert

import (
	"bytes"
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

func TestLinesAreCountedAsTheParserCountsThem(t *testing.T) {
	for name, between := range map[string]string{"LF": "\n", "CRLF": "\r\n", "CR": "\r", "NEL": "\u0085", "LS": "\u2028", "PS": "\u2029", "no break": "\u00a0", "a late BOM": "\ufeff", "all of them": "\n\r\r\n\u2028\u0085\u2029"} {
		for shape, in := range map[string]string{
			"one line of JSON": `{"a":"x` + between + `y","kind":"EKSConfig","apiVersion":"bootstrap.cluster.x-k8s.io/v1beta2"}`,
			"an item a line": "\ufeffkind: List\nitems:\n- {kind: ConfigMap, a: \"x" + between + "  y\"}\n- {kind: EKSConfig, apiVersion: bootstrap.cluster.x-k8s.io/v1beta2}\n" +
				"- {kind: KubeadmConfig, apiVersion: bootstrap.cluster.x-k8s.io/v1beta2}\n",
			"a comment": "# x" + between + "# y\nkind: EKSConfig\napiVersion: bootstrap.cluster.x-k8s.io/v1beta2\n",
		} {
			becomes(t, name+" in "+shape, in)
		}
	}
	for _, end := range []string{"\n", "\r\n", "\r", "\u0085"} {
		becomes(t, "a second document", strings.Join([]string{"\ufeffkind: Pod", "x: |", "  y", "  z", "---", "kind: EKSConfig", "apiVersion: bootstrap.cluster.x-k8s.io/v1beta2", ""}, end))
	}
}

// becomes checks that the first v1beta2 is rewritten, and no other byte.
func becomes(t *testing.T, name, in string) {
	t.Helper()
	want := strings.Replace(in, "v1beta2", "v2beta1", 1)
	out, changes, err := Text([]byte(in), Beside)
	if err != nil || string(out) != want || len(changes) != 1 {
		t.Errorf("%s: %q becomes %q, %v, %v", name, in, out, changes, err)
		return
	}
	if got := in[changes[0].At:]; !strings.HasPrefix(got, changes[0].Was) {
		t.Errorf("%s: the change is said to be at %q", name, got)
	}
}

func TestWhatCannotBeRewrittenIsRefusedWithWhatToDo(t *testing.T) {
	for in, says := range map[string]string{
		"{{ if .Values.x }}\nkind: a\n{{ end }}":                                                                              "helm template CHART | clusterawsadm convert -",
		"x: &v controlplane.cluster.x-k8s.io/v1beta2\napiVersion: *v\nkind: AWSManagedControlPlane":                           "line 2: the apiVersion of AWSManagedControlPlane is shared by an anchor; write it out",
		"kind: EKSConfig\napiVersion: !!str # was bootstrap.cluster.x-k8s.io/v1beta2\n  bootstrap.cluster.x-k8s.io/v1beta2\n": "rewriting line 2 would change something else than the apiVersion; write that on one line, as apiVersion: GROUP/VERSION",
		"apiVersion: |-\n  controlplane.cluster.x-k8s.io/v1beta2\nkind: AWSManagedControlPlane":                               "isn't written on its line",
	} {
		if _, _, err := Text([]byte(in), Beside); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: it says %v, want %q", in, err, says)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add([]byte(manifests))
	f.Add([]byte("# x\r- y\u0085kind: \"a\u2028b\u2029c\"\r\n---\rkind: EKSConfig\rapiVersion: bootstrap.cluster.x-k8s.io/v1beta2"))
	f.Fuzz(func(t *testing.T, in []byte) {
		out, changes, err := Text(in, Beside)
		if err != nil {
			return
		}
		want := bytes.Clone(in)
		for _, change := range changes {
			copy(want[change.At:], change.Now)
		}
		if !bytes.Equal(out, want) {
			t.Errorf("more changes than %v", changes)
		}
		if again, changes, err := Text(out, Beside); err == nil && (len(changes) > 0 || string(again) != string(out)) {
			t.Errorf("a second time it changes %v", changes)
		}
	})
}
