package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// The boundaries in the life of machines, in the order in which each becomes possible.
var (
	launchKills = []kill{
		{"CreateSecret", emulator.Hold},
		{"CreateSecret", emulator.HoldAfter},
		{"RunInstances", emulator.Hold},
		{"RunInstances", emulator.HoldAfter},
		{"RunInstances", emulator.HoldAfter},
		{"RegisterTargets", emulator.Hold},
		{"RegisterTargets", emulator.HoldAfter},
	}
	correctionKills = []kill{
		{"CreateTags", emulator.HoldAfter},
		{"ModifyNetworkInterfaceAttribute", emulator.HoldAfter},
	}
	endKills = []kill{
		{"DeregisterTargets", emulator.Hold},
		{"DeregisterTargets", emulator.HoldAfter},
		{"TerminateInstances", emulator.Hold},
		{"TerminateInstances", emulator.HoldAfter},
		{"DeleteSecret", emulator.HoldAfter},
	}
)

// TestSIGKILLAtEveryBoundaryOfMachinesMakesEachOnce kills the server again and
// again while machines come up, are changed, and go; new ids stay hidden for a
// while, as in AWS.
func TestSIGKILLAtEveryBoundaryOfMachinesMakesEachOnce(t *testing.T) {
	w := newWorld(t, "--creation-grace=8s", "--sweep-period=5s")
	ns, cluster := w.namespace(), "crash"
	w.apply(ns, quickStart(cluster))
	w.waitReady(ns, cluster)
	before := w.inventory()
	names := []string{"cp-0", "worker-0", "worker-1"}

	w.aws.Configure(func(c *emulatorConfig) { c.HideNewFor = 5 * time.Second })
	w.survive(launchKills, func() {
		for i, name := range names {
			w.apply(ns, machine(cluster, name, i == 0))
		}
	})
	w.waitMachines(ns, names...)
	w.onceEach(len(names))
	w.survive(correctionKills, func() {
		change := fmt.Sprintf(`{"spec": {"additionalTags": {"team": "a"}, "additionalSecurityGroups": [{"id": %q}]}}`,
			w.group(ns, cluster, infrav1.SecurityGroupAPIServerLB))
		for _, name := range names {
			w.kubectl("patch", "awsmachine", "-n", ns, name, "--type=merge", "-p", change)
		}
	})
	w.waitMachines(ns, names...)
	w.survive(endKills, func() { w.kubectl("delete", "machine", "-n", ns, "--all", "--wait=false") })
	w.leaves(ns, before)
	w.onceEach(len(names))
	w.deleteCluster(ns, cluster)
}

// TestKilledLeaderIsReplacedAndNothingIsMadeTwice has two servers with leader
// election, and kills the one that acts in the middle of a launch, and of a
// termination.
func TestKilledLeaderIsReplacedAndNothingIsMadeTwice(t *testing.T) {
	etcd := suite.local
	w := newWorld(t, "--etcd-servers="+etcd.EtcdServer, "--etcd-cafile="+etcd.EtcdCA, "--etcd-certfile="+etcd.EtcdClientCert,
		"--etcd-keyfile="+etcd.EtcdClientKey, "--leader-elect", "--creation-grace=20s")
	ns, cluster := w.namespace(), "pair"
	w.apply(ns, quickStart(cluster))
	w.waitReady(ns, cluster)
	before := w.inventory()
	names := []string{"cp-0", "worker-0", "worker-1"}
	w.aws.Configure(func(c *emulatorConfig) { c.HideNewFor = 10 * time.Second })

	leader, standby := w, w.twin()
	leader.arm([]kill{{"RunInstances", emulator.HoldAfter}})
	for i, name := range names {
		leader.apply(ns, machine(cluster, name, i == 0))
	}
	leader.eventually("a launch is in flight", func(context.Context) error { return leader.inFlight("RunInstances") })
	leader.kill()
	standby.waitServed()
	standby.waitMachines(ns, names...)
	standby.onceEach(len(names))

	leader, standby = standby, standby.twin()
	leader.arm([]kill{{"TerminateInstances", emulator.HoldAfter}})
	leader.kubectl("delete", "machine", "-n", ns, "--all", "--wait=false")
	leader.eventually("a termination is in flight", func(context.Context) error { return leader.inFlight("TerminateInstances") })
	leader.kill()
	standby.waitServed()
	standby.leaves(ns, before)
	standby.onceEach(len(names))
	standby.deleteCluster(ns, cluster)
}

// twin starts a second server beside the first, over the same store.
func (w *world) twin() *world {
	w.t.Helper()
	twin := *w
	twin.port, twin.webhook, twin.dataDir = freePort(w.t), freePort(w.t), w.t.TempDir()
	twin.launch()
	w.t.Cleanup(twin.stopServer)
	twin.eventually("the second server is there", func(context.Context) error {
		_, err := twin.ownMetrics()
		return err
	})
	return &twin
}

// waitMachines waits until the Machines say that their infrastructure is there.
func (w *world) waitMachines(ns string, names ...string) {
	w.t.Helper()
	for _, name := range names {
		w.eventually("Machine "+name+" has its infrastructure", func(ctx context.Context) error { return w.machineIsReady(ctx, ns, name) })
		w.eventually("AWSMachine "+name+" is ready", func(ctx context.Context) error {
			m := &infrav1.AWSMachine{}
			if err := w.client.Get(ctx, client.ObjectKey{Namespace: ns, Name: name}, m); err != nil {
				return err
			}
			if !isReady(m.Status.Conditions) {
				return fmt.Errorf("conditions are %s", pretty(m.Status.Conditions))
			}
			return nil
		})
	}
}

// onceEach checks that so many instances were ever made, ended ones included.
func (w *world) onceEach(want int) {
	w.t.Helper()
	out, err := w.ec2().DescribeInstances(context.Background(), &ec2.DescribeInstancesInput{})
	must(w.t, err)
	made := 0
	for _, r := range out.Reservations {
		made += len(r.Instances)
	}
	if made != want {
		w.t.Errorf("%d instances were made, want %d", made, want)
	}
}

// leaves waits until the machines are gone, and the account is as it was.
func (w *world) leaves(ns string, before map[string]int) {
	w.t.Helper()
	w.eventually("the machines are gone, and what belonged to them", func(context.Context) error {
		if out := w.kubectl("get", "machines,awsmachines", "-n", ns, "-o", "name"); out != "" {
			return fmt.Errorf("still there: %s", out)
		}
		for kind, n := range w.inventory() {
			if n != before[kind] {
				return fmt.Errorf("there are %d of %s, before there were %d", n, kind, before[kind])
			}
		}
		return nil
	})
}

func isReady(conditions []metav1.Condition) bool {
	return meta.IsStatusConditionTrue(conditions, infrav1.ReadyCondition)
}

// group returns the id of one of the cluster's security groups.
func (w *world) group(ns, cluster string, role infrav1.SecurityGroupRole) string {
	w.t.Helper()
	c, err := w.storedCluster(context.Background(), ns, cluster)
	must(w.t, err)
	return c.Status.NetworkStatus.SecurityGroups[role].ID
}
