package awsmachine

import (
	"context"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/infrastructure"
	owners "github.com/capa-apiserver/capa-apiserver/reconcile/related"
)

// related are the objects that an AWSMachine belongs to. Each is nil while it isn't
// there.
type related struct {
	machine *clusterv1.Machine
	cluster *clusterv1.Cluster
	infra   *infrastructure.Cluster
	// pool is the AWSMachinePool of a machine that stands for an instance of one.
	pool *infrav1.AWSMachinePool
}

// relativesOf returns what the object belongs to, from caches. What doesn't exist is left
// out; the error says what couldn't be read.
func relativesOf(ctx context.Context, ours, host client.Reader, obj *infrav1.AWSMachine) (out related, err error) {
	name := obj.Labels[clusterv1.ClusterNameLabel]
	if owner := owners.OwnerName(obj, "Machine"); owner != "" {
		machine := &clusterv1.Machine{}
		switch err := host.Get(ctx, client.ObjectKey{Namespace: obj.Namespace, Name: owner}, machine); {
		case err == nil:
			out.machine, name = machine, machine.Spec.ClusterName
		case client.IgnoreNotFound(err) != nil:
			return out, err
		}
	}
	if name := obj.PoolName(); name != "" {
		pool := &infrav1.AWSMachinePool{}
		switch err := ours.Get(ctx, client.ObjectKey{Namespace: obj.Namespace, Name: name}, pool); {
		case err == nil:
			out.pool = pool
		case client.IgnoreNotFound(err) != nil:
			return out, err
		}
	}
	out.cluster, out.infra, err = infrastructure.Find(ctx, ours, host, obj.Namespace, name)
	return out, err
}
