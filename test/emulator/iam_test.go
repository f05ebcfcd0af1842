package emulator_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

func (c *cloud) iam() *iam.Client { return iam.NewFromConfig(c.config("AKIATEST", "us-east-1")) }

// trust lets a service of AWS's assume a role.
func trust(service string) *string {
	return aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":"sts:AssumeRole"}]}`)
}

// allow is a policy that allows actions on everything.
func allow(actions ...string) *string {
	return aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["` + strings.Join(actions, `","`) + `"],"Resource":"*"}]}`)
}

func awsPolicy(name string) *string { return aws.String("arn:aws:iam::aws:policy/" + name) }

func TestRolesLiveInAllRegionsAndOutliveNothing(t *testing.T) {
	c := newCloud(t)
	elsewhere := iam.NewFromConfig(c.config("AKIATEST", "eu-west-1"))
	made := must[*iam.CreateRoleOutput](t)(c.iam().CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("prod"), Path: aws.String("/team/a/"), AssumeRolePolicyDocument: trust("eks.amazonaws.com"),
		PermissionsBoundary: awsPolicy("PowerUserAccess"), Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("a")}}})).Role
	if *made.Arn != "arn:aws:iam::123456789012:role/team/a/prod" || !strings.HasPrefix(*made.RoleId, "AROA") {
		t.Errorf("the role is %s, %s", *made.Arn, *made.RoleId)
	}
	got := must[*iam.GetRoleOutput](t)(elsewhere.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("prod")})).Role
	document, err := url.QueryUnescape(*got.AssumeRolePolicyDocument)
	if err != nil || document != *trust("eks.amazonaws.com") || *got.PermissionsBoundary.PermissionsBoundaryArn != *awsPolicy("PowerUserAccess") || len(got.Tags) != 1 {
		t.Errorf("read again it is %+v, %v", got, err)
	}
	name := &iam.DeleteRoleInput{RoleName: aws.String("prod")}
	must[*iam.AttachRolePolicyOutput](t)(c.iam().AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: name.RoleName, PolicyArn: awsPolicy("AmazonEKSClusterPolicy")}))
	must[*iam.AttachRolePolicyOutput](t)(c.iam().AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: name.RoleName, PolicyArn: awsPolicy("AmazonEKSClusterPolicy")}))
	attached := must[*iam.ListAttachedRolePoliciesOutput](t)(c.iam().ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: name.RoleName})).AttachedPolicies
	if len(attached) != 1 || *attached[0].PolicyName != "AmazonEKSClusterPolicy" {
		t.Errorf("attached are %+v", attached)
	}
	wantCode(t, second(c.iam().DeleteRole(ctx, name)), "DeleteConflict")
	must[*iam.DetachRolePolicyOutput](t)(c.iam().DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: name.RoleName, PolicyArn: awsPolicy("AmazonEKSClusterPolicy")}))
	must[*iam.PutRolePolicyOutput](t)(c.iam().PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: name.RoleName, PolicyName: aws.String("own"), PolicyDocument: allow("ec2:*")}))
	wantCode(t, second(c.iam().DeleteRole(ctx, name)), "DeleteConflict")
	must[*iam.DeleteRolePolicyOutput](t)(c.iam().DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: name.RoleName, PolicyName: aws.String("own")}))
	if len(c.Resources("", "")) != 1 {
		t.Errorf("there is %+v", c.Resources("", ""))
	}
	must[*iam.DeleteRoleOutput](t)(c.iam().DeleteRole(ctx, name))
	if left := c.Resources("", ""); len(left) != 0 {
		t.Errorf("left is %+v", left)
	}
}

func TestIAMRefusesInItsOwnCodes(t *testing.T) {
	c := newCloud(t)
	e, prod := c.iam(), aws.String("prod")
	must[*iam.CreateRoleOutput](t)(e.CreateRole(ctx, &iam.CreateRoleInput{RoleName: prod, AssumeRolePolicyDocument: trust("eks.amazonaws.com")}))
	create := func(change func(*iam.CreateRoleInput)) error {
		in := &iam.CreateRoleInput{RoleName: aws.String("other"), AssumeRolePolicyDocument: trust("eks.amazonaws.com")}
		change(in)
		return second(e.CreateRole(ctx, in))
	}
	for _, test := range []struct {
		name, code string
		err        error
	}{
		{"a role of the same name", "EntityAlreadyExists", create(func(in *iam.CreateRoleInput) { in.RoleName = aws.String("PROD") })},
		{"a role with a space", "ValidationError", create(func(in *iam.CreateRoleInput) { in.RoleName = aws.String("a b") })},
		{"a path without an end", "ValidationError", create(func(in *iam.CreateRoleInput) { in.Path = aws.String("/a") })},
		{"a trust policy that is no JSON", "MalformedPolicyDocument", create(func(in *iam.CreateRoleInput) { in.AssumeRolePolicyDocument = aws.String("{") })},
		{"a trust policy with resources", "MalformedPolicyDocument", create(func(in *iam.CreateRoleInput) { in.AssumeRolePolicyDocument = allow("sts:AssumeRole") })},
		{"a principal that isn't there", "MalformedPolicyDocument", create(func(in *iam.CreateRoleInput) {
			in.AssumeRolePolicyDocument = aws.String(`{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::123456789012:role/none"}}}`)
		})},
		{"a boundary that isn't there", "NoSuchEntity", create(func(in *iam.CreateRoleInput) { in.PermissionsBoundary = awsPolicy("None") })},
		{"a role that isn't there", "NoSuchEntity", second(e.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("none")}))},
		{"a policy that isn't there", "NoSuchEntity", second(e.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: prod, PolicyArn: awsPolicy("None")}))},
		{"a policy that isn't attached", "NoSuchEntity", second(e.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: prod, PolicyArn: awsPolicy("AmazonEKSClusterPolicy")}))},
		{"a policy with a principal", "MalformedPolicyDocument", second(e.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: prod, PolicyName: prod, PolicyDocument: trust("eks.amazonaws.com")}))},
		{"an inline policy that isn't there", "NoSuchEntity", second(e.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: prod, PolicyName: prod}))},
		{"a role in use by a profile", "DeleteConflict", second(e.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: aws.String("nodes.cluster-api-provider-aws.sigs.k8s.io")}))},
		{"a provider without TLS", "InvalidInput", second(e.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{Url: aws.String("http://a.example")}))},
	} {
		t.Run(test.name, func(t *testing.T) { wantCode(t, test.err, test.code) })
	}
}

func TestTheStackOfClusterawsadmIsThere(t *testing.T) {
	c := newCloud(t)
	for name, policies := range map[string]int{"eks-controlplane": 1, "eks-nodegroup": 3, "eks-fargate": 1, "control-plane": 0, "controllers": 0, "nodes": 2} {
		name := aws.String(name + ".cluster-api-provider-aws.sigs.k8s.io")
		must[*iam.GetRoleOutput](t)(c.iam().GetRole(ctx, &iam.GetRoleInput{RoleName: name}))
		if got := must[*iam.ListAttachedRolePoliciesOutput](t)(c.iam().ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: name})); len(got.AttachedPolicies) != policies {
			t.Errorf("%s has %d policies, want %d", *name, len(got.AttachedPolicies), policies)
		}
	}
}

func TestInstanceProfilesServeInstances(t *testing.T) {
	c := newCloud(t)
	subnet, mine := c.zoneSubnet(), aws.String("mine")
	with := func(in *ec2.RunInstancesInput) {
		in.IamInstanceProfile = &ec2types.IamInstanceProfileSpecification{Name: mine}
	}
	wantCode(t, second(c.ec2().RunInstances(ctx, c.launch(subnet, with))), "InvalidParameterValue")
	must[*iam.CreateInstanceProfileOutput](t)(c.iam().CreateInstanceProfile(ctx, &iam.CreateInstanceProfileInput{InstanceProfileName: mine}))
	must[*iam.CreateRoleOutput](t)(c.iam().CreateRole(ctx, &iam.CreateRoleInput{RoleName: mine, AssumeRolePolicyDocument: trust("ec2.amazonaws.com")}))
	must[*iam.AddRoleToInstanceProfileOutput](t)(c.iam().AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: mine, RoleName: mine}))
	wantCode(t, second(c.iam().AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: mine, RoleName: mine})), "LimitExceeded")
	must[*ec2.RunInstancesOutput](t)(c.ec2().RunInstances(ctx, c.launch(subnet, with)))
	of := must[*iam.ListInstanceProfilesForRoleOutput](t)(c.iam().ListInstanceProfilesForRole(ctx, &iam.ListInstanceProfilesForRoleInput{RoleName: mine})).InstanceProfiles
	if len(of) != 1 || *of[0].Roles[0].RoleName != "mine" {
		t.Errorf("the role's profiles are %+v", of)
	}
	wantCode(t, second(c.iam().DeleteInstanceProfile(ctx, &iam.DeleteInstanceProfileInput{InstanceProfileName: mine})), "DeleteConflict")
	must[*iam.RemoveRoleFromInstanceProfileOutput](t)(c.iam().RemoveRoleFromInstanceProfile(ctx, &iam.RemoveRoleFromInstanceProfileInput{InstanceProfileName: mine, RoleName: mine}))
	must[*iam.DeleteInstanceProfileOutput](t)(c.iam().DeleteInstanceProfile(ctx, &iam.DeleteInstanceProfileInput{InstanceProfileName: mine}))
}

func TestRolesArePaged(t *testing.T) {
	c := newCloud(t)
	for i := range 3 {
		must[*iam.CreateRoleOutput](t)(c.iam().CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String(fmt.Sprint("role", i)), Path: aws.String("/mine/"), AssumeRolePolicyDocument: trust("eks.amazonaws.com")}))
	}
	pages, n := iam.NewListRolesPaginator(c.iam(), &iam.ListRolesInput{PathPrefix: aws.String("/mine/"), MaxItems: aws.Int32(2)}), []int{}
	for pages.HasMorePages() {
		n = append(n, len(must[*iam.ListRolesOutput](t)(pages.NextPage(ctx)).Roles))
	}
	if fmt.Sprint(n) != "[2 1]" {
		t.Errorf("the pages have %v", n)
	}
}

func TestProvidersOfIdentitiesAreHundred(t *testing.T) {
	c := newCloud(t, func(config *emulator.Config) { config.Quotas = map[string]int{"oidcProviders": 1} })
	e, at := c.iam(), aws.String("https://oidc.eks.us-east-1.amazonaws.com/id/ABC")
	made := must[*iam.CreateOpenIDConnectProviderOutput](t)(e.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{Url: at, ClientIDList: []string{"sts.amazonaws.com"}}))
	if *made.OpenIDConnectProviderArn != "arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/ABC" {
		t.Errorf("it is %s", *made.OpenIDConnectProviderArn)
	}
	wantCode(t, second(e.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{Url: at})), "EntityAlreadyExists")
	wantCode(t, second(e.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://b.example")})), "LimitExceeded")
	id := made.OpenIDConnectProviderArn
	must[*iam.TagOpenIDConnectProviderOutput](t)(e.TagOpenIDConnectProvider(ctx, &iam.TagOpenIDConnectProviderInput{OpenIDConnectProviderArn: id, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}))
	got := must[*iam.GetOpenIDConnectProviderOutput](t)(e.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: id}))
	if *got.Url != "oidc.eks.us-east-1.amazonaws.com/id/ABC" || len(got.ThumbprintList) != 1 || len(got.Tags) != 1 {
		t.Errorf("it is %+v", got)
	}
	must[*iam.DeleteOpenIDConnectProviderOutput](t)(e.DeleteOpenIDConnectProvider(ctx, &iam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: id}))
	if list := must[*iam.ListOpenIDConnectProvidersOutput](t)(e.ListOpenIDConnectProviders(ctx, &iam.ListOpenIDConnectProvidersInput{})); len(list.OpenIDConnectProviderList) != 0 {
		t.Errorf("left is %+v", list.OpenIDConnectProviderList)
	}
}

// TestNewRolesAreSeenByClustersALittleLater follows a role from its creation until EKS takes it.
func TestNewRolesAreSeenByClustersALittleLater(t *testing.T) {
	c := newCloud(t, func(config *emulator.Config) { config.IAMPropagation = 10 * time.Second })
	in, name := c.controlPlane("prod", "1.34"), aws.String("fresh")
	in.RoleArn = aws.String("arn:aws:iam::123456789012:role/fresh")
	refused := func(says string) {
		t.Helper()
		err := second(c.eks().CreateCluster(ctx, in))
		wantCode(t, err, "InvalidParameterException")
		if !strings.Contains(err.Error(), says) {
			t.Errorf("it says %v, want %q", err, says)
		}
	}
	must[*iam.CreateRoleOutput](t)(c.iam().CreateRole(ctx, &iam.CreateRoleInput{RoleName: name, AssumeRolePolicyDocument: trust("ec2.amazonaws.com")}))
	refused("does not exist")
	c.clock.Advance(10 * time.Second)
	refused("the trusted entity is not correct")
	must[*iam.UpdateAssumeRolePolicyOutput](t)(c.iam().UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: name, PolicyDocument: trust("eks.amazonaws.com")}))
	refused("the trusted entity is not correct")
	c.clock.Advance(10 * time.Second)
	refused("doesn't have the Amazon EKS Managed Policies")
	must[*iam.AttachRolePolicyOutput](t)(c.iam().AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: name, PolicyArn: awsPolicy("AmazonEKSClusterPolicy")}))
	refused("doesn't have the Amazon EKS Managed Policies")
	c.clock.Advance(10 * time.Second)
	must[*eks.CreateClusterOutput](t)(c.eks().CreateCluster(ctx, in))
}
