package awsmachinepool

import (
	"context"
	"encoding/base64"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

const (
	testBucket   = "bootstrap-data"
	testIgnition = `{"ignition":{"version":"2.3.0"}}`
)

// withBucket gives the cluster a bucket.
func (w *world) withBucket(change ...func(*infrav1.S3Bucket)) {
	w.T.Helper()
	c := w.cluster()
	c.Spec.S3Bucket = &infrav1.S3Bucket{Name: testBucket, ControlPlaneIAMInstanceProfile: "control-plane.cluster-api-provider-aws.sigs.k8s.io", NodesIAMInstanceProfiles: []string{"nodes.cluster-api-provider-aws.sigs.k8s.io"}}
	for _, f := range change {
		f(c.Spec.S3Bucket)
	}
	w.Must(w.Kube.Update(context.Background(), c))
	w.buildInfrastructure()
	w.before = w.Resources()
}

// ignition makes the pool's bootstrap data Ignition.
func (w *world) ignition(data string) {
	w.T.Helper()
	secret := &corev1.Secret{}
	w.Must(w.Kube.Get(context.Background(), key("pool-1"), secret))
	secret.Data["value"], secret.Data["format"] = []byte(data), []byte("ignition")
	w.Must(w.Kube.Update(context.Background(), secret))
}

// object returns what the bucket has for the pool, "" for nothing.
func (w *world) object() string {
	w.T.Helper()
	out, err := w.Session().S3.GetObject(context.Background(), &s3.GetObjectInput{Bucket: aws.String(testBucket), Key: aws.String("machine-pool/default/pool-1")})
	if err != nil {
		return ""
	}
	data, err := io.ReadAll(out.Body)
	w.Must(err)
	return string(data)
}

func (w *world) puts() int { return w.AWS.Counts()["s3.PutObject"] }

func TestIgnitionOfAPoolIsInTheBucket(t *testing.T) {
	w := newWorld(t)
	w.withBucket()
	w.pool("pool-1")
	w.ignition(testIgnition)
	w.settle("pool-1", w.ready("pool-1", 2))
	if w.object() != testIgnition {
		t.Errorf("the bucket has %q", w.object())
	}
	data, err := base64.StdEncoding.DecodeString(aws.ToString(w.versions("pool-1")[0].LaunchTemplateData.UserData))
	w.Must(err)
	if !strings.Contains(string(data), "s3://"+testBucket+"/machine-pool/default/pool-1") {
		t.Errorf("the user data is %s", data)
	}

	w.ignition(`{"ignition":{"version":"2.3.0"},"passwd":{}}`)
	w.settle("pool-1", func() bool { return strings.Contains(w.object(), "passwd") })
	w.rounds("pool-1", 3)
	if n := len(w.versions("pool-1")); n != 1 {
		t.Errorf("%d versions for data in one place", n)
	}
	if n := w.puts(); n != 2 {
		t.Errorf("%d objects were put, want 2", n)
	}
	w.Pass(13 * time.Hour) // the bucket removes it after a day
	w.settle("pool-1", func() bool { return w.puts() == 3 })

	w.delete("pool-1")
	w.nothingLeft()
	if w.object() != "" {
		t.Error("the object is left")
	}
}

func TestIgnitionIsStoredHoweverTheProcessDies(t *testing.T) {
	for _, x := range incidents("s3.PutObject") {
		t.Run(x.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.withBucket()
			w.pool("pool-1")
			w.ignition(testIgnition)
			x.happens(w)
			w.settle("pool-1", w.ready("pool-1", 2))
			if w.object() != testIgnition {
				t.Errorf("the bucket has %q", w.object())
			}
			w.AWS.Faults().Set(emulator.Fault{ID: "death", Service: "s3", Operation: "DeleteObject", Count: 1, Mode: x.mode})
			w.Must(w.Kube.Delete(context.Background(), w.get("pool-1")))
			w.settle("pool-1", func() bool { return w.gone("pool-1") })
			w.nothingLeft()
			if w.object() != "" {
				t.Error("the object is left")
			}
		})
	}
}

func TestIgnitionWithoutAPlaceSaysWhatToSet(t *testing.T) {
	for name, c := range map[string]struct {
		bucket func(*world)
		want   string
	}{
		"no bucket":         {func(*world) {}, "spec.s3Bucket"},
		"links that expire": {func(w *world) { w.withBucket(func(b *infrav1.S3Bucket) { b.PresignedURLDuration = aws.String("1h") }) }, "presignedURLDuration"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c.bucket(w)
			w.pool("pool-1")
			w.ignition(testIgnition)
			w.settle("pool-1", func() bool {
				return strings.Contains(w.condition("pool-1", infrav1.LaunchTemplateReadyCondition).Message, c.want)
			})
			w.delete("pool-1")
			w.nothingLeft()
		})
	}
}

// TestBucketThatIsNotTheClustersGetsNothing is about an AWSCluster that names a bucket
// of somebody else, so that its condition isn't true.
func TestBucketThatIsNotTheClustersGetsNothing(t *testing.T) {
	w := newWorld(t)
	w.withBucket()
	c := w.cluster()
	meta.SetStatusCondition(&c.Status.Conditions, metav1.Condition{Type: infrav1.S3BucketReadyCondition, Status: metav1.ConditionFalse, Reason: "Foreign"})
	w.Must(w.Kube.Status().Update(t.Context(), c))
	w.pool("pool-1")
	w.ignition(testIgnition)
	w.AWS.ResetCounts()
	w.rounds("pool-1", 4)
	if c := w.condition("pool-1", infrav1.LaunchTemplateReadyCondition); !strings.Contains(c.Message, testBucket+" isn't ready, or isn't the cluster's") {
		t.Errorf("the condition is %+v", c)
	}
	w.delete("pool-1")
	w.changesNothing()
}
