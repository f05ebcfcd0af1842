package awscluster

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

const testBucket = "bootstrap-data"

func withBucket(c *infrav1.AWSCluster) {
	c.Spec.S3Bucket = &infrav1.S3Bucket{Name: testBucket, ControlPlaneIAMInstanceProfile: "control-plane.cluster-api-provider-aws.sigs.k8s.io", NodesIAMInstanceProfiles: []string{"nodes.cluster-api-provider-aws.sigs.k8s.io"}}
}

func (w *world) s3() *s3.Client {
	return s3.NewFromConfig(aws.Config{Region: testRegion, BaseEndpoint: &w.URL, Credentials: credentials.NewStaticCredentialsProvider("AKIAUSER", "x", "")},
		func(o *s3.Options) { o.UsePathStyle = true })
}

func (w *world) bucketTags() map[string]string {
	w.T.Helper()
	out, err := w.s3().GetBucketTagging(context.Background(), &s3.GetBucketTaggingInput{Bucket: aws.String(testBucket)})
	if err != nil {
		w.T.Fatal(err)
	}
	tags := map[string]string{}
	for _, tag := range out.TagSet {
		tags[*tag.Key] = *tag.Value
	}
	return tags
}

func TestBucketAndItsEndpointComeAndGo(t *testing.T) {
	w := newWorld(t, newCluster(withBucket))
	w.create()
	have := w.Resources()
	if have["bucket"] != 1 || have["vpc-endpoint"] != 1 {
		t.Fatalf("there is %v, want a bucket and an endpoint", have)
	}
	if tags := w.bucketTags(); tags[names.TagOwnedPrefix+testName] != names.Owned || tags[names.TagName] != testBucket {
		t.Errorf("the bucket's tags are %v", tags)
	}
	policy, err := w.s3().GetBucketPolicy(context.Background(), &s3.GetBucketPolicyInput{Bucket: aws.String(testBucket)})
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"aws:SecureTransport", "role/control-plane.cluster-api-provider-aws.sigs.k8s.io", "bootstrap-data/control-plane/*", "role/nodes.cluster-api-provider-aws.sigs.k8s.io", "bootstrap-data/node/*"} {
		if !strings.Contains(*policy.Policy, part) {
			t.Errorf("the policy lacks %q: %s", part, *policy.Policy)
		}
	}
	for _, kind := range []string{infrav1.S3BucketReadyCondition, infrav1.VpcEndpointsReadyCondition} {
		if c, _ := w.condition(kind); c.Status != "True" {
			t.Errorf("%s is %+v", kind, c)
		}
	}
	before, _ := w.calls()
	w.restart()
	w.create()
	if after, _ := w.calls(); after != before {
		t.Errorf("a restart made %d changes", after-before)
	}
	w.delete()
	if left := w.Resources(); len(left) > 0 {
		t.Errorf("the account isn't empty: %v", left)
	}
}

// TestEveryMutationOfABucketHappensOnce ends the process around each of them.
func TestEveryMutationOfABucketHappensOnce(t *testing.T) {
	whole := newWorld(t, newCluster(withBucket))
	whole.create()
	want := whole.Resources()
	for _, op := range []string{"s3.CreateBucket", "s3.PutBucketTagging", "s3.PutBucketPolicy", "s3.PutBucketLifecycleConfiguration", "ec2.CreateVpcEndpoint"} {
		for _, death := range deaths {
			t.Run(op+"/"+death, func(t *testing.T) {
				t.Parallel()
				dieAndComeBackTo(t, newCluster(withBucket), incident{op: op, mode: death, dies: true}, want)
			})
		}
	}
}

func TestBucketIsLeftWhereOthersNeedIt(t *testing.T) {
	for name, c := range map[string]struct {
		// before changes the bucket of a ready cluster.
		before func(*world)
		kept   bool
		event  string
	}{
		"another cluster's too": {before: func(w *world) {
			tags := []s3types.Tag{{Key: aws.String(names.TagOwnedPrefix + "other"), Value: aws.String(names.Owned)}}
			for k, v := range w.bucketTags() {
				tags = append(tags, s3types.Tag{Key: aws.String(k), Value: aws.String(v)})
			}
			_, err := w.s3().PutBucketTagging(context.Background(), &s3.PutBucketTaggingInput{Bucket: aws.String(testBucket), Tagging: &s3types.Tagging{TagSet: tags}})
			if err != nil {
				w.T.Fatal(err)
			}
			w.restart()
		}, kept: true},
		"something is in it": {before: func(w *world) {
			if _, err := w.s3().PutObject(context.Background(), &s3.PutObjectInput{Bucket: aws.String(testBucket), Key: aws.String("mine"), Body: strings.NewReader("x")}); err != nil {
				w.T.Fatal(err)
			}
		}, kept: true, event: infrav1.S3BucketFailedReason},
		"nobody may look at it": {before: func(w *world) {
			w.AWS.Faults().Set(emulator.Fault{ID: "blind", Service: "s3", Operation: "GetBucketTagging", Code: "AccessDenied", Status: 403})
			w.restart()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, newCluster(withBucket))
			w.create()
			c.before(w)
			w.delete()
			if kept := w.Resources()["bucket"] == 1; kept != c.kept {
				t.Errorf("kept is %t, want %t", kept, c.kept)
			}
			if c.event != "" && len(w.Events.With(c.event)) != 1 {
				t.Errorf("events are %q", w.Events.With(""))
			}
			if c.event == "" && c.kept {
				if tags := w.bucketTags(); tags[names.TagOwnedPrefix+testName] != "" || tags[names.TagOwnedPrefix+"other"] == "" {
					t.Errorf("the tags are %v", tags)
				}
			}
		})
	}
}
