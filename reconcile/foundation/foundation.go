// Package foundation is what clusters of every kind stand on: the network with a bastion
// host, the bucket, and what is to be said and proven of them. All but Worker is pure, and
// knows no kind: each adapts its objects to an Intent.
package foundation

import (
	"slices"
	"time"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bastion"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bucket"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/network"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Known is what a process knows besides the object and the tables.
type Known struct {
	// Acting tells whether it is known by who acts, and not by who only looks.
	Acting bool
	// Partition is AWS's partition of the region, where it is known.
	Partition string
	// Started is since when the observer has looked at AWS without a break; zero
	// where that makes no difference, because nothing is done by the plan.
	Started time.Time
	// Living knows which other objects there are; nil means none.
	Living ownership.Living
	// Dependents are the objects, as "AWSMachine m1", that a cluster which is being
	// deleted waits for.
	Dependents []string
	// Failures are the errors of the latest attempts, by area.
	Failures map[string][]string
	// Ended are the keys of journal entries that stand for nothing any more.
	Ended map[string]bool
	// PoolExhausted tells that the user's address pool had none left.
	PoolExhausted bool
	// Bucket is what is known of the bucket; nil where nobody has looked at it.
	Bucket *bucket.State
	// BastionImage is the image to launch a bastion from, "" where nobody looked it up.
	BastionImage string
	// Interfaces are the VPC's network interfaces, where they had to be read
	// because they are in the way of a deletion.
	Interfaces []ec2types.NetworkInterface
}

// Intent is what is wanted, and what the object records.
type Intent struct {
	Known
	// Object is the cluster's, of whatever kind. It is never changed.
	Object engine.Object
	// Owner is on whose behalf resources are judged, and says in which account and region.
	Owner ownership.Owner
	// NetworkSpec is the wish together with what was recorded in it before.
	NetworkSpec infrav1.NetworkSpec
	// LoadBalancers are the wanted load balancers of the API server, and APIPort is the port
	// on which they listen.
	LoadBalancers []*infrav1.AWSLoadBalancerSpec
	APIPort       int64
	// EKS is the name of the EKS cluster that stands on it, "" where control planes are
	// machines. EKSForeign tells that the one of the name is somebody else's.
	EKS        string
	EKSForeign bool
	// PodBlock is a further block of the VPC for pods, "" for none.
	PodBlock string
	// Endpoint is the host of the API server's endpoint: a load balancer of this name is one
	// that the object records.
	Endpoint    string
	BastionSpec infrav1.Bastion
	SSHKeyName  *string
	// BastionStatus is what the object tells of its bastion.
	BastionStatus *infrav1.Instance
	S3Bucket      *infrav1.S3Bucket
	// Recorded are the ids that the object records, Pending its journal.
	Recorded []string
	Pending  []infrav1.PendingCreation
	// Further are the tables of what else the cluster has.
	Further []mirror.Kind
}

// Deleting tells that the object is to go.
func (in *Intent) Deleting() bool { return !in.Object.GetDeletionTimestamp().IsZero() }

// journal returns the creations whose answers were not seen.
func (in *Intent) journal() []plan.Entry {
	var entries []plan.Entry
	for _, p := range in.Pending {
		if !in.Ended[p.Key] {
			entries = append(entries, plan.Entry{Key: p.Key, Operation: p.Operation, Since: p.Since.Time})
		}
	}
	return entries
}

func (in *Intent) network() network.Intent {
	n := network.Intent{Owner: in.Owner, Region: in.Owner.Region, Spec: in.NetworkSpec, Recorded: in.Recorded, Journal: in.journal(), PoolExhausted: in.PoolExhausted,
		Interfaces: in.Interfaces, Started: in.Started, PodBlock: in.PodBlock, KeepServiceGroups: in.keeps(cleanUpSecurityGroups), S3Endpoint: in.S3Bucket != nil,
		Groups: network.Groups{LoadBalancers: in.LoadBalancers, APIPort: in.APIPort, EKS: in.EKS, EKSForeign: in.EKSForeign}}
	if in.BastionSpec.Enabled {
		n.Groups.Bastion = &in.BastionSpec
	}
	return n
}

// Kinds returns the tables that the cluster may be projected from.
func (in *Intent) Kinds() []mirror.Kind {
	n := in.network()
	kinds := n.Kinds()
	if in.Deleting() {
		kinds = network.DeleteKinds()
	}
	for _, kind := range slices.Concat(in.bastionKinds(), in.Further) {
		if !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// State is a foundation as a snapshot shows it, beside what is wanted of it.
type State struct {
	Intent
	Network *network.State
	Bastion *bastion.State

	snap *mirror.Snapshot
}

// Observe finds the foundation in a snapshot.
func Observe(in Intent, snap *mirror.Snapshot) *State {
	in.Owner.Former = in.Owner.Learn(in.recorded(snap)...)
	s := &State{Intent: in, snap: snap, Network: network.Observe(in.network(), snap)}
	s.Bastion = bastion.Observe(in.bastion(s.Network), snap)
	return s
}

// Foundation is the state itself, for whom it is a part of a view.
func (s *State) Foundation() *State { return s }

// Former are the UIDs that the object had before.
func (s *State) Former() []string { return s.Owner.Former }

// Wants are what the cluster is projected from.
func (s *State) Wants() []mirror.Interest { return mirror.Whole(s.tables()...) }

// tables are those that can tell anything of the cluster and may be seen.
func (s *State) tables() []mirror.Kind {
	if s.Deleting() {
		return slices.Concat(s.Network.DeleteKinds(), s.Further, s.bastionKinds())
	}
	return slices.DeleteFunc(s.Kinds(), func(kind mirror.Kind) bool { return !s.Network.Concerns(kind) || s.Network.Withheld(kind) })
}

// Blind tells that nothing can be said, because tables weren't listed yet.
func (s *State) Blind() bool { return len(s.unseen()) > 0 }

// Contested tells that others claim the VPC of a cluster that was there, or that nobody
// knows yet who does: what was known of it last holds, Ready too.
func (s *State) Contested() bool {
	return s.Network.Contested && s.Object.Provisioned() && !s.Deleting()
}

// unseen returns the tables that were never listed completely and have to be. What
// such a table doesn't show may well exist, so nothing is planned by it.
func (s *State) unseen() []mirror.Kind {
	known := s.Network.Known
	if s.Deleting() {
		known = func(kind mirror.Kind) bool { return s.snap.Seen(kind) }
	}
	return slices.DeleteFunc(s.tables(), known)
}

// Unseen are the tables that have to be listed. The VPCs come first: of what lies in one
// that isn't there, nothing has to be known.
func (s *State) Unseen() (needed, wished []mirror.Interest) {
	unseen := s.unseen()
	if outside := slices.DeleteFunc(slices.Clone(unseen), func(kind mirror.Kind) bool { return slices.Contains(mirror.VPCContents, kind) }); len(outside) > 0 {
		unseen = outside
	}
	return mirror.Whole(unseen...), nil
}

// Plan returns what is left to do until all is as wanted, or, of an object that is to go,
// until all is gone. own plans what else the cluster has: it is deleted first, and inside
// names what of it still lies in the network, or is "".
func (s *State) Plan(own func() (p plan.Plan, inside string)) plan.Plan {
	var p plan.Plan
	if unseen := s.unseen(); len(unseen) > 0 {
		p.Wait(network.AreaVPC, conditions.WaitingForObservation, "the first complete listing of "+string(unseen[0]))
		return p
	}
	switch {
	case s.otherAccount():
		p.Problem(network.AreaVPC, infrav1.VpcReconciliationFailedReason, "VPC %s, which the spec records, isn't in %s; set spec.identityRef to an identity "+
			"of its account, or, if it is gone there too, remove the finalizer", s.NetworkSpec.VPC.ID, s.snap.Scope)
		return p
	case s.Deleting():
		p = s.planDelete(own())
	case s.Contested():
		p = s.Network.Plan()
	default:
		p = s.Network.Plan()
		further, _ := own()
		p.Join(further)
		p.Join(s.planBucket())
		if s.hasBastion() {
			p.Join(s.Bastion.Plan())
		}
	}
	p.ClaimsFirst()
	return p
}

// otherAccount tells that AWS doesn't show what an object records that was moved or
// restored without its account: that is no proof that it is gone.
func (s *State) otherAccount() bool {
	n := &s.NetworkSpec
	recorded := n.VPC.InternetGatewayID != nil
	for i := range n.Subnets {
		recorded = recorded || n.Subnets[i].ResourceID != ""
	}
	_, shown := mirror.Get(s.snap, mirror.VPCs, n.VPC.ID) // also where it isn't the cluster's
	return s.Owner.Account == "" && n.VPC.ID != "" && recorded && !shown && s.snap.Seen(s.tables()...)
}

// Unsettled are the journal's entries that nothing is known about yet.
func (s *State) Unsettled() []infrav1.PendingCreation {
	entries := s.Network.Unsettled()
	if e, ok := plan.Find(s.journal(), bucket.CreateKey); ok && s.bucketPending() {
		entries = append(entries, e)
	}
	var rest []infrav1.PendingCreation
	for _, p := range s.Pending {
		if _, stands := plan.Find(entries, p.Key); stands {
			rest = append(rest, p)
		}
	}
	return rest
}
