package eks

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/ec2"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/iam"
)

// cluster is a control plane with all that goes with it.
type cluster struct {
	types.Cluster
	// creator is who made it, who may administer it if the access configuration says so.
	creator string
	updates updates
	// What belongs to it, by name, id or principal.
	entries      core.Table[entry]
	addons       core.Table[addon]
	profiles     core.Table[profile]
	associations core.Table[types.PodIdentityAssociation]
	nodegroups   core.Table[nodegroup]
	provider     *types.OidcIdentityProviderConfig
	// unmanaged are the add-ons that run without EKS's care.
	unmanaged map[string]*unmanaged
	// failing has its creation fail, the others the next update, add-on, Fargate profile or node group.
	failing, failNext, failNextAddon, failNextProfile, failNextNodegroup bool
	// played tells that somebody plays what runs behind the endpoint.
	played bool
	// usage is what insights say of the APIs that clients use.
	usage                     types.InsightStatusValue
	refreshing                bool
	refreshStarted, refreshed time.Time
	interfaces                []string
	authority                 authority
}

// createCluster answers a repeated call with the same token as the first one.
func createCluster(r *core.Request, in *sdk.CreateClusterInput) (*sdk.CreateClusterOutput, error) {
	id, err := core.Once(r, in, in.ClientRequestToken, func() (string, error) {
		c, err := newCluster(r, in)
		if err != nil {
			return "", err
		}
		of(r.Region).clusters.Put(*c.Name, c, r.Now())
		r.After(r.Config.ClusterDelay, func() { c.come() })
		return *c.Name, nil
	})
	if err != nil {
		return nil, err
	}
	c := of(r.Region).clusters.Get(id)
	if c == nil { // made under this token, and deleted since
		return nil, notFound("No cluster found for name: %s.", id)
	}
	r.Touch(id, *c.Arn)
	return &sdk.CreateClusterOutput{Cluster: c.show()}, nil
}

// come ends the creation.
func (c *cluster) come() {
	if c.Status != types.ClusterStatusCreating {
		return
	}
	if c.failing {
		c.Status = types.ClusterStatusFailed
		c.Health = &types.ClusterHealth{Issues: []types.ClusterIssue{{Code: types.ClusterIssueCodeInternalFailure,
			Message: core.Ptr("The control plane could not be created."), ResourceIds: []string{*c.Name}}}}
		return
	}
	c.Status, c.authority = types.ClusterStatusActive, newAuthority()
	host := strings.ToUpper(*c.Id)
	region := strings.Split(*c.Arn, ":")[3]
	c.Endpoint = core.Ptr(fmt.Sprintf("https://%s.gr7.%s.eks.amazonaws.com", host, region))
	c.CertificateAuthority = &types.Certificate{Data: core.Ptr(base64.StdEncoding.EncodeToString(c.authority.certificate))}
	c.Identity = &types.Identity{Oidc: &types.OIDC{Issuer: core.Ptr(fmt.Sprintf("https://oidc.eks.%s.amazonaws.com/id/%s", region, host))}}
}

// show is the cluster as answers have it.
func (c *cluster) show() *types.Cluster {
	out := c.Cluster
	out.Tags = maps.Clone(c.Tags)
	out.Id = nil // only clusters on Outposts have one
	return &out
}

func newCluster(r *core.Request, in *sdk.CreateClusterInput) (*cluster, error) {
	s := of(r.Region)
	switch {
	case !nameForm.MatchString(core.Val(in.Name)):
		return nil, invalid("The cluster name must be 1 to 100 letters, digits, hyphens and underscores, beginning with a letter or digit: %s", core.Val(in.Name))
	case s.clusters.Get(*in.Name) != nil:
		return nil, inUse(*in.Name, "Cluster already exists with name: %s", *in.Name)
	case s.clusters.Len() >= r.Config.Quota("eksClusters", mostClusters):
		return nil, refuse("ResourceLimitExceededException", 400, "Cluster limit exceeded for account")
	case in.OutpostConfig != nil:
		return nil, invalid("Outposts are not available in this account")
	}
	version, err := wantedVersion(core.Val(in.Version))
	if err != nil {
		return nil, err
	}
	if problem := tagsProblem(in.Tags); problem != nil {
		return nil, problem
	}
	if err := clusterRole(r, in.RoleArn); err != nil {
		return nil, err
	}
	if err := encryptionProblem(in.EncryptionConfig); err != nil {
		return nil, err
	}
	c := &cluster{creator: r.Caller.Principal(), unmanaged: map[string]*unmanaged{}, usage: types.InsightStatusValuePassing, Cluster: types.Cluster{
		Name: in.Name, RoleArn: in.RoleArn, Version: &version, Status: types.ClusterStatusCreating, CreatedAt: core.Ptr(r.Now()), Id: core.Ptr(r.Hex(32)),
		Arn: core.Ptr(r.ARN("eks", "cluster/"+*in.Name)), PlatformVersion: core.Ptr("eks.1"), EncryptionConfig: in.EncryptionConfig, Tags: maps.Clone(in.Tags),
		Health: &types.ClusterHealth{Issues: []types.ClusterIssue{}}, DeletionProtection: core.Ptr(core.Val(in.DeletionProtection)),
		ControlPlaneScalingConfig: in.ControlPlaneScalingConfig, UpgradePolicy: &types.UpgradePolicyResponse{SupportType: types.SupportTypeExtended},
	}}
	if in.UpgradePolicy != nil && in.UpgradePolicy.SupportType != "" {
		c.UpgradePolicy.SupportType = in.UpgradePolicy.SupportType
	}
	if in.ZonalShiftConfig != nil {
		c.ZonalShiftConfig = &types.ZonalShiftConfigResponse{Enabled: in.ZonalShiftConfig.Enabled}
	}
	if in.RemoteNetworkConfig != nil {
		c.RemoteNetworkConfig = (*types.RemoteNetworkConfigResponse)(in.RemoteNetworkConfig)
	}
	if c.AccessConfig, err = accessConfig(in.AccessConfig); err != nil {
		return nil, err
	}
	if c.KubernetesNetworkConfig, err = networkConfig(in.KubernetesNetworkConfig); err != nil {
		return nil, err
	}
	auto, err := c.autoMode(r, in.ComputeConfig, in.KubernetesNetworkConfig, in.StorageConfig)
	if err != nil {
		return nil, err
	}
	auto()
	if in.BootstrapSelfManagedAddons == nil || *in.BootstrapSelfManagedAddons {
		for _, name := range bootstrapAddons {
			c.unmanaged[name] = &unmanaged{version: productNamed(name).byDefault(minor(version))}
		}
	}
	c.Logging = merged(nil, in.Logging)
	if c.ResourcesVpcConfig, err = vpcConfig(r, in.ResourcesVpcConfig); err != nil {
		return nil, err
	}
	if err := c.settle(r); err != nil {
		return nil, err
	}
	c.letCreatorIn(r)
	return c, nil
}

func accessConfig(in *types.CreateAccessConfigRequest) (*types.AccessConfigResponse, error) {
	out := &types.AccessConfigResponse{AuthenticationMode: types.AuthenticationModeConfigMap, BootstrapClusterCreatorAdminPermissions: core.Ptr(true)}
	if in == nil {
		return out, nil
	}
	if in.AuthenticationMode != "" {
		out.AuthenticationMode = in.AuthenticationMode
	}
	if in.BootstrapClusterCreatorAdminPermissions != nil {
		out.BootstrapClusterCreatorAdminPermissions = in.BootstrapClusterCreatorAdminPermissions
	}
	if out.AuthenticationMode == types.AuthenticationModeConfigMap && !*out.BootstrapClusterCreatorAdminPermissions {
		return nil, invalid("bootstrapClusterCreatorAdminPermissions must be true if cluster authentication mode is set to CONFIG_MAP")
	}
	return out, nil
}

// serviceRanges are where the block of Services may lie.
var serviceRanges = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16")}

func networkConfig(in *types.KubernetesNetworkConfigRequest) (*types.KubernetesNetworkConfigResponse, error) {
	if in == nil {
		in = &types.KubernetesNetworkConfigRequest{}
	}
	if in.IpFamily == types.IpFamilyIpv6 {
		if in.ServiceIpv4Cidr != nil {
			return nil, invalid("serviceIpv4Cidr can't be specified when the IP family is ipv6")
		}
		return &types.KubernetesNetworkConfigResponse{IpFamily: types.IpFamilyIpv6, ServiceIpv6Cidr: core.Ptr("fd00:ec2::/108")}, nil
	}
	out := &types.KubernetesNetworkConfigResponse{IpFamily: types.IpFamilyIpv4, ServiceIpv4Cidr: core.Ptr("172.20.0.0/16")}
	if in.ServiceIpv4Cidr == nil {
		return out, nil
	}
	block, err := netip.ParsePrefix(*in.ServiceIpv4Cidr)
	if err != nil || block.Bits() < 12 || block.Bits() > 24 || !slices.ContainsFunc(serviceRanges, func(p netip.Prefix) bool { return p.Contains(block.Addr()) }) {
		return nil, invalid("serviceIpv4Cidr must be a block between /12 and /24 within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16: %s", *in.ServiceIpv4Cidr)
	}
	out.ServiceIpv4Cidr = in.ServiceIpv4Cidr
	return out, nil
}

func describeCluster(r *core.Request, in *sdk.DescribeClusterInput) (*sdk.DescribeClusterOutput, error) {
	c, err := find(r, in.Name)
	if err != nil {
		return nil, err
	}
	out := c.show()
	if _, ok := iam.RoleOf(r.Region, *c.RoleArn); !ok && (c.Status == types.ClusterStatusActive || c.Status == types.ClusterStatusUpdating) {
		out.Health = &types.ClusterHealth{Issues: append(slices.Clone(c.Health.Issues), types.ClusterIssue{Code: types.ClusterIssueCodeIamRoleNotFound,
			Message: core.Ptr("We couldn't find the cluster IAM role. You may be able to recreate an IAM role with the same settings to recover."), ResourceIds: []string{*c.RoleArn}})}
	}
	return &sdk.DescribeClusterOutput{Cluster: out}, nil
}

func listClusters(r *core.Request, in *sdk.ListClustersInput) (*sdk.ListClustersOutput, error) {
	list, next, err := names(r, of(r.Region).clusters.Rows(), in.NextToken, in.MaxResults, func(c *cluster) string { return *c.Name })
	return &sdk.ListClustersOutput{Clusters: list, NextToken: next}, err
}

func deleteCluster(r *core.Request, in *sdk.DeleteClusterInput) (*sdk.DeleteClusterOutput, error) {
	c, err := find(r, in.Name)
	switch {
	case err != nil:
		return nil, err
	case c.Status == types.ClusterStatusDeleting:
		return &sdk.DeleteClusterOutput{Cluster: c.show()}, nil
	case c.updates.current != nil:
		return nil, inUse(*c.Name, "Cannot delete because cluster %s currently has an update in progress", *c.Name)
	case c.Status == types.ClusterStatusCreating:
		return nil, inUse(*c.Name, "Cannot delete because cluster %s is being created", *c.Name)
	case c.nodegroups.Len() > 0:
		return nil, inUse(*c.Name, "Cluster has nodegroups attached")
	case c.profiles.Len() > 0:
		return nil, inUse(*c.Name, "Cluster has fargate profiles attached")
	case *c.DeletionProtection:
		return nil, refuse("InvalidRequestException", 400, "Cluster %s has deletion protection enabled", *c.Name)
	}
	c.Status = types.ClusterStatusDeleting
	r.After(r.Config.ClusterDelay, func() { of(r.Region).clusters.Delete(*c.Name) })
	// What stands in the subnets goes somewhat later than the cluster.
	r.After(r.Config.ClusterDelay+r.Config.DeletionDelay, func() { c.vacate(ec2.Of(r.Region)) })
	return &sdk.DeleteClusterOutput{Cluster: c.show()}, nil
}
