package foundation

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/apis/infrastructure/validation"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/loadbalancer"
	"github.com/capa-apiserver/capa-apiserver/reconcile/network"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// cleanUpAnnotation, with the value "false", leaves all alone that the cloud
// controller manager made for Services when the cluster is deleted.
const cleanUpAnnotation = "aws.cluster.x-k8s.io/external-resource-gc"

// The tasks that the annotation of tasks may list: then only what they name is
// cleaned up.
const (
	cleanUpLoadBalancers  = "load-balancer"
	cleanUpTargetGroups   = "target-group"
	cleanUpSecurityGroups = "security-group"
)

// keeps tells whether a deletion leaves what one task is about alone.
func (in *Intent) keeps(task string) bool {
	annotations := in.Object.GetAnnotations()
	if strings.EqualFold(strings.TrimSpace(annotations[cleanUpAnnotation]), "false") {
		return true
	}
	tasks := strings.TrimSpace(annotations[validation.ExternalResourceGCTasksAnnotation])
	if tasks == "" {
		return false
	}
	for t := range strings.SplitSeq(tasks, ",") {
		if strings.TrimSpace(t) == task {
			return false
		}
	}
	return true
}

// PlanDeleteBalancers deletes the cluster's load balancers, those made for Services among
// them. inside names one that is still in the network, or is "".
func (s *State) PlanDeleteBalancers() (p plan.Plan, inside string) {
	shared := !s.Network.ServicesOf()
	p = loadbalancer.PlanDelete(s.Network.KubernetesName(), s.Network.VPCID(), s.Network.Claim, loadbalancer.Keep{
		LoadBalancers: shared || s.keeps(cleanUpLoadBalancers), TargetGroups: shared || s.keeps(cleanUpTargetGroups)}, s.snap)
	for _, a := range p.Actions {
		// Target groups hold nothing else up.
		if strings.HasPrefix(a.Key, loadbalancer.PrimaryKey) {
			inside = strings.TrimPrefix(a.Summary, "delete ")
		}
	}
	return p, inside
}

// servicesLeft names some of what a cloud controller manager made for a cluster of the
// name in a VPC that may not be shared with this one.
func (s *State) servicesLeft() []string {
	if s.Network.VPCID() == "" || s.Network.ServicesOf() {
		return nil
	}
	balancer, group := "load balancer ", "security group "
	left := made(s, mirror.ClassicLoadBalancers, balancer, func(l *mirror.ClassicLoadBalancer) *string { return l.LoadBalancerName })
	left = append(left, made(s, mirror.LoadBalancers, balancer, func(l *mirror.LoadBalancer) *string { return l.LoadBalancerName })...)
	left = append(left, made(s, mirror.SecurityGroups, group, func(g *ec2types.SecurityGroup) *string { return g.GroupId })...)
	const shown = 10
	return left[:min(len(left), shown)]
}

// made names the rows of a table that were made for Services in the VPC.
func made[T any](s *State, t *mirror.Table[T], what string, name func(*T) *string) []string {
	var list []string
	for _, row := range mirror.InVPC(s.snap, t, s.Network.VPCID()) {
		if network.ForService(s.Network.KubernetesName(), t.Tags(row)) {
			list = append(list, what+aws.ToString(name(row)))
		}
	}
	return list
}
