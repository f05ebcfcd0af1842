package policy

import (
	"slices"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/iamconfig"
)

// Name is a policy's logical id in the stack.
type Name string

// The policies of the stack.
const (
	Controllers    Name = "AWSIAMManagedPolicyControllers"
	ControllersEKS Name = "AWSIAMManagedPolicyControllersEKS"
	ControlPlane   Name = "AWSIAMManagedPolicyCloudProviderControlPlane"
	Nodes          Name = "AWSIAMManagedPolicyCloudProviderNodes"
	CSI            Name = "AWSEBSCSIPolicyController"
	EKSConsole     Name = "AWSIAMManagedPolicyEKSConsole"
)

// Names are all of them, in the order in which they are told.
var Names = []Name{Controllers, ControllersEKS, ControlPlane, Nodes, CSI, EKSConsole}

// Feature is a part of what the server does in AWS, with the rights that it takes. docs/iam.md shows them as a table.
type Feature struct {
	// For says what the rights are for, and Without what happens without them.
	For, Without string
	// Optional: the server works without, only less of it.
	Optional bool
	// In is the policy that grants it, and Option the setting of the configuration that has it do so, "" for always.
	In     Name
	Option string
	// If says whether a configuration wants it; nil is always.
	If     func(*iamconfig.Spec) bool
	Grants []Grant
}

// Grant is actions on resources ("*" if none are given) under a condition.
type Grant struct {
	Actions   []string
	Resources []string
	// ResourcesOf are those that a configuration decides.
	ResourcesOf func(*iamconfig.Spec) []string
	Condition   Condition
	// ConditionOf is the condition that a configuration decides.
	ConditionOf func(*iamconfig.Spec) Condition
}

func (g Grant) resources() []string {
	if len(g.Resources) == 0 {
		return []string{"*"}
	}
	return g.Resources
}

// resolved is the grant under a configuration.
func (g Grant) resolved(spec *iamconfig.Spec) Grant {
	if g.ResourcesOf != nil {
		g.Resources = g.ResourcesOf(spec)
	}
	if g.ConditionOf != nil {
		g.Condition = g.ConditionOf(spec)
	}
	return g
}

// Actions are all of a feature's.
func (f Feature) Actions() []string {
	var out []string
	for _, g := range f.Grants {
		for _, action := range g.Actions {
			if !slices.Contains(out, action) {
				out = append(out, action)
			}
		}
	}
	return out
}

func actions(names ...string) []Grant { return []Grant{{Actions: names}} }

// linked lets a service make its own role, at its first use in an account.
func linked(service, role string) Grant {
	return Grant{Actions: []string{"iam:CreateServiceLinkedRole"}, Resources: []string{"arn:*:iam::*:role/aws-service-role/" + service + "/" + role},
		Condition: Condition{"StringLike": {"iam:AWSServiceName": service}}}
}

var (
	secrets    = []string{"arn:*:secretsmanager:*:*:secret:aws.cluster.x-k8s.io/*"}
	parameters = []string{"arn:*:ssm:*:*:parameter/cluster.x-k8s.io/*"}
	groups     = []string{"arn:*:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/*"}
	roles      = []string{"arn:*:iam::*:role/*"}
)

// passed are the roles that instances may get.
func passed(spec *iamconfig.Spec) []string {
	profiles := spec.ClusterAPIControllers.AllowedEC2InstanceProfiles
	if len(profiles) == 0 {
		profiles = []string{spec.Name("*")}
	}
	return rolesOf(profiles)
}

// podRoles are the roles that pods may get by EKS Pod Identity.
func podRoles(spec *iamconfig.Spec) []string {
	if len(spec.EKS.AllowedPodIdentityRoles) == 0 {
		return []string{"*"}
	}
	return rolesOf(spec.EKS.AllowedPodIdentityRoles)
}

func rolesOf(names []string) []string {
	out := make([]string, 0, len(names))
	for _, name := range names {
		out = append(out, "arn:*:iam::*:role/"+name)
	}
	return out
}

func buckets(spec *iamconfig.Spec) []string {
	return []string{"arn:*:s3:::" + spec.S3Buckets.NamePrefix + "*"}
}

func backend(name string) func(*iamconfig.Spec) bool {
	return func(spec *iamconfig.Spec) bool { return spec.KeepsSecretsIn(name) }
}

func wantsBuckets(spec *iamconfig.Spec) bool { return spec.S3Buckets.Enable }
func makesRoles(spec *iamconfig.Spec) bool   { return spec.EKS.AllowIAMRoleCreation }

// Features are all that the server does in AWS. Every operation that the code can call is in here: a test compares.
var Features = []Feature{
	{For: "every cluster", Without: "needed", In: Controllers, Grants: actions(
		"ec2:DescribeVpcs", "ec2:DescribeVpcAttribute", "ec2:DescribeSubnets", "ec2:DescribeRouteTables", "ec2:DescribeInternetGateways", "ec2:DescribeNatGateways",
		"ec2:DescribeSecurityGroups", "ec2:DescribeAvailabilityZones", "ec2:DescribeNetworkInterfaces", "ec2:CreateTags", "ec2:DeleteTags", "ec2:CreateSecurityGroup",
		"ec2:DeleteSecurityGroup", "ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress", "ec2:RevokeSecurityGroupEgress")},
	{For: "a VPC of the cluster's own", Without: "needed there; a VPC given by id does without", In: Controllers, Grants: actions(
		"ec2:CreateVpc", "ec2:DeleteVpc", "ec2:ModifyVpcAttribute", "ec2:CreateSubnet", "ec2:DeleteSubnet", "ec2:ModifySubnetAttribute", "ec2:CreateRouteTable", "ec2:DeleteRouteTable",
		"ec2:CreateRoute", "ec2:ReplaceRoute", "ec2:AssociateRouteTable", "ec2:DisassociateRouteTable", "ec2:CreateInternetGateway", "ec2:AttachInternetGateway",
		"ec2:DetachInternetGateway", "ec2:DeleteInternetGateway", "ec2:DescribeAddresses", "ec2:AllocateAddress", "ec2:ReleaseAddress", "ec2:CreateNatGateway", "ec2:DeleteNatGateway",
		"ec2:DescribeVpcEndpoints")},
	{For: "IPv6, secondary blocks, Wavelength zones, endpoints of a bucket", Without: "needed where the spec asks for it", In: Controllers, Grants: actions(
		"ec2:DescribeEgressOnlyInternetGateways", "ec2:CreateEgressOnlyInternetGateway", "ec2:DeleteEgressOnlyInternetGateway", "ec2:AssociateVpcCidrBlock",
		"ec2:DisassociateVpcCidrBlock", "ec2:DescribeCarrierGateways", "ec2:CreateCarrierGateway", "ec2:DeleteCarrierGateway", "ec2:CreateVpcEndpoint", "ec2:DeleteVpcEndpoints",
		"ec2:ModifyVpcEndpoint")},
	{For: "network and application load balancers", Without: "needed with them", In: Controllers, Grants: append(actions(
		"elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeLoadBalancerAttributes", "elasticloadbalancing:DescribeTags",
		"elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth", "elasticloadbalancing:DescribeListeners", "elasticloadbalancing:CreateLoadBalancer",
		"elasticloadbalancing:DeleteLoadBalancer", "elasticloadbalancing:ModifyLoadBalancerAttributes", "elasticloadbalancing:SetSubnets", "elasticloadbalancing:SetSecurityGroups",
		"elasticloadbalancing:AddTags", "elasticloadbalancing:CreateTargetGroup", "elasticloadbalancing:DeleteTargetGroup", "elasticloadbalancing:ModifyTargetGroupAttributes",
		"elasticloadbalancing:CreateListener", "elasticloadbalancing:DeleteListener", "elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"),
		linked("elasticloadbalancing.amazonaws.com", "AWSServiceRoleForElasticLoadBalancing"))},
	{For: "classic load balancers", Without: "needed with them", In: Controllers, Grants: actions(
		"elasticloadbalancing:ApplySecurityGroupsToLoadBalancer", "elasticloadbalancing:ConfigureHealthCheck", "elasticloadbalancing:RegisterInstancesWithLoadBalancer",
		"elasticloadbalancing:DeregisterInstancesFromLoadBalancer")},
	{For: "machines", Without: "needed", In: Controllers, Grants: append(actions(
		"ec2:DescribeInstances", "ec2:DescribeInstanceTypes", "ec2:DescribeImages", "ec2:RunInstances", "ec2:TerminateInstances", "ec2:ModifyNetworkInterfaceAttribute",
		"ec2:ModifyInstanceMetadataOptions"), Grant{Actions: []string{"iam:PassRole"}, ResourcesOf: passed}, linked("spot.amazonaws.com", "AWSServiceRoleForEC2Spot"))},
	{For: "bootstrap data in Secrets Manager", Without: "needed unless it is kept elsewhere", In: Controllers, If: backend(iamconfig.SecretsManager), Grants: []Grant{{Resources: secrets,
		Actions: []string{"secretsmanager:CreateSecret", "secretsmanager:DeleteSecret", "secretsmanager:TagResource"}}}},
	{For: "bootstrap data in the parameter store", Without: "needed with `secureSecretsBackend: ssm-parameter-store`", In: Controllers, If: backend(iamconfig.ParameterStore),
		Option: "secureSecretBackends", Grants: []Grant{{Resources: parameters, Actions: []string{"ssm:PutParameter", "ssm:DeleteParameter", "ssm:AddTagsToResource"}}}},
	{For: "pools", Without: "needed with them", In: Controllers, Grants: append(actions(
		"autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeInstanceRefreshes", "autoscaling:DescribeLifecycleHooks", "autoscaling:PutLifecycleHook", "autoscaling:DeleteLifecycleHook",
		"ec2:DescribeLaunchTemplates", "ec2:DescribeLaunchTemplateVersions", "ec2:CreateLaunchTemplate", "ec2:DeleteLaunchTemplate", "ec2:CreateLaunchTemplateVersion",
		"ec2:DeleteLaunchTemplateVersions"),
		Grant{Resources: groups, Actions: []string{"autoscaling:CreateAutoScalingGroup", "autoscaling:UpdateAutoScalingGroup", "autoscaling:DeleteAutoScalingGroup",
			"autoscaling:CreateOrUpdateTags", "autoscaling:DeleteTags", "autoscaling:StartInstanceRefresh", "autoscaling:CancelInstanceRefresh"}},
		linked("autoscaling.amazonaws.com", "AWSServiceRoleForAutoScaling"))},
	{For: "EKS control planes", Without: "needed with them", In: ControllersEKS, Grants: append(actions(
		"eks:DescribeCluster", "eks:CreateCluster", "eks:DeleteCluster", "eks:UpdateClusterConfig", "eks:UpdateClusterVersion", "eks:AssociateEncryptionConfig", "eks:TagResource",
		"eks:UntagResource"),
		Grant{Resources: roles, Actions: []string{"iam:GetRole", "iam:ListAttachedRolePolicies"}},
		Grant{Actions: []string{"iam:PassRole"}, Condition: Condition{"StringEquals": {"iam:PassedToService": []string{"eks.amazonaws.com", "eks-fargate-pods.amazonaws.com"}}}},
		Grant{Actions: []string{"iam:PassRole"}, ResourcesOf: podRoles, Condition: Condition{"StringEquals": {"iam:PassedToService": "pods.eks.amazonaws.com"}}},
		linked("eks.amazonaws.com", "AWSServiceRoleForAmazonEKS"))},
	{For: "EKS control planes with `encryptionConfig`", Without: "needed with it, of whoever makes the cluster", In: ControllersEKS, Grants: []Grant{{Actions: []string{"kms:CreateGrant", "kms:DescribeKey"},
		ConditionOf: func(spec *iamconfig.Spec) Condition {
			return Condition{"ForAnyValue:StringLike": {"kms:ResourceAliases": "alias/" + spec.EKS.KMSAliasPrefix}}
		}}}},
	{For: "add-ons, Fargate profiles, an identity provider of EKS control planes", Without: "needed where the spec asks for it", In: ControllersEKS, Grants: append(actions(
		"eks:DescribeAddon", "eks:CreateAddon", "eks:UpdateAddon", "eks:DeleteAddon", "eks:DescribeAddonVersions", "eks:DescribeIdentityProviderConfig",
		"eks:AssociateIdentityProviderConfig", "eks:DisassociateIdentityProviderConfig", "eks:DescribeFargateProfile", "eks:CreateFargateProfile", "eks:DeleteFargateProfile"),
		linked("eks-fargate.amazonaws.com", "AWSServiceRoleForAmazonEKSForFargate"))},
	{For: "access entries", Without: "needed with `accessEntries`: their condition says which right is missing, the rest of the control plane goes on", In: ControllersEKS, Grants: actions(
		"eks:DescribeAccessEntry", "eks:CreateAccessEntry", "eks:UpdateAccessEntry", "eks:DeleteAccessEntry", "eks:AssociateAccessPolicy", "eks:DisassociateAccessPolicy",
		"eks:ListAssociatedAccessPolicies")},
	{For: "managed machine pools (node groups)", Without: "needed with them", In: ControllersEKS, Grants: append(actions(
		"eks:DescribeNodegroup", "eks:CreateNodegroup", "eks:UpdateNodegroupConfig", "eks:UpdateNodegroupVersion", "eks:DeleteNodegroup"),
		linked("eks-nodegroup.amazonaws.com", "AWSServiceRoleForAmazonEKSNodegroup"))},
	{For: "`associateOIDCProvider`", Without: "needed with it", In: ControllersEKS, Option: "eks.iamRoleCreation", If: makesRoles, Grants: actions(
		"iam:GetOpenIDConnectProvider", "iam:CreateOpenIDConnectProvider", "iam:AddClientIDToOpenIDConnectProvider", "iam:TagOpenIDConnectProvider",
		"iam:UntagOpenIDConnectProvider", "iam:DeleteOpenIDConnectProvider")},
	{For: "`--make-iam-roles`", Without: "needed with it; the last for boundaries that changed", In: ControllersEKS, Option: "eks.iamRoleCreation", If: makesRoles, Grants: []Grant{
		{Actions: []string{"iam:AttachRolePolicy"}, Resources: roles, ConditionOf: func(spec *iamconfig.Spec) Condition {
			return Condition{"ArnLike": {"iam:PolicyARN": []string(slices.Concat(cloud.CommonRolePolicies, spec.EKS.AllowedRolePolicies))}}
		}},
		{Actions: []string{"iam:CreateRole", "iam:DeleteRole", "iam:TagRole", "iam:DetachRolePolicy", "iam:PutRolePermissionsBoundary"}, Resources: roles}}},
	{For: "how updates of EKS clusters, node groups and add-ons end", Optional: true, In: ControllersEKS, Grants: actions("eks:DescribeUpdate"),
		Without: "`EKSControlPlaneUpdating` says so; that a cluster is ACTIVE again tells that an update is over, and why one failed isn't known"},
	{For: "pod identities", Without: "needed with `podIdentityAssociations`", In: ControllersEKS, Grants: actions(
		"eks:ListPodIdentityAssociations", "eks:DescribePodIdentityAssociation", "eks:CreatePodIdentityAssociation", "eks:UpdatePodIdentityAssociation", "eks:DeletePodIdentityAssociation")},
	{For: "images of `eksLookupType`", Without: "needed where an image is looked up so", In: ControllersEKS, Grants: []Grant{{Actions: []string{"ssm:GetParameter"},
		Resources: []string{"arn:*:ssm:*:*:parameter/aws/service/eks/optimized-ami/*", "arn:*:ssm:*:*:parameter/aws/service/bottlerocket/*",
			"arn:*:ssm:*:*:parameter/aws/service/ami-windows-latest/*"}}}},
	{For: "a bucket (`s3Bucket`)", Without: "needed with it", In: Controllers, Option: "s3Buckets", If: wantsBuckets, Grants: []Grant{{ResourcesOf: buckets, Actions: []string{
		"s3:CreateBucket", "s3:DeleteBucket", "s3:PutBucketPolicy", "s3:PutBucketTagging", "s3:PutLifecycleConfiguration", "s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:ListBucket"}}}},
	{For: "a bucket, looked at before it is changed", Without: "needed with it: without a look at its tags it can't be told whose it is; without `s3:ListBucket` above, whether it is there",
		In: Controllers, Option: "s3Buckets", If: wantsBuckets, Grants: []Grant{{ResourcesOf: buckets, Actions: []string{"s3:GetBucketTagging"}}}},
	{For: "a bucket's drift", Optional: true, Without: "a changed policy or rule isn't put right", In: Controllers, Option: "s3Buckets", If: wantsBuckets, Grants: []Grant{{ResourcesOf: buckets,
		Actions: []string{"s3:GetBucketPolicy", "s3:GetLifecycleConfiguration"}}}},
	{For: "roles as identities", Without: "needed with an AWSClusterRoleIdentity; the names of such roles end in the suffix", In: Controllers, Option: "allowAssumeRole", If: func(spec *iamconfig.Spec) bool { return spec.AllowAssumeRole },
		Grants: []Grant{{Actions: []string{"sts:AssumeRole"}, ResourcesOf: func(spec *iamconfig.Spec) []string { return []string{"arn:*:iam::*:role/" + spec.Name("*")} }}}},
	{For: "admission of machines", Optional: true, Without: "what they tell of isn't compared, with a warning", In: Controllers, Grants: actions(
		"ec2:DescribeKeyPairs", "ec2:DescribeInstanceTypeOfferings", "ec2:DescribeRegions", "iam:GetInstanceProfile", "servicequotas:GetServiceQuota")},
	{For: "admission of EKS control planes", Optional: true, Without: "what they tell of isn't compared, with a warning", In: ControllersEKS, Grants: actions(
		"eks:DescribeClusterVersions", "eks:ListInsights", "eks:DescribeInsight", "eks:DescribeAddonConfiguration")},
	{For: "bootstrap data that an earlier attempt or an earlier self left in Secrets Manager", Optional: true, In: Controllers, If: backend(iamconfig.SecretsManager),
		Without: "what is there already is neither overwritten nor removed, and an Event names it; an interrupted attempt isn't taken up: its secret has to be deleted by hand",
		Grants:  []Grant{{Resources: secrets, Actions: []string{"secretsmanager:DescribeSecret", "secretsmanager:PutSecretValue"}}}},
	{For: "bootstrap data that an earlier attempt or an earlier self left in the parameter store", Optional: true, In: Controllers, If: backend(iamconfig.ParameterStore), Option: "secureSecretBackends",
		Without: "what is there already is neither overwritten nor removed, and an Event names it", Grants: []Grant{{Resources: parameters, Actions: []string{"ssm:ListTagsForResource"}}}},
	{For: "drift of load balancers", Optional: true, Without: "changed attributes, health checks or ports aren't put right", In: Controllers, Grants: actions(
		"elasticloadbalancing:DescribeTargetGroupAttributes", "elasticloadbalancing:ModifyTargetGroup", "elasticloadbalancing:ModifyListener")},
	{For: "drift of classic load balancers", Optional: true, Without: "changed subnets and listeners aren't put right", In: Controllers, Grants: actions(
		"elasticloadbalancing:AttachLoadBalancerToSubnets", "elasticloadbalancing:DetachLoadBalancerFromSubnets", "elasticloadbalancing:CreateLoadBalancerListeners",
		"elasticloadbalancing:DeleteLoadBalancerListeners")},
	{For: "machines with `privateDnsName` that changed", Optional: true, Without: "the change isn't made", In: Controllers, Grants: actions("ec2:ModifyPrivateDnsNameOptions")},
	{For: "interfaces that instances left behind", Optional: true, Without: "a cluster's deletion waits until somebody deletes them", In: Controllers, Grants: actions("ec2:DeleteNetworkInterface")},
	{For: "`elasticIpPool`", Without: "the address is allocated and not associated: its condition says so", In: Controllers, Grants: actions("ec2:AssociateAddress")},
	{For: "`dynamicHostAllocation`", Without: "needed with it", In: Controllers, Grants: actions("ec2:AllocateHosts", "ec2:ReleaseHosts")},
	{For: "`dynamicHostAllocation`, machines with `hostID`", Without: "they aren't launched before it is seen whose the host is", In: Controllers, Grants: actions("ec2:DescribeHosts")},
	{For: "consoles", Optional: true, Without: "`awsmachines/console` answers 403", In: Controllers, Grants: actions("ec2:GetConsoleOutput")},
	{For: "pools: `suspendProcesses`", Without: "needed with it", In: Controllers, Grants: []Grant{{Resources: groups, Actions: []string{"autoscaling:SuspendProcesses", "autoscaling:ResumeProcesses"}}}},
	{For: "pools: why a launch failed", Optional: true, Without: "conditions say less", In: Controllers, Grants: actions("autoscaling:DescribeScalingActivities")},
	{For: "`--machine-pool-machines`", Without: "needed with it", In: Controllers, Grants: append(actions("autoscaling:DescribeAutoScalingInstances"),
		Grant{Resources: groups, Actions: []string{"autoscaling:TerminateInstanceInAutoScalingGroup"}})},
	{For: "`--events`", Without: "needed with it: see \"Events from AWS\" in operations.md", In: Controllers, Option: "eventBridge",
		If: func(spec *iamconfig.Spec) bool { return spec.EventBridge.Enable }, Grants: actions(
			"sqs:CreateQueue", "sqs:TagQueue", "sqs:ListQueueTags", "sqs:GetQueueUrl", "sqs:SetQueueAttributes", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:DeleteQueue",
			"events:PutRule", "events:TagResource", "events:ListTagsForResource", "events:DescribeRule", "events:PutTargets", "events:RemoveTargets", "events:DeleteRule")},
}
