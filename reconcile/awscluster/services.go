package awscluster

import (
	"strings"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/apis/infrastructure/validation"
	"github.com/capa-apiserver/capa-apiserver/reconcile/loadbalancer"
	"github.com/capa-apiserver/capa-apiserver/reconcile/network"
)

// cleanUpAnnotation, with the value "false", leaves all alone that the cloud
// controller manager made for Services when the cluster is deleted.
const cleanUpAnnotation = "aws.cluster.x-k8s.io/external-resource-gc"

// The tasks that the annotation of tasks may list: then only what they name is
// cleaned up.
const (
	cleanUpLoadBalancers  = "load-balancer"
	cleanUpTargetGroups   = "target-group"
	cleanUpSecurityGroups = "security-group"
)

// keeps tells whether a deletion leaves what one task is about alone.
func keeps(cluster *infrav1.AWSCluster, task string) bool {
	if strings.EqualFold(strings.TrimSpace(cluster.Annotations[cleanUpAnnotation]), "false") {
		return true
	}
	tasks := strings.TrimSpace(cluster.Annotations[validation.ExternalResourceGCTasksAnnotation])
	if tasks == "" {
		return false
	}
	for _, t := range strings.Split(tasks, ",") {
		if strings.TrimSpace(t) == task {
			return false
		}
	}
	return true
}

// keep says what the deletion of load balancers leaves alone.
func (in *Intent) keep(n *network.State) loadbalancer.Keep {
	shared := !n.ServicesOf()
	return loadbalancer.Keep{LoadBalancers: shared || keeps(in.Cluster, cleanUpLoadBalancers), TargetGroups: shared || keeps(in.Cluster, cleanUpTargetGroups)}
}
