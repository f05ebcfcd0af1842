package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// longSweep is a sweep period that no test waits for: who learns of a change
// meanwhile learned it otherwise.
const longSweep = 10 * time.Minute

// TestWatchersLearnOfEndedInstances measures how long after the end of an instance
// in AWS a watch shows it, with the usual sweeps and with AWS's events alone.
func TestWatchersLearnOfEndedInstances(t *testing.T) {
	for _, c := range []struct {
		name  string
		flags []string
	}{
		{"sweeps alone", nil},
		{"events alone", []string{"--events", fmt.Sprintf("--instance-sweep-period=%s", longSweep)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, c.flags...)
			ns, cluster := w.namespace(), "watched"
			w.apply(ns, quickStart(cluster))
			w.waitReady(ns, cluster)
			for i := range 4 {
				w.apply(ns, machine(cluster, fmt.Sprintf("worker-%d", i), false))
			}
			for i := range 4 {
				w.eventually("the machine runs", func(ctx context.Context) error { return w.machineIsReady(ctx, ns, fmt.Sprintf("worker-%d", i)) })
			}
			var took []time.Duration
			for i := range 4 {
				took = append(took, w.watchedEnd(ns, fmt.Sprintf("worker-%d", i)))
			}
			t.Logf("a watch showed the end of an instance after %v", took)
			if len(c.flags) > 0 {
				w.checkMonitoring(ns)
			}
			w.kubectl("delete", "machines", "-n", ns, "--all", "--wait=false")
			w.deleteCluster(ns, cluster) // rule and queue included
		})
	}
}

// watchedEnd terminates a machine's instance and returns how long after that a
// watch showed it.
func (w *world) watchedEnd(ns, name string) time.Duration {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	watcher, err := client.NewWithWatch(w.config, client.Options{Scheme: clientScheme(w.t)})
	must(w.t, err)
	m := w.storedMachine(ctx, ns, name)
	list := &infrav1.AWSMachineList{}
	list.ResourceVersion = m.ResourceVersion
	seen, err := watcher.Watch(ctx, list, &client.ListOptions{Namespace: ns, Raw: &metav1.ListOptions{ResourceVersion: m.ResourceVersion}})
	must(w.t, err)
	defer seen.Stop()
	began := time.Now()
	_, err = w.ec2().TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{instanceID(m)}})
	must(w.t, err)
	for {
		select {
		case <-ctx.Done():
			w.t.Fatalf("no watch showed the end of %s within %s\n%s", name, patience, w.serverLog(40))
		case e, open := <-seen.ResultChan():
			if !open || e.Type == watch.Error {
				w.t.Fatalf("the watch ended: %+v", e)
			}
			now, ok := e.Object.(*infrav1.AWSMachine)
			if ok && now.Name == name && now.Status.InstanceState != nil && *now.Status.InstanceState != infrav1.InstanceStateRunning {
				return time.Since(began)
			}
		}
	}
}

// storedMachine reads an AWSMachine the way informers do; it is empty while there is none.
func (w *world) storedMachine(ctx context.Context, ns, name string) *infrav1.AWSMachine {
	w.t.Helper()
	m := &infrav1.AWSMachine{}
	must(w.t, w.stored(ctx, ns, name, m))
	return m
}

func instanceID(m *infrav1.AWSMachine) string {
	if m.Spec.ProviderID == nil {
		return ""
	}
	return (*m.Spec.ProviderID)[strings.LastIndex(*m.Spec.ProviderID, "/")+1:]
}

// TestSpotInterruptionIsTold takes a spot machine from the warning to its end.
func TestSpotInterruptionIsTold(t *testing.T) {
	w := newWorld(t, "--events")
	ns, cluster := w.namespace(), "spot"
	w.apply(ns, quickStart(cluster))
	w.waitReady(ns, cluster)
	w.apply(ns, machine(cluster, "worker-0", false)+"  spotMarketOptions: {}\n")
	w.eventually("the machine runs", func(ctx context.Context) error { return w.machineIsReady(ctx, ns, "worker-0") })
	id := instanceID(w.storedMachine(context.Background(), ns, "worker-0"))
	announced := func(reason string) func(ctx context.Context) error {
		return func(ctx context.Context) error {
			m := w.storedMachine(ctx, ns, "worker-0")
			if c := meta.FindStatusCondition(m.Status.Conditions, infrav1.InterruptionAnnouncedCondition); c == nil || c.Reason != reason {
				return fmt.Errorf("the conditions are %s", pretty(m.Status.Conditions))
			}
			if out := w.kubectl("get", "events", "-n", ns, "--field-selector", "reason="+reason, "-o", "jsonpath={.items[*].involvedObject.name}"); out != "worker-0" {
				return fmt.Errorf("the Events of %s are about %q", reason, out)
			}
			return nil
		}
	}
	for _, c := range []struct{ action, reason string }{
		{"rebalance-recommendation", infrav1.RebalanceRecommendedReason}, {"spot-interruption", infrav1.SpotInterruptionReason}} {
		found, err := w.aws.Act(c.action, "", region, id)
		must(t, err)
		if !found {
			t.Fatalf("no %s for %s", c.action, id)
		}
		w.eventually("the machine says "+c.reason, announced(c.reason))
	}
	w.kubectl("delete", "machines", "-n", ns, "--all", "--wait=false")
	w.deleteCluster(ns, cluster)
}
