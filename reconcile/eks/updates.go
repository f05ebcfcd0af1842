package eks

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksupdate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// change is one that EKS makes by an update of its own kind. One is made after the other, in
// a fixed order.
type change struct {
	kind    ekstypes.UpdateType
	summary string
	// input is the SDK's, without its token, which set puts into it.
	input any
	set   func(token string)
}

// planUpdates plans the first change that isn't made yet. What failed isn't tried again
// before the spec changes or much time went by, and keeps the others from nothing.
func (s *State) planUpdates() {
	locked, planned := s.Locked(), false
	if s.Updates.Denied != nil {
		s.plan.Wait(AreaUpdating, "Updating", fmt.Sprintf("EKS cluster %s to be ACTIVE, since its updates can't be read (%s): allow eks:DescribeUpdate", s.Name, cloud.Classify(s.Updates.Denied).Message))
	}
	for _, c := range s.changes() {
		wanted := eksupdate.Fingerprint(c.input)
		if s.Updates.FailedBefore(wanted) {
			s.problem(AreaUpdating, "%s: AWS says: %s; it is tried again when the spec changes, or later", c.summary, s.Updates.Current.Message)
			continue
		}
		c.set(names.Token(s.Owner.UID, "eks-update", s.Name, wanted, s.Updates.Current.Key()))
		a := plan.Action{Key: "eks-cluster/" + string(c.kind), Area: AreaUpdating, Verb: plan.Update, Operation: eksupdate.Operation(c.input), Input: c.input, Summary: c.summary, WaitsFor: locked}
		if planned && locked == "" {
			a.WaitsFor = "the update before it"
		}
		planned = true
		s.plan.Add(a)
	}
	if !planned && locked != "" {
		s.plan.Wait(AreaUpdating, "Updating", "the end of "+locked)
	}
}

// changes are what differs, in the order in which it is put right: how the cluster is
// reached and by whom before what is nice to have, and the version last.
func (s *State) changes() []change {
	var all []change
	config := func(kind ekstypes.UpdateType, summary string, in *eks.UpdateClusterConfigInput) {
		in.Name = &s.Name
		all = append(all, change{kind, fmt.Sprintf(summary+" of EKS cluster %s", s.Name), in, func(token string) { in.ClientRequestToken = &token }})
	}
	if s.DeletionProtection != nil && *s.DeletionProtection != aws.ToBool(s.Row.DeletionProtection) {
		config(ekstypes.UpdateTypeDeletionProtectionUpdate, "set the deletion protection to "+onOff(*s.DeletionProtection), &eks.UpdateClusterConfigInput{DeletionProtection: s.DeletionProtection})
	}
	if mode := s.nextMode(); mode != "" {
		config(ekstypes.UpdateTypeAccessConfigUpdate, fmt.Sprintf("set the authentication mode to %s", mode), &eks.UpdateClusterConfigInput{AccessConfig: &ekstypes.UpdateAccessConfigRequest{AuthenticationMode: mode}})
	}
	if vpc := s.reach(); vpc != nil {
		config(ekstypes.UpdateTypeEndpointAccessUpdate, "set the endpoint access", &eks.UpdateClusterConfigInput{ResourcesVpcConfig: vpc})
	}
	if logging := s.logging(s.Row.Logging); logging != nil {
		config(ekstypes.UpdateTypeLoggingUpdate, "set the logging", &eks.UpdateClusterConfigInput{Logging: logging})
	}
	if have := s.Row.UpgradePolicy; s.SupportType != "" && (have == nil || have.SupportType != s.SupportType) {
		config(ekstypes.UpdateTypeUpgradePolicyUpdate, fmt.Sprintf("set the upgrade policy to %s", s.SupportType), &eks.UpdateClusterConfigInput{UpgradePolicy: &ekstypes.UpgradePolicyRequest{SupportType: s.SupportType}})
	}
	if have := s.Row.ZonalShiftConfig; s.ZonalShift != nil && *s.ZonalShift != (have != nil && aws.ToBool(have.Enabled)) {
		config(ekstypes.UpdateTypeZonalShiftConfigUpdate, "set the zonal shift to "+onOff(*s.ZonalShift), &eks.UpdateClusterConfigInput{ZonalShiftConfig: &ekstypes.ZonalShiftConfigRequest{Enabled: s.ZonalShift}})
	}
	if s.ScalingTier != "" && s.ScalingTier != s.tier() {
		config(ekstypes.UpdateTypeControlPlaneScalingConfigUpdate, fmt.Sprintf("set the scaling tier to %s", s.ScalingTier), &eks.UpdateClusterConfigInput{ControlPlaneScalingConfig: &ekstypes.ControlPlaneScalingConfig{Tier: s.ScalingTier}})
	}
	if in := s.autoMode(); in != nil {
		config(ekstypes.UpdateTypeAutoModeUpdate, "set the auto mode", in)
	}
	if s.Encryption != nil && len(s.Row.EncryptionConfig) == 0 {
		in := &eks.AssociateEncryptionConfigInput{ClusterName: &s.Name, EncryptionConfig: []ekstypes.EncryptionConfig{*s.Encryption}}
		all = append(all, change{ekstypes.UpdateTypeAssociateEncryptionConfig, "encrypt the secrets of EKS cluster " + s.Name, in, func(token string) { in.ClientRequestToken = &token }})
	}
	if next, ok := s.nextVersion(); ok && len(s.Advised) > 0 {
		s.problem(AreaUpdating, "EKS cluster %s isn't ready for %s, as EKS says: %s; put that right, or write force: true", s.Name, next, conditions.Shorten(s.Advised))
	} else if ok {
		in := &eks.UpdateClusterVersionInput{Name: &s.Name, Version: aws.String(next.String()), Force: s.Force}
		all = append(all, change{ekstypes.UpdateTypeVersionUpdate, fmt.Sprintf("update EKS cluster %s from %s to %s", s.Name, aws.ToString(s.Row.Version), next), in, func(token string) { in.ClientRequestToken = &token }})
	}
	return all
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// modes are the ways to authenticate, of which a cluster takes one step after another and
// none back.
var modes = []ekstypes.AuthenticationMode{ekstypes.AuthenticationModeConfigMap, ekstypes.AuthenticationModeApiAndConfigMap, ekstypes.AuthenticationModeApi}

// nextMode is the next step to the wanted mode, "" for none.
func (s *State) nextMode() ekstypes.AuthenticationMode {
	if s.Row.AccessConfig == nil {
		return ""
	}
	have, want := slices.Index(modes, s.Row.AccessConfig.AuthenticationMode), slices.Index(modes, s.AuthenticationMode)
	if have < 0 || want <= have {
		return ""
	}
	return modes[have+1]
}

// reach is the endpoint's change, nil for none.
func (s *State) reach() *ekstypes.VpcConfigRequest {
	have, want := s.Row.ResourcesVpcConfig, &s.Endpoint
	if have == nil {
		return nil
	}
	public, private := want.Public == nil || *want.Public, want.Private != nil && *want.Private
	cidrs := want.CIDRs
	if len(cidrs) == 0 {
		cidrs = anywhere(have.PublicAccessCidrs)
	}
	if public == have.EndpointPublicAccess && private == have.EndpointPrivateAccess && (!public || sameSet(cidrs, have.PublicAccessCidrs)) {
		return nil
	}
	c := &ekstypes.VpcConfigRequest{EndpointPublicAccess: &public, EndpointPrivateAccess: &private}
	if public {
		c.PublicAccessCidrs = cidrs
	}
	return c
}

const (
	anyIPv4 = "0.0.0.0/0"
	anyIPv6 = "::/0"
)

// anywhere are the CIDRs of an endpoint that everybody may reach: those of a cluster that
// has IPv6 may have both.
func anywhere(have []string) []string {
	if sameSet(have, []string{anyIPv4, anyIPv6}) {
		return have
	}
	return []string{anyIPv4}
}

func sameSet(a, b []string) bool {
	a, b = slices.Compact(slices.Sorted(slices.Values(a))), slices.Compact(slices.Sorted(slices.Values(b)))
	return slices.Equal(a, b)
}

// logging is the whole of it where that differs from what is there, nil otherwise.
func (s *State) logging(have *ekstypes.Logging) *ekstypes.Logging {
	if s.Logs == nil {
		return nil
	}
	on := map[ekstypes.LogType]bool{}
	if have != nil {
		for _, setup := range have.ClusterLogging {
			for _, kind := range setup.Types {
				on[kind] = aws.ToBool(setup.Enabled)
			}
		}
	}
	var parts [2][]ekstypes.LogType
	differs := false
	for _, kind := range logTypes {
		part := 0
		if slices.Contains(s.Logs, kind) {
			part = 1
		}
		differs = differs || on[kind] != (part == 1)
		parts[part] = append(parts[part], kind)
	}
	if !differs {
		return nil
	}
	logging := &ekstypes.Logging{}
	for i, kinds := range parts {
		if len(kinds) > 0 && (i == 1 || have != nil) {
			logging.ClusterLogging = append(logging.ClusterLogging, ekstypes.LogSetup{Enabled: aws.Bool(i == 1), Types: kinds})
		}
	}
	return logging
}

// logTypes are all that a spec can name.
var logTypes = []ekstypes.LogType{ekstypes.LogTypeApi, ekstypes.LogTypeAudit, ekstypes.LogTypeAuthenticator, ekstypes.LogTypeControllerManager, ekstypes.LogTypeScheduler}

func (s *State) tier() ekstypes.ProvisionedControlPlaneTier {
	if c := s.Row.ControlPlaneScalingConfig; c != nil && c.Tier != "" {
		return c.Tier
	}
	return ekstypes.ProvisionedControlPlaneTierStandard
}

// autoMode changes the three parts together, as EKS demands.
func (s *State) autoMode() *eks.UpdateClusterConfigInput {
	if s.AutoMode == nil {
		return nil
	}
	have := s.Row.ComputeConfig
	enabled := have != nil && aws.ToBool(have.Enabled)
	same := enabled == s.AutoMode.Enabled
	if same && enabled {
		same = (s.AutoMode.NodePools == nil || sameSet(have.NodePools, s.AutoMode.NodePools)) && (s.AutoMode.NodeRoleARN == "" || s.AutoMode.NodeRoleARN == aws.ToString(have.NodeRoleArn))
	}
	if same {
		return nil
	}
	return &eks.UpdateClusterConfigInput{ComputeConfig: s.AutoMode.compute(), StorageConfig: s.AutoMode.storage(),
		KubernetesNetworkConfig: &ekstypes.KubernetesNetworkConfigRequest{ElasticLoadBalancing: s.AutoMode.balancing()}}
}

// nextVersion is the next minor version on the way to the wanted one. A cluster that is
// newer stays so: AWS updates by itself when the support of a version ends.
func (s *State) nextVersion() (release, bool) {
	want, ok := parse(s.Intent.Version)
	have, known := parse(aws.ToString(s.Row.Version))
	if !ok || !known || !have.before(want) {
		return release{}, false
	}
	return have.next(), true
}

// Next is the version that the cluster is to be updated to next, "" for none.
func (s *State) Next() string {
	if s.Own() == nil {
		return ""
	}
	next, ok := s.nextVersion()
	if !ok {
		return ""
	}
	return next.String()
}

// Ahead tells that the cluster is newer than the spec says.
func (s *State) Ahead() bool {
	c := s.Own()
	if c == nil {
		return false
	}
	want, ok := parse(s.Intent.Version)
	have, known := parse(aws.ToString(c.Version))
	return ok && known && want.before(have)
}
