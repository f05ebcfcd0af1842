package eks

import (
	"maps"

	sdk "github.com/aws/aws-sdk-go-v2/service/eks"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

func tagsProblem(tags map[string]string) error {
	if len(tags) > core.MostTags {
		return invalid("At most %d tags can be given", core.MostTags)
	}
	for key, value := range tags {
		if problem := core.TagProblem(key, value); problem != "" {
			return invalid("Invalid tag %s: %s", key, problem)
		}
	}
	return nil
}

// tagged looks up the tags of what an ARN names.
func tagged(r *core.Request, arn *string) (*map[string]string, error) {
	for _, c := range of(r.Region).clusters.All() {
		if tags := c.tagsOf(core.Val(arn)); tags != nil {
			r.Touch(*c.Name, *arn)
			return tags, nil
		}
	}
	return nil, refuse("NotFoundException", 404, "Resource not found: %s", core.Val(arn))
}

// tagsOf is where the tags of the cluster, or of what belongs to it, are kept.
func (c *cluster) tagsOf(arn string) *map[string]string {
	if *c.Arn == arn {
		return &c.Tags
	}
	for _, x := range c.entries.All() {
		if *x.AccessEntryArn == arn {
			return &x.Tags
		}
	}
	for _, x := range c.addons.All() {
		if *x.AddonArn == arn {
			return &x.Tags
		}
	}
	for _, x := range c.profiles.All() {
		if *x.FargateProfileArn == arn {
			return &x.Tags
		}
	}
	for _, x := range c.associations.All() {
		if *x.AssociationArn == arn {
			return &x.Tags
		}
	}
	for _, x := range c.nodegroups.All() {
		if *x.NodegroupArn == arn {
			return &x.Tags
		}
	}
	if c.provider != nil && *c.provider.IdentityProviderConfigArn == arn {
		return &c.provider.Tags
	}
	return nil
}

func tagResource(r *core.Request, in *sdk.TagResourceInput) (*sdk.TagResourceOutput, error) {
	at, err := tagged(r, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	tags := maps.Clone(*at)
	if tags == nil {
		tags = map[string]string{}
	}
	maps.Copy(tags, in.Tags)
	if err := tagsProblem(tags); err != nil {
		return nil, err
	}
	*at = tags
	return nil, nil
}

func untagResource(r *core.Request, in *sdk.UntagResourceInput) (*sdk.UntagResourceOutput, error) {
	at, err := tagged(r, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	tags := maps.Clone(*at)
	for _, key := range in.TagKeys {
		delete(tags, key)
	}
	*at = tags
	return nil, nil
}

func listTagsForResource(r *core.Request, in *sdk.ListTagsForResourceInput) (*sdk.ListTagsForResourceOutput, error) {
	at, err := tagged(r, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return &sdk.ListTagsForResourceOutput{Tags: maps.Clone(*at)}, nil
}
