package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// TestMachinePoolMachinesLive has Cluster API make a Machine of each instance of a
// pool, which it does once it reaches the cluster's API.
func TestMachinePoolMachinesLive(t *testing.T) {
	w := newWorld(t, "--machine-pool-machines")
	ns, cluster := w.namespace(), "represented"
	w.apply(ns, quickStart(cluster))
	w.waitReady(ns, cluster)
	w.apply(ns, machine(cluster, "cp-0", true))
	w.eventually("the control plane's machine runs", func(ctx context.Context) error { return w.machineIsReady(ctx, ns, "cp-0") })
	w.initialize(ns, cluster, "cp-0")
	w.apply(ns, pool(cluster, "workers", "t3.large", 2))
	var first []string
	represented := func(n int) func(context.Context) error {
		return func(ctx context.Context) (err error) {
			first, err = w.poolMachines(ctx, ns, "workers", n)
			return errors.Join(err, w.poolIsReady(ctx, ns, "workers", n))
		}
	}
	w.eventually("two instances have Machines", represented(2))

	t.Run("a Machine that is deleted goes with its instance, and another one comes", func(t *testing.T) {
		gone := first[0]
		w.kubectl("delete", "machine", "-n", ns, gone, "--wait=false")
		w.eventually("two instances have Machines, and not the deleted one", func(ctx context.Context) error {
			if err := represented(2)(ctx); err != nil {
				return err
			}
			if slices.Contains(first, gone) {
				return fmt.Errorf("%s is still there", gone)
			}
			return nil
		})
	})
	t.Run("Machines follow the replicas", func(t *testing.T) {
		for _, n := range []int{3, 1} {
			w.kubectl("scale", "machinepool", "-n", ns, "workers", fmt.Sprintf("--replicas=%d", n))
			w.eventually(fmt.Sprintf("there are %d", n), represented(n))
		}
	})
	t.Run("deleting the cluster leaves nothing", func(t *testing.T) {
		w.deleteCluster(ns, cluster)
	})
}

// poolMachines returns the names of a pool's Machines, if there are so many, each
// with its AWSMachine and ready.
func (w *world) poolMachines(ctx context.Context, ns, pool string, n int) ([]string, error) {
	list, ours := &clusterv1.MachineList{}, &infrav1.AWSMachineList{}
	of := client.MatchingLabels{clusterv1.MachinePoolNameLabel: pool}
	if err := errors.Join(w.client.List(ctx, list, client.InNamespace(ns), of), w.client.List(ctx, ours, client.InNamespace(ns), of)); err != nil {
		return nil, err
	}
	if len(list.Items) != n || len(ours.Items) != n {
		return nil, fmt.Errorf("there are %d Machines and %d AWSMachines, want %d", len(list.Items), len(ours.Items), n)
	}
	var names []string
	for _, m := range list.Items {
		if !m.DeletionTimestamp.IsZero() {
			return nil, fmt.Errorf("%s is being deleted: %s", m.Name, pretty(m.Status.Conditions))
		}
		if err := w.machineIsReady(ctx, ns, m.Name); err != nil {
			return nil, err
		}
		names = append(names, m.Name)
	}
	return names, nil
}
