package awscluster

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"k8s.io/apimachinery/pkg/api/meta"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
	"github.com/capa-apiserver/capa-apiserver/reconcile/related"
)

const (
	// journalAge is how old tables may be that decide on the journal's entries.
	journalAge = 5 * time.Second
)

// memory is what a process knows of an object from one pass to the next.
type memory struct {
	// named is the generation whose named resources were looked for.
	named int64
	// tries counts the looks at the load balancer's DNS name.
	tries int
	// bucket is the S3 bucket as it was seen here.
	bucket knownBucket
}

// worker is one object in one pass or read.
type worker struct {
	engine.Idle
	Options
	scene  engine.Scene[*infrav1.AWSCluster]
	pass   *engine.Pass[*infrav1.AWSCluster]
	obj    *infrav1.AWSCluster
	owner  *clusterv1.Cluster
	memory *memory
	// dependents are the objects that the deletion waits for.
	dependents []string
	// complete tells that the cluster was as wanted before: what differs in AWS then was
	// changed there; repaired are the summaries of what was put right.
	complete bool
	repaired []string
	resolved bool
	// interfaces are the network interfaces of the VPC, read when AWS refused to delete
	// something that is in use.
	interfaces []ec2types.NetworkInterface
	// bastionImage is what a bastion is launched from.
	bastionImage string
	// poolExhausted is set when the user's address pool had none left.
	poolExhausted bool
}

func begin(ctx context.Context, scene engine.Scene[*infrav1.AWSCluster], o Options) (*worker, error) {
	w := &worker{Options: o, scene: scene, pass: scene.Pass, obj: scene.Object}
	var err error
	if w.owner, err = ownerOf(ctx, scene); err != nil {
		return nil, err
	}
	if w.dependents, err = dependents(ctx, scene.Ours, scene.Object); err != nil {
		return nil, err
	}
	if scene.Pass != nil {
		w.memory = scene.Pass.Memory.Own.(*memory)
		w.complete = w.obj.Provisioned() && w.upToDate()
	}
	return w, nil
}

// ownerOf returns the Cluster that the object belongs to, nil while none says so. That it
// is gone is no trouble for an object that is to go, too, or that is only looked at.
func ownerOf(ctx context.Context, scene engine.Scene[*infrav1.AWSCluster]) (*clusterv1.Cluster, error) {
	name := related.OwnerName(scene.Object, clusterv1.ClusterKind)
	if name == "" {
		return nil, nil
	}
	owner := &clusterv1.Cluster{}
	err := scene.Host.Get(ctx, client.ObjectKey{Namespace: scene.Object.Namespace, Name: name}, owner)
	switch {
	case err == nil:
		return owner, nil
	case scene.Pass == nil, client.IgnoreNotFound(err) == nil && !scene.Object.DeletionTimestamp.IsZero():
		return nil, nil
	}
	return nil, err
}

// upToDate tells that the status speaks of the current spec: what differs in AWS then
// was changed there.
func (w *worker) upToDate() bool {
	c := meta.FindStatusCondition(w.obj.Status.Conditions, infrav1.ReadyCondition)
	return c != nil && c.ObservedGeneration == w.obj.Generation
}

// Bond says what the cluster hangs on.
func (w *worker) Bond() engine.Bond {
	site := cloud.SiteOf(w.obj)
	b := engine.Bond{Cluster: w.owner, Site: &site, Refs: []engine.Ref{{By: byName, Value: related.ClusterName(w.obj)}, {By: byVPC, Value: w.obj.Spec.Network.VPC.ID}}}
	if w.owner == nil {
		b.Awaits = "the Cluster controller to set the owner reference; create a Cluster whose spec.infrastructureRef names this AWSCluster, if there is none"
	}
	return b
}

func (w *worker) intent() Intent {
	in := NewIntent(w.obj, w.owner)
	in.Living, in.Dependents, in.Failures = w.scene.Living, w.dependents, engine.FailuresOf(w.obj)
	if w.pass == nil {
		return in
	}
	in.Acting, in.Failures, in.Resolved, in.Ended, in.PoolExhausted = true, w.pass.Memory.Holds.Failures(), w.resolved, w.pass.Ended, w.poolExhausted
	in.Interfaces, in.Bucket, in.BastionImage, in.Started = w.interfaces, w.bucket(), w.bastionImage, w.pass.Started()
	if w.pass.Session != nil {
		in.Partition = w.pass.Session.Partition
	}
	return in
}

// View is what a snapshot shows of the cluster.
func (w *worker) View(snap *mirror.Snapshot) engine.View[*infrav1.AWSCluster] {
	return observe(w.intent(), snap)
}

func (w *worker) view() *view { return w.pass.View().(*view) }

// Untouched tells that nothing can have been made for the object: it never had a session,
// and nothing is recorded.
func (w *worker) Untouched() bool {
	obj := w.obj
	return obj.Status.AccountID == "" && obj.Spec.Network.VPC.ID == "" && len(obj.Status.PendingCreations) == 0 && !obj.Provisioned() &&
		!meta.IsStatusConditionTrue(obj.Status.Conditions, infrav1.PrincipalCredentialRetrievedCondition)
}

// Stranded is never asked for: an AWSCluster says itself where its AWS is.
func (w *worker) Stranded() string { return "" }

// Look has what the spec names looked for, once for each spec: the user may have made it
// a moment ago. Only creations whose end isn't known need younger tables.
func (w *worker) Look(ctx context.Context) error {
	scope := w.pass.Session.Scope
	if err := w.lookUpNamed(ctx); err != nil {
		return err
	}
	if blocked := w.view().network.Blocked(); len(blocked) > 0 {
		return w.pass.Mirror.Refresh(ctx, scope, journalAge, blocked...)
	}
	return nil
}

func (w *worker) lookUpNamed(ctx context.Context) error {
	if w.memory.named == w.obj.Generation || w.pass.Deleting() {
		return nil
	}
	snap, n := w.pass.Snapshot(), &w.obj.Spec.Network
	var vpcs, subnets []string
	if _, there := mirror.Get(snap, mirror.VPCs, n.VPC.ID); n.VPC.ID != "" && !there {
		vpcs = append(vpcs, n.VPC.ID)
	}
	for i := range n.Subnets {
		id := n.Subnets[i].ID
		if _, there := mirror.Get(snap, mirror.Subnets, id); infrav1.IsSubnetID(id) && !there {
			subnets = append(subnets, id)
		}
	}
	for kind, ids := range map[mirror.Kind][]string{mirror.VPCs.Kind: vpcs, mirror.Subnets.Kind: subnets} {
		if len(ids) == 0 {
			continue
		}
		if err := w.pass.Mirror.RefreshOf(ctx, w.pass.Session.Scope, 0, mirror.Interest{Kind: kind, IDs: ids}); err != nil {
			return err
		}
	}
	w.memory.named = w.obj.Generation
	return nil
}

// Prepare looks at what no table holds, and ends the journal's entries whose resources
// are to be seen, before these are deleted: nothing will be created any more.
func (w *worker) Prepare(ctx context.Context) error {
	w.lookAtBucket(ctx)
	w.findBastionImage(ctx)
	w.pass.Changed()
	if !w.pass.Deleting() {
		return nil
	}
	v := w.view()
	for _, e := range v.network.Journal {
		if v.network.Found(e.Key) {
			w.pass.Ended[e.Key] = true
		}
	}
	w.pass.Changed()
	return nil
}

// Take draws the consequences of a result.
func (w *worker) Take(_ context.Context, r plan.Result) engine.Consequence {
	holds := &w.pass.Memory.Holds
	switch {
	case w.tookBucket(r):
		return engine.Silent
	case r.Settled() && w.forgetInterface(r.Action):
		holds.Did(r.Action, w.pass.Clock.Now())
		return engine.Taken
	case r.Outcome == plan.Failed && w.poolUsedUp(r):
		w.poolExhausted = true
		return engine.Silent // Amazon's pool comes next
	case r.Outcome == plan.Done && w.complete && !w.pass.Deleting():
		w.repaired = append(w.repaired, r.Action.Summary)
	}
	return engine.Untaken
}

// poolUsedUp tells that the user's address pool refused an address, and that Amazon's may
// be used instead.
func (w *worker) poolUsedUp(r plan.Result) bool {
	in, ok := r.Action.Input.(*ec2.AllocateAddressInput)
	if !ok || in.PublicIpv4Pool == nil {
		return false
	}
	intent := w.intent()
	n := intent.network()
	return n.MayFallBack() && slices.Contains([]cloud.Class{cloud.Capacity, cloud.InvalidParameter, cloud.QuotaExceeded}, r.Err.Class)
}

// Settle looks the load balancer's name up where the plan waits for just that, and has
// creations whose end isn't known looked at again soon.
func (w *worker) Settle(ctx context.Context, left plan.Plan) (time.Duration, error) {
	again := w.resolve(ctx, left)
	if again == 0 && len(w.view().network.Blocked()) > 0 {
		again = journalAge
	}
	return again, nil
}

// Follow tells what was found different from what is wanted.
func (w *worker) Follow(context.Context) error {
	w.reportRepairs()
	return nil
}

// Proof is that all was listed after the deletion began: what others made for the cluster
// may be younger than the last listing.
func (w *worker) Proof() (time.Time, []mirror.Kind) {
	visible := w.pass.Memory.Deleting
	if bound := w.pass.Started().Add(w.pass.Snapshot().Grace); w.obj.CreationTimestamp.Time.Before(w.pass.Started()) && bound.After(visible) {
		visible = bound
	}
	return visible, w.view().kinds()
}
