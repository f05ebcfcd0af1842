package awsmanagedcontrolplane

import (
	"k8s.io/apimachinery/pkg/runtime"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
)

// columns are the ones that users of these kinds know, the version, and the age of what they
// show.
var columns = []generic.Column{
	generic.LabelColumn("Cluster", "cluster.x-k8s.io/cluster-name", "Cluster to which this AWSManagedControlPlane belongs."),
	{Name: "Ready", Type: "boolean", Description: "Whether the control plane can be used.",
		Value: func(obj runtime.Object) any { return controlPlane(obj).Status.Ready }},
	{Name: "Version", Type: "string", Description: "Version of Kubernetes that the control plane runs.",
		Value: func(obj runtime.Object) any { return orNil(controlPlane(obj).Status.Version) }},
	{Name: "VPC", Type: "string", Description: "Id of the cluster's VPC.",
		Value: func(obj runtime.Object) any { return controlPlane(obj).Spec.Network.VPC.ID }},
	{Name: "Endpoint", Type: "string", Description: "Where the API server is reached.", Priority: 1,
		Value: func(obj runtime.Object) any { return controlPlane(obj).Spec.ControlPlaneEndpoint.Host }},
	{Name: "Bastion IP", Type: "string", Description: "Public address of the bastion.",
		Value: func(obj runtime.Object) any {
			if bastion := controlPlane(obj).Status.Bastion; bastion != nil {
				return orNil(bastion.PublicIP)
			}
			return nil
		}},
	{Name: "Observed", Type: "string", Description: "Time since AWS was last seen to be as shown.",
		Value: func(obj runtime.Object) any {
			if o := controlPlane(obj).Status.Observation; o != nil {
				return o.Summary()
			}
			return nil
		}},
}

func controlPlane(obj runtime.Object) *controlplanev1.AWSManagedControlPlane {
	return obj.(*controlplanev1.AWSManagedControlPlane)
}

func orNil(text *string) any {
	if text == nil {
		return nil
	}
	return *text
}
