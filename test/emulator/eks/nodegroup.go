package eks

import (
	"maps"
	"slices"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/autoscaling"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/ec2"
)

// nodegroup is a managed node group, with the launch template that EKS makes for it.
type nodegroup struct {
	types.Nodegroup
	updates  updates
	template string
	drain    *drain
}

// Limits of "View and manage Amazon EKS and Fargate service quotas".
const (
	mostNodegroups  = 30
	mostGroupNodes  = 450
	mostGroupLabels = 50
	mostTypes       = 20
	// patience is how often EKS looks whether the nodes have come.
	patience = 30
)

func (g *nodegroup) group() string { return *g.Resources.AutoScalingGroups[0].Name }

// show is the node group as it stands: with as many nodes wanted as its Auto Scaling group has
// it, whoever decided that; one whose Auto Scaling group is gone is degraded.
func (g *nodegroup) show(r *core.Region) *types.Nodegroup {
	out := g.Nodegroup
	out.Tags, out.Labels, out.Taints = maps.Clone(g.Tags), maps.Clone(g.Labels), slices.Clone(g.Taints)
	standing, ok := autoscaling.StandingOf(r, g.group())
	if ok {
		out.ScalingConfig = &types.NodegroupScalingConfig{MinSize: g.ScalingConfig.MinSize, MaxSize: g.ScalingConfig.MaxSize, DesiredSize: core.Ptr(int32(standing.Desired))}
	}
	if !ok && g.Status == types.NodegroupStatusActive {
		out.Status = types.NodegroupStatusDegraded
		out.Health = &types.NodegroupHealth{Issues: []types.Issue{{Code: types.NodegroupIssueCodeAutoScalingGroupNotFound, ResourceIds: []string{g.group()},
			Message: core.Ptr("We couldn't find the Auto Scaling group associated with the managed node group. You may be able to recreate an Auto Scaling group with the same settings to recover.")}}}
	}
	return &out
}

func (c *cluster) nodegroup(r *core.Request, name *string) (*nodegroup, error) {
	row := c.nodegroups.Row(core.Val(name))
	if row == nil || r.Hidden(row.Created) {
		return nil, notFound("No node group found for name: %s.", core.Val(name))
	}
	r.Touch(row.ID, *row.Value.NodegroupArn)
	return row.Value, nil
}

// behind are the node groups that a version of the control plane would leave more than three minor versions behind.
func (c *cluster) behind(wanted string) []string {
	var out []string
	for _, g := range c.nodegroups.All() {
		if minor(wanted)-minor(*g.Version) > 3 {
			out = append(out, *g.NodegroupName)
		}
	}
	return out
}

func createNodegroup(r *core.Request, in *sdk.CreateNodegroupInput) (*sdk.CreateNodegroupOutput, error) {
	c, err := find(r, in.ClusterName)
	switch {
	case err != nil:
		return nil, err
	case c.Status != types.ClusterStatusActive:
		return nil, refuse("InvalidRequestException", 400, "Cluster '%s' is not in ACTIVE status: %s", *c.Name, c.Status)
	}
	name, err := core.Once(r, in, in.ClientRequestToken, func() (string, error) {
		g, err := c.newNodegroup(r, in)
		if err != nil {
			return "", err
		}
		if err := c.start(r, g, in); err != nil {
			return "", err
		}
		c.nodegroups.Put(*g.NodegroupName, g, r.Now())
		c.letRoleIn(r, *g.NodeRole, "EC2_LINUX")
		failing := c.failNextNodegroup
		c.failNextNodegroup = false
		r.After(r.Config.NodegroupDelay, func() { g.come(r.Region, failing, patience) })
		return *g.NodegroupName, nil
	})
	if err != nil {
		return nil, err
	}
	g := c.nodegroups.Get(name)
	if g == nil { // made under this token, and deleted since
		_, err := c.nodegroup(r, &name)
		return nil, err
	}
	r.Touch(name, *g.NodegroupArn)
	return &sdk.CreateNodegroupOutput{Nodegroup: g.show(r.Region)}, nil
}

// come ends the creation when the nodes are there.
func (g *nodegroup) come(r *core.Region, failing bool, looks int) {
	standing, ok := autoscaling.StandingOf(r, g.group())
	switch {
	case g.Status != types.NodegroupStatusCreating:
	case failing:
		g.fail(types.NodegroupIssueCodeNodeCreationFailure, "Instances failed to join the kubernetes cluster")
	case !ok || standing.InService < standing.Desired && looks == 0:
		g.fail(types.NodegroupIssueCodeAsgInstanceLaunchFailures, "Could not launch On-Demand Instances.")
	case standing.InService < standing.Desired:
		r.After(again(r), func() { g.come(r, failing, looks-1) })
	default:
		g.Status = types.NodegroupStatusActive
	}
}

func (g *nodegroup) fail(code types.NodegroupIssueCode, message string) {
	g.Status = types.NodegroupStatusCreateFailed
	g.Health = &types.NodegroupHealth{Issues: []types.Issue{{Code: code, Message: &message, ResourceIds: []string{g.group()}}}}
}

func (c *cluster) newNodegroup(r *core.Request, in *sdk.CreateNodegroupInput) (*nodegroup, error) {
	name := core.Val(in.NodegroupName)
	switch {
	case !nameForm.MatchString(name) || len(name) > 63:
		return nil, invalid("The nodegroup name must have 1 to 63 letters, digits, hyphens and underscores: %s", name)
	case c.nodegroups.Get(name) != nil:
		return nil, inUse(*c.Name, "NodeGroup already exists with name %s and cluster name %s", name, *c.Name)
	case c.nodegroups.Len() >= r.Config.Quota("nodegroups", mostNodegroups):
		return nil, refuse("ResourceLimitExceededException", 400, "Nodegroup limit exceeded for cluster %s", *c.Name)
	case len(in.Subnets) == 0:
		return nil, invalid("Subnets are not specified")
	case len(in.InstanceTypes) > mostTypes:
		return nil, invalid("At most %d instance types can be given", mostTypes)
	case len(in.Labels) > mostGroupLabels:
		return nil, invalid("At most %d labels can be given", mostGroupLabels)
	}
	if err := nodeRole(r, in.NodeRole); err != nil {
		return nil, err
	}
	for _, id := range in.Subnets {
		if subnet, err := ec2.Of(r.Region).Subnet(r, id); err != nil || *subnet.VpcId != *c.ResourcesVpcConfig.VpcId {
			return nil, invalid("The subnet ID '%s' does not exist in %s", id, *c.ResourcesVpcConfig.VpcId)
		}
	}
	if err := tagsProblem(in.Tags); err != nil {
		return nil, err
	}
	g := &nodegroup{Nodegroup: types.Nodegroup{ClusterName: c.Name, NodegroupName: &name, NodegroupArn: core.Ptr(r.ARN("eks", "nodegroup/"+*c.Name+"/"+name+"/"+uuid(r.Region))),
		Status: types.NodegroupStatusCreating, CreatedAt: core.Ptr(r.Now()), ModifiedAt: core.Ptr(r.Now()), Health: &types.NodegroupHealth{Issues: []types.Issue{}}, NodeRole: in.NodeRole,
		Subnets: slices.Clone(in.Subnets), InstanceTypes: slices.Clone(in.InstanceTypes), AmiType: in.AmiType, CapacityType: in.CapacityType, DiskSize: in.DiskSize, Labels: maps.Clone(in.Labels),
		Taints: slices.Clone(in.Taints), RemoteAccess: in.RemoteAccess, NodeRepairConfig: in.NodeRepairConfig, WarmPoolConfig: in.WarmPoolConfig, UpdateConfig: in.UpdateConfig, Tags: maps.Clone(in.Tags)}}
	if g.CapacityType == "" {
		g.CapacityType = types.CapacityTypesOnDemand
	}
	if g.UpdateConfig == nil {
		g.UpdateConfig = &types.NodegroupUpdateConfig{MaxUnavailable: core.Ptr(int32(1))}
	}
	var err error
	g.ScalingConfig, err = sizesOf(&types.NodegroupScalingConfig{MinSize: core.Ptr(int32(1)), MaxSize: core.Ptr(int32(2)), DesiredSize: core.Ptr(int32(2))}, in.ScalingConfig)
	return g, err
}

// nodeRole checks the role of nodes.
func nodeRole(r *core.Request, arn *string) error {
	x, err := role(r, arn)
	switch {
	case err != nil:
		return err
	case !x.Trusts("ec2.amazonaws.com"):
		return invalid("Role could not be assumed because the trusted entity is not correct")
	case !x.Has("AmazonEKSWorkerNodePolicy") && !x.Has("AmazonEKSWorkerNodeMinimalPolicy") && !x.May("eks:DescribeCluster"):
		return invalid("The provided role doesn't have the Amazon EKS Managed Policies associated with it. Please ensure the following policies [AmazonEKSWorkerNodePolicy, AmazonEC2ContainerRegistryReadOnly] are attached")
	}
	return nil
}

// sizesOf is what a request says of sizes, over what there was.
func sizesOf(now, in *types.NodegroupScalingConfig) (*types.NodegroupScalingConfig, error) {
	out := *now
	if in != nil {
		for _, x := range []struct{ into, from **int32 }{{&out.MinSize, &in.MinSize}, {&out.MaxSize, &in.MaxSize}, {&out.DesiredSize, &in.DesiredSize}} {
			if *x.from != nil {
				*x.into = *x.from
			}
		}
	}
	switch {
	case *out.MinSize > *out.MaxSize:
		return nil, invalid("Minimum capacity %d can't be greater than maximum size %d", *out.MinSize, *out.MaxSize)
	case *out.MinSize > *out.DesiredSize:
		return nil, invalid("Minimum capacity %d can't be greater than desired size %d", *out.MinSize, *out.DesiredSize)
	case *out.DesiredSize > *out.MaxSize:
		return nil, invalid("desired capacity %d can't be greater than max size %d", *out.DesiredSize, *out.MaxSize)
	case *out.MaxSize < 1 || *out.MaxSize > mostGroupNodes:
		return nil, invalid("The maximum size must be from 1 to %d", mostGroupNodes)
	}
	return &out, nil
}

func describeNodegroup(r *core.Request, in *sdk.DescribeNodegroupInput) (*sdk.DescribeNodegroupOutput, error) {
	c, err := find(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	g, err := c.nodegroup(r, in.NodegroupName)
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeNodegroupOutput{Nodegroup: g.show(r.Region)}, nil
}

func listNodegroups(r *core.Request, in *sdk.ListNodegroupsInput) (*sdk.ListNodegroupsOutput, error) {
	c, err := find(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	list, next, err := names(r, c.nodegroups.Rows(), in.NextToken, in.MaxResults, func(g *nodegroup) string { return *g.NodegroupName })
	return &sdk.ListNodegroupsOutput{Nodegroups: list, NextToken: next}, err
}

func deleteNodegroup(r *core.Request, in *sdk.DeleteNodegroupInput) (*sdk.DeleteNodegroupOutput, error) {
	c, err := find(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	g, err := c.nodegroup(r, in.NodegroupName)
	switch {
	case err != nil:
		return nil, err
	case g.updates.current != nil:
		return nil, inUse(*c.Name, "Nodegroup %s cannot be deleted as it currently has update %s in progress", *g.NodegroupName, *g.updates.current.Id)
	case g.Status != types.NodegroupStatusDeleting:
		g.Status = types.NodegroupStatusDeleting
		// An Auto Scaling group that somebody else deleted is no hindrance.
		_ = autoscaling.Delete(r.System("eks-nodegroup.amazonaws.com", "DeleteAutoScalingGroup"), g.group())
		r.After(r.Config.NodegroupDelay, func() { c.leave(r.Region, g) })
	}
	return &sdk.DeleteNodegroupOutput{Nodegroup: g.show(r.Region)}, nil
}

// leave ends the deletion when the nodes are gone.
func (c *cluster) leave(r *core.Region, g *nodegroup) {
	if _, there := autoscaling.StandingOf(r, g.group()); there {
		r.After(again(r), func() { c.leave(r, g) })
		return
	}
	ec2.Of(r).DropTemplate(g.template)
	c.nodegroups.Delete(*g.NodegroupName)
}

// again is when EKS looks once more.
func again(r *core.Region) time.Duration { return max(r.Settings().NodegroupDelay, time.Second) }
