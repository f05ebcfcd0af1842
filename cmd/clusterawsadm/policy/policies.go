package policy

import (
	"fmt"

	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/iamconfig"
)

// Policies are the documents that a configuration asks for, by their logical ids.
func Policies(spec *iamconfig.Spec) map[Name]Document {
	out := map[Name]Document{Controllers: ofFeatures(spec, Controllers)}
	if !spec.EKS.Disable {
		out[ControllersEKS] = ofFeatures(spec, ControllersEKS)
		if spec.EKS.EnableUserEKSConsolePolicy {
			out[EKSConsole] = of(console)
		}
	}
	if !spec.ControlPlane.DisableCloudProviderPolicy {
		out[ControlPlane] = of(controlPlane)
	}
	if !spec.Nodes.DisableCloudProviderPolicy {
		out[Nodes] = nodes(spec)
	}
	if spec.ControlPlane.EnableCSIPolicy {
		out[CSI] = of(csi)
	}
	return out
}

// Named is one of the documents, whether or not a configuration asks for it.
func Named(spec *iamconfig.Spec, name Name) Document {
	all, eks := *spec, *spec.EKS
	eks.Disable, eks.EnableUserEKSConsolePolicy = false, true
	all.EKS, all.ControlPlane.EnableCSIPolicy = &eks, true
	all.ControlPlane.DisableCloudProviderPolicy, all.Nodes.DisableCloudProviderPolicy = false, false
	return Policies(&all)[name]
}

// Wanted says whether a configuration's stack grants a feature.
func (f Feature) Wanted(spec *iamconfig.Spec) bool {
	return (f.If == nil || f.If(spec)) && (f.In != ControllersEKS || !spec.EKS.Disable)
}

// Under are a feature's grants as a configuration resolves them.
func (f Feature) Under(spec *iamconfig.Spec) []Grant {
	var out []Grant
	for _, g := range f.Grants {
		out = append(out, g.resolved(spec))
	}
	return out
}

func ofFeatures(spec *iamconfig.Spec, name Name) Document {
	var grants []Grant
	for _, f := range Features {
		if f.In == name && f.Wanted(spec) {
			grants = append(grants, f.Under(spec)...)
		}
	}
	return of(grants)
}

// controlPlane is what the cloud controller manager needs on control planes ("Prerequisites" of cloud-provider-aws), its
// classic volumes included.
var controlPlane = actions(
	"autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeLaunchConfigurations", "autoscaling:DescribeTags",
	"ec2:AssignIpv6Addresses", "ec2:AttachVolume", "ec2:AuthorizeSecurityGroupIngress", "ec2:CreateRoute", "ec2:CreateSecurityGroup", "ec2:CreateTags", "ec2:CreateVolume", "ec2:DeleteRoute",
	"ec2:DeleteSecurityGroup", "ec2:DeleteVolume", "ec2:DescribeAvailabilityZones", "ec2:DescribeImages", "ec2:DescribeInstanceTopology", "ec2:DescribeInstances", "ec2:DescribeRegions", "ec2:DescribeRouteTables",
	"ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVolumes", "ec2:DescribeVpcs", "ec2:DetachVolume", "ec2:ModifyInstanceAttribute", "ec2:ModifyVolume", "ec2:RevokeSecurityGroupIngress",
	"elasticloadbalancing:AddTags", "elasticloadbalancing:ApplySecurityGroupsToLoadBalancer", "elasticloadbalancing:AttachLoadBalancerToSubnets", "elasticloadbalancing:ConfigureHealthCheck",
	"elasticloadbalancing:CreateListener", "elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:CreateLoadBalancerListeners", "elasticloadbalancing:CreateLoadBalancerPolicy",
	"elasticloadbalancing:CreateTargetGroup", "elasticloadbalancing:DeleteListener", "elasticloadbalancing:DeleteLoadBalancer", "elasticloadbalancing:DeleteLoadBalancerListeners",
	"elasticloadbalancing:DeleteTargetGroup", "elasticloadbalancing:DeregisterInstancesFromLoadBalancer", "elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:DescribeListeners",
	"elasticloadbalancing:DescribeLoadBalancerAttributes", "elasticloadbalancing:DescribeLoadBalancerPolicies", "elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeTargetGroups",
	"elasticloadbalancing:DescribeTargetHealth", "elasticloadbalancing:DetachLoadBalancerFromSubnets", "elasticloadbalancing:ModifyListener", "elasticloadbalancing:ModifyLoadBalancerAttributes",
	"elasticloadbalancing:ModifyTargetGroup", "elasticloadbalancing:RegisterInstancesWithLoadBalancer", "elasticloadbalancing:RegisterTargets", "elasticloadbalancing:SetLoadBalancerPoliciesForBackendServer",
	"elasticloadbalancing:SetLoadBalancerPoliciesOfListener", "elasticloadbalancing:SetSecurityGroups", "iam:CreateServiceLinkedRole", "kms:DescribeKey")

// nodes is what every node needs: the node side of the cloud controller manager, images of ECR, its own bootstrap data, sessions.
func nodes(spec *iamconfig.Spec) Document {
	grants := actions("ec2:AssignIpv6Addresses", "ec2:CreateTags", "ec2:DescribeInstanceTypes", "ec2:DescribeInstances", "ec2:DescribeNetworkInterfaces", "ec2:DescribeRegions", "ec2:DescribeTags",
		"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:DescribeRepositories", "ecr:GetAuthorizationToken", "ecr:GetDownloadUrlForLayer", "ecr:GetRepositoryPolicy", "ecr:ListImages")
	if spec.KeepsSecretsIn(iamconfig.SecretsManager) {
		grants = append(grants, Grant{Resources: secrets, Actions: []string{"secretsmanager:DeleteSecret", "secretsmanager:GetSecretValue"}})
	}
	if spec.KeepsSecretsIn(iamconfig.ParameterStore) {
		grants = append(grants, Grant{Resources: parameters, Actions: []string{"ssm:DeleteParameter", "ssm:GetParameter"}})
	}
	return of(append(grants, actions("s3:GetEncryptionConfiguration", "ssm:UpdateInstanceInformation", "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
		"ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel")...))
}

// csi is the example policy of the EBS CSI driver.
var csi = actions("ec2:AttachVolume", "ec2:CreateSnapshot", "ec2:CreateTags", "ec2:CreateVolume", "ec2:DeleteSnapshot", "ec2:DeleteTags", "ec2:DeleteVolume", "ec2:DescribeAvailabilityZones",
	"ec2:DescribeInstances", "ec2:DescribeSnapshots", "ec2:DescribeTags", "ec2:DescribeVolumes", "ec2:DescribeVolumesModifications", "ec2:DetachVolume", "ec2:ModifyVolume")

// console lets people see EKS's nodes and workloads ("View Kubernetes resources in the console").
var console = actions("eks:AccessKubernetesApi", "eks:DescribeCluster", "eks:DescribeNodegroup", "eks:ListClusters", "eks:ListFargateProfiles", "eks:ListNodegroups", "eks:ListUpdates", "ssm:GetParameter")

// longest is how many characters a managed policy may have ("IAM and AWS STS quotas").
const longest = 6144

// Fit says which policy of a configuration is longer than IAM takes.
func Fit(spec *iamconfig.Spec) error {
	for _, name := range Names {
		if n := len(text(Policies(spec)[name])); n > longest {
			return fmt.Errorf("%s would have %d characters, and IAM takes %d: give fewer allowedEC2InstanceProfiles, allowedPodIdentityRoles and allowedRolePolicies (wildcards are taken), or leave out options that no cluster uses", name, n, longest)
		}
	}
	return nil
}
