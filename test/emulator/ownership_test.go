package emulator_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrets "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// Names that follow from what users write belong to whoever was first; these are the ways to see to whom.

func TestObjectShowsItsTagsAndItsMetadata(t *testing.T) {
	c := newCloud(t)
	s, bucket, key := c.s3("us-east-1"), aws.String("user-data"), aws.String("node/one")
	wantCode(t, second(s.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket})), "")
	put := func(tagging string) error {
		return second(s.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader("x"), Tagging: aws.String(tagging),
			Metadata: map[string]string{"owner-uid": "u1"}}))
	}
	wantCode(t, put("kubernetes.io%2Fcluster%2Fone=owned&uid=u1"), "")
	head := must[*s3.HeadObjectOutput](t)(s.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: key}))
	if head.Metadata["owner-uid"] != "u1" || aws.ToInt32(head.TagCount) != 2 {
		t.Errorf("head %+v", head)
	}
	get := must[*s3.GetObjectOutput](t)(s.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: key}))
	if get.Metadata["owner-uid"] != "u1" || aws.ToInt32(get.TagCount) != 2 {
		t.Errorf("get %+v", get)
	}
	read := func() string {
		out := ""
		for _, tag := range must[*s3.GetObjectTaggingOutput](t)(s.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: bucket, Key: key})).TagSet {
			out += *tag.Key + "=" + *tag.Value + " "
		}
		return out
	}
	if got := read(); got != "kubernetes.io/cluster/one=owned uid=u1 " {
		t.Errorf("tags %q", got)
	}
	wantCode(t, second(s.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{Bucket: bucket, Key: key,
		Tagging: &s3types.Tagging{TagSet: []s3types.Tag{{Key: aws.String("uid"), Value: aws.String("u2")}}}})), "")
	if got := read(); got != "uid=u2 " {
		t.Errorf("tags put anew %q", got)
	}
	wantCode(t, second(s.DeleteObjectTagging(ctx, &s3.DeleteObjectTaggingInput{Bucket: bucket, Key: key})), "")
	if got := read(); got != "" {
		t.Errorf("tags after their deletion %q", got)
	}
	wantCode(t, second(s.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: bucket, Key: aws.String("none")})), "NoSuchKey")

	wantCode(t, put("a=1&b=2&c=3&d=4&e=5&f=6&g=7&h=8&i=9&j=10&k=11"), "BadRequest")
	wantCode(t, put("a=1&a=2"), "InvalidArgument")
	wantCode(t, put("aws:x=1"), "InvalidTag")
	wantCode(t, put("a=%3C"), "InvalidTag")
}

func TestNamesOfBucketsAreGlobal(t *testing.T) {
	c := newCloud(t)
	c.Configure(func(config *emulator.Config) { config.AccessKeys["AKIAOTHER"] = "999999999999" })
	bucket := aws.String("user-data")
	west := &s3.CreateBucketInput{Bucket: bucket, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: "us-west-2"}}
	wantCode(t, second(c.s3("us-east-1").GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: bucket})), "NoSuchBucket")
	wantCode(t, second(c.s3("us-east-1").CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket})), "")
	wantCode(t, second(c.s3("us-east-1").CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket})), "")
	wantCode(t, second(c.s3("us-east-1").GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: bucket})), "NoSuchTagSet")
	wantCode(t, second(c.s3("us-east-1").HeadBucket(ctx, &s3.HeadBucketInput{Bucket: bucket, ExpectedBucketOwner: aws.String("999999999999")})), "Forbidden")

	wantCode(t, second(c.s3("us-west-2").CreateBucket(ctx, west)), "BucketAlreadyOwnedByYou")
	wantCode(t, second(c.s3("us-west-2").PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("k")})), "PermanentRedirect")

	other := s3.NewFromConfig(c.config("AKIAOTHER", "us-east-1"))
	wantCode(t, second(other.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket})), "BucketAlreadyExists")
	wantCode(t, second(other.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: bucket})), "Forbidden")
	wantCode(t, second(other.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("k")})), "AccessDenied")
	wantCode(t, second(other.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: bucket})), "AccessDenied")
}

func TestNamesThatS3KeepsForItselfAreRefused(t *testing.T) {
	c := newCloud(t)
	for _, name := range []string{"ab", "a..b", "-ab", "ab-", "10.0.0.1", "xn--a", "sthree-a", "amzn-s3-demo-a", "a-s3alias", "a--ol-s3", "a.mrap", "a--table-s3",
		strings.Repeat("a", 64)} {
		wantCode(t, second(c.s3("us-east-1").CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name})), "InvalidBucketName")
	}
}

func TestTagsOfBucketsAreHeldToTheirRules(t *testing.T) {
	c := newCloud(t)
	s, bucket := c.s3("us-east-1"), aws.String("user-data")
	wantCode(t, second(s.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket})), "")
	for key, code := range map[string]string{"ok": "", "aws:x": "InvalidTag", "<": "InvalidTag", strings.Repeat("k", 129): "InvalidTag"} {
		wantCode(t, second(s.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: bucket,
			Tagging: &s3types.Tagging{TagSet: []s3types.Tag{{Key: aws.String(key), Value: aws.String("v")}}}})), code)
	}
}

func TestParameterTellsWhoseItIs(t *testing.T) {
	c := newCloud(t)
	s, name := c.ssm(), aws.String("/cluster.x-k8s.io/one/0")
	tags := func(uid string) []types.Tag { return []types.Tag{{Key: aws.String("uid"), Value: &uid}} }
	put := ssm.PutParameterInput{Name: name, Value: aws.String("part"), Type: types.ParameterTypeSecureString, Tags: tags("u1")}
	wantCode(t, second(s.PutParameter(ctx, &put)), "")
	wantCode(t, second(s.PutParameter(ctx, &put)), "ParameterAlreadyExists")
	put.Overwrite = aws.Bool(true)
	wantCode(t, second(s.PutParameter(ctx, &put)), "ValidationException") // tags and overwrite
	put.Tags = nil
	wantCode(t, second(s.PutParameter(ctx, &put)), "")

	kind := types.ResourceTypeForTaggingParameter
	read := func() string {
		list := must[*ssm.ListTagsForResourceOutput](t)(s.ListTagsForResource(ctx, &ssm.ListTagsForResourceInput{ResourceId: name, ResourceType: kind})).TagList
		out := ""
		for _, tag := range list {
			out += *tag.Key + "=" + *tag.Value + " "
		}
		return out
	}
	if got := read(); got != "uid=u1 " {
		t.Errorf("tags %q: an overwritten parameter keeps its own", got)
	}
	wantCode(t, second(s.AddTagsToResource(ctx, &ssm.AddTagsToResourceInput{ResourceId: name, ResourceType: kind, Tags: tags("u2")})), "")
	if got := read(); got != "uid=u2 " {
		t.Errorf("tags %q after a tag was overwritten", got)
	}
	wantCode(t, second(s.ListTagsForResource(ctx, &ssm.ListTagsForResourceInput{ResourceId: aws.String("/none"), ResourceType: kind})), "InvalidResourceId")
	wantCode(t, second(s.AddTagsToResource(ctx, &ssm.AddTagsToResourceInput{ResourceId: name, ResourceType: kind,
		Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("<")}}})), "ValidationException")
}

func TestNamesOfParametersAreHeldToTheirRules(t *testing.T) {
	c := newCloud(t)
	for name, code := range map[string]string{
		"/a/b": "", strings.Repeat("/a", 15): "", strings.Repeat("/a", 16): "HierarchyLevelLimitExceededException",
		"/a b": "ValidationException", "a/b": "ValidationException", "/aws/x": "ValidationException", "SSM": "ValidationException", "/a/": "ValidationException",
		"/" + strings.Repeat("a", 1000): "ValidationException",
	} {
		err := second(c.ssm().PutParameter(ctx, &ssm.PutParameterInput{Name: &name, Value: aws.String("v"), Type: types.ParameterTypeString}))
		wantCode(t, err, code)
	}
}

func TestSecretTellsWhoseItIs(t *testing.T) {
	c := newCloud(t)
	s, name := c.secrets(), aws.String("aws.cluster.x-k8s.io/one")
	token := aws.String("12345678-1234-1234-1234-123456789012")
	create := secretsmanager.CreateSecretInput{Name: name, SecretString: aws.String("v"), ClientRequestToken: token,
		Tags: []secrets.Tag{{Key: aws.String("uid"), Value: aws.String("u1")}}}
	wantCode(t, second(s.CreateSecret(ctx, &create)), "")
	wantCode(t, second(s.CreateSecret(ctx, &create)), "") // the same token and value
	create.SecretString = aws.String("other")
	wantCode(t, second(s.CreateSecret(ctx, &create)), "ResourceExistsException")
	create.ClientRequestToken = nil
	wantCode(t, second(s.CreateSecret(ctx, &create)), "ResourceExistsException")
	wantCode(t, second(s.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: name, SecretString: aws.String("v"), ClientRequestToken: token})), "")
	wantCode(t, second(s.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: name, SecretString: aws.String("w"), ClientRequestToken: token})), "ResourceExistsException")

	wantCode(t, second(s.TagResource(ctx, &secretsmanager.TagResourceInput{SecretId: name, Tags: []secrets.Tag{{Key: aws.String("uid"), Value: aws.String("u2")}}})), "")
	described := must[*secretsmanager.DescribeSecretOutput](t)(s.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: name}))
	if len(described.Tags) != 1 || *described.Tags[0].Value != "u2" {
		t.Errorf("tags %+v", described.Tags)
	}
	wantCode(t, second(s.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String("none")})), "ResourceNotFoundException")
	wantCode(t, second(s.TagResource(ctx, &secretsmanager.TagResourceInput{SecretId: name, Tags: []secrets.Tag{{Key: aws.String("<")}}})), "InvalidParameterException")
	wantCode(t, second(s.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("a b"), SecretString: aws.String("v")})), "ValidationException")
}

// A HEAD has no body: the SDK goes by the status, and callers find the region in a header.
func TestBucketElsewhereNamesItsRegion(t *testing.T) {
	c := newCloud(t)
	bucket := aws.String("user-data")
	wantCode(t, second(c.s3("us-west-2").CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket,
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: "us-west-2"}})), "")
	var answer *http.Response
	client := s3.NewFromConfig(c.config("AKIATEST", "us-east-1"), func(o *s3.Options) { o.HTTPClient = keeping{&answer} })
	_, _ = client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: bucket})
	if answer.StatusCode != http.StatusMovedPermanently || answer.Header.Get("X-Amz-Bucket-Region") != "us-west-2" {
		t.Errorf("%d %v", answer.StatusCode, answer.Header)
	}
}

type keeping struct{ answer **http.Response }

func (k keeping) Do(request *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(request)
	*k.answer = answer
	return answer, err
}
