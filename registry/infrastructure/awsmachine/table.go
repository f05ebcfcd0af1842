package awsmachine

import (
	"k8s.io/apimachinery/pkg/runtime"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
)

// columns are the ones that users of these kinds know, and the age of what they show.
var columns = []generic.Column{
	generic.LabelColumn("Cluster", "cluster.x-k8s.io/cluster-name", "Cluster to which this AWSMachine belongs."),
	{Name: "State", Type: "string", Description: "State of the instance.",
		Value: func(obj runtime.Object) any { return state(machine(obj)) }},
	{Name: "Ready", Type: "boolean", Description: "Whether the instance is there.",
		Value: func(obj runtime.Object) any { return machine(obj).Status.Ready }},
	{Name: "InstanceID", Type: "string", Description: "Provider id of the instance.",
		Value: func(obj runtime.Object) any { return providerID(machine(obj)) }},
	{Name: "Machine", Type: "string", Description: "Machine that owns this AWSMachine.",
		Value: func(obj runtime.Object) any { return owner(machine(obj)) }},
	{Name: "Observed", Type: "string", Description: "Time since AWS was last seen to be as shown.",
		Value: func(obj runtime.Object) any { return observed(machine(obj)) }},
}

func machine(obj runtime.Object) *infrav1.AWSMachine { return obj.(*infrav1.AWSMachine) }

func state(m *infrav1.AWSMachine) any {
	if m.Status.InstanceState == nil {
		return nil
	}
	return string(*m.Status.InstanceState)
}

func providerID(m *infrav1.AWSMachine) any {
	if m.Spec.ProviderID == nil {
		return nil
	}
	return *m.Spec.ProviderID
}

func owner(m *infrav1.AWSMachine) any {
	for _, ref := range m.OwnerReferences {
		if ref.Kind == "Machine" {
			return ref.Name
		}
	}
	return nil
}

func observed(m *infrav1.AWSMachine) any {
	if m.Status.Observation == nil {
		return nil
	}
	return m.Status.Observation.Summary()
}
