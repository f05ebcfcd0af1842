package facts

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"k8s.io/utils/clock"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

const (
	// versionsAge, addonsAge: EKS adds versions every few weeks. The schema of one stays.
	versionsAge = 6 * time.Hour
	addonsAge   = time.Hour
	// roleAge: people change roles a few times a day.
	roleAge = 5 * time.Minute
	// insightsAge: EKS looks at a cluster once a day, and whoever has put right what it saw
	// asks again.
	insightsAge = time.Minute
)

// KubernetesVersion is a version that EKS offers.
type KubernetesVersion struct {
	// Name is the version, such as 1.34.
	Name string
	// Extended tells that its standard support has ended.
	Extended                     bool
	EndOfStandard, EndOfExtended time.Time
}

// eksFacts are the answers about EKS and its roles.
type eksFacts struct {
	versions *cloud.Memo[[]KubernetesVersion]
	schemas  *cloud.Memo[string]
	roles    *cloud.Memo[string]
	insights *cloud.Memo[[]string]
}

func newEKSFacts(c clock.PassiveClock, times func(time.Duration) cloud.MemoTimes) eksFacts {
	return eksFacts{
		versions: cloud.NewMemo[[]KubernetesVersion](c, times(versionsAge)), schemas: cloud.NewMemo[string](c, times(versionsAge)),
		roles: cloud.NewMemo[string](c, times(roleAge)), insights: cloud.NewMemo[[]string](c, times(insightsAge)),
	}
}

// KubernetesVersions returns the versions that EKS offers, the newest first.
func (f *Facts) KubernetesVersions(ctx context.Context, s *cloud.Session) ([]KubernetesVersion, error) {
	return f.eks.versions.Get(f.allowance.of(ctx, s), s.Asker(), "", func(ctx context.Context) ([]KubernetesVersion, error) {
		var all []KubernetesVersion
		for pages := eks.NewDescribeClusterVersionsPaginator(s.EKS, &eks.DescribeClusterVersionsInput{}); pages.HasMorePages(); {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			for _, v := range page.ClusterVersions {
				if v.VersionStatus != ekstypes.VersionStatusUnsupported {
					all = append(all, KubernetesVersion{Name: aws.ToString(v.ClusterVersion), Extended: v.VersionStatus == ekstypes.VersionStatusExtendedSupport,
						EndOfStandard: aws.ToTime(v.EndOfStandardSupportDate), EndOfExtended: aws.ToTime(v.EndOfExtendedSupportDate)})
				}
			}
		}
		return all, nil
	})
}

// AddonVersions returns the versions of an add-on that EKS has for a version of Kubernetes,
// none where there is no such add-on. The mirror keeps them.
func (f *Facts) AddonVersions(ctx context.Context, s *cloud.Session, name, kubernetes string) (*mirror.EKSAddonVersions, error) {
	table, id := mirror.EKSAddonVersionsOf, mirror.NameIn(kubernetes, name)
	i := mirror.Interest{Kind: table.Kind, Parent: kubernetes, IDs: []string{name}}
	if !f.Snapshot(s).SeenOf(i) {
		if err := f.allowance.take(ctx, s); err != nil {
			return nil, err
		}
	}
	f.mirror.WantFor("facts/"+s.Scope.String()+"/"+s.Identity+"/"+id, s, addonsAge, i)
	if err := f.mirror.RefreshOf(ctx, s.Scope, addonsAge, i); err != nil {
		return nil, err
	}
	if row, ok := mirror.Get(f.Snapshot(s), table, id); ok {
		return row, nil
	}
	return &mirror.EKSAddonVersions{Kubernetes: kubernetes, Name: name}, nil
}

// AddonSchema returns the JSON schema of what a version of an add-on can be configured with,
// "" where EKS has none.
func (f *Facts) AddonSchema(ctx context.Context, s *cloud.Session, name, version string) (string, error) {
	return f.eks.schemas.Get(f.allowance.of(ctx, s), s.Asker(), name+" "+version, func(ctx context.Context) (string, error) {
		out, err := s.EKS.DescribeAddonConfiguration(ctx, &eks.DescribeAddonConfigurationInput{AddonName: &name, AddonVersion: &version})
		if cloud.IsNotFound(err) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		return aws.ToString(out.ConfigurationSchema), nil
	})
}

// RoleTrust returns the trust policy of a role as IAM shows it, and whether there is the role.
func (f *Facts) RoleTrust(ctx context.Context, s *cloud.Session, name string) (policy string, found bool, err error) {
	ctx = f.allowance.of(ctx, s)
	// IAM is the same in all regions.
	asker := cloud.Asker{Scope: s.Scope.Global(), Identity: s.Identity}
	ask := func(ctx context.Context) (string, error) {
		out, err := s.IAM.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
		if cloud.IsNotFound(err) || cloud.Is(err, cloud.InvalidParameter) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		return aws.ToString(out.Role.AssumeRolePolicyDocument), nil
	}
	policy, err = f.eks.roles.Get(ctx, asker, name, ask)
	if err == nil && policy == "" {
		policy, err = f.eks.roles.GetYounger(ctx, asker, name, missingAge, ask)
	}
	return policy, policy != "", err
}

// UpgradeErrors returns what EKS has seen in a cluster that a version of Kubernetes would
// break, a sentence each.
func (f *Facts) UpgradeErrors(ctx context.Context, s *cloud.Session, cluster, kubernetes string) ([]string, error) {
	return f.eks.insights.Get(f.allowance.of(ctx, s), s.Asker(), cluster+" "+kubernetes, func(ctx context.Context) ([]string, error) {
		in := &eks.ListInsightsInput{ClusterName: &cluster, Filter: &ekstypes.InsightsFilter{
			Categories: []ekstypes.Category{ekstypes.CategoryUpgradeReadiness}, Statuses: []ekstypes.InsightStatusValue{ekstypes.InsightStatusValueError}}}
		var all []string
		for pages := eks.NewListInsightsPaginator(s.EKS, in); pages.HasMorePages(); {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			for _, insight := range page.Insights {
				if !reaches(aws.ToString(insight.KubernetesVersion), kubernetes) {
					continue
				}
				sentence, err := describeInsight(ctx, s, cluster, &insight)
				if err != nil {
					return nil, err
				}
				all = append(all, sentence)
			}
		}
		slices.Sort(all)
		return all, nil
	})
}

// reaches tells whether an upgrade to a version passes the one that an insight is about: it
// goes through every minor.
func reaches(about, to string) bool {
	var a, b, c, d int
	if _, err := fmt.Sscanf(about, "%d.%d", &a, &b); err != nil {
		return true
	}
	if _, err := fmt.Sscanf(to, "%d.%d", &c, &d); err != nil {
		return true
	}
	return a < c || a == c && b <= d
}

func describeInsight(ctx context.Context, s *cloud.Session, cluster string, summary *ekstypes.InsightSummary) (string, error) {
	out, err := s.EKS.DescribeInsight(ctx, &eks.DescribeInsightInput{ClusterName: &cluster, Id: summary.Id})
	if err != nil {
		return "", err
	}
	insight := out.Insight
	text := aws.ToString(insight.Name)
	if status := insight.InsightStatus; status != nil && aws.ToString(status.Reason) != "" {
		text += " (" + aws.ToString(status.Reason) + ")"
	}
	if details := insight.CategorySpecificSummary; details != nil {
		for _, d := range details.DeprecationDetails {
			text += fmt.Sprintf(": %s is gone in %s", aws.ToString(d.Usage), aws.ToString(d.StopServingVersion))
			if with := aws.ToString(d.ReplacedWith); with != "" {
				text += ", use " + with
			}
			var clients []string
			for _, c := range d.ClientStats {
				clients = append(clients, aws.ToString(c.UserAgent))
			}
			if len(clients) > 0 {
				text += ", which " + strings.Join(clients, ", ") + " still asks for"
			}
		}
	}
	if cure := aws.ToString(insight.Recommendation); cure != "" {
		text += ": " + cure
	}
	return text, nil
}
