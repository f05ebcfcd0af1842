package awscluster

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bastion"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bucket"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/loadbalancer"
	"github.com/capa-apiserver/capa-apiserver/reconcile/network"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

const (
	// shownActions is how many differences a condition lists.
	shownActions = 4
	// failureMark stands before the error of the latest attempt in a message.
	failureMark = "; latest attempt: "
	// waitsForVPC is all there is to say of what lies in a VPC that isn't there.
	waitsForVPC = "waiting for the VPC"
)

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
		if areaOpen(p, area) || area == bucket.Area && v.readerOfBucket() && !v.bucketCondition().OK {
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
		ready.Message = strings.TrimPrefix(ready.Message+"\n* "+c.Type+": "+c.Message, "\n")
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
	c := conditions.Condition{Type: area, Severity: clusterv1.ConditionSeverityInfo}
	var parts []string
	for _, x := range p.Problems {
		if x.Area == area {
			c.Reason, c.Severity = cmp.Or(c.Reason, x.Reason), clusterv1.ConditionSeverityError
			parts = append(parts, x.Summary)
		}
	}
	for _, w := range p.Waits {
		if w.Area == area {
			c.Reason = cmp.Or(c.Reason, w.Reason)
			parts = append(parts, "waiting for "+w.Summary)
		}
	}
	parts, reason := append(parts, pending(area, p)...), v.pendingReason(area, p)
	c.Reason = cmp.Or(c.Reason, reason)
	switch {
	case deleting && len(parts) == 0 && v.failure(area) == "":
		return conditions.Condition{Type: area, Reason: infrav1.DeletedReason, Severity: clusterv1.ConditionSeverityInfo}
	case deleting:
		c.Reason = infrav1.DeletingReason
	case len(parts) == 0 && area != bucket.Area && v.network.VPC == nil:
		c.Reason, c.Message = failedReason(area), waitsForVPC
		return c
	case len(parts) == 0:
		return conditions.Condition{Type: area, OK: true}
	}
	c.Message = shorten(parts)
	if failure := v.failure(area); failure != "" {
		c.Message = strings.TrimPrefix(c.Message+failureMark+failure, "; ")
		c.Severity = clusterv1.ConditionSeverityWarning
		if c.Reason != network.ReasonWaitingForObservation {
			c.Reason = failedReason(area)
		}
		if deleting {
			c.Reason = infrav1.DeletingFailedReason
		}
	}
	return c
}

// pending returns the sentences of an area's actions.
func pending(area string, p plan.Plan) []string {
	var parts []string
	for _, a := range p.Actions {
		switch {
		case a.Area != area:
		case a.WaitsFor != "":
			parts = append(parts, fmt.Sprintf("%s (waiting for %s)", a.Summary, a.WaitsFor))
		default:
			parts = append(parts, a.Summary)
		}
	}
	return parts
}

// pendingReason tells a creation under way from something to be put right.
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
	return failedReason(area)
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

// failure returns the error of the latest attempt in an area. Where no attempt
// was made here, what the object says of the latest one still holds.
func (v *view) failure(area string) string {
	if v.Failures != nil {
		return strings.Join(v.Failures[area], "; ")
	}
	if c := meta.FindStatusCondition(v.Cluster.Status.Conditions, area); c != nil && c.Status == metav1.ConditionFalse {
		_, failure, _ := strings.Cut(c.Message, failureMark)
		return failure
	}
	return ""
}

func shorten(parts []string) string {
	if len(parts) <= shownActions {
		return strings.Join(parts, "; ")
	}
	return fmt.Sprintf("%s; and %d more", strings.Join(parts[:shownActions], "; "), len(parts)-shownActions)
}

// projected are the conditions that a projection decides on; all others in the
// status are somebody else's.
var projected = []string{
	infrav1.ReadyCondition, network.AreaVPC, network.AreaSecondaryCIDRs, network.AreaSubnets, network.AreaInternetGateway,
	network.AreaEgressOnlyGateway, network.AreaCarrierGateway, network.AreaNATGateways, network.AreaRouteTables,
	network.AreaVPCEndpoints, network.AreaSecurityGroups, loadbalancer.Area, bastion.Area, bucket.Area,
}

// setConditions replaces the projected conditions in both forms, each of them in
// the order of their types. A condition whose status didn't change keeps its time.
func setConditions(status *infrav1.AWSClusterStatus, conditions []conditions.Condition, generation int64) {
	replaceConditions(status, conditions, projected, generation)
}

func replaceConditions(status *infrav1.AWSClusterStatus, conditions []conditions.Condition, kinds []string, generation int64) {
	oldForm := &infrav1.AWSCluster{Status: *status}
	before := status.Conditions
	status.Conditions = slices.DeleteFunc(slices.Clone(before), func(c metav1.Condition) bool { return slices.Contains(kinds, c.Type) })
	old := oldForm.GetV1Beta1Conditions()
	kept := slices.DeleteFunc(slices.Clone(old), func(c clusterv1.Condition) bool { return slices.Contains(kinds, string(c.Type)) })
	for _, c := range conditions {
		status.Conditions = append(status.Conditions, c.Modern(before, generation))
		kept = append(kept, c.Old(old))
	}
	oldForm.SetV1Beta1Conditions(kept)
	status.Deprecated = oldForm.Status.Deprecated
	sortConditions(status)
}

// sortConditions keeps the conditions in the order of their types.
func sortConditions(status *infrav1.AWSClusterStatus) {
	slices.SortFunc(status.Conditions, func(a, b metav1.Condition) int { return cmp.Compare(a.Type, b.Type) })
	if d := status.Deprecated; d != nil && d.V1Beta1 != nil {
		slices.SortFunc(d.V1Beta1.Conditions, func(a, b infrav1.V1Beta1Condition) int { return cmp.Compare(a.Type, b.Type) })
	}
}

// Stamp gives the time to the conditions that changed.
func Stamp(status *infrav1.AWSClusterStatus, now metav1.Time) {
	var old []infrav1.V1Beta1Condition
	if d := status.Deprecated; d != nil && d.V1Beta1 != nil {
		old = d.V1Beta1.Conditions
	}
	conditions.Stamp(status.Conditions, old, now)
}
