package emulator_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

func (c *cloud) addon(cluster, name string) *types.Addon {
	c.t.Helper()
	return must[*eks.DescribeAddonOutput](c.t)(c.eks().DescribeAddon(ctx, &eks.DescribeAddonInput{ClusterName: &cluster, AddonName: &name})).Addon
}

// act has AWS do something by itself.
func (c *cloud) act(action, id string) {
	c.t.Helper()
	if done, err := c.Act(action, "", "us-east-1", id); err != nil || !done {
		c.t.Fatalf("%s of %s: %t, %v", action, id, done, err)
	}
}

func TestAddonsComeChangeAndGo(t *testing.T) {
	c := newCloud(t)
	c.active("prod", "1.34")
	e, prod, cni := c.eks(), aws.String("prod"), aws.String("vpc-cni")
	in := &eks.CreateAddonInput{ClusterName: prod, AddonName: cni, ClientRequestToken: aws.String("one"), Tags: map[string]string{"a": "b"}, ConfigurationValues: aws.String(`env: {WARM_IP_TARGET: "2"}`),
		ResolveConflicts: types.ResolveConflictsOverwrite}
	for range 2 {
		if made := must[*eks.CreateAddonOutput](t)(e.CreateAddon(ctx, in)).Addon; made.Status != types.AddonStatusCreating || *made.AddonVersion != "v1.20.4-eksbuild.1" {
			t.Errorf("a new add-on is %s at %s", made.Status, *made.AddonVersion)
		}
	}
	again := *in
	again.ClientRequestToken = aws.String("two")
	wantCode(t, second(e.CreateAddon(ctx, &again)), "ResourceInUseException")
	wantCode(t, second(e.UpdateAddon(ctx, &eks.UpdateAddonInput{ClusterName: prod, AddonName: cni, AddonVersion: aws.String("v1.20.4-eksbuild.2")})), "ResourceInUseException")
	c.clock.Advance(time.Minute)
	if now := c.addon("prod", "vpc-cni"); now.Status != types.AddonStatusActive || len(now.Health.Issues) != 0 {
		t.Errorf("later it is %+v", now)
	}
	update := must[*eks.UpdateAddonOutput](t)(e.UpdateAddon(ctx, &eks.UpdateAddonInput{ClusterName: prod, AddonName: cni, AddonVersion: aws.String("v1.20.4-eksbuild.2")})).Update
	if status := c.addon("prod", "vpc-cni").Status; update.Type != types.UpdateTypeAddonUpdate || status != types.AddonStatusUpdating {
		t.Errorf("a %s shows as %s", update.Type, status)
	}
	wantCode(t, second(e.UpdateAddon(ctx, &eks.UpdateAddonInput{ClusterName: prod, AddonName: cni})), "ResourceInUseException")
	c.clock.Advance(time.Minute)
	told := must[*eks.DescribeUpdateOutput](t)(e.DescribeUpdate(ctx, &eks.DescribeUpdateInput{Name: prod, AddonName: cni, UpdateId: update.Id})).Update
	if now := c.addon("prod", "vpc-cni"); told.Status != types.UpdateStatusSuccessful || *now.AddonVersion != "v1.20.4-eksbuild.2" || *now.ConfigurationValues != *in.ConfigurationValues {
		t.Errorf("after the update it is %+v", now)
	}
	if list := must[*eks.ListAddonsOutput](t)(e.ListAddons(ctx, &eks.ListAddonsInput{ClusterName: prod})).Addons; !slices.Equal(list, []string{"vpc-cni"}) {
		t.Errorf("listed are %v", list)
	}
	if updates := must[*eks.ListUpdatesOutput](t)(e.ListUpdates(ctx, &eks.ListUpdatesInput{Name: prod, AddonName: cni})).UpdateIds; len(updates) != 1 {
		t.Errorf("its updates are %v", updates)
	}
	must[*eks.DeleteAddonOutput](t)(e.DeleteAddon(ctx, &eks.DeleteAddonInput{ClusterName: prod, AddonName: cni, Preserve: true}))
	c.clock.Advance(time.Minute)
	wantCode(t, second(e.DescribeAddon(ctx, &eks.DescribeAddonInput{ClusterName: prod, AddonName: cni})), "ResourceNotFoundException")
	access := must[emulator.Access](t)(emulator.AccessTo(c.Emulator, "", "us-east-1", "prod"))
	if i := slices.IndexFunc(access.Addons, func(a emulator.AddonState) bool { return a.Name == "vpc-cni" }); i < 0 || access.Addons[i].Version != "v1.20.4-eksbuild.2" || access.Addons[i].Status != "" {
		t.Errorf("preserved is %+v", access.Addons)
	}
}

func TestAddonsMeetWhatRunsAlready(t *testing.T) {
	c := newCloud(t)
	c.active("prod", "1.34")
	c.activeWith("bare", func(in *eks.CreateClusterInput) {
		in.ClientRequestToken, in.BootstrapSelfManagedAddons = aws.String("bare"), aws.Bool(false)
	})
	e, newest := c.eks(), aws.String("v1.20.4-eksbuild.2")
	create := func(cluster string, version *string, conflicts types.ResolveConflicts) *types.Addon {
		t.Helper()
		must[*eks.CreateAddonOutput](t)(e.CreateAddon(ctx, &eks.CreateAddonInput{ClusterName: &cluster, AddonName: aws.String("vpc-cni"), AddonVersion: version, ResolveConflicts: conflicts}))
		c.clock.Advance(time.Minute)
		out := c.addon(cluster, "vpc-cni")
		must[*eks.DeleteAddonOutput](t)(e.DeleteAddon(ctx, &eks.DeleteAddonInput{ClusterName: &cluster, AddonName: aws.String("vpc-cni")}))
		c.clock.Advance(time.Minute)
		return out
	}
	if failed := create("prod", newest, types.ResolveConflictsNone); failed.Status != types.AddonStatusCreateFailed || failed.Health.Issues[0].Code != types.AddonIssueCodeConfigurationConflict ||
		!strings.Contains(*failed.Health.Issues[0].Message, "DaemonSet.apps aws-node") {
		t.Errorf("another version over the unmanaged one is %+v", failed)
	}
	if bare := create("bare", newest, types.ResolveConflictsNone); bare.Status != types.AddonStatusActive {
		t.Errorf("without an unmanaged one it is %+v", bare)
	}
	if same := create("prod", nil, ""); same.Status != types.AddonStatusActive {
		t.Errorf("the same version is %+v", same)
	}

	must[*eks.CreateAddonOutput](t)(e.CreateAddon(ctx, &eks.CreateAddonInput{ClusterName: aws.String("prod"), AddonName: aws.String("kube-proxy"), ResolveConflicts: types.ResolveConflictsOverwrite}))
	c.clock.Advance(time.Minute)
	c.act("edit-addon", "prod/kube-proxy")
	update := func(conflicts types.ResolveConflicts) *types.Update {
		t.Helper()
		u := must[*eks.UpdateAddonOutput](t)(e.UpdateAddon(ctx, &eks.UpdateAddonInput{ClusterName: aws.String("prod"), AddonName: aws.String("kube-proxy"), ResolveConflicts: conflicts})).Update
		c.clock.Advance(time.Minute)
		return must[*eks.DescribeUpdateOutput](t)(e.DescribeUpdate(ctx, &eks.DescribeUpdateInput{Name: aws.String("prod"), AddonName: aws.String("kube-proxy"), UpdateId: u.Id})).Update
	}
	if u := update(types.ResolveConflictsNone); u.Status != types.UpdateStatusFailed || u.Errors[0].ErrorCode != types.ErrorCodeConfigurationConflict || c.addon("prod", "kube-proxy").Status != types.AddonStatusUpdateFailed {
		t.Errorf("an update over what was edited is %+v", u)
	}
	for _, conflicts := range []types.ResolveConflicts{types.ResolveConflictsPreserve, types.ResolveConflictsOverwrite, types.ResolveConflictsNone} {
		if u := update(conflicts); u.Status != types.UpdateStatusSuccessful {
			t.Errorf("with %s it is %+v", conflicts, u)
		}
	}
}

func TestAddonsAreUnwell(t *testing.T) {
	c := newCloud(t)
	c.active("prod", "1.34")
	e, prod := c.eks(), aws.String("prod")
	create := func(name string) *types.Addon {
		must[*eks.CreateAddonOutput](t)(e.CreateAddon(ctx, &eks.CreateAddonInput{ClusterName: prod, AddonName: &name, ResolveConflicts: types.ResolveConflictsOverwrite}))
		c.clock.Advance(time.Minute)
		return c.addon("prod", name)
	}
	if alone := create("coredns"); alone.Status != types.AddonStatusDegraded || alone.Health.Issues[0].Code != types.AddonIssueCodeInsufficientNumberOfReplicas {
		t.Errorf("without nodes coredns is %+v", alone)
	}
	subnet := c.cluster("prod").ResourcesVpcConfig.SubnetIds[0]
	instance := *c.run(c.launch(subnet)).InstanceId
	must[*ec2.CreateTagsOutput](t)(c.ec2().CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{instance}, Tags: []ec2types.Tag{{Key: aws.String("kubernetes.io/cluster/prod"), Value: aws.String("owned")}}}))
	c.clock.Advance(time.Minute)
	if with := c.addon("prod", "coredns"); with.Status != types.AddonStatusActive {
		t.Errorf("with a node it is %+v", with)
	}
	c.act("fail-next-addon", "prod")
	if failed := create("eks-pod-identity-agent"); failed.Status != types.AddonStatusCreateFailed || len(failed.Health.Issues) != 1 {
		t.Errorf("a failed one is %+v", failed)
	}
	c.act("addon-issue", "prod/coredns/ClusterUnreachable")
	if ill := c.addon("prod", "coredns"); ill.Status != types.AddonStatusDegraded || ill.Health.Issues[0].Code != types.AddonIssueCodeClusterUnreachable {
		t.Errorf("an unwell one is %+v", ill)
	}
	c.act("heal-addon", "prod/coredns")
	if well := c.addon("prod", "coredns"); well.Status != types.AddonStatusActive {
		t.Errorf("a healed one is %+v", well)
	}
}

func TestAddonsAreRefused(t *testing.T) {
	c := newCloud(t)
	c.active("prod", "1.34")
	for name, x := range map[string]struct {
		change     func(*eks.CreateAddonInput)
		code, says string
	}{
		"one that AWS hasn't":       {func(in *eks.CreateAddonInput) { in.AddonName = aws.String("mine") }, "InvalidParameterException", "Addon mine specified is not supported in 1.34 kubernetes version"},
		"a version that is none":    {func(in *eks.CreateAddonInput) { in.AddonVersion = aws.String("v9") }, "InvalidParameterException", "Addon version specified is not supported"},
		"a version that is older":   {func(in *eks.CreateAddonInput) { in.AddonVersion = aws.String("v1.11.3-eksbuild.1") }, "InvalidParameterException", "Addon version specified is not supported"},
		"values outside the schema": {func(in *eks.CreateAddonInput) { in.ConfigurationValues = aws.String(`{"replicas": 3}`) }, "InvalidParameterException", "$.replicas: is not defined in the schema"},
		"values of another type":    {func(in *eks.CreateAddonInput) { in.ConfigurationValues = aws.String(`replicaCount: three`) }, "InvalidParameterException", "$.replicaCount: string found, integer expected"},
		"a role that isn't there": {func(in *eks.CreateAddonInput) {
			in.ServiceAccountRoleArn = aws.String("arn:aws:iam::123456789012:role/none")
		}, "InvalidParameterException", "does not exist"},
		"a cluster that isn't":  {func(in *eks.CreateAddonInput) { in.ClusterName = aws.String("none") }, "ResourceNotFoundException", "No cluster found for name: none."},
		"conflicts to preserve": {func(in *eks.CreateAddonInput) { in.ResolveConflicts = types.ResolveConflictsPreserve }, "InvalidParameterException", "PRESERVE"},
	} {
		t.Run(name, func(t *testing.T) {
			in := &eks.CreateAddonInput{ClusterName: aws.String("prod"), AddonName: aws.String("coredns")}
			x.change(in)
			err := second(c.eks().CreateAddon(ctx, in))
			wantCode(t, err, x.code)
			if !strings.Contains(err.Error(), x.says) {
				t.Errorf("it says %v, want %q", err, x.says)
			}
		})
	}
}

func TestAddonsHaveVersionsAndSchemas(t *testing.T) {
	c := newCloud(t)
	out := must[*eks.DescribeAddonVersionsOutput](t)(c.eks().DescribeAddonVersions(ctx, &eks.DescribeAddonVersionsInput{KubernetesVersion: aws.String("1.34"), AddonName: aws.String("kube-proxy")})).Addons
	if len(out) != 1 || *out[0].AddonVersions[0].AddonVersion != "v1.34.1-eksbuild.2" || out[0].AddonVersions[0].Compatibilities[0].DefaultVersion || !out[0].AddonVersions[1].Compatibilities[0].DefaultVersion {
		t.Errorf("kube-proxy has %+v", out)
	}
	if all := must[*eks.DescribeAddonVersionsOutput](t)(c.eks().DescribeAddonVersions(ctx, &eks.DescribeAddonVersionsInput{})).Addons; len(all) < 8 {
		t.Errorf("there are %d add-ons", len(all))
	}
	one := must[*eks.DescribeAddonConfigurationOutput](t)(c.eks().DescribeAddonConfiguration(ctx, &eks.DescribeAddonConfigurationInput{AddonName: aws.String("vpc-cni"), AddonVersion: aws.String("v1.20.4-eksbuild.2")}))
	if !strings.Contains(*one.ConfigurationSchema, "enableNetworkPolicy") || *one.PodIdentityConfiguration[0].ServiceAccount != "aws-node" {
		t.Errorf("its configuration is %+v", one)
	}
	wantCode(t, second(c.eks().DescribeAddonConfiguration(ctx, &eks.DescribeAddonConfigurationInput{AddonName: aws.String("vpc-cni"), AddonVersion: aws.String("v9")})), "ResourceNotFoundException")
}

func TestPodsGetRolesByAssociation(t *testing.T) {
	c := newCloud(t)
	c.active("prod", "1.34")
	e, prod, pods := c.eks(), aws.String("prod"), c.role("pods", "pods.eks.amazonaws.com")
	in := &eks.CreatePodIdentityAssociationInput{ClusterName: prod, Namespace: aws.String("default"), ServiceAccount: aws.String("app"), RoleArn: pods, ClientRequestToken: aws.String("one")}
	made := must[*eks.CreatePodIdentityAssociationOutput](t)(e.CreatePodIdentityAssociation(ctx, in)).Association
	again := must[*eks.CreatePodIdentityAssociationOutput](t)(e.CreatePodIdentityAssociation(ctx, in)).Association
	if *made.AssociationId != *again.AssociationId || !strings.HasPrefix(*made.AssociationId, "a-") {
		t.Errorf("made were %s and %s", *made.AssociationId, *again.AssociationId)
	}
	other := *in
	other.ClientRequestToken = aws.String("two")
	wantCode(t, second(e.CreatePodIdentityAssociation(ctx, &other)), "ResourceInUseException")
	other.ServiceAccount, other.RoleArn = aws.String("more"), c.role("node", "ec2.amazonaws.com")
	wantCode(t, second(e.CreatePodIdentityAssociation(ctx, &other)), "InvalidParameterException")
	must[*eks.UpdatePodIdentityAssociationOutput](t)(e.UpdatePodIdentityAssociation(ctx, &eks.UpdatePodIdentityAssociationInput{ClusterName: prod, AssociationId: made.AssociationId, RoleArn: c.role("pods2", "pods.eks.amazonaws.com")}))
	must[*eks.CreateAddonOutput](t)(e.CreateAddon(ctx, &eks.CreateAddonInput{ClusterName: prod, AddonName: aws.String("aws-ebs-csi-driver"),
		PodIdentityAssociations: []types.AddonPodIdentityAssociations{{ServiceAccount: aws.String("ebs-csi-controller-sa"), RoleArn: pods}}}))
	list := must[*eks.ListPodIdentityAssociationsOutput](t)(e.ListPodIdentityAssociations(ctx, &eks.ListPodIdentityAssociationsInput{ClusterName: prod})).Associations
	if len(list) != 2 || list[1].OwnerArn == nil || c.addon("prod", "aws-ebs-csi-driver").PodIdentityAssociations[0] != *list[1].AssociationArn {
		t.Errorf("listed are %+v", list)
	}
	c.clock.Advance(time.Minute)
	must[*eks.DeleteAddonOutput](t)(e.DeleteAddon(ctx, &eks.DeleteAddonInput{ClusterName: prod, AddonName: aws.String("aws-ebs-csi-driver")}))
	c.clock.Advance(time.Minute)
	must[*eks.DeletePodIdentityAssociationOutput](t)(e.DeletePodIdentityAssociation(ctx, &eks.DeletePodIdentityAssociationInput{ClusterName: prod, AssociationId: made.AssociationId}))
	if left := must[*eks.ListPodIdentityAssociationsOutput](t)(e.ListPodIdentityAssociations(ctx, &eks.ListPodIdentityAssociationsInput{ClusterName: prod})).Associations; len(left) != 0 {
		t.Errorf("left are %+v", left)
	}
}

func TestFargateProfilesChangeOneByOne(t *testing.T) {
	c := newCloud(t)
	c.activeWith("prod", authentication(types.AuthenticationModeApi))
	e, prod := c.eks(), aws.String("prod")
	const fargate = "arn:aws:iam::123456789012:role/eks-fargate.cluster-api-provider-aws.sigs.k8s.io"
	ask := func(name string) *eks.CreateFargateProfileInput {
		return &eks.CreateFargateProfileInput{ClusterName: prod, FargateProfileName: &name, PodExecutionRoleArn: aws.String(fargate),
			Selectors: []types.FargateProfileSelector{{Namespace: aws.String("kube-system")}}}
	}
	made := must[*eks.CreateFargateProfileOutput](t)(e.CreateFargateProfile(ctx, ask("one"))).FargateProfile
	if made.Status != types.FargateProfileStatusCreating || len(made.Subnets) != 2 {
		t.Errorf("a new profile is %+v", made)
	}
	err := second(e.CreateFargateProfile(ctx, ask("two")))
	wantCode(t, err, "ResourceInUseException")
	if !strings.Contains(err.Error(), "currently has Fargate profile one in status CREATING") {
		t.Errorf("it says %v", err)
	}
	c.clock.Advance(time.Minute)
	got := must[*eks.DescribeFargateProfileOutput](t)(e.DescribeFargateProfile(ctx, &eks.DescribeFargateProfileInput{ClusterName: prod, FargateProfileName: aws.String("one")})).FargateProfile
	if got.Status != types.FargateProfileStatusActive {
		t.Errorf("later it is %+v", got)
	}
	entry := must[*eks.DescribeAccessEntryOutput](t)(e.DescribeAccessEntry(ctx, &eks.DescribeAccessEntryInput{ClusterName: prod, PrincipalArn: aws.String(fargate)})).AccessEntry
	if *entry.Type != "FARGATE_LINUX" {
		t.Errorf("its role's entry is %+v", entry)
	}
	wantCode(t, second(e.CreateFargateProfile(ctx, ask("one"))), "ResourceInUseException")
	c.act("fail-next-fargate-profile", "prod")
	must[*eks.CreateFargateProfileOutput](t)(e.CreateFargateProfile(ctx, ask("two")))
	c.clock.Advance(time.Minute)
	failed := must[*eks.DescribeFargateProfileOutput](t)(e.DescribeFargateProfile(ctx, &eks.DescribeFargateProfileInput{ClusterName: prod, FargateProfileName: aws.String("two")})).FargateProfile
	if failed.Status != types.FargateProfileStatusCreateFailed || len(failed.Health.Issues) != 1 {
		t.Errorf("a failed one is %+v", failed)
	}
	wantCode(t, second(e.DeleteCluster(ctx, &eks.DeleteClusterInput{Name: prod})), "ResourceInUseException")
	must[*eks.DeleteFargateProfileOutput](t)(e.DeleteFargateProfile(ctx, &eks.DeleteFargateProfileInput{ClusterName: prod, FargateProfileName: aws.String("one")}))
	wantCode(t, second(e.DeleteFargateProfile(ctx, &eks.DeleteFargateProfileInput{ClusterName: prod, FargateProfileName: aws.String("two")})), "ResourceInUseException")
	c.clock.Advance(time.Minute)
	must[*eks.DeleteFargateProfileOutput](t)(e.DeleteFargateProfile(ctx, &eks.DeleteFargateProfileInput{ClusterName: prod, FargateProfileName: aws.String("two")}))
	c.clock.Advance(time.Minute)
	if left := must[*eks.ListFargateProfilesOutput](t)(e.ListFargateProfiles(ctx, &eks.ListFargateProfilesInput{ClusterName: prod})).FargateProfileNames; len(left) != 0 {
		t.Errorf("left are %v", left)
	}
	must[*eks.DeleteClusterOutput](t)(e.DeleteCluster(ctx, &eks.DeleteClusterInput{Name: prod}))
}

func TestFargateProfilesAreRefused(t *testing.T) {
	c := newCloud(t)
	made := c.active("prod", "1.34")
	public := made.ResourcesVpcConfig.SubnetIds[0]
	c.leadOut(*made.ResourcesVpcConfig.VpcId, public)
	for name, x := range map[string]struct {
		change func(*eks.CreateFargateProfileInput)
		says   string
	}{
		"a public subnet": {func(in *eks.CreateFargateProfileInput) { in.Subnets = []string{public} }, "is not a private subnet"},
		"no selector":     {func(in *eks.CreateFargateProfileInput) { in.Selectors = nil }, "selectors"},
		"six labels": {func(in *eks.CreateFargateProfileInput) {
			in.Selectors[0].Labels = map[string]string{"a": "", "b": "", "c": "", "d": "", "e": "", "f": ""}
		}, "5 labels"},
		"a role of nodes": {func(in *eks.CreateFargateProfileInput) { in.PodExecutionRoleArn = c.role("node", "ec2.amazonaws.com") }, "Misconfigured PodExecutionRole Trust Policy"},
	} {
		t.Run(name, func(t *testing.T) {
			in := &eks.CreateFargateProfileInput{ClusterName: aws.String("prod"), FargateProfileName: aws.String("p"), Selectors: []types.FargateProfileSelector{{Namespace: aws.String("a")}},
				PodExecutionRoleArn: aws.String("arn:aws:iam::123456789012:role/eks-fargate.cluster-api-provider-aws.sigs.k8s.io")}
			x.change(in)
			err := second(c.eks().CreateFargateProfile(ctx, in))
			wantCode(t, err, "InvalidParameterException")
			if !strings.Contains(err.Error(), x.says) {
				t.Errorf("it says %v, want %q", err, x.says)
			}
		})
	}
}

// leadOut makes a subnet's default route one to the internet.
func (c *cloud) leadOut(vpc, subnet string) {
	c.t.Helper()
	gateway := must[*ec2.CreateInternetGatewayOutput](c.t)(c.ec2().CreateInternetGateway(ctx, &ec2.CreateInternetGatewayInput{})).InternetGateway.InternetGatewayId
	must[*ec2.AttachInternetGatewayOutput](c.t)(c.ec2().AttachInternetGateway(ctx, &ec2.AttachInternetGatewayInput{InternetGatewayId: gateway, VpcId: &vpc}))
	table := must[*ec2.CreateRouteTableOutput](c.t)(c.ec2().CreateRouteTable(ctx, &ec2.CreateRouteTableInput{VpcId: &vpc})).RouteTable.RouteTableId
	must[*ec2.AssociateRouteTableOutput](c.t)(c.ec2().AssociateRouteTable(ctx, &ec2.AssociateRouteTableInput{RouteTableId: table, SubnetId: &subnet}))
	must[*ec2.CreateRouteOutput](c.t)(c.ec2().CreateRoute(ctx, &ec2.CreateRouteInput{RouteTableId: table, DestinationCidrBlock: aws.String("0.0.0.0/0"), GatewayId: gateway}))
}

func TestIdentityProvidersAreUpdatesOfTheCluster(t *testing.T) {
	c := newCloud(t)
	c.active("prod", "1.34")
	e, prod := c.eks(), aws.String("prod")
	in := &eks.AssociateIdentityProviderConfigInput{ClusterName: prod, Oidc: &types.OidcIdentityProviderConfigRequest{IdentityProviderConfigName: aws.String("dex"),
		ClientId: aws.String("kubernetes"), IssuerUrl: aws.String("https://dex.example")}}
	update := must[*eks.AssociateIdentityProviderConfigOutput](t)(e.AssociateIdentityProviderConfig(ctx, in)).Update
	name := &types.IdentityProviderConfig{Type: aws.String("oidc"), Name: aws.String("dex")}
	status := func() types.ConfigStatus {
		t.Helper()
		return must[*eks.DescribeIdentityProviderConfigOutput](t)(e.DescribeIdentityProviderConfig(ctx, &eks.DescribeIdentityProviderConfigInput{ClusterName: prod, IdentityProviderConfig: name})).IdentityProviderConfig.Oidc.Status
	}
	if update.Type != types.UpdateTypeAssociateIdentityProviderConfig || status() != types.ConfigStatusCreating {
		t.Errorf("the update is a %s, the provider %s", update.Type, status())
	}
	wantCode(t, second(e.UpdateClusterVersion(ctx, &eks.UpdateClusterVersionInput{Name: prod, Version: aws.String("1.35")})), "ResourceInUseException")
	c.clock.Advance(time.Minute)
	if status() != types.ConfigStatusActive {
		t.Errorf("later it is %s", status())
	}
	other := *in
	other.ClientRequestToken = nil
	other.Oidc = &types.OidcIdentityProviderConfigRequest{IdentityProviderConfigName: aws.String("other"), ClientId: aws.String("kubernetes"), IssuerUrl: aws.String("https://other.example")}
	wantCode(t, second(e.AssociateIdentityProviderConfig(ctx, &other)), "ResourceLimitExceededException")
	must[*eks.DisassociateIdentityProviderConfigOutput](t)(e.DisassociateIdentityProviderConfig(ctx, &eks.DisassociateIdentityProviderConfigInput{ClusterName: prod, IdentityProviderConfig: name}))
	if status() != types.ConfigStatusDeleting {
		t.Errorf("going it is %s", status())
	}
	c.clock.Advance(time.Minute)
	if left := must[*eks.ListIdentityProviderConfigsOutput](t)(e.ListIdentityProviderConfigs(ctx, &eks.ListIdentityProviderConfigsInput{ClusterName: prod})).IdentityProviderConfigs; len(left) != 0 {
		t.Errorf("left is %+v", left)
	}
	c.act("fail-next-cluster-update", "prod")
	in.ClientRequestToken = nil
	must[*eks.AssociateIdentityProviderConfigOutput](t)(e.AssociateIdentityProviderConfig(ctx, in))
	c.clock.Advance(time.Minute)
	wantCode(t, second(e.DescribeIdentityProviderConfig(ctx, &eks.DescribeIdentityProviderConfigInput{ClusterName: prod, IdentityProviderConfig: name})), "ResourceNotFoundException")
}

func TestInsightsStandInTheWayOfAnUpgrade(t *testing.T) {
	c := newCloud(t)
	c.active("prod", "1.34")
	e, prod := c.eks(), aws.String("prod")
	failing := func() []types.InsightSummary {
		t.Helper()
		return must[*eks.ListInsightsOutput](t)(e.ListInsights(ctx, &eks.ListInsightsInput{ClusterName: prod, Filter: &types.InsightsFilter{Statuses: []types.InsightStatusValue{types.InsightStatusValueError}}})).Insights
	}
	if len(failing()) != 0 {
		t.Errorf("at first %+v", failing())
	}
	c.act("insight", "prod/ERROR")
	if len(failing()) != 1 {
		t.Fatalf("then %+v", failing())
	}
	one := must[*eks.DescribeInsightOutput](t)(e.DescribeInsight(ctx, &eks.DescribeInsightInput{ClusterName: prod, Id: failing()[0].Id})).Insight
	if details := one.CategorySpecificSummary.DeprecationDetails; len(details) != 1 || *details[0].ClientStats[0].UserAgent != "old-operator/v1.2" {
		t.Errorf("it says %+v", one)
	}
	upgrade := &eks.UpdateClusterVersionInput{Name: prod, Version: aws.String("1.35")}
	wantCode(t, second(e.UpdateClusterVersion(ctx, upgrade)), "InvalidStateException")
	upgrade.Force = true
	must[*eks.UpdateClusterVersionOutput](t)(e.UpdateClusterVersion(ctx, upgrade))
	if started := must[*eks.StartInsightsRefreshOutput](t)(e.StartInsightsRefresh(ctx, &eks.StartInsightsRefreshInput{ClusterName: prod})); started.Status != types.InsightsRefreshStatusInProgress {
		t.Errorf("a refresh is %s", started.Status)
	}
	c.clock.Advance(time.Minute)
	if ended := must[*eks.DescribeInsightsRefreshOutput](t)(e.DescribeInsightsRefresh(ctx, &eks.DescribeInsightsRefreshInput{ClusterName: prod})); ended.Status != types.InsightsRefreshStatusCompleted {
		t.Errorf("later it is %s", ended.Status)
	}
}

func TestControlPlanesTakeEveryKindOfUpdate(t *testing.T) {
	c := newCloud(t)
	c.activeWith("prod", authentication(types.AuthenticationModeApi))
	prod, e := aws.String("prod"), c.eks()
	on := aws.Bool(true)
	for name, in := range map[types.UpdateType]*eks.UpdateClusterConfigInput{
		types.UpdateTypeZonalShiftConfigUpdate:          {ZonalShiftConfig: &types.ZonalShiftConfigRequest{Enabled: on}},
		types.UpdateTypeControlPlaneScalingConfigUpdate: {ControlPlaneScalingConfig: &types.ControlPlaneScalingConfig{Tier: types.ProvisionedControlPlaneTierTierXl}},
		types.UpdateTypeUpgradePolicyUpdate:             {UpgradePolicy: &types.UpgradePolicyRequest{SupportType: types.SupportTypeStandard}},
		types.UpdateTypeRemoteNetworkConfigUpdate:       {RemoteNetworkConfig: &types.RemoteNetworkConfigRequest{RemoteNodeNetworks: []types.RemoteNodeNetwork{{Cidrs: []string{"10.8.0.0/16"}}}}},
		types.UpdateTypeAutoModeUpdate: {ComputeConfig: &types.ComputeConfigRequest{Enabled: on}, StorageConfig: &types.StorageConfigRequest{BlockStorage: &types.BlockStorage{Enabled: on}},
			KubernetesNetworkConfig: &types.KubernetesNetworkConfigRequest{ElasticLoadBalancing: &types.ElasticLoadBalancing{Enabled: on}}},
	} {
		in.Name = prod
		if u := must[*eks.UpdateClusterConfigOutput](t)(e.UpdateClusterConfig(ctx, in)).Update; u.Type != name {
			t.Errorf("a %s is called %s", name, u.Type)
		}
		c.clock.Advance(time.Minute)
	}
	now := c.cluster("prod")
	if !*now.ZonalShiftConfig.Enabled || now.ControlPlaneScalingConfig.Tier != types.ProvisionedControlPlaneTierTierXl || !*now.ComputeConfig.Enabled || len(now.RemoteNetworkConfig.RemoteNodeNetworks) != 1 {
		t.Errorf("in the end it is %+v", now)
	}
	wantCode(t, second(e.UpdateClusterConfig(ctx, &eks.UpdateClusterConfigInput{Name: prod, ComputeConfig: &types.ComputeConfigRequest{Enabled: on}})), "InvalidParameterException")

	keys := []types.EncryptionConfig{{Provider: &types.Provider{KeyArn: aws.String("arn:aws:kms:us-east-1:123456789012:key/a")}, Resources: []string{"secrets"}}}
	must[*eks.AssociateEncryptionConfigOutput](t)(e.AssociateEncryptionConfig(ctx, &eks.AssociateEncryptionConfigInput{ClusterName: prod, EncryptionConfig: keys}))
	c.clock.Advance(time.Minute)
	if now := c.cluster("prod"); len(now.EncryptionConfig) != 1 {
		t.Errorf("encrypted with %+v", now.EncryptionConfig)
	}
	wantCode(t, second(e.AssociateEncryptionConfig(ctx, &eks.AssociateEncryptionConfigInput{ClusterName: prod, EncryptionConfig: keys})), "InvalidParameterException")

	u := must[*eks.UpdateClusterVersionOutput](t)(e.UpdateClusterVersion(ctx, &eks.UpdateClusterVersionInput{Name: prod, Version: aws.String("1.35")})).Update
	if u = must[*eks.CancelUpdateOutput](t)(e.CancelUpdate(ctx, &eks.CancelUpdateInput{Name: prod, UpdateId: u.Id})).Update; u.Status != types.UpdateStatusCancelled {
		t.Errorf("cancelled it is %s", u.Status)
	}
	c.clock.Advance(time.Minute)
	if now := c.cluster("prod"); *now.Version != "1.34" || now.Status != types.ClusterStatusActive {
		t.Errorf("then it is at %s, %s", *now.Version, now.Status)
	}
}

func TestAWSUpgradesAndFallsIllByItself(t *testing.T) {
	c := newCloud(t)
	c.active("prod", "1.34")
	c.act("upgrade-cluster", "prod")
	c.clock.Advance(time.Minute)
	c.act("cluster-issue", "prod/IamRoleNotFound")
	if now := c.cluster("prod"); *now.Version != "1.35" || len(now.Health.Issues) != 1 || now.Health.Issues[0].Code != types.ClusterIssueCodeIamRoleNotFound {
		t.Errorf("it is at %s with %+v", *now.Version, now.Health.Issues)
	}
	c.act("heal-cluster", "prod")
	if now := c.cluster("prod"); len(now.Health.Issues) != 0 {
		t.Errorf("it has %+v", now.Health.Issues)
	}
}

func TestZonesWithoutControlPlanesAreRefused(t *testing.T) {
	c := newCloud(t)
	in := c.controlPlane("prod", "1.34")
	subnets := must[*ec2.DescribeSubnetsOutput](t)(c.ec2().DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: in.ResourcesVpcConfig.SubnetIds}))
	in.ResourcesVpcConfig.SubnetIds = append(in.ResourcesVpcConfig.SubnetIds, c.subnet(*subnets.Subnets[0].VpcId, "10.0.7.0/24", "us-east-1c"))
	err := second(c.eks().CreateCluster(ctx, in))
	wantCode(t, err, "UnsupportedAvailabilityZoneException")
	if !strings.Contains(err.Error(), "us-east-1a, us-east-1b, us-east-1d") {
		t.Errorf("it says %v", err)
	}
}
