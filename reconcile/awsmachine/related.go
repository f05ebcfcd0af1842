// Package awsmachine makes AWS match AWSMachine objects, and tells in their
// status how far it does: observe, plan, act, project.
package awsmachine

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/annotations"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	owners "github.com/capa-apiserver/capa-apiserver/reconcile/related"
)

// related are the objects that an AWSMachine belongs to. Each is nil while it
// isn't there.
type related struct {
	machine *clusterv1.Machine
	cluster *clusterv1.Cluster
	infra   *infrav1.AWSCluster
	// pool is the AWSMachinePool of a machine that stands for an instance of one.
	pool *infrav1.AWSMachinePool
}

// relatives reads related objects, from caches.
type relatives struct {
	// ours has the infrastructure kinds, host those of Cluster API.
	ours, host client.Reader
}

// of returns what the object belongs to. What doesn't exist is left out; the error
// says what couldn't be read.
func (r relatives) of(ctx context.Context, obj *infrav1.AWSMachine) (related, error) {
	var out related
	if name := ownerName(obj); name != "" {
		machine := &clusterv1.Machine{}
		if err := r.host.Get(ctx, client.ObjectKey{Namespace: obj.Namespace, Name: name}, machine); err == nil {
			out.machine = machine
		} else if !apierrors.IsNotFound(err) {
			return out, err
		}
	}
	if name := obj.PoolName(); name != "" {
		pool := &infrav1.AWSMachinePool{}
		if err := r.ours.Get(ctx, client.ObjectKey{Namespace: obj.Namespace, Name: name}, pool); err == nil {
			out.pool = pool
		} else if !apierrors.IsNotFound(err) {
			return out, err
		}
	}
	return out, r.infrastructure(ctx, obj, &out)
}

func (r relatives) infrastructure(ctx context.Context, obj *infrav1.AWSMachine, out *related) (err error) {
	name := obj.Labels[clusterv1.ClusterNameLabel]
	if out.machine != nil {
		name = out.machine.Spec.ClusterName
	}
	out.cluster, out.infra, err = owners.Infrastructure(ctx, r.ours, r.host, obj.Namespace, name)
	return err
}

// infrastructureFacts returns what machines have to know of the infrastructure;
// nil while there is none.
func (r related) infrastructureFacts() *instance.Infra {
	if r.infra == nil || r.cluster == nil {
		return nil
	}
	return instance.InfraOf(r.infra, r.cluster.Name, annotations.IsExternallyManaged(r.infra))
}

// ownerName returns the name of the Machine that an AWSMachine belongs to, or "".
func ownerName(obj *infrav1.AWSMachine) string { return owners.OwnerName(obj, "Machine") }
