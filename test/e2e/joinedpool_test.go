package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func (f *joinedCluster) pool() string { return f.cluster + "-mp-0" }

// livePool has the workers come as a pool and be replaced by those of another instance type.
func livePool(f *joinedCluster, tpl template) {
	t := f.w.t
	timed(t, "a control plane and a pool of 3 join", func() { f.waitPool("t3.large", 3) })
	f.check(tpl)
	before, bootstrap := f.poolInstances(), aws.ToString(f.machinePool().Spec.Template.Spec.Bootstrap.DataSecretName)
	for id, i := range before {
		t.Run(id, func(t *testing.T) {
			f.checkInstance(t, tpl, member{machine: f.pool(), instance: id, bootstrap: bootstrap, version: kubernetesVersion}, i)
		})
	}
	timed(t, "an instance refresh replaces the pool's instances", func() {
		f.w.kubectl("patch", "awsmachinepool.v1beta2.infrastructure.cluster.x-k8s.io", "-n", f.namespace, f.pool(), "--type=merge",
			"-p", `{"spec":{"defaultInstanceWarmup":"1s","awsLaunchTemplate":{"instanceType":"t3.xlarge"}}}`)
		f.waitPool("t3.xlarge", 3)
	})
	for id := range f.poolInstances() {
		if _, old := before[id]; old {
			t.Errorf("instance %s is of before the refresh", id)
		}
	}
	timed(t, "a 4th joins", func() {
		f.w.kubectl("scale", "machinepool", "-n", f.namespace, f.pool(), "--replicas=4")
		f.waitPool("t3.xlarge", 4)
	})
}

// waitPool waits until the pool has so many instances, all of the type and joined, beside the control planes.
func (f *joinedCluster) waitPool(instanceType string, instances int) {
	f.w.t.Helper()
	f.within(fmt.Sprintf("%d instances of type %s in the pool are nodes", instances, instanceType), func(ctx context.Context) error {
		for _, m := range f.machines() {
			if m.deleting || m.problem != "" || m.node == "" {
				return fmt.Errorf("not yet: %+v", m)
			}
		}
		if err := f.w.poolIsReady(ctx, f.namespace, f.pool(), instances); err != nil {
			return err
		}
		if difference := f.poolDifference(instanceType); difference != "" {
			return fmt.Errorf("the pool's list, nodes or instances aren't the same:\n%s", difference)
		}
		if p := f.machinePool(); p.Status.ReadyReplicas == nil || int(*p.Status.ReadyReplicas) != instances {
			return fmt.Errorf("not all nodes are ready: %s", pretty(p.Status))
		}
		return nil
	})
}

// poolDifference compares what AWS runs with the type, with the list of provider ids and with Cluster API's nodes.
func (f *joinedCluster) poolDifference(instanceType string) string {
	f.w.t.Helper()
	var want, have struct{ IDs, Types, Nodes []string }
	for id, i := range f.poolInstances() {
		want.IDs = append(want.IDs, fmt.Sprintf("aws:///%s/%s", aws.ToString(i.Placement.AvailabilityZone), id))
		want.Types, have.Types = append(want.Types, instanceType), append(have.Types, string(i.InstanceType))
		want.Nodes = append(want.Nodes, aws.ToString(i.PrivateDnsName))
	}
	have.IDs = f.w.providerIDs(f.namespace, f.pool())
	for _, node := range f.machinePool().Status.NodeRefs {
		have.Nodes = append(have.Nodes, node.Name)
	}
	return gocmp.Diff(want, have, cmpopts.SortSlices(strings.Compare))
}

func (f *joinedCluster) machinePool() *clusterv1.MachinePool {
	f.w.t.Helper()
	p := &clusterv1.MachinePool{}
	must(f.w.t, f.w.client.Get(context.Background(), client.ObjectKey{Namespace: f.namespace, Name: f.pool()}, p))
	return p
}

// poolInstances are the running instances that aren't Machines, by id.
func (f *joinedCluster) poolInstances() map[string]ec2types.Instance {
	f.w.t.Helper()
	running, err := f.running(context.Background())
	must(f.w.t, err)
	for _, m := range f.machines() {
		delete(running, m.instance)
	}
	return running
}
