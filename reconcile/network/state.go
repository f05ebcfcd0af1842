package network

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// State is a network as a snapshot shows it, beside what is wanted of it.
type State struct {
	Intent
	// Record is the spec with all that has to be recorded in it: decisions, which
	// stand before anything is created by them, and the ids of what exists.
	Record infrav1.NetworkSpec
	// VPC is nil while there is none.
	VPC *mirror.VPC
	// Unmanaged tells that the VPC is the user's: nothing in it is changed but
	// the security groups that were made for the cluster.
	Unmanaged bool
	// Subnets are in the order of the record.
	Subnets []*Subnet
	// InternetGateway is the one attached to the VPC, or made for it; or nil.
	InternetGateway *ec2types.InternetGateway
	// EgressOnlyGateway is the VPC's, or nil.
	EgressOnlyGateway *ec2types.EgressOnlyInternetGateway
	// CarrierGateway is the VPC's, or nil.
	CarrierGateway *ec2types.CarrierGateway
	// NATGateways are the living NAT gateways, by the zone they serve.
	NATGateways map[string]*ec2types.NatGateway
	// Groups are the security groups that exist, by role.
	SecurityGroups map[infrav1.SecurityGroupRole]*ec2types.SecurityGroup

	// proven tells that the VPC is the cluster's own.
	proven bool
	// Contested tells that another object claims the VPC as much, or that nobody knows yet
	// who does.
	Contested bool
	// foreign tells that the VPC, or one that may be meant, is of somebody else: then
	// nothing is made.
	foreign bool

	snap  *mirror.Snapshot
	zones map[string]*ec2types.AvailabilityZone
	plan  plan.Plan
}

// Subnet is a subnet of the record with what exists of it.
type Subnet struct {
	// Spec points into the record.
	Spec *infrav1.SubnetSpec
	// Row is nil while the subnet doesn't exist.
	Row *ec2types.Subnet
	// Table is the route table associated with the subnet, or made for it; or nil.
	Table *ec2types.RouteTable
	// Associated tells that the subnet uses the table.
	Associated bool
}

// ID returns the subnet's id in AWS, "" while it doesn't exist.
func (s *Subnet) ID() string {
	if s.Row == nil {
		return ""
	}
	return aws.ToString(s.Row.SubnetId)
}

// Pods tells whether the subnet is for pods only: neither machines nor load
// balancers belong there.
func (s *Subnet) Pods() bool { return s.Spec.Tags[names.TagAssociation] == names.AssociationSecondary }

// Edge tells whether the subnet lies in a local or wavelength zone.
func (s *Subnet) Edge() bool { return s.local() || s.wavelength() }

func (s *Subnet) local() bool {
	return s.Spec.ZoneType != nil && *s.Spec.ZoneType == infrav1.ZoneTypeLocalZone
}

func (s *Subnet) wavelength() bool {
	return s.Spec.ZoneType != nil && *s.Spec.ZoneType == infrav1.ZoneTypeWavelengthZone
}

// Observe finds the cluster's network in a snapshot and decides what the record
// leaves open.
func Observe(in Intent, snap *mirror.Snapshot) *State {
	s := &State{Intent: in, Record: *in.Spec.DeepCopy(), snap: snap}
	s.zones = map[string]*ec2types.AvailabilityZone{}
	for _, z := range mirror.Select(snap, mirror.AvailabilityZones, nil) {
		s.zones[aws.ToString(z.ZoneName)] = z
	}
	s.observeVPC()
	s.decideSubnets()
	s.decidePodSubnets()
	s.observeSubnets()
	s.observeGateways()
	s.observeCarrierGateway()
	s.observeNATGateways()
	s.observeSecurityGroups()
	return s
}

// Plan returns what is left to do, and what stands in the way.
func (s *State) Plan() plan.Plan {
	p := &State{}
	*p = *s
	p.plan = plan.Plan{Problems: slices.Clone(s.plan.Problems), Waits: slices.Clone(s.plan.Waits)}
	if !p.observed() || p.VPC == nil && p.Spec.VPC.ID != "" || p.foreign {
		return p.plan // the VPC is gone or of others, and everything else would lie in it
	}
	p.planVPC()
	p.planSecondaryCIDRs()
	p.planSubnets()
	if !p.Unmanaged {
		p.planInternetGateway()
		p.planEgressOnlyGateway()
		p.planCarrierGateway()
		p.planNATGateways()
		p.planRouteTables()
		p.planS3Endpoint()
	}
	p.planSecurityGroups()
	p.planClaims()
	p.plan.Actions = mergeTags(p.plan.Actions)
	return p.plan
}

// observed tells whether every table is known; what is in a table that isn't could
// be created a second time.
func (s *State) observed() bool {
	for _, kind := range s.Kinds() {
		if !s.Known(kind) {
			s.wait(AreaVPC, ReasonWaitingForObservation, "the first complete listing of "+string(kind))
			return false
		}
	}
	return true
}

// Known tells whether it is known what the cluster has of a kind: the table has
// been listed, or the kind lies in VPCs, and the cluster's doesn't exist yet or was
// made just now.
func (s *State) Known(kind mirror.Kind) bool {
	switch {
	case s.snap.Seen(kind), !s.Concerns(kind), s.Withheld(kind):
		return true
	case !slices.Contains(mirror.VPCContents, kind):
		return false
	case s.VPC == nil:
		return s.Spec.VPC.ID == "" && s.snap.Seen(mirror.VPCs.Kind)
	}
	return s.VPC.New
}

// Concerns tells whether the cluster can have something of a kind, or depend on it:
// in a user's VPC it has groups only, and looks at what the user has there.
func (s *State) Concerns(kind mirror.Kind) bool {
	switch kind {
	case mirror.Addresses.Kind, mirror.VPCEndpoints.Kind, mirror.CarrierGateways.Kind, mirror.EgressOnlyInternetGateways.Kind:
		return !s.Unmanaged
	}
	return true
}

// Withheld tells that AWS refuses to show a kind which a cluster in a user's VPC can
// do without: it only looks at what the user has of it.
func (s *State) Withheld(kind mirror.Kind) bool {
	switch kind {
	case mirror.NATGateways.Kind, mirror.InternetGateways.Kind:
		return s.Unmanaged && !s.snap.Seen(kind) && cloud.IsUnauthorized(s.snap.Err(kind))
	}
	return false
}

// VPCID returns the VPC's id, "" while there is none.
func (s *State) VPCID() string {
	if s.VPC == nil {
		return ""
	}
	return aws.ToString(s.VPC.VpcId)
}

// pending tells whether a creation was begun whose end is not known. The table
// of the kind tells in time.
func (s *State) pending(key string, kind mirror.Kind) bool {
	entry, ok := plan.Find(s.Journal, key)
	return ok && !s.snap.AbsentSince(kind, entry.Since.Add(s.snap.Grace))
}

// doubtful tells, and adds to the plan, that something recorded is not to be
// seen and not proven to be gone either. It must not be made again: an earlier
// process may have made it a moment ago.
func (s *State) doubtful(area string, kind mirror.Kind, id string) bool {
	if id == "" || s.snap.AbsentSince(kind, s.Started.Add(s.snap.Grace)) {
		return false
	}
	s.wait(area, ReasonWaitingForObservation, id+", which the spec records and AWS doesn't show, to appear or to be proven gone")
	return true
}

func (s *State) add(a plan.Action) { s.plan.Actions = append(s.plan.Actions, a) }

func (s *State) wait(area, reason, summary string) {
	s.plan.Waits = append(s.plan.Waits, plan.Wait{Area: area, Reason: reason, Summary: summary})
}

func (s *State) problem(area, format string, args ...any) {
	s.plan.Problems = append(s.plan.Problems, plan.Problem{
		Area: area, Reason: FailedReason[area], Summary: fmt.Sprintf(format, args...)})
}

// addJournaled adds a creation which AWS can't be asked to do only once, unless
// an earlier attempt may have gone through.
func (s *State) addJournaled(a plan.Action, kind mirror.Kind) {
	if s.pending(a.Key, kind) {
		s.wait(a.Area, ReasonWaitingForObservation, fmt.Sprintf(
			"whether an earlier %s went through, which two complete listings will tell", a.Operation))
		return
	}
	a.Journal = true
	s.add(a)
}

// Unsettled returns the journal's entries that have to stand: those that may
// still come true unseen, and those whose resource another process, which knows
// only what AWS lists, might not see yet and make again.
func (s *State) Unsettled() []plan.Entry {
	var rest []plan.Entry
	for _, entry := range s.Journal {
		kind, known := journaledKinds[entry.Operation]
		if !known {
			continue
		}
		listed := s.snap.Observed(kind).After(entry.Since.Add(s.snap.Grace))
		if (!s.Found(entry.Key) || !listed) && s.pending(entry.Key, kind) {
			rest = append(rest, entry)
		}
	}
	return rest
}

// Blocked returns the tables that have to tell whether creations went through
// whose resources aren't to be seen.
func (s *State) Blocked() []mirror.Kind {
	var kinds []mirror.Kind
	for _, entry := range s.Journal {
		kind, known := journaledKinds[entry.Operation]
		if known && !s.Found(entry.Key) && s.pending(entry.Key, kind) && !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// Found tells whether the resource of a journaled creation is there.
func (s *State) Found(key string) bool {
	switch key {
	case "vpc":
		return s.VPC != nil
	case "internet-gateway":
		return s.InternetGateway != nil
	}
	zone, isAddress := strings.CutPrefix(key, addressKey)
	if !isAddress {
		return true
	}
	return s.NATGateways[zone] != nil || s.addressesForZones()[zone] != nil
}

// addressKey and a zone is the key of the address of the zone's NAT gateway.
const addressKey = "address/"
