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

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/test/groups"
)

const defaulted = `
network:
  cni:
    cniIngressRules:
    - {description: bgp (calico), protocol: tcp, fromPort: 179, toPort: 179}
    - {description: IP-in-IP (calico), protocol: "4", fromPort: -1, toPort: 65535}
  vpc: {availabilityZoneSelection: Ordered, availabilityZoneUsageLimit: 3, subnetSchema: PreferPrivate}
bastion: {enabled: false, allowedCIDRBlocks: [0.0.0.0/0, "::/0"]}
tokenMethod: iam-authenticator
bootstrapSelfManagedAddons: true
`

func TestDefaultsOfControlPlanes(t *testing.T) {
	for in, want := range map[string]string{
		`{}`:                                  defaulted,
		`{bootstrapSelfManagedAddons: false}`: strings.Replace(defaulted, "Addons: true", "Addons: false", 1),
		`{accessConfig: {}}`:                  defaulted + `accessConfig: {authenticationMode: config_map, bootstrapClusterCreatorAdminPermissions: true}`,
		`{addons: [{name: coredns}]}`:         defaulted + `addons: [{name: coredns, conflictResolution: overwrite}]`,
		`{accessEntries: [{principalARN: a, accessPolicies: [{policyARN: b}]}]}`: defaulted +
			`accessEntries: [{principalARN: a, type: standard, accessPolicies: [{policyARN: b, accessScope: {type: cluster}}]}]`,
	} {
		for _, version := range []string{"v1beta2", "v2beta1"} {
			got := decode(t, version, in).Spec
			var spec controlplanev1.AWSManagedControlPlaneSpec
			if err := yaml.UnmarshalStrict([]byte(want), &spec); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(spec, got); diff != "" {
				t.Errorf("%s: %s: %s", version, in, diff)
			}
		}
	}
}

func decode(t *testing.T, version, spec string) *controlplanev1.AWSManagedControlPlane {
	t.Helper()
	manifest := "apiVersion: controlplane.cluster.x-k8s.io/" + version + "\nkind: AWSManagedControlPlane\nspec: " + spec
	obj, err := runtime.Decode(serializer.NewCodecFactory(groups.Scheme(Group)).UniversalDecoder(Group.Internal()), []byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	return obj.(*controlplanev1.AWSManagedControlPlane)
}

func TestATemplateNamesTheIdentity(t *testing.T) {
	template := &controlplanev1.AWSManagedControlPlaneTemplate{}
	groups.Scheme(Group).Default(template)
	if ref := template.Spec.Template.Spec.IdentityRef; ref == nil || *ref != *infrav1.DefaultIdentity() {
		t.Errorf("identity %v", ref)
	}
}

func TestDefaultingTwiceChangesNothing(t *testing.T) {
	scheme, filler := groups.Scheme(Group), groups.Filler(t, Group, fuzzFuncs)
	for gvk := range scheme.AllKnownTypes() {
		if !strings.HasPrefix(gvk.Kind, "AWS") {
			continue
		}
		for range 50 {
			obj, err := scheme.New(gvk)
			if err != nil {
				t.Fatal(err)
			}
			filler.Fill(obj)
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
	scheme, filler := groups.Scheme(Group), groups.Filler(t, Group, fuzzFuncs)
	toHub := func(obj runtime.Object) runtime.Object {
		out, err := scheme.ConvertToVersion(obj, Group.Internal())
		if err != nil {
			t.Fatal(err)
		}
		out.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
		return out
	}
	for gvk := range scheme.AllKnownTypes() {
		if gvk.Version != "v1beta2" || !strings.HasPrefix(gvk.Kind, "AWS") {
			continue
		}
		for range 50 {
			obj, err := scheme.New(gvk)
			if err != nil {
				t.Fatal(err)
			}
			filler.Fill(obj)
			converted := toHub(obj.DeepCopyObject())
			scheme.Default(converted)
			scheme.Default(obj)
			if defaulted := toHub(obj); !apiequality.Semantic.DeepEqual(defaulted, converted) {
				t.Fatalf("%s: %s", gvk, cmp.Diff(defaulted, converted))
			}
		}
	}
}
