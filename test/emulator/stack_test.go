package emulator_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

func (c *cloud) stacks() *cloudformation.Client {
	return cloudformation.NewFromConfig(c.config("AKIATEST", "us-east-1"))
}

// fewTemplate has a role, its instance profile, and a policy that both a role and a group have.
const fewTemplate = `
AWSTemplateFormatVersion: 2010-09-09
Resources:
  Profile:
    Type: AWS::IAM::InstanceProfile
    Properties:
      InstanceProfileName: nodes
      Roles: [{Ref: Role}]
  Policy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      ManagedPolicyName: reads
      PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: [%s], Resource: ["*"]}]}
      Roles: [{Ref: Role}]
      Groups: [{Ref: Group}]
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: %s
      ManagedPolicyArns: [{"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/AmazonEKS_CNI_Policy"}]
      AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: ["sts:AssumeRole"], Principal: {Service: [ec2.amazonaws.com]}}]}
  Group:
    Type: AWS::IAM::Group
    Properties: {GroupName: people}
  User:
    Type: AWS::IAM::User
    Properties:
      UserName: somebody
      Groups: [{Ref: Group}]
      Policies: [{PolicyName: own, PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: ["s3:GetObject"], Resource: ["*"]}]}}]
`

// runs carries a stack to its end, and says how it is.
func (c *cloud) runs(name string) types.Stack {
	c.t.Helper()
	for range 30 {
		stack := must[*cloudformation.DescribeStacksOutput](c.t)(c.stacks().DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})).Stacks[0]
		if !strings.HasSuffix(string(stack.StackStatus), "IN_PROGRESS") {
			return stack
		}
		c.clock.Advance(time.Second)
	}
	c.t.Fatal("the stack doesn't come to an end")
	return types.Stack{}
}

func (c *cloud) makes(template string) types.Stack {
	c.t.Helper()
	made := must[*cloudformation.CreateStackOutput](c.t)(c.stacks().CreateStack(ctx, &cloudformation.CreateStackInput{StackName: aws.String("first"), TemplateBody: &template,
		Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam}}))
	return c.runs(*made.StackId)
}

// told are a stack's events, oldest first, as "resource status".
func (c *cloud) told(stack *string) (lines []string, reasons string) {
	events := must[*cloudformation.DescribeStackEventsOutput](c.t)(c.stacks().DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: stack})).StackEvents
	for _, e := range slices.Backward(events) {
		lines = append(lines, *e.LogicalResourceId+" "+string(e.ResourceStatus))
		reasons += aws.ToString(e.ResourceStatusReason) + "\n"
	}
	return lines, reasons
}

func TestAStackIsMadeInTheOrderOfItsReferencesAndDeletedInTheOther(t *testing.T) {
	c := newCloud(t)
	stack := c.makes(fmt.Sprintf(fewTemplate, "ec2:DescribeVpcs", "worker"))
	if stack.StackStatus != types.StackStatusCreateComplete {
		t.Fatalf("it is %s: %s", stack.StackStatus, aws.ToString(stack.StackStatusReason))
	}
	lines, _ := c.told(stack.StackId)
	if at := slices.Index(lines, "Profile CREATE_IN_PROGRESS"); at < slices.Index(lines, "Role CREATE_COMPLETE") {
		t.Errorf("the profile comes before its role: %q", lines)
	}
	resources := must[*cloudformation.DescribeStackResourcesOutput](t)(c.stacks().DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{StackName: stack.StackName})).StackResources
	if len(resources) != 5 {
		t.Errorf("it has %d resources", len(resources))
	}
	profile := must[*iam.GetInstanceProfileOutput](t)(c.iam().GetInstanceProfile(ctx, &iam.GetInstanceProfileInput{InstanceProfileName: aws.String("nodes")})).InstanceProfile
	attached := must[*iam.ListAttachedRolePoliciesOutput](t)(c.iam().ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: aws.String("worker")})).AttachedPolicies
	members := must[*iam.GetGroupOutput](t)(c.iam().GetGroup(ctx, &iam.GetGroupInput{GroupName: aws.String("people")})).Users
	if *profile.Roles[0].RoleName != "worker" || len(attached) != 2 || *members[0].UserName != "somebody" {
		t.Errorf("the profile has %v, the role %v, the group %v", profile.Roles, attached, members)
	}
	must[*cloudformation.DeleteStackOutput](t)(c.stacks().DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: stack.StackName}))
	if stack = c.runs(*stack.StackId); stack.StackStatus != types.StackStatusDeleteComplete {
		t.Errorf("it is %s: %s", stack.StackStatus, aws.ToString(stack.StackStatusReason))
	}
	if left := c.Resources("", ""); len(left) != 0 {
		t.Errorf("left is %+v", left)
	}
	wantCode(t, second(c.stacks().DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: stack.StackName})), "ValidationError")
}

func TestAStackThatFailsIsRolledBackAndSaysWhy(t *testing.T) {
	c := newCloud(t)
	must[*iam.CreateRoleOutput](t)(c.iam().CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("worker"), AssumeRolePolicyDocument: trust("ec2.amazonaws.com")}))
	stack := c.makes(fmt.Sprintf(fewTemplate, "ec2:DescribeVpcs", "worker"))
	if stack.StackStatus != types.StackStatusRollbackComplete {
		t.Fatalf("it is %s", stack.StackStatus)
	}
	lines, reasons := c.told(stack.StackId)
	if !slices.Contains(lines, "Role CREATE_FAILED") || !slices.Contains(lines, "Group DELETE_COMPLETE") ||
		!strings.Contains(reasons, "Role with name worker already exists.") || !strings.Contains(reasons, "HandlerErrorCode: AlreadyExists") ||
		!strings.Contains(reasons, "The following resource(s) failed to create: [Role]. Rollback requested by user.") {
		t.Errorf("it tells %q\n%s", lines, reasons)
	}
	if left := c.Resources("", ""); len(left) != 2 { // the role that was there, and the stack
		t.Errorf("left is %+v", left)
	}
	_, err := c.stacks().UpdateStack(ctx, &cloudformation.UpdateStackInput{StackName: stack.StackName, TemplateBody: aws.String(fmt.Sprintf(fewTemplate, "ec2:DescribeSubnets", "worker")),
		Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam}})
	wantCode(t, err, "ValidationError")
	if !strings.Contains(err.Error(), "is in ROLLBACK_COMPLETE state and can not be updated.") {
		t.Error(err)
	}
}

func TestAStackChanges(t *testing.T) {
	c := newCloud(t)
	stack := c.makes(fmt.Sprintf(fewTemplate, "ec2:DescribeVpcs", "worker"))
	update := func(action, role string) error {
		_, err := c.stacks().UpdateStack(ctx, &cloudformation.UpdateStackInput{StackName: stack.StackName, TemplateBody: aws.String(fmt.Sprintf(fewTemplate, action, role)),
			Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam}})
		return err
	}
	err := update("ec2:DescribeVpcs", "worker")
	wantCode(t, err, "ValidationError")
	if !strings.Contains(err.Error(), "No updates are to be performed.") {
		t.Error(err)
	}
	arn := aws.String("arn:aws:iam::123456789012:policy/reads")
	for _, action := range []string{"ec2:DescribeSubnets", "ec2:DescribeImages"} {
		wantCode(t, update(action, "worker"), "")
		if got := c.runs("first"); got.StackStatus != types.StackStatusUpdateComplete {
			t.Fatalf("it is %s", got.StackStatus)
		}
		policy := must[*iam.GetPolicyOutput](t)(c.iam().GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: arn})).Policy
		document := must[*iam.GetPolicyVersionOutput](t)(c.iam().GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: arn, VersionId: policy.DefaultVersionId})).PolicyVersion.Document
		if !strings.Contains(*document, strings.ReplaceAll(action, ":", "%3A")) {
			t.Errorf("version %s is %s", *policy.DefaultVersionId, *document)
		}
	}
	// Another name is another role; what refers to it follows.
	wantCode(t, update("ec2:DescribeImages", "renamed"), "")
	if got := c.runs("first"); got.StackStatus != types.StackStatusUpdateComplete {
		t.Fatalf("it is %s", got.StackStatus)
	}
	wantCode(t, second(c.iam().GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("worker")})), "NoSuchEntity")
	wantCode(t, second(c.iam().GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("renamed")})), "")
	// A change that is refused is taken back.
	must[*iam.CreateRoleOutput](t)(c.iam().CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("taken"), AssumeRolePolicyDocument: trust("ec2.amazonaws.com")}))
	wantCode(t, update("ec2:DescribeVpcs", "taken"), "")
	if got := c.runs("first"); got.StackStatus != types.StackStatusUpdateRollbackComplete {
		t.Fatalf("it is %s", got.StackStatus)
	}
	wantCode(t, second(c.iam().GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("renamed")})), "")
	must[*cloudformation.DeleteStackOutput](t)(c.stacks().DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: stack.StackName}))
	c.runs(*stack.StackId)
	if left := c.Resources("", ""); len(left) != 1 {
		t.Errorf("left is %+v", left)
	}
}

func TestTemplatesAreRefusedInCloudFormationsWords(t *testing.T) {
	c := newCloud(t)
	for name, x := range map[string]struct {
		template, code, says string
		capability           types.Capability
	}{
		"no resources":    {"AWSTemplateFormatVersion: 2010-09-09", "ValidationError", "At least one Resources member must be defined", types.CapabilityCapabilityNamedIam},
		"another type":    {"Resources: {Q: {Type: 'AWS::SQS::Queue'}}", "ValidationError", "Unrecognized resource types: [AWS::SQS::Queue]", types.CapabilityCapabilityNamedIam},
		"a loose end":     {"Resources: {P: {Type: 'AWS::IAM::InstanceProfile', Properties: {Roles: [{Ref: R}]}}}", "ValidationError", "Unresolved resource dependencies [R]", types.CapabilityCapabilityNamedIam},
		"no capability":   {fmt.Sprintf(fewTemplate, "a:b", "c"), "InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_NAMED_IAM]", types.CapabilityCapabilityIam},
		"a property":      {"Resources: {G: {Type: 'AWS::IAM::Group', Properties: {Colour: red}}}", "ValidationError", "Encountered unsupported property Colour", types.CapabilityCapabilityNamedIam},
		"no YAML":         {"Resources: [", "ValidationError", "not well-formed", types.CapabilityCapabilityNamedIam},
		"another section": {"Outputs: {}\nResources: {G: {Type: 'AWS::IAM::Group'}}", "ValidationError", "[Outputs]", types.CapabilityCapabilityNamedIam},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.stacks().CreateStack(ctx, &cloudformation.CreateStackInput{StackName: aws.String("first"), TemplateBody: &x.template, Capabilities: []types.Capability{x.capability}})
			wantCode(t, err, x.code)
			if !strings.Contains(err.Error(), x.says) {
				t.Errorf("it says %v", err)
			}
		})
	}
}

func TestAStackHasTheRightsOfWhoMakesIt(t *testing.T) {
	c := newCloud(t, checked)
	config := c.session("maker", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["cloudformation:*","iam:CreateGroup"],"Resource":"*"}]}`)
	template := fmt.Sprintf(fewTemplate, "ec2:DescribeVpcs", "worker")
	made := must[*cloudformation.CreateStackOutput](t)(cloudformation.NewFromConfig(config).CreateStack(ctx, &cloudformation.CreateStackInput{StackName: aws.String("first"),
		TemplateBody: &template, Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam}, OnFailure: types.OnFailureDoNothing}))
	stack := c.runs(*made.StackId)
	_, reasons := c.told(stack.StackId)
	if stack.StackStatus != types.StackStatusCreateFailed || !strings.Contains(reasons, "assumed-role/maker/session is not authorized to perform: iam:CreateRole on resource: arn:aws:iam::123456789012:role/worker") {
		t.Errorf("it is %s:\n%s", stack.StackStatus, reasons)
	}
}

func TestAnAccountBeginsWithStandInsForTheStack(t *testing.T) {
	c := newCloud(t)
	name := aws.String("nodes.cluster-api-provider-aws.sigs.k8s.io")
	wantCode(t, second(c.iam().GetRole(ctx, &iam.GetRoleInput{RoleName: name})), "")
	in := &iam.CreateRoleInput{RoleName: name, AssumeRolePolicyDocument: trust("ec2.amazonaws.com")}
	wantCode(t, second(c.iam().CreateRole(ctx, in)), "")
	wantCode(t, second(c.iam().CreateRole(ctx, in)), "EntityAlreadyExists")
	if left := c.Resources("", ""); len(left) != 1 {
		t.Errorf("there is %+v", left)
	}
}
