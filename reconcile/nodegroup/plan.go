package nodegroup

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/reconcile/ekschild"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

const key = "nodegroup"

// Plan returns what is left to do, and what stands in the way.
func (s *State) Plan() plan.Plan {
	var p plan.Plan
	if !ekschild.Sees(s.snap, &p, Area, "node group "+s.Name, "eks:DescribeNodegroup", s.Intent.Wants()[0]) {
		return p
	}
	switch {
	case s.Row == nil:
		s.planCreate(&p)
	case s.Own() == nil:
		p.Problem(Area, Failed, "node group %s of EKS cluster %s is of %s; give another name in spec.eksNodegroupName of a new object, or, %s", s.Name, s.Cluster, s.claim.Of,
			s.Adopt(aws.ToString(s.Row.NodegroupArn)))
	default:
		s.planOwn(&p)
	}
	return p
}

func (s *State) planOwn(p *plan.Plan) {
	switch s.Row.Status {
	case ekstypes.NodegroupStatusDeleting:
		p.Wait(Area, reasonDeleting, "the end of node group "+s.Name+", to make it again")
		return
	case ekstypes.NodegroupStatusCreateFailed, ekstypes.NodegroupStatusDeleteFailed:
		why := cmp.Or(Issues(s.Row), "EKS gives no reason")
		p.Problem(Area, Failed, "node group %s is %s: %s", s.Name, s.Row.Status, why)
		p.Add(s.delete(fmt.Sprintf("which failed (%s), to make it again", why)))
		return
	}
	s.tell(p)
	p.Add(s.Retag(key, Area, "node group "+s.Name, aws.ToString(s.Row.NodegroupArn), s.tags(), s.Row.Tags)...)
	p.Add(s.retagGroup()...)
	if s.Row.Status != ekstypes.NodegroupStatusCreating {
		s.planUpdates(p)
	}
}

// tell says what is wrong with the node group, and what EKS is doing with it.
func (s *State) tell(p *plan.Plan) {
	issues := Issues(s.Row)
	switch {
	case s.Row.Status == ekstypes.NodegroupStatusCreating:
		p.Wait(Area, reasonCreating, strings.TrimSuffix("EKS to make node group "+s.Name+"; "+issues, "; "))
	case s.Row.Status == ekstypes.NodegroupStatusDegraded || issues != "":
		p.Problem(Area, reasonDegraded, "node group %s is %s: %s", s.Name, s.Row.Status, cmp.Or(issues, "EKS gives no reason"))
	}
	if s.GroupGone() && !strings.Contains(issues, string(ekstypes.NodegroupIssueCodeAutoScalingGroupNotFound)) {
		p.Problem(Area, reasonDegraded, "Auto Scaling group %s of node group %s is gone, and EKS makes no other one; delete the node group (aws eks delete-nodegroup "+
			"--cluster-name %s --nodegroup-name %s) to have it made anew", s.GroupName(), s.Name, s.Cluster, s.Name)
	}
	if differs := s.fixed(); len(differs) > 0 {
		p.Problem(Area, Failed, "node group %s has another %s than spec says, which EKS can't change; say what there is, or make another object", s.Name, strings.Join(differs, ", "))
	}
}

// fixed names what the node group has otherwise than the spec says and can't be changed.
func (s *State) fixed() []string {
	var differs []string
	check := func(what string, different bool) {
		if different {
			differs = append(differs, what)
		}
	}
	check("role", s.RoleARN != "" && s.RoleARN != aws.ToString(s.Row.NodeRole))
	check("subnets", !s.Chosen && len(s.Subnets) > 0 && !sameSet(s.Subnets, s.Row.Subnets))
	check("AMI type", s.AMIType != "" && !s.custom() && s.AMIType != s.Row.AmiType)
	check("instance types", len(s.InstanceTypes) > 0 && !sameSet(s.InstanceTypes, s.Row.InstanceTypes))
	check("capacity type", s.CapacityType != "" && s.CapacityType != s.Row.CapacityType)
	check("disk size", s.DiskSize != nil && *s.DiskSize != aws.ToInt32(s.Row.DiskSize))
	check("SSH key", s.RemoteAccess != nil && (s.Row.RemoteAccess == nil || aws.ToString(s.RemoteAccess.Ec2SshKey) != aws.ToString(s.Row.RemoteAccess.Ec2SshKey)))
	check("launch template", s.Template != nil && !s.Template.is(s.Row.LaunchTemplate))
	return differs
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Compact(slices.Sorted(slices.Values(a))), slices.Compact(slices.Sorted(slices.Values(b))))
}

// custom tells that the nodes' image isn't EKS's choice.
func (s *State) custom() bool {
	return s.Row != nil && s.Row.AmiType == ekstypes.AMITypesCustom || s.Template != nil && s.Template.Custom
}

// is tells that it is the launch template that a node group has, as far as is known.
func (t *Template) is(have *ekstypes.LaunchTemplateSpecification) bool {
	return have != nil && (t.ID == "" || t.ID == aws.ToString(have.Id)) && (t.Name == "" || t.Name == aws.ToString(have.Name))
}

// PlanDelete returns what is left to do until the node group is gone. What isn't the owner's stays.
func (s *State) PlanDelete() plan.Plan {
	var p plan.Plan
	switch {
	case !ekschild.Sees(s.snap, &p, Area, "node group "+s.Name, "eks:DescribeNodegroup", s.Intent.Wants()[0]), s.Own() == nil:
	case s.ending():
		p.Wait(Area, reasonDeleting, strings.TrimSuffix("the end of node group "+s.Name+"; "+Issues(s.Row), "; "))
	case s.Updates.Current.InProgress():
		p.Wait(Area, reasonDeleting, "the end of "+s.Locked()+", before which it can't be deleted")
	default:
		if issues := Issues(s.Row); s.Row.Status == ekstypes.NodegroupStatusDeleteFailed {
			p.Problem(Area, Failed, "node group %s is %s: %s", s.Name, s.Row.Status, cmp.Or(issues, "EKS gives no reason"))
		}
		p.Add(s.delete("which is wanted no more"))
	}
	return p
}

func (s *State) delete(why string) plan.Action {
	return plan.Action{Key: key, Area: Area, Verb: plan.Delete, Operation: "eks.DeleteNodegroup",
		Input:   &eks.DeleteNodegroupInput{ClusterName: aws.String(s.Cluster), NodegroupName: aws.String(s.Name)},
		Summary: fmt.Sprintf("delete node group %s, %s", s.Name, why)}
}

func (s *State) tags() map[string]string { return s.Tags(s.OwnTags) }

// planCreate makes the node group. That is idempotent because its name is unique in its cluster.
func (s *State) planCreate(p *plan.Plan) {
	in := &eks.CreateNodegroupInput{ClusterName: aws.String(s.Cluster), NodegroupName: aws.String(s.Name), NodeRole: aws.String(s.RoleARN), Subnets: s.Subnets,
		InstanceTypes: s.InstanceTypes, CapacityType: s.CapacityType, DiskSize: s.DiskSize, RemoteAccess: s.RemoteAccess, Labels: s.Labels, Taints: s.Taints,
		ScalingConfig: s.Scaling.initial(), UpdateConfig: s.UpdateConfig, NodeRepairConfig: s.Repair, Tags: s.tags()}
	switch t := s.Template; {
	case s.custom():
	case t != nil && t.Given: // without a version EKS takes the control plane's
		if in.AmiType, in.ReleaseVersion = s.AMIType, optional(s.Release); s.Version != s.ClusterVersion {
			in.Version = optional(s.Version)
		}
	default:
		in.AmiType, in.Version, in.ReleaseVersion = cmp.Or(s.AMIType, DefaultAMIType(s.InstanceTypes)), optional(s.Version), optional(s.Release)
	}
	if s.Template != nil {
		in.LaunchTemplate = s.Template.specification()
	}
	waits := s.WaitsFor
	if waits == "" {
		waits = s.tooNew()
	}
	p.Add(plan.Action{Key: key, Area: Area, Verb: plan.Create, Operation: "eks.CreateNodegroup", Input: in, WaitsFor: waits,
		Summary: fmt.Sprintf("create node group %s of EKS cluster %s", s.Name, s.Cluster)})
}

func (t *Template) exists() bool { return t.ID+t.Name != "" && t.Version != "" }

func (t *Template) specification() *ekstypes.LaunchTemplateSpecification {
	if t.ID == "" {
		return &ekstypes.LaunchTemplateSpecification{Name: aws.String(t.Name), Version: aws.String(t.Version)}
	}
	return &ekstypes.LaunchTemplateSpecification{Id: aws.String(t.ID), Version: aws.String(t.Version)}
}

// initial is the size of a new node group.
func (x *Scaling) initial() *ekstypes.NodegroupScalingConfig {
	n := x.Initial
	if x.Desired != nil {
		n = *x.Desired
	}
	c := &ekstypes.NodegroupScalingConfig{MinSize: x.Min, MaxSize: x.Max}
	if c.MinSize == nil {
		c.MinSize = aws.Int32(min(n, aws.ToInt32(cmp.Or(x.Max, &n))))
	}
	if c.MaxSize == nil {
		c.MaxSize = aws.Int32(max(n, *c.MinSize, 1))
	}
	c.DesiredSize = aws.Int32(min(max(n, *c.MinSize), *c.MaxSize))
	return c
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
