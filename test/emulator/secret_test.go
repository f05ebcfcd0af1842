package emulator_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrets "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

func (c *cloud) secrets() *secretsmanager.Client {
	return secretsmanager.NewFromConfig(c.config("AKIATEST", "us-east-1"))
}

func (c *cloud) ssm() *ssm.Client { return ssm.NewFromConfig(c.config("AKIATEST", "us-east-1")) }

func TestSecretIsKeptUntilItIsDeleted(t *testing.T) {
	c := newCloud(t)
	s, name := c.secrets(), aws.String("aws.cluster.x-k8s.io/one")
	value := []byte{0, 1, 255}
	made := must[*secretsmanager.CreateSecretOutput](t)(s.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: name, SecretBinary: value,
		Tags: []secrets.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}))
	if !strings.HasPrefix(*made.ARN, "arn:aws:secretsmanager:us-east-1:123456789012:secret:aws.cluster.x-k8s.io/one-") {
		t.Errorf("ARN %s", *made.ARN)
	}
	for _, id := range []*string{name, made.ARN} {
		got := must[*secretsmanager.GetSecretValueOutput](t)(s.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: id}))
		if string(got.SecretBinary) != string(value) || !got.CreatedDate.Equal(c.clock.Now()) {
			t.Errorf("%s holds %+v", *id, got)
		}
	}
	wantCode(t, second(s.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: name, SecretBinary: []byte("other")})), "ResourceExistsException")
	described := must[*secretsmanager.DescribeSecretOutput](t)(s.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: name}))
	if len(described.Tags) != 1 || *described.Tags[0].Value != "v" || len(described.VersionIdsToStages) != 1 {
		t.Errorf("description %+v", described)
	}
	if got := c.Resources("", ""); len(got) != 1 || got[0].Type != "secret" || got[0].Tags["k"] != "v" {
		t.Errorf("resources %+v", got)
	}
	force := &secretsmanager.DeleteSecretInput{SecretId: name, ForceDeleteWithoutRecovery: aws.Bool(true)}
	wantCode(t, second(s.DeleteSecret(ctx, force)), "")
	wantCode(t, second(s.DeleteSecret(ctx, force)), "") // as AWS says for retries
	wantCode(t, second(s.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: name})), "ResourceNotFoundException")
	if got := c.Resources("", ""); len(got) != 0 {
		t.Errorf("left %+v", got)
	}
}

func TestSecretWaitsForTheEndOfItsRecoveryWindow(t *testing.T) {
	c := newCloud(t)
	s, name := c.secrets(), aws.String("one")
	create := &secretsmanager.CreateSecretInput{Name: name, SecretString: aws.String("value")}
	wantCode(t, second(s.CreateSecret(ctx, create)), "")
	wantCode(t, second(s.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: name, RecoveryWindowInDays: aws.Int64(7)})), "")
	wantCode(t, second(s.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: name})), "InvalidRequestException")
	wantCode(t, second(s.CreateSecret(ctx, create)), "InvalidRequestException")
	c.clock.Advance(7 * 24 * time.Hour)
	wantCode(t, second(s.CreateSecret(ctx, create)), "")
}

func TestSecretsAreListedByBeginningsOfNames(t *testing.T) {
	c := newCloud(t, func(config *emulator.Config) { config.MaxPageSize = 2 })
	for _, name := range []string{"a/1", "a/2", "a/3", "b/1"} {
		wantCode(t, second(c.secrets().CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String("v")})), "")
	}
	seen, pages := "", secretsmanager.NewListSecretsPaginator(c.secrets(), &secretsmanager.ListSecretsInput{
		Filters: []secrets.Filter{{Key: secrets.FilterNameStringTypeName, Values: []string{"a/"}}}})
	for pages.HasMorePages() {
		for _, entry := range must[*secretsmanager.ListSecretsOutput](t)(pages.NextPage(ctx)).SecretList {
			seen += *entry.Name + " "
		}
	}
	if seen != "a/1 a/2 a/3 " || c.Counts()["secretsmanager.ListSecrets"] != 2 {
		t.Errorf("listed %q in %d pages", seen, c.Counts()["secretsmanager.ListSecrets"])
	}
}

func TestParametersAreKeptAndTagged(t *testing.T) {
	c := newCloud(t)
	s, name := c.ssm(), aws.String("/cluster.x-k8s.io/one/0")
	put := &ssm.PutParameterInput{Name: name, Value: aws.String("part"), Type: types.ParameterTypeSecureString, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}
	wantCode(t, second(s.PutParameter(ctx, put)), "")
	wantCode(t, second(s.PutParameter(ctx, put)), "ParameterAlreadyExists")
	wantCode(t, second(s.AddTagsToResource(ctx, &ssm.AddTagsToResourceInput{ResourceId: name, ResourceType: types.ResourceTypeForTaggingParameter,
		Tags: []types.Tag{{Key: aws.String("more"), Value: aws.String("w")}}})), "")
	if got := c.Resources("", ""); len(got) != 1 || got[0].Type != "parameter" || got[0].Tags["more"] != "w" || got[0].Tags["k"] != "v" {
		t.Errorf("resources %+v", got)
	}
	got := must[*ssm.GetParametersOutput](t)(s.GetParameters(ctx, &ssm.GetParametersInput{Names: []string{*name, "/none"}, WithDecryption: aws.Bool(true)}))
	if len(got.Parameters) != 1 || *got.Parameters[0].Value != "part" || got.Parameters[0].Version != 1 || len(got.InvalidParameters) != 1 {
		t.Errorf("parameters %+v", got)
	}
	listed := must[*ssm.DescribeParametersOutput](t)(s.DescribeParameters(ctx, &ssm.DescribeParametersInput{ParameterFilters: []types.ParameterStringFilter{
		{Key: aws.String("Name"), Option: aws.String("BeginsWith"), Values: []string{"/cluster.x-k8s.io/"}}, {Key: aws.String("tag:k"), Values: []string{"v"}}}}))
	if len(listed.Parameters) != 1 {
		t.Errorf("listed %+v", listed.Parameters)
	}
	wantCode(t, second(s.PutParameter(ctx, &ssm.PutParameterInput{Name: aws.String("/big"), Value: aws.String(strings.Repeat("x", 4097)), Type: types.ParameterTypeString})), "ValidationException")
	deleted := must[*ssm.DeleteParametersOutput](t)(s.DeleteParameters(ctx, &ssm.DeleteParametersInput{Names: []string{*name, "/none"}}))
	if len(deleted.DeletedParameters) != 1 || len(deleted.InvalidParameters) != 1 || c.count("parameter") != 0 {
		t.Errorf("deleted %+v", deleted)
	}
	wantCode(t, second(s.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: name})), "ParameterNotFound")
}

func TestPublicParametersNameImagesThatExist(t *testing.T) {
	c := newCloud(t)
	for _, name := range []string{
		"/aws/service/eks/optimized-ami/1.34/amazon-linux-2023/x86_64/standard/recommended/image_id",
		"/aws/service/eks/optimized-ami/1.34/amazon-linux-2023/arm64/nvidia/recommended/image_id",
		"/aws/service/eks/optimized-ami/1.31/amazon-linux-2/recommended/image_id",
		"/aws/service/eks/optimized-ami/1.31/amazon-linux-2-gpu/recommended/image_id",
		"/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id",
	} {
		image := *must[*ssm.GetParameterOutput](t)(c.ssm().GetParameter(ctx, &ssm.GetParameterInput{Name: &name})).Parameter.Value
		wantCode(t, second(c.ec2().DescribeImages(ctx, &ec2.DescribeImagesInput{ImageIds: []string{image}})), "")
	}
	wantCode(t, second(c.ssm().GetParameter(ctx, &ssm.GetParameterInput{
		Name: aws.String("/aws/service/eks/optimized-ami/1.99/amazon-linux-2023/x86_64/standard/recommended/image_id")})), "ParameterNotFound")
}

func TestJSONServicesAreThrottledAndFailAsOthers(t *testing.T) {
	c := newCloud(t, func(config *emulator.Config) {
		config.RateLimits, config.Buckets = true, map[string]emulator.Bucket{"ssm.GetParameter": {Size: 1, Refill: 1}}
		config.BadKeys = map[string]string{"AKIAOLD": "expired"}
	})
	get := func(client *ssm.Client) error {
		return second(client.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("/none")}))
	}
	wantCode(t, get(c.ssm()), "ParameterNotFound")
	wantCode(t, get(c.ssm()), "ThrottlingException")
	wantCode(t, get(ssm.NewFromConfig(c.config("AKIAOLD", "us-east-1"))), "ExpiredTokenException")
	c.Faults().Set(emulator.Fault{Service: "secretsmanager", Operation: "CreateSecret", Parameters: map[string]string{"Name": "one"}, Code: "AccessDeniedException"})
	create := func(name string) error {
		return second(c.secrets().CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String("v")}))
	}
	wantCode(t, create("one"), "AccessDeniedException")
	wantCode(t, create("two"), "")
}
