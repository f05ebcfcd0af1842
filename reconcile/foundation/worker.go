package foundation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bastion"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bucket"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/reconcile/loadbalancer"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/network"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
	"github.com/capa-apiserver/capa-apiserver/reconcile/related"
)

// DriftRepaired is the reason of Events about what was changed in AWS behind a
// complete cluster's back, and put right.
const DriftRepaired = "DriftRepaired"

// journalAge is how old tables may be that decide on the journal's entries.
const journalAge = 5 * time.Second

// Handlers carry out what is planned for a foundation.
func Handlers() []plan.Handler {
	return slices.Concat(network.Handlers(), loadbalancer.Handlers(), bucket.Handlers(), instance.LifeHandlers(instance.NewTerminator()))
}

// By what changes find clusters.
const (
	byVPC  = "vpc"
	byName = "cluster"
)

// Concerned returns by what the clusters can be found that a change concerns. Of the
// instances, which are many, only a bastion is the cluster's own.
func Concerned(c mirror.Change) []engine.Ref {
	if c.Kind == mirror.Instances.Kind && c.Tags[names.TagRole] != bastion.Role {
		return nil
	}
	return append(engine.RefsOfClusters(byName, c.Tags), engine.Ref{By: byVPC, Value: c.VPC})
}

// Memory is what a process knows of a foundation from one pass to the next.
type Memory struct {
	// named is the generation whose named resources were looked for.
	named int64
	// bucket is the S3 bucket of the name, as it was seen here.
	name   string
	bucket *bucket.State
	// repaired are the summaries of what was changed in AWS, was put right, and wasn't told
	// yet: the pass that did it may end before it could.
	repaired []string
	// reached is the generation whose wishes were all carried out once, 0 for none; below
	// that it isn't known yet.
	reached int64
	// owed are the areas in which something was only waited for then: what follows in those was wished for.
	owed map[string]bool
}

// NewMemory knows nothing yet.
func NewMemory() Memory { return Memory{named: -1, reached: -1} }

// Worker is the part of a kind's worker that looks after the foundation. The views of the
// kind have a method Foundation.
type Worker[T engine.Object] struct {
	engine.Idle
	// Owner is the Cluster that the object belongs to, nil while none says so.
	Owner *clusterv1.Cluster

	scene  engine.Scene[T]
	pass   *engine.Pass[T]
	memory *Memory
	images *cloud.Images
	// dependents are the objects that the deletion waits for.
	dependents []string
	// complete tells that the cluster was as wanted before: what differs in AWS then was
	// changed there.
	complete bool
	// interfaces are the network interfaces of the VPC, read when AWS refused to delete
	// something that is in use.
	interfaces []ec2types.NetworkInterface
	// bastionImage is what a bastion is launched from.
	bastionImage string
	// poolExhausted is set when the user's address pool had none left.
	poolExhausted bool
}

// Begin reads what the object belongs to, and what depends on it. memory is nil for a read.
func Begin[T engine.Object](ctx context.Context, scene engine.Scene[T], images *cloud.Images, memory *Memory) (Worker[T], error) {
	w := Worker[T]{scene: scene, pass: scene.Pass, memory: memory, images: images}
	var err error
	if w.Owner, err = ownerOf(ctx, scene); err != nil {
		return w, err
	}
	if w.dependents, err = dependents(ctx, scene.Ours, scene.Object); err != nil {
		return w, err
	}
	w.complete = memory != nil && memory.had(scene.Object)
	return w, nil
}

// had tells that the object's wishes were all carried out before. A process that has just
// started takes a status that speaks of the present spec as a sign of it.
func (m *Memory) had(obj engine.Object) bool {
	if m.reached < 0 {
		m.reached = 0
		if c := meta.FindStatusCondition(obj.GetConditions(), infrav1.ReadyCondition); c != nil && c.ObservedGeneration == obj.GetGeneration() {
			m.reached = c.ObservedGeneration
		}
	}
	return obj.Provisioned() && m.reached == obj.GetGeneration()
}

// ownerOf returns the Cluster that the object belongs to, nil while none says so. That it
// is gone is no trouble for an object that is to go, too, or that is only looked at.
func ownerOf[T engine.Object](ctx context.Context, scene engine.Scene[T]) (*clusterv1.Cluster, error) {
	name := related.OwnerName(scene.Object, clusterv1.ClusterKind)
	if name == "" {
		return nil, nil
	}
	owner := &clusterv1.Cluster{}
	err := scene.Host.Get(ctx, client.ObjectKey{Namespace: scene.Object.GetNamespace(), Name: name}, owner)
	switch {
	case err == nil:
		return owner, nil
	case scene.Pass == nil, client.IgnoreNotFound(err) == nil && !scene.Object.GetDeletionTimestamp().IsZero():
		return nil, nil
	}
	return nil, err
}

// Bond says what a cluster hangs on that is in a VPC, or will be. ref is the field by which a Cluster
// names it.
func (w *Worker[T]) Bond(site cloud.Site, kind, ref, vpc string) engine.Bond {
	b := engine.Bond{Cluster: w.Owner, Site: &site, Refs: []engine.Ref{{By: byName, Value: related.ClusterName(w.scene.Object)}, {By: byVPC, Value: vpc}}}
	if w.Owner == nil {
		b.Awaits = fmt.Sprintf("the Cluster controller to set the owner reference; create a Cluster whose spec.%s names this %s, if there is none", ref, kind)
	}
	return b
}

// Known is what the process knows. spec is the bucket that is wanted.
func (w *Worker[T]) Known(spec *infrav1.S3Bucket) Known {
	k := Known{Living: w.scene.Living, Dependents: w.dependents, Failures: engine.FailuresOf(w.scene.Object)}
	if w.pass == nil {
		return k
	}
	k.Acting, k.Failures, k.Ended, k.Started = true, w.pass.Memory.Holds.Failures(), w.pass.Ended, w.pass.Started()
	k.PoolExhausted, k.Interfaces, k.Bucket, k.BastionImage = w.poolExhausted, w.interfaces, w.memory.of(spec), w.bastionImage
	if w.pass.Session != nil {
		k.Partition = w.pass.Session.Partition
	}
	return k
}

func (w *Worker[T]) state() *State {
	return w.pass.View().(interface{ Foundation() *State }).Foundation()
}

// Untouched tells that nothing can have been made for the object: it never had a session,
// and nothing is recorded.
func (w *Worker[T]) Untouched() bool {
	s := w.state()
	return s.Owner.Account == "" && s.NetworkSpec.VPC.ID == "" && len(s.Pending) == 0 && !s.Object.Provisioned() &&
		!meta.IsStatusConditionTrue(s.Object.GetConditions(), infrav1.PrincipalCredentialRetrievedCondition)
}

// Look has what the spec names looked for, once for each spec: the user may have made it
// a moment ago. Only creations whose end isn't known need younger tables.
func (w *Worker[T]) Look(ctx context.Context) error {
	if err := w.lookUpNamed(ctx); err != nil {
		return err
	}
	if blocked := w.state().Network.Blocked(); len(blocked) > 0 {
		return w.pass.Mirror.Refresh(ctx, w.pass.Session.Scope, journalAge, blocked...)
	}
	return nil
}

func (w *Worker[T]) lookUpNamed(ctx context.Context) error {
	generation := w.scene.Object.GetGeneration()
	if w.memory.named == generation || w.pass.Deleting() {
		return nil
	}
	s := w.state()
	var vpcs, subnets []string
	if _, there := mirror.Get(s.snap, mirror.VPCs, s.NetworkSpec.VPC.ID); s.NetworkSpec.VPC.ID != "" && !there {
		vpcs = append(vpcs, s.NetworkSpec.VPC.ID)
	}
	for _, subnet := range s.NetworkSpec.Subnets {
		if _, there := mirror.Get(s.snap, mirror.Subnets, subnet.ID); infrav1.IsSubnetID(subnet.ID) && !there {
			subnets = append(subnets, subnet.ID)
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
	w.memory.named = generation
	return nil
}

// Prepare looks at what no table holds, and ends the journal's entries whose resources
// are to be seen, before these are deleted: nothing will be created any more.
func (w *Worker[T]) Prepare(ctx context.Context) error {
	w.lookAtBucket(ctx)
	w.findBastionImage(ctx)
	w.pass.Changed()
	if !w.pass.Deleting() {
		return nil
	}
	n := w.state().Network
	for _, e := range n.Journal {
		if n.Found(e.Key) {
			w.pass.Ended[e.Key] = true
		}
	}
	w.pass.Changed()
	return nil
}

// Take draws the consequences of a result.
func (w *Worker[T]) Take(_ context.Context, r plan.Result) engine.Consequence {
	switch {
	case w.tookBucket(r):
		return engine.Silent
	case r.Settled() && w.forgetInterface(r.Action):
		w.pass.Memory.Holds.Did(r.Action, w.pass.Clock.Now())
		return engine.Taken
	case r.Outcome == plan.Failed && w.poolUsedUp(r):
		w.poolExhausted = true
		return engine.Silent // Amazon's pool comes next
	case r.Outcome == plan.Done && w.complete && !w.memory.owed[r.Action.Area] && !w.pass.Deleting():
		w.memory.repaired = append(w.memory.repaired, r.Action.Summary)
	}
	return engine.Untaken
}

// poolUsedUp tells that the user's address pool refused an address, and that Amazon's may
// be used instead.
func (w *Worker[T]) poolUsedUp(r plan.Result) bool {
	in, ok := r.Action.Input.(*ec2.AllocateAddressInput)
	return ok && in.PublicIpv4Pool != nil && w.state().Network.MayFallBack() &&
		slices.Contains([]cloud.Class{cloud.Capacity, cloud.InvalidParameter, cloud.QuotaExceeded}, r.Err.Class)
}

// Settle has creations whose end isn't known looked at again soon. What the pass itself
// recorded in the spec is no new wish.
func (w *Worker[T]) Settle(_ context.Context, left plan.Plan) (time.Duration, error) {
	switch {
	case w.complete:
		w.memory.reached = w.pass.Object.GetGeneration()
	case len(left.Actions) == 0:
		w.memory.reached, w.memory.owed = w.pass.Object.GetGeneration(), left.Stalled()
	}
	maps.DeleteFunc(w.memory.owed, func(area string, _ bool) bool { return !left.Open(area) })
	if len(w.state().Network.Blocked()) > 0 {
		return journalAge, nil
	}
	return 0, nil
}

// Follow tells what was found different from what is wanted.
func (w *Worker[T]) Follow(context.Context) error {
	if len(w.memory.repaired) > 0 {
		w.pass.Event(corev1.EventTypeWarning, DriftRepaired,
			"AWS differed from what is wanted; repaired: "+conditions.Shorten(w.memory.repaired))
		w.memory.repaired = nil
	}
	return nil
}

// Proof is that all was listed after the deletion began: what others made for the cluster
// may be younger than the last listing.
func (w *Worker[T]) Proof() (time.Time, []mirror.Interest) {
	visible := w.pass.Memory.Deleting
	if bound := w.pass.Started().Add(w.pass.Snapshot().Grace); w.scene.Object.GetCreationTimestamp().Time.Before(w.pass.Started()) && bound.After(visible) {
		visible = bound
	}
	return visible, w.state().Wants()
}

// Dismiss tells what is left of Services, where the VPC isn't known to be shared with the
// cluster.
func (w *Worker[T]) Dismiss(context.Context) (gone bool, err error) {
	s := w.state()
	if left := s.servicesLeft(); len(left) > 0 {
		name := s.Owner.Cluster
		w.pass.Event(corev1.EventTypeWarning, "ServicesLeft", fmt.Sprintf("%s in VPC %s are left: they carry %s%s = %s, which any cluster of that name may have written; "+
			"delete them, if they were this cluster's. A VPC with the tag %s%s = %s has them cleaned up", strings.Join(left, ", "), s.Network.VPCID(),
			names.TagCloudProviderPrefix, name, names.Owned, names.TagOwnedPrefix, name, names.Shared))
	}
	return true, nil
}
