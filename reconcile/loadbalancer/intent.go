// Package loadbalancer plans a load balancer in front of the API servers:
// classic ones, and network, application and gateway ones of the newer API. All
// of it is pure: no clock, no calls.
package loadbalancer

import (
	"fmt"
	"slices"
	"strings"
	"time"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Area is the condition type that reports on load balancers.
const Area = infrav1.LoadBalancerReadyCondition

// apiServerPort is where the API servers of the control plane listen; the load
// balancer may listen elsewhere.
const apiServerPort = 6443

// Intent is what a load balancer has to be.
type Intent struct {
	Owner     ownership.Owner
	Namespace string
	Region    string
	Spec      *infrav1.AWSLoadBalancerSpec
	// Key distinguishes the load balancers of a cluster in the keys of actions:
	// "load-balancer" or "secondary-load-balancer".
	Key string
	// APIPort is where the load balancer listens.
	APIPort int64
	// Started is since when the observer has looked at AWS without a break.
	Started time.Time
	// Endpoint is the host that the cluster is known by, or "".
	Endpoint string
	VPCID    string
	IPv6     bool
	// TargetsIPv6 tells that every control plane has an IPv6 address: AWS refuses an
	// instance without one in a target group of that type.
	TargetsIPv6 bool
	// Claim tells whose something is, by its ARN or name, its tags and its VPC.
	Claim Claim
	// Subnets are the cluster's subnets; those without an id don't exist yet.
	Subnets []Subnet
	// GroupID is the id of the load balancers' security group, "" while there is none.
	GroupID string
	// Withheld is what speaks against the subnets and groups that the spec names, nil for
	// nothing.
	Withheld error
	// Internet tells that the VPC has an internet gateway.
	Internet bool
}

// Subnet is what a load balancer has to know of a subnet.
type Subnet struct {
	// Name is what the spec calls it, ID its id in AWS or "".
	Name, ID, Zone string
	Public         bool
	// CNI marks subnets for pods, where no load balancer belongs.
	CNI bool
}

// Classic tells whether the load balancer is a classic one.
func (in *Intent) Classic() bool { return in.Spec.LoadBalancerType == infrav1.LoadBalancerTypeClassic }

// Kinds returns the tables that the load balancer is judged by.
func (in *Intent) Kinds() []mirror.Kind {
	if in.Classic() {
		return []mirror.Kind{mirror.ClassicLoadBalancers.Kind}
	}
	return []mirror.Kind{mirror.LoadBalancers.Kind, mirror.TargetGroups.Kind}
}

// Name returns the load balancer's name: the user's, or one made of the
// cluster's. The newer kinds carry the namespace too.
func (in *Intent) Name() string {
	switch {
	case in.Spec.Name != nil && *in.Spec.Name != "":
		return *in.Spec.Name
	case in.Classic():
		return names.LoadBalancer(in.Owner.Cluster)
	}
	return names.LoadBalancer(in.Namespace + "-" + in.Owner.Cluster)
}

func (in *Intent) internal() bool {
	return in.Spec.Scheme != nil && *in.Spec.Scheme == infrav1.ELBSchemeInternal
}

func (in *Intent) scheme() infrav1.ELBScheme {
	if in.internal() {
		return infrav1.ELBSchemeInternal
	}
	return infrav1.ELBSchemeInternetFacing
}

// subnetIDs returns the subnets that the load balancer belongs into, one of each
// zone, or what they wait for.
func (in *Intent) subnetIDs() (ids []string, waits string) {
	if len(in.Spec.Subnets) > 0 {
		return in.Spec.Subnets, ""
	}
	chosen := in.choose(!in.internal())
	if len(chosen) == 0 {
		chosen = in.choose(true) // a network without private subnets
	}
	if len(chosen) == 0 {
		return nil, "subnets"
	}
	for _, s := range chosen {
		if s.ID == "" {
			return nil, "subnet " + s.Name
		}
		ids = append(ids, s.ID)
	}
	return ids, ""
}

func (in *Intent) choose(public bool) []Subnet {
	var chosen []Subnet
	for _, s := range in.Subnets {
		taken := slices.ContainsFunc(chosen, func(c Subnet) bool { return c.Zone == s.Zone })
		if s.Public == public && !s.CNI && !taken {
			chosen = append(chosen, s)
		}
	}
	return chosen
}

// regionsWithoutGroups are where network load balancers take no security groups.
var regionsWithoutGroups = []string{"us-iso-east-1", "us-iso-west-1", "us-isob-east-1"}

// groupIDs returns the load balancer's security groups, or what they wait for.
func (in *Intent) groupIDs() (ids []string, waits string) {
	if in.Spec.LoadBalancerType == infrav1.LoadBalancerTypeNLB && slices.Contains(regionsWithoutGroups, in.Region) {
		return nil, ""
	}
	if in.GroupID == "" {
		return nil, "security group " + names.SecurityGroup(in.Owner.Cluster, string(infrav1.SecurityGroupAPIServerLB))
	}
	return append(slices.Clone(in.Spec.AdditionalSecurityGroups), in.GroupID), ""
}

// waits returns what the creation of the load balancer waits for.
func (in *Intent) waits() string {
	if in.VPCID == "" {
		return "the VPC"
	}
	if _, waits := in.subnetIDs(); waits != "" {
		return waits
	}
	if _, waits := in.groupIDs(); waits != "" {
		return waits
	}
	if !in.internal() && !in.Internet {
		return "an attached internet gateway"
	}
	return ""
}

// lost tells that the cluster is known by the name of a load balancer which is
// gone: another one would have another name, and clusters can't be renamed.
func (in *Intent) lost() bool {
	host := strings.TrimPrefix(in.Endpoint, "internal-")
	return in.Key == PrimaryKey && strings.HasPrefix(host, in.Name()+"-") && strings.Contains(host, ".elb.")
}

// The keys of the load balancers of a cluster.
const (
	PrimaryKey   = "load-balancer"
	SecondaryKey = "secondary-load-balancer"
)

// State is a load balancer as a snapshot shows it, beside what is wanted of it.
type State struct {
	Intent
	// V2 or ClassicRow is the load balancer, both nil while there is none.
	V2         *mirror.LoadBalancer
	ClassicRow *mirror.ClassicLoadBalancer
	// Unmanaged tells that the load balancer is the user's: it is used and never
	// changed.
	Unmanaged bool

	snap *mirror.Snapshot
	plan plan.Plan
}

// Observe finds the load balancer in a snapshot, by its name.
func Observe(in Intent, snap *mirror.Snapshot) *State {
	s := &State{Intent: in, snap: snap}
	if in.Classic() {
		s.observeClassic()
	} else {
		s.observeV2()
	}
	return s
}

// Plan returns what is left to do, and what stands in the way.
func (s *State) Plan() plan.Plan {
	p := *s
	p.plan = plan.Plan{Problems: slices.Clone(s.plan.Problems), Waits: slices.Clone(s.plan.Waits)}
	if len(p.plan.Problems)+len(p.plan.Waits) > 0 || p.Unmanaged {
		return p.plan
	}
	switch {
	case s.Withheld != nil:
		p.problem("%s", s.Withheld)
	case s.Classic():
		p.planClassic()
	case s.Spec.LoadBalancerType != infrav1.LoadBalancerTypeNLB:
		// API servers speak TLS with clients' certificates through TCP listeners, which
		// the other types don't have.
		p.problem("loadBalancerType %s can't serve an API server, whose connections are TCP; use %s or %s",
			s.Spec.LoadBalancerType, infrav1.LoadBalancerTypeNLB, infrav1.LoadBalancerTypeClassic)
	default:
		p.planV2()
	}
	return p.plan
}

// DNSName returns the load balancer's name in DNS, "" while there is none.
func (s *State) DNSName() string {
	switch {
	case s.V2 != nil && s.V2.DNSName != nil:
		return *s.V2.DNSName
	case s.ClassicRow != nil && s.ClassicRow.DNSName != nil:
		return *s.ClassicRow.DNSName
	}
	return ""
}

// adopt judges a load balancer of the wanted name. It returns false when it is
// not known yet whose it is, or when it can't be used.
func (s *State) adopt(id string, tags map[string]string, vpcID, scheme string) bool {
	name := s.Name()
	claim := s.Claim(id, tags, vpcID)
	switch {
	case s.VPCID != "" && vpcID != s.VPCID, s.VPCID == "" && vpcID != "":
		s.problem("a load balancer named %s exists in another VPC; names are unique in a region: delete it, or create the cluster anew with another one in controlPlaneLoadBalancer.name", name)
		return false
	case scheme != "" && scheme != string(s.scheme()):
		s.problem("load balancer %s exists with the scheme %s; delete it, or create the cluster anew with another one in controlPlaneLoadBalancer.name", name, scheme)
		return false
	case tags == nil:
		s.wait(infrav1.LoadBalancerFailedReason, "the tags of load balancer "+name+" to be read")
		return false
	case claim.Ours():
		return true
	case s.Spec.Name != nil && !mirror.Owned(tags):
		s.Unmanaged = true
		return true
	}
	if s.Owner.HasOwnedTag(tags) {
		s.problem("load balancer %s is of %s; delete it, or create the cluster anew with another name in controlPlaneLoadBalancer.name", name, claim.Of)
		return false
	}
	s.problem("load balancer %s exists and isn't tagged as this cluster's; delete it, or tag it %s%s=%s",
		name, names.TagOwnedPrefix, s.Owner.Cluster, names.Owned)
	return false
}

func (s *State) add(a plan.Action) {
	a.Area = Area
	s.plan.Actions = append(s.plan.Actions, a)
}

func (s *State) wait(reason, summary string) {
	s.plan.Waits = append(s.plan.Waits, plan.Wait{Area: Area, Reason: reason, Summary: summary})
}

func (s *State) problem(format string, args ...any) {
	s.plan.Problems = append(s.plan.Problems, plan.Problem{
		Area: Area, Reason: infrav1.LoadBalancerFailedReason, Summary: fmt.Sprintf(format, args...)})
}

// problemLost says that the endpoint can't be had back, once it is proven that
// the load balancer is gone.
func (s *State) problemLost() {
	for _, kind := range s.Kinds() {
		if !s.snap.AbsentSince(kind, s.Started.Add(s.snap.Grace)) {
			s.wait(infrav1.LoadBalancerFailedReason, "load balancer "+s.Name()+", which AWS doesn't show, to appear or to be proven gone")
			return
		}
	}
	s.problem("load balancer %s, which spec.controlPlaneEndpoint names, doesn't exist any more, and a new one would have another DNS name; delete the cluster and create it anew", s.Name())
}

// same tells whether two lists hold the same ids.
func same(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}
