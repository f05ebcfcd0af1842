package mirror

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

const (
	// EKSRest is how old control planes and what belongs to them may get at rest: EKS
	// describes one thing a call and tells nobody what changed, and it gets slower for
	// everybody where many ask.
	EKSRest = 5 * time.Minute
	// rolesRest: roles are changed by people, seldom, and each costs two calls.
	rolesRest = time.Hour
	// rolesBudget is how many roles of an account are read per period.
	rolesBudget = 1000
	// eksHold: EKS shows at once what was written, and of an update its own row tells when
	// it ends. What a cluster shows then has to be believed.
	eksHold = time.Nanosecond
)

// Role is an IAM role with what separate calls tell of it.
type Role struct {
	iamtypes.Role
	// Policies are the ARNs of the attached policies.
	Policies []string
}

// The tables of EKS's control planes. All are read by name.
var (
	// EKSClusters holds clusters by name.
	EKSClusters = &Table[ekstypes.Cluster]{
		Kind:      "eks/cluster",
		ID:        func(c *ekstypes.Cluster) string { return aws.ToString(c.Name) },
		Tags:      func(c *ekstypes.Cluster) map[string]string { return c.Tags },
		VPC:       clusterVPC,
		Describe:  describeEKSCluster,
		Busy:      eksClusterBusy,
		Budget:    maxClusters,
		Rest:      EKSRest,
		WriteHold: eksHold,
	}
	// EKSUpdates holds the updates of clusters and of node groups by their ids, below the
	// EKSUpdateParent of what they change.
	EKSUpdates = &Table[EKSUpdate]{
		Kind:     "eks/update",
		ID:       func(u *EKSUpdate) string { return NameIn(EKSUpdateParent(u.Cluster, u.Nodegroup), aws.ToString(u.Id)) },
		Tags:     noTags[EKSUpdate],
		VPC:      noVPC[EKSUpdate],
		Parent:   func(u *EKSUpdate) string { return EKSUpdateParent(u.Cluster, u.Nodegroup) },
		Describe: describeEKSUpdate,
		Busy:     func(u *EKSUpdate) bool { return u.Status == ekstypes.UpdateStatusInProgress },
		Carry:    func(known, read *EKSUpdate) { read.Wanted = known.Wanted },
		Rest:     updatesRest,
	}
	// Roles holds IAM's roles by name.
	Roles = &Table[Role]{
		Kind:     "iam/role",
		ID:       func(r *Role) string { return aws.ToString(r.RoleName) },
		Tags:     roleTags,
		VPC:      noVPC[Role],
		Describe: describeRole,
		Budget:   rolesBudget,
		Rest:     rolesRest,
		Global:   true,
	}
	// InstanceProfiles holds IAM's instance profiles by name, each with its role.
	InstanceProfiles = &Table[iamtypes.InstanceProfile]{
		Kind:     "iam/instance-profile",
		ID:       func(p *iamtypes.InstanceProfile) string { return aws.ToString(p.InstanceProfileName) },
		Tags:     noTags[iamtypes.InstanceProfile],
		VPC:      noVPC[iamtypes.InstanceProfile],
		Describe: describeInstanceProfile,
		Budget:   rolesBudget,
		Rest:     rolesRest,
		Global:   true,
	}
)

const (
	// maxClusters: each cluster has the period for itself.
	maxClusters = 1000
	// updatesRest: an update that has ended never changes.
	updatesRest = 24 * time.Hour
)

// EKSTables are the tables of EKS's control planes and of what is below them.
var EKSTables = append([]Resource{EKSClusters, EKSUpdates, Roles, InstanceProfiles}, EKSChildTables...)

// EKSUpdate is an update of a cluster or of one of its node groups, which AWS's own answer
// doesn't name.
type EKSUpdate struct {
	ekstypes.Update
	Cluster string
	// Nodegroup is "" where the cluster itself is updated.
	Nodegroup string
	// Wanted is what whoever began the update here notes of it.
	Wanted string
}

func clusterVPC(c *ekstypes.Cluster) string {
	if c.ResourcesVpcConfig == nil {
		return ""
	}
	return aws.ToString(c.ResourcesVpcConfig.VpcId)
}

func eksClusterBusy(c *ekstypes.Cluster) bool {
	switch c.Status {
	case ekstypes.ClusterStatusActive, ekstypes.ClusterStatusFailed:
		return false
	}
	return true
}

func describeEKSCluster(ctx context.Context, s *cloud.Session, _, name string) (*ekstypes.Cluster, error) {
	out, err := s.EKS.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: &name})
	if err != nil {
		return nil, err
	}
	return out.Cluster, nil
}

// EKSUpdateParent is below what the updates of a cluster are, or those of a node group of it.
// No name in EKS has a slash.
func EKSUpdateParent(cluster, nodegroup string) string {
	if nodegroup == "" {
		return cluster
	}
	return cluster + "/" + nodegroup
}

func describeEKSUpdate(ctx context.Context, s *cloud.Session, parent, id string) (*EKSUpdate, error) {
	cluster, nodegroup, _ := strings.Cut(parent, "/")
	in := &eks.DescribeUpdateInput{Name: &cluster, UpdateId: &id}
	if nodegroup != "" {
		in.NodegroupName = &nodegroup
	}
	out, err := s.EKS.DescribeUpdate(ctx, in)
	if err != nil {
		return nil, err
	}
	return &EKSUpdate{Update: *out.Update, Cluster: cluster, Nodegroup: nodegroup}, nil
}

func roleTags(r *Role) map[string]string {
	m := make(map[string]string, len(r.Tags))
	for _, t := range r.Tags {
		m[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return m
}

func describeInstanceProfile(ctx context.Context, s *cloud.Session, _, name string) (*iamtypes.InstanceProfile, error) {
	out, err := s.IAM.GetInstanceProfile(ctx, &iam.GetInstanceProfileInput{InstanceProfileName: &name})
	if err != nil {
		return nil, err
	}
	return out.InstanceProfile, nil
}

func describeRole(ctx context.Context, s *cloud.Session, _, name string) (*Role, error) {
	out, err := s.IAM.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	if err != nil {
		return nil, err
	}
	row := &Role{Role: *out.Role, Policies: []string{}}
	pages := iam.NewListAttachedRolePoliciesPaginator(s.IAM, &iam.ListAttachedRolePoliciesInput{RoleName: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, p := range page.AttachedPolicies {
			row.Policies = append(row.Policies, aws.ToString(p.PolicyArn))
		}
	}
	return row, nil
}
