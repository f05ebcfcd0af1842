// Package stack makes, changes and deletes the CloudFormation stack of what clusters need in IAM.
package stack

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"sigs.k8s.io/yaml"

	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/iamconfig"
	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/policy"
)

// Logical ids of what isn't a policy.
const (
	roleControlPlane    = "AWSIAMRoleControlPlane"
	roleControllers     = "AWSIAMRoleControllers"
	roleNodes           = "AWSIAMRoleNodes"
	roleEKSControlPlane = "AWSIAMRoleEKSControlPlane"
	roleEKSNodegroup    = "AWSIAMRoleEKSNodegroup"
	roleEKSFargate      = "AWSIAMRoleEKSFargate"
	group               = "AWSIAMGroupBootstrapper"
	user                = "AWSIAMUserBootstrapper"
)

// Template is a CloudFormation template.
type Template struct {
	AWSTemplateFormatVersion string
	Resources                map[string]Resource
}

// Resource is one of a template's.
type Resource struct {
	Type       string
	Properties Properties
}

// Properties are a resource's, of which those that are nil or empty aren't written.
type Properties map[string]any

// YAML is the template as CloudFormation takes it.
func (t Template) YAML() (string, error) {
	out, err := yaml.Marshal(t)
	return string(out), err
}

func ref(id string) map[string]string { return map[string]string{"Ref": id} }

// refs refers to those of a list that the template has.
func (t Template) refs(ids ...string) []map[string]string {
	var out []map[string]string
	for _, id := range ids {
		if _, ok := t.Resources[id]; ok {
			out = append(out, ref(id))
		}
	}
	return out
}

func (t Template) add(id, kind string, properties Properties) {
	maps.DeleteFunc(properties, func(_ string, value any) bool {
		text, _ := json.Marshal(value) // plain data marshals
		return slices.Contains([]string{"null", `""`, "[]", "{}"}, string(text))
	})
	t.Resources[id] = Resource{kind, properties}
}

// tags of a role or user, in the order of their keys.
func tags(of map[string]string) []map[string]string {
	var out []map[string]string
	for _, key := range slices.Sorted(maps.Keys(of)) {
		out = append(out, map[string]string{"Key": key, "Value": of[key]})
	}
	return out
}

// New makes a configuration's template.
func New(spec *iamconfig.Spec) Template {
	t := Template{"2010-09-09", map[string]Resource{}}
	t.roles(spec)
	t.profiles(spec)
	t.bootstrapUser(spec)
	t.policies(spec)
	return t
}

func (t Template) roles(spec *iamconfig.Spec) {
	assume := policy.List{"sts:AssumeRole"}
	awsPolicies := func(names ...string) (out []string) {
		for _, name := range names {
			out = append(out, fmt.Sprintf("arn:%s:iam::aws:policy/%s", spec.Partition, name))
		}
		return out
	}
	t.role(spec, roleControlPlane, spec.Name("control-plane"), &spec.ControlPlane.Role, policy.Trust(assume, "ec2.amazonaws.com"), nil)
	controllers, nodePolicies := policy.Trust(assume, "ec2.amazonaws.com"), []string{}
	if !spec.EKS.Disable {
		controllers = policy.Trust(policy.List{"sts:AssumeRole", "sts:TagSession"}, "ec2.amazonaws.com", "pods.eks.amazonaws.com") // Pod Identity tags its sessions
		nodePolicies = awsPolicies("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy")
	}
	if spec.Nodes.EC2ContainerRegistryReadOnly {
		nodePolicies = append(nodePolicies, awsPolicies("AmazonEC2ContainerRegistryReadOnly")...)
	}
	t.role(spec, roleControllers, spec.Name("controllers"), &spec.ClusterAPIControllers.Role, controllers, nil)
	t.role(spec, roleNodes, spec.Name("nodes"), &spec.Nodes.Role, policy.Trust(assume, "ec2.amazonaws.com"), nodePolicies)
	if spec.EKS.Disable {
		return
	}
	t.role(spec, roleEKSControlPlane, "eks-controlplane"+iamconfig.Suffix, &spec.EKS.DefaultControlPlaneRole, policy.Trust(assume, "eks.amazonaws.com"), awsPolicies("AmazonEKSClusterPolicy"))
	t.role(spec, roleEKSNodegroup, "eks-nodegroup"+iamconfig.Suffix, spec.EKS.ManagedMachinePool, policy.Trust(assume, "ec2.amazonaws.com", "eks.amazonaws.com"),
		awsPolicies("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryReadOnly"))
	t.role(spec, roleEKSFargate, "eks-fargate"+iamconfig.Suffix, spec.EKS.Fargate, policy.Trust(assume, "eks-fargate-pods.amazonaws.com"), awsPolicies("AmazonEKSFargatePodExecutionRolePolicy"))
}

// statements are a document's: ours, and a user's in his own words.
func statements(ours []policy.Statement, theirs []json.RawMessage) []any {
	var out []any
	for _, s := range ours {
		out = append(out, s)
	}
	for _, s := range theirs {
		out = append(out, s)
	}
	return out
}

// own is a role's or user's inline policy, if statements ask for one.
func own(spec *iamconfig.Spec, extra []json.RawMessage) []Properties {
	if len(extra) == 0 {
		return nil
	}
	return []Properties{{"PolicyName": spec.StackName, "PolicyDocument": Properties{"Version": policy.Version, "Statement": statements(nil, extra)}}}
}

func (t Template) role(spec *iamconfig.Spec, id, name string, r *iamconfig.Role, trust policy.Document, policies []string) {
	if r.Disable {
		return
	}
	t.add(id, "AWS::IAM::Role", Properties{
		"RoleName": name, "Path": r.Path, "PermissionsBoundary": r.PermissionsBoundary, "Tags": tags(r.Tags),
		"AssumeRolePolicyDocument": Properties{"Version": policy.Version, "Statement": statements(trust.Statement, r.TrustStatements)},
		"ManagedPolicyArns":        append(slices.Clone(r.ExtraPolicyAttachments), policies...),
		"Policies":                 own(spec, r.ExtraStatements),
	})
}

func (t Template) profiles(spec *iamconfig.Spec) {
	for _, x := range []struct{ id, role, name, path string }{
		{"AWSIAMInstanceProfileControlPlane", roleControlPlane, "control-plane", spec.ControlPlane.Path},
		{"AWSIAMInstanceProfileControllers", roleControllers, "controllers", spec.ClusterAPIControllers.Path},
		{"AWSIAMInstanceProfileNodes", roleNodes, "nodes", spec.Nodes.Path},
	} {
		if roles := t.refs(x.role); roles != nil {
			t.add(x.id, "AWS::IAM::InstanceProfile", Properties{"InstanceProfileName": spec.Name(x.name), "Path": x.path, "Roles": roles})
		}
	}
}

func (t Template) bootstrapUser(spec *iamconfig.Spec) {
	u := spec.BootstrapUser
	if !u.Enable {
		return
	}
	groups := []any{ref(group)}
	for _, name := range u.ExtraGroups {
		groups = append(groups, name)
	}
	t.add(group, "AWS::IAM::Group", Properties{"GroupName": u.GroupName})
	t.add(user, "AWS::IAM::User", Properties{"UserName": u.UserName, "Groups": groups, "ManagedPolicyArns": u.ExtraPolicyAttachments, "Policies": own(spec, u.ExtraStatements), "Tags": tags(u.Tags)})
}

// policies come last: they are attached to what is there.
func (t Template) policies(spec *iamconfig.Spec) {
	controllers := []string{roleControllers}
	if !spec.ControlPlane.DisableClusterAPIControllerPolicyAttachment {
		controllers = append(controllers, roleControlPlane)
	}
	about := map[policy.Name]struct {
		name, description string
		roles, groups     []string
	}{
		policy.Controllers:    {"controllers", "For the Kubernetes Cluster API Provider AWS Controllers", controllers, []string{group}},
		policy.ControllersEKS: {"controllers-eks", "For the Kubernetes Cluster API Provider AWS Controllers", controllers, []string{group}},
		policy.ControlPlane:   {"control-plane", "For the Kubernetes Cloud Provider AWS Control Plane", []string{roleControlPlane}, nil},
		policy.Nodes:          {"nodes", "For the Kubernetes Cloud Provider AWS nodes", []string{roleControlPlane, roleNodes}, nil},
		policy.CSI:            {"csi", "For the AWS EBS CSI Driver for Kubernetes", []string{roleControlPlane}, nil},
		policy.EKSConsole:     {"eks-console", "For users/groups to view EKS nodes and workloads", nil, nil},
	}
	for id, document := range policy.Policies(spec) {
		x := about[id]
		t.add(string(id), "AWS::IAM::ManagedPolicy", Properties{"ManagedPolicyName": spec.Name(x.name), "Description": x.description, "PolicyDocument": document,
			"Roles": t.refs(x.roles...), "Groups": t.refs(x.groups...)})
	}
}
