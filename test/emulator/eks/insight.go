package eks

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// What EKS looks at ("Prepare for Kubernetes version upgrades with cluster insights").
const (
	deprecatedAPIs = "Deprecated APIs removed in Kubernetes v"
	addonVersions  = "EKS add-on version compatibility"
	kubeletSkew    = "Kubelet version skew"
	clusterHealth  = "Cluster health issues"
)

// insights are what EKS says before an update to the next version.
func (c *cluster) insights(now time.Time) []types.Insight {
	next := fmt.Sprintf("1.%d", minor(*c.Version)+1)
	out := []types.Insight{
		c.insight(deprecatedAPIs+next, next, "Checks for usage of deprecated APIs that are scheduled for removal in Kubernetes v"+next+"."),
		c.insight(addonVersions, next, "Checks version of installed EKS add-ons to ensure they are compatible with the next version of Kubernetes."),
		c.insight(kubeletSkew, next, "Checks for kubelet versions of worker nodes in the cluster to see if upgrade would cause noncompliance with supported Kubernetes kubelet version skew policy."),
		c.insight(clusterHealth, next, "Checks for any cluster health issues that prevent successful upgrade to the next Kubernetes version on EKS."),
	}
	for i := range out {
		c.judge(&out[i], next, now)
	}
	return out
}

func (c *cluster) insight(name, version, description string) types.Insight {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(*c.Arn + name)) // a hash takes every write
	seen := c.refreshed
	if seen.IsZero() {
		seen = *c.CreatedAt
	}
	return types.Insight{Id: core.Ptr(fmt.Sprintf("%08x-0000-4000-8000-%012x", uint32(sum.Sum64()>>32), sum.Sum64()&0xffffffffffff)), Name: &name, Category: types.CategoryUpgradeReadiness, KubernetesVersion: &version,
		Description: &description, LastRefreshTime: &seen, LastTransitionTime: c.CreatedAt, Resources: []types.InsightResourceDetail{}, AdditionalInfo: map[string]string{},
		InsightStatus: &types.InsightStatus{Status: types.InsightStatusValuePassing, Reason: core.Ptr("No problems were found.")}, CategorySpecificSummary: &types.InsightCategorySpecificSummary{}}
}

// judge finds what is wrong: what a test says of the APIs that clients use, and what EKS sees itself.
func (c *cluster) judge(x *types.Insight, next string, now time.Time) {
	status := types.InsightStatusValuePassing
	switch name := *x.Name; {
	case strings.HasPrefix(name, deprecatedAPIs):
		status = c.usage
		if status != types.InsightStatusValuePassing {
			x.Recommendation = core.Ptr("Update manifests and API clients to use newer Kubernetes APIs if applicable before upgrading to Kubernetes v" + next + ".")
			x.CategorySpecificSummary.DeprecationDetails = []types.DeprecationDetail{{Usage: core.Ptr("/apis/flowcontrol.apiserver.k8s.io/v1beta3/flowschemas"), ReplacedWith: core.Ptr("/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas"),
				StopServingVersion: &next, StartServingReplacementVersion: core.Ptr("1.29"), ClientStats: []types.ClientStat{{UserAgent: core.Ptr("old-operator/v1.2"), NumberOfRequestsLast30Days: 4321, LastRequestTime: &now}}}}
		}
	case name == addonVersions:
		for _, a := range c.addons.All() {
			if fitting := a.product.versions(minor(next)); !slices.Contains(fitting, *a.AddonVersion) {
				status = types.InsightStatusValueWarning
				x.CategorySpecificSummary.AddonCompatibilityDetails = append(x.CategorySpecificSummary.AddonCompatibilityDetails, types.AddonCompatibilityDetail{Name: a.AddonName, CompatibleVersions: fitting})
			}
		}
	case name == kubeletSkew:
		if len(c.behind(next)) > 0 {
			status = types.InsightStatusValueError
		}
	case name == clusterHealth:
		for _, issue := range c.Health.Issues {
			status = types.InsightStatusValueError
			x.Resources = append(x.Resources, types.InsightResourceDetail{Arn: c.Arn, InsightStatus: &types.InsightStatus{Status: status, Reason: issue.Message}})
		}
	}
	if status != types.InsightStatusValuePassing {
		x.InsightStatus = &types.InsightStatus{Status: status, Reason: core.Ptr("Problems were found that concern an upgrade to Kubernetes v" + next + ".")}
	}
}

// blocking are the names of insights that stand in the way of a version.
func (c *cluster) blocking(wanted string, now time.Time) []string {
	var out []string
	for _, x := range c.insights(now) {
		if x.InsightStatus.Status == types.InsightStatusValueError && *x.KubernetesVersion == wanted {
			out = append(out, *x.Name)
		}
	}
	return out
}

func listInsights(r *core.Request, in *sdk.ListInsightsInput) (*sdk.ListInsightsOutput, error) {
	c, err := find(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	filter := in.Filter
	if filter == nil {
		filter = &types.InsightsFilter{}
	}
	all := []types.InsightSummary{}
	for _, x := range c.insights(r.Now()) {
		if len(filter.Categories) > 0 && !slices.Contains(filter.Categories, x.Category) || len(filter.Statuses) > 0 && !slices.Contains(filter.Statuses, x.InsightStatus.Status) ||
			len(filter.KubernetesVersions) > 0 && !slices.Contains(filter.KubernetesVersions, *x.KubernetesVersion) {
			continue
		}
		all = append(all, types.InsightSummary{Id: x.Id, Name: x.Name, Category: x.Category, Description: x.Description, InsightStatus: x.InsightStatus, KubernetesVersion: x.KubernetesVersion,
			LastRefreshTime: x.LastRefreshTime, LastTransitionTime: x.LastTransitionTime})
	}
	items, next, err := core.PaginateList(r, all, core.Val(in.NextToken), int(core.Val(in.MaxResults)), mostResults)
	return &sdk.ListInsightsOutput{Insights: items, NextToken: core.Next(next)}, err
}

func describeInsight(r *core.Request, in *sdk.DescribeInsightInput) (*sdk.DescribeInsightOutput, error) {
	c, err := find(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	for _, x := range c.insights(r.Now()) {
		if *x.Id == core.Val(in.Id) {
			return &sdk.DescribeInsightOutput{Insight: &x}, nil
		}
	}
	return nil, notFound("No insight found with id: %s", core.Val(in.Id))
}

func startInsightsRefresh(r *core.Request, in *sdk.StartInsightsRefreshInput) (*sdk.StartInsightsRefreshOutput, error) {
	c, err := find(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	if !c.refreshing {
		c.refreshing, c.refreshStarted = true, r.Now()
		r.After(r.Config.AddonDelay, func() { c.refreshing, c.refreshed = false, r.Now() })
	}
	return &sdk.StartInsightsRefreshOutput{Status: types.InsightsRefreshStatusInProgress, Message: core.Ptr("Insights refresh is in progress")}, nil
}

func describeInsightsRefresh(r *core.Request, in *sdk.DescribeInsightsRefreshInput) (*sdk.DescribeInsightsRefreshOutput, error) {
	c, err := find(r, in.ClusterName)
	switch {
	case err != nil:
		return nil, err
	case c.refreshStarted.IsZero():
		return nil, notFound("No insights refresh found for cluster: %s", *c.Name)
	case c.refreshing:
		return &sdk.DescribeInsightsRefreshOutput{Status: types.InsightsRefreshStatusInProgress, StartedAt: &c.refreshStarted, Message: core.Ptr("Insights refresh is in progress")}, nil
	}
	return &sdk.DescribeInsightsRefreshOutput{Status: types.InsightsRefreshStatusCompleted, StartedAt: &c.refreshStarted, EndedAt: &c.refreshed, Message: core.Ptr("Insights refresh completed successfully")}, nil
}
