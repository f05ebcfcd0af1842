package eks

import (
	"reflect"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// updateClusterConfig takes one kind of change at a time.
func updateClusterConfig(r *core.Request, in *sdk.UpdateClusterConfigInput) (*sdk.UpdateClusterConfigOutput, error) {
	c, err := find(r, in.Name)
	if err != nil {
		return nil, err
	}
	u, err := c.begin(r, in, in.ClientRequestToken, func() (change, error) { return c.configChange(r, in) })
	return &sdk.UpdateClusterConfigOutput{Update: u}, err
}

func (c *cluster) configChange(r *core.Request, in *sdk.UpdateClusterConfigInput) (change, error) {
	var changes []func() (change, error)
	add := func(given bool, make func() (change, error)) {
		if given {
			changes = append(changes, make)
		}
	}
	vpc := in.ResourcesVpcConfig
	if vpc == nil {
		vpc = &types.VpcConfigRequest{}
	}
	add(vpc.EndpointPublicAccess != nil || vpc.EndpointPrivateAccess != nil || vpc.PublicAccessCidrs != nil, func() (change, error) { return c.reachChange(vpc) })
	add(vpc.SubnetIds != nil || vpc.SecurityGroupIds != nil, func() (change, error) { return c.placeChange(r, vpc) })
	add(in.Logging != nil, func() (change, error) { return c.loggingChange(in.Logging) })
	add(in.AccessConfig != nil, func() (change, error) { return c.accessChange(r, in.AccessConfig) })
	add(in.UpgradePolicy != nil, func() (change, error) {
		return change{kind: types.UpdateTypeUpgradePolicyUpdate, params: map[types.UpdateParamType]any{"UpgradePolicy": in.UpgradePolicy},
			apply: func() { c.UpgradePolicy = &types.UpgradePolicyResponse{SupportType: in.UpgradePolicy.SupportType} }}, nil
	})
	add(in.DeletionProtection != nil, func() (change, error) {
		return change{kind: types.UpdateTypeDeletionProtectionUpdate, params: map[types.UpdateParamType]any{"DeletionProtection": *in.DeletionProtection},
			apply: func() { c.DeletionProtection = in.DeletionProtection }}, nil
	})
	add(in.ControlPlaneScalingConfig != nil, func() (change, error) {
		return change{kind: types.UpdateTypeControlPlaneScalingConfigUpdate, params: map[types.UpdateParamType]any{"UpdatedTier": string(in.ControlPlaneScalingConfig.Tier)},
			apply: func() { c.ControlPlaneScalingConfig = in.ControlPlaneScalingConfig }}, nil
	})
	add(in.ZonalShiftConfig != nil, func() (change, error) {
		return change{kind: types.UpdateTypeZonalShiftConfigUpdate, params: map[types.UpdateParamType]any{"ZonalShiftConfig": in.ZonalShiftConfig},
			apply: func() { c.ZonalShiftConfig = &types.ZonalShiftConfigResponse{Enabled: in.ZonalShiftConfig.Enabled} }}, nil
	})
	add(in.RemoteNetworkConfig != nil, func() (change, error) {
		return change{kind: types.UpdateTypeRemoteNetworkConfigUpdate, params: map[types.UpdateParamType]any{"RemoteNetworkConfig": in.RemoteNetworkConfig},
			apply: func() { c.RemoteNetworkConfig = (*types.RemoteNetworkConfigResponse)(in.RemoteNetworkConfig) }}, nil
	})
	add(in.ComputeConfig != nil || in.StorageConfig != nil || in.KubernetesNetworkConfig != nil, func() (change, error) {
		apply, err := c.autoMode(r, in.ComputeConfig, in.KubernetesNetworkConfig, in.StorageConfig)
		return change{kind: types.UpdateTypeAutoModeUpdate, params: map[types.UpdateParamType]any{"ComputeConfig": in.ComputeConfig, "KubernetesNetworkConfig": in.KubernetesNetworkConfig,
			"StorageConfig": in.StorageConfig}, apply: apply}, err
	})
	switch len(changes) {
	case 0:
		return change{}, invalid("No changes needed for the cluster")
	case 1:
		return changes[0]()
	}
	return change{}, invalid("Only one type of update can be allowed.")
}

func (c *cluster) reachChange(in *types.VpcConfigRequest) (change, error) {
	wanted := *c.ResourcesVpcConfig
	if err := reach(&wanted, in); err != nil {
		return change{}, err
	}
	if reflect.DeepEqual(wanted, *c.ResourcesVpcConfig) {
		return change{}, invalid("Cluster is already at the desired configuration with endpointPrivateAccess: %t , endpointPublicAccess: %t, and Public Endpoint Restrictions: %v",
			wanted.EndpointPrivateAccess, wanted.EndpointPublicAccess, wanted.PublicAccessCidrs)
	}
	return change{kind: types.UpdateTypeEndpointAccessUpdate, params: map[types.UpdateParamType]any{
		"EndpointPublicAccess": wanted.EndpointPublicAccess, "EndpointPrivateAccess": wanted.EndpointPrivateAccess, "PublicAccessCidrs": wanted.PublicAccessCidrs,
	}, apply: func() { c.ResourcesVpcConfig = &wanted }}, nil
}

func (c *cluster) placeChange(r *core.Request, in *types.VpcConfigRequest) (change, error) {
	wanted, request := *c.ResourcesVpcConfig, *in
	if request.SubnetIds == nil {
		request.SubnetIds = wanted.SubnetIds
	}
	if request.SecurityGroupIds == nil {
		request.SecurityGroupIds = wanted.SecurityGroupIds
	}
	if err := place(r, &wanted, &request); err != nil {
		return change{}, err
	}
	if reflect.DeepEqual(wanted, *c.ResourcesVpcConfig) {
		return change{}, invalid("Cluster is already at the desired configuration with subnetIds: %v and securityGroupIds: %v", wanted.SubnetIds, wanted.SecurityGroupIds)
	}
	return change{kind: types.UpdateTypeVpcConfigUpdate, params: map[types.UpdateParamType]any{"Subnets": wanted.SubnetIds, "SecurityGroups": wanted.SecurityGroupIds},
		apply: func() {
			c.ResourcesVpcConfig.SubnetIds, c.ResourcesVpcConfig.SecurityGroupIds = wanted.SubnetIds, wanted.SecurityGroupIds
		}}, nil
}

func (c *cluster) loggingChange(in *types.Logging) (change, error) {
	wanted := merged(c.Logging, in)
	if reflect.DeepEqual(wanted, c.Logging) {
		return change{}, invalid("No changes needed for the logging config provided")
	}
	return change{kind: types.UpdateTypeLoggingUpdate, params: map[types.UpdateParamType]any{"ClusterLogging": in}, apply: func() { c.Logging = wanted }}, nil
}

// merged is the logging with what a request switches, as EKS shows it: the types that are on, then those that are off.
func merged(now, in *types.Logging) *types.Logging {
	on := map[types.LogType]bool{}
	for _, logging := range []*types.Logging{now, in} {
		if logging == nil {
			continue
		}
		for _, setup := range logging.ClusterLogging {
			for _, kind := range setup.Types {
				on[kind] = core.Val(setup.Enabled)
			}
		}
	}
	var parts [2][]types.LogType
	for _, kind := range types.LogType("").Values() {
		part := 1
		if on[kind] {
			part = 0
		}
		parts[part] = append(parts[part], kind)
	}
	out := &types.Logging{}
	for i, kinds := range parts {
		if len(kinds) > 0 {
			out.ClusterLogging = append(out.ClusterLogging, types.LogSetup{Enabled: core.Ptr(i == 0), Types: kinds})
		}
	}
	return out
}

// modes are the ways to authenticate, of which a cluster takes one step after another and none back.
var modes = []types.AuthenticationMode{types.AuthenticationModeConfigMap, types.AuthenticationModeApiAndConfigMap, types.AuthenticationModeApi}

func (c *cluster) accessChange(r *core.Request, in *types.UpdateAccessConfigRequest) (change, error) {
	now, wanted := c.AccessConfig.AuthenticationMode, in.AuthenticationMode
	if slices.Index(modes, wanted) != slices.Index(modes, now)+1 {
		return change{}, invalid("Unsupported authentication mode update from %s to %s", now, wanted)
	}
	return change{kind: types.UpdateTypeAccessConfigUpdate, params: map[types.UpdateParamType]any{"AuthenticationMode": string(wanted)},
		apply: func() {
			c.AccessConfig.AuthenticationMode = wanted
			c.letCreatorIn(r)
			for _, p := range c.profiles.All() {
				c.letRoleIn(r, *p.PodExecutionRoleArn, "FARGATE_LINUX")
			}
			for _, g := range c.nodegroups.All() {
				c.letRoleIn(r, *g.NodeRole, "EC2_LINUX")
			}
		}}, nil
}

// autoMode is what switches Auto Mode, whose three parts are on or off together.
func (c *cluster) autoMode(r *core.Request, compute *types.ComputeConfigRequest, network *types.KubernetesNetworkConfigRequest, storage *types.StorageConfigRequest) (apply func(), err error) {
	var parts [3]*bool
	if compute != nil {
		parts[0] = compute.Enabled
	}
	if network != nil && network.ElasticLoadBalancing != nil {
		parts[1] = network.ElasticLoadBalancing.Enabled
	}
	if storage != nil && storage.BlockStorage != nil {
		parts[2] = storage.BlockStorage.Enabled
	}
	on := core.Val(parts[0])
	switch {
	case parts == [3]*bool{}:
		return func() {}, nil
	case core.Val(parts[1]) != on || core.Val(parts[2]) != on:
		return nil, invalid("For EKS Auto Mode, please ensure that all required configs, including computeConfig, kubernetesNetworkConfig, and blockStorage are all either fully enabled or fully disabled.")
	case on && c.AccessConfig.AuthenticationMode == types.AuthenticationModeConfigMap:
		return nil, invalid("EKS Auto Mode needs an authentication mode of API or API_AND_CONFIG_MAP")
	case on && len(compute.NodePools) > 0 && compute.NodeRoleArn == nil:
		return nil, invalid("When Compute Config nodeRoleArn is null, nodePool value(s) are not supported.")
	}
	if on && compute.NodeRoleArn != nil {
		if _, err := role(r, compute.NodeRoleArn); err != nil {
			return nil, err
		}
	}
	return func() {
		c.ComputeConfig = &types.ComputeConfigResponse{Enabled: &on, NodePools: []string{}}
		if on {
			c.ComputeConfig.NodePools, c.ComputeConfig.NodeRoleArn = append(c.ComputeConfig.NodePools, compute.NodePools...), compute.NodeRoleArn
		}
		c.StorageConfig = &types.StorageConfigResponse{BlockStorage: &types.BlockStorage{Enabled: &on}}
		c.KubernetesNetworkConfig.ElasticLoadBalancing = &types.ElasticLoadBalancing{Enabled: &on}
	}, nil
}
