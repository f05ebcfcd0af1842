package events

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

var home = cloud.Scope{Account: emulator.DefaultAccount, Region: "us-east-1"}

// world is an emulated AWS whose clock stands, and a mirror that is swept once an
// hour, so that all it learns in a test is by hints. Its own clock is real.
type world struct {
	*emulator.Emulator
	t       *testing.T
	now     *emulator.FakeClock
	session *cloud.Session
	mirror  *mirror.Mirror
	// clock is the watcher's.
	clock *clocktesting.FakeClock

	mu      sync.Mutex
	needed  []cloud.Scope
	notices []Notice
	reports []cloud.Error
}

func newWorld(t *testing.T) *world {
	t.Helper()
	start := time.Now().Truncate(time.Second)
	w := &world{t: t, now: emulator.NewFakeClock(start), clock: clocktesting.NewFakeClock(start), needed: []cloud.Scope{home}}
	w.Emulator = emulator.New(emulator.Options{Clock: w.now, Seed: 1})
	url, stop, err := w.Start("127.0.0.1:0")
	w.must(err)
	t.Cleanup(stop)
	unlimited := func(string, string) cloud.Limit { return cloud.Limit{Burst: 1e6, Refill: 1e6} }
	cfg := aws.Config{BaseEndpoint: aws.String(url), Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")}
	w.session = cloud.NewSession(cfg, cloud.NewLimiter(clock.RealClock{}, unlimited), home, "aws", "controller")
	w.mirror = mirror.New(mirror.Options{Tables: mirror.MachineTables, Periods: map[mirror.Kind]time.Duration{mirror.Instances.Kind: time.Hour}})
	w.mirror.Want("test", w.session, mirror.Whole(mirror.Instances.Kind)...)
	w.run(w.mirror.Run)
	return w
}

// run runs something until the test ends.
func (w *world) run(f func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() { f(ctx) })
	stop = func() { cancel(); ended.Wait() }
	w.t.Cleanup(stop)
	return stop
}

// watch starts a watcher of an installation.
func (w *world) watch(installation string) (stop func()) {
	watcher := New(Options{Mirror: w.mirror, Prefix: "capa", Installation: installation, Clock: w.clock,
		Needed: func() []cloud.Scope { w.mu.Lock(); defer w.mu.Unlock(); return w.needed },
		Notify: func(_ cloud.Scope, n Notice) { w.mu.Lock(); defer w.mu.Unlock(); w.notices = append(w.notices, n) },
		Report: func(_ cloud.Scope, e cloud.Error) { w.mu.Lock(); defer w.mu.Unlock(); w.reports = append(w.reports, e) },
	})
	return w.run(watcher.Run)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// eventually waits for what other goroutines do.
func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	for range 1500 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.t.Fatalf("never: %s; calls %v, reports %v, notices %v", what, w.Counts(), w.reports, w.notices)
}

// passes lets time pass on both clocks, a second at a time, until something holds.
func (w *world) passes(what string, holds func() bool) {
	w.t.Helper()
	w.eventually(what, func() bool {
		w.clock.Step(time.Second)
		w.now.Advance(time.Second)
		return holds()
	})
}

func (w *world) reported() []cloud.Error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reports
}

func (w *world) noticed() []Notice {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.notices
}

// receiving waits for a long poll to be under way: AWS counts it when it ends.
func (w *world) receiving() {
	w.t.Helper()
	w.eventually("messages are received", func() bool { return w.left()["rule/capa-ec2-rule"] != nil && w.now.Waiting() > 0 })
}

// instance launches a cluster's instance, and has the mirror see it run.
func (w *world) instance(spot bool) string {
	w.t.Helper()
	ctx := context.Background()
	images, err := w.session.EC2.DescribeImages(ctx, &ec2.DescribeImagesInput{Filters: []ec2types.Filter{{Name: aws.String("architecture"), Values: []string{"x86_64"}}}})
	w.must(err)
	vpc, err := w.session.EC2.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	w.must(err)
	subnet, err := w.session.EC2.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String("10.0.0.0/24")})
	w.must(err)
	in := &ec2.RunInstancesInput{ImageId: images.Images[0].ImageId, InstanceType: ec2types.InstanceTypeT3Large, SubnetId: subnet.Subnet.SubnetId,
		MinCount: aws.Int32(1), MaxCount: aws.Int32(1), TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeInstance,
			Tags: []ec2types.Tag{{Key: aws.String(mirror.OwnedTagPrefix + "c1"), Value: aws.String("owned")}}}}}
	if spot {
		in.InstanceMarketOptions = &ec2types.InstanceMarketOptionsRequest{MarketType: ec2types.MarketTypeSpot}
	}
	out, err := w.session.EC2.RunInstances(ctx, in)
	w.must(err)
	w.now.Advance(w.Config().InstanceDelay)
	id := aws.ToString(out.Instances[0].InstanceId)
	w.must(w.mirror.Refresh(ctx, home, 0, mirror.Instances.Kind))
	if w.state(id) != ec2types.InstanceStateNameRunning {
		w.t.Fatalf("instance %s is %s", id, w.state(id))
	}
	return id
}

func (w *world) state(id string) ec2types.InstanceStateName {
	row, ok := mirror.Get(w.mirror.Snapshot(home), mirror.Instances, id)
	if !ok {
		return "absent"
	}
	return row.State.Name
}

func (w *world) terminate(id string) {
	w.t.Helper()
	_, err := w.session.EC2.TerminateInstances(context.Background(), &ec2.TerminateInstancesInput{InstanceIds: []string{id}})
	w.must(err)
}

// act lets AWS do something by itself.
func (w *world) act(action, id string) {
	w.t.Helper()
	found, err := w.Act(action, "", home.Region, id)
	w.must(err)
	if !found {
		w.t.Fatalf("no %s for %s", action, id)
	}
}

// send puts a message of anybody's into the queue.
func (w *world) send(body any) {
	w.t.Helper()
	text, ok := body.(string)
	if !ok {
		data, err := json.Marshal(body)
		w.must(err)
		text = string(data)
	}
	url, err := w.session.SQS.GetQueueUrl(context.Background(), &sqs.GetQueueUrlInput{QueueName: aws.String("capa-queue")})
	w.must(err)
	_, err = w.session.SQS.SendMessage(context.Background(), &sqs.SendMessageInput{QueueUrl: url.QueueUrl, MessageBody: &text})
	w.must(err)
}

// left are the tags of queues and rules that are there, by type.
func (w *world) left() map[string]map[string]string {
	found := map[string]map[string]string{}
	for _, r := range w.Resources("", "") {
		if r.Type == "queue" || r.Type == "rule" {
			found[r.Type+"/"+r.ID] = r.Tags
		}
	}
	return found
}
