package emulator_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

func (c *cloud) eks() *eks.Client { return eks.NewFromConfig(c.config("AKIATEST", "us-east-1")) }

// controlPlane asks for a cluster in two zones.
func (c *cloud) controlPlane(name, version string) *eks.CreateClusterInput {
	c.t.Helper()
	vpc := *must[*ec2.CreateVpcOutput](c.t)(c.ec2().CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})).Vpc.VpcId
	var subnets []string
	for cidr, zone := range map[string]string{"10.0.0.0/24": "us-east-1a", "10.0.1.0/24": "us-east-1b"} {
		out := must[*ec2.CreateSubnetOutput](c.t)(c.ec2().CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: &cidr, AvailabilityZone: &zone}))
		subnets = append(subnets, *out.Subnet.SubnetId)
	}
	return &eks.CreateClusterInput{Name: &name, Version: &version, RoleArn: aws.String("arn:aws:iam::123456789012:role/eks-controlplane.cluster-api-provider-aws.sigs.k8s.io"),
		ResourcesVpcConfig: &types.VpcConfigRequest{SubnetIds: subnets}, ClientRequestToken: aws.String("token"), Tags: map[string]string{"team": "a"}}
}

// active makes a cluster and waits until it is there.
func (c *cloud) active(name, version string) *types.Cluster {
	c.t.Helper()
	must[*eks.CreateClusterOutput](c.t)(c.eks().CreateCluster(ctx, c.controlPlane(name, version)))
	c.clock.Advance(time.Minute)
	return c.cluster(name)
}

func (c *cloud) cluster(name string) *types.Cluster {
	c.t.Helper()
	return must[*eks.DescribeClusterOutput](c.t)(c.eks().DescribeCluster(ctx, &eks.DescribeClusterInput{Name: &name})).Cluster
}

func TestControlPlanesComeAndGo(t *testing.T) {
	c := newCloud(t)
	in := c.controlPlane("prod", "1.34")
	made := must[*eks.CreateClusterOutput](t)(c.eks().CreateCluster(ctx, in)).Cluster
	if made.Status != types.ClusterStatusCreating || made.Endpoint != nil {
		t.Errorf("a new cluster is %s at %v", made.Status, aws.ToString(made.Endpoint))
	}
	again := must[*eks.CreateClusterOutput](t)(c.eks().CreateCluster(ctx, in)).Cluster
	if !again.CreatedAt.Equal(*made.CreatedAt) {
		t.Error("the same token made another cluster")
	}
	other := *in
	other.ClientRequestToken = aws.String("another")
	_, err := c.eks().CreateCluster(ctx, &other)
	wantCode(t, err, "ResourceInUseException")
	_, err = c.eks().DeleteCluster(ctx, &eks.DeleteClusterInput{Name: in.Name})
	wantCode(t, err, "ResourceInUseException")

	c.clock.Advance(time.Minute)
	now := c.cluster("prod")
	if now.Status != types.ClusterStatusActive || !strings.HasSuffix(*now.Endpoint, ".eks.amazonaws.com") || now.Identity.Oidc.Issuer == nil || now.CertificateAuthority.Data == nil {
		t.Errorf("later it is %s at %s", now.Status, aws.ToString(now.Endpoint))
	}
	groups := must[*ec2.DescribeSecurityGroupsOutput](t)(c.ec2().DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{*now.ResourcesVpcConfig.ClusterSecurityGroupId}}))
	if name := *groups.SecurityGroups[0].GroupName; !strings.HasPrefix(name, "eks-cluster-sg-prod-") {
		t.Errorf("its security group is %s", name)
	}
	list := must[*eks.ListClustersOutput](t)(c.eks().ListClusters(ctx, &eks.ListClustersInput{}))
	if len(list.Clusters) != 1 || list.Clusters[0] != "prod" {
		t.Errorf("listed are %v", list.Clusters)
	}

	must[*eks.DeleteClusterOutput](t)(c.eks().DeleteCluster(ctx, &eks.DeleteClusterInput{Name: in.Name}))
	if status := c.cluster("prod").Status; status != types.ClusterStatusDeleting {
		t.Errorf("a deleted cluster is %s", status)
	}
	c.clock.Advance(time.Minute)
	_, err = c.eks().DescribeCluster(ctx, &eks.DescribeClusterInput{Name: in.Name})
	wantCode(t, err, "ResourceNotFoundException")
	interfaces := must[*ec2.DescribeNetworkInterfacesOutput](t)(c.ec2().DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{}))
	if len(interfaces.NetworkInterfaces) != 0 {
		t.Errorf("%d interfaces are left", len(interfaces.NetworkInterfaces))
	}
}

func TestControlPlanesAreRefused(t *testing.T) {
	for name, x := range map[string]struct {
		change func(*eks.CreateClusterInput)
		code   string
		says   string
	}{
		"a name":    {func(in *eks.CreateClusterInput) { in.Name = aws.String("-prod") }, "InvalidParameterException", "-prod"},
		"a version": {func(in *eks.CreateClusterInput) { in.Version = aws.String("1.20") }, "InvalidParameterException", "unsupported Kubernetes version"},
		"one zone": {func(in *eks.CreateClusterInput) {
			in.ResourcesVpcConfig.SubnetIds = in.ResourcesVpcConfig.SubnetIds[:1]
		}, "InvalidParameterException", "two different AZs"},
		"no subnet": {func(in *eks.CreateClusterInput) { in.ResourcesVpcConfig.SubnetIds[0] = "subnet-00000000000000000" }, "InvalidParameterException", "does not exist"},
		"a group": {func(in *eks.CreateClusterInput) {
			in.ResourcesVpcConfig.SecurityGroupIds = []string{"sg-00000000000000000"}
		}, "InvalidParameterException", "sg-"},
		"no endpoint": {func(in *eks.CreateClusterInput) { in.ResourcesVpcConfig.EndpointPublicAccess = aws.Bool(false) }, "InvalidParameterException", "cannot be false"},
		"a block of Services": {func(in *eks.CreateClusterInput) {
			in.KubernetesNetworkConfig = &types.KubernetesNetworkConfigRequest{ServiceIpv4Cidr: aws.String("8.8.0.0/16")}
		}, "InvalidParameterException", "8.8.0.0/16"},
		"a creator without rights": {func(in *eks.CreateClusterInput) {
			in.AccessConfig = &types.CreateAccessConfigRequest{BootstrapClusterCreatorAdminPermissions: aws.Bool(false)}
		}, "InvalidParameterException", "CONFIG_MAP"},
		"a tag": {func(in *eks.CreateClusterInput) { in.Tags = map[string]string{"aws:x": "y"} }, "InvalidParameterException", "aws:"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			in := c.controlPlane("prod", "1.34")
			x.change(in)
			_, err := c.eks().CreateCluster(ctx, in)
			wantCode(t, err, x.code)
			if !strings.Contains(err.Error(), x.says) {
				t.Errorf("it says %v; want %q", err, x.says)
			}
		})
	}
}

// TestUpdatesOfControlPlanesGoOneByOne follows updates to their ends.
func TestUpdatesOfControlPlanesGoOneByOne(t *testing.T) {
	c := newCloud(t, func(config *emulator.Config) {
		config.ClusterUpdateLag, config.ClusterUpdateDelay = 5*time.Second, time.Minute
	})
	c.active("prod", "1.34")
	name := aws.String("prod")
	logging := func(kinds ...types.LogType) *eks.UpdateClusterConfigInput {
		return &eks.UpdateClusterConfigInput{Name: name, Logging: &types.Logging{ClusterLogging: []types.LogSetup{{Enabled: aws.Bool(true), Types: kinds}}}}
	}
	update := must[*eks.UpdateClusterConfigOutput](t)(c.eks().UpdateClusterConfig(ctx, logging(types.LogTypeApi))).Update
	if update.Type != types.UpdateTypeLoggingUpdate || c.cluster("prod").Status != types.ClusterStatusActive {
		t.Errorf("the update is a %s, and the cluster shows it at once", update.Type)
	}
	_, err := c.eks().UpdateClusterVersion(ctx, &eks.UpdateClusterVersionInput{Name: name, Version: aws.String("1.35")})
	wantCode(t, err, "ResourceInUseException")
	if !strings.Contains(err.Error(), "Cannot VersionUpdate because cluster prod currently has update "+*update.Id+" in progress") {
		t.Errorf("it says %v", err)
	}
	c.clock.Advance(10 * time.Second)
	if status := c.cluster("prod").Status; status != types.ClusterStatusUpdating {
		t.Errorf("meanwhile it is %s", status)
	}
	c.clock.Advance(time.Minute)
	if now := c.cluster("prod"); now.Status != types.ClusterStatusActive || *now.Logging.ClusterLogging[0].Enabled != true || now.Logging.ClusterLogging[0].Types[0] != types.LogTypeApi {
		t.Errorf("afterwards it is %s with %v", now.Status, now.Logging.ClusterLogging)
	}
	_, err = c.eks().UpdateClusterConfig(ctx, logging(types.LogTypeApi))
	wantCode(t, err, "InvalidParameterException")

	both := logging(types.LogTypeAudit)
	both.DeletionProtection = aws.Bool(true)
	_, err = c.eks().UpdateClusterConfig(ctx, both)
	wantCode(t, err, "InvalidParameterException")
	_, err = c.eks().UpdateClusterConfig(ctx, &eks.UpdateClusterConfigInput{Name: name, AccessConfig: &types.UpdateAccessConfigRequest{AuthenticationMode: types.AuthenticationModeApi}})
	wantCode(t, err, "InvalidParameterException")
	_, err = c.eks().UpdateClusterVersion(ctx, &eks.UpdateClusterVersionInput{Name: name, Version: aws.String("1.36")})
	wantCode(t, err, "InvalidParameterException")

	if done, err := c.Act("fail-next-cluster-update", "", "us-east-1", "prod"); err != nil || !done {
		t.Fatal(done, err)
	}
	failing := must[*eks.UpdateClusterVersionOutput](t)(c.eks().UpdateClusterVersion(ctx, &eks.UpdateClusterVersionInput{Name: name, Version: aws.String("1.35")})).Update
	c.clock.Advance(2 * time.Minute)
	told := must[*eks.DescribeUpdateOutput](t)(c.eks().DescribeUpdate(ctx, &eks.DescribeUpdateInput{Name: name, UpdateId: failing.Id})).Update
	if now := c.cluster("prod"); told.Status != types.UpdateStatusFailed || len(told.Errors) != 1 || now.Status != types.ClusterStatusActive || *now.Version != "1.34" {
		t.Errorf("a failed update is %s, and the cluster %s at %s", told.Status, now.Status, *now.Version)
	}
	must[*eks.UpdateClusterVersionOutput](t)(c.eks().UpdateClusterVersion(ctx, &eks.UpdateClusterVersionInput{Name: name, Version: aws.String("1.35")}))
	c.clock.Advance(2 * time.Minute)
	if now := c.cluster("prod"); *now.Version != "1.35" {
		t.Errorf("it is at %s", *now.Version)
	}
	all := must[*eks.ListUpdatesOutput](t)(c.eks().ListUpdates(ctx, &eks.ListUpdatesInput{Name: name}))
	if len(all.UpdateIds) != 3 {
		t.Errorf("%d updates are listed; want the three that were taken", len(all.UpdateIds))
	}
}

func TestProtectedControlPlanesStay(t *testing.T) {
	c := newCloud(t)
	c.active("prod", "1.34")
	must[*eks.UpdateClusterConfigOutput](t)(c.eks().UpdateClusterConfig(ctx, &eks.UpdateClusterConfigInput{Name: aws.String("prod"), DeletionProtection: aws.Bool(true)}))
	c.clock.Advance(time.Minute)
	_, err := c.eks().DeleteCluster(ctx, &eks.DeleteClusterInput{Name: aws.String("prod")})
	wantCode(t, err, "InvalidRequestException")
}

func TestVersionsOfControlPlanesHaveEndsOfSupport(t *testing.T) {
	c := newCloud(t)
	out := must[*eks.DescribeClusterVersionsOutput](t)(c.eks().DescribeClusterVersions(ctx, &eks.DescribeClusterVersionsInput{ClusterVersions: []string{"1.34", "1.31"}}))
	if len(out.ClusterVersions) != 2 || out.ClusterVersions[0].VersionStatus != types.VersionStatusStandardSupport || out.ClusterVersions[1].VersionStatus != types.VersionStatusExtendedSupport {
		t.Errorf("the versions are %+v", out.ClusterVersions)
	}
	byDefault := must[*eks.DescribeClusterVersionsOutput](t)(c.eks().DescribeClusterVersions(ctx, &eks.DescribeClusterVersionsInput{DefaultOnly: aws.Bool(true)}))
	if len(byDefault.ClusterVersions) != 1 || !byDefault.ClusterVersions[0].DefaultVersion {
		t.Errorf("by default it is %+v", byDefault.ClusterVersions)
	}
}

func TestTagsOfControlPlanes(t *testing.T) {
	c := newCloud(t)
	arn := c.active("prod", "1.34").Arn
	must[*eks.TagResourceOutput](t)(c.eks().TagResource(ctx, &eks.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"stage": "x/y"}}))
	must[*eks.UntagResourceOutput](t)(c.eks().UntagResource(ctx, &eks.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"team"}}))
	tags := must[*eks.ListTagsForResourceOutput](t)(c.eks().ListTagsForResource(ctx, &eks.ListTagsForResourceInput{ResourceArn: arn})).Tags
	if len(tags) != 1 || tags["stage"] != "x/y" {
		t.Errorf("the tags are %v", tags)
	}
}
