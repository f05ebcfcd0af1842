package awscluster

import (
	"fmt"
	"slices"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bastion"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bucket"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/loadbalancer"
	"github.com/capa-apiserver/capa-apiserver/reconcile/network"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// waitsForVPC is all there is to say of what lies in a VPC that isn't there.
const waitsForVPC = "waiting for the VPC"

// areas returns the conditions that report on parts of the cluster, in the order
// in which they come about; needed ones make up Ready.
func (v *view) areas() (all, needed []string) {
	all = []string{network.AreaVPC, network.AreaSubnets, network.AreaSecurityGroups, loadbalancer.Area}
	needed = slices.Clone(all)
	if v.hasBastion() {
		all, needed = append(all, bastion.Area), append(needed, bastion.Area)
	}
	if v.Cluster.Spec.S3Bucket != nil {
		all, needed = append(all, bucket.Area), append(needed, bucket.Area)
	}
	if v.network.Unmanaged {
		return all, needed
	}
	managed := []string{network.AreaInternetGateway, network.AreaNATGateways, network.AreaRouteTables, network.AreaVPCEndpoints}
	if v.network.IPv6() {
		managed = append(managed, network.AreaEgressOnlyGateway)
	}
	all, needed = append(all, managed...), append(needed, managed...)
	if len(v.Cluster.Spec.Network.VPC.SecondaryCidrBlocks) > 0 {
		all = append(all, network.AreaSecondaryCIDRs)
	}
	if v.network.Carrier() {
		all, needed = append(all, network.AreaCarrierGateway), append(needed, network.AreaCarrierGateway)
	}
	return all, needed
}

// ready tells whether everything is as wanted.
func (v *view) ready(p plan.Plan) bool {
	_, needed := v.areas()
	for _, area := range needed {
		if p.Open(area) || area == bucket.Area && v.readerOfBucket() && !v.bucketCondition().OK {
			return false
		}
	}
	return true
}

// conditions returns the conditions that the plan amounts to, Ready among them.
func (v *view) conditions(p plan.Plan) []conditions.Condition {
	all, needed := v.areas()
	var list []conditions.Condition
	ready := conditions.Condition{Type: infrav1.ReadyCondition, OK: true}
	for _, area := range all {
		c := v.area(area, p)
		if area == bucket.Area && (v.readerOfBucket() || len(v.Dependents) > 0) {
			c = v.bucketCondition() // what it says of a deletion would be no proof of whose it is
		}
		list = append(list, c)
		if c.Message == waitsForVPC {
			continue // VpcReady says why
		}
		if c.OK || !slices.Contains(needed, area) {
			continue
		}
		if ready.OK || conditions.MoreSevere(c.Severity, ready.Severity) {
			ready.Reason, ready.Severity = c.Reason, c.Severity
		}
		ready.Message = conditions.Tell(ready.Message, c)
		ready.OK = false
	}
	if trouble := v.identityTrouble(); trouble != nil {
		ready = notReady(*trouble)
	}
	return append(list, ready)
}

// area returns the condition of one area.
func (v *view) area(area string, p plan.Plan) conditions.Condition {
	deleting := !v.Cluster.DeletionTimestamp.IsZero()
	if !deleting && !p.Open(area) && area != bucket.Area && v.network.VPC == nil {
		return conditions.Condition{Type: area, Reason: infrav1.InProgressReason, Severity: clusterv1.ConditionSeverityInfo, Message: waitsForVPC}
	}
	return conditions.Area{Type: area, Pending: v.pendingReason(area, p), Failed: failedReason(area),
		Deleting: deleting, Failures: v.Failures, Acting: v.Acting}.Condition(p)
}

// pendingReason tells a creation under way from something to be put right, which has no
// reason of its own.
func (v *view) pendingReason(area string, p plan.Plan) string {
	for _, a := range p.Actions {
		switch {
		case a.Area != area:
		case area == network.AreaVPC && a.Operation == "ec2.CreateVpc":
			return infrav1.VpcCreationStartedReason
		case area == network.AreaNATGateways && a.Verb == plan.Create:
			return infrav1.NatGatewaysCreationStartedReason
		case area == loadbalancer.Area && a.Verb == plan.Create && v.primary() != nil && v.primary().DNSName() == "":
			return infrav1.WaitForDNSNameReason
		}
	}
	return ""
}

func failedReason(area string) string {
	switch area {
	case loadbalancer.Area:
		return infrav1.LoadBalancerFailedReason
	case bastion.Area:
		return infrav1.BastionHostFailedReason
	case bucket.Area:
		return infrav1.S3BucketFailedReason
	}
	return network.FailedReason[area]
}

// projected are the conditions that a projection decides on; all others in the
// status are somebody else's.
var projected = []string{
	infrav1.ReadyCondition, network.AreaVPC, network.AreaSecondaryCIDRs, network.AreaSubnets, network.AreaInternetGateway,
	network.AreaEgressOnlyGateway, network.AreaCarrierGateway, network.AreaNATGateways, network.AreaRouteTables,
	network.AreaVPCEndpoints, network.AreaSecurityGroups, loadbalancer.Area, bastion.Area, bucket.Area,
}

// notReady is Ready while a condition of the identity is false: nothing else that might be
// said of the cluster is looked after until that ends.
func notReady(cause conditions.Condition) conditions.Condition {
	return conditions.Condition{Type: infrav1.ReadyCondition, Reason: cause.Reason, Severity: clusterv1.ConditionSeverityError,
		Message: fmt.Sprintf("* %s: %s", cause.Type, cause.Message)}
}

// identityTrouble is what the object says of its identity's trouble, nil without any.
func (v *view) identityTrouble() *conditions.Condition {
	for _, kind := range []string{infrav1.PrincipalCredentialRetrievedCondition, infrav1.PrincipalUsageAllowedCondition} {
		if c, ok := conditions.Stored(v.Cluster, kind); ok && !c.OK {
			return &c
		}
	}
	return nil
}
