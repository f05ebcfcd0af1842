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

// tagged looks up what an ARN names.
func tagged(r *core.Request, arn *string) (*cluster, error) {
	for _, c := range of(r.Region).clusters.All() {
		if *c.Arn == core.Val(arn) {
			r.Touch(*c.Name, *c.Arn)
			return c, nil
		}
	}
	return nil, refuse("NotFoundException", 404, "Resource not found: %s", core.Val(arn))
}

func tagResource(r *core.Request, in *sdk.TagResourceInput) (*sdk.TagResourceOutput, error) {
	c, err := tagged(r, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	tags := maps.Clone(c.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	maps.Copy(tags, in.Tags)
	if err := tagsProblem(tags); err != nil {
		return nil, err
	}
	c.Tags = tags
	return nil, nil
}

func untagResource(r *core.Request, in *sdk.UntagResourceInput) (*sdk.UntagResourceOutput, error) {
	c, err := tagged(r, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	for _, key := range in.TagKeys {
		delete(c.Tags, key)
	}
	return nil, nil
}

func listTagsForResource(r *core.Request, in *sdk.ListTagsForResourceInput) (*sdk.ListTagsForResourceOutput, error) {
	c, err := tagged(r, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return &sdk.ListTagsForResourceOutput{Tags: maps.Clone(c.Tags)}, nil
}
