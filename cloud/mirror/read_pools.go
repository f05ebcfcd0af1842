package mirror

import (
	"cmp"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

const (
	// groupPage is the largest page of DescribeAutoScalingGroups, and how many names
	// it takes.
	groupPage = 100
	// launchTemplatePage is the largest page of DescribeLaunchTemplates and
	// DescribeLaunchTemplateVersions.
	launchTemplatePage = 200
)

// listGroups reads all groups, whatever their tags, as listInstances does.
func listGroups(ctx context.Context, s *cloud.Session, page func([]AutoScalingGroup) error) error {
	return pagedGroups(ctx, s, &autoscaling.DescribeAutoScalingGroupsInput{MaxRecords: aws.Int32(groupPage)}, func(rows []AutoScalingGroup) error {
		for i := range rows {
			rows[i].LookDue = true // where something is going on: see Carry
		}
		return page(rows)
	})
}

// groupsByID asks by name. A name that doesn't exist is no error.
func groupsByID(ctx context.Context, s *cloud.Session, ids []string) ([]AutoScalingGroup, error) {
	var rows []AutoScalingGroup
	for batch := range slices.Chunk(ids, groupPage) {
		in := &autoscaling.DescribeAutoScalingGroupsInput{MaxRecords: aws.Int32(groupPage), AutoScalingGroupNames: batch}
		err := pagedGroups(ctx, s, in, func(page []AutoScalingGroup) error {
			rows = append(rows, page...)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func pagedGroups(ctx context.Context, s *cloud.Session, in *autoscaling.DescribeAutoScalingGroupsInput, page func([]AutoScalingGroup) error) error {
	return paged(page, func(token *string) ([]AutoScalingGroup, *string, error) {
		in.NextToken = token
		out, err := s.AutoScaling.DescribeAutoScalingGroups(ctx, in)
		if err != nil {
			return nil, nil, err
		}
		rows := make([]AutoScalingGroup, len(out.AutoScalingGroups))
		for i, g := range out.AutoScalingGroups {
			rows[i].AutoScalingGroup = g
		}
		return rows, out.NextToken, nil
	})
}

// groupDetails reads the latest instance refresh, why instances are missing, and
// the hooks unless only the others were worth a look.
func groupDetails(ctx context.Context, s *cloud.Session, g *AutoScalingGroup) error {
	if g.Hooks == nil || !g.LookDue {
		out, err := s.AutoScaling.DescribeLifecycleHooks(ctx, &autoscaling.DescribeLifecycleHooksInput{AutoScalingGroupName: g.AutoScalingGroupName})
		if err != nil {
			return err
		}
		g.Hooks = append([]astypes.LifecycleHook{}, out.LifecycleHooks...)
	}
	// They come with the most recent one first.
	out, err := s.AutoScaling.DescribeInstanceRefreshes(ctx,
		&autoscaling.DescribeInstanceRefreshesInput{AutoScalingGroupName: g.AutoScalingGroupName, MaxRecords: aws.Int32(1)})
	if err != nil {
		return err
	}
	g.Refresh, g.LaunchFailure = nil, ""
	if len(out.InstanceRefreshes) > 0 {
		g.Refresh = &out.InstanceRefreshes[0]
	}
	if g.Short() {
		if g.LaunchFailure, err = latestFailure(ctx, s, g.AutoScalingGroupName); err != nil {
			return err
		}
	}
	g.LookDue = false
	return nil
}

// latestFailure returns why the group's latest activity failed, "" where it didn't.
func latestFailure(ctx context.Context, s *cloud.Session, group *string) (string, error) {
	// They come with the most recent one first.
	out, err := s.AutoScaling.DescribeScalingActivities(ctx, &autoscaling.DescribeScalingActivitiesInput{AutoScalingGroupName: group, MaxRecords: aws.Int32(1)})
	if err != nil || len(out.Activities) == 0 {
		return "", err
	}
	if a := out.Activities[0]; a.StatusCode == astypes.ScalingActivityStatusCodeFailed {
		return cmp.Or(aws.ToString(a.StatusMessage), aws.ToString(a.Description)), nil
	}
	return "", nil
}

// listLaunchTemplates reads all templates, and the latest version of each: EC2
// gives those of all templates in one listing.
func listLaunchTemplates(ctx context.Context, s *cloud.Session, page func([]LaunchTemplate) error) error {
	latest := map[string]*ec2types.LaunchTemplateVersion{}
	in := &ec2.DescribeLaunchTemplateVersionsInput{Versions: []string{"$Latest"}, MaxResults: aws.Int32(launchTemplatePage)}
	err := pagedVersions(ctx, s, in, func(versions []ec2types.LaunchTemplateVersion) error {
		for i := range versions {
			latest[aws.ToString(versions[i].LaunchTemplateId)] = &versions[i]
		}
		return nil
	})
	if err != nil {
		return err
	}
	return paged(page, func(token *string) ([]LaunchTemplate, *string, error) {
		out, err := s.EC2.DescribeLaunchTemplates(ctx, &ec2.DescribeLaunchTemplatesInput{MaxResults: aws.Int32(launchTemplatePage), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		rows := make([]LaunchTemplate, len(out.LaunchTemplates))
		for i, t := range out.LaunchTemplates {
			rows[i] = LaunchTemplate{LaunchTemplate: t, Latest: latest[aws.ToString(t.LaunchTemplateId)]}
		}
		return rows, out.NextToken, nil
	})
}

func pagedVersions(ctx context.Context, s *cloud.Session, in *ec2.DescribeLaunchTemplateVersionsInput, page func([]ec2types.LaunchTemplateVersion) error) error {
	return paged(page, func(token *string) ([]ec2types.LaunchTemplateVersion, *string, error) {
		in.NextToken = token
		out, err := s.EC2.DescribeLaunchTemplateVersions(ctx, in)
		if err != nil {
			return nil, nil, err
		}
		return out.LaunchTemplateVersions, out.NextToken, nil
	})
}

// launchTemplateVersions reads all versions of one template.
func launchTemplateVersions(ctx context.Context, s *cloud.Session, t *LaunchTemplate) error {
	var all []ec2types.LaunchTemplateVersion
	in := &ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: t.LaunchTemplateId, MaxResults: aws.Int32(launchTemplatePage)}
	err := pagedVersions(ctx, s, in, func(versions []ec2types.LaunchTemplateVersion) error {
		all = append(all, versions...)
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b ec2types.LaunchTemplateVersion) int {
		return cmp.Compare(aws.ToInt64(b.VersionNumber), aws.ToInt64(a.VersionNumber))
	})
	t.Versions = make([]ec2types.LaunchTemplateVersion, len(all))
	for i, v := range all {
		t.Versions[i] = WithoutUserData(v)
	}
	return nil
}

// WithoutUserData returns a version as Versions keep it: user data is long, and
// only that of the latest version is ever looked at.
func WithoutUserData(v ec2types.LaunchTemplateVersion) ec2types.LaunchTemplateVersion {
	if v.LaunchTemplateData != nil {
		data := *v.LaunchTemplateData
		data.UserData, v.LaunchTemplateData = nil, &data
	}
	return v
}
