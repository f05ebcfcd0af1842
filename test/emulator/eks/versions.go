package eks

import (
	"slices"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// release is a Kubernetes version with the ends of its support ("Amazon EKS Kubernetes release calendar").
type release struct {
	version            string
	released           *time.Time
	standard, extended *time.Time
}

// releases are all that clusters may have, the newest first; the second is what a cluster gets that names none.
var releases = []release{
	{"1.36", day(2026, time.June, 10), day(2027, time.August, 10), day(2028, time.August, 10)},
	{"1.35", day(2026, time.January, 27), day(2027, time.March, 27), day(2028, time.March, 27)},
	{"1.34", day(2025, time.October, 2), day(2026, time.December, 2), day(2027, time.December, 2)},
	{"1.33", day(2025, time.May, 29), day(2026, time.July, 29), day(2027, time.July, 29)},
	{"1.32", day(2025, time.January, 23), day(2026, time.March, 23), day(2027, time.March, 23)},
	{"1.31", day(2024, time.September, 26), day(2025, time.November, 26), day(2026, time.November, 26)},
}

const defaultRelease = 1

func offered(version string) bool {
	return slices.ContainsFunc(releases, func(x release) bool { return x.version == version })
}

// wantedVersion is the version that a new cluster gets.
func wantedVersion(asked string) (string, error) {
	if asked == "" {
		return releases[defaultRelease].version, nil
	}
	if !offered(asked) {
		return "", invalid("unsupported Kubernetes version")
	}
	return asked, nil
}

// minor is the second number of "1.34".
func minor(version string) int {
	_, text, _ := strings.Cut(version, ".")
	n, _ := strconv.Atoi(text) // of versions that are offered
	return n
}

func describeClusterVersions(r *core.Request, in *sdk.DescribeClusterVersionsInput) (*sdk.DescribeClusterVersionsOutput, error) {
	var all []types.ClusterVersionInformation
	for i, x := range releases {
		info := x.show(r, i == defaultRelease)
		switch {
		case len(in.ClusterVersions) > 0 && !slices.Contains(in.ClusterVersions, x.version),
			core.Val(in.DefaultOnly) && !info.DefaultVersion,
			in.VersionStatus != "" && info.VersionStatus != in.VersionStatus,
			!core.Val(in.IncludeAll) && info.VersionStatus == types.VersionStatusUnsupported && len(in.ClusterVersions) == 0:
			continue
		}
		all = append(all, info)
	}
	items, next, err := core.PaginateList(r, all, core.Val(in.NextToken), int(core.Val(in.MaxResults)), mostResults)
	return &sdk.DescribeClusterVersionsOutput{ClusterVersions: items, NextToken: core.Next(next)}, err
}

func (x release) show(r *core.Request, byDefault bool) types.ClusterVersionInformation {
	out := types.ClusterVersionInformation{ClusterVersion: core.Ptr(x.version), ClusterType: core.Ptr("eks"), DefaultVersion: byDefault, DefaultPlatformVersion: core.Ptr("eks.1"),
		ReleaseDate: x.released, EndOfStandardSupportDate: x.standard, EndOfExtendedSupportDate: x.extended, KubernetesPatchVersion: core.Ptr(x.version + ".0"),
		VersionStatus: types.VersionStatusStandardSupport, Status: types.ClusterVersionStatusStandardSupport}
	switch now := r.Now(); {
	case now.After(*x.extended):
		out.VersionStatus, out.Status = types.VersionStatusUnsupported, types.ClusterVersionStatusUnsupported
	case now.After(*x.standard):
		out.VersionStatus, out.Status = types.VersionStatusExtendedSupport, types.ClusterVersionStatusExtendedSupport
	}
	return out
}
