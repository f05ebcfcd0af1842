package install

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/yaml"

	"github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v1beta2"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

func TestStatusReadsTheSameAtBothVersions(t *testing.T) {
	const condition = `type: Ready, status: "True", lastTransitionTime: "2026-01-02T03:04:05Z", reason: Ready, message: m`
	tests := []struct{ name, old, hub string }{
		{
			name: "ready is provisioned",
			old:  `{ready: true}`,
			hub:  `{ready: true, initialization: {provisioned: true}}`,
		},
		{
			name: "not ready is not provisioned",
			old:  `{ready: false}`,
			hub:  `{}`,
		},
		{
			name: "provisioned false is kept apart from provisioned left out",
			old:  `{ready: false, v2beta1: {initialization: {provisioned: false}}}`,
			hub:  `{ready: false, initialization: {provisioned: false}}`,
		},
		{
			name: "failure domains are a map in the old version and a list in order of name in the new one",
			old:  `{ready: false, failureDomains: {b: {controlPlane: false, attributes: {k: v}}, a: {controlPlane: true}, c: {}}}`,
			hub:  `{ready: false, failureDomains: [{name: a, controlPlane: true}, {name: b, controlPlane: false, attributes: {k: v}}, {name: c}]}`,
		},
		{
			name: "each version shows its own conditions, and carries the other's",
			old:  `{ready: false, conditions: [{type: VpcReady, status: "False", severity: Warning, lastTransitionTime: "2026-01-02T03:04:05Z"}], v2beta1: {conditions: [{` + condition + `}]}}`,
			hub:  `{ready: false, conditions: [{` + condition + `}], deprecated: {v1beta1: {conditions: [{type: VpcReady, status: "False", severity: Warning, lastTransitionTime: "2026-01-02T03:04:05Z"}]}}}`,
		},
		{
			name: "the network, the bastion, the account, the journal and the freshness are in both",
			old: `{ready: false, networkStatus: {natGatewaysIPs: [192.0.2.1]}, bastion: {id: i-1},
			  v2beta1: {accountID: "123456789012", observation: {age: 3s}, pendingCreations: [{key: k, operation: o, since: "2026-01-02T03:04:05.000000Z"}]}}`,
			hub: `{ready: false, networkStatus: {natGatewaysIPs: [192.0.2.1]}, bastion: {id: i-1}, accountID: "123456789012", observation: {age: 3s}, pendingCreations: [{key: k, operation: o, since: "2026-01-02T03:04:05.000000Z"}]}`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			compareYAML(t, test.hub, statusAt(t, infrav1.SchemeGroupVersion, "v1beta2", test.old))
			compareYAML(t, test.old, statusAt(t, v1beta2.SchemeGroupVersion, "v2beta1", test.hub))
		})
	}
}

func TestReadyWinsOverAContradictingInitialization(t *testing.T) {
	compareYAML(t, `{}`, statusAt(t, infrav1.SchemeGroupVersion, "v1beta2", `{ready: false, v2beta1: {initialization: {provisioned: true}}}`))
	compareYAML(t, `{ready: true, initialization: {provisioned: true}}`, statusAt(t, infrav1.SchemeGroupVersion, "v1beta2", `{ready: true, v2beta1: {initialization: {provisioned: false}}}`))
}

func TestReadyOfTheNewVersionFollowsFromItsInitialization(t *testing.T) {
	for status, want := range map[string]string{
		`{initialization: {provisioned: true}}`:               `{ready: true, initialization: {provisioned: true}}`,
		`{ready: true, instanceState: running}`:               `{ready: false, instanceState: running}`,
		`{ready: true, initialization: {provisioned: false}}`: `{ready: false, initialization: {provisioned: false}}`,
		`{ready: false, initialization: {provisioned: true}}`: `{ready: true, initialization: {provisioned: true}}`,
	} {
		compareYAML(t, want, statusOf(t, infrav1.SchemeGroupVersion, "v2beta1", "AWSMachine", status))
	}
}

func TestAnEmptyNamespaceListIsNotOneLeftOut(t *testing.T) {
	for _, version := range []string{"v1beta2", "v2beta1"} {
		for list, isNil := range map[string]bool{"list: []": false, "list: null": true, "": true} {
			body := "spec: {secretRef: s, allowedNamespaces: {" + list + "}}"
			identity := decode[*infrav1.AWSClusterStaticIdentity](t, version, "AWSClusterStaticIdentity", body)
			again := decode[*infrav1.AWSClusterStaticIdentity](t, version, "AWSClusterStaticIdentity",
				withoutTypeMeta(encode(t, schema.GroupVersion{Group: infrav1.GroupName, Version: version}, identity)))
			if got := again.Spec.AllowedNamespaces.NamespaceList == nil; got != isNil {
				t.Errorf("%s: with %q the list read back is nil: %t, want %t", version, list, got, isNil)
			}
		}
	}
}

func TestANewVersionIsPreferred(t *testing.T) {
	versions := newScheme().PrioritizedVersionsForGroup(infrav1.GroupName)
	if len(versions) != 2 || versions[0] != infrav1.SchemeGroupVersion || versions[1] != v1beta2.SchemeGroupVersion {
		t.Errorf("versions are %v", versions)
	}
}

func TestTheHubServesAsTheInternalVersion(t *testing.T) {
	scheme := newScheme()
	for _, obj := range infrav1.Kinds() {
		kinds, _, err := scheme.ObjectKinds(obj)
		if err != nil || len(kinds) != 2 {
			t.Errorf("%T is registered as %v (%v), want v2beta1 and internal", obj, kinds, err)
		}
	}
	if len(infrav1.Kinds()) != len(v1beta2.Kinds()) {
		t.Error("a kind is missing in one of the versions")
	}
}

// statusAt decodes a cluster with that status at one version and encodes it at another.
func statusAt(t *testing.T, target schema.GroupVersion, version, status string) string {
	t.Helper()
	cluster := decode[*infrav1.AWSCluster](t, version, "AWSCluster", "status: "+status)
	var content map[string]any
	if err := yaml.Unmarshal([]byte(encode(t, target, cluster)), &content); err != nil {
		t.Fatal(err)
	}
	out, err := yaml.Marshal(content["status"])
	if err != nil {
		t.Fatal(err)
	}
	if content["status"] == nil {
		return "{}"
	}
	return string(out)
}

func encode(t *testing.T, target schema.GroupVersion, obj runtime.Object) string {
	t.Helper()
	codecs := serializer.NewCodecFactory(newScheme())
	info, _ := runtime.SerializerInfoForMediaType(codecs.SupportedMediaTypes(), runtime.ContentTypeYAML)
	out, err := runtime.Encode(codecs.EncoderForVersion(info.Serializer, target), obj)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func withoutTypeMeta(manifest string) string {
	var lines []string
	for _, line := range strings.Split(manifest, "\n") {
		if !strings.HasPrefix(line, "apiVersion:") && !strings.HasPrefix(line, "kind:") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func compareYAML(t *testing.T, want, got string) {
	t.Helper()
	if a, b := canonical(t, want), canonical(t, got); a != b {
		t.Errorf("got:\n%s\nwant:\n%s", b, a)
	}
}

func canonical(t *testing.T, text string) string {
	t.Helper()
	out, err := yaml.YAMLToJSON([]byte(strings.ReplaceAll(text, "\t", " ")))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
