package iam

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// suffix ends the names of what "clusterawsadm bootstrap iam create-cloudformation-stack" makes in an account.
const suffix = ".cluster-api-provider-aws.sigs.k8s.io"

// bootstrapRoles are the roles of that stack, with who may assume them and AWS's policies that they have.
var bootstrapRoles = []struct {
	name     string
	trusted  []string
	policies []string
}{
	{"control-plane" + suffix, []string{"ec2.amazonaws.com"}, nil},
	{"controllers" + suffix, []string{"ec2.amazonaws.com", "pods.eks.amazonaws.com"}, nil},
	{"nodes" + suffix, []string{"ec2.amazonaws.com"}, []string{"AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy"}},
	{"eks-controlplane" + suffix, []string{"eks.amazonaws.com"}, []string{"AmazonEKSClusterPolicy"}},
	{"eks-nodegroup" + suffix, []string{"ec2.amazonaws.com", "eks.amazonaws.com"}, []string{"AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryReadOnly"}},
	{"eks-fargate" + suffix, []string{"eks-fargate-pods.amazonaws.com"}, []string{"AmazonEKSFargatePodExecutionRolePolicy"}},
}

// prepare makes what every account has: the roles of the stack once, and the instance profiles of the configuration, each with a role of its name.
// They only stand in for the stack: whoever makes a role or profile of such a name, be it the stack itself, makes it in their place.
func (s *state) prepare(r *core.Region) {
	if !s.prepared {
		s.prepared, s.removed = true, map[string]bool{}
		for _, x := range bootstrapRoles {
			s.prepareRole(r, x.name, x.trusted, x.policies)
		}
	}
	wanted := r.Settings().InstanceProfiles
	for _, name := range wanted {
		if s.profiles.Get(key(name)) != nil || s.removed[name] {
			continue
		}
		if s.roles.Get(key(name)) == nil {
			s.prepareRole(r, name, []string{"ec2.amazonaws.com"}, nil)
		}
		s.profiles.Put(key(name), &profile{role: key(name), InstanceProfile: types.InstanceProfile{InstanceProfileName: &name, Path: core.Ptr("/"),
			Arn: arn(r, "instance-profile", "/", name), InstanceProfileId: fixedID("AIPA", name), CreateDate: &bootstrapped}}, bootstrapped)
	}
	for _, p := range s.profiles.All() {
		if p.standsIn() && !slices.Contains(wanted, *p.InstanceProfileName) {
			s.profiles.Delete(key(*p.InstanceProfileName))
		}
	}
}

func (s *state) prepareRole(r *core.Region, name string, trusted, policies []string) {
	trust := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["%s"]},"Action":["sts:AssumeRole"]}]}`, strings.Join(trusted, `","`))
	x := &role{Role: types.Role{RoleName: &name, Path: core.Ptr("/"), Arn: arn(r, "role", "/", name), RoleId: fixedID("AROA", name), CreateDate: &bootstrapped,
		AssumeRolePolicyDocument: &trust, MaxSessionDuration: core.Ptr(int32(3600))}}
	for _, p := range policies {
		x.attached = append(x.attached, types.AttachedPolicy{PolicyName: core.Ptr(p), PolicyArn: core.Ptr("arn:" + core.Partition(r.Name) + ":iam::aws:policy/" + p)})
	}
	x.changed(bootstrapped)
	s.roles.Put(key(name), x, bootstrapped)
}

// fixedID is the same at every start.
func fixedID(prefix, name string) *string {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(name)) // a hash takes every write
	return core.Ptr(fmt.Sprintf("%s%017X", prefix, sum.Sum64()))
}
