package mirror

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// EKS has no call that describes several things: each row costs one or two. What is below a
// cluster changes when somebody changes it, so that at rest a cluster with all of it costs
// two calls in ten minutes. Readers who want to know it now have it read.
const (
	addonsRest   = 10 * time.Minute
	childrenRest = 30 * time.Minute
	// nodegroupsRest: how many nodes there are, and that a group's Auto Scaling group is gone,
	// the sweeps of those groups tell.
	nodegroupsRest = 10 * time.Minute
	// nodegroupsChanging: nodes take minutes to come and go.
	nodegroupsChanging = 30 * time.Second
	// mostNodegroups are as many as a cluster may have: each has the period for itself.
	mostNodegroups = 30
	// versionsRest: EKS offers another version of an add-on every few weeks.
	versionsRest = 6 * time.Hour
	// mostVersions are more add-ons than EKS offers: names that it doesn't have hold no other up.
	mostVersions = 100
	// mostProviders are as many as an account may have: each has the period for itself.
	mostProviders = 100
	// childrenChanging is how often is looked at what EKS is changing.
	childrenChanging = 15 * time.Second
	// childrenHold: EKS may show for a while that a change didn't begin.
	childrenHold = 30 * time.Second
)

// EKSAddon is an add-on with its pod identities.
type EKSAddon struct {
	ekstypes.Addon
	// Identities are its pod identity associations; nil where they couldn't be read.
	Identities []ekstypes.PodIdentityAssociation
}

// EKSAddonVersions are the versions of an add-on that EKS offers for a Kubernetes version.
type EKSAddonVersions struct {
	Kubernetes, Name string
	// Versions are in AWS's order; none where it has no such add-on.
	Versions []ekstypes.AddonVersionInfo
}

// EKSAccessEntry is an access entry with the policies that are associated with it.
type EKSAccessEntry struct {
	ekstypes.AccessEntry
	// Policies are nil where the entry's type has none.
	Policies []ekstypes.AssociatedAccessPolicy
}

// OIDCProvider is an OpenID Connect provider in IAM.
type OIDCProvider struct {
	// ARN is its name.
	ARN, URL  string
	ClientIDs []string
	Tags      map[string]string
}

// The tables of what is below an EKS cluster, whose name is the parent, and what belongs to
// it. All are read by name.
var (
	// EKSAddons are by their names.
	EKSAddons = &Table[EKSAddon]{
		Kind:   "eks/addon",
		ID:     func(a *EKSAddon) string { return NameIn(aws.ToString(a.ClusterName), aws.ToString(a.AddonName)) },
		Tags:   func(a *EKSAddon) map[string]string { return a.Tags },
		VPC:    noVPC[EKSAddon],
		Parent: func(a *EKSAddon) string { return aws.ToString(a.ClusterName) },
		Busy: func(a *EKSAddon) bool {
			return a.Status == ekstypes.AddonStatusCreating || a.Status == ekstypes.AddonStatusUpdating || a.Status == ekstypes.AddonStatusDeleting
		},
		Describe: describeAddon,
		Rest:     addonsRest, Changing: childrenChanging, WriteHold: childrenHold,
	}
	// EKSAddonVersionsOf are by the add-on's name below a Kubernetes version.
	EKSAddonVersionsOf = &Table[EKSAddonVersions]{
		Kind:     "eks/addon-versions",
		ID:       func(v *EKSAddonVersions) string { return NameIn(v.Kubernetes, v.Name) },
		Tags:     noTags[EKSAddonVersions],
		VPC:      noVPC[EKSAddonVersions],
		Parent:   func(v *EKSAddonVersions) string { return v.Kubernetes },
		Describe: describeAddonVersions,
		Budget:   mostVersions,
		Rest:     versionsRest,
	}
	// EKSAccessEntries are by the ARNs of their principals.
	EKSAccessEntries = &Table[EKSAccessEntry]{
		Kind: "eks/access-entry",
		ID: func(e *EKSAccessEntry) string {
			return NameIn(aws.ToString(e.ClusterName), aws.ToString(e.PrincipalArn))
		},
		Tags:     func(e *EKSAccessEntry) map[string]string { return e.Tags },
		VPC:      noVPC[EKSAccessEntry],
		Parent:   func(e *EKSAccessEntry) string { return aws.ToString(e.ClusterName) },
		Describe: describeAccessEntry,
		Rest:     childrenRest, WriteHold: childrenHold,
	}
	// EKSIdentityProviders are by the names of their configurations.
	EKSIdentityProviders = &Table[ekstypes.OidcIdentityProviderConfig]{
		Kind: "eks/identity-provider-config",
		ID: func(c *ekstypes.OidcIdentityProviderConfig) string {
			return NameIn(aws.ToString(c.ClusterName), aws.ToString(c.IdentityProviderConfigName))
		},
		Tags:   func(c *ekstypes.OidcIdentityProviderConfig) map[string]string { return c.Tags },
		VPC:    noVPC[ekstypes.OidcIdentityProviderConfig],
		Parent: func(c *ekstypes.OidcIdentityProviderConfig) string { return aws.ToString(c.ClusterName) },
		Busy: func(c *ekstypes.OidcIdentityProviderConfig) bool {
			return c.Status == ekstypes.ConfigStatusCreating || c.Status == ekstypes.ConfigStatusDeleting
		},
		Describe: describeIdentityProvider,
		Rest:     childrenRest, Changing: childrenChanging, WriteHold: childrenHold,
	}
	// EKSPodIdentities are by the PodIdentityName of namespace and service account.
	EKSPodIdentities = &Table[ekstypes.PodIdentityAssociation]{
		Kind: "eks/pod-identity-association",
		ID: func(a *ekstypes.PodIdentityAssociation) string {
			return NameIn(aws.ToString(a.ClusterName), PodIdentityName(aws.ToString(a.Namespace), aws.ToString(a.ServiceAccount)))
		},
		Tags:     func(a *ekstypes.PodIdentityAssociation) map[string]string { return a.Tags },
		VPC:      noVPC[ekstypes.PodIdentityAssociation],
		Parent:   func(a *ekstypes.PodIdentityAssociation) string { return aws.ToString(a.ClusterName) },
		Describe: describePodIdentity,
		Rest:     childrenRest, WriteHold: childrenHold,
	}
	// EKSFargateProfiles are by their names.
	EKSFargateProfiles = &Table[ekstypes.FargateProfile]{
		Kind: "eks/fargate-profile",
		ID: func(p *ekstypes.FargateProfile) string {
			return NameIn(aws.ToString(p.ClusterName), aws.ToString(p.FargateProfileName))
		},
		Tags:   func(p *ekstypes.FargateProfile) map[string]string { return p.Tags },
		VPC:    noVPC[ekstypes.FargateProfile],
		Parent: func(p *ekstypes.FargateProfile) string { return aws.ToString(p.ClusterName) },
		Busy: func(p *ekstypes.FargateProfile) bool {
			return p.Status == ekstypes.FargateProfileStatusCreating || p.Status == ekstypes.FargateProfileStatusDeleting
		},
		Describe: describeFargateProfile,
		Rest:     addonsRest, Changing: childrenChanging, WriteHold: childrenHold,
	}
	// EKSNodegroups are by their names.
	EKSNodegroups = &Table[ekstypes.Nodegroup]{
		Kind: "eks/nodegroup",
		ID: func(g *ekstypes.Nodegroup) string {
			return NameIn(aws.ToString(g.ClusterName), aws.ToString(g.NodegroupName))
		},
		Tags:   func(g *ekstypes.Nodegroup) map[string]string { return g.Tags },
		VPC:    noVPC[ekstypes.Nodegroup],
		Parent: func(g *ekstypes.Nodegroup) string { return aws.ToString(g.ClusterName) },
		Busy: func(g *ekstypes.Nodegroup) bool {
			return g.Status == ekstypes.NodegroupStatusCreating || g.Status == ekstypes.NodegroupStatusUpdating || g.Status == ekstypes.NodegroupStatusDeleting
		},
		Describe: describeNodegroup,
		Budget:   mostNodegroups,
		Rest:     nodegroupsRest, Changing: nodegroupsChanging, WriteHold: eksHold,
	}
	// OIDCProviders are by their ARNs, which follow from the account and the issuer.
	OIDCProviders = &Table[OIDCProvider]{
		Kind:     "iam/oidc-provider",
		ID:       func(p *OIDCProvider) string { return p.ARN },
		Tags:     func(p *OIDCProvider) map[string]string { return p.Tags },
		VPC:      noVPC[OIDCProvider],
		Global:   true,
		Describe: describeOIDCProvider,
		Budget:   mostProviders,
		Rest:     childrenRest, WriteHold: childrenHold,
	}
)

// EKSChildTables are the tables of what is below an EKS cluster, or belongs to it.
var EKSChildTables = []Resource{EKSAddons, EKSAddonVersionsOf, EKSAccessEntries, EKSIdentityProviders, EKSPodIdentities, EKSFargateProfiles, EKSNodegroups, OIDCProviders}

// PodIdentityName is the name of a pod identity association below its cluster: there is
// one for each service account.
func PodIdentityName(namespace, serviceAccount string) string {
	return namespace + "/" + serviceAccount
}

func describeAddon(ctx context.Context, s *cloud.Session, cluster, name string) (*EKSAddon, error) {
	out, err := s.EKS.DescribeAddon(ctx, &eks.DescribeAddonInput{ClusterName: &cluster, AddonName: &name})
	if err != nil {
		return nil, err
	}
	row := &EKSAddon{Addon: *out.Addon}
	for _, arn := range row.PodIdentityAssociations {
		id := arn[strings.LastIndex(arn, "/")+1:]
		identity, err := s.EKS.DescribePodIdentityAssociation(ctx, &eks.DescribePodIdentityAssociationInput{ClusterName: &cluster, AssociationId: &id})
		switch {
		case cloud.IsUnauthorized(err):
			row.Identities = nil
			return row, nil
		case cloud.IsNotFound(err): // it went meanwhile
		case err != nil:
			return nil, err
		default:
			row.Identities = append(row.Identities, *identity.Association)
		}
	}
	return row, nil
}

func describeAddonVersions(ctx context.Context, s *cloud.Session, kubernetes, name string) (*EKSAddonVersions, error) {
	row := &EKSAddonVersions{Kubernetes: kubernetes, Name: name}
	pages := eks.NewDescribeAddonVersionsPaginator(s.EKS, &eks.DescribeAddonVersionsInput{KubernetesVersion: &kubernetes, AddonName: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, addon := range page.Addons {
			row.Versions = append(row.Versions, addon.AddonVersions...)
		}
	}
	return row, nil
}

// HasAccessPolicies tells whether entries of a type have policies associated with them.
func HasAccessPolicies(entryType string) bool {
	return entryType == "" || entryType == "STANDARD" || entryType == "EC2"
}

func describeAccessEntry(ctx context.Context, s *cloud.Session, cluster, principal string) (*EKSAccessEntry, error) {
	out, err := s.EKS.DescribeAccessEntry(ctx, &eks.DescribeAccessEntryInput{ClusterName: &cluster, PrincipalArn: &principal})
	if err != nil {
		return nil, err
	}
	row := &EKSAccessEntry{AccessEntry: *out.AccessEntry}
	if !HasAccessPolicies(aws.ToString(row.Type)) {
		return row, nil
	}
	row.Policies = []ekstypes.AssociatedAccessPolicy{}
	pages := eks.NewListAssociatedAccessPoliciesPaginator(s.EKS, &eks.ListAssociatedAccessPoliciesInput{ClusterName: &cluster, PrincipalArn: &principal})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		row.Policies = append(row.Policies, page.AssociatedAccessPolicies...)
	}
	return row, nil
}

// identityProviderType is the only type of identity provider that EKS has.
const identityProviderType = "oidc"

func describeIdentityProvider(ctx context.Context, s *cloud.Session, cluster, name string) (*ekstypes.OidcIdentityProviderConfig, error) {
	out, err := s.EKS.DescribeIdentityProviderConfig(ctx, &eks.DescribeIdentityProviderConfigInput{ClusterName: &cluster,
		IdentityProviderConfig: &ekstypes.IdentityProviderConfig{Name: &name, Type: aws.String(identityProviderType)}})
	if err != nil {
		return nil, err
	}
	return out.IdentityProviderConfig.Oidc, nil
}

func describePodIdentity(ctx context.Context, s *cloud.Session, cluster, name string) (*ekstypes.PodIdentityAssociation, error) {
	namespace, account, _ := strings.Cut(name, "/")
	found, err := s.EKS.ListPodIdentityAssociations(ctx, &eks.ListPodIdentityAssociationsInput{ClusterName: &cluster, Namespace: &namespace, ServiceAccount: &account})
	if err != nil {
		return nil, err
	}
	if len(found.Associations) == 0 {
		return nil, &ekstypes.ResourceNotFoundException{Message: aws.String("no pod identity association of " + name)}
	}
	out, err := s.EKS.DescribePodIdentityAssociation(ctx, &eks.DescribePodIdentityAssociationInput{ClusterName: &cluster, AssociationId: found.Associations[0].AssociationId})
	if err != nil {
		return nil, err
	}
	return out.Association, nil
}

func describeFargateProfile(ctx context.Context, s *cloud.Session, cluster, name string) (*ekstypes.FargateProfile, error) {
	out, err := s.EKS.DescribeFargateProfile(ctx, &eks.DescribeFargateProfileInput{ClusterName: &cluster, FargateProfileName: &name})
	if err != nil {
		return nil, err
	}
	return out.FargateProfile, nil
}

func describeNodegroup(ctx context.Context, s *cloud.Session, cluster, name string) (*ekstypes.Nodegroup, error) {
	out, err := s.EKS.DescribeNodegroup(ctx, &eks.DescribeNodegroupInput{ClusterName: &cluster, NodegroupName: &name})
	if err != nil {
		return nil, err
	}
	return out.Nodegroup, nil
}

func describeOIDCProvider(ctx context.Context, s *cloud.Session, _, arn string) (*OIDCProvider, error) {
	out, err := s.IAM.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn})
	if err != nil {
		return nil, err
	}
	row := &OIDCProvider{ARN: arn, URL: aws.ToString(out.Url), ClientIDs: out.ClientIDList, Tags: map[string]string{}}
	for _, tag := range out.Tags {
		row.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return row, nil
}
