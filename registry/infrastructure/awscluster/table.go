package awscluster

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
)

// columns are the ones that users of these kinds know, and the age of what they show.
var columns = []generic.Column{
	generic.LabelColumn("Cluster", "cluster.x-k8s.io/cluster-name", "Cluster to which this AWSCluster belongs."),
	{Name: "Ready", Type: "boolean", Description: "Whether the infrastructure is there.",
		Value: func(obj runtime.Object) any { return cluster(obj).Provisioned() }},
	{Name: "VPC", Type: "string", Description: "Id of the cluster's VPC.",
		Value: func(obj runtime.Object) any { return cluster(obj).Spec.Network.VPC.ID }},
	{Name: "Endpoint", Type: "string", Description: "Where the API server is reached.",
		Value: func(obj runtime.Object) any { return endpoint(cluster(obj)) }},
	{Name: "Bastion IP", Type: "string", Description: "Public address of the bastion.",
		Value: func(obj runtime.Object) any {
			return bastion(cluster(obj), func(i *infrav1.Instance) *string { return i.PublicIP })
		}},
	{Name: "Bastion IPv6", Type: "string", Description: "IPv6 address of the bastion.",
		Value: func(obj runtime.Object) any {
			return bastion(cluster(obj), func(i *infrav1.Instance) *string { return i.IPv6Address })
		}},
	{Name: "Observed", Type: "string", Description: "Time since AWS was last seen to be as shown.",
		Value: func(obj runtime.Object) any { return observed(cluster(obj)) }},
}

func cluster(obj runtime.Object) *infrav1.AWSCluster { return obj.(*infrav1.AWSCluster) }

func endpoint(c *infrav1.AWSCluster) any {
	e := c.Spec.ControlPlaneEndpoint
	if e.Host == "" {
		return nil
	}
	return fmt.Sprintf("%s:%d", e.Host, e.Port)
}

// bastion shows an address of the bastion, nothing while there is none.
func bastion(c *infrav1.AWSCluster, address func(*infrav1.Instance) *string) any {
	if c.Status.Bastion == nil {
		return nil
	}
	if a := address(c.Status.Bastion); a != nil {
		return *a
	}
	return nil
}

// observed shows the age, and the reason where it is higher than was promised.
func observed(c *infrav1.AWSCluster) any {
	o := c.Status.Observation
	switch {
	case o == nil:
		return nil
	case o.Stale && o.Reason != "":
		return o.Age + " (" + o.Reason + ")"
	default:
		return o.Age
	}
}
