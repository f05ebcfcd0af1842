package foundation

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bastion"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bucket"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/network"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// waitsForVPC is all there is to say of what lies in a VPC that isn't there.
const waitsForVPC = "waiting for the VPC"

// projected are the conditions that a projection decides on, besides those of what else a
// cluster has; all others in the status are somebody else's.
var projected = []string{
	infrav1.ReadyCondition, network.AreaVPC, network.AreaSecondaryCIDRs, network.AreaSubnets, network.AreaInternetGateway,
	network.AreaEgressOnlyGateway, network.AreaCarrierGateway, network.AreaNATGateways, network.AreaRouteTables,
	network.AreaVPCEndpoints, network.AreaSecurityGroups, bastion.Area, bucket.Area,
}

// areas returns what has a condition, in the order in which it comes about. further is
// what else the cluster has.
func (s *State) areas(p plan.Plan, further []conditions.Area) []conditions.Area {
	list := s.of(p, network.AreaVPC, network.AreaSubnets, network.AreaSecurityGroups)
	list = append(list, further...)
	if s.hasBastion() {
		list = append(list, conditions.Area{Type: bastion.Area, Failed: infrav1.BastionHostFailedReason})
	}
	if s.S3Bucket != nil {
		list = append(list, conditions.Area{Type: bucket.Area, Failed: infrav1.S3BucketFailedReason})
	}
	if s.Network.Unmanaged {
		return list
	}
	list = append(list, s.of(p, network.AreaInternetGateway, network.AreaNATGateways, network.AreaRouteTables, network.AreaVPCEndpoints)...)
	if s.Network.IPv6() {
		list = append(list, s.of(p, network.AreaEgressOnlyGateway)...)
	}
	if len(s.NetworkSpec.VPC.SecondaryCidrBlocks) > 0 || s.PodBlock != "" {
		list = append(list, s.of(p, network.AreaSecondaryCIDRs)...)
	}
	if s.Network.Carrier() {
		list = append(list, s.of(p, network.AreaCarrierGateway)...)
	}
	return list
}

// of returns areas of the network. A creation under way is told from something to be put
// right, which has no reason of its own.
func (s *State) of(p plan.Plan, types ...string) []conditions.Area {
	list := make([]conditions.Area, len(types))
	for i, area := range types {
		list[i] = conditions.Area{Type: area, Failed: network.FailedReason[area]}
		switch {
		case area == network.AreaVPC && p.Creates(area):
			list[i].Pending = infrav1.VpcCreationStartedReason
		case area == network.AreaNATGateways && p.Creates(area):
			list[i].Pending = infrav1.NatGatewaysCreationStartedReason
		}
	}
	return list
}

// needed tells whether the cluster isn't ready without an area.
func needed(area string) bool { return area != network.AreaSecondaryCIDRs }

// Ready tells whether everything is as wanted.
func (s *State) Ready(p plan.Plan, further ...conditions.Area) bool {
	for _, a := range s.areas(p, further) {
		if needed(a.Type) && (p.Open(a.Type) || a.Type == bucket.Area && s.readerOfBucket() && !s.bucketCondition().OK) {
			return false
		}
	}
	return true
}

// SetConditions writes the conditions that the plan amounts to, Ready among them. further
// is what else the cluster has.
func (s *State) SetConditions(into conditions.Object, p plan.Plan, further ...conditions.Area) {
	var all, unready []conditions.Condition
	types := projected
	for _, a := range further {
		types = append(types[:len(types):len(types)], a.Type)
	}
	for _, a := range s.areas(p, further) {
		c := s.condition(a, p)
		all = append(all, c)
		if needed(a.Type) && c.Message != waitsForVPC { // VpcReady says why
			unready = append(unready, c)
		}
	}
	ready := conditions.Summary(unready...)
	if trouble := s.identityTrouble(); trouble != nil {
		// Nothing else that might be said of the cluster is looked after until that ends.
		ready = conditions.Condition{Type: infrav1.ReadyCondition, Reason: trouble.Reason, Severity: clusterv1.ConditionSeverityError,
			Message: fmt.Sprintf("* %s: %s", trouble.Type, trouble.Message)}
	}
	conditions.Replace(into, append(all, ready), types, s.Object.GetGeneration())
}

// condition returns the condition of one area.
func (s *State) condition(a conditions.Area, p plan.Plan) conditions.Condition {
	switch {
	case a.Type == bucket.Area && (s.readerOfBucket() || len(s.Dependents) > 0):
		return s.bucketCondition() // what it says of a deletion would be no proof of whose it is
	case !s.Deleting() && !p.Open(a.Type) && a.Type != bucket.Area && s.Network.VPC == nil:
		return conditions.Condition{Type: a.Type, Reason: infrav1.InProgressReason, Severity: clusterv1.ConditionSeverityInfo, Message: waitsForVPC}
	}
	a.Deleting, a.Failures, a.Acting = s.Deleting(), s.Failures, s.Acting
	return a.Condition(p)
}

// identityTrouble is what the object says of its identity's trouble, nil without any.
func (s *State) identityTrouble() *conditions.Condition {
	for _, kind := range []string{infrav1.PrincipalCredentialRetrievedCondition, infrav1.PrincipalUsageAllowedCondition} {
		if c, ok := conditions.Stored(s.Object, kind); ok && !c.OK {
			return &c
		}
	}
	return nil
}

// Silent tells that the status stays as it is, and writes all there is to say then.
func (s *State) Silent(into conditions.Object, p plan.Plan) bool {
	switch {
	case s.Blind():
		s.setBlind(into, p)
	case s.Contested():
		conditions.Replace(into, []conditions.Condition{s.condition(s.of(p, network.AreaVPC)[0], p)}, []string{network.AreaVPC}, s.Object.GetGeneration())
	default:
		return false
	}
	return true
}

// setBlind writes the conditions while AWS was not seen yet: they stay as they are, or
// tell of a new object that nothing is known.
func (s *State) setBlind(into conditions.Object, p plan.Plan) {
	vpc := meta.FindStatusCondition(into.GetConditions(), network.AreaVPC)
	if vpc != nil && !s.Deleting() && vpc.Reason != conditions.WaitingForObservation {
		return
	}
	c := s.condition(s.of(p, network.AreaVPC)[0], p)
	if s.Deleting() && len(s.Failures[c.Type]) == 0 {
		return // it is about to be seen
	}
	ready := c
	ready.Type, ready.Message = infrav1.ReadyCondition, "* "+c.Type+": "+c.Message
	conditions.Replace(into, []conditions.Condition{c, ready}, []string{c.Type, ready.Type}, s.Object.GetGeneration())
}
