package bootstrapconfig

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capa-apiserver/capa-apiserver/reconcile/related"
)

// user is who uses a configuration, and in which cluster.
type user struct {
	// awaits says what is missing, "" for nothing.
	awaits string
	// once tells that the data is made once: it is that of one Machine.
	once    bool
	cluster *clusterv1.Cluster
	// version of Kubernetes that the nodes are to have, "" where nobody says.
	version string
}

// userOf reads the owner of a configuration, and its Cluster.
func (r *Reconciler[T]) userOf(ctx context.Context, obj T) (user, error) {
	var u user
	var clusterName string
	switch machine, pool := related.OwnerName(obj, "Machine"), related.OwnerName(obj, "MachinePool"); {
	case machine != "":
		owner := &clusterv1.Machine{}
		if err := r.Host.Get(ctx, client.ObjectKey{Namespace: obj.GetNamespace(), Name: machine}, owner); err != nil {
			return missing(err, "Machine "+machine)
		}
		u.once, clusterName, u.version = true, owner.Spec.ClusterName, owner.Spec.Version
	case pool != "":
		owner := &clusterv1.MachinePool{}
		if err := r.Host.Get(ctx, client.ObjectKey{Namespace: obj.GetNamespace(), Name: pool}, owner); err != nil {
			return missing(err, "MachinePool "+pool)
		}
		clusterName, u.version = owner.Spec.ClusterName, owner.Spec.Template.Spec.Version
	default:
		return user{awaits: "a Machine or MachinePool whose bootstrap.configRef names it"}, nil
	}
	cluster := &clusterv1.Cluster{}
	if err := r.Host.Get(ctx, client.ObjectKey{Namespace: obj.GetNamespace(), Name: clusterName}, cluster); err != nil {
		return missing(err, "Cluster "+clusterName)
	}
	u.cluster = cluster
	return u, nil
}

func missing(err error, what string) (user, error) {
	if apierrors.IsNotFound(err) {
		return user{awaits: what}, nil
	}
	return user{}, fmt.Errorf("read %s: %w", what, err)
}
