package elbv2

import (
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// mostTagged is how many resources one tag operation takes.
const mostTagged = 20

// checkOwners says whether all ARNs exist.
func checkOwners(r *core.Request, arns []string) error {
	if len(arns) == 0 || len(arns) > mostTagged {
		return refuse("ValidationError", "1 to %d resource ARNs must be specified, not %d", mostTagged, len(arns))
	}
	for _, arn := range arns {
		var err error
		switch {
		case strings.Contains(arn, ":targetgroup/"):
			_, err = findGroup(r, &arn)
		case strings.Contains(arn, ":listener/"):
			_, err = findListener(r, &arn)
		case strings.Contains(arn, ":loadbalancer/"):
			_, err = find(r, &arn)
		default:
			err = refuse("ValidationError", "'%s' is not a valid ELB ARN", arn)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func describeTags(r *core.Request, in *sdk.DescribeTagsInput) (*sdk.DescribeTagsOutput, error) {
	if err := checkOwners(r, in.ResourceArns); err != nil {
		return nil, err
	}
	out := &sdk.DescribeTagsOutput{TagDescriptions: []types.TagDescription{}}
	for _, arn := range in.ResourceArns {
		line := types.TagDescription{ResourceArn: core.Ptr(arn), Tags: []types.Tag{}}
		for _, tag := range of(r.Region).tags.List(arn) {
			line.Tags = append(line.Tags, types.Tag{Key: core.Ptr(tag.Key), Value: core.Ptr(tag.Value)})
		}
		out.TagDescriptions = append(out.TagDescriptions, line)
	}
	return out, nil
}

func addTags(r *core.Request, in *sdk.AddTagsInput) (*sdk.AddTagsOutput, error) {
	if err := checkOwners(r, in.ResourceArns); err != nil {
		return nil, err
	}
	return nil, of(r.Region).tags.Add(plainTags(in.Tags), in.ResourceArns...)
}

func removeTags(r *core.Request, in *sdk.RemoveTagsInput) (*sdk.RemoveTagsOutput, error) {
	if err := checkOwners(r, in.ResourceArns); err != nil {
		return nil, err
	}
	for _, arn := range in.ResourceArns {
		of(r.Region).tags.Remove(arn, in.TagKeys...)
	}
	return nil, nil
}
