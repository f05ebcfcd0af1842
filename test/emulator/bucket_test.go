package emulator_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

func (c *cloud) s3(region string) *s3.Client { return s3.NewFromConfig(c.config("AKIATEST", region)) }

func TestBucketKeepsObjectsUntilTheyAreDeleted(t *testing.T) {
	c := newCloud(t)
	s, bucket, key := c.s3("us-east-1"), aws.String("user-data"), aws.String("node/one")
	wantCode(t, second(s.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: bucket})), "NotFound")
	wantCode(t, second(s.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("No_Good")})), "InvalidBucketName")
	wantCode(t, second(s.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket})), "")
	wantCode(t, second(s.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: bucket})), "")
	wantCode(t, second(s.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader(`{"ignition":{}}`),
		ContentType: aws.String("application/json"), Tagging: aws.String("for=one")})), "")
	got := must[*s3.GetObjectOutput](t)(s.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: key}))
	if body := must[[]byte](t)(io.ReadAll(got.Body)); string(body) != `{"ignition":{}}` || *got.ContentType != "application/json" {
		t.Errorf("object %q, %+v", body, got)
	}
	if head := must[*s3.HeadObjectOutput](t)(s.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: key})); *head.ContentLength != 15 {
		t.Errorf("head %+v", head)
	}
	if c.count("bucket") != 1 || c.count("object") != 1 {
		t.Errorf("resources %+v", c.Resources("", ""))
	}
	wantCode(t, second(s.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: bucket})), "BucketNotEmpty")
	wantCode(t, second(s.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: key})), "")
	wantCode(t, second(s.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: key})), "")
	wantCode(t, second(s.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: key})), "NoSuchKey")
	wantCode(t, second(s.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: key})), "NotFound")
	wantCode(t, second(s.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: bucket})), "")
	wantCode(t, second(s.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: bucket})), "NoSuchBucket")
	if got := c.Counts(); got["s3.PutObject"] != 1 || got["s3.DeleteBucket"] != 3 {
		t.Errorf("counts %v", got)
	}
}

func TestObjectsAreListedInPagesAndDeletedInBatches(t *testing.T) {
	c := newCloud(t)
	s, bucket := c.s3("us-east-1"), aws.String("user-data")
	wantCode(t, second(s.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket})), "")
	for _, key := range []string{"node/2", "node/1", "node/3", "control-plane/1"} {
		wantCode(t, second(s.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: &key, Body: strings.NewReader(key)})), "")
	}
	var batch types.Delete
	seen, pages := "", s3.NewListObjectsV2Paginator(s, &s3.ListObjectsV2Input{Bucket: bucket, Prefix: aws.String("node/"), MaxKeys: aws.Int32(2)})
	for pages.HasMorePages() {
		for _, o := range must[*s3.ListObjectsV2Output](t)(pages.NextPage(ctx)).Contents {
			seen += *o.Key + " "
			batch.Objects = append(batch.Objects, types.ObjectIdentifier{Key: o.Key})
		}
	}
	if seen != "node/1 node/2 node/3 " {
		t.Errorf("listed %q", seen)
	}
	if out := must[*s3.DeleteObjectsOutput](t)(s.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: bucket, Delete: &batch})); len(out.Deleted) != 3 || c.count("object") != 1 {
		t.Errorf("deleted %+v, left %d", out.Deleted, c.count("object"))
	}
}

func TestBucketsRememberTheirSettings(t *testing.T) {
	c := newCloud(t)
	s, bucket := c.s3("eu-west-1"), aws.String("user-data")
	wantCode(t, second(s.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket})), "IllegalLocationConstraintException")
	create := &s3.CreateBucketInput{Bucket: bucket, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraintEuWest1}}
	wantCode(t, second(s.CreateBucket(ctx, create)), "")
	wantCode(t, second(s.CreateBucket(ctx, create)), "BucketAlreadyOwnedByYou")
	wantCode(t, second(s.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: bucket})), "NoSuchBucketPolicy")
	reads := func(role string) string {
		return `{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + emulator.DefaultAccount + `:role/` + role + `"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::user-data/*"}}`
	}
	for _, refused := range []string{"no JSON", `{"Statement":[]}`, reads("nobody"), strings.Replace(reads("nobody"), "Resource", "NotAField", 1)} {
		wantCode(t, second(s.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: bucket, Policy: aws.String(refused)})), "MalformedPolicy")
	}
	nodes := reads("nodes.cluster-api-provider-aws.sigs.k8s.io")
	wantCode(t, second(s.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: bucket, Policy: aws.String(nodes)})), "")
	if got := must[*s3.GetBucketPolicyOutput](t)(s.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: bucket})); *got.Policy != nodes {
		t.Errorf("policy %s", *got.Policy)
	}
	wantCode(t, second(s.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: bucket, Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}})), "")
	wantCode(t, second(s.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{Bucket: bucket, LifecycleConfiguration: &types.BucketLifecycleConfiguration{
		Rules: []types.LifecycleRule{{ID: aws.String("old"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("node/")},
			Expiration: &types.LifecycleExpiration{Days: aws.Int32(1)}}}}})), "")
	rules := must[*s3.GetBucketLifecycleConfigurationOutput](t)(s.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: bucket})).Rules
	if len(rules) != 1 || *rules[0].Expiration.Days != 1 || c.Resources("", "")[0].Tags["k"] != "v" {
		t.Errorf("rules %+v, resources %+v", rules, c.Resources("", ""))
	}
}

func TestPresignedURLWorksUntilItsEnd(t *testing.T) {
	c := newCloud(t)
	s, bucket, key := c.s3("us-east-1"), aws.String("user-data"), aws.String("node/one")
	wantCode(t, second(s.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket})), "")
	wantCode(t, second(s.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader("data")})), "")
	signed := must[string](t)(func() (string, error) {
		request, err := s3.NewPresignClient(s).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: key}, s3.WithPresignExpires(time.Hour))
		return request.URL, err
	}())
	get := func() (int, string) {
		answer := must[*http.Response](t)(http.Get(signed))
		defer func() { _ = answer.Body.Close() }()
		return answer.StatusCode, string(must[[]byte](t)(io.ReadAll(answer.Body)))
	}
	if status, body := get(); status != http.StatusOK || body != "data" {
		t.Errorf("%d %q", status, body)
	}
	c.clock.Advance(time.Since(c.clock.Now()) + 2*time.Hour) // the SDK signs by the wall clock
	if status, body := get(); status != http.StatusForbidden || !strings.Contains(body, "Request has expired") {
		t.Errorf("after its end: %d %q", status, body)
	}
}
