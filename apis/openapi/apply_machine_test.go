package openapi_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	infrainstall "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/install"
	"github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v1beta2"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// A second apply that changes a template would stop a ClusterClass; one that changes a machine
// would be refused.
func TestApplyingMachinesAndPoolsTwiceChangesNothing(t *testing.T) {
	const machineSpec = `{instanceType: m5.large, publicIP: false, cloudInit: {insecureSkipSecretsManager: false},
	  rootVolume: {size: 20, encrypted: false}, spotMarketOptions: {}, nonRootVolumes: [{deviceName: /dev/sdb, size: 8}]}`
	tests := []struct {
		kind, spec string
		empty      runtime.Object
		models     []string
	}{
		{"AWSMachine", machineSpec, &infrav1.AWSMachine{},
			[]string{v1beta2.AWSMachine{}.OpenAPIModelName(), infrav1.AWSMachine{}.OpenAPIModelName()}},
		{"AWSMachineTemplate", "{template: {spec: " + machineSpec + "}}", &infrav1.AWSMachineTemplate{},
			[]string{v1beta2.AWSMachineTemplate{}.OpenAPIModelName(), infrav1.AWSMachineTemplate{}.OpenAPIModelName()}},
		{"AWSMachinePool", `{minSize: 0, maxSize: 3, awsLaunchTemplate: {instanceType: m5.large}, defaultCoolDown: 300s, capacityRebalance: false,
		  suspendProcesses: {all: false}, mixedInstancesPolicy: {instancesDistribution: {onDemandBaseCapacity: 0}}, lifecycleHooks: [{name: a, heartbeatTimeout: 60s}]}`,
			&infrav1.AWSMachinePool{}, []string{v1beta2.AWSMachinePool{}.OpenAPIModelName(), infrav1.AWSMachinePool{}.OpenAPIModelName()}},
	}
	for _, test := range tests {
		for _, version := range []string{"v1beta2", "v2beta1"} {
			t.Run(test.kind+" "+version, func(t *testing.T) {
				first := applyOver(t, test.kind, version, test.empty, test.spec, test.models)
				second := applyOver(t, test.kind, version, first, test.spec, test.models)
				if a, b := withoutTimes(t, first), withoutTimes(t, second); !apiequality.Semantic.DeepEqual(a, b) {
					t.Errorf("the second apply changes (-first +second):\n%s", cmp.Diff(a, b))
				}
			})
		}
	}
}

// applyOver applies a spec at a version to what there is, and defaults the result.
func applyOver(t *testing.T, kind, version string, live runtime.Object, spec string, models []string) runtime.Object {
	t.Helper()
	manifest := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte("metadata: {name: test, namespace: default}\nspec: "+spec), &manifest.Object); err != nil {
		t.Fatal(err)
	}
	manifest.SetGroupVersionKind(schema.GroupVersionKind{Group: infrav1.GroupName, Version: version, Kind: kind})
	out, err := fieldManagerOf(t, kind, version, models...).Apply(live.DeepCopyObject(), manifest, "kubectl", false)
	if err != nil {
		t.Fatal(err)
	}
	scheme := runtime.NewScheme()
	infrainstall.Group.Install(scheme)
	scheme.Default(out)
	return out
}

// withoutTimes is an object as storage compares it.
func withoutTimes(t *testing.T, obj runtime.Object) runtime.Object {
	t.Helper()
	out := obj.DeepCopyObject()
	out.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
	accessor, err := meta.Accessor(out)
	if err != nil {
		t.Fatal(err)
	}
	managed := accessor.GetManagedFields()
	for i := range managed {
		managed[i].Time = &metav1.Time{}
	}
	accessor.SetManagedFields(managed)
	return out
}
