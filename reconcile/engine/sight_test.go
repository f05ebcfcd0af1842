package engine_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// curious is a kind whose status says all that it was made of.
type curious struct {
	engine.Idle
	scene   engine.Scene[*infrav1.AWSMachine]
	cluster clusterv1.Cluster
	infra   infrav1.AWSCluster
	pools   infrav1.AWSMachinePoolList
	snap    *mirror.Snapshot
}

// made counts the views.
func kindOfCurious(made *atomic.Int32) engine.Kind[*infrav1.AWSMachine] {
	return engine.Kind[*infrav1.AWSMachine]{Name: "AWSMachine", Begin: func(ctx context.Context, s engine.Scene[*infrav1.AWSMachine]) (engine.Worker[*infrav1.AWSMachine], error) {
		made.Add(1)
		c := &curious{scene: s}
		if err := s.Ours.Get(ctx, enginetest.Key(enginetest.ClusterName), &c.infra); err != nil {
			return nil, err
		}
		if err := s.Host.Get(ctx, enginetest.Key(enginetest.ClusterName), &c.cluster); client.IgnoreNotFound(err) != nil {
			return nil, err
		}
		return c, s.Ours.List(ctx, &c.pools, client.InNamespace("default"))
	}}
}

func (c *curious) Bond() engine.Bond {
	site := cloud.SiteOf(&c.infra)
	return engine.Bond{Cluster: &c.cluster, Site: &site}
}

func (c *curious) View(snap *mirror.Snapshot) engine.View[*infrav1.AWSMachine] {
	seen := *c
	seen.snap = snap
	return &seen
}

func (c *curious) Wants() []mirror.Interest {
	return mirror.Whole(mirror.Instances.Kind, mirror.VPCs.Kind, mirror.Subnets.Kind)
}
func (c *curious) Unseen() (needed, wished []mirror.Interest) {
	return c.snap.Unseen(c.Wants()[:2]), c.snap.Unseen(c.Wants()[2:])
}
func (c *curious) Plan() plan.Plan                 { return plan.Plan{} }
func (c *curious) Record(*infrav1.AWSMachine) bool { return false }
func (c *curious) Former() []string                { return nil }
func (c *curious) Untouched() bool                 { return false }
func (c *curious) Stranded() string                { return "" }
func (c *curious) Proof() (time.Time, []mirror.Interest) {
	return time.Time{}, nil
}

// Status says what the view was made of, in no order that matters.
func (c *curious) Status(into *infrav1.AWSMachine) {
	recorders, _ := c.scene.Living.Recorders("i-1")
	namesakes, _ := c.scene.Living.Namesakes("AWSMachine", enginetest.ClusterName)
	holder, _ := c.scene.Living.ByUID("uid-of-other")
	row, _ := mirror.Get(c.snap, mirror.Instances, aws.ToString(c.scene.Object.Spec.InstanceID))
	state := ""
	if row != nil {
		state = string(row.State.Name)
	}
	var stray []bool
	for _, x := range recorders {
		stray = append(stray, x.Stray)
	}
	vpcs := mirror.Select(c.snap, mirror.VPCs, func(*mirror.VPC) bool { return true })
	c.scene.Since("")
	into.Status.FailureDomain = fmt.Sprint(c.scene.Object.Annotations, aws.ToString(c.infra.Spec.SSHKeyName), c.cluster.UID, aws.ToBool(c.cluster.Spec.Paused),
		len(c.pools.Items), len(recorders), stray, len(namesakes), holder != nil, state, len(vpcs), c.snap.Scope)
}

// TestASightIsKeptAsLongAsNothingChangedThatItFollowsFrom changes one thing after the
// other, and compares what is shown with what is shown by who remembers nothing.
func TestASightIsKeptAsLongAsNothingChangedThatItFollowsFrom(t *testing.T) {
	ctx := t.Context()
	other := func(cluster string) *infrav1.AWSMachine {
		return &infrav1.AWSMachine{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "other", UID: "uid-of-other", Labels: map[string]string{clusterv1.ClusterNameLabel: cluster}},
			Spec: infrav1.AWSMachineSpec{InstanceID: aws.String("i-1")}}
	}
	run := func(w *enginetest.World) string {
		images, err := w.Session().EC2.DescribeImages(ctx, &ec2.DescribeImagesInput{})
		w.Must(err)
		subnets, err := w.Session().EC2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{})
		w.Must(err)
		out, err := w.Session().EC2.RunInstances(ctx, &ec2.RunInstancesInput{ImageId: images.Images[0].ImageId, SubnetId: subnets.Subnets[0].SubnetId, InstanceType: "t3.large", MinCount: aws.Int32(1), MaxCount: aws.Int32(1)})
		w.Must(err)
		return *out.Instances[0].InstanceId
	}
	for name, c := range map[string]struct {
		before, change func(w *enginetest.World, m *infrav1.AWSMachine)
		same           bool
	}{
		"nothing":               {change: func(*enginetest.World, *infrav1.AWSMachine) {}, same: true},
		"something else in AWS": {change: func(w *enginetest.World, _ *infrav1.AWSMachine) { run(w) }, same: true},
		"another object of no concern": {change: func(w *enginetest.World, _ *infrav1.AWSMachine) {
			w.Make(&infrav1.AWSMachine{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "third"}})
		}, same: true},
		"the object": {change: func(w *enginetest.World, m *infrav1.AWSMachine) {
			m.Annotations = map[string]string{"a": "b"}
			w.Must(w.Kube.Update(ctx, m))
		}},
		"the infrastructure": {change: func(w *enginetest.World, _ *infrav1.AWSMachine) {
			cluster := w.TheCluster()
			cluster.Spec.SSHKeyName = aws.String("k")
			w.Must(w.Kube.Update(ctx, cluster))
		}},
		"pause": {change: func(w *enginetest.World, _ *infrav1.AWSMachine) {
			owner := enginetest.Get(w, &clusterv1.Cluster{}, enginetest.ClusterName)
			owner.Spec.Paused = aws.Bool(true)
			w.Must(w.Kube.Update(ctx, owner))
		}},
		"a relative is gone": {change: func(w *enginetest.World, _ *infrav1.AWSMachine) {
			w.Must(w.Kube.Delete(ctx, enginetest.Get(w, &clusterv1.Cluster{}, enginetest.ClusterName)))
		}},
		"a relative comes": {
			before: func(w *enginetest.World, _ *infrav1.AWSMachine) {
				w.Must(w.Kube.Delete(ctx, enginetest.Get(w, &clusterv1.Cluster{}, enginetest.ClusterName)))
			},
			change: func(w *enginetest.World, _ *infrav1.AWSMachine) { w.Make(enginetest.Owner(w.TheCluster())) },
		},
		"what was listed": {change: func(w *enginetest.World, _ *infrav1.AWSMachine) {
			w.Make(&infrav1.AWSMachinePool{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "p"}})
		}},
		"another object records the same": {change: func(w *enginetest.World, _ *infrav1.AWSMachine) { w.Make(other("c2")) }},
		"another object is of the cluster": {
			before: func(w *enginetest.World, _ *infrav1.AWSMachine) { w.Make(other("c2")) },
			change: func(w *enginetest.World, _ *infrav1.AWSMachine) {
				o := enginetest.Get(w, &infrav1.AWSMachine{}, "other")
				o.Labels[clusterv1.ClusterNameLabel] = enginetest.ClusterName
				w.Must(w.Kube.Update(ctx, o))
			},
		},
		"another object is gone": {
			before: func(w *enginetest.World, _ *infrav1.AWSMachine) { w.Make(other("c2")) },
			change: func(w *enginetest.World, _ *infrav1.AWSMachine) {
				w.Must(w.Kube.Delete(ctx, enginetest.Get(w, &infrav1.AWSMachine{}, "other")))
			},
		},
		"the Cluster of another object comes": {
			before: func(w *enginetest.World, _ *infrav1.AWSMachine) { w.Make(other("c2")) },
			change: func(w *enginetest.World, _ *infrav1.AWSMachine) {
				w.Make(&clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "c2"}})
			},
		},
		"the instance": {
			before: func(w *enginetest.World, m *infrav1.AWSMachine) {
				m.Spec.InstanceID = aws.String(run(w))
				w.Must(w.Kube.Update(ctx, m))
			},
			change: func(w *enginetest.World, m *infrav1.AWSMachine) {
				_, err := w.Session().EC2.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{*m.Spec.InstanceID}})
				w.Must(err)
			},
		},
		"what was looked for": {change: func(w *enginetest.World, _ *infrav1.AWSMachine) {
			_, err := w.Session().EC2.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.9.0.0/16")})
			w.Must(err)
		}},
		"where its AWS is": {change: func(w *enginetest.World, _ *infrav1.AWSMachine) {
			cluster := w.TheCluster()
			cluster.Spec.Region = "us-west-2"
			w.Must(w.Kube.Update(ctx, cluster))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := enginetest.Cluster()
			w := enginetest.New(t, enginetest.WorldTime, enginetest.Owner(cluster), cluster, &infrav1.AWSMachine{
				ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "m1", UID: "uid-of-m1"}, Spec: infrav1.AWSMachineSpec{InstanceType: "t3.large"}})
			get := func() *infrav1.AWSMachine { return enginetest.Get(w, &infrav1.AWSMachine{}, "m1") }
			vpc, err := w.Session().EC2.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
			w.Must(err)
			_, err = w.Session().EC2.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String("10.0.0.0/24")})
			w.Must(err)
			if c.before != nil {
				c.before(w, get())
			}
			var made, anew atomic.Int32
			o := enginetest.Observer(w, kindOfCurious(&made))
			show := func(o *engine.Observer[*infrav1.AWSMachine]) (string, engine.Freshness) {
				obj := get()
				w.AWSNow.Advance(10 * time.Minute)
				w.Now.Step(10 * time.Minute)
				w.Must(o.Refresh(ctx, obj, 0))
				shown, fresh := o.Project(ctx, obj)
				return shown.Status.FailureDomain, fresh
			}
			show(o)
			before, _ := show(o) // what was seen first was seen before anything was listed
			seen := made.Load()
			c.change(w, get())
			after, fresh := show(o)
			if kept := made.Load() == seen; kept != c.same || (before == after) != c.same {
				t.Errorf("kept: %t, want %t; before %q, after %q", kept, c.same, before, after)
			}
			if !fresh.ObservedTime.Equal(w.Now.Now()) || fresh.Err != nil {
				t.Errorf("it is as of %s, %v; want %s", fresh.ObservedTime, fresh.Err, w.Now.Now())
			}
			if want, _ := show(enginetest.Observer(w, kindOfCurious(&anew))); after != want {
				t.Errorf("%q is shown, and anew %q", after, want)
			}
		})
	}
}

// TestNothingIsKeptOfWhatCouldNotBeRead: it may be anything.
func TestNothingIsKeptOfWhatCouldNotBeRead(t *testing.T) {
	cluster := enginetest.Cluster()
	w := enginetest.New(t, enginetest.WorldTime, enginetest.Owner(cluster), cluster, &infrav1.AWSMachine{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "m1", UID: "uid-of-m1"}})
	var made atomic.Int32
	broken := true
	o := enginetest.Observer(w, kindOfCurious(&made))
	o.Ours = interceptor.NewClient(w.Kube, interceptor.Funcs{List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
		if broken {
			return context.DeadlineExceeded
		}
		return c.List(ctx, list, opts...)
	}})
	obj := enginetest.Get(w, &infrav1.AWSMachine{}, "m1")
	if o.Refresh(t.Context(), obj, 0) == nil {
		t.Error("what can't be read was refreshed")
	}
	broken = false
	w.Must(o.Refresh(t.Context(), obj, 0))
	if shown, fresh := o.Project(t.Context(), obj); shown == obj || fresh.Err != nil {
		t.Errorf("it is shown as %+v, %v", shown.Status, fresh.Err)
	}
}

// TestAnOutageIsToldOfWhatIsKept: how old facts are isn't a part of what is kept.
func TestAnOutageIsToldOfWhatIsKept(t *testing.T) {
	cluster := enginetest.Cluster()
	w := enginetest.New(t, enginetest.WorldTime, enginetest.Owner(cluster), cluster, &infrav1.AWSMachine{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "m1", UID: "uid-of-m1"}})
	var made atomic.Int32
	o, obj := enginetest.Observer(w, kindOfCurious(&made)), enginetest.Get(w, &infrav1.AWSMachine{}, "m1")
	for range 2 {
		w.Must(o.Refresh(t.Context(), obj, 0))
		o.Project(t.Context(), obj)
	}
	seen, at := made.Load(), w.Now.Now()
	w.AWS.Configure(func(c *emulator.Config) { c.Outage = "503" })
	w.Now.Step(time.Minute)
	if o.Refresh(t.Context(), obj, 0) == nil {
		t.Error("a refresh succeeded in an outage")
	}
	if _, fresh := o.Project(t.Context(), obj); made.Load() != seen || !fresh.ObservedTime.Equal(at) || fresh.Err == nil {
		t.Errorf("%d views more; as of %s with %v, want %s and why", made.Load()-seen, fresh.ObservedTime, fresh.Err, at)
	}
}

// TestNothingIsKeptForLongOfWhatNobodyReads: it may be gone, and there may be many of it.
func TestNothingIsKeptForLongOfWhatNobodyReads(t *testing.T) {
	cluster := enginetest.Cluster()
	machine := func(name string) *infrav1.AWSMachine {
		return &infrav1.AWSMachine{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, UID: types.UID("uid-of-" + name)}}
	}
	w := enginetest.New(t, enginetest.WorldTime, enginetest.Owner(cluster), cluster, machine("m1"), machine("m2"))
	var made atomic.Int32
	o := enginetest.Observer(w, kindOfCurious(&made))
	views := func(name string) int32 {
		before := made.Load()
		o.Project(t.Context(), enginetest.Get(w, &infrav1.AWSMachine{}, name))
		return made.Load() - before
	}
	for range 2 {
		w.Must(o.RefreshAll(t.Context(), 0, enginetest.Get(w, &infrav1.AWSMachine{}, "m1"), enginetest.Get(w, &infrav1.AWSMachine{}, "m2")))
	}
	for _, step := range []time.Duration{20 * time.Second, 20 * time.Second} {
		w.Now.Step(step)
		if n := views("m1"); n != 0 {
			t.Errorf("what is read makes %d views", n)
		}
	}
	if n := views("m2"); n != 1 {
		t.Errorf("what nobody read for 40 s makes %d views, want 1: it was to be forgotten", n)
	}
}

// TestAReadOfManyLooksOnceAtWhatTheyShare counts what a read of fifty machines asks.
func TestAReadOfManyLooksOnceAtWhatTheyShare(t *testing.T) {
	cluster := enginetest.Cluster()
	w := enginetest.New(t, enginetest.WorldTime, enginetest.Owner(cluster), cluster)
	var machines []*infrav1.AWSMachine
	for i := range 50 {
		name := fmt.Sprintf("m%d", i)
		w.Make(&infrav1.AWSMachine{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, UID: types.UID("uid-of-" + name)}})
		machines = append(machines, enginetest.Get(w, &infrav1.AWSMachine{}, name))
	}
	var made atomic.Int32
	var mu sync.Mutex
	reads := map[string]int{}
	o := enginetest.Observer(w, kindOfCurious(&made))
	o.Ours = interceptor.NewClient(w.Kube, interceptor.Funcs{Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
		mu.Lock()
		reads[fmt.Sprintf("%T", obj)]++
		mu.Unlock()
		return c.Get(ctx, key, obj, opts...)
	}})
	o.Host = o.Ours
	asked := &counted{Sessions: w.Sessions}
	o.Sessions = asked
	read := func(step time.Duration) (calls int) {
		w.Now.Step(step)
		asked.n.Store(0)
		before := len(w.AWS.Log())
		w.Must(o.RefreshAll(t.Context(), time.Second, machines...))
		clear(reads)
		o.ProjectAll(t.Context(), machines...)
		return len(w.AWS.Log()) - before
	}
	read(0)
	read(0)
	seen := made.Load()
	for what, c := range map[string]struct {
		step  time.Duration
		calls int
	}{"fresh": {0, 0}, "old": {10 * time.Second, 3}} {
		if calls := read(c.step); calls != c.calls || made.Load() != seen || reads["*v1beta2.Cluster"] > 1 || reads["*v2beta1.AWSCluster"] > 1 || asked.n.Load() != 1 {
			t.Errorf("%s facts: %d calls, want %d; %d views more; reads %v; %d questions for a session", what, calls, c.calls, made.Load()-seen, reads, asked.n.Load())
		}
	}
}

// counted counts who asks for a session.
type counted struct {
	engine.Sessions
	n atomic.Int32
}

func (c *counted) For(ctx context.Context, site cloud.Site) (*cloud.Session, error) {
	c.n.Add(1)
	return c.Sessions.For(ctx, site)
}
