// Package autoscaling emulates Amazon EC2 Auto Scaling: groups that launch, replace and terminate instances over time.
package autoscaling

import (
	_ "embed"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/internal/wire"
)

//go:embed wire.json
var wireTable []byte

// Service returns Auto Scaling as the emulator's frame takes it.
func Service() *core.Service {
	return &core.Service{
		Name:        "autoscaling",
		SigningName: "autoscaling",
		Protocol:    &core.Query{Table: wire.MustLoad(wireTable), Namespace: "http://autoscaling.amazonaws.com/doc/2011-01-01/"},
		Operations: []core.Operation{
			core.Op(createAutoScalingGroup), core.Op(updateAutoScalingGroup), core.Op(deleteAutoScalingGroup), core.Op(describeAutoScalingGroups),
			core.Op(setDesiredCapacity), core.Op(describeScalingActivities), core.Op(describeAutoScalingInstances),
			core.Op(startInstanceRefresh), core.Op(describeInstanceRefreshes), core.Op(cancelInstanceRefresh),
			core.Op(putLifecycleHook), core.Op(deleteLifecycleHook), core.Op(describeLifecycleHooks), core.Op(completeLifecycleAction),
			core.Op(suspendProcesses), core.Op(resumeProcesses),
			core.Op(createOrUpdateTags), core.Op(deleteTags), core.Op(describeTags),
			core.Op(terminateInstanceInAutoScalingGroup), core.Op(setInstanceProtection), core.Op(detachInstances),
			core.Op(attachLoadBalancerTargetGroups), core.Op(detachLoadBalancerTargetGroups), core.Op(describeLoadBalancerTargetGroups),
		},
		Inventory: inventory,
		Event:     notice,
	}
}

// state is what Auto Scaling remembers of one account and region; groups are keyed by name.
type state struct{ groups core.Table[group] }

func of(r *core.Region) *state { return core.Of[state](r) }

func refuse(code, format string, args ...any) error { return core.Refuse(code, format, args...) }

// group is an Auto Scaling group. Instances, hooks, tags and suspended processes of the embedded value are filled in by show.
type group struct {
	types.AutoScalingGroup
	members    []*member
	hooks      []types.LifecycleHook
	refreshes  []*refresh
	tags       []types.TagDescription
	suspended  []string
	activities []types.Activity
	deleting   bool
	scheduled  bool // a step is due
}

// find looks a group up by name.
func find(r *core.Request, name *string) (*group, error) {
	row := of(r.Region).groups.Row(core.Val(name))
	if row == nil || r.Hidden(row.Created) {
		return nil, refuse("ValidationError", "AutoScalingGroup name not found - AutoScalingGroup '%s' not found", core.Val(name))
	}
	return row.Value, nil
}

// lasting is what doesn't change by itself while the group is at rest.
func (g *group) lasting() any {
	return map[string]any{"group": g.AutoScalingGroup, "members": g.members, "hooks": g.hooks, "refreshes": g.refreshes, "tags": g.tags,
		"suspended": g.suspended, "deleting": g.deleting}
}

func inventory(r *core.Region) []core.Resource {
	out := []core.Resource{}
	for _, row := range of(r).groups.Rows() {
		tags := map[string]string{}
		for _, tag := range row.Value.tags {
			tags[core.Val(tag.Key)] = core.Val(tag.Value)
		}
		out = append(out, core.Resource{Type: "auto-scaling-group", ID: row.ID, State: core.Val(row.Value.Status), Tags: tags, Content: row.Value.lasting()})
	}
	return out
}

// notice looks at the group of an instance that changed its state or is to be rebalanced.
func notice(r *core.Region, event core.Event) {
	id, _ := event.Detail["instance-id"].(string)
	if event.Source != "aws.ec2" || id == "" {
		return
	}
	for _, g := range of(r).groups.All() {
		for _, m := range g.members {
			if *m.InstanceId != id {
				continue
			}
			if event.DetailType == "EC2 Instance Rebalance Recommendation" && core.Val(g.CapacityRebalance) {
				m.leaving = true
			}
			g.schedule(r)
		}
	}
}
