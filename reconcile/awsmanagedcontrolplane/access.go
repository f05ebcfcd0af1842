package awsmanagedcontrolplane

import (
	"context"
	"errors"
	"fmt"
	"time"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/workload"
)

// Why nobody gets into a control plane.
var (
	// ErrNoEndpoint: there is no cluster yet, or it doesn't serve its API.
	ErrNoEndpoint = errors.New("its EKS cluster doesn't serve its API yet: wait until its condition Available is True, or see there what it waits for")
	// ErrTwin: what lets into the cluster would let into somebody else's.
	ErrTwin = errors.New("another namespace has an EKS cluster of its name in another region, which would take the same token: use the kubeconfig of the Cluster's Secret, whose token is for this one alone")
	// ErrForeignCluster: the object names a cluster that isn't its own.
	ErrForeignCluster = errors.New("it isn't this control plane's own, so nobody is let into it here: ask whoever it belongs to")
)

// accessAge is how old the proof may be that a cluster is the control plane's.
const accessAge = time.Minute

// Access is where a control plane's API is, and as whom one gets in.
type Access struct {
	Session *cloud.Session
	Target  workload.Target
}

// AccessOf returns the way into the control plane's own EKS cluster and into no other, whatever the object
// names. It sees what the observer sees.
func AccessOf(ctx context.Context, o *engine.Observer[*controlplanev1.AWSManagedControlPlane], obj *controlplanev1.AWSManagedControlPlane) (Access, error) {
	session, err := o.Sessions.For(ctx, cloud.SiteOf(obj))
	if err != nil {
		return Access{}, err
	}
	in := NewIntent(obj, nil)
	in.Living = o.Living
	v := observe(in, o.Mirror.Snapshot(session.Scope))
	rows := v.cluster.Intent.Wants()
	o.Mirror.WantFor(string(obj.UID), session, accessAge, rows...)
	if err := o.Mirror.RefreshOf(cloud.WithPriority(ctx, cloud.Interactive), session.Scope, accessAge, rows...); err != nil {
		return Access{}, err
	}
	v = observe(in, o.Mirror.Snapshot(session.Scope))
	switch {
	case v.cluster.Row == nil:
		return Access{}, ErrNoEndpoint
	case v.cluster.Own() == nil:
		return Access{}, fmt.Errorf("EKS cluster %s: %w", v.cluster.Name, ErrForeignCluster)
	case in.twin():
		return Access{}, fmt.Errorf("EKS cluster %s: %w", v.cluster.Name, ErrTwin)
	}
	target := targetOf(v.cluster.Name, v.cluster.Row)
	if !v.cluster.Active() || !target.Known() {
		return Access{}, ErrNoEndpoint
	}
	return Access{session, target}, nil
}
