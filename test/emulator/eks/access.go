package eks

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/iam"
)

// entry is who may enter a cluster.
type entry struct {
	types.AccessEntry
	policies []types.AssociatedAccessPolicy
}

func (x *entry) show() *types.AccessEntry {
	out := x.AccessEntry
	out.Tags, out.KubernetesGroups = maps.Clone(x.Tags), append([]string{}, x.KubernetesGroups...)
	return &out
}

// Limits of "View and manage Amazon EKS and Fargate service quotas".
const (
	mostEntries       = 1000
	mostEntryPolicies = 20
)

// entryTypes are the kinds of entries with the username and groups that they have by themselves.
var entryTypes = map[string]struct {
	username string
	groups   []string
}{
	"STANDARD":       {},
	"EC2_LINUX":      {"system:node:{{EC2PrivateDNSName}}", []string{"system:nodes"}},
	"EC2_WINDOWS":    {"system:node:{{EC2PrivateDNSName}}", []string{"system:nodes", "eks:kube-proxy-windows"}},
	"EC2":            {"system:node:{{EC2PrivateDNSName}}", []string{"system:nodes"}},
	"FARGATE_LINUX":  {"system:node:{{SessionName}}", []string{"system:bootstrappers", "system:nodes", "system:node-proxier"}},
	"HYBRID_LINUX":   {"system:node:{{SessionName}}", []string{"system:nodes"}},
	"HYPERPOD_LINUX": {"system:node:{{SessionName}}", []string{"system:nodes"}},
}

// accessPolicies are AWS's ("Review access policy permissions").
var accessPolicies = []string{"AmazonEKSAdminPolicy", "AmazonEKSAdminViewPolicy", "AmazonEKSAutoNodePolicy", "AmazonEKSBlockStorageClusterPolicy", "AmazonEKSBlockStoragePolicy",
	"AmazonEKSClusterAdminPolicy", "AmazonEKSClusterInsightsPolicy", "AmazonEKSComputeClusterPolicy", "AmazonEKSComputePolicy", "AmazonEKSEditPolicy", "AmazonEKSHybridPolicy",
	"AmazonEKSLoadBalancingClusterPolicy", "AmazonEKSLoadBalancingPolicy", "AmazonEKSNetworkingClusterPolicy", "AmazonEKSNetworkingPolicy", "AmazonEKSSecretReaderPolicy", "AmazonEKSViewPolicy"}

func accessPolicyARN(r *core.Region, name string) string {
	return "arn:" + core.Partition(r.Name) + ":eks::aws:cluster-access-policy/" + name
}

var principalARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::(\d{12}):(role|user)/(?:[^/]+/)*([\w+=,.@-]+)$`)

// reserved are beginnings that names of users and groups mustn't have.
var reserved = []string{"system:", "eks:", "aws:", "amazon:", "iam:"}

func isReserved(name string) bool {
	return slices.ContainsFunc(reserved, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// withEntries looks up a cluster that has access entries.
func withEntries(r *core.Request, name *string) (*cluster, error) {
	c, err := find(r, name)
	if err == nil && c.AccessConfig.AuthenticationMode == types.AuthenticationModeConfigMap {
		return nil, refuse("InvalidRequestException", 400, "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.")
	}
	return c, err
}

func (c *cluster) entry(r *core.Request, principal *string) (*entry, error) {
	row := c.entries.Row(core.Val(principal))
	if row == nil || r.Hidden(row.Created) {
		return nil, notFound("The specified principalArn could not be found. You can view your available access entries with 'list-access-entries'.")
	}
	r.Touch(*row.Value.AccessEntryArn)
	return row.Value, nil
}

// addEntry makes an entry; the username is what the type or the principal gives if none is wanted.
func (c *cluster) addEntry(r *core.Request, principal, kind, username string, groups []string, tags map[string]string) *entry {
	part := principalARN.FindStringSubmatch(principal)
	own := entryTypes[kind]
	switch {
	case username == "" && own.username != "":
		username = own.username
	case username == "" && part[2] == "role":
		username = fmt.Sprintf("arn:%s:sts::%s:assumed-role/%s/{{SessionName}}", core.Partition(r.Name), part[1], part[3])
	case username == "":
		username = principal
	}
	x := &entry{AccessEntry: types.AccessEntry{ClusterName: c.Name, PrincipalArn: &principal, Type: &kind, Username: &username, KubernetesGroups: append(slices.Clone(own.groups), groups...),
		CreatedAt: core.Ptr(r.Now()), ModifiedAt: core.Ptr(r.Now()), Tags: maps.Clone(tags),
		AccessEntryArn: core.Ptr(r.ARN("eks", fmt.Sprintf("access-entry/%s/%s/%s/%s/%s", *c.Name, part[2], part[1], part[3], uuid(r.Region))))}}
	c.entries.Put(principal, x, r.Now())
	r.Touch(*x.AccessEntryArn)
	return x
}

// letCreatorIn makes the entry of who made the cluster.
func (c *cluster) letCreatorIn(r *core.Request) {
	if c.AccessConfig.AuthenticationMode == types.AuthenticationModeConfigMap || !*c.AccessConfig.BootstrapClusterCreatorAdminPermissions ||
		c.entries.Get(c.creator) != nil || !principalARN.MatchString(c.creator) {
		return
	}
	x := c.addEntry(r, c.creator, "STANDARD", "", nil, nil)
	x.policies = []types.AssociatedAccessPolicy{{PolicyArn: core.Ptr(accessPolicyARN(r.Region, "AmazonEKSClusterAdminPolicy")), AccessScope: &types.AccessScope{Type: types.AccessScopeTypeCluster},
		AssociatedAt: core.Ptr(r.Now()), ModifiedAt: core.Ptr(r.Now())}}
}

func createAccessEntry(r *core.Request, in *sdk.CreateAccessEntryInput) (*sdk.CreateAccessEntryOutput, error) {
	c, err := withEntries(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	id, err := core.Once(r, in, in.ClientRequestToken, func() (string, error) {
		kind, principal := core.Val(in.Type), core.Val(in.PrincipalArn)
		if kind == "" {
			kind = "STANDARD"
		}
		if err := c.entryProblem(r, in, principal, kind); err != nil {
			return "", err
		}
		c.addEntry(r, principal, kind, core.Val(in.Username), in.KubernetesGroups, in.Tags)
		return principal, nil
	})
	if err != nil {
		return nil, err
	}
	x := c.entries.Get(id)
	if x == nil { // made under this token, and deleted since
		_, err := c.entry(r, &id)
		return nil, err
	}
	return &sdk.CreateAccessEntryOutput{AccessEntry: x.show()}, nil
}

func (c *cluster) entryProblem(r *core.Request, in *sdk.CreateAccessEntryInput, principal, kind string) error {
	part := principalARN.FindStringSubmatch(principal)
	_, known := entryTypes[kind]
	switch {
	case part == nil:
		return invalid("The specified principalArn is invalid: invalid principal.")
	case !known:
		return invalid("The specified type is invalid: %s", kind)
	case kind != "STANDARD" && len(in.KubernetesGroups) > 0:
		return invalid("Kubernetes groups can only be specified for access entries of type STANDARD")
	case kind != "STANDARD" && in.Username != nil:
		return invalid("A username can only be specified for access entries of type STANDARD")
	case kind != "STANDARD" && part[2] != "role":
		return invalid("Access entries of type %s are for roles only", kind)
	case c.entries.Get(principal) != nil:
		return inUse(*c.Name, "The specified access entry resource is already in use on this cluster.")
	case c.entries.Len() >= r.Config.Quota("accessEntries", mostEntries):
		return refuse("ResourceLimitExceededException", 400, "Access entry limit exceeded for cluster %s", *c.Name)
	}
	if _, ok := iam.RoleOf(r.Region, principal); part[1] == r.Account && part[2] == "role" && !ok {
		return invalid("The specified principalArn is invalid: invalid principal.")
	}
	if err := subjectProblem(in.Username, in.KubernetesGroups); err != nil {
		return err
	}
	return tagsProblem(in.Tags)
}

func subjectProblem(username *string, groups []string) error {
	if isReserved(core.Val(username)) {
		return invalid("The username %s is invalid: it cannot start with any of %v", *username, reserved)
	}
	for _, group := range groups {
		if isReserved(group) || group == "" {
			return invalid("The kubernetes group name %s is invalid, it cannot start with any of %v", group, reserved)
		}
	}
	return nil
}

func describeAccessEntry(r *core.Request, in *sdk.DescribeAccessEntryInput) (*sdk.DescribeAccessEntryOutput, error) {
	c, err := withEntries(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	x, err := c.entry(r, in.PrincipalArn)
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeAccessEntryOutput{AccessEntry: x.show()}, nil
}

func listAccessEntries(r *core.Request, in *sdk.ListAccessEntriesInput) (*sdk.ListAccessEntriesOutput, error) {
	c, err := withEntries(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	rows := slices.DeleteFunc(c.entries.Rows(), func(row *core.Row[entry]) bool {
		return in.AssociatedPolicyArn != nil && row.Value.policy(*in.AssociatedPolicyArn) < 0
	})
	list, next, err := names(r, rows, in.NextToken, in.MaxResults, func(x *entry) string { return *x.PrincipalArn })
	return &sdk.ListAccessEntriesOutput{AccessEntries: list, NextToken: next}, err
}

func updateAccessEntry(r *core.Request, in *sdk.UpdateAccessEntryInput) (*sdk.UpdateAccessEntryOutput, error) {
	c, err := withEntries(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	x, err := c.entry(r, in.PrincipalArn)
	switch {
	case err != nil:
		return nil, err
	case *x.Type != "STANDARD":
		return nil, refuse("InvalidRequestException", 400, "Access entries of type %s can't be updated", *x.Type)
	}
	if err := subjectProblem(in.Username, in.KubernetesGroups); err != nil {
		return nil, err
	}
	if in.KubernetesGroups != nil {
		x.KubernetesGroups = slices.Clone(in.KubernetesGroups)
	}
	if in.Username != nil {
		x.Username = in.Username
	}
	x.ModifiedAt = core.Ptr(r.Now())
	return &sdk.UpdateAccessEntryOutput{AccessEntry: x.show()}, nil
}

func deleteAccessEntry(r *core.Request, in *sdk.DeleteAccessEntryInput) (*sdk.DeleteAccessEntryOutput, error) {
	c, err := withEntries(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	x, err := c.entry(r, in.PrincipalArn)
	if err != nil {
		return nil, err
	}
	c.entries.Delete(*x.PrincipalArn)
	return nil, nil
}

// policy is an associated policy's place, -1 if it isn't.
func (x *entry) policy(arn string) int {
	return slices.IndexFunc(x.policies, func(p types.AssociatedAccessPolicy) bool { return *p.PolicyArn == arn })
}

func associateAccessPolicy(r *core.Request, in *sdk.AssociateAccessPolicyInput) (*sdk.AssociateAccessPolicyOutput, error) {
	c, err := withEntries(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	x, err := c.entry(r, in.PrincipalArn)
	if err != nil {
		return nil, err
	}
	arn, scope := core.Val(in.PolicyArn), in.AccessScope
	switch {
	case *x.Type != "STANDARD" && *x.Type != "EC2" && *x.Type != "HYPERPOD_LINUX":
		return nil, refuse("InvalidRequestException", 400, "Access policies can't be associated with access entries of type %s", *x.Type)
	case !slices.ContainsFunc(accessPolicies, func(name string) bool { return arn == accessPolicyARN(r.Region, name) }):
		return nil, invalid("The policyArn parameter format is not valid: %s", arn)
	case scope == nil || scope.Type != types.AccessScopeTypeCluster && scope.Type != types.AccessScopeTypeNamespace:
		return nil, invalid("The access scope's type must be cluster or namespace")
	case scope.Type == types.AccessScopeTypeCluster && len(scope.Namespaces) > 0:
		return nil, invalid("Namespaces can't be specified with an access scope of type cluster")
	case scope.Type == types.AccessScopeTypeNamespace && len(scope.Namespaces) == 0:
		return nil, invalid("Namespaces must be specified with an access scope of type namespace")
	}
	p := types.AssociatedAccessPolicy{PolicyArn: &arn, AccessScope: &types.AccessScope{Type: scope.Type, Namespaces: append([]string{}, scope.Namespaces...)},
		AssociatedAt: core.Ptr(r.Now()), ModifiedAt: core.Ptr(r.Now())}
	switch i := x.policy(arn); {
	case i >= 0:
		p.AssociatedAt = x.policies[i].AssociatedAt
		x.policies[i] = p
	case len(x.policies) >= mostEntryPolicies:
		return nil, refuse("ResourceLimitExceededException", 400, "At most %d access policies can be associated with an access entry", mostEntryPolicies)
	default:
		x.policies = append(x.policies, p)
	}
	return &sdk.AssociateAccessPolicyOutput{ClusterName: c.Name, PrincipalArn: x.PrincipalArn, AssociatedAccessPolicy: &p}, nil
}

func disassociateAccessPolicy(r *core.Request, in *sdk.DisassociateAccessPolicyInput) (*sdk.DisassociateAccessPolicyOutput, error) {
	c, err := withEntries(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	x, err := c.entry(r, in.PrincipalArn)
	if err != nil {
		return nil, err
	}
	i := x.policy(core.Val(in.PolicyArn))
	if i < 0 {
		return nil, notFound("The specified policyArn could not be found: %s", core.Val(in.PolicyArn))
	}
	x.policies = slices.Delete(slices.Clone(x.policies), i, i+1)
	return nil, nil
}

func listAssociatedAccessPolicies(r *core.Request, in *sdk.ListAssociatedAccessPoliciesInput) (*sdk.ListAssociatedAccessPoliciesOutput, error) {
	c, err := withEntries(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	x, err := c.entry(r, in.PrincipalArn)
	if err != nil {
		return nil, err
	}
	items, next, err := core.PaginateList(r, append([]types.AssociatedAccessPolicy{}, x.policies...), core.Val(in.NextToken), int(core.Val(in.MaxResults)), mostResults)
	return &sdk.ListAssociatedAccessPoliciesOutput{ClusterName: c.Name, PrincipalArn: x.PrincipalArn, AssociatedAccessPolicies: items, NextToken: core.Next(next)}, err
}

func listAccessPolicies(r *core.Request, in *sdk.ListAccessPoliciesInput) (*sdk.ListAccessPoliciesOutput, error) {
	var all []types.AccessPolicy
	for _, name := range accessPolicies {
		all = append(all, types.AccessPolicy{Name: &name, Arn: core.Ptr(accessPolicyARN(r.Region, name))})
	}
	items, next, err := core.PaginateList(r, all, core.Val(in.NextToken), int(core.Val(in.MaxResults)), mostResults)
	return &sdk.ListAccessPoliciesOutput{AccessPolicies: items, NextToken: core.Next(next)}, err
}
