package awsmachinepool

import (
	"k8s.io/apimachinery/pkg/runtime"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
)

// columns are the ones that users of these kinds know, and the age of what they show.
var columns = []generic.Column{
	{Name: "Ready", Type: "boolean", Description: "Whether the Auto Scaling group is there.",
		Value: func(obj runtime.Object) any { return pool(obj).Status.Ready }},
	{Name: "Replicas", Type: "integer", Description: "Number of instances.",
		Value: func(obj runtime.Object) any { return pool(obj).Status.Replicas }},
	{Name: "MinSize", Type: "integer", Description: "Smallest number of instances.",
		Value: func(obj runtime.Object) any { smallest, _ := pool(obj).Spec.Sizes(); return smallest }},
	{Name: "MaxSize", Type: "integer", Description: "Largest number of instances.",
		Value: func(obj runtime.Object) any { _, largest := pool(obj).Spec.Sizes(); return largest }},
	{Name: "LaunchTemplate ID", Type: "string", Description: "Launch template of the instances.",
		Value: func(obj runtime.Object) any { return launchTemplate(pool(obj)) }},
	{Name: "Observed", Type: "string", Description: "Time since AWS was last seen to be as shown.",
		Value: func(obj runtime.Object) any { return observed(pool(obj)) }},
}

func pool(obj runtime.Object) *infrav1.AWSMachinePool { return obj.(*infrav1.AWSMachinePool) }

func launchTemplate(p *infrav1.AWSMachinePool) any {
	if p.Status.LaunchTemplateID == "" {
		return nil
	}
	return p.Status.LaunchTemplateID
}

func observed(p *infrav1.AWSMachinePool) any {
	if p.Status.Observation == nil {
		return nil
	}
	return p.Status.Observation.Summary()
}
