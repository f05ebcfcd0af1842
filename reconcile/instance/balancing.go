package instance

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/infrastructure"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Register returns what puts a control plane instance behind every listener of
// the API server's load balancers, which are the cluster's own. waits says what isn't
// known yet, or is somebody else's.
func Register(id string, infra *infrastructure.Cluster, living ownership.Living, snap *mirror.Snapshot) (actions []plan.Action, waits string) {
	whose := balancerOf(infra, living)
	for _, lb := range infra.LoadBalancers {
		if of, ok := claim(lb, infra.Cluster, whose, snap); !ok {
			waits = first(waits, of)
			continue
		}
		if lb.Classic {
			a, wait := registerClassic(id, lb, snap)
			actions, waits = append(actions, a...), first(waits, wait)
			continue
		}
		groups := groupsBehind(lb, whose, snap)
		if len(groups) == 0 {
			waits = first(waits, "a target group behind load balancer "+lb.Name)
		}
		for _, g := range groups {
			if g.Targets == nil {
				waits = first(waits, "the targets of target group "+aws.ToString(g.TargetGroupName)+" to be read (elasticloadbalancing:DescribeTargetHealth)"+because(snap))
			}
			if g.Targets == nil || slices.Contains(g.Targets, id) {
				continue
			}
			actions = append(actions, plan.Action{Key: "register/" + aws.ToString(g.TargetGroupName), Area: infrav1.ELBAttachedCondition,
				Verb: plan.Update, Operation: "elasticloadbalancingv2.RegisterTargets",
				Input:   &elbv2.RegisterTargetsInput{TargetGroupArn: g.TargetGroupArn, Targets: []elbv2types.TargetDescription{{Id: aws.String(id)}}},
				Summary: fmt.Sprintf("register instance %s with target group %s", id, aws.ToString(g.TargetGroupName))})
		}
	}
	return actions, waits
}

// balancerOf tells whether the cluster's machines may be put behind a load balancer or
// target group: its own, or one that a user brings and has tagged, in AWS, as shared
// with the cluster. Of infrastructure that somebody else keeps, what no cluster owns
// will do: it has no tags of ours.
func balancerOf(in *infrastructure.Cluster, living ownership.Living) func(ownership.Resource) ownership.Claim {
	owner := in.Owner(living)
	return func(r ownership.Resource) ownership.Claim {
		if mirror.Owned(r.Tags) {
			return owner.Claim(r)
		}
		switch shared, doubt := owner.Shared(r); {
		case shared, in.External && r.Tags != nil:
			return ownership.Claim{Verdict: ownership.Ours}
		case doubt != "":
			return ownership.Claim{Of: "nobody for certain: " + doubt, Undecided: true}
		}
		return owner.Claim(r)
	}
}

// claim tells whether a load balancer is the cluster's own: what its status names
// proves nothing. Else waits says what is missing.
func claim(lb infrastructure.LoadBalancer, cluster string, whose func(ownership.Resource) ownership.Claim, snap *mirror.Snapshot) (waits string, ok bool) {
	var tags map[string]string
	id := lb.ARN
	if lb.Classic {
		row, there := mirror.Get(snap, mirror.ClassicLoadBalancers, lb.Name)
		if !there {
			return "load balancer " + lb.Name, false
		}
		id, tags = ownership.LoadBalancer(lb.Name), mirror.ClassicLoadBalancers.Tags(row)
	} else {
		row, there := mirror.Get(snap, mirror.LoadBalancers, lb.ARN)
		if !there {
			return "load balancer " + lb.Name, false
		}
		tags = mirror.LoadBalancers.Tags(row)
	}
	claim := whose(ownership.Resource{ID: id, Tags: tags, Recorded: true})
	return fmt.Sprintf("a load balancer of the cluster's own: %s, which the AWSCluster names, belongs to %s; one that you bring needs the tag %s%s = %s, and so do its target groups",
		first(lb.Name, lb.ARN), claim.Of, names.TagOwnedPrefix, cluster, names.Shared), claim.Ours()
}

// because says why target groups couldn't be read, as far as that is known.
func because(snap *mirror.Snapshot) string {
	if err := snap.Err(mirror.TargetGroups.Kind); err != nil {
		return ", which fails: " + cloud.Classify(err).Message
	}
	return ""
}

func registerClassic(id string, lb infrastructure.LoadBalancer, snap *mirror.Snapshot) ([]plan.Action, string) {
	row, ok := mirror.Get(snap, mirror.ClassicLoadBalancers, lb.Name)
	if !ok {
		return nil, "load balancer " + lb.Name
	}
	if hasInstance(row, id) {
		return nil, ""
	}
	return []plan.Action{{Key: "register/" + lb.Name, Area: infrav1.ELBAttachedCondition, Verb: plan.Update,
		Operation: "elasticloadbalancing.RegisterInstancesWithLoadBalancer",
		Input: &elb.RegisterInstancesWithLoadBalancerInput{LoadBalancerName: aws.String(lb.Name),
			Instances: []elbtypes.Instance{{InstanceId: aws.String(id)}}},
		Summary: fmt.Sprintf("register instance %s with load balancer %s", id, lb.Name)}}, ""
}

func hasInstance(row *mirror.ClassicLoadBalancer, id string) bool {
	return slices.ContainsFunc(row.Instances, func(i elbtypes.Instance) bool { return aws.ToString(i.InstanceId) == id })
}

// groupsBehind returns the cluster's target groups of a load balancer's listeners: those
// that the listeners name, and those that say they serve it.
func groupsBehind(lb infrastructure.LoadBalancer, whose func(ownership.Resource) ownership.Claim, snap *mirror.Snapshot) []*mirror.TargetGroup {
	named := map[string]bool{}
	if row, ok := mirror.Get(snap, mirror.LoadBalancers, lb.ARN); ok {
		for _, l := range row.Listeners {
			for _, a := range l.DefaultActions {
				named[aws.ToString(a.TargetGroupArn)] = true
			}
		}
	}
	return mirror.Select(snap, mirror.TargetGroups, func(g *mirror.TargetGroup) bool {
		behind := named[aws.ToString(g.TargetGroupArn)] || slices.Contains(g.LoadBalancerArns, lb.ARN)
		return behind && whose(ownership.Resource{ID: aws.ToString(g.TargetGroupArn), Tags: mirror.TargetGroups.Tags(g), Inside: true}).Ours()
	})
}

// Deregister returns what takes an instance out of the load balancers, before it
// ends: then they send nothing more to it.
func Deregister(id string, infra *infrastructure.Cluster, living ownership.Living, snap *mirror.Snapshot) []plan.Action {
	var actions []plan.Action
	whose := balancerOf(infra, living)
	for _, lb := range infra.LoadBalancers {
		if _, ok := claim(lb, infra.Cluster, whose, snap); !ok {
			continue
		}
		if lb.Classic {
			if row, ok := mirror.Get(snap, mirror.ClassicLoadBalancers, lb.Name); ok && hasInstance(row, id) {
				actions = append(actions, plan.Action{Key: "deregister/" + lb.Name, Area: infrav1.ELBAttachedCondition, Verb: plan.Delete,
					Operation: "elasticloadbalancing.DeregisterInstancesFromLoadBalancer",
					Input: &elb.DeregisterInstancesFromLoadBalancerInput{LoadBalancerName: aws.String(lb.Name),
						Instances: []elbtypes.Instance{{InstanceId: aws.String(id)}}},
					Summary: fmt.Sprintf("deregister instance %s from load balancer %s", id, lb.Name)})
			}
			continue
		}
		for _, g := range groupsBehind(lb, whose, snap) {
			if g.Targets != nil && !slices.Contains(g.Targets, id) {
				continue
			}
			actions = append(actions, plan.Action{Key: "deregister/" + aws.ToString(g.TargetGroupName), Area: infrav1.ELBAttachedCondition,
				Verb: plan.Delete, Operation: "elasticloadbalancingv2.DeregisterTargets",
				Input:   &elbv2.DeregisterTargetsInput{TargetGroupArn: g.TargetGroupArn, Targets: []elbv2types.TargetDescription{{Id: aws.String(id)}}},
				Summary: fmt.Sprintf("deregister instance %s from target group %s", id, aws.ToString(g.TargetGroupName))})
		}
	}
	return actions
}
