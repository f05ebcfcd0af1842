package foundation

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bastion"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/network"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// planDelete deletes what else the cluster has first. While there are machines, everything
// stays: they couldn't be drained without it.
func (s *State) planDelete(further plan.Plan, inside string) plan.Plan {
	p := s.planTeardown(further, inside)
	stray := s.strayInstances()
	if len(s.Dependents) == 0 && len(stray) == 0 {
		return p
	}
	for i := range p.Actions {
		p.Actions[i].WaitsFor = "the end of the cluster's machines"
	}
	p.Waits = nil
	if len(s.Dependents) > 0 {
		p.Wait(network.AreaVPC, infrav1.DeletingReason, describe(s.Dependents)+" to be deleted first; delete the Cluster, or its Machines, if nobody has")
	} else {
		p.Wait(network.AreaVPC, infrav1.DeletingReason, "the end of "+s.describeStray(stray))
	}
	return p
}

func (s *State) planTeardown(p plan.Plan, inside string) plan.Plan {
	p.Join(s.planBucket())
	host, left := s.Bastion.PlanDelete()
	p.Join(host)
	if inside == "" {
		inside = left
	}
	if inside != "" {
		inside = "the end of " + inside
	}
	p.Join(s.Network.PlanDelete(inside))
	return p
}

// strayInstances names the instances in the cluster's VPC that carry its tag: whoever
// made them, they would lose the network that they run in.
func (s *State) strayInstances() []*ec2types.Instance {
	if s.Network.VPCID() == "" || s.Network.Unmanaged && s.Owner.Shares(s.Network.VPCID()) {
		return nil
	}
	var found []*ec2types.Instance
	for _, i := range mirror.InVPC(s.snap, mirror.Instances, s.Network.VPCID()) {
		tags, owner := mirror.Instances.Tags(i), &s.Owner
		elsewhere := s.Network.Unmanaged && owner.Elsewhere(tags)
		if owner.HasOwnedTag(tags) && tags[names.TagRole] != bastion.Role && !instance.Ended(i) && !elsewhere {
			found = append(found, i)
		}
	}
	return found
}

// describeStray says what stray instances are, and what to do about them: those whose
// UID nobody here has may well be of somebody.
func (s *State) describeStray(stray []*ec2types.Instance) string {
	var list, others []string
	for _, i := range stray {
		id := "instance " + aws.ToString(i.InstanceId)
		list = append(list, id)
		if uid := mirror.Instances.Tags(i)[names.TagUID]; uid != "" {
			others = append(others, fmt.Sprintf("%s is of %s", id, s.Owner.Holder(uid)))
		}
	}
	text := describe(list) + ", which carries the cluster's tag and is of no machine here; "
	advice := "terminate it, or take the tag off if it is something else"
	if len(stray) > 1 {
		text = describe(list) + ", which carry the cluster's tag and are of no machine here; "
		advice = "terminate them, or take the tag off those that are something else"
	}
	if len(others) > 0 {
		return text + strings.Join(others[:min(len(others), 3)], ", ") + ": ask there before you touch anything; otherwise " + advice
	}
	return text + advice
}
