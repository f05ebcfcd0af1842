package bucket

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// Look reads what a bucket is, in three calls, or one where there is none. S3 shows
// at once what was written, so one look is enough until somebody else changes it:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel
// The rights that existing installations give only tell whether there is a bucket.
func Look(ctx context.Context, s *cloud.Session, name string) (*State, error) {
	state := &State{Exists: true, Tags: map[string]string{}}
	tags, err := s.S3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: aws.String(name)})
	switch {
	case hasCode(err, "NoSuchBucket"):
		return &State{}, nil
	case err == nil:
		for _, t := range tags.TagSet {
			state.Tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
		}
	case !hasCode(err, "NoSuchTagSet"):
		if _, head := s.S3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String(name)}); hasCode(head, "NotFound") {
			return &State{}, nil
		}
		return blind(err)
	}
	policy, err := s.S3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: aws.String(name)})
	switch {
	case err == nil:
		state.Policy = aws.ToString(policy.Policy)
	case !hasCode(err, "NoSuchBucketPolicy"):
		return blind(err)
	}
	rules, err := s.S3.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: aws.String(name)})
	switch {
	case err == nil:
		state.Expires = expires(rules.Rules)
	case !hasCode(err, "NoSuchLifecycleConfiguration"):
		return blind(err)
	}
	return state, nil
}

func blind(err error) (*State, error) {
	if cloud.Classify(err).Class == cloud.Unauthorized {
		return &State{Blind: true}, nil
	}
	return nil, err
}

func hasCode(err error, code string) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == code
}
