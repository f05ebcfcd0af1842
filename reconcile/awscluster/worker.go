package awscluster

import (
	"context"
	"time"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/foundation"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// memory is what a process knows of an object from one pass to the next.
type memory struct {
	foundation.Memory
	// tries counts the looks at the load balancer's DNS name.
	tries int
}

// worker is one object in one pass or read.
type worker struct {
	foundation.Worker[*infrav1.AWSCluster]
	resolver Resolver
	pass     *engine.Pass[*infrav1.AWSCluster]
	obj      *infrav1.AWSCluster
	memory   *memory
	resolved bool
}

func begin(ctx context.Context, scene engine.Scene[*infrav1.AWSCluster], o Options) (*worker, error) {
	m := &memory{}
	if scene.Pass != nil {
		m = scene.Pass.Memory.Own.(*memory)
	}
	base, err := foundation.Begin(ctx, scene, o.Images, &m.Memory)
	return &worker{Worker: base, resolver: o.Resolver, pass: scene.Pass, obj: scene.Object, memory: m}, err
}

// Bond says what the cluster hangs on.
func (w *worker) Bond() engine.Bond {
	return w.Worker.Bond(cloud.SiteOf(w.obj), "AWSCluster", "infrastructureRef", w.obj.Spec.Network.VPC.ID)
}

// View is what a snapshot shows of the cluster.
func (w *worker) View(snap *mirror.Snapshot) engine.View[*infrav1.AWSCluster] {
	in := NewIntent(w.obj, w.Owner)
	in.Known, in.Resolved = w.Known(w.obj.Spec.S3Bucket), w.resolved
	return observe(in, snap)
}

// Settle looks the load balancer's name up where the plan waits for just that.
func (w *worker) Settle(ctx context.Context, left plan.Plan) (time.Duration, error) {
	if again := w.resolve(ctx, left); again != 0 {
		return again, nil
	}
	return w.Worker.Settle(ctx, left)
}
