package awscluster

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/network"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
	"github.com/capa-apiserver/capa-apiserver/reconcile/related"
)

// maxRounds bounds the rounds of one pass; the longest chain of things that need
// each other is shorter.
const maxRounds = 20

// pass is one reconciliation of one object.
type pass struct {
	*Reconciler
	obj     *infrav1.AWSCluster
	owner   *clusterv1.Cluster
	session *cloud.Session
	memory  *memory
	// failures are the errors of this pass, by area.
	failures map[string][]string
	// ended are the keys of journal entries that stand for nothing any more.
	ended map[string]bool
	// stuck are the actions that aren't tried again in this pass.
	stuck map[string]bool
	// existed are the actions whose result was there already, with AWS's words.
	existed map[string]string
	// repaired are the summaries of what was put right in a cluster that had
	// been complete before.
	repaired []string
	resolved bool
	// interfaces are the network interfaces of the VPC, read when AWS refused to
	// delete something that is in use.
	interfaces []ec2types.NetworkInterface
	// bastionImage is what a bastion is launched from.
	bastionImage string
	// poolExhausted is set when the user's address pool had none left.
	poolExhausted bool
	// dependents are the objects that the deletion waits for.
	dependents []string
}

func (p *pass) key() client.ObjectKey { return client.ObjectKeyFromObject(p.obj) }

func (p *pass) deleting() bool { return !p.obj.DeletionTimestamp.IsZero() }

// run observes, plans and acts until nothing is left that can be done now, and
// then writes the projection.
func (p *pass) run(ctx context.Context) (ctrl.Result, error) {
	ctx = cloud.ForUpkeep(ctx, p.obj.Provisioned())
	var err error
	if p.dependents, err = dependents(ctx, p.Client, p.obj); err != nil {
		return ctrl.Result{}, err
	}
	if err := p.connect(ctx); err != nil {
		if _, identity := cloud.AsIdentityError(err); identity && p.deleting() && neverInAWS(p.obj) {
			return p.release(ctx)
		}
		return ctrl.Result{}, err
	}
	if err := p.observe(ctx); err != nil {
		return p.observeFailed(ctx, err)
	}
	p.lookAtBucket(ctx)
	p.findBastionImage(ctx)
	complete := p.obj.Provisioned() && p.upToDate()
	p.stuck, p.existed = map[string]bool{}, map[string]string{}
	if p.deleting() {
		p.closeJournal()
	}
	left, err := p.converge(ctx, complete)
	if err != nil {
		return ctrl.Result{}, err
	}
	if p.deleting() && left.Done() && len(p.failures) == 0 {
		return p.finish(ctx)
	}
	again := p.resolve(ctx, left)
	if err := p.project(ctx); err != nil {
		return ctrl.Result{}, err
	}
	p.reportRepairs()
	return p.next(left, again)
}

// upToDate tells that the status speaks of the current spec: what differs in AWS
// then was changed there.
func (p *pass) upToDate() bool {
	for _, c := range p.obj.Status.Conditions {
		if c.Type == infrav1.ReadyCondition {
			return c.ObservedGeneration == p.obj.Generation
		}
	}
	return false
}

// connect gets the session of the object's identity.
func (p *pass) connect(ctx context.Context) error {
	session, err := p.Sessions.For(ctx, cloud.SiteOf(p.obj))
	if err != nil {
		return errors.Join(err, p.setIdentity(ctx, err))
	}
	p.session = session
	if err := p.setIdentity(ctx, nil); err != nil {
		return err
	}
	p.Mirror.Watch(session)
	p.index.set(p.key(), entry{scope: session.Scope, name: related.ClusterName(p.obj), vpc: p.obj.Spec.Network.VPC.ID})
	return nil
}

// observe sees to it that the tables are there. Once they are, the mirror keeps
// them; only creations whose end isn't known need some of them younger. The VPCs
// come first: of what lies in one that isn't there, nothing has to be known before
// the usual sweep.
func (p *pass) observe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, observeTimeout)
	defer cancel()
	inside := func(kind mirror.Kind) bool { return slices.Contains(mirror.VPCContents, kind) }
	if err := p.see(ctx, slices.DeleteFunc(p.view().unseen(), inside)); err != nil {
		return err
	}
	v := p.view()
	if err := p.see(ctx, v.unseen()); err != nil {
		return err
	}
	if err := p.lookUpNamed(ctx); err != nil {
		return err
	}
	p.Mirror.Keep(p.session.Scope, firstSweep, v.kinds()...)
	if blocked := p.view().network.Blocked(); len(blocked) > 0 {
		return p.Mirror.Refresh(ctx, p.session.Scope, journalAge, blocked...)
	}
	return nil
}

// lookUpNamed looks for what the spec names and no listing shows, once for each spec:
// the user may have made it a moment ago.
func (p *pass) lookUpNamed(ctx context.Context) error {
	if p.memory.named == p.obj.Generation || p.deleting() {
		return nil
	}
	snap, n := p.Mirror.Snapshot(p.session.Scope), &p.obj.Spec.Network
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
		if err := p.Mirror.RefreshOf(ctx, p.session.Scope, 0, mirror.Interest{Kind: kind, IDs: ids}); err != nil {
			return err
		}
	}
	p.memory.named = p.obj.Generation
	return nil
}

// see waits for the first listing of tables.
func (p *pass) see(ctx context.Context, unseen []mirror.Kind) error {
	if len(unseen) == 0 {
		return nil
	}
	err := p.Mirror.Refresh(ctx, p.session.Scope, time.Hour, unseen...)
	if err != nil && !slices.ContainsFunc(p.view().unseen(), func(kind mirror.Kind) bool { return slices.Contains(unseen, kind) }) {
		return nil // what was refused turned out not to be needed
	}
	return err
}

// view is what is known now.
func (p *pass) view() *view { return observe(p.intent(), p.Mirror.Snapshot(p.session.Scope)) }

// closeJournal ends the entries whose resources are to be seen, before these are
// deleted: nothing will be created any more.
func (p *pass) closeJournal() {
	v := p.view()
	for _, e := range v.network.Journal {
		if v.network.Found(e.Key) {
			p.ended[e.Key] = true
		}
	}
}

// observeFailed says in the status that AWS can't be seen, and changes nothing.
func (p *pass) observeFailed(ctx context.Context, cause error) (ctrl.Result, error) {
	e := cloud.Classify(cause)
	p.failures[network.AreaVPC] = []string{e.Message}
	log.FromContext(ctx).Info("Waiting until AWS can be seen", "scope", p.session.Scope.String(), "cause", cause.Error())
	return ctrl.Result{RequeueAfter: seeAgain}, p.project(ctx)
}

func (p *pass) intent() Intent {
	in := NewIntent(p.obj, p.owner)
	in.Living = p.Living
	in.Resolved, in.Failures, in.Ended, in.PoolExhausted = p.resolved, p.allFailures(), p.ended, p.poolExhausted
	in.Interfaces, in.Dependents, in.Bucket, in.BastionImage = p.interfaces, p.dependents, p.bucket(), p.bastionImage
	in.Started = p.started
	if p.session != nil {
		in.Partition = p.session.Partition
	}
	return in
}

// allFailures returns the errors of this pass and those of earlier ones, whose
// actions wait until they are tried again, by area.
func (p *pass) allFailures() map[string][]string {
	all := p.memory.holds.Failures()
	for area, messages := range p.failures {
		for _, m := range messages {
			all[area] = appendNewString(all[area], m)
		}
	}
	return all
}

// converge plans and acts until nothing new can be done, and returns what is
// left. Decisions are recorded before anything is made by them.
func (p *pass) converge(ctx context.Context, complete bool) (plan.Plan, error) {
	for round := 0; ; round++ {
		v := p.view()
		todo := v.plan()
		if err := p.recordSpec(ctx, v.record(todo)); err != nil {
			return todo, err
		}
		p.memory.holds.ReleaseExcept(func(key string) bool {
			return slices.ContainsFunc(todo.Actions, func(a plan.Action) bool { return a.Key == key })
		})
		ready := slices.DeleteFunc(p.memory.holds.Ready(todo.Ready(), p.Clock.Now()), func(a plan.Action) bool { return p.stuck[a.Key] })
		if len(ready) == 0 || round == maxRounds || ctx.Err() != nil {
			p.disputes(todo)
			return todo, ctx.Err()
		}
		if err := p.recordAccount(ctx, ready); err != nil {
			return todo, err
		}
		results, err := p.actor.Act(ctx, p.session, (*journal)(p), ready)
		if err != nil {
			return todo, err
		}
		p.take(ctx, results, complete)
	}
}

// take draws the consequences of results.
func (p *pass) take(ctx context.Context, results []plan.Result, complete bool) {
	for _, r := range results {
		if r.Outcome == plan.Done {
			p.memory.holds.Did(r.Action, p.Clock.Now())
		}
		switch {
		case r.Outcome == plan.Busy:
			p.memory.holds.Took(r, p.Clock.Now())
			continue
		case p.tookBucket(r):
			continue
		case inUse(r):
			p.findBlockers(ctx)
			message := r.Err.Message
			if users := p.users(r.Action); users != "" {
				message += "; " + users
			}
			p.memory.holds.Wait(r.Action.Key, r.Action.Area, message, p.Clock.Now())
			continue // it is waited for; an Event for each look would say nothing new
		case r.Outcome != plan.Failed && p.forgetInterface(r.Action):
		case r.Outcome == plan.Failed && p.poolUsedUp(r):
			p.poolExhausted = true
			continue // Amazon's pool comes next
		case r.Outcome == plan.Failed:
			p.stuck[r.Action.Key] = true
			p.failures[r.Action.Area] = appendNewString(p.failures[r.Action.Area], r.Err.Message)
			p.memory.holds.Fail(r.Action.Key, r.Action.Area, r.Err.Message, p.Clock.Now())
		case r.Outcome == plan.Existed && r.Action.Verb != plan.Delete:
			p.stuck[r.Action.Key], p.existed[r.Action.Key] = true, r.Err.Message
		case r.Outcome == plan.Done && complete && !p.deleting():
			p.repaired = append(p.repaired, r.Action.Summary)
		}
		p.event(r)
	}
}

// poolUsedUp tells that the user's address pool refused an address, and that
// Amazon's may be used instead.
func (p *pass) poolUsedUp(r plan.Result) bool {
	in, ok := r.Action.Input.(*ec2.AllocateAddressInput)
	if !ok || in.PublicIpv4Pool == nil {
		return false
	}
	intent := p.intent()
	n := intent.network()
	return n.MayFallBack() && (r.Err.Class == cloud.Capacity || r.Err.Class == cloud.InvalidParameter || r.Err.Class == cloud.QuotaExceeded)
}

// disputes reports what AWS says exists and the plan, after everything was read
// anew, still wants to make: it is something else, or not visible yet.
func (p *pass) disputes(left plan.Plan) {
	for _, a := range left.Actions {
		if message, ok := p.existed[a.Key]; ok {
			p.failures[a.Area] = appendNewString(p.failures[a.Area], message)
		}
	}
}

func appendNewString(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// recordSpec writes decisions and ids, if there are new ones.
func (p *pass) recordSpec(ctx context.Context, spec infrav1.AWSClusterSpec) error {
	if p.deleting() || equality.Semantic.DeepEqual(spec, NewIntent(p.obj, p.owner).Cluster.Spec) {
		return nil
	}
	p.obj.Spec = spec
	return p.update(ctx, p.obj)
}

// project writes spec and status as they have to be now, if they differ.
func (p *pass) project(ctx context.Context) error {
	spec, status := Project(p.intent(), p.Mirror.Snapshot(p.session.Scope))
	if err := p.recordSpec(ctx, spec); err != nil {
		return err
	}
	// Recording the spec may have changed the generation.
	_, status = Project(p.intent(), p.Mirror.Snapshot(p.session.Scope))
	Stamp(&status, metav1.NewTime(p.Clock.Now()))
	if equality.Semantic.DeepEqual(status, p.obj.Status) {
		return nil
	}
	p.obj.Status = status
	return p.updateStatus(ctx, p.obj)
}

// finish lets the object go when nothing is left of it in AWS. What an earlier
// process made shortly before it ended may not be visible yet.
// What others made for the cluster may be younger than the last listing: all is
// listed once after the deletion began.
func (p *pass) finish(ctx context.Context) (ctrl.Result, error) {
	snap, kinds := p.Mirror.Snapshot(p.session.Scope), p.view().kinds()
	visible := p.memory.deleting
	if p.obj.CreationTimestamp.Time.Before(p.started) {
		visible = later(visible, p.started.Add(snap.Grace))
	}
	if snap.Observed(kinds...).Before(visible) {
		now := p.Clock.Now()
		if wait := visible.Sub(now); wait > 0 {
			return ctrl.Result{RequeueAfter: wait}, p.project(ctx)
		}
		if err := p.Mirror.Refresh(ctx, p.session.Scope, now.Sub(visible), kinds...); err != nil {
			return p.observeFailed(ctx, err)
		}
		if left := Plan(p.intent(), p.Mirror.Snapshot(p.session.Scope)); !left.Done() {
			return ctrl.Result{RequeueAfter: time.Second}, p.project(ctx)
		}
	}
	return p.release(ctx)
}

// release lets the object go.
func (p *pass) release(ctx context.Context) (ctrl.Result, error) {
	if controllerutil.RemoveFinalizer(p.obj, infrav1.ClusterFinalizer) {
		if err := p.update(ctx, p.obj); err != nil {
			return ctrl.Result{}, client.IgnoreNotFound(err)
		}
	}
	p.forget(p.key())
	return ctrl.Result{}, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// next says when to look at the object again.
func (p *pass) next(left plan.Plan, again time.Duration) (ctrl.Result, error) {
	var all []string
	for _, area := range sortedAreas(p.failures) {
		all = append(all, area+": "+strings.Join(p.failures[area], "; "))
	}
	v := p.view()
	switch {
	case len(all) > 0:
		return ctrl.Result{}, errors.New(strings.Join(all, "; "))
	case again > 0:
	case len(v.network.Blocked()) > 0:
		again = journalAge
	case len(left.Waits)+len(left.Actions)+len(v.network.Journal) > 0:
		again = lookAgain
	}
	if at := p.memory.holds.Next(); !at.IsZero() {
		wait := max(at.Sub(p.Clock.Now()), time.Millisecond)
		again = cmp.Or(min(again, wait), wait)
	}
	return ctrl.Result{RequeueAfter: again}, nil
}

func sortedAreas(failures map[string][]string) []string {
	areas := make([]string, 0, len(failures))
	for area := range failures {
		areas = append(areas, area)
	}
	slices.Sort(areas)
	return areas
}
