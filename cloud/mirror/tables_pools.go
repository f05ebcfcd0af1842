package mirror

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// groupsRest: what happens to the instances of a group matters as much as what
// happens to others.
const groupsRest = InstancesRest

// AutoScalingGroup is an Auto Scaling group with what separate calls tell of it.
type AutoScalingGroup struct {
	astypes.AutoScalingGroup
	// Hooks are nil until they have been read, and empty when there are none.
	Hooks []astypes.LifecycleHook
	// Refresh is the latest instance refresh; nil when there was none, and until
	// Hooks have been read.
	Refresh *astypes.InstanceRefresh
	// LaunchFailure is why the group's latest activity failed, "" where it didn't. It
	// is read while the group has fewer instances than it wants.
	LaunchFailure string
	// LookDue tells that a refresh was going on, or instances were missing, when that
	// was read last, so that it is worth another look.
	LookDue bool
}

// Short tells that the group has fewer instances than it wants.
func (g *AutoScalingGroup) Short() bool {
	return g.Status == nil && len(g.Instances) < int(aws.ToInt32(g.DesiredCapacity))
}

// Refreshing tells that an instance refresh is going on, one that is being
// cancelled or rolled back included.
func (g *AutoScalingGroup) Refreshing() bool {
	if g.Refresh == nil {
		return false
	}
	switch g.Refresh.Status {
	case astypes.InstanceRefreshStatusSuccessful, astypes.InstanceRefreshStatusFailed, astypes.InstanceRefreshStatusCancelled,
		astypes.InstanceRefreshStatusRollbackSuccessful, astypes.InstanceRefreshStatusRollbackFailed:
		return false
	}
	return true
}

// LaunchTemplate is a launch template with its versions.
type LaunchTemplate struct {
	ec2types.LaunchTemplate
	// Latest is the latest version with its user data, nil while it isn't known.
	Latest *ec2types.LaunchTemplateVersion
	// Versions are all that exist, the newest first, without their user data; nil
	// until they have been read.
	Versions []ec2types.LaunchTemplateVersion
}

// The tables of machine pools.
var (
	// AutoScalingGroups has the groups by their names; one that is being deleted has
	// a Status.
	AutoScalingGroups = &Table[AutoScalingGroup]{
		Kind:     "autoscaling/group",
		ID:       func(g *AutoScalingGroup) string { return aws.ToString(g.AutoScalingGroupName) },
		Tags:     groupTags,
		VPC:      noVPC[AutoScalingGroup],
		List:     listGroups,
		ByID:     groupsByID,
		Busy:     groupBusy,
		Details:  groupDetails,
		Detailed: func(g *AutoScalingGroup) bool { return g.Hooks != nil && !g.LookDue },
		Carry: func(known, read *AutoScalingGroup) {
			read.Hooks, read.Refresh, read.LaunchFailure = known.Hooks, known.Refresh, known.LaunchFailure
			if !read.Short() {
				read.LaunchFailure = ""
			}
			read.LookDue = known.LookDue || read.LookDue && (known.Refreshing() || read.Short())
		},
		Rest: groupsRest,
	}
	LaunchTemplates = &Table[LaunchTemplate]{
		Kind:     "ec2/launch-template",
		ID:       func(t *LaunchTemplate) string { return aws.ToString(t.LaunchTemplateId) },
		Tags:     func(t *LaunchTemplate) map[string]string { return tagMap(t.Tags) },
		VPC:      noVPC[LaunchTemplate],
		List:     listLaunchTemplates,
		Details:  launchTemplateVersions,
		Detailed: func(t *LaunchTemplate) bool { return t.Versions != nil },
		Carry: func(known, read *LaunchTemplate) {
			if read.Latest == nil {
				read.Latest = known.Latest
			}
			// A version that somebody else made has to be read.
			if read.Versions == nil && aws.ToInt64(known.LatestVersionNumber) == aws.ToInt64(read.LatestVersionNumber) {
				read.Versions = known.Versions
			}
		},
	}
)

// PoolTables are what machine pools need besides the network and machines.
var PoolTables = []Resource{AutoScalingGroups, LaunchTemplates}

func groupTags(g *AutoScalingGroup) map[string]string {
	m := make(map[string]string, len(g.Tags))
	for _, t := range g.Tags {
		m[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return m
}

// groupBusy tells that Auto Scaling is at work: at the group's end, a refresh, or
// getting to the wanted number of instances.
func groupBusy(g *AutoScalingGroup) bool {
	inService := 0
	for _, i := range g.Instances {
		if i.LifecycleState == astypes.LifecycleStateInService {
			inService++
		}
	}
	return g.Status != nil || g.Refreshing() || inService != len(g.Instances) || inService != int(aws.ToInt32(g.DesiredCapacity))
}
