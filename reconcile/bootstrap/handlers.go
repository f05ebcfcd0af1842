package bootstrap

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Handlers carry out what stores and removes bootstrap data. Nothing of it is
// mirrored: what was stored is recorded in the object that it is for.
func Handlers() []plan.Handler {
	return []plan.Handler{
		plan.Call("CreateSecret", createSecret, func(*plan.Writer, *secretsmanager.CreateSecretInput, *secretsmanager.CreateSecretOutput) {}),
		plan.Call("DeleteSecret", func(ctx context.Context, s *cloud.Session, in *secretsmanager.DeleteSecretInput) (*secretsmanager.DeleteSecretOutput, error) {
			return s.SecretsManager.DeleteSecret(ctx, in)
		}, func(*plan.Writer, *secretsmanager.DeleteSecretInput, *secretsmanager.DeleteSecretOutput) {}),
		plan.Call("CreateParameter", func(ctx context.Context, s *cloud.Session, in *ssm.PutParameterInput) (*ssm.PutParameterOutput, error) {
			return s.SSM.PutParameter(ctx, in)
		}, func(*plan.Writer, *ssm.PutParameterInput, *ssm.PutParameterOutput) {}),
		plan.Call("DeleteParameter", func(ctx context.Context, s *cloud.Session, in *ssm.DeleteParameterInput) (*ssm.DeleteParameterOutput, error) {
			return s.SSM.DeleteParameter(ctx, in)
		}, func(*plan.Writer, *ssm.DeleteParameterInput, *ssm.DeleteParameterOutput) {}),
		plan.Call("CreateObject", func(ctx context.Context, s *cloud.Session, in *s3.PutObjectInput) (*s3.PutObjectOutput, error) {
			copied := *in // its body can be read only once
			copied.Body = Body(in)
			return s.S3.PutObject(ctx, &copied)
		}, func(*plan.Writer, *s3.PutObjectInput, *s3.PutObjectOutput) {}),
		plan.Call("DeleteObject", func(ctx context.Context, s *cloud.Session, in *s3.DeleteObjectInput) (*s3.DeleteObjectOutput, error) {
			return s.S3.DeleteObject(ctx, in)
		}, func(*plan.Writer, *s3.DeleteObjectInput, *s3.DeleteObjectOutput) {}),
	}
}

// createSecret makes a secret, or gives one of the name its content: names follow
// from UIDs, so that such a one is what an earlier attempt left.
func createSecret(ctx context.Context, s *cloud.Session, in *secretsmanager.CreateSecretInput) (*secretsmanager.CreateSecretOutput, error) {
	out, err := s.SecretsManager.CreateSecret(ctx, in)
	if !cloud.IsAlreadyExists(err) {
		return out, err
	}
	put, err := s.SecretsManager.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: in.Name, SecretBinary: in.SecretBinary, ClientRequestToken: in.ClientRequestToken})
	if err != nil {
		return nil, err
	}
	return &secretsmanager.CreateSecretOutput{ARN: put.ARN, Name: put.Name, VersionId: put.VersionId}, nil
}
