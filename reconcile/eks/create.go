package eks

import (
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// fewestZones is in how many zones a control plane has to have subnets:
// https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html
const fewestZones = 2

// planCreate makes the cluster. One that was there is not made again: it would have another
// endpoint and nothing of what was in it.
func (s *State) planCreate() {
	switch {
	case s.Recorded == "":
	case !s.snap.Absent(mirror.EKSClusters.Kind, s.Name, time.Time{}):
		s.plan.Wait(AreaReady, conditions.WaitingForObservation, "a look at EKS cluster "+s.Name+", whose endpoint is recorded")
		return
	default:
		s.problem(AreaReady, "EKS cluster %s is gone, though its endpoint %s is recorded; what was in it is lost, and another one would have another endpoint: delete this object, or restore the cluster", s.Name, Host(s.Recorded))
		return
	}
	if s.WaitsFor == "" && !s.placed() {
		return
	}
	s.plan.Add(plan.Action{Key: "eks-cluster", Area: AreaReady, Verb: plan.Create, Operation: "eks.CreateCluster", Input: s.create(),
		Summary: fmt.Sprintf("create EKS cluster %s", s.Name), WaitsFor: s.WaitsFor})
}

// placed tells, or says what is missing, that there are subnets enough.
func (s *State) placed() bool {
	zones := map[string]bool{}
	for _, x := range s.subnets() {
		zones[x.Zone] = true
	}
	if len(zones) >= fewestZones {
		return true
	}
	what := "subnets"
	if s.PrivateOnly {
		what = "private subnets (spec.restrictPrivateSubnets)"
	}
	s.problem(AreaReady, "EKS needs %s in at least %d zones that it is offered in, and spec.network.subnets has them in %d; add subnets in another zone", what, fewestZones, len(zones))
	return false
}

// subnets are those where the control plane stands.
func (s *State) subnets() []Subnet {
	return slices.DeleteFunc(slices.Clone(s.Subnets), func(x Subnet) bool { return s.PrivateOnly && x.Public })
}

// create is the creation; its token makes one of several.
func (s *State) create() *eks.CreateClusterInput {
	in := &eks.CreateClusterInput{Name: &s.Name, RoleArn: optional(s.RoleARN), ResourcesVpcConfig: s.vpcConfig(), Tags: s.tags(), Logging: s.logging(nil),
		KubernetesNetworkConfig: s.networkConfig(), AccessConfig: s.accessConfig(), BootstrapSelfManagedAddons: s.SelfManagedAddons, DeletionProtection: s.DeletionProtection,
		ClientRequestToken: aws.String(names.Token(s.Owner.UID, "eks-cluster", s.Name, s.Intent.Updates.Last.Key()))}
	if r, ok := parse(s.Intent.Version); ok {
		in.Version = aws.String(r.String())
	}
	if s.Encryption != nil {
		in.EncryptionConfig = []ekstypes.EncryptionConfig{*s.Encryption}
	}
	if s.SupportType != "" {
		in.UpgradePolicy = &ekstypes.UpgradePolicyRequest{SupportType: s.SupportType}
	}
	if s.ZonalShift != nil {
		in.ZonalShiftConfig = &ekstypes.ZonalShiftConfigRequest{Enabled: s.ZonalShift}
	}
	if s.ScalingTier != "" {
		in.ControlPlaneScalingConfig = &ekstypes.ControlPlaneScalingConfig{Tier: s.ScalingTier}
	}
	if s.AutoMode != nil && s.AutoMode.Enabled {
		in.ComputeConfig, in.StorageConfig = s.AutoMode.compute(), s.AutoMode.storage()
		if in.KubernetesNetworkConfig == nil {
			in.KubernetesNetworkConfig = &ekstypes.KubernetesNetworkConfigRequest{}
		}
		in.KubernetesNetworkConfig.ElasticLoadBalancing = s.AutoMode.balancing()
	}
	return in
}

func (s *State) vpcConfig() *ekstypes.VpcConfigRequest {
	c := &ekstypes.VpcConfigRequest{EndpointPublicAccess: s.Endpoint.Public, EndpointPrivateAccess: s.Endpoint.Private, PublicAccessCidrs: s.Endpoint.CIDRs, SecurityGroupIds: s.GroupIDs}
	for _, x := range s.subnets() {
		c.SubnetIds = append(c.SubnetIds, x.ID)
	}
	return c
}

func (s *State) networkConfig() *ekstypes.KubernetesNetworkConfigRequest {
	switch {
	case s.IPv6:
		return &ekstypes.KubernetesNetworkConfigRequest{IpFamily: ekstypes.IpFamilyIpv6}
	case s.ServiceCIDR != "":
		return &ekstypes.KubernetesNetworkConfigRequest{ServiceIpv4Cidr: &s.ServiceCIDR}
	}
	return nil
}

func (s *State) accessConfig() *ekstypes.CreateAccessConfigRequest {
	if s.AuthenticationMode == "" && s.CreatorAdmin == nil {
		return nil
	}
	return &ekstypes.CreateAccessConfigRequest{AuthenticationMode: s.AuthenticationMode, BootstrapClusterCreatorAdminPermissions: s.CreatorAdmin}
}

func (a *AutoMode) compute() *ekstypes.ComputeConfigRequest {
	c := &ekstypes.ComputeConfigRequest{Enabled: &a.Enabled}
	if a.Enabled {
		c.NodePools, c.NodeRoleArn = a.NodePools, optional(a.NodeRoleARN)
	}
	return c
}

func (a *AutoMode) storage() *ekstypes.StorageConfigRequest {
	return &ekstypes.StorageConfigRequest{BlockStorage: &ekstypes.BlockStorage{Enabled: &a.Enabled}}
}

func (a *AutoMode) balancing() *ekstypes.ElasticLoadBalancing {
	return &ekstypes.ElasticLoadBalancing{Enabled: &a.Enabled}
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
