// Package eks emulates Elastic Kubernetes Service: control planes, what changes them, and the versions there are. Nothing runs behind an
// endpoint of its own.
package eks

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks/schemas"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// Service returns EKS as the emulator's frame takes it.
func Service() *core.Service {
	return &core.Service{
		Name:        "eks",
		SigningName: "eks",
		Protocol: core.NewRESTJSON(
			schemas.CreateCluster, schemas.DescribeCluster, schemas.ListClusters, schemas.DeleteCluster,
			schemas.UpdateClusterConfig, schemas.UpdateClusterVersion, schemas.DescribeUpdate, schemas.ListUpdates,
			schemas.CreateAccessEntry, schemas.DescribeAccessEntry, schemas.ListAccessEntries, schemas.UpdateAccessEntry, schemas.DeleteAccessEntry,
			schemas.AssociateAccessPolicy, schemas.DisassociateAccessPolicy, schemas.ListAssociatedAccessPolicies, schemas.ListAccessPolicies,
			schemas.CreateAddon, schemas.DescribeAddon, schemas.ListAddons, schemas.UpdateAddon, schemas.DeleteAddon,
			schemas.DescribeAddonVersions, schemas.DescribeAddonConfiguration, schemas.CreateFargateProfile, schemas.DescribeFargateProfile, schemas.ListFargateProfiles,
			schemas.DeleteFargateProfile, schemas.AssociateIdentityProviderConfig, schemas.DescribeIdentityProviderConfig, schemas.ListIdentityProviderConfigs, schemas.DisassociateIdentityProviderConfig,
			schemas.CreatePodIdentityAssociation, schemas.DescribePodIdentityAssociation, schemas.ListPodIdentityAssociations, schemas.UpdatePodIdentityAssociation, schemas.DeletePodIdentityAssociation,
			schemas.ListInsights, schemas.DescribeInsight, schemas.StartInsightsRefresh, schemas.DescribeInsightsRefresh, schemas.AssociateEncryptionConfig,
			schemas.CancelUpdate,
			schemas.CreateNodegroup, schemas.DescribeNodegroup, schemas.ListNodegroups, schemas.DeleteNodegroup,
			schemas.UpdateNodegroupConfig, schemas.UpdateNodegroupVersion,
			schemas.DescribeClusterVersions, schemas.TagResource, schemas.UntagResource, schemas.ListTagsForResource,
		),
		Operations: []core.Operation{
			core.Op(createCluster), core.Op(describeCluster), core.Op(listClusters), core.Op(deleteCluster),
			core.Op(updateClusterConfig), core.Op(updateClusterVersion), core.Op(describeUpdate), core.Op(listUpdates),
			core.Op(createAccessEntry), core.Op(describeAccessEntry), core.Op(listAccessEntries), core.Op(updateAccessEntry), core.Op(deleteAccessEntry),
			core.Op(associateAccessPolicy), core.Op(disassociateAccessPolicy), core.Op(listAssociatedAccessPolicies), core.Op(listAccessPolicies),
			core.Op(createAddon), core.Op(describeAddon), core.Op(listAddons), core.Op(updateAddon), core.Op(deleteAddon),
			core.Op(describeAddonVersions), core.Op(describeAddonConfiguration), core.Op(createFargateProfile), core.Op(describeFargateProfile), core.Op(listFargateProfiles),
			core.Op(deleteFargateProfile), core.Op(associateIdentityProviderConfig), core.Op(describeIdentityProviderConfig), core.Op(listIdentityProviderConfigs), core.Op(disassociateIdentityProviderConfig),
			core.Op(createPodIdentityAssociation), core.Op(describePodIdentityAssociation), core.Op(listPodIdentityAssociations), core.Op(updatePodIdentityAssociation), core.Op(deletePodIdentityAssociation),
			core.Op(listInsights), core.Op(describeInsight), core.Op(startInsightsRefresh), core.Op(describeInsightsRefresh), core.Op(associateEncryptionConfig),
			core.Op(cancelUpdate),
			core.Op(createNodegroup), core.Op(describeNodegroup), core.Op(listNodegroups), core.Op(deleteNodegroup),
			core.Op(updateNodegroupConfig), core.Op(updateNodegroupVersion),
			core.Op(describeClusterVersions), core.Op(tagResource), core.Op(untagResource), core.Op(listTagsForResource),
		},
		Inventory: inventory,
		Questions: map[string]func(*core.Region, url.Values) (any, error){
			"access":         func(r *core.Region, about url.Values) (any, error) { return AccessTo(r, about.Get("cluster")) },
			"control-planes": controlPlanes,
		},
		Actions: actions,
	}
}

type state struct{ clusters core.Table[cluster] }

func of(r *core.Region) *state { return core.Of[state](r) }

// Limits of the API reference and of "View and manage Amazon EKS and Fargate service quotas".
const (
	mostClusters = 100
	mostResults  = 100
	mostCIDRs    = 40
	mostGroups   = 4
	fewestZones  = 2
)

// nameForm is the form that the API reference gives for names of clusters and what belongs to them.
var nameForm = regexp.MustCompile(`^[0-9A-Za-z][A-Za-z0-9_-]{0,99}$`)

// The errors of the API reference, in EKS's words.

func refuse(code string, status int, format string, args ...any) error {
	return &core.Error{Code: code, Status: status, Message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error {
	return refuse("InvalidParameterException", 400, format, args...)
}

func inUse(clusterName, format string, args ...any) error {
	return &core.Error{Code: "ResourceInUseException", Status: 409, Message: fmt.Sprintf(format, args...), Members: map[string]any{"clusterName": clusterName}}
}

func notFound(format string, args ...any) error {
	return refuse("ResourceNotFoundException", 404, format, args...)
}

// find looks up a cluster that this request may see.
func find(r *core.Request, id *string) (*cluster, error) {
	row := of(r.Region).clusters.Row(core.Val(id))
	if row == nil || r.Hidden(row.Created) {
		return nil, notFound("No cluster found for name: %s.", core.Val(id))
	}
	r.Touch(row.ID, *row.Value.Arn)
	return row.Value, nil
}

// names lists the page of what the request may see, by name.
func names[T any](r *core.Request, rows []*core.Row[T], token *string, most *int32, name func(*T) string) (out []string, next *string, err error) {
	rows = slices.DeleteFunc(rows, func(row *core.Row[T]) bool { return r.Hidden(row.Created) })
	page, err := core.Paginate(r, rows, core.Val(token), int(core.Val(most)), mostResults)
	out = []string{}
	for _, x := range page.Items {
		out = append(out, name(x))
	}
	return out, core.Next(page.Next), err
}

func lastPart(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }

func uuid(r *core.Region) string {
	return fmt.Sprintf("%s-%s-%s-%s-%s", r.Hex(8), r.Hex(4), r.Hex(4), r.Hex(4), r.Hex(12))
}

func itoa(n int) string { return fmt.Sprint(n) }

func inventory(r *core.Region) []core.Resource {
	var out []core.Resource
	for _, c := range of(r).clusters.All() {
		add := func(kind, id, status string, tags map[string]string, content any) {
			out = append(out, core.Resource{Service: "eks", Type: kind, ID: id, State: status, Tags: tags, Content: content})
		}
		add("cluster", *c.Name, string(c.Status), c.Tags, &c.Cluster)
		for _, x := range c.addons.All() {
			add("addon", *c.Name+"/"+*x.AddonName, string(x.Status), x.Tags, &x.Addon)
		}
		for _, x := range c.entries.All() {
			add("access-entry", *c.Name+"/"+*x.PrincipalArn, "", x.Tags, x)
		}
		for _, x := range c.profiles.All() {
			add("fargate-profile", *c.Name+"/"+*x.FargateProfileName, string(x.Status), x.Tags, &x.FargateProfile)
		}
		for _, x := range c.associations.All() {
			add("pod-identity-association", *c.Name+"/"+*x.AssociationId, "", x.Tags, x)
		}
		for _, x := range c.nodegroups.All() {
			add("nodegroup", *c.Name+"/"+*x.NodegroupName, string(x.Status), x.Tags, &x.Nodegroup)
		}
		if c.provider != nil {
			add("identity-provider-config", *c.Name+"/"+*c.provider.IdentityProviderConfigName, string(c.provider.Status), c.provider.Tags, c.provider)
		}
	}
	return out
}

// day is a date of a calendar.
func day(year int, month time.Month, date int) *time.Time {
	return core.Ptr(time.Date(year, month, date, 0, 0, 0, 0, time.UTC))
}
