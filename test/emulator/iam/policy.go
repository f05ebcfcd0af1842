package iam

import (
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/internal/policy"
)

// customerPolicy is a managed policy of the account's own; document is that of its default version.
type customerPolicy struct {
	types.Policy
	document string
	versions []version
	made     int // versions so far: their numbers don't come again
}

// managed are policies of AWS's, by what follows ":policy/" in their ARNs, with the gist of what they allow.
var managed = map[string]string{
	"AdministratorAccess":                    `"*"`,
	"PowerUserAccess":                        `"*"`,
	"ReadOnlyAccess":                         `"*:Describe*","*:Get*","*:List*"`,
	"AmazonEC2ContainerRegistryPullOnly":     `"ecr:GetAuthorizationToken","ecr:BatchCheckLayerAvailability","ecr:GetDownloadUrlForLayer","ecr:BatchGetImage","ecr:BatchImportUpstreamImage"`,
	"AmazonEC2ContainerRegistryReadOnly":     `"ecr:GetAuthorizationToken","ecr:BatchCheckLayerAvailability","ecr:Get*","ecr:Describe*","ecr:List*","ecr:BatchGetImage"`,
	"AmazonEKSBlockStoragePolicy":            `"ec2:DescribeVolumes","ec2:CreateVolume","ec2:CreateSnapshot","ec2:AttachVolume","ec2:DetachVolume","ec2:DeleteVolume"`,
	"AmazonEKSClusterPolicy":                 `"ec2:Describe*","ec2:CreateTags","ec2:CreateSecurityGroup","ec2:DeleteSecurityGroup","elasticloadbalancing:*","autoscaling:Describe*","kms:DescribeKey"`,
	"AmazonEKSComputePolicy":                 `"ec2:CreateFleet","ec2:RunInstances","ec2:CreateLaunchTemplate","iam:PassRole"`,
	"AmazonEKSFargatePodExecutionRolePolicy": `"ecr:GetAuthorizationToken","ecr:BatchCheckLayerAvailability","ecr:GetDownloadUrlForLayer","ecr:BatchGetImage"`,
	"AmazonEKSLoadBalancingPolicy":           `"ec2:Describe*","elasticloadbalancing:*"`,
	"AmazonEKSNetworkingPolicy":              `"ec2:Describe*","ec2:CreateNetworkInterface","ec2:AssignPrivateIpAddresses"`,
	"AmazonEKSServicePolicy":                 `"ec2:Describe*","ec2:CreateNetworkInterface","ec2:DeleteNetworkInterface","eks:UpdateClusterVersion"`,
	"AmazonEKSVPCResourceController":         `"ec2:CreateNetworkInterfacePermission","ec2:CreateNetworkInterface","ec2:Describe*","ec2:AssignPrivateIpAddresses"`,
	"AmazonEKSWorkerNodeMinimalPolicy":       `"ec2:DescribeInstances","ec2:DescribeInstanceTypes","ec2:DescribeVpcs","eks:DescribeCluster","eks-auth:AssumeRoleForPodIdentity"`,
	"AmazonEKSWorkerNodePolicy":              `"ec2:Describe*","eks:DescribeCluster","eks-auth:AssumeRoleForPodIdentity"`,
	"AmazonEKS_CNI_Policy":                   `"ec2:AssignPrivateIpAddresses","ec2:AttachNetworkInterface","ec2:CreateNetworkInterface","ec2:DeleteNetworkInterface","ec2:Describe*","ec2:CreateTags"`,
	"AmazonS3ReadOnlyAccess":                 `"s3:Get*","s3:List*","s3:Describe*"`,
	"AmazonSSMManagedInstanceCore":           `"ssm:UpdateInstanceInformation","ssm:GetParameter","ssm:GetParameters","ssmmessages:*","ec2messages:*"`,
	"CloudWatchAgentServerPolicy":            `"cloudwatch:PutMetricData","logs:*","ssm:GetParameter"`,
	"service-role/AmazonEBSCSIDriverPolicy":  `"ec2:CreateSnapshot","ec2:AttachVolume","ec2:DetachVolume","ec2:ModifyVolume","ec2:Describe*","ec2:CreateTags","ec2:CreateVolume","ec2:DeleteVolume"`,
	"service-role/AmazonEFSCSIDriverPolicy":  `"elasticfilesystem:*","ec2:DescribeAvailabilityZones"`,
}

// document is what a policy says, if there is one of that ARN.
func (s *state) document(of string) (string, bool) {
	if p := s.policies.Get(of); p != nil {
		return p.document, true
	}
	_, name, ok := strings.Cut(of, ":iam::aws:policy/")
	actions, known := managed[name]
	if !ok || !known {
		return "", false
	}
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[` + actions + `],"Resource":"*"}]}`, true
}

func lastPart(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }

func createPolicy(r *core.Request, in *sdk.CreatePolicyInput) (*sdk.CreatePolicyOutput, error) {
	s, name := of(r.Region), core.Val(in.PolicyName)
	if err := named(entityName, "policyName", name); err != nil {
		return nil, err
	}
	path, err := pathOf(in.Path)
	if err != nil {
		return nil, err
	}
	tags, err := tagged(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	document := core.Val(in.PolicyDocument)
	if _, err := policy.Parse(document); err != nil {
		return nil, malformed(err)
	}
	if written(document) > longestPolicy {
		return nil, limit("PolicySize", longestPolicy)
	}
	if s.policies.Any(func(p *customerPolicy) bool { return strings.EqualFold(*p.PolicyName, name) }) {
		return nil, exists("A policy called %s already exists. Duplicate names are not allowed.", name)
	}
	if most := r.Config.Quota("policies", mostPolicies); s.policies.Len() >= most {
		return nil, limit("PoliciesPerAccount", most)
	}
	p := &customerPolicy{document: document, versions: []version{{"v1", document, r.Now()}}, made: 1, Policy: types.Policy{PolicyName: &name, Path: path, Arn: arn(r.Region, "policy", *path, name), PolicyId: newID(r.Region, "ANPA"),
		CreateDate: core.Ptr(r.Now()), UpdateDate: core.Ptr(r.Now()), DefaultVersionId: core.Ptr("v1"), IsAttachable: true, Description: in.Description, Tags: tags}}
	s.policies.Put(*p.Arn, p, r.Now())
	r.Touch(name, *p.Arn)
	return &sdk.CreatePolicyOutput{Policy: s.showPolicy(p)}, nil
}

func (s *state) showPolicy(p *customerPolicy) *types.Policy {
	out := p.Policy
	out.AttachmentCount = core.Ptr(int32(s.attachments(*p.Arn)))
	return &out
}

// attachments is how many roles, users and groups have a policy.
func (s *state) attachments(arn string) int {
	return s.roles.Count(func(x *role) bool { return x.has(arn) }) + s.users.Count(func(x *user) bool { return x.has(arn) }) +
		s.groups.Count(func(x *group) bool { return x.has(arn) })
}

// policyOf looks up a policy of the account's or of AWS's.
func (s *state) policyOf(r *core.Request, id *string) (*customerPolicy, error) {
	document, ok := s.document(core.Val(id))
	if !ok {
		return nil, noSuch("Policy %s was not found.", core.Val(id))
	}
	if p := s.policies.Get(*id); p != nil {
		r.Touch(*p.PolicyName, *p.Arn)
		return p, nil
	}
	_, path, _ := strings.Cut(*id, ":policy")
	name := lastPart(*id)
	return &customerPolicy{document: document, versions: []version{{"v1", document, bootstrapped}}, Policy: types.Policy{PolicyName: &name, Path: core.Ptr(strings.TrimSuffix(path, name)), Arn: id, PolicyId: core.Ptr("ANPA" + strings.ToUpper(name)),
		CreateDate: &bootstrapped, UpdateDate: &bootstrapped, DefaultVersionId: core.Ptr("v1"), IsAttachable: true}}, nil
}

func getPolicy(r *core.Request, in *sdk.GetPolicyInput) (*sdk.GetPolicyOutput, error) {
	s := of(r.Region)
	p, err := s.policyOf(r, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	return &sdk.GetPolicyOutput{Policy: s.showPolicy(p)}, nil
}

func getPolicyVersion(r *core.Request, in *sdk.GetPolicyVersionInput) (*sdk.GetPolicyVersionOutput, error) {
	p, err := of(r.Region).policyOf(r, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	i := p.version(core.Val(in.VersionId))
	if i < 0 {
		return nil, noSuch("Policy %s version %s does not exist.", *p.Arn, core.Val(in.VersionId))
	}
	v := p.versions[i]
	return &sdk.GetPolicyVersionOutput{PolicyVersion: &types.PolicyVersion{CreateDate: &v.created, Document: escaped(v.document), IsDefaultVersion: v.id == *p.DefaultVersionId, VersionId: &v.id}}, nil
}

// listPolicies lists those of the account's own.
func listPolicies(r *core.Request, in *sdk.ListPoliciesInput) (*sdk.ListPoliciesOutput, error) {
	s := of(r.Region)
	items, next, more, err := listed(r, seen(r, &s.policies, func(p *customerPolicy) bool { return strings.HasPrefix(*p.Path, core.Val(in.PathPrefix)) }), in.Marker, in.MaxItems)
	out := &sdk.ListPoliciesOutput{Policies: []types.Policy{}, Marker: next, IsTruncated: more}
	for _, p := range items {
		out.Policies = append(out.Policies, *s.showPolicy(p))
	}
	return out, err
}

func deletePolicy(r *core.Request, in *sdk.DeletePolicyInput) (*sdk.DeletePolicyOutput, error) {
	s := of(r.Region)
	p := s.policies.Get(core.Val(in.PolicyArn))
	switch {
	case p == nil:
		return nil, noSuch("Policy %s was not found.", core.Val(in.PolicyArn))
	case s.attachments(*p.Arn) > 0:
		return nil, conflict("Cannot delete a policy attached to entities.")
	case len(p.versions) > 1:
		return nil, conflict("This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
	}
	s.policies.Delete(*p.Arn)
	r.Touch(*p.PolicyName, *p.Arn)
	return nil, nil
}
