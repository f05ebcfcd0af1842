package takeover

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/capa-apiserver/capa-apiserver/apis/takeover"
)

func parse(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
		t.Fatal(err)
	}
	return o
}

const theirMachine = `
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSMachine
metadata:
  name: m
  namespace: a
  uid: 0a0b
  resourceVersion: "77"
  generation: 3
  creationTimestamp: "2024-01-02T03:04:05Z"
  finalizers: [awsmachine.infrastructure.cluster.x-k8s.io]
  managedFields: [{manager: kubectl, operation: Update, apiVersion: infrastructure.cluster.x-k8s.io/v1beta2}]
spec: {instanceType: t3.large, providerID: "aws:///us-east-1a/i-1", instanceID: i-1}
status: {ready: true, instanceState: running, conditions: [{type: Ready, status: "True", lastTransitionTime: "2024-01-02T03:04:05Z"}]}
`

func TestAnObjectGoesIntoTheStoreAsItIs(t *testing.T) {
	o := parse(t, theirMachine)
	copied, err := newCodec().forStore(o)
	if err != nil {
		t.Fatal(err)
	}
	created := copied.GetCreationTimestamp()
	if then := o.GetCreationTimestamp(); copied.GetUID() != "0a0b" || !created.Equal(&then) || copied.GetGeneration() != 3 || len(copied.GetFinalizers()) != 1 {
		t.Errorf("its metadata are %v", copied.Object["metadata"])
	}
	if copied.GetAPIVersion() != "infrastructure.cluster.x-k8s.io/v2beta1" || copied.GetResourceVersion() != "" || copied.GetAnnotations()[takeover.ManagedFieldsAnnotation] == "" {
		t.Errorf("it goes as %v", copied.Object)
	}
	if provisioned, _, _ := unstructured.NestedBool(copied.Object, "status", "initialization", "provisioned"); !provisioned {
		t.Errorf("what was ready isn't: %v", copied.Object["status"])
	}
	if lost, err := newCodec().lost(o); err != nil || len(lost) > 0 {
		t.Errorf("lost are %v (%v)", lost, err)
	}
}

func TestWhatTheServerCantKeepIsNamed(t *testing.T) {
	o := parse(t, theirMachine)
	if err := unstructured.SetNestedField(o.Object, "x", "spec", "ofAnotherRelease", "deep"); err != nil {
		t.Fatal(err)
	}
	if lost, err := newCodec().lost(o); err != nil || !slices.Equal(lost, []string{"spec.ofAnotherRelease.deep"}) {
		t.Errorf("lost are %v (%v)", lost, err)
	}
}

// The versions of one CRD are equivalent to the host's webhooks, whether they are served or not.
func TestACRDThatIsGivenBackHasTheVersionsThatItHad(t *testing.T) {
	was := parseCRD(t, theirCRD)
	crd, b := was.DeepCopy(), beforeOf(was)
	unserved(crd)
	if serves(crd) || len(crd.Spec.Versions) != 3 {
		t.Fatalf("taken over it has %+v", crd.Spec.Versions)
	}
	for range 2 { // an interrupted rollback begins anew
		b.store(crd)
		if serves(crd) && len(crd.Spec.Versions) != 2 {
			t.Errorf("it serves beside a version that it didn't have: %+v", crd.Spec.Versions)
		}
		b.restore(crd)
		if diff := cmp.Diff(was, crd); diff != "" {
			t.Errorf("it isn't as it was (-was +is):\n%s", diff)
		}
	}
}

const theirCRD = `
metadata: {name: awsmachines.infrastructure.cluster.x-k8s.io}
spec:
  versions:
  - {name: v1beta1, served: false, storage: false}
  - {name: v1beta2, served: true, storage: true}
`

func parseCRD(t *testing.T, text string) *apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.Unmarshal([]byte(text), crd); err != nil {
		t.Fatal(err)
	}
	return crd
}
