package eks

import (
	"fmt"
	"slices"
	"strings"
	"time"

	scalingtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	sdk "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/autoscaling"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/ec2"
)

// start makes a node group's launch template and Auto Scaling group.
func (c *cluster) start(r *core.Request, g *nodegroup, in *sdk.CreateNodegroupInput) error {
	data, err := g.templateData(r, in.LaunchTemplate)
	if err != nil {
		return err
	}
	if err := c.release(r, g, &data, in.Version, in.ReleaseVersion); err != nil {
		return err
	}
	if len(g.InstanceTypes) == 0 && data.InstanceType == "" {
		g.InstanceTypes = []string{"t3.medium"}
	}
	if in.LaunchTemplate == nil && g.DiskSize == nil {
		g.DiskSize = core.Ptr(int32(20))
	}
	c.dress(g, &data)
	n, system, id := ec2.Of(r.Region), r.System("eks-nodegroup.amazonaws.com", "CreateAutoScalingGroup"), uuid(r.Region)
	tags := map[string]string{"eks:cluster-name": *c.Name, "eks:nodegroup-name": *g.NodegroupName}
	if g.template, err = n.MakeTemplate(system, "eks-"+id, data, tags); err != nil {
		return invalid("The launch template can't be made: %v", err)
	}
	group := &autoscaling.Creation{AutoScalingGroupName: core.Ptr("eks-" + *g.NodegroupName + "-" + id), MinSize: g.ScalingConfig.MinSize, MaxSize: g.ScalingConfig.MaxSize,
		DesiredCapacity: g.ScalingConfig.DesiredSize, VPCZoneIdentifier: core.Ptr(strings.Join(g.Subnets, ",")), MixedInstancesPolicy: g.policy(), CapacityRebalance: core.Ptr(g.CapacityType == types.CapacityTypesSpot)}
	for key, value := range map[string]string{"eks:cluster-name": *c.Name, "eks:nodegroup-name": *g.NodegroupName, "k8s.io/cluster-autoscaler/enabled": "true",
		"k8s.io/cluster-autoscaler/" + *c.Name: "owned", "kubernetes.io/cluster/" + *c.Name: "owned"} {
		group.Tags = append(group.Tags, scalingtypes.Tag{Key: core.Ptr(key), Value: core.Ptr(value), PropagateAtLaunch: core.Ptr(true), ResourceId: group.AutoScalingGroupName, ResourceType: core.Ptr("auto-scaling-group")})
	}
	if err := autoscaling.Create(system, group); err != nil {
		n.DropTemplate(g.template)
		return invalid("The Auto Scaling group can't be made: %v", err)
	}
	g.Resources = &types.NodegroupResources{AutoScalingGroups: []types.AutoScalingGroup{{Name: group.AutoScalingGroupName}}}
	return nil
}

// policy says which instances the group has.
func (g *nodegroup) policy() *scalingtypes.MixedInstancesPolicy {
	onDemand := int32(100)
	if g.CapacityType == types.CapacityTypesSpot {
		onDemand = 0
	}
	out := &scalingtypes.MixedInstancesPolicy{InstancesDistribution: &scalingtypes.InstancesDistribution{OnDemandPercentageAboveBaseCapacity: &onDemand},
		LaunchTemplate: &scalingtypes.LaunchTemplate{LaunchTemplateSpecification: &scalingtypes.LaunchTemplateSpecification{LaunchTemplateId: &g.template, Version: core.Ptr("1")}}}
	for _, name := range g.InstanceTypes {
		out.LaunchTemplate.Overrides = append(out.LaunchTemplate.Overrides, scalingtypes.LaunchTemplateOverrides{InstanceType: &name})
	}
	return out
}

// templateData is what the user's own launch template says, if there is one.
func (g *nodegroup) templateData(r *core.Request, given *types.LaunchTemplateSpecification) (ec2types.RequestLaunchTemplateData, error) {
	if given == nil {
		return ec2types.RequestLaunchTemplateData{}, nil
	}
	data, is, number, err := ec2.Of(r.Region).TemplateData(r, given.Id, given.Name, core.Val(given.Version))
	switch {
	case err != nil:
		return data, invalid("Launch template details can't be found: %v", err)
	case data.InstanceType != "" && len(g.InstanceTypes) > 0:
		return data, invalid("You cannot specify instance types in both the launch template and the API request")
	case g.DiskSize != nil:
		return data, invalid("Disk size must be specified within the launch template")
	case g.RemoteAccess != nil:
		return data, invalid("Remote access configuration cannot be specified with a launch template")
	case data.IamInstanceProfile != nil:
		return data, invalid("Instance profile can't be specified in the launch template; use nodeRole")
	}
	g.LaunchTemplate = &types.LaunchTemplateSpecification{Id: is.LaunchTemplateId, Name: is.LaunchTemplateName, Version: &number}
	return data, nil
}

// release settles image, version and release version of a node group.
func (c *cluster) release(r *core.Request, g *nodegroup, data *ec2types.RequestLaunchTemplateData, version, releaseVersion *string) error {
	if data.ImageId != nil {
		if version != nil || releaseVersion != nil {
			return invalid("You cannot specify the field version or releaseVersion when using custom AMIs")
		}
		if g.AmiType != "" && g.AmiType != types.AMITypesCustom {
			return invalid("You cannot specify an AMI Type other than CUSTOM when specifying an image id in your launch template")
		}
		g.AmiType, g.Version, g.ReleaseVersion = types.AMITypesCustom, c.Version, data.ImageId
		return nil
	}
	wanted := *c.Version
	if version != nil {
		wanted = *version
	}
	switch {
	case !offered(wanted):
		return invalid("Requested Nodegroup version %s is not supported", wanted)
	case minor(wanted) > minor(*c.Version):
		return invalid("Nodegroup Kubernetes version %s can't be newer than the cluster's version %s", wanted, *c.Version)
	case minor(*c.Version)-minor(wanted) > 3:
		return invalid("Nodegroup Kubernetes version %s is more than three minor versions behind the cluster's version %s", wanted, *c.Version)
	}
	if g.AmiType == "" {
		g.AmiType = types.AMITypesAl2023X8664Standard
	}
	if strings.HasPrefix(string(g.AmiType), "AL2_") && minor(wanted) > 32 {
		return invalid("AMI Type %s is only supported for kubernetes versions 1.32 or earlier", g.AmiType)
	}
	image, allowed := imageOf(r.Region, g.AmiType, wanted)
	if image == nil {
		return invalid("There is no image of AMI type %s for kubernetes version %s", g.AmiType, wanted)
	}
	if releaseVersion != nil && *releaseVersion != allowed {
		if !strings.HasPrefix(*releaseVersion, wanted+".") {
			return invalid("Requested release version %s is not valid for kubernetes version %s.", *releaseVersion, wanted)
		}
		return invalid("Requested Nodegroup release version %s is invalid. Allowed release version is %s", *releaseVersion, allowed)
	}
	g.Version, g.ReleaseVersion, data.ImageId = &wanted, &allowed, image.ImageId
	return nil
}

// imageOf is the image of an AMI type, with its release version. Types without an image of their own here have Amazon Linux 2023's.
func imageOf(r *core.Region, kind types.AMITypes, version string) (*ec2types.Image, string) {
	arch, gpu := ec2types.ArchitectureValuesX8664, strings.Contains(string(kind), "NVIDIA") || strings.HasSuffix(string(kind), "GPU")
	if strings.Contains(string(kind), "ARM_64") {
		arch = ec2types.ArchitectureValuesArm64
	}
	pattern := "amazon-eks-node-al2023-*-standard-" + version + "-v*"
	switch {
	case strings.HasPrefix(string(kind), "AL2_") && gpu:
		pattern = "amazon-eks-gpu-node-" + version + "-v*"
	case kind == types.AMITypesAl2Arm64:
		pattern = "amazon-eks-arm64-node-" + version + "-v*"
	case kind == types.AMITypesAl2X8664:
		pattern = "amazon-eks-node-" + version + "-v*"
	case gpu:
		pattern = "amazon-eks-node-al2023-*-nvidia-" + version + "-v*"
	}
	image := ec2.PublicImage(r, ec2.OwnerEKS, pattern, arch)
	if image == nil {
		return nil, ""
	}
	built, _ := time.Parse(time.RFC3339, *image.CreationDate) // as the emulator writes it
	return image, fmt.Sprintf("%s.1-%s", version, built.Format("20060102"))
}

// dress adds to a template what EKS gives its nodes: the cluster's security group, the disk, and what they register with.
func (c *cluster) dress(g *nodegroup, data *ec2types.RequestLaunchTemplateData) {
	if len(data.SecurityGroupIds) == 0 && len(data.NetworkInterfaces) == 0 {
		data.SecurityGroupIds = []string{*c.ResourcesVpcConfig.ClusterSecurityGroupId}
	}
	if g.DiskSize != nil {
		data.BlockDeviceMappings = []ec2types.LaunchTemplateBlockDeviceMappingRequest{{DeviceName: core.Ptr("/dev/xvda"), Ebs: &ec2types.LaunchTemplateEbsBlockDeviceRequest{VolumeSize: g.DiskSize, DeleteOnTermination: core.Ptr(true)}}}
	}
	if g.RemoteAccess != nil {
		data.KeyName = g.RemoteAccess.Ec2SshKey
	}
}

func updateNodegroupConfig(r *core.Request, in *sdk.UpdateNodegroupConfigInput) (*sdk.UpdateNodegroupConfigOutput, error) {
	c, g, err := changing(r, in.ClusterName, in.NodegroupName)
	if err != nil {
		return nil, err
	}
	id, err := core.Once(r, in, in.ClientRequestToken, func() (string, error) {
		if err := g.busy(r, c, "ConfigUpdate"); err != nil {
			return "", err
		}
		sizes, err := resize(r, g, in.ScalingConfig)
		if err != nil {
			return "", err
		}
		params := map[types.UpdateParamType]any{}
		if in.ScalingConfig != nil {
			params["MinSize"], params["MaxSize"], params["DesiredSize"] = *sizes.MinSize, *sizes.MaxSize, *sizes.DesiredSize
		}
		if in.Labels != nil {
			params["LabelsToAdd"], params["LabelsToRemove"] = in.Labels.AddOrUpdateLabels, in.Labels.RemoveLabels
		}
		if in.Taints != nil {
			params["TaintsToAdd"], params["TaintsToRemove"] = in.Taints.AddOrUpdateTaints, in.Taints.RemoveTaints
		}
		g.Status = types.NodegroupStatusUpdating
		return g.updates.begin(r, types.UpdateTypeConfigUpdate, params, r.Config.NodegroupDelay, func() *types.ErrorDetail {
			g.Status, g.ScalingConfig, g.ModifiedAt = types.NodegroupStatusActive, sizes, core.Ptr(r.Now())
			g.configure(in)
			return nil
		}), nil
	})
	if err != nil {
		return nil, err
	}
	return &sdk.UpdateNodegroupConfigOutput{Update: g.updates.Get(id)}, nil
}

// changing looks up a node group that is to be changed.
func changing(r *core.Request, clusterName, name *string) (*cluster, *nodegroup, error) {
	c, err := running(r, clusterName)
	if err != nil {
		return nil, nil, err
	}
	g, err := c.nodegroup(r, name)
	return c, g, err
}

// busy refuses a change while there is another.
func (g *nodegroup) busy(r *core.Request, c *cluster, what string) error {
	switch {
	case g.updates.current != nil:
		return inUse(*c.Name, "Cannot %s because nodegroup %s currently has update %s in progress", what, *g.NodegroupName, *g.updates.current.Id)
	case g.Status == types.NodegroupStatusCreating || g.Status == types.NodegroupStatusDeleting:
		return inUse(*c.Name, "Nodegroup %s cannot be updated as it is currently not in Active State", *g.NodegroupName)
	case slices.ContainsFunc(g.show(r.Region).Health.Issues, func(i types.Issue) bool { return !slices.Contains(harmless, i.Code) }):
		return refuse("InvalidRequestException", 400, "Nodegroup health has issues other than [ AsgInstanceLaunchFailures, InstanceLimitExceeded, InsufficientFreeAddresses, ClusterUnreachable ]")
	}
	return nil
}

// harmless are the issues with which a node group is changed all the same.
var harmless = []types.NodegroupIssueCode{types.NodegroupIssueCodeAsgInstanceLaunchFailures, types.NodegroupIssueCodeInstanceLimitExceeded,
	types.NodegroupIssueCodeInsufficientFreeAddresses, types.NodegroupIssueCodeClusterUnreachable}

// resize has the Auto Scaling group follow.
func resize(r *core.Request, g *nodegroup, in *types.NodegroupScalingConfig) (*types.NodegroupScalingConfig, error) {
	sizes, err := sizesOf(g.show(r.Region).ScalingConfig, in)
	if err != nil || in == nil {
		return sizes, err
	}
	err = autoscaling.Update(r.System("eks-nodegroup.amazonaws.com", "UpdateAutoScalingGroup"), &autoscaling.Change{AutoScalingGroupName: core.Ptr(g.group()),
		MinSize: sizes.MinSize, MaxSize: sizes.MaxSize, DesiredCapacity: sizes.DesiredSize})
	if err != nil {
		return nil, invalid("The Auto Scaling group can't be changed: %v", err)
	}
	return sizes, nil
}

// configure applies what a request says beside sizes.
func (g *nodegroup) configure(in *sdk.UpdateNodegroupConfigInput) {
	if in.UpdateConfig != nil {
		g.UpdateConfig = in.UpdateConfig
	}
	if in.NodeRepairConfig != nil {
		g.NodeRepairConfig = in.NodeRepairConfig
	}
	if in.WarmPoolConfig != nil {
		g.WarmPoolConfig = in.WarmPoolConfig
	}
	if in.Labels != nil {
		labels := map[string]string{}
		for key, value := range g.Labels {
			labels[key] = value
		}
		for key, value := range in.Labels.AddOrUpdateLabels {
			labels[key] = value
		}
		for _, key := range in.Labels.RemoveLabels {
			delete(labels, key)
		}
		g.Labels = labels
	}
	if in.Taints != nil {
		kept := []types.Taint{}
		for _, taint := range g.Taints {
			if !hasTaint(in.Taints.RemoveTaints, taint) && !hasTaint(in.Taints.AddOrUpdateTaints, taint) {
				kept = append(kept, taint)
			}
		}
		g.Taints = slices.Concat(kept, in.Taints.AddOrUpdateTaints)
	}
}

func hasTaint(taints []types.Taint, x types.Taint) bool {
	for _, taint := range taints {
		if core.Val(taint.Key) == core.Val(x.Key) && taint.Effect == x.Effect {
			return true
		}
	}
	return false
}

func updateNodegroupVersion(r *core.Request, in *sdk.UpdateNodegroupVersionInput) (*sdk.UpdateNodegroupVersionOutput, error) {
	c, g, err := changing(r, in.ClusterName, in.NodegroupName)
	if err != nil {
		return nil, err
	}
	id, err := core.Once(r, in, in.ClientRequestToken, func() (string, error) {
		if err := g.busy(r, c, "VersionUpdate"); err != nil {
			return "", err
		}
		return c.renew(r, g, in)
	})
	if err != nil {
		return nil, err
	}
	return &sdk.UpdateNodegroupVersionOutput{Update: g.updates.Get(id)}, nil
}

// renew replaces the nodes by such of another version.
func (c *cluster) renew(r *core.Request, g *nodegroup, in *sdk.UpdateNodegroupVersionInput) (string, error) {
	if in.Version != nil && g.AmiType != types.AMITypesCustom && minor(*in.Version) < minor(*g.Version) {
		return "", invalid("Nodegroup version can't be decreased from %s to %s", *g.Version, *in.Version)
	}
	wanted := *g
	given := in.LaunchTemplate
	if given == nil {
		given = g.LaunchTemplate
	} else if g.LaunchTemplate == nil || given.Id != nil && *given.Id != *g.LaunchTemplate.Id || given.Name != nil && *given.Name != *g.LaunchTemplate.Name {
		return "", invalid("Launch template ids can't be changed on nodegroup %s", *g.NodegroupName)
	}
	if given != nil {
		wanted.DiskSize = nil
	}
	data, err := wanted.templateData(r, given)
	if err != nil {
		return "", err
	}
	version := in.Version
	if version == nil && wanted.AmiType != types.AMITypesCustom && in.ReleaseVersion == nil {
		version = g.Version
	}
	if err := c.release(r, &wanted, &data, version, in.ReleaseVersion); err != nil {
		return "", err
	}
	c.dress(&wanted, &data)
	number, err := ec2.Of(r.Region).AddTemplateVersion(r.System("eks-nodegroup.amazonaws.com", "CreateLaunchTemplateVersion"), g.template, data)
	d := &drain{force: in.Force, since: map[string]time.Time{}, empty: map[string]bool{}}
	if err == nil {
		err = autoscaling.Renew(r.System("eks-nodegroup.amazonaws.com", "StartInstanceRefresh"), g.group(), number, func(id string) bool { return c.mayGo(r.Region, d, id) })
	}
	if err != nil {
		return "", invalid("The Auto Scaling group can't be changed: %v", err)
	}
	params := map[types.UpdateParamType]any{"Version": *wanted.Version, "ReleaseVersion": *wanted.ReleaseVersion}
	failing := c.failNextNodegroup
	c.failNextNodegroup = false
	g.Status, g.drain = types.NodegroupStatusUpdating, d
	return g.updates.beginUntil(r, types.UpdateTypeVersionUpdate, params, r.Config.NodegroupDelay, func() bool {
		standing, ok := autoscaling.StandingOf(r.Region, g.group())
		return failing || len(c.stuck(r.Region, d)) > 0 || !ok || !standing.Renewing && standing.InService >= standing.Desired
	}, func() *types.ErrorDetail {
		g.Status, g.ModifiedAt, g.drain = types.NodegroupStatusActive, core.Ptr(r.Now()), nil
		if stuck := c.stuck(r.Region, d); failing || len(stuck) > 0 {
			autoscaling.StopRenewing(r.Region, g.group())
			return g.evictionFailure(stuck)
		}
		g.Version, g.ReleaseVersion, g.LaunchTemplate, g.AmiType = wanted.Version, wanted.ReleaseVersion, wanted.LaunchTemplate, wanted.AmiType
		return nil
	}), nil
}
