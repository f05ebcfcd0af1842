// Package awsmanagedmachinepool is the room of the kind AWSManagedMachinePool.
package awsmanagedmachinepool

import (
	"k8s.io/apimachinery/pkg/runtime"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure"
)

// Kind is the kind's row.
func Kind() generic.Kind {
	k := infrastructure.Kind(&infrav1.AWSManagedMachinePool{}, "awsmmp")
	k.Columns = columns
	k.Prepare = prepare
	return k
}

// prepare names the node group. Validation refuses another name.
func prepare(obj, _ runtime.Object) {
	pool(obj).Spec.EKSNodegroupName = pool(obj).NodegroupName()
}

// columns are the ones that users of these kinds know, and what EKS says of the node group,
// with the age of what they show.
var columns = []generic.Column{
	{Name: "Ready", Type: "boolean", Description: "Whether the node group is there.",
		Value: func(obj runtime.Object) any { return pool(obj).Status.Ready }},
	{Name: "Replicas", Type: "integer", Description: "Number of instances.",
		Value: func(obj runtime.Object) any { return pool(obj).Status.Replicas }},
	{Name: "Status", Type: "string", Description: "Status of the node group in EKS.",
		Value: func(obj runtime.Object) any { return state(obj).Status }},
	{Name: "Version", Type: "string", Description: "Version of Kubernetes on the nodes.",
		Value: func(obj runtime.Object) any { return state(obj).Version }},
	{Name: "Release", Type: "string", Description: "Release of the nodes' image.", Priority: 1,
		Value: func(obj runtime.Object) any { return state(obj).ReleaseVersion }},
	{Name: "NodegroupName", Type: "string", Description: "Name of the node group in EKS.", Priority: 1,
		Value: func(obj runtime.Object) any { return pool(obj).Spec.EKSNodegroupName }},
	{Name: "Observed", Type: "string", Description: "Time since AWS was last seen to be as shown.",
		Value: func(obj runtime.Object) any {
			if o := pool(obj).Status.Observation; o != nil {
				return o.Summary()
			}
			return nil
		}},
}

func pool(obj runtime.Object) *infrav1.AWSManagedMachinePool {
	return obj.(*infrav1.AWSManagedMachinePool)
}

func state(obj runtime.Object) infrav1.NodegroupState {
	if s := pool(obj).Status.Nodegroup; s != nil {
		return *s
	}
	return infrav1.NodegroupState{}
}
