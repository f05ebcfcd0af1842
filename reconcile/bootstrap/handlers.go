package bootstrap

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Handlers carry out what stores and removes bootstrap data. Nothing of it is
// mirrored: what was stored is recorded in the object that it is for.
func Handlers() []plan.Handler {
	return []plan.Handler{
		plan.Custom("CreateSecret", createSecret, nil),
		plan.Call("DeleteSecret", (*secretsmanager.Client).DeleteSecret, nil),
		plan.Custom("CreateParameter", putParameter, nil),
		plan.Call("DeleteParameter", (*ssm.Client).DeleteParameter, nil),
		plan.Custom("CreateObject", func(ctx context.Context, s *cloud.Session, in *s3.PutObjectInput) (*s3.PutObjectOutput, error) {
			copied := *in // its body can be read only once
			copied.Body = Body(in)
			return s.S3.PutObject(ctx, &copied)
		}, nil),
		plan.Call("DeleteObject", (*s3.Client).DeleteObject, nil),
	}
}

// createSecret makes a secret, or gives the one of the name its content that an earlier
// attempt left. One with other tags is somebody else's.
func createSecret(ctx context.Context, s *cloud.Session, in *secretsmanager.CreateSecretInput) (*secretsmanager.CreateSecretOutput, error) {
	out, err := s.SecretsManager.CreateSecret(ctx, in)
	if !cloud.IsAlreadyExists(err) {
		return out, err
	}
	have, lookErr := Tags(ctx, s, infrav1.SecretBackendSecretsManager, aws.ToString(in.Name))
	if lookErr != nil {
		return nil, lookErr
	}
	for _, t := range in.Tags {
		if !proves(aws.ToString(t.Key), aws.ToString(t.Value), have) {
			return nil, taken(*in.Name)
		}
	}
	put, err := s.SecretsManager.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: in.Name, SecretBinary: in.SecretBinary, ClientRequestToken: in.ClientRequestToken})
	if err != nil {
		return nil, err
	}
	return &secretsmanager.CreateSecretOutput{ARN: put.ARN, Name: put.Name, VersionId: put.VersionId}, nil
}

// putParameter makes a parameter, or overwrites the one that an earlier attempt left.
// AWS takes tags only with a new one.
func putParameter(ctx context.Context, s *cloud.Session, in *ssm.PutParameterInput) (*ssm.PutParameterOutput, error) {
	out, err := s.SSM.PutParameter(ctx, in)
	if !cloud.IsAlreadyExists(err) {
		return out, err
	}
	have, lookErr := Tags(ctx, s, infrav1.SecretBackendSSMParameterStore, aws.ToString(in.Name))
	if lookErr != nil {
		return nil, lookErr
	}
	for _, t := range in.Tags {
		if !proves(aws.ToString(t.Key), aws.ToString(t.Value), have) {
			return nil, taken(*in.Name)
		}
	}
	again := *in
	again.Tags, again.Overwrite = nil, aws.Bool(true)
	return s.SSM.PutParameter(ctx, &again)
}

// proves tells that a tag, if it says whose something is, is there as it is wanted.
func proves(key, value string, have map[string]string) bool {
	return key != names.TagUID && !strings.HasPrefix(key, names.TagOwnedPrefix) || have[key] == value
}

// taken is the error about a name that somebody else has.
func taken(name string) error {
	return &smithy.GenericAPIError{Code: "InvalidParameterException",
		Message: name + " exists and doesn't carry this machine's tags, so it is somebody else's and stays as it is: remove it, or delete the Machine to have another one"}
}

// Tags returns the tags of a secret or parameter.
func Tags(ctx context.Context, s *cloud.Session, backend infrav1.SecretBackend, name string) (map[string]string, error) {
	tags := map[string]string{}
	if backend == infrav1.SecretBackendSSMParameterStore {
		out, err := s.SSM.ListTagsForResource(ctx, &ssm.ListTagsForResourceInput{ResourceType: ssmtypes.ResourceTypeForTaggingParameter, ResourceId: aws.String(name)})
		if err != nil {
			return nil, err
		}
		for _, t := range out.TagList {
			tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
		}
		return tags, nil
	}
	out, err := s.SecretsManager.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String(name)})
	if err != nil {
		return nil, err
	}
	for _, t := range out.Tags {
		tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return tags, nil
}

// Missing tells that the error of a look at tags says that there is no such secret.
func Missing(err error) bool {
	e := cloud.Classify(err)
	return e.Class == cloud.NotFound || e.Code == "InvalidResourceId"
}

// ObjectOf tells for which object's UID an object in a bucket was made; "" for none that
// is known.
func ObjectOf(ctx context.Context, s *cloud.Session, bucket, key string) (uid string, err error) {
	out, err := s.S3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	if err != nil {
		return "", err
	}
	return out.Metadata[objectUID], nil
}
