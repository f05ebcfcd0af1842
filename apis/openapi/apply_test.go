package openapi_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/managedfields"
	apiopenapi "k8s.io/apiserver/pkg/endpoints/openapi"
	"k8s.io/apiserver/pkg/server"
	"k8s.io/kube-openapi/pkg/builder3"
	"sigs.k8s.io/yaml"

	infrainstall "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/install"
	"github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v1beta2"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/apis/openapi"
)

// Server-side apply reads the published models to know who owns what and how lists are
// merged. These tests build what a server builds from them.

const applied = `
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSCluster
metadata: {name: test, namespace: default}
spec:
  region: us-east-1
  bastion: {enabled: false}
  network:
    vpc: {ipv6: {}}
    subnets:
    - {id: a, availabilityZone: us-east-1a, isPublic: false}
  controlPlaneLoadBalancer:
    loadBalancerType: nlb
    additionalListeners: [{port: 8132}]
`

func fieldManager(t *testing.T, version string) *managedfields.FieldManager {
	t.Helper()
	return fieldManagerOf(t, "AWSCluster", version, v1beta2.AWSCluster{}.OpenAPIModelName(), infrav1.AWSCluster{}.OpenAPIModelName())
}

// fieldManagerOf is the field manager of a kind at a version. The models are those of the kind.
func fieldManagerOf(t *testing.T, kind, version string, modelNames ...string) *managedfields.FieldManager {
	t.Helper()
	scheme, external := runtime.NewScheme(), runtime.NewScheme()
	infrainstall.Group.Install(scheme)
	infrainstall.Group.InstallExternal(external)
	config := server.DefaultOpenAPIV3Config(openapi.GetOpenAPIDefinitions, apiopenapi.NewDefinitionNamer(external))
	models, err := builder3.BuildOpenAPIDefinitionsForResources(config, modelNames...)
	if err != nil {
		t.Fatal(err)
	}
	converter, err := managedfields.NewTypeConverter(models, false)
	if err != nil {
		t.Fatal(err)
	}
	gvk := infrav1.SchemeGroupVersion.WithKind(kind)
	gvk.Version = version
	manager, err := managedfields.NewDefaultFieldManager(converter, runtime.UnsafeObjectConvertor(scheme), scheme, scheme, gvk, infrainstall.Group.Internal(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return manager
}

func apply(t *testing.T, live runtime.Object, manifest, version, name string) *infrav1.AWSCluster {
	t.Helper()
	patch := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(manifest), &patch.Object); err != nil {
		t.Fatal(err)
	}
	patch.SetAPIVersion(infrav1.GroupName + "/" + version)
	out, err := fieldManager(t, version).Apply(live.DeepCopyObject(), patch, name, false)
	if err != nil {
		t.Fatal(err)
	}
	cluster := out.(*infrav1.AWSCluster)
	infrav1.SetObjectDefaults_AWSCluster(cluster)
	return cluster
}

func TestApplyingTwiceChangesNothing(t *testing.T) {
	for _, version := range []string{"v1beta2", "v2beta1"} {
		first := apply(t, &infrav1.AWSCluster{}, applied, version, "kubectl")
		second := apply(t, first, applied, version, "kubectl")
		if diff := cmp.Diff(stored(first), stored(second)); diff != "" {
			t.Errorf("%s: the second apply changes (-first +second):\n%s", version, diff)
		}
	}
}

func TestApplyingKeepsWhatTheProviderWrote(t *testing.T) {
	live := apply(t, &infrav1.AWSCluster{}, applied, "v1beta2", "kubectl")
	written := live.DeepCopy()
	written.Spec.Network.Subnets[0].ResourceID = "subnet-1"
	written.Spec.Network.Subnets = append(written.Spec.Network.Subnets, infrav1.SubnetSpec{ID: "b"})
	written.Spec.Network.VPC.ID = "vpc-1"
	written.Spec.ControlPlaneEndpoint = infrav1.APIEndpoint{Host: "api.example.com", Port: 6443}
	out, err := fieldManager(t, "v2beta1").Update(live, written, "provider")
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"v1beta2", "v2beta1"} {
		again := apply(t, out, applied, version, "kubectl")
		if diff := cmp.Diff(written.Spec, again.Spec); diff != "" {
			t.Errorf("%s: applying again changes what the provider wrote:\n%s", version, diff)
		}
	}
}

func TestAFieldThatIsNoLongerAppliedIsRemoved(t *testing.T) {
	live := apply(t, &infrav1.AWSCluster{}, applied, "v1beta2", "kubectl")
	const without = `
kind: AWSCluster
metadata: {name: test, namespace: default}
spec: {region: us-east-1}
`
	cluster := apply(t, live, without, "v2beta1", "kubectl")
	if cluster.Spec.Network.VPC.IPv6 != nil || len(cluster.Spec.Network.Subnets) > 0 {
		t.Errorf("fields stay: %+v", cluster.Spec.Network)
	}
}

// stored is a cluster as storage compares it: without the type, which is written anyway, and
// without the times of managed fields, which storage doesn't count as a change.
func stored(cluster *infrav1.AWSCluster) *infrav1.AWSCluster {
	out := cluster.DeepCopy()
	out.TypeMeta = metav1.TypeMeta{}
	for i := range out.ManagedFields {
		out.ManagedFields[i].Time = &metav1.Time{}
	}
	return out
}
