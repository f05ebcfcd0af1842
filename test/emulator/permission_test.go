package emulator_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

func checked(c *emulator.Config) { c.Permissions = true }

// session assumes a new role of a name that trusts the account, and has a policy.
func (c *cloud) session(name, document string) aws.Config {
	c.t.Helper()
	must[*iam.CreateRoleOutput](c.t)(c.iam().CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole"}]}`)}))
	must[*iam.PutRolePolicyOutput](c.t)(c.iam().PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("own"), PolicyDocument: &document}))
	return must[aws.Config](c.t)(c.assume(&sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::123456789012:role/" + name)}))
}

// TestSessionsMayDoWhatTheirRolesPoliciesAllow asks every protocol.
func TestSessionsMayDoWhatTheirRolesPoliciesAllow(t *testing.T) {
	c := newCloud(t, checked)
	config := c.session("controllers", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["ec2:Describe*","iam:GetRole","eks:ListClusters"],"Resource":["*"]},
		{"Effect":"Allow","Action":["eks:DescribeCluster"],"Resource":["arn:*:eks:*:*:cluster/prod-*"]},
		{"Effect":"Allow","Action":["secretsmanager:CreateSecret"],"Resource":["arn:*:secretsmanager:*:*:secret:aws.cluster.x-k8s.io/*"]},
		{"Effect":"Allow","Action":["ssm:GetParameter"],"Resource":["arn:*:ssm:*:*:parameter/aws/service/eks/optimized-ami/*"]},
		{"Effect":"Allow","Action":["sqs:DeleteMessage"],"Resource":["arn:*:sqs:*:*:mine"]},
		{"Effect":"Allow","Action":["s3:CreateBucket"],"Resource":["arn:*:s3:::cluster-api-provider-aws-*"]}]}`)
	e, k, secrets, parameters := ec2.NewFromConfig(config), eks.NewFromConfig(config), secretsmanager.NewFromConfig(config), ssm.NewFromConfig(config)
	buckets := s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true })
	forget := func(queue string) error { // the right to a batch is that to each
		return second(sqs.NewFromConfig(config).DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: aws.String(c.url + "/123456789012/" + queue),
			Entries: []sqstypes.DeleteMessageBatchRequestEntry{{Id: aws.String("1"), ReceiptHandle: aws.String("r")}}}))
	}
	for _, test := range []struct {
		name, code, says string
		err              error
	}{
		{"a batch of messages", "AWS.SimpleQueueService.NonExistentQueue", "", forget("mine")},
		{"a batch of another queue's", "AccessDeniedException", "sqs:DeleteMessage on resource: arn:aws:sqs:us-east-1:123456789012:other", forget("other")},
		{"a read of EC2", "", "", second(e.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{}))},
		{"a change of EC2", "UnauthorizedOperation", "You are not authorized to perform this operation. User: arn:aws:sts::123456789012:assumed-role/controllers/session is not authorized to perform: ec2:CreateVpc on resource: *",
			second(e.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")}))},
		{"a cluster of its name", "ResourceNotFoundException", "", second(k.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: aws.String("prod-a")}))},
		{"a cluster of another name", "AccessDeniedException", "is not authorized to perform: eks:DescribeCluster on resource: arn:aws:eks:us-east-1:123456789012:cluster/test",
			second(k.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: aws.String("test")}))},
		{"a list without a resource", "", "", second(k.ListClusters(ctx, &eks.ListClustersInput{}))},
		{"a role", "NoSuchEntity", "", second(iam.NewFromConfig(config).GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("none")}))},
		{"a role's deletion", "AccessDenied", "iam:DeleteRole on resource: arn:aws:iam::123456789012:role/none", second(iam.NewFromConfig(config).DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: aws.String("none")}))},
		{"a secret of its path", "", "", second(secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("aws.cluster.x-k8s.io/a"), SecretBinary: []byte("x")}))},
		{"a secret elsewhere", "AccessDeniedException", "secretsmanager:CreateSecret", second(secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("a"), SecretBinary: []byte("x")}))},
		{"a parameter of AWS's", "ParameterNotFound", "", second(parameters.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("/aws/service/eks/optimized-ami/1.1/none")}))},
		{"a parameter elsewhere", "AccessDeniedException", "arn:aws:ssm:us-east-1::parameter/aws/service/bottlerocket/a", second(parameters.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("/aws/service/bottlerocket/a")}))},
		{"a bucket of its name", "", "", second(buckets.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("cluster-api-provider-aws-a")}))},
		{"a bucket of another name", "AccessDenied", "s3:CreateBucket on resource: arn:aws:s3:::other", second(buckets.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("other")}))},
		{"who am I", "", "", second(sts.NewFromConfig(config).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}))},
	} {
		t.Run(test.name, func(t *testing.T) {
			wantCode(t, test.err, test.code)
			if test.says != "" && !strings.Contains(test.err.Error(), test.says) {
				t.Errorf("it says %v, want %q", test.err, test.says)
			}
		})
	}
}

func TestRolesMustBePassed(t *testing.T) {
	c := newCloud(t, checked)
	in := c.controlPlane("prod", "1.34")
	create := func(document string, name string) error {
		in.ClientRequestToken = nil
		return second(eks.NewFromConfig(c.session(name, document)).CreateCluster(ctx, in))
	}
	err := create(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"eks:*","Resource":"*"}]}`, "a")
	wantCode(t, err, "AccessDeniedException")
	if !strings.Contains(err.Error(), "iam:PassRole on resource: "+*in.RoleArn) {
		t.Errorf("it says %v", err)
	}
	passing := func(to string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["eks:CreateCluster","eks:TagResource"],"Resource":"arn:*:eks:*:*:cluster/*"},
			{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"` + to + `"}}}]}`
	}
	wantCode(t, create(passing("ec2.amazonaws.com"), "b"), "AccessDeniedException")
	wantCode(t, create(passing("eks.amazonaws.com"), "c"), "")
	list := must[*eks.DescribeClusterOutput](t)(c.eks().DescribeCluster(ctx, &eks.DescribeClusterInput{Name: in.Name}))
	if list.Cluster.Status != types.ClusterStatusCreating {
		t.Errorf("the cluster is %s", list.Cluster.Status)
	}
}

// TestRolesOfPodsMustBePassedToThem: by an association, and by an add-on that has some.
func TestRolesOfPodsMustBePassedToThem(t *testing.T) {
	c := newCloud(t, checked)
	c.active("prod", "1.34")
	e := eks.NewFromConfig(c.session("maker", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["eks:CreateAddon","eks:CreatePodIdentityAssociation"],"Resource":"*"},
		{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:*:iam::*:role/pods-*","Condition":{"StringEquals":{"iam:PassedToService":"pods.eks.amazonaws.com"}}}]}`))
	for role, allowed := range map[string]bool{"arn:aws:iam::123456789012:role/pods-a": true, "arn:aws:iam::123456789012:role/admin": false} {
		_, addon := e.CreateAddon(ctx, &eks.CreateAddonInput{ClusterName: aws.String("prod"), AddonName: aws.String("vpc-cni"),
			PodIdentityAssociations: []types.AddonPodIdentityAssociations{{RoleArn: &role, ServiceAccount: aws.String("aws-node")}}})
		_, association := e.CreatePodIdentityAssociation(ctx, &eks.CreatePodIdentityAssociationInput{ClusterName: aws.String("prod"), Namespace: aws.String("default"), ServiceAccount: aws.String("a"), RoleArn: &role})
		for _, err := range []error{addon, association} {
			if denied := err != nil && strings.Contains(err.Error(), "AccessDenied"); denied == allowed {
				t.Errorf("%s: %v", role, err)
			}
		}
	}
}

func TestWhichPoliciesMayBeAttachedIsACondition(t *testing.T) {
	c := newCloud(t, checked)
	client := iam.NewFromConfig(c.session("maker", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:AttachRolePolicy","iam:DetachRolePolicy"],"Resource":"arn:*:iam::*:role/*",
		"Condition":{"ArnLike":{"iam:PolicyARN":["arn:*:iam::aws:policy/AmazonEKS*"]}}}]}`))
	for policy, code := range map[string]string{"AmazonEKSClusterPolicy": "", "AdministratorAccess": "AccessDenied"} {
		wantCode(t, second(client.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String("maker"), PolicyArn: awsPolicy(policy)})), code)
	}
	wantCode(t, second(client.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: aws.String("maker"), PolicyArn: awsPolicy("AmazonEKSClusterPolicy")})), "")
}

func TestTagsBoundariesAndTrustDecideToo(t *testing.T) {
	c := newCloud(t, checked)
	config := c.session("maker", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:CreateRole","ec2:CreateVpc"],"Resource":"*"}]}`)
	made := iam.NewFromConfig(config)
	in := &iam.CreateRoleInput{RoleName: aws.String("plain"), AssumeRolePolicyDocument: trust("eks.amazonaws.com")}
	wantCode(t, second(made.CreateRole(ctx, in)), "")
	in.RoleName, in.Tags = aws.String("tagged"), []iamtypes.Tag{{Key: aws.String("a"), Value: aws.String("b")}}
	wantCode(t, second(made.CreateRole(ctx, in)), "AccessDenied")
	wantCode(t, second(ec2.NewFromConfig(config).CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})), "")
	must[*iam.PutRolePermissionsBoundaryOutput](t)(c.iam().PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: aws.String("maker"), PermissionsBoundary: awsPolicy("ReadOnlyAccess")}))
	wantCode(t, second(ec2.NewFromConfig(config).CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})), "UnauthorizedOperation")
	for _, role := range []string{"none", "eks-controlplane.cluster-api-provider-aws.sigs.k8s.io"} {
		wantCode(t, second(c.assume(&sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::123456789012:role/" + role)})), "AccessDenied")
	}
}

func TestAttachedPoliciesOfTheAccountsOwnDecide(t *testing.T) {
	c := newCloud(t, checked)
	config := c.session("controllers", *allow("ec2:DescribeVpcs"))
	own := must[*iam.CreatePolicyOutput](t)(c.iam().CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("eks"), PolicyDocument: allow("eks:ListClusters")})).Policy
	ask := func() error { return second(eks.NewFromConfig(config).ListClusters(ctx, &eks.ListClustersInput{})) }
	wantCode(t, ask(), "AccessDeniedException")
	must[*iam.AttachRolePolicyOutput](t)(c.iam().AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String("controllers"), PolicyArn: own.Arn}))
	wantCode(t, ask(), "")
	wantCode(t, second(c.iam().DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: own.Arn})), "DeleteConflict")
}
