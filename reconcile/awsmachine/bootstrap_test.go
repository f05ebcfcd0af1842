package awsmachine

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	corev1 "k8s.io/api/core/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// longData doesn't get shorter by compression, and fills several secrets.
var longData = func() string {
	var b strings.Builder
	b.WriteString("#cloud-config\n")
	state := uint32(1)
	for range 4000 {
		state = state*1664525 + 1013904223
		fmt.Fprintf(&b, "%08x", state)
	}
	return b.String()
}()

func (w *world) setData(name, value, format string) {
	w.T.Helper()
	secret := &corev1.Secret{}
	w.Must(w.Kube.Get(context.Background(), key(name), secret))
	secret.Data = map[string][]byte{"value": []byte(value), "format": []byte(format)}
	w.Must(w.Kube.Update(context.Background(), secret))
}

// joined tells the Machine that its node is there.
func (w *world) joined(name string) {
	w.T.Helper()
	m := &clusterv1.Machine{}
	w.Must(w.Kube.Get(context.Background(), key(name), m))
	m.Status.NodeRef = clusterv1.MachineNodeReference{Name: name}
	w.Must(w.Kube.Status().Update(context.Background(), m))
}

func (w *world) userData(name string) string {
	w.T.Helper()
	out, err := w.ec2().DescribeInstanceAttribute(context.Background(), &ec2.DescribeInstanceAttributeInput{
		InstanceId: w.get(name).Spec.InstanceID, Attribute: ec2types.InstanceAttributeNameUserData})
	w.Must(err)
	data, err := base64.StdEncoding.DecodeString(aws.ToString(out.UserData.Value))
	w.Must(err)
	return string(data)
}

func unzip(t *testing.T, data []byte) string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

func TestSecretsHoldTheBootstrapDataUntilTheNodeHasJoined(t *testing.T) {
	w := newWorld(t)
	before := w.Resources()
	w.machine("m1")
	w.setData("m1", longData, "cloud-config")
	w.settle("m1", w.ready("m1"))
	c := w.get("m1").Spec.CloudInit
	if c.SecretCount < 2 || !strings.HasPrefix(c.SecretPrefix, "aws.cluster.x-k8s.io/") {
		t.Fatalf("recorded are %+v", c)
	}
	var all []byte
	for part := range int(c.SecretCount) {
		out, err := w.Session().SecretsManager.GetSecretValue(context.Background(), &secretsmanager.GetSecretValueInput{
			SecretId: aws.String(fmt.Sprintf("%s-%d", c.SecretPrefix, part))})
		w.Must(err)
		all = append(all, out.SecretBinary...)
	}
	if unzip(t, all) != longData {
		t.Error("the secrets don't hold the bootstrap data")
	}
	script := w.userData("m1")
	for _, want := range []string{"text/cloud-boothook", c.SecretPrefix, fmt.Sprintf("last=%d", c.SecretCount-1), "region='us-east-1'", "file:///etc/secret-userdata.txt"} {
		if !strings.Contains(script, want) {
			t.Errorf("the user data lacks %q", want)
		}
	}
	w.joined("m1")
	w.settle("m1", func() bool { return w.get("m1").Spec.CloudInit.SecretCount == 0 })
	if w.get("m1").Spec.CloudInit.SecretPrefix != "" || !w.ready("m1")() {
		t.Errorf("afterwards: %+v", w.get("m1").Spec.CloudInit)
	}
	w.delete("m1")
	w.nothingLeft(before)
}

func TestParametersHoldTheBootstrapData(t *testing.T) {
	w := newWorld(t)
	before := w.Resources()
	w.machine("m1", func(obj *infrav1.AWSMachine, _ *clusterv1.Machine) {
		obj.Spec.CloudInit = &infrav1.CloudInit{SecureSecretsBackend: infrav1.SecretBackendSSMParameterStore}
	})
	w.setData("m1", longData, "cloud-config")
	w.settle("m1", w.ready("m1"))
	c := w.get("m1").Spec.CloudInit
	text := ""
	for part := range int(c.SecretCount) {
		out, err := w.Session().SSM.GetParameter(context.Background(), &ssm.GetParameterInput{
			Name: aws.String(fmt.Sprintf("%s/%d", c.SecretPrefix, part)), WithDecryption: aws.Bool(true)})
		w.Must(err)
		text += aws.ToString(out.Parameter.Value)
	}
	data, err := base64.StdEncoding.DecodeString(text)
	w.Must(err)
	if unzip(t, data) != longData {
		t.Error("the parameters don't hold the bootstrap data")
	}
	w.delete("m1")
	w.nothingLeft(before)
}

func TestPlainUserDataIsTheBootstrapData(t *testing.T) {
	w := newWorld(t)
	w.machine("m1", plainData)
	w.machine("m2", plainData, func(obj *infrav1.AWSMachine, _ *clusterv1.Machine) { obj.Spec.UncompressedUserData = aws.Bool(true) })
	w.settle("m1", w.ready("m1"))
	w.settle("m2", w.ready("m2"))
	if got := unzip(t, []byte(w.userData("m1"))); got != testData {
		t.Errorf("the compressed user data is %q", got)
	}
	if got := w.userData("m2"); got != testData {
		t.Errorf("the user data is %q", got)
	}
}

const ignitionData = `{"ignition":{"version":"3.4.0"}}`

func ignition(change func(*infrav1.Ignition)) func(*infrav1.AWSMachine, *clusterv1.Machine) {
	return func(obj *infrav1.AWSMachine, _ *clusterv1.Machine) {
		obj.Spec.Ignition = &infrav1.Ignition{Version: infrav1.IgnitionVersion34}
		change(obj.Spec.Ignition)
	}
}

func TestIgnitionIsReadFromTheBucket(t *testing.T) {
	for name, presign := range map[string]*string{"with a role": nil, "by a link": aws.String("1h")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(c *infrav1.AWSCluster) {
				c.Spec.S3Bucket = &infrav1.S3Bucket{Name: "boot", PresignedURLDuration: presign}
			})
			ctx, api := context.Background(), w.Session().S3
			w.machine("m1", ignition(func(*infrav1.Ignition) {}))
			w.setData("m1", ignitionData, "ignition")
			w.settle("m1", w.ready("m1"))
			want := "s3://boot/node/m1"
			if presign != nil {
				want = "/boot/node/m1?"
			}
			if data := w.userData("m1"); !strings.Contains(data, want) || !strings.Contains(data, `"merge"`) || !strings.Contains(data, `"3.4.0"`) {
				t.Errorf("the user data is %s", data)
			}
			out, err := api.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("boot"), Key: aws.String("node/m1")})
			w.Must(err)
			if data, err := io.ReadAll(out.Body); err != nil || string(data) != ignitionData {
				t.Errorf("the object holds %q (%v)", data, err)
			}
			w.delete("m1")
			if list, err := api.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String("boot")}); err != nil || len(list.Contents) > 0 {
				t.Errorf("%d objects are left (%v)", len(list.Contents), err)
			}
		})
	}
}

// TestTheDatasFormatSaysIgnition has templates say nothing of Ignition, as published ones don't.
func TestTheDatasFormatSaysIgnition(t *testing.T) {
	w := newWorld(t, func(c *infrav1.AWSCluster) { c.Spec.S3Bucket = &infrav1.S3Bucket{Name: "boot"} })
	w.machine("m1")
	w.setData("m1", ignitionData, "ignition")
	w.settle("m1", w.ready("m1"))
	if data := w.userData("m1"); !strings.Contains(data, "s3://boot/node/m1") || !strings.Contains(data, `"append"`) || !strings.Contains(data, `"2.3.0"`) {
		t.Errorf("the user data is %s", data)
	}
	if n := w.AWS.Counts()["secretsmanager.CreateSecret"]; n != 0 {
		t.Errorf("%d secrets were made beside the object", n)
	}
	w.delete("m1")
	list, err := w.Session().S3.ListObjectsV2(context.Background(), &s3.ListObjectsV2Input{Bucket: aws.String("boot")})
	w.Must(err)
	if counts := w.AWS.Counts(); len(list.Contents) > 0 || counts["secretsmanager.DeleteSecret"] != 0 {
		t.Errorf("%d objects are left, and %d secrets were deleted", len(list.Contents), counts["secretsmanager.DeleteSecret"])
	}
}

func TestIgnitionCanBeTheUserData(t *testing.T) {
	w := newWorld(t)
	w.machine("m1", ignition(func(i *infrav1.Ignition) { i.StorageType = infrav1.IgnitionStorageUnencryptedUserData }))
	w.setData("m1", ignitionData, "ignition")
	w.settle("m1", w.ready("m1"))
	if got := w.userData("m1"); got != ignitionData {
		t.Errorf("the user data is %q", got)
	}
}

// TestTwoHundredWorkersCostAtMostThreeCallsEach creates them with a warm mirror,
// and lets the mirror read what it reads by itself.
func TestTwoHundredWorkersCostAtMostThreeCallsEach(t *testing.T) {
	w := newWorld(t)
	w.machine("warm")
	w.settle("warm", w.ready("warm"))
	const workers = 200
	var names []string
	for i := range workers {
		names = append(names, fmt.Sprintf("w%d", i))
		w.machine(names[i])
	}
	w.AWS.ResetCounts()
	all := func() bool {
		for _, n := range names {
			if !w.ready(n)() {
				return false
			}
		}
		return true
	}
	for i := 0; i < 60 && !all(); i++ {
		for _, n := range names {
			_, err := w.reconcile(n)
			w.Must(err)
		}
		w.Elapse(time.Second)
	}
	if !all() {
		t.Fatal(w.describe(names[workers-1]))
	}
	total := 0
	for _, n := range w.AWS.Counts() {
		total += n
	}
	if total > 3*workers {
		t.Errorf("%d calls for %d workers, want at most %d: %v", total, workers, 3*workers, w.AWS.Counts())
	}
	t.Logf("%.2f calls each: %v", float64(total)/workers, w.AWS.Counts())
}
