package e2e

import (
	"context"
	"flag"
	"fmt"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// machines is the size of the fleet. A launch rate of two a second makes the
// default cost half a minute; `make bench-machines` takes 1,000.
var machines = flag.Int("machines", 50, "how many machines TestFleet creates at once")

const (
	// benchFleet is from when on a fleet is a measurement: the time that a smaller
	// one takes is made up of other things than AWS's buckets.
	benchFleet = 500
	// mostOfFloor is how many times the floor a launch of a bench fleet may take.
	mostOfFloor = 1.2
	// mostCallsPerMachine is the budget of a machine until it runs, polling included.
	mostCallsPerMachine = 3
	// instanceSweep is how often instances are listed at rest.
	instanceSweep = 13 * time.Second
	// creators create the fleet's objects at the same time.
	creators = 16
)

// AWS's buckets of launches, by "Request throttling for the Amazon EC2 API": every
// launch is a request of its own, as each machine has user data of its own.
var (
	launchRequests  = emulator.Bucket{Size: 5, Refill: 2}
	launchInstances = emulator.Bucket{Size: 1000, Refill: 2}
)

// launchFloor is the shortest time in which AWS lets that many launches through.
func launchFloor(n int) time.Duration {
	floor := 0.0
	for _, b := range []emulator.Bucket{launchRequests, launchInstances} {
		floor = max(floor, (float64(n)-b.Size)/b.Refill)
	}
	return time.Duration(floor * float64(time.Second))
}

// TestFleet creates many machines at once, with AWS's request rates on, and looks at
// what it costs until they run, at a resync and at rest, and until they are gone.
func TestFleet(t *testing.T) {
	w := newWorld(t)
	ns, cluster, n := w.namespace(), "fleet", *machines
	w.apply(ns, quickStart(cluster))
	w.waitReady(ns, cluster)
	w.aws.Configure(func(c *emulatorConfig) { c.RateLimits = true })
	w.waitIdle()

	t.Run("launch", func(t *testing.T) {
		end := w.stage(t, fmt.Sprintf("%d machines until they run", n))
		w.createFleet(ns, cluster, n)
		created := end.elapsed()
		w.waitFleet(ns, n)
		took, calls := end.report(), w.calls()
		floor := launchFloor(n)
		ratio := took.Seconds() / floor.Seconds()
		t.Logf("the objects were there after %.1f s; the buckets' floor is %.1f s: %.2f times that", created.Seconds(), floor.Seconds(), ratio)
		if n >= benchFleet && ratio > mostOfFloor {
			t.Errorf("it took %.2f times the floor, want at most %.2f", ratio, mostOfFloor)
		}
		if calls > mostCallsPerMachine*n {
			t.Errorf("it took %d calls, want at most %d for each machine", calls, mostCallsPerMachine)
		}
		if got := w.inventory()["ec2/instance"]; got != n {
			t.Errorf("there are %d instances, want %d", got, n)
		}
	})
	t.Run("resync", func(t *testing.T) {
		w.stopServer()
		w.aws.ResetCounts()
		end := w.stage(t, "a new process that looks at everything anew")
		w.startServer()
		end.before = usage{}
		w.waitIdle()
		w.waitIdle() // and nothing begins late
		end.report()
		if changes := w.mutations(); changes != 0 {
			t.Errorf("it changed AWS %d times: %v", changes, w.aws.Counts())
		}
	})
	t.Run("rest", func(t *testing.T) {
		const sweeps = 2
		end := w.stage(t, fmt.Sprintf("%d sweeps of instances at rest", sweeps))
		time.Sleep(sweeps * instanceSweep)
		end.report()
		// Sweeps are jittered, so one more may fall into the window.
		if got, most := w.aws.Counts()["ec2.DescribeInstances"], (sweeps+1)*pages(n); got == 0 || got > most {
			t.Errorf("%d listings of instances in %d sweeps, want at most %d", got, sweeps, most)
		}
	})
	t.Run("delete", func(t *testing.T) {
		end := w.stage(t, fmt.Sprintf("%d machines until nothing is left of them", n))
		w.deleteFleet(ns)
		w.waitGone(ns)
		end.report()
		if left := w.inventory(); left["ec2/instance"] > 0 || left["secretsmanager/secret"] > 0 || left["ec2/volume"] > 0 {
			t.Errorf("left are %v", left)
		}
	})
	w.aws.Configure(func(c *emulatorConfig) { c.RateLimits = false })
	w.deleteCluster(ns, cluster)
}

// pages is how many calls one listing of n instances takes.
func pages(n int) int { return (n + 999) / 1000 }

// stage is a part of the story, measured.
type stage struct {
	w      *world
	t      *testing.T
	name   string
	begin  time.Time
	before usage
}

// stage begins one: calls, throttles and peaks count from now on.
func (w *world) stage(t *testing.T, name string) *stage {
	w.aws.ResetCounts()
	w.aws.ClearLog()
	s := &stage{w: w, t: t, name: name}
	if w.process != nil {
		w.forgetPeak()
		s.before = w.usage()
	}
	s.begin = time.Now()
	return s
}

func (s *stage) elapsed() time.Duration { return time.Since(s.begin) }

// report ends the stage, prints what it took, and returns how long.
func (s *stage) report() time.Duration {
	took, now := s.elapsed(), s.w.usage()
	now.cpu -= s.before.cpu
	refused := map[string]int{}
	for _, e := range s.w.aws.Log() {
		if e.Code != "" {
			refused[e.Key()+" "+e.Code]++
		}
	}
	s.t.Logf("%s: %.1f s, %s, %d calls: %v; refused were %v", s.name, took.Seconds(), now, s.w.calls(), s.w.aws.Counts(), refused)
	return took
}

// calls counts all calls to AWS.
func (w *world) calls() int {
	total := 0
	for _, n := range w.aws.Counts() {
		total += n
	}
	return total
}

// createFleet creates Machines with bootstrap data of their own and their
// AWSMachines, as many at a time as a busy Cluster API would.
func (w *world) createFleet(ns, cluster string, n int) {
	w.t.Helper()
	names := make(chan string)
	var all sync.WaitGroup
	for range creators {
		all.Go(func() {
			for name := range names {
				for _, o := range fleetMachine(ns, cluster, name) {
					if err := w.client.Create(context.Background(), o); err != nil {
						w.t.Errorf("create %T %s: %v", o, name, err)
					}
				}
			}
		})
	}
	for i := range n {
		names <- fmt.Sprintf("m-%04d", i)
	}
	close(names)
	all.Wait()
}

func fleetMachine(ns, cluster, name string) []client.Object {
	meta := metav1.ObjectMeta{Namespace: ns, Name: name, Labels: map[string]string{clusterv1.ClusterNameLabel: cluster}}
	profile := "nodes.cluster-api-provider-aws.sigs.k8s.io"
	return []client.Object{
		&corev1.Secret{ObjectMeta: meta, Type: clusterv1.ClusterSecretType,
			StringData: map[string]string{"value": "#cloud-config\nruncmd: [echo " + name + "]\n", "format": "cloud-config"}},
		&infrav1.AWSMachine{ObjectMeta: meta, Spec: infrav1.AWSMachineSpec{InstanceType: "t3.large", IAMInstanceProfile: profile}},
		&clusterv1.Machine{ObjectMeta: meta, Spec: clusterv1.MachineSpec{ClusterName: cluster, Version: "v1.34.2",
			Bootstrap:         clusterv1.Bootstrap{DataSecretName: &name},
			InfrastructureRef: clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.GroupName, Kind: "AWSMachine", Name: name}}},
	}
}

// waitFleet waits until all instances run and all objects say so. It looks in AWS
// until then, so as not to disturb what is measured.
func (w *world) waitFleet(ns string, n int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience+3*launchFloor(n))
	defer cancel()
	w.poll(ctx, func() error {
		if have := w.inventory()["ec2/instance"]; have < n {
			return fmt.Errorf("%d of %d instances are there", have, n)
		}
		return nil
	})
	w.poll(ctx, func() error {
		ready := 0
		for _, m := range w.storedMachines(ctx, ns) {
			if isReady(m.Status.Conditions) {
				ready++
			}
		}
		if ready < n {
			return fmt.Errorf("%d of %d AWSMachines are ready", ready, n)
		}
		return nil
	})
}

// deleteFleet deletes each Machine, as kubectl and Cluster API do: one request for all of
// them takes longer than kube-apiserver lets a request take.
func (w *world) deleteFleet(ns string) {
	w.t.Helper()
	list := &clusterv1.MachineList{}
	must(w.t, w.client.List(context.Background(), list, client.InNamespace(ns)))
	var all errgroup.Group
	all.SetLimit(creators)
	for i := range list.Items {
		all.Go(func() error { return w.client.Delete(context.Background(), &list.Items[i]) })
	}
	must(w.t, all.Wait())
}

func (w *world) waitGone(ns string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	defer cancel()
	w.poll(ctx, func() error {
		if left := len(w.storedMachines(ctx, ns)); left > 0 {
			return fmt.Errorf("%d AWSMachines are left", left)
		}
		return nil
	})
}

// poll looks every second, until a check holds or ctx ends.
func (w *world) poll(ctx context.Context, check func() error) {
	w.t.Helper()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			w.t.Fatalf("%v\n%s", err, w.serverLog(60))
		case <-time.After(time.Second):
		}
	}
}

// storedMachines lists AWSMachines the way informers do.
func (w *world) storedMachines(ctx context.Context, ns string) []infrav1.AWSMachine {
	w.t.Helper()
	list := &infrav1.AWSMachineList{}
	must(w.t, w.client.List(ctx, list, client.InNamespace(ns), &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: "0"}}))
	return list.Items
}
