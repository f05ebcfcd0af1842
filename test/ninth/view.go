package ninth

import (
	"context"
	"time"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/infrastructure"
	"github.com/capa-apiserver/capa-apiserver/reconcile/launchtemplate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
	"github.com/capa-apiserver/capa-apiserver/test/ninth/v2beta1"
)

// area is the condition that tells of the kind's resource: a launch template of its name.
const area = launchtemplate.Area

// Kind is what the engine has to know of the kind.
func Kind() engine.Kind[*v2beta1.AWSNinth] {
	return engine.Kind[*v2beta1.AWSNinth]{
		Name: "AWSNinth", Finalizer: "ninth.example.com", Area: area, LookAgain: time.Minute,
		Handlers: plan.NewHandlers(launchtemplate.Handlers()),
		Begin: func(ctx context.Context, scene engine.Scene[*v2beta1.AWSNinth]) (engine.Worker[*v2beta1.AWSNinth], error) {
			cluster, infra, err := infrastructure.Find(ctx, scene.Ours, scene.Host, scene.Object.Namespace, scene.Object.Spec.ClusterName)
			return &worker{scene: scene, cluster: cluster, infra: infra}, err
		},
		Concerned: func(c mirror.Change) []engine.Ref { return []engine.Ref{{By: "uid", Value: c.Tags[names.TagUID]}} },
	}
}

type worker struct {
	engine.Idle
	scene   engine.Scene[*v2beta1.AWSNinth]
	cluster *clusterv1.Cluster
	infra   *infrastructure.Cluster
}

// Bond says what the object hangs on.
func (w *worker) Bond() engine.Bond {
	b := engine.Bond{Cluster: w.cluster, Refs: []engine.Ref{{By: "uid", Value: string(w.scene.Object.UID)}}}
	if w.infra != nil {
		b.Site = &w.infra.Site
	}
	return b
}

// Untouched tells that there is nothing to delete.
func (w *worker) Untouched() bool { return w.infra == nil }

// Proof is that the template isn't listed any more.
func (w *worker) Proof() (time.Time, []mirror.Interest) {
	return w.scene.Pass.Visible(), mirror.Whole(mirror.LaunchTemplates.Kind)
}

// View is what a snapshot shows of the object.
func (w *worker) View(snap *mirror.Snapshot) engine.View[*v2beta1.AWSNinth] {
	v := &view{snap: snap, obj: w.scene.Object, acting: w.scene.Pass != nil, failures: engine.FailuresOf(w.scene.Object)}
	if v.acting {
		v.failures = w.scene.Pass.Memory.Holds.Failures()
	}
	v.make(w.infra, w.scene.Living)
	return v
}

type view struct {
	snap     *mirror.Snapshot
	obj      *v2beta1.AWSNinth
	acting   bool
	failures map[string][]string
	plan     plan.Plan
}

func (v *view) make(infra *infrastructure.Cluster, living ownership.Living) {
	if needed, _ := v.Unseen(); infra == nil || len(needed) > 0 {
		v.plan.Wait(area, conditions.WaitingForObservation, "the cluster and its launch templates to be seen")
		return
	}
	owner := ownership.Owner{Owner: names.Owner{Cluster: infra.Cluster, UID: string(v.obj.UID), Namespace: v.obj.Namespace}, Kind: "AWSNinth", Name: v.obj.Name, Living: living}
	found := launchtemplate.Find(v.snap, v.obj.Name, "", owner)
	switch of, foreign := found.Foreign(); {
	case v.obj.DeletionTimestamp != nil && found.Own() != nil:
		v.plan.Add(launchtemplate.Delete(found.Own()))
	case v.obj.DeletionTimestamp != nil:
	case foreign:
		v.plan.Problem(area, "Foreign", "launch template %s belongs to %s; choose another name", v.obj.Name, of)
	case found.Own() == nil:
		v.plan.Add(launchtemplate.Plan(&launchtemplate.Wanted{Name: v.obj.Name, Owner: owner, Tags: owner.Tags(v.obj.Name, "", nil),
			Data: &ec2types.RequestLaunchTemplateData{InstanceType: "t3.micro"}}, nil)...)
	}
}

func (v *view) Wants() []mirror.Interest { return mirror.Whole(mirror.LaunchTemplates.Kind) }

func (v *view) Unseen() (needed, wished []mirror.Interest) { return v.snap.Unseen(v.Wants()), nil }

func (v *view) Plan() plan.Plan { return v.plan }

// Former is nothing: the object records no id by which it could be known after a move.
func (v *view) Former() []string { return nil }

func (v *view) Record(*v2beta1.AWSNinth) bool { return false }

func (v *view) Status(into *v2beta1.AWSNinth) {
	c := conditions.Area{Type: area, Pending: "Creating", Failed: "Failed", Deleting: v.obj.DeletionTimestamp != nil, Failures: v.failures, Acting: v.acting}.Condition(v.plan)
	conditions.Replace(into, []conditions.Condition{c, conditions.Summary(c)}, []string{area, infrav1.ReadyCondition}, v.obj.Generation)
}
