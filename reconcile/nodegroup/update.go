package nodegroup

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/autoscaling"
	eksroom "github.com/capa-apiserver/capa-apiserver/reconcile/eks"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksupdate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// planUpdates plans what differs: settings, which take moments, before what has nodes
// replaced, and each as one change. What failed isn't tried again before the spec changes or
// much time went by.
func (s *State) planUpdates(p *plan.Plan) {
	if err := s.Updates.Denied; err != nil {
		p.Wait(AreaUpdating, reasonUpdating, fmt.Sprintf("node group %s to be ACTIVE, since its updates can't be read (%s): allow eks:DescribeUpdate", s.Name, cloud.Classify(err).Message))
	}
	locked, planned := s.Locked(), false
	add := func(input any, token **string, kind, summary, waits string) {
		wanted := eksupdate.Fingerprint(input)
		if s.Updates.FailedBefore(wanted) {
			message := s.Updates.Current.Message
			p.Problem(AreaUpdating, reasonOf(message), "%s: AWS says: %s; %sit is tried again when the spec changes, or later", summary, message, cures[reasonOf(message)])
			return
		}
		*token = aws.String(names.Token(s.Owner.UID, "eks-nodegroup-update", s.Cluster, s.Name, aws.ToString(s.Row.NodegroupArn), wanted, s.Updates.Current.Key()))
		a := plan.Action{Key: key + "/" + kind, Area: AreaUpdating, Verb: plan.Update, Operation: eksupdate.Operation(input), Input: input, Summary: summary, WaitsFor: locked}
		switch {
		case locked == "" && planned:
			a.WaitsFor = "the update before it"
		case locked == "":
			a.WaitsFor = waits
		}
		planned = true
		p.Add(a)
	}
	if in, what := s.config(); len(what) > 0 {
		add(in, &in.ClientRequestToken, "config", fmt.Sprintf("set of node group %s %s", s.Name, strings.Join(what, ", ")), "")
	}
	if in, what := s.rotation(); len(what) > 0 {
		add(in, &in.ClientRequestToken, "version", fmt.Sprintf("replace the nodes of node group %s, for %s", s.Name, strings.Join(what, ", ")), cmp.Or(s.RotationWaitsFor, s.tooNew()))
	}
	if want, have := s.Version, aws.ToString(s.Row.Version); s.older(want, have) {
		p.Problem(AreaUpdating, Failed, "node group %s has nodes of %s, and EKS goes back to no older version; set the MachinePool's version to it, or make another pool", s.Name, have)
	}
	if !planned && locked != "" {
		p.Wait(AreaUpdating, reasonUpdating, "the end of "+locked)
	}
}

// cures are what to do about what AWS says.
var cures = map[string]string{
	string(ekstypes.ErrorCodePodEvictionFailure): "a PodDisruptionBudget of the cluster lets too few pods leave their nodes (kubectl get poddisruptionbudgets -A): " +
		"loosen it, or set spec.forceUpdate, with which pods are deleted that don't leave in time; ",
}

// reasonOf is the reason of a condition that tells what AWS says, which begins with its code.
func reasonOf(message string) string {
	code, _, _ := strings.Cut(message, ":")
	for _, c := range code {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return Failed
		}
	}
	if code == "" {
		return Failed
	}
	return code
}

// older tells that a version is before another one.
func (s *State) older(version, than string) bool {
	return version != "" && than != "" && !s.custom() && eksroom.Before(version, than)
}

// tooNew says what new nodes wait for that are to be newer than the control plane, which EKS
// takes none of.
func (s *State) tooNew() string {
	if s.Version == "" || s.ClusterVersion == "" || s.custom() || !eksroom.Before(s.ClusterVersion, s.Version) {
		return ""
	}
	return fmt.Sprintf("EKS cluster %s to be at %s: it is at %s, and no node may be newer", s.Cluster, s.Version, s.ClusterVersion)
}

// rotation is what has nodes replaced, all of it at once, and what of it differs.
func (s *State) rotation() (*eks.UpdateNodegroupVersionInput, []string) {
	var what []string
	in := &eks.UpdateNodegroupVersionInput{ClusterName: aws.String(s.Cluster), NodegroupName: aws.String(s.Name), Force: s.Force}
	if !s.custom() {
		// Without a version EKS takes the control plane's.
		version := aws.ToString(s.Row.Version)
		if s.Version != "" && s.Version != version && !s.older(s.Version, version) {
			what = append(what, fmt.Sprintf("version %s instead of %s", s.Version, version))
			version = s.Version
		}
		if s.Release != "" && s.Release != aws.ToString(s.Row.ReleaseVersion) {
			what = append(what, fmt.Sprintf("release %s instead of %s", s.Release, aws.ToString(s.Row.ReleaseVersion)))
		}
		in.Version, in.ReleaseVersion = optional(version), optional(s.Release)
	}
	if have, want := s.Row.LaunchTemplate, s.Template; want != nil && want.exists() && want.is(have) {
		in.LaunchTemplate = want.specification()
		if want.Version != aws.ToString(have.Version) {
			what = append(what, fmt.Sprintf("version %s of launch template %s instead of %s", want.Version, aws.ToString(have.Id), aws.ToString(have.Version)))
		}
	}
	return in, what
}

// config is what doesn't have nodes replaced, all of it at once, and what of it differs.
func (s *State) config() (*eks.UpdateNodegroupConfigInput, []string) {
	var what []string
	in := &eks.UpdateNodegroupConfigInput{ClusterName: aws.String(s.Cluster), NodegroupName: aws.String(s.Name)}
	if in.ScalingConfig = s.resize(); in.ScalingConfig != nil {
		c := in.ScalingConfig
		what = append(what, "the size to "+sizes(c))
	}
	if in.Labels = s.relabel(); in.Labels != nil {
		what = append(what, "the labels")
	}
	if in.Taints = s.retaint(); in.Taints != nil {
		what = append(what, "the taints")
	}
	if want := s.UpdateConfig; want != nil && !sameUpdateConfig(want, s.Row.UpdateConfig) {
		in.UpdateConfig = want
		what = append(what, "how nodes are replaced")
	}
	if in.NodeRepairConfig = s.repair(); in.NodeRepairConfig != nil {
		what = append(what, "the repair of nodes")
	}
	return in, what
}

func sizes(c *ekstypes.NodegroupScalingConfig) string {
	var parts []string
	for _, x := range []struct {
		name string
		n    *int32
	}{{"at least", c.MinSize}, {"at most", c.MaxSize}, {"now", c.DesiredSize}} {
		if x.n != nil {
			parts = append(parts, fmt.Sprintf("%s %d", x.name, *x.n))
		}
	}
	return strings.Join(parts, ", ")
}

// resize is the scaling as it has to be, nil where it is so. Where somebody else scales, what
// he decided is left alone, unless it lies outside of new bounds, which AWS refuses.
func (s *State) resize() *ekstypes.NodegroupScalingConfig {
	have := s.Row.ScalingConfig
	if have == nil || s.Group != nil && autoscaling.Deleting(s.Group) {
		return nil // what is on its way out has no size
	}
	lower, upper := either(s.Scaling.Min, have.MinSize), either(s.Scaling.Max, have.MaxSize)
	now, desired := aws.ToInt32(s.desired()), aws.ToInt32(s.desired())
	if s.Scaling.Desired != nil {
		desired = *s.Scaling.Desired
	}
	desired = min(max(desired, lower), upper)
	if lower == aws.ToInt32(have.MinSize) && upper == aws.ToInt32(have.MaxSize) && desired == now {
		return nil
	}
	c := &ekstypes.NodegroupScalingConfig{MinSize: &lower, MaxSize: &upper}
	if s.Scaling.Desired != nil || desired != now {
		c.DesiredSize = &desired
	}
	return c
}

func either(a, b *int32) int32 {
	if a != nil {
		return *a
	}
	return aws.ToInt32(b)
}

func (s *State) relabel() *ekstypes.UpdateLabelsPayload {
	p := &ekstypes.UpdateLabelsPayload{}
	for key, value := range s.Labels {
		if have, ok := s.Row.Labels[key]; !ok || have != value {
			if p.AddOrUpdateLabels == nil {
				p.AddOrUpdateLabels = map[string]string{}
			}
			p.AddOrUpdateLabels[key] = value
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.Row.Labels)) {
		if _, ok := s.Labels[key]; !ok {
			p.RemoveLabels = append(p.RemoveLabels, key)
		}
	}
	if len(p.AddOrUpdateLabels)+len(p.RemoveLabels) == 0 {
		return nil
	}
	return p
}

// retaint tells taints apart by key and effect, as Kubernetes does.
func (s *State) retaint() *ekstypes.UpdateTaintsPayload {
	p := &ekstypes.UpdateTaintsPayload{}
	for _, want := range s.Taints {
		i := slices.IndexFunc(s.Row.Taints, func(have ekstypes.Taint) bool { return sameTaint(want, have) })
		if i < 0 || aws.ToString(s.Row.Taints[i].Value) != aws.ToString(want.Value) {
			p.AddOrUpdateTaints = append(p.AddOrUpdateTaints, want)
		}
	}
	for _, have := range s.Row.Taints {
		if !slices.ContainsFunc(s.Taints, func(want ekstypes.Taint) bool { return sameTaint(want, have) }) {
			p.RemoveTaints = append(p.RemoveTaints, have)
		}
	}
	if len(p.AddOrUpdateTaints)+len(p.RemoveTaints) == 0 {
		return nil
	}
	return p
}

func sameTaint(a, b ekstypes.Taint) bool {
	return aws.ToString(a.Key) == aws.ToString(b.Key) && a.Effect == b.Effect
}

func sameUpdateConfig(want, have *ekstypes.NodegroupUpdateConfig) bool {
	if have == nil {
		return false
	}
	return aws.ToInt32(want.MaxUnavailable) == aws.ToInt32(have.MaxUnavailable) && aws.ToInt32(want.MaxUnavailablePercentage) == aws.ToInt32(have.MaxUnavailablePercentage) &&
		strategy(want) == strategy(have)
}

func strategy(c *ekstypes.NodegroupUpdateConfig) ekstypes.NodegroupUpdateStrategies {
	if c.UpdateStrategy == "" {
		return ekstypes.NodegroupUpdateStrategiesDefault
	}
	return c.UpdateStrategy
}

// repair is what is done about nodes that aren't healthy as it has to be, nil where it is so.
func (s *State) repair() *ekstypes.NodeRepairConfig {
	want, have := s.Repair, s.Row.NodeRepairConfig
	if want == nil {
		want = &ekstypes.NodeRepairConfig{Enabled: aws.Bool(false)}
	}
	if have == nil {
		have = &ekstypes.NodeRepairConfig{}
	}
	if !aws.ToBool(want.Enabled) && !aws.ToBool(have.Enabled) || sameRepair(want, have) {
		return nil
	}
	return want
}

func sameRepair(want, have *ekstypes.NodeRepairConfig) bool {
	// What the spec doesn't say is EKS's choice, which it may show.
	said := func(want, have *int32) bool { return want == nil || have != nil && *want == *have }
	return aws.ToBool(want.Enabled) == aws.ToBool(have.Enabled) && said(want.MaxParallelNodesRepairedCount, have.MaxParallelNodesRepairedCount) &&
		said(want.MaxParallelNodesRepairedPercentage, have.MaxParallelNodesRepairedPercentage) && said(want.MaxUnhealthyNodeThresholdCount, have.MaxUnhealthyNodeThresholdCount) &&
		said(want.MaxUnhealthyNodeThresholdPercentage, have.MaxUnhealthyNodeThresholdPercentage) &&
		slices.EqualFunc(want.NodeRepairConfigOverrides, have.NodeRepairConfigOverrides, func(a, b ekstypes.NodeRepairConfigOverrides) bool {
			return aws.ToString(a.NodeMonitoringCondition) == aws.ToString(b.NodeMonitoringCondition) && aws.ToString(a.NodeUnhealthyReason) == aws.ToString(b.NodeUnhealthyReason) &&
				aws.ToInt32(a.MinRepairWaitTimeMins) == aws.ToInt32(b.MinRepairWaitTimeMins) && a.RepairAction == b.RepairAction
		})
}
