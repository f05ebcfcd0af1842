package install

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/yaml"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/test/groups"
)

const (
	defaultNetwork = `
  network:
    cni:
      cniIngressRules:
      - {description: bgp (calico), protocol: tcp, fromPort: 179, toPort: 179}
      - {description: IP-in-IP (calico), protocol: "4", fromPort: -1, toPort: 65535}
    vpc: {availabilityZoneSelection: Ordered, availabilityZoneUsageLimit: 3, subnetSchema: PreferPrivate}`
	defaultLB = `
  controlPlaneLoadBalancer: {loadBalancerType: classic, scheme: internet-facing, crossZoneLoadBalancing: false}`
	defaultBastion = `
  bastion: {enabled: false, allowedCIDRBlocks: [0.0.0.0/0, "::/0"]}`
	defaultIdentity = `
  identityRef: {kind: AWSClusterControllerIdentity, name: default}`
)

func TestDefaultsOfClusters(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{
			name: "an empty spec gets identity, load balancer, Calico's rules and the bastion's sources",
			in:   `{}`,
			want: defaultNetwork + defaultLB + defaultBastion + defaultIdentity,
		},
		{
			name: "no CNI rules are added where the user wrote none",
			in:   `{network: {cni: {}}}`,
			want: `
  network:
    cni: {}
    vpc: {availabilityZoneSelection: Ordered, availabilityZoneUsageLimit: 3, subnetSchema: PreferPrivate}` + defaultLB + defaultBastion + defaultIdentity,
		},
		{
			name: "nobody is let in to a bastion without rules",
			in:   `{bastion: {enabled: true, disableIngressRules: true}}`,
			want: `
  bastion: {enabled: true, disableIngressRules: true}` + defaultNetwork + defaultLB + defaultIdentity,
		},
		{
			name: "what the user wrote stays",
			in: `
  identityRef: {kind: AWSClusterRoleIdentity, name: team}
  bastion: {enabled: true, allowedCIDRBlocks: [192.0.2.0/24]}
  network: {cni: {}, vpc: {availabilityZoneSelection: Random, availabilityZoneUsageLimit: 1, subnetSchema: PreferPublic}}
  controlPlaneLoadBalancer: {loadBalancerType: nlb, scheme: internal, additionalListeners: [{port: 8132}]}`,
			want: `
  identityRef: {kind: AWSClusterRoleIdentity, name: team}
  bastion: {enabled: true, allowedCIDRBlocks: [192.0.2.0/24]}
  network: {cni: {}, vpc: {availabilityZoneSelection: Random, availabilityZoneUsageLimit: 1, subnetSchema: PreferPublic}}
  controlPlaneLoadBalancer: {loadBalancerType: nlb, scheme: internal, crossZoneLoadBalancing: false, additionalListeners: [{port: 8132, protocol: TCP}]}`,
		},
		{
			name: "a secondary load balancer gets the same type and scheme as the first",
			in:   `{secondaryControlPlaneLoadBalancer: {name: second}}`,
			want: `
  secondaryControlPlaneLoadBalancer: {name: second, loadBalancerType: classic, scheme: internet-facing, crossZoneLoadBalancing: false}` +
				defaultNetwork + defaultLB + defaultBastion + defaultIdentity,
		},
	}
	for _, test := range tests {
		for _, version := range []string{"v1beta2", "v2beta1"} {
			t.Run(version+": "+test.name, func(t *testing.T) {
				cluster := decode[*infrav1.AWSCluster](t, version, "AWSCluster", "spec: "+test.in)
				infrav1.SetIdentityDefault(&cluster.Spec) // as storage does, which sees what is replaced
				compareSpec(t, test.want, cluster.Spec)
				template := decode[*infrav1.AWSClusterTemplate](t, version, "AWSClusterTemplate", "spec:\n template:\n  spec: "+indented(test.in))
				compareSpec(t, test.want, template.Spec.Template.Spec)
			})
		}
	}
}

func TestAnIdentityWithoutLabelsIsLabelledForMoves(t *testing.T) {
	for _, version := range []string{"v1beta2", "v2beta1"} {
		want := map[string]string{infrav1.MoveHierarchyLabel: ""}
		got := []map[string]string{
			decode[*infrav1.AWSClusterControllerIdentity](t, version, "AWSClusterControllerIdentity", "").Labels,
			decode[*infrav1.AWSClusterRoleIdentity](t, version, "AWSClusterRoleIdentity", "").Labels,
			decode[*infrav1.AWSClusterStaticIdentity](t, version, "AWSClusterStaticIdentity", "").Labels,
		}
		for _, labels := range got {
			if !cmp.Equal(labels, want) {
				t.Errorf("%s: labels are %v, want %v", version, labels, want)
			}
		}
		labelled := decode[*infrav1.AWSClusterStaticIdentity](t, version, "AWSClusterStaticIdentity", "metadata: {labels: {team: a}}")
		if !cmp.Equal(labelled.Labels, map[string]string{"team": "a"}) {
			t.Errorf("%s: labels of the user became %v", version, labelled.Labels)
		}
	}
}

func TestDefaultingTwiceChangesNothing(t *testing.T) {
	scheme := newScheme()
	filler := groups.Filler(t, Group, fuzzFuncs)
	for gvk := range scheme.AllKnownTypes() {
		if !strings.HasPrefix(gvk.Kind, "AWS") {
			continue
		}
		for range 50 {
			obj := filled(t, scheme, gvk, filler.Fill)
			scheme.Default(obj)
			once := obj.DeepCopyObject()
			scheme.Default(obj)
			if !apiequality.Semantic.DeepEqual(once, obj) {
				t.Fatalf("%s: %s", gvk, cmp.Diff(once, obj))
			}
		}
	}
}

func TestDefaultsAreTheSameAtBothVersions(t *testing.T) {
	scheme := newScheme()
	filler := groups.Filler(t, Group, fuzzFuncs)
	for gvk := range scheme.AllKnownTypes() {
		if gvk.Version != "v1beta2" || !strings.HasPrefix(gvk.Kind, "AWS") {
			continue
		}
		for range 50 {
			obj := filled(t, scheme, gvk, filler.Fill)
			converted := toHub(t, scheme, obj.DeepCopyObject())
			scheme.Default(converted)
			scheme.Default(obj)
			if defaulted := toHub(t, scheme, obj); !apiequality.Semantic.DeepEqual(defaulted, converted) {
				t.Fatalf("%s: %s", gvk, cmp.Diff(defaulted, converted))
			}
		}
	}
}

func filled(t *testing.T, scheme *runtime.Scheme, gvk schema.GroupVersionKind, fill func(any)) runtime.Object {
	t.Helper()
	obj, err := scheme.New(gvk)
	if err != nil {
		t.Fatal(err)
	}
	fill(obj)
	return obj
}

func toHub(t *testing.T, scheme *runtime.Scheme, obj runtime.Object) runtime.Object {
	t.Helper()
	out, err := scheme.ConvertToVersion(obj, Group.Internal())
	if err != nil {
		t.Fatal(err)
	}
	out.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
	return out
}

// decode reads a manifest as the server does, into the internal version.
func decode[T runtime.Object](t *testing.T, version, kind, body string) T {
	t.Helper()
	manifest := "apiVersion: " + infrav1.GroupName + "/" + version + "\nkind: " + kind + "\n" + body
	codecs := serializer.NewCodecFactory(newScheme(), serializer.EnableStrict)
	obj, err := runtime.Decode(codecs.UniversalDecoder(Group.Internal()), []byte(manifest))
	if err != nil {
		t.Fatalf("%v in:\n%s", err, manifest)
	}
	return obj.(T)
}

func compareSpec[T any](t *testing.T, want string, got T) {
	t.Helper()
	var expected T
	if err := yaml.UnmarshalStrict([]byte(want), &expected); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(expected, got); diff != "" {
		t.Errorf("unexpected spec (-want +got):\n%s", diff)
	}
}

func indented(text string) string {
	out := ""
	for _, r := range text {
		out += string(r)
		if r == '\n' {
			out += "  "
		}
	}
	return out
}
