package autoscaling

import (
	"fmt"
	"regexp"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/ec2"
)

// Defaults of CreateAutoScalingGroup, in seconds.
const (
	defaultCooldown  = 300
	defaultHeartbeat = 3600
)

// groupName says whether a group may be called so.
var groupName = regexp.MustCompile(`^[!-9;-~]{1,255}$`).MatchString

func createAutoScalingGroup(r *core.Request, in *sdk.CreateAutoScalingGroupInput) (*sdk.CreateAutoScalingGroupOutput, error) {
	s, name := of(r.Region), core.Val(in.AutoScalingGroupName)
	switch {
	case !groupName(name):
		return nil, refuse("ValidationError", "1 validation error detected: Value '%s' at 'autoScalingGroupName' failed to satisfy constraint: "+
			"1 to 255 characters of ASCII 33 to 126 without a colon", name)
	case s.groups.Get(name) != nil:
		return nil, refuse("AlreadyExists", "AutoScalingGroup by this name already exists - A group with the name %s already exists", name)
	case s.groups.Len() >= r.Config.Quota("autoScalingGroups", 500):
		return nil, refuse("LimitExceeded", "AutoScalingGroup limit exceeded")
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	g := &group{AutoScalingGroup: types.AutoScalingGroup{
		AutoScalingGroupName: &name, MinSize: in.MinSize, MaxSize: in.MaxSize, DesiredCapacity: in.DesiredCapacity, LaunchTemplate: in.LaunchTemplate,
		MixedInstancesPolicy: in.MixedInstancesPolicy, VPCZoneIdentifier: in.VPCZoneIdentifier, AvailabilityZones: in.AvailabilityZones,
		CapacityRebalance: in.CapacityRebalance, DefaultCooldown: in.DefaultCooldown, DefaultInstanceWarmup: in.DefaultInstanceWarmup,
		HealthCheckType: in.HealthCheckType, HealthCheckGracePeriod: in.HealthCheckGracePeriod, TargetGroupARNs: in.TargetGroupARNs,
		LoadBalancerNames: in.LoadBalancerNames, TerminationPolicies: in.TerminationPolicies, MaxInstanceLifetime: in.MaxInstanceLifetime,
		NewInstancesProtectedFromScaleIn: in.NewInstancesProtectedFromScaleIn, PlacementGroup: in.PlacementGroup, CreatedTime: core.Ptr(r.Now()),
		AvailabilityZoneDistribution: in.AvailabilityZoneDistribution, InstanceMaintenancePolicy: in.InstanceMaintenancePolicy,
		AutoScalingGroupARN: core.Ptr(r.ARN("autoscaling", "autoScalingGroup:"+r.Hex(32)+":autoScalingGroupName/"+name)),
	}}
	g.complete(r.Region)
	if err := checkReference(g.template()); err != nil {
		return nil, err
	}
	for _, spec := range in.LifecycleHookSpecificationList {
		g.hooks = append(g.hooks, completeHook(name, types.LifecycleHook{LifecycleHookName: spec.LifecycleHookName, LifecycleTransition: spec.LifecycleTransition,
			DefaultResult: spec.DefaultResult, HeartbeatTimeout: spec.HeartbeatTimeout, NotificationMetadata: spec.NotificationMetadata,
			NotificationTargetARN: spec.NotificationTargetARN, RoleARN: spec.RoleARN}))
	}
	if err := g.check(r); err != nil {
		return nil, err
	}
	for _, tag := range in.Tags {
		g.setTag(tag)
	}
	s.groups.Put(name, g, r.Now())
	g.schedule(r.Region)
	r.Touch(name)
	return nil, nil
}

// complete fills in AWS's defaults.
func (g *group) complete(r *core.Region) {
	if g.DesiredCapacity == nil {
		g.DesiredCapacity = g.MinSize
	}
	if g.DefaultCooldown == nil {
		g.DefaultCooldown = core.Ptr(int32(defaultCooldown))
	}
	if g.HealthCheckType == nil {
		g.HealthCheckType = core.Ptr("EC2")
	}
	if g.HealthCheckGracePeriod == nil {
		g.HealthCheckGracePeriod = core.Ptr(int32(0))
	}
	if len(g.TerminationPolicies) == 0 {
		g.TerminationPolicies = []string{"Default"}
	}
	g.ServiceLinkedRoleARN = core.Ptr(fmt.Sprintf("arn:%s:iam::%s:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling", core.Partition(r.Name), r.Account))
}

// subnets are the ids of VPCZoneIdentifier.
func (g *group) subnets() []string {
	var out []string
	for _, id := range strings.Split(core.Val(g.VPCZoneIdentifier), ",") {
		if id = strings.TrimSpace(id); id != "" {
			out = append(out, id)
		}
	}
	return out
}

// template is the launch template of new instances.
func (g *group) template() *types.LaunchTemplateSpecification {
	if policy := g.MixedInstancesPolicy; policy != nil && policy.LaunchTemplate != nil {
		return policy.LaunchTemplate.LaunchTemplateSpecification
	}
	return g.LaunchTemplate
}

// check holds a new or changed group to the rules, and finds the zones of its subnets.
func (g *group) check(r *core.Request) error {
	least, most, desired := core.Val(g.MinSize), core.Val(g.MaxSize), core.Val(g.DesiredCapacity)
	switch {
	case g.MinSize == nil || g.MaxSize == nil:
		return refuse("ValidationError", "Both MinSize and MaxSize must be specified.")
	case least < 0 || most < least:
		return refuse("ValidationError", "Max bound, %d, must be greater than or equal to min bound, %d", most, least)
	case desired < least || desired > most:
		return refuse("ValidationError", "Desired capacity:%d must be between the specified min size:%d and max size:%d", desired, least, most)
	case g.LaunchTemplate != nil && g.MixedInstancesPolicy != nil, g.template() == nil:
		return refuse("ValidationError", "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter.")
	case len(g.subnets()) == 0:
		return refuse("ValidationError", "At least one Availability Zone or VPC Subnet is required.")
	}
	n, zones := ec2.Of(r.Region), map[string]bool{}
	g.AvailabilityZones = nil
	for _, id := range g.subnets() {
		subnet, err := n.Subnet(r, id)
		if err != nil {
			return refuse("ValidationError", "The subnet ID '%s' does not exist", id)
		}
		if !zones[*subnet.AvailabilityZone] {
			zones[*subnet.AvailabilityZone] = true
			g.AvailabilityZones = append(g.AvailabilityZones, *subnet.AvailabilityZone)
		}
	}
	return g.checkTemplate(r)
}

// checkReference refuses a template that is given both by id and by name.
func checkReference(spec *types.LaunchTemplateSpecification) error {
	if spec != nil && spec.LaunchTemplateId != nil && spec.LaunchTemplateName != nil {
		return refuse("ValidationError", "Valid requests must contain either launchTemplateId or LaunchTemplateName")
	}
	return nil
}

// checkTemplate makes a trial of a launch, as Auto Scaling does. It also completes the template's id and name.
func (g *group) checkTemplate(r *core.Request) error {
	spec := g.template()
	given := spec.LaunchTemplateName
	if spec.LaunchTemplateId != nil {
		given = nil
	}
	id, name, err := ec2.Of(r.Region).Template(r, spec.LaunchTemplateId, given)
	if err == nil {
		spec.LaunchTemplateId, spec.LaunchTemplateName = &id, &name
		err = ec2.Of(r.Region).Try(r, g.request(r.Region, g.subnets()[0], false))
	}
	if err == nil {
		return nil
	}
	_, message, _ := strings.Cut(err.Error(), ": ")
	return refuse("ValidationError", "You must use a valid fully-formed launch template. %s", message)
}

func updateAutoScalingGroup(r *core.Request, in *sdk.UpdateAutoScalingGroupInput) (*sdk.UpdateAutoScalingGroupOutput, error) {
	g, err := find(r, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	if g.deleting {
		return nil, refuse("ScalingActivityInProgress", "AutoScalingGroup %s is pending delete", *g.AutoScalingGroupName)
	}
	changed := *g
	change(&changed.MinSize, in.MinSize)
	change(&changed.MaxSize, in.MaxSize)
	change(&changed.DesiredCapacity, in.DesiredCapacity)
	change(&changed.VPCZoneIdentifier, in.VPCZoneIdentifier)
	change(&changed.CapacityRebalance, in.CapacityRebalance)
	change(&changed.DefaultCooldown, in.DefaultCooldown)
	change(&changed.DefaultInstanceWarmup, in.DefaultInstanceWarmup)
	change(&changed.HealthCheckType, in.HealthCheckType)
	change(&changed.HealthCheckGracePeriod, in.HealthCheckGracePeriod)
	change(&changed.MaxInstanceLifetime, in.MaxInstanceLifetime)
	change(&changed.NewInstancesProtectedFromScaleIn, in.NewInstancesProtectedFromScaleIn)
	change(&changed.PlacementGroup, in.PlacementGroup)
	change(&changed.AvailabilityZoneDistribution, in.AvailabilityZoneDistribution)
	change(&changed.InstanceMaintenancePolicy, in.InstanceMaintenancePolicy)
	if in.TerminationPolicies != nil {
		changed.TerminationPolicies = in.TerminationPolicies
	}
	if in.LaunchTemplate != nil {
		changed.LaunchTemplate, changed.MixedInstancesPolicy = in.LaunchTemplate, nil
	}
	if in.MixedInstancesPolicy != nil {
		changed.MixedInstancesPolicy, changed.LaunchTemplate = in.MixedInstancesPolicy, nil
	}
	if in.DesiredCapacity == nil {
		changed.DesiredCapacity = core.Ptr(min(max(*g.DesiredCapacity, *changed.MinSize), *changed.MaxSize))
	}
	if in.LaunchTemplate != nil || in.MixedInstancesPolicy != nil {
		if err := checkReference(changed.template()); err != nil {
			return nil, err
		}
	}
	if err := changed.check(r); err != nil {
		return nil, err
	}
	*g = changed
	g.schedule(r.Region)
	return nil, nil
}

func change[T any](into **T, given *T) {
	if given != nil {
		*into = given
	}
}

func setDesiredCapacity(r *core.Request, in *sdk.SetDesiredCapacityInput) (*sdk.SetDesiredCapacityOutput, error) {
	_, err := updateAutoScalingGroup(r, &sdk.UpdateAutoScalingGroupInput{AutoScalingGroupName: in.AutoScalingGroupName, DesiredCapacity: in.DesiredCapacity})
	return nil, err
}

// deleteAutoScalingGroup needs force while there are instances; the group is listed as being deleted until they are gone.
func deleteAutoScalingGroup(r *core.Request, in *sdk.DeleteAutoScalingGroupInput) (*sdk.DeleteAutoScalingGroupOutput, error) {
	g, err := find(r, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	if len(g.members) > 0 && !core.Val(in.ForceDelete) {
		return nil, refuse("ResourceInUse", "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in the group.")
	}
	g.deleting, g.Status = true, core.Ptr("Delete in progress")
	g.MinSize, g.DesiredCapacity = core.Ptr(int32(0)), core.Ptr(int32(0))
	for _, m := range g.members {
		m.terminate(r.Region, g, "user request to force-delete the group", false)
	}
	g.schedule(r.Region)
	return nil, nil
}

// mostGroups is the largest page of DescribeAutoScalingGroups, usualGroups the page if none is asked for.
const (
	mostGroups  = 100
	usualGroups = 50
)

func pageSize(given *int32, usual int) int {
	if given == nil {
		return usual
	}
	return int(*given)
}

func describeAutoScalingGroups(r *core.Request, in *sdk.DescribeAutoScalingGroupsInput) (*sdk.DescribeAutoScalingGroupsOutput, error) {
	if n := core.Val(in.MaxRecords); in.MaxRecords != nil && (n < 1 || n > mostGroups) {
		return nil, refuse("ValidationError", "MaxRecords must be from 1 to %d", mostGroups)
	}
	wanted := map[string]bool{}
	for _, name := range in.AutoScalingGroupNames {
		wanted[name] = true
	}
	var rows []*core.Row[group]
	for _, row := range of(r.Region).groups.Rows() {
		if r.Hidden(row.Created) || (len(wanted) > 0 && !wanted[row.ID]) || !row.Value.matches(in.Filters) {
			continue
		}
		rows = append(rows, row)
	}
	page, err := core.Paginate(r, rows, core.Val(in.NextToken), pageSize(in.MaxRecords, usualGroups), mostGroups)
	if err != nil {
		return nil, refuse("InvalidNextToken", "The token '%s' is invalid", core.Val(in.NextToken))
	}
	out := &sdk.DescribeAutoScalingGroupsOutput{AutoScalingGroups: []types.AutoScalingGroup{}, NextToken: core.Next(page.Next)}
	for _, g := range page.Items {
		out.AutoScalingGroups = append(out.AutoScalingGroups, g.show())
	}
	return out, nil
}

func (g *group) show() types.AutoScalingGroup {
	out := g.AutoScalingGroup
	out.Tags, out.Instances, out.SuspendedProcesses = g.tags, []types.Instance{}, []types.SuspendedProcess{}
	for _, m := range g.members {
		out.Instances = append(out.Instances, m.Instance)
	}
	for _, name := range g.suspended {
		out.SuspendedProcesses = append(out.SuspendedProcesses, types.SuspendedProcess{ProcessName: core.Ptr(name), SuspensionReason: core.Ptr("User suspended")})
	}
	return out
}

// matches applies the filters on tags: tag-key, tag-value and tag:KEY.
func (g *group) matches(filters []types.Filter) bool {
	for _, filter := range filters {
		found := false
		for _, tag := range g.tags {
			value := ""
			switch core.Val(filter.Name) {
			case "tag-key":
				value = *tag.Key
			case "tag-value", "tag:" + *tag.Key:
				value = core.Val(tag.Value)
			default:
				continue
			}
			for _, wanted := range filter.Values {
				found = found || wanted == value
			}
		}
		if !found {
			return false
		}
	}
	return true
}
