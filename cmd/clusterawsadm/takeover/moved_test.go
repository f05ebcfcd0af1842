package takeover

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const movedClass = `
apiVersion: cluster.x-k8s.io/v1beta2
kind: ClusterClass
metadata: {name: c, namespace: a}
spec:
  infrastructure: {templateRef: {apiVersion: infrastructure.cluster.x-k8s.io/VERSION, kind: AWSClusterTemplate, name: c}}
  controlPlane: {templateRef: {apiVersion: controlplane.cluster.x-k8s.io/v1beta2, kind: KubeadmControlPlaneTemplate, name: c}}
  patches:
    - definitions:
        - selector: {apiVersion: bootstrap.cluster.x-k8s.io/VERSION, kind: NodeadmConfigTemplate}
`

const movedPool = `
apiVersion: infrastructure.cluster.x-k8s.io/VERSION
kind: AWSMachinePool
metadata:
  name: p
  namespace: a
  uid: 0c0d
  managedFields: [{manager: capi-topology, operation: Apply, apiVersion: infrastructure.cluster.x-k8s.io/VERSION}]
  ownerReferences: [{apiVersion: cluster.x-k8s.io/v1beta2, kind: MachinePool, name: p, uid: e}]
spec: {minSize: 1, maxSize: 3, awsLaunchTemplate: {instanceType: t3.large}}
`

const movedSecret = `
apiVersion: v1
kind: Secret
metadata: {name: s, namespace: a, ownerReferences: [{apiVersion: infrastructure.cluster.x-k8s.io/VERSION, kind: AWSMachine, name: m, uid: 0a0b}]}
`

// TestMovedObjectsGoToEitherSideAndBack converts what a folder of clusterctl has.
func TestMovedObjectsGoToEitherSideAndBack(t *testing.T) {
	there, back := moved(t, VersionOfServer), moved(t, VersionOfCAPA)
	for _, text := range []string{theirMachine, movedPool, movedSecret, movedClass} {
		o := parse(t, strings.ReplaceAll(text, "VERSION", "v1beta2"))
		t.Run(o.GetKind(), func(t *testing.T) {
			here := convertMoved(t, there, o)
			if again := convertMoved(t, there, here); cmp.Diff(here, again) != "" {
				t.Errorf("a second time it changes:\n%s", cmp.Diff(here, again))
			}
			ofOurs, err := here.MarshalJSON()
			if err != nil || strings.Contains(string(ofOurs), "infrastructure.cluster.x-k8s.io/v1beta2") || !strings.Contains(string(ofOurs), "infrastructure.cluster.x-k8s.io/v2beta1") {
				t.Errorf("here it is %s (%v)", ofOurs, err)
			}
			if strings.Contains(string(ofOurs), "Kubeadm") && !strings.Contains(string(ofOurs), `"controlplane.cluster.x-k8s.io/v1beta2"`) {
				t.Errorf("kubeadm's version was changed: %s", ofOurs)
			}
			if here.GetUID() != o.GetUID() || len(here.GetManagedFields()) != len(o.GetManagedFields()) || here.Object["status"] != nil {
				t.Errorf("its metadata are %v, status %v", here.Object["metadata"], here.Object["status"])
			}
			again := convertMoved(t, back, here)
			if again.GetAPIVersion() != o.GetAPIVersion() || cmp.Diff(again.GetOwnerReferences(), o.GetOwnerReferences()) != "" {
				t.Errorf("back it is %v", again.Object)
			}
			var gone []string
			missing(&gone, "", o.Object["spec"], again.Object["spec"])
			if len(gone) > 0 {
				t.Errorf("on the way there and back it lost %v", gone)
			}
		})
	}
}

// TestMovedObjectsThatCannotBeKeptAreTold has fields and versions that the other side doesn't have.
func TestMovedObjectsThatCannotBeKeptAreTold(t *testing.T) {
	o := parse(t, theirMachine)
	if err := unstructured.SetNestedField(o.Object, "x", "spec", "unheardOf"); err != nil {
		t.Fatal(err)
	}
	if _, lost, err := moved(t, VersionOfServer).Convert(o); err != nil || !slices.Equal(lost, []string{"spec.unheardOf"}) {
		t.Errorf("it tells of %v (%v)", lost, err)
	}
	if err := unstructured.SetNestedField(o.Object, int64(7), "spec", "instanceType"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := moved(t, VersionOfServer).Convert(o); err == nil || !strings.Contains(err.Error(), "AWSMachine a/m") {
		t.Errorf("it says %v", err)
	}
	if _, err := NewMoved("v1"); err == nil || !strings.Contains(err.Error(), "write v2beta1") {
		t.Errorf("it says %v", err)
	}
}

func moved(t *testing.T, to string) *Moved {
	t.Helper()
	m, err := NewMoved(to)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func convertMoved(t *testing.T, m *Moved, o *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	converted, lost, err := m.Convert(o)
	if err != nil || len(lost) > 0 {
		t.Fatalf("lost are %v (%v)", lost, err)
	}
	return converted
}
