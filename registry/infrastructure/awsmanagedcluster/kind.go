// Package awsmanagedcluster is the room of the kind AWSManagedCluster.
package awsmanagedcluster

import (
	"k8s.io/apimachinery/pkg/runtime"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure"
)

// Kind is the kind's row.
func Kind() generic.Kind {
	k := infrastructure.Kind(&infrav1.AWSManagedCluster{}, "awsmc")
	k.Columns = columns
	return k
}

// columns are the ones that users of these kinds know.
var columns = []generic.Column{
	generic.LabelColumn("Cluster", "cluster.x-k8s.io/cluster-name", "Cluster to which this AWSManagedCluster belongs."),
	{Name: "Ready", Type: "boolean", Description: "Whether the infrastructure is there.",
		Value: func(obj runtime.Object) any { return cluster(obj).Provisioned() }},
	{Name: "Endpoint", Type: "string", Description: "Where the API server is reached.", Priority: 1,
		Value: func(obj runtime.Object) any { return cluster(obj).Spec.ControlPlaneEndpoint.Host }},
}

func cluster(obj runtime.Object) *infrav1.AWSManagedCluster { return obj.(*infrav1.AWSManagedCluster) }
