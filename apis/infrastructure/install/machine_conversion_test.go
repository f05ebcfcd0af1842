package install

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v1beta2"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

func TestStatusOfMachinesAndPoolsReadsTheSameAtBothVersions(t *testing.T) {
	const (
		condition = `type: Ready, status: "True", lastTransitionTime: "2026-01-02T03:04:05Z", reason: Ready, message: m`
		oldForm   = `type: InstanceReady, status: "False", severity: Error, lastTransitionTime: "2026-01-02T03:04:05Z"`
	)
	tests := []struct{ name, kind, old, hub string }{
		{
			name: "a ready machine is a provisioned one",
			kind: "AWSMachine",
			old:  `{ready: true, instanceState: running, addresses: [{type: InternalIP, address: 10.0.0.1}], interruptible: true, dedicatedHost: {id: h-1}}`,
			hub:  `{ready: true, initialization: {provisioned: true}, instanceState: running, addresses: [{type: InternalIP, address: 10.0.0.1}], interruptible: true, dedicatedHost: {id: h-1}}`,
		},
		{
			name: "a machine's failure is among what only older contracts know",
			kind: "AWSMachine",
			old:  `{ready: false, failureReason: UpdateError, failureMessage: m, conditions: [{` + oldForm + `}]}`,
			hub:  `{ready: false, deprecated: {v1beta1: {failureReason: UpdateError, failureMessage: m, conditions: [{` + oldForm + `}]}}}`,
		},
		{
			name: "what only the new version has of a machine is under v2beta1",
			kind: "AWSMachine",
			old: `{ready: true, v2beta1: {conditions: [{` + condition + `}], failureDomain: us-east-1a, observation: {age: 3s},
			  pendingCreations: [{key: eip, operation: AllocateAddress, since: "2026-01-02T03:04:05.000000Z"}]}}`,
			hub: `{ready: true, initialization: {provisioned: true}, conditions: [{` + condition + `}], failureDomain: us-east-1a, observation: {age: 3s},
			  pendingCreations: [{key: eip, operation: AllocateAddress, since: "2026-01-02T03:04:05.000000Z"}]}`,
		},
		{
			name: "a template's capacity is in both",
			kind: "AWSMachineTemplate",
			old:  `{capacity: {cpu: "2", memory: 8Gi}, nodeInfo: {architecture: arm64, operatingSystem: linux}, conditions: [{` + oldForm + `}], v2beta1: {conditions: [{` + condition + `}]}}`,
			hub:  `{capacity: {cpu: "2", memory: 8Gi}, nodeInfo: {architecture: arm64, operatingSystem: linux}, conditions: [{` + condition + `}], deprecated: {v1beta1: {conditions: [{` + oldForm + `}]}}}`,
		},
		{
			name: "a pool is ready and provisioned apart, because Cluster API reads ready at every version",
			kind: "AWSMachinePool",
			old:  `{ready: false, replicas: 2, v2beta1: {initialization: {provisioned: true}, observation: {age: 3s}, conditions: [{` + condition + `}]}}`,
			hub:  `{ready: false, replicas: 2, initialization: {provisioned: true}, observation: {age: 3s}, conditions: [{` + condition + `}]}`,
		},
		{
			name: "a pool's group and launch template are in both",
			kind: "AWSMachinePool",
			old:  `{ready: true, replicas: 1, instances: [{instanceID: i-1, version: v1.34.1}], launchTemplateID: lt-1, launchTemplateVersion: "3", asgStatus: Delete in progress, infrastructureMachineKind: AWSMachine}`,
			hub:  `{ready: true, replicas: 1, instances: [{instanceID: i-1, version: v1.34.1}], launchTemplateID: lt-1, launchTemplateVersion: "3", asgStatus: Delete in progress, infrastructureMachineKind: AWSMachine}`,
		},
		{
			name: "a node group's replicas and launch template are in both, and what EKS says of it in the hub",
			kind: "AWSManagedMachinePool",
			old:  `{ready: true, replicas: 2, launchTemplateID: lt-1, launchTemplateVersion: "3", v2beta1: {initialization: {provisioned: true}, nodegroup: {status: ACTIVE, version: "1.34"}}}`,
			hub:  `{ready: true, replicas: 2, launchTemplateID: lt-1, launchTemplateVersion: "3", initialization: {provisioned: true}, nodegroup: {status: ACTIVE, version: "1.34"}}`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			compareYAML(t, test.hub, statusOf(t, infrav1.SchemeGroupVersion, "v1beta2", test.kind, test.old))
			compareYAML(t, test.old, statusOf(t, v1beta2.SchemeGroupVersion, "v2beta1", test.kind, test.hub))
		})
	}
}

// A failureReason at the place where Cluster API looks makes its pool controller panic.
func TestAPoolShowsNoFailureToClusterAPI(t *testing.T) {
	for _, kind := range []string{"AWSMachinePool", "AWSManagedMachinePool"} {
		status := statusOf(t, infrav1.SchemeGroupVersion, "v1beta2", kind, `{failureReason: a, failureMessage: b}`)
		var content map[string]any
		if err := yaml.Unmarshal([]byte(status), &content); err != nil {
			t.Fatal(err)
		}
		if content["failureReason"] != nil || content["failureMessage"] != nil || !strings.Contains(status, "deprecated") {
			t.Errorf("the hub's status of an %s is:\n%s", kind, status)
		}
	}
}

// statusOf decodes an object with that status at one version and encodes it at another.
func statusOf(t *testing.T, target schema.GroupVersion, version, kind, status string) string {
	t.Helper()
	obj := decode[runtime.Object](t, version, kind, "status: "+status)
	var content map[string]any
	if err := yaml.Unmarshal([]byte(encode(t, target, obj)), &content); err != nil {
		t.Fatal(err)
	}
	out, err := yaml.Marshal(content["status"])
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
