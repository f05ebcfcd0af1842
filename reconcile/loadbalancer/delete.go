package loadbalancer

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/network"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// DeleteKinds returns the tables that have to be seen before a cluster's load
// balancers are known to be gone: of all types, because the type may have been
// changed, and because Services make others.
func DeleteKinds() []mirror.Kind {
	return []mirror.Kind{mirror.ClassicLoadBalancers.Kind, mirror.LoadBalancers.Kind, mirror.TargetGroups.Kind}
}

// PlanDelete returns what is left to be deleted of a cluster's load balancers and
// target groups: those of its API servers, and those which the cloud controller
// manager made for Services and marked as the cluster's. Names are those of
// spec; load balancers that are the user's carry no owned tag and stay.
func PlanDelete(cluster, vpcID string, claim Claim, keep Keep, snap *mirror.Snapshot) plan.Plan {
	d := deletion{cluster: cluster, vpcID: vpcID, claim: claim, keep: keep, snap: snap}
	d.classic()
	arns := d.v2()
	d.targetGroups(arns)
	return d.plan
}

// Claim tells whose something is, by its ARN or name, its tags and its VPC.
type Claim func(id string, tags map[string]string, vpcID string) ownership.Claim

// Keep says what is left alone of that which was made for Services.
type Keep struct{ LoadBalancers, TargetGroups bool }

type deletion struct {
	cluster, vpcID string
	claim          Claim
	keep           Keep
	snap           *mirror.Snapshot
	plan           plan.Plan
}

// belongs tells whether tags mark something as the cluster's: made by us, or by
// its cloud controller manager in its VPC, unless that is to be kept.
func (d *deletion) belongs(id string, tags map[string]string, vpcID string, keep bool) bool {
	inVPC := d.vpcID != "" && vpcID == d.vpcID
	return d.claim(id, tags, vpcID).Ours() || inVPC && !keep && network.ForService(d.cluster, tags)
}

func (d *deletion) add(key, operation, summary, waits string, in any) {
	d.plan.Actions = append(d.plan.Actions, plan.Action{Key: key, Area: Area, Verb: plan.Delete, Operation: operation,
		Input: in, Summary: summary, WaitsFor: waits})
}

func (d *deletion) classic() {
	for _, l := range mirror.Select(d.snap, mirror.ClassicLoadBalancers, nil) {
		if !d.belongs(ownership.LoadBalancer(aws.ToString(l.LoadBalancerName)), l.TagSet, aws.ToString(l.VPCId), d.keep.LoadBalancers) {
			continue
		}
		name := aws.ToString(l.LoadBalancerName)
		d.add("load-balancer/classic/"+name, "elasticloadbalancing.DeleteLoadBalancer", "delete classic load balancer "+name, "",
			&elb.DeleteLoadBalancerInput{LoadBalancerName: l.LoadBalancerName})
	}
}

// v2 plans to delete load balancers, and returns the ARNs of those that stand.
func (d *deletion) v2() map[string]string {
	standing := map[string]string{}
	for _, l := range mirror.Select(d.snap, mirror.LoadBalancers, nil) {
		if !d.belongs(aws.ToString(l.LoadBalancerArn), l.TagSet, aws.ToString(l.VpcId), d.keep.LoadBalancers) {
			continue
		}
		name := aws.ToString(l.LoadBalancerName)
		standing[aws.ToString(l.LoadBalancerArn)] = name
		d.add("load-balancer/"+name, "elasticloadbalancingv2.DeleteLoadBalancer", "delete load balancer "+name, "",
			&elbv2.DeleteLoadBalancerInput{LoadBalancerArn: l.LoadBalancerArn})
	}
	return standing
}

// targetGroups go after the load balancers whose listeners use them.
func (d *deletion) targetGroups(standing map[string]string) {
	for _, g := range mirror.Select(d.snap, mirror.TargetGroups, nil) {
		if !d.belongs(aws.ToString(g.TargetGroupArn), g.TagSet, aws.ToString(g.VpcId), d.keep.TargetGroups) {
			continue
		}
		var used []string
		for _, arn := range g.LoadBalancerArns {
			if name, ok := standing[arn]; ok {
				used = append(used, name)
			}
		}
		waits := ""
		if len(used) > 0 {
			waits = "the end of load balancer " + strings.Join(used, ", ")
		}
		name := aws.ToString(g.TargetGroupName)
		d.add("target-group/"+name, "elasticloadbalancingv2.DeleteTargetGroup", fmt.Sprintf("delete target group %s", name), waits,
			&elbv2.DeleteTargetGroupInput{TargetGroupArn: g.TargetGroupArn})
	}
}
