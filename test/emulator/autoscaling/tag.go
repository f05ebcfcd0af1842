package autoscaling

import (
	"slices"
	"strings"
	"unicode/utf8"

	sdk "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

const resourceType = "auto-scaling-group"

// setTag adds or replaces a tag of the group.
func (g *group) setTag(tag types.Tag) {
	g.dropTag(core.Val(tag.Key))
	g.tags = append(g.tags, types.TagDescription{Key: tag.Key, Value: core.Ptr(core.Val(tag.Value)), PropagateAtLaunch: core.Ptr(core.Val(tag.PropagateAtLaunch)),
		ResourceId: g.AutoScalingGroupName, ResourceType: core.Ptr(resourceType)})
}

func (g *group) dropTag(key string) {
	g.tags = slices.DeleteFunc(slices.Clone(g.tags), func(t types.TagDescription) bool { return *t.Key == key })
}

// checkTags holds tags to Auto Scaling's rules, which allow any character.
func checkTags(tags []types.Tag) error {
	for _, tag := range tags {
		key, value := core.Val(tag.Key), core.Val(tag.Value)
		switch {
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return refuse("ValidationError", "Tag keys can't begin with aws:, as %s does", key)
		case key == "" || utf8.RuneCountInString(key) > 128 || utf8.RuneCountInString(value) > 256:
			return refuse("ValidationError", "Tag keys have 1 to 128 characters and values at most 256; %s doesn't fit", key)
		}
	}
	if len(tags) > core.MostTags {
		return refuse("LimitExceeded", "A group has at most %d tags", core.MostTags)
	}
	return nil
}

func createOrUpdateTags(r *core.Request, in *sdk.CreateOrUpdateTagsInput) (*sdk.CreateOrUpdateTagsOutput, error) {
	for _, tag := range in.Tags {
		if _, err := find(r, tag.ResourceId); err != nil {
			return nil, err
		}
		if core.Val(tag.ResourceType) != resourceType {
			return nil, refuse("ValidationError", "A tag needs the resource type %s", resourceType)
		}
		if err := checkTags([]types.Tag{tag}); err != nil {
			return nil, err
		}
	}
	for _, tag := range in.Tags {
		g := of(r.Region).groups.Get(*tag.ResourceId)
		known := slices.ContainsFunc(g.tags, func(t types.TagDescription) bool { return *t.Key == *tag.Key })
		if !known && len(g.tags) >= core.MostTags {
			return nil, refuse("LimitExceeded", "A group has at most %d tags", core.MostTags)
		}
	}
	for _, tag := range in.Tags {
		of(r.Region).groups.Get(*tag.ResourceId).setTag(tag)
	}
	return nil, nil
}

func deleteTags(r *core.Request, in *sdk.DeleteTagsInput) (*sdk.DeleteTagsOutput, error) {
	for _, tag := range in.Tags {
		g, err := find(r, tag.ResourceId)
		if err != nil {
			return nil, err
		}
		g.dropTag(core.Val(tag.Key))
	}
	return nil, nil
}

func describeTags(r *core.Request, in *sdk.DescribeTagsInput) (*sdk.DescribeTagsOutput, error) {
	found := []types.TagDescription{}
	for _, row := range of(r.Region).groups.Rows() {
		for _, tag := range row.Value.tags {
			if !r.Hidden(row.Created) && tagFits(tag, in.Filters) {
				found = append(found, tag)
			}
		}
	}
	page, token, err := core.PaginateList(r, found, core.Val(in.NextToken), pageSize(in.MaxRecords, usualGroups), mostGroups)
	if err != nil {
		return nil, refuse("InvalidNextToken", "The token '%s' is invalid", core.Val(in.NextToken))
	}
	return &sdk.DescribeTagsOutput{Tags: page, NextToken: core.Next(token)}, nil
}

func tagFits(tag types.TagDescription, filters []types.Filter) bool {
	for _, filter := range filters {
		have := map[string]string{"auto-scaling-group": *tag.ResourceId, "key": *tag.Key, "value": *tag.Value}[core.Val(filter.Name)]
		if !slices.Contains(filter.Values, have) {
			return false
		}
	}
	return true
}
