package emulator_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// activeWith makes a cluster that differs from the usual one, and waits until it is there.
func (c *cloud) activeWith(name string, change func(*eks.CreateClusterInput)) *types.Cluster {
	c.t.Helper()
	in := c.controlPlane(name, "1.34")
	change(in)
	must[*eks.CreateClusterOutput](c.t)(c.eks().CreateCluster(ctx, in))
	c.clock.Advance(time.Minute)
	return c.cluster(name)
}

func authentication(mode types.AuthenticationMode) func(*eks.CreateClusterInput) {
	return func(in *eks.CreateClusterInput) {
		in.AccessConfig = &types.CreateAccessConfigRequest{AuthenticationMode: mode}
	}
}

// role makes a role that a service may assume, with AWS's policies, and returns its ARN.
func (c *cloud) role(name, service string, policies ...string) *string {
	c.t.Helper()
	made := must[*iam.CreateRoleOutput](c.t)(c.iam().CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: trust(service)})).Role
	for _, p := range policies {
		must[*iam.AttachRolePolicyOutput](c.t)(c.iam().AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &name, PolicyArn: awsPolicy(p)}))
	}
	return made.Arn
}

func clusterPolicy(name string) *string {
	return aws.String("arn:aws:eks::aws:cluster-access-policy/" + name)
}

func TestAccessEntriesLetPrincipalsIn(t *testing.T) {
	c := newCloud(t)
	c.activeWith("prod", authentication(types.AuthenticationModeApi))
	e, prod, admin := c.eks(), aws.String("prod"), c.role("admin", "ec2.amazonaws.com")
	in := &eks.CreateAccessEntryInput{ClusterName: prod, PrincipalArn: admin, KubernetesGroups: []string{"admins"}, ClientRequestToken: aws.String("one"), Tags: map[string]string{"a": "b"}}
	made := must[*eks.CreateAccessEntryOutput](t)(e.CreateAccessEntry(ctx, in)).AccessEntry
	if *made.Type != "STANDARD" || *made.Username != "arn:aws:sts::123456789012:assumed-role/admin/{{SessionName}}" || !strings.Contains(*made.AccessEntryArn, ":access-entry/prod/role/123456789012/admin/") {
		t.Errorf("the entry is %+v", made)
	}
	must[*eks.CreateAccessEntryOutput](t)(e.CreateAccessEntry(ctx, in))
	again := *in
	again.ClientRequestToken = aws.String("two")
	wantCode(t, second(e.CreateAccessEntry(ctx, &again)), "ResourceInUseException")
	view := &eks.AssociateAccessPolicyInput{ClusterName: prod, PrincipalArn: admin, PolicyArn: clusterPolicy("AmazonEKSViewPolicy"),
		AccessScope: &types.AccessScope{Type: types.AccessScopeTypeNamespace, Namespaces: []string{"default"}}}
	for range 2 {
		must[*eks.AssociateAccessPolicyOutput](t)(e.AssociateAccessPolicy(ctx, view))
	}
	must[*eks.UpdateAccessEntryOutput](t)(e.UpdateAccessEntry(ctx, &eks.UpdateAccessEntryInput{ClusterName: prod, PrincipalArn: admin, Username: aws.String("boss")}))
	must[*eks.TagResourceOutput](t)(e.TagResource(ctx, &eks.TagResourceInput{ResourceArn: made.AccessEntryArn, Tags: map[string]string{"c": "d"}}))
	got := must[*eks.DescribeAccessEntryOutput](t)(e.DescribeAccessEntry(ctx, &eks.DescribeAccessEntryInput{ClusterName: prod, PrincipalArn: admin})).AccessEntry
	if *got.Username != "boss" || !slices.Equal(got.KubernetesGroups, []string{"admins"}) || len(got.Tags) != 2 {
		t.Errorf("then it is %+v", got)
	}
	policies := must[*eks.ListAssociatedAccessPoliciesOutput](t)(e.ListAssociatedAccessPolicies(ctx, &eks.ListAssociatedAccessPoliciesInput{ClusterName: prod, PrincipalArn: admin})).AssociatedAccessPolicies
	if len(policies) != 1 || policies[0].AccessScope.Namespaces[0] != "default" {
		t.Errorf("its policies are %+v", policies)
	}
	access := must[emulator.Access](t)(emulator.AccessTo(c.Emulator, "", "us-east-1", "prod"))
	if access.Creator != "" || len(access.Entries) != 2 || access.Entries[0].Policies[0].Name != "AmazonEKSClusterAdminPolicy" || access.Entries[1].Username != "boss" {
		t.Errorf("the cluster lets in %+v", access)
	}
	all := must[*eks.ListAccessEntriesOutput](t)(e.ListAccessEntries(ctx, &eks.ListAccessEntriesInput{ClusterName: prod, AssociatedPolicyArn: view.PolicyArn}))
	if !slices.Equal(all.AccessEntries, []string{*admin}) {
		t.Errorf("entries with the policy are %v", all.AccessEntries)
	}
	must[*eks.DisassociateAccessPolicyOutput](t)(e.DisassociateAccessPolicy(ctx, &eks.DisassociateAccessPolicyInput{ClusterName: prod, PrincipalArn: admin, PolicyArn: view.PolicyArn}))
	must[*eks.DeleteAccessEntryOutput](t)(e.DeleteAccessEntry(ctx, &eks.DeleteAccessEntryInput{ClusterName: prod, PrincipalArn: admin}))
	wantCode(t, second(e.DescribeAccessEntry(ctx, &eks.DescribeAccessEntryInput{ClusterName: prod, PrincipalArn: admin})), "ResourceNotFoundException")
}

func TestTheCreatorsEntryComesWithTheMode(t *testing.T) {
	c := newCloud(t)
	c.active("prod", "1.34")
	prod := aws.String("prod")
	wantCode(t, second(c.eks().ListAccessEntries(ctx, &eks.ListAccessEntriesInput{ClusterName: prod})), "InvalidRequestException")
	if access := must[emulator.Access](t)(emulator.AccessTo(c.Emulator, "", "us-east-1", "prod")); access.Creator != "arn:aws:iam::123456789012:user/emulator" {
		t.Errorf("the creator is %q", access.Creator)
	}
	must[*eks.UpdateClusterConfigOutput](t)(c.eks().UpdateClusterConfig(ctx, &eks.UpdateClusterConfigInput{Name: prod, AccessConfig: &types.UpdateAccessConfigRequest{AuthenticationMode: types.AuthenticationModeApiAndConfigMap}}))
	c.clock.Advance(time.Minute)
	list := must[*eks.ListAccessEntriesOutput](t)(c.eks().ListAccessEntries(ctx, &eks.ListAccessEntriesInput{ClusterName: prod}))
	if !slices.Equal(list.AccessEntries, []string{"arn:aws:iam::123456789012:user/emulator"}) {
		t.Errorf("the entries are %v", list.AccessEntries)
	}
	c.activeWith("shut", func(in *eks.CreateClusterInput) {
		in.ClientRequestToken = aws.String("shut")
		in.AccessConfig = &types.CreateAccessConfigRequest{AuthenticationMode: types.AuthenticationModeApi, BootstrapClusterCreatorAdminPermissions: aws.Bool(false)}
	})
	if list := must[*eks.ListAccessEntriesOutput](t)(c.eks().ListAccessEntries(ctx, &eks.ListAccessEntriesInput{ClusterName: aws.String("shut")})); len(list.AccessEntries) != 0 {
		t.Errorf("without a creator there are %v", list.AccessEntries)
	}
}

func TestAccessEntriesAreRefused(t *testing.T) {
	c := newCloud(t, func(config *emulator.Config) { config.Quotas = map[string]int{"accessEntries": 2} })
	c.activeWith("prod", authentication(types.AuthenticationModeApi))
	node := c.role("node", "ec2.amazonaws.com")
	create := func(change func(*eks.CreateAccessEntryInput)) error {
		in := &eks.CreateAccessEntryInput{ClusterName: aws.String("prod"), PrincipalArn: node}
		change(in)
		return second(c.eks().CreateAccessEntry(ctx, in))
	}
	associate := func(policy *string, scope types.AccessScope) error {
		return second(c.eks().AssociateAccessPolicy(ctx, &eks.AssociateAccessPolicyInput{ClusterName: aws.String("prod"), PrincipalArn: node, PolicyArn: policy, AccessScope: &scope}))
	}
	for _, test := range []struct {
		name, code string
		err        error
	}{
		{"a principal that is none", "InvalidParameterException", create(func(in *eks.CreateAccessEntryInput) { in.PrincipalArn = aws.String("arn:aws:s3:::bucket") })},
		{"a role that isn't there", "InvalidParameterException", create(func(in *eks.CreateAccessEntryInput) {
			in.PrincipalArn = aws.String("arn:aws:iam::123456789012:role/none")
		})},
		{"a type that is none", "InvalidParameterException", create(func(in *eks.CreateAccessEntryInput) { in.Type = aws.String("EC3") })},
		{"a reserved username", "InvalidParameterException", create(func(in *eks.CreateAccessEntryInput) { in.Username = aws.String("system:admin") })},
		{"a reserved group", "InvalidParameterException", create(func(in *eks.CreateAccessEntryInput) { in.KubernetesGroups = []string{"system:masters"} })},
		{"groups of nodes", "InvalidParameterException", create(func(in *eks.CreateAccessEntryInput) {
			in.Type, in.KubernetesGroups = aws.String("EC2_LINUX"), []string{"a"}
		})},
		{"nodes", "", create(func(in *eks.CreateAccessEntryInput) { in.Type = aws.String("EC2_LINUX") })},
		{"one too many", "ResourceLimitExceededException", create(func(in *eks.CreateAccessEntryInput) { in.PrincipalArn = c.role("more", "ec2.amazonaws.com") })},
		{"a policy for nodes", "InvalidRequestException", associate(clusterPolicy("AmazonEKSViewPolicy"), types.AccessScope{Type: types.AccessScopeTypeCluster})},
		{"an update of nodes", "InvalidRequestException", second(c.eks().UpdateAccessEntry(ctx, &eks.UpdateAccessEntryInput{ClusterName: aws.String("prod"), PrincipalArn: node, Username: aws.String("x")}))},
	} {
		t.Run(test.name, func(t *testing.T) { wantCode(t, test.err, test.code) })
	}
	node = aws.String("arn:aws:iam::123456789012:user/emulator")
	for _, test := range []struct {
		name, code string
		err        error
	}{
		{"a policy that is none", "InvalidParameterException", associate(clusterPolicy("None"), types.AccessScope{Type: types.AccessScopeTypeCluster})},
		{"namespaces of a cluster", "InvalidParameterException", associate(clusterPolicy("AmazonEKSViewPolicy"), types.AccessScope{Type: types.AccessScopeTypeCluster, Namespaces: []string{"a"}})},
		{"no namespaces", "InvalidParameterException", associate(clusterPolicy("AmazonEKSViewPolicy"), types.AccessScope{Type: types.AccessScopeTypeNamespace})},
		{"an association", "", associate(clusterPolicy("AmazonEKSViewPolicy"), types.AccessScope{Type: types.AccessScopeTypeCluster})},
	} {
		t.Run(test.name, func(t *testing.T) { wantCode(t, test.err, test.code) })
	}
}
