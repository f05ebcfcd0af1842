package awsmachine

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// crew are workers that reconcile what is in the queue, as the controller does.
type crew struct {
	w     *world
	queue workqueue.TypedRateLimitingInterface[reconcile.Request]
	// launched gets each machine once, when its instance's id is recorded.
	launched chan client.ObjectKey
	known    sync.Map
	all      sync.WaitGroup
}

// crew puts so many to work.
func (w *world) crew(workers, machines int) *crew {
	w.T.Helper()
	c := &crew{w: w, queue: workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]()),
		launched: make(chan client.ObjectKey, machines)}
	w.Must(w.reconciler.Feed(context.Background(), c.queue))
	for range workers {
		c.all.Go(c.work)
	}
	return c
}

func (c *crew) work() {
	for {
		request, stopped := c.queue.Get()
		if stopped {
			return
		}
		if result, err := c.w.reconciler.Reconcile(context.Background(), request); err != nil || result.RequeueAfter == time.Second {
			c.queue.AddRateLimited(request)
		}
		c.queue.Done(request)
		if instance.RecordedID(&c.w.get(request.Name).Spec) != "" {
			if _, known := c.known.LoadOrStore(request.NamespacedName, true); !known {
				c.launched <- request.NamespacedName
			}
		}
	}
}

// add makes machines and has them reconciled.
func (c *crew) add(prefix string, n int, change ...func(*infrav1.AWSMachine, *clusterv1.Machine)) {
	for i := range n {
		name := fmt.Sprintf("%s%d", prefix, i)
		c.w.machine(name, append(change, plainData)...)
		c.queue.Add(reconcile.Request{NamespacedName: key(name)})
	}
}

// wait waits for so many launches and sends the workers home.
func (c *crew) wait(launches int) {
	c.w.T.Helper()
	for range launches {
		select {
		case <-c.launched:
		case <-c.w.T.Context().Done():
			c.w.T.Fatal("the line got stuck")
		}
	}
	c.queue.ShutDown()
	c.all.Wait()
}

// TestCrowdIsLaunchedCompletelyAndOnce has many workers reconcile more machines
// than may launch at once; those in line are only called up, never polled for.
func TestCrowdIsLaunchedCompletelyAndOnce(t *testing.T) {
	w := newWorld(t)
	const machines = 60
	c := w.crew(20, machines)
	c.add("m", machines)
	c.wait(machines)
	if n := w.made(); n != machines {
		t.Errorf("%d instances were made, want %d", n, machines)
	}
	if n := w.AWS.Counts()["ec2.RunInstances"]; n != machines {
		t.Errorf("%d launches for %d machines", n, machines)
	}
}

// TestManyLaunchesOfOneClusterDoNotHoldUpAnother stops AWS in the middle of a
// crowd's launches, until a small cluster wants some too.
func TestManyLaunchesOfOneClusterDoNotHoldUpAnother(t *testing.T) {
	w := newWorld(t)
	const many, few = 500, 5
	w.secondCluster("other")
	hold := w.AWS.Faults().Set(emulator.Fault{Operation: "RunInstances", Mode: emulator.Hold})
	c := w.crew(20, many+few)
	c.add("m", many)
	w.inLine(many-launchesAtOnce, launchesAtOnce)
	c.add("few", few, belongsTo("other"))
	w.inLine(many+few-launchesAtOnce, launchesAtOnce)
	w.AWS.Faults().Remove(hold)
	w.AWS.Release()
	c.wait(many + few)

	order := w.launchOrder()
	last := 0
	for i, name := range order {
		if strings.HasPrefix(name, "few") {
			last = i + 1
		}
	}
	t.Logf("the last of %d launches was the %dth of %d", few, last, len(order))
	// Those that had begun, then turn by turn; many are under way at a time, and end in
	// any order.
	if most := 6 * launchesAtOnce; last > most || len(order) != many+few {
		t.Errorf("of %d launches, the last of the small cluster's %d was the %dth; want it among the first %d", len(order), few, last, most)
	}
}

// secondCluster makes a Cluster and an AWSCluster that stand on the same network, which
// is shared with them.
func (w *world) secondCluster(name string) {
	w.T.Helper()
	infra, owner := w.cluster(), &clusterv1.Cluster{}
	w.Must(w.Kube.Get(context.Background(), key(testName), owner))
	status := infra.Status
	infra.ObjectMeta = metav1.ObjectMeta{Namespace: "default", Name: name, UID: types.UID("uid-of-" + name)}
	owner.ObjectMeta = metav1.ObjectMeta{Namespace: "default", Name: name, UID: types.UID("owner-" + name)}
	owner.Spec.InfrastructureRef.Name = name
	w.Must(w.Kube.Create(context.Background(), owner))
	w.Must(w.Kube.Create(context.Background(), infra))
	infra.Status = status
	w.Must(w.Kube.Status().Update(context.Background(), infra))
	_, err := w.Session().EC2.CreateTags(context.Background(), &ec2.CreateTagsInput{Resources: []string{infra.Spec.Network.VPC.ID},
		Tags: []ec2types.Tag{{Key: aws.String(names.TagOwnedPrefix + name), Value: aws.String(names.Shared)}}})
	w.Must(err)
	w.Pass(time.Minute)
}

func belongsTo(cluster string) func(*infrav1.AWSMachine, *clusterv1.Machine) {
	return func(obj *infrav1.AWSMachine, owner *clusterv1.Machine) {
		obj.Labels = map[string]string{clusterv1.ClusterNameLabel: cluster}
		owner.Labels, owner.Spec.ClusterName = obj.Labels, cluster
	}
}

// inLine waits until so many machines wait for their turn, and AWS holds so many
// launches.
func (w *world) inLine(waiting, held int) {
	w.T.Helper()
	for w.T.Context().Err() == nil && (w.reconciler.gate.waiting() != waiting || len(w.AWS.Held()) != held) {
		time.Sleep(time.Millisecond)
	}
}

func (g *gate) waiting() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for _, s := range g.scopes {
		for _, line := range s.waiting {
			n += len(line)
		}
	}
	return n
}

// launchOrder returns the names of the machines in the order of their launches.
func (w *world) launchOrder() []string {
	w.T.Helper()
	byID := map[string]string{}
	for _, i := range w.instances() {
		byID[aws.ToString(i.InstanceId)] = instance.Tag(i.Tags, "Name")
	}
	var order []string
	for _, e := range w.AWS.Log() {
		if e.Operation != "RunInstances" {
			continue
		}
		for _, id := range e.Resources {
			if name, ok := byID[id]; ok {
				order = append(order, name)
			}
		}
	}
	return order
}
