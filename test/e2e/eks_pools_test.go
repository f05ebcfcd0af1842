package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// nodegroup is what there is of the one node group of an EKS cluster.
type nodegroup struct {
	machinePool clusterv1.MachinePool
	pool        infrav1.AWSManagedMachinePool
}

// group finds it.
func (e *eksCluster) group(ctx context.Context) (*nodegroup, error) {
	machinePools := &clusterv1.MachinePoolList{}
	if err := e.w.client.List(ctx, machinePools, client.InNamespace(e.namespace), client.MatchingLabels{clusterv1.ClusterNameLabel: e.cluster}); err != nil {
		return nil, err
	}
	if len(machinePools.Items) != 1 {
		return nil, fmt.Errorf("there are %d MachinePools", len(machinePools.Items))
	}
	g := &nodegroup{machinePool: machinePools.Items[0]}
	key := client.ObjectKey{Namespace: e.namespace, Name: g.machinePool.Spec.Template.Spec.InfrastructureRef.Name}
	return g, e.w.client.Get(ctx, key, &g.pool)
}

// node is one as kubectl shows it in the workload cluster.
type node struct{ name, ready, version, providerID string }

func (e *eksCluster) nodes(kubeconfig, selector string) ([]node, error) {
	out, err := e.kubectl(kubeconfig, "get", "nodes", "-l", selector, "-o",
		`jsonpath={range .items[*]}{.metadata.name}{" "}{.status.conditions[?(@.type=="Ready")].status}{" "}{.status.nodeInfo.kubeletVersion}{" "}{.spec.providerID}{"\n"}{end}`)
	if err != nil {
		return nil, fmt.Errorf("kubectl get nodes: %w: %s", err, out)
	}
	var all []node
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) == 4 {
			all = append(all, node{f[0], f[1], f[2], f[3]})
		}
	}
	return all, nil
}

// waitNodes waits until so many nodes of a minor version are there, for kubectl, for Cluster API and for the pool.
func (e *eksCluster) waitNodes(kubeconfig string, count int, minor, selector string) []node {
	e.w.t.Helper()
	var nodes []node
	e.w.within(joinPatience, fmt.Sprintf("%d nodes of %s", count, minor), func(ctx context.Context) error {
		g, err := e.group(ctx)
		if err != nil {
			return err
		}
		if nodes, err = e.nodes(kubeconfig, selector); err != nil {
			return err
		}
		for _, n := range nodes {
			if n.ready != "True" || !strings.HasPrefix(n.version, minor+".") || !slices.Contains(g.pool.Spec.ProviderIDList, n.providerID) {
				return fmt.Errorf("node %v isn't as it should be, the pool has %v:\n%s", n, g.pool.Spec.ProviderIDList, e.describePools())
			}
		}
		s := &g.machinePool.Status
		if len(nodes) != count || len(g.pool.Spec.ProviderIDList) != count || len(s.NodeRefs) != count || s.ReadyReplicas == nil || int(*s.ReadyReplicas) != count {
			return fmt.Errorf("kubectl sees %d nodes, the pool has %v, its MachinePool %s:\n%s", len(nodes), g.pool.Spec.ProviderIDList, pretty(s), e.describePools())
		}
		if !g.pool.Status.Ready || g.pool.Status.Nodegroup == nil || g.pool.Status.Nodegroup.Status != "ACTIVE" || int(g.pool.Status.Replicas) != count {
			return fmt.Errorf("the pool isn't ready: %s", pretty(g.pool.Status))
		}
		return nil
	})
	return nodes
}

// describePools is what the pools say of themselves.
func (e *eksCluster) describePools() string {
	out, _ := e.w.tryKubectl("", "get", "machinepool,awsmanagedmachinepool,awsmanagedcontrolplane", "-n", e.namespace, "-o",
		`jsonpath={range .items[*]}{.kind}{"\n"}{range .status.conditions[*]}  {.type}={.status} {.reason}: {.message}{"\n"}{end}{end}`)
	return out
}

// waitVersion waits until the control plane runs a version.
func (e *eksCluster) waitVersion(version string) {
	e.w.t.Helper()
	e.w.within(joinPatience, "the control plane is "+version, func(ctx context.Context) error {
		planes := &controlplanev1.AWSManagedControlPlaneList{}
		if err := e.w.client.List(ctx, planes, client.InNamespace(e.namespace)); err != nil || len(planes.Items) != 1 {
			return fmt.Errorf("there are %d control planes, %w", len(planes.Items), err)
		}
		if at := planes.Items[0].Status.Version; at == nil || *at != version {
			return fmt.Errorf("it is %s:\n%s", pretty(at), e.describe())
		}
		return nil
	})
}

func none(nodes, before []node) bool {
	return !slices.ContainsFunc(nodes, func(n node) bool { return slices.Contains(before, n) })
}

// TestEKSManagedMachinePoolTemplate takes the published template with a managed node group to nodes, and these through
// their life.
func TestEKSManagedMachinePoolTemplate(t *testing.T) {
	w := newWorld(t)
	e := w.newEKSCluster("eks")
	manifest := besideKubeadm(template{file: "cluster-template-eks-managedmachinepool.yaml"}.render(t, e.cluster))
	w.apply(e.namespace, manifest)
	timed(t, "the cluster is available", e.waitAvailable)
	kubeconfig := e.kubeconfig()
	timed(t, "3 nodes join", func() { e.waitNodes(kubeconfig, 3, "v1.34", "") })
	e.checkPods(kubeconfig, 3)
	before := w.mutations()
	w.apply(e.namespace, manifest)
	if now := w.mutations(); now != before {
		t.Errorf("applying again made %d calls that change AWS", now-before)
	}
	timed(t, "a 4th joins", func() {
		w.kubectl("scale", "machinepool", "-n", e.namespace, e.cluster+"-pool-0", "--replicas=4")
		e.waitNodes(kubeconfig, 4, "v1.34", "")
	})
	timed(t, "2 stay", func() {
		w.kubectl("scale", "machinepool", "-n", e.namespace, e.cluster+"-pool-0", "--replicas=2")
		e.waitNodes(kubeconfig, 2, "v1.34", "")
	})
	old := e.waitNodes(kubeconfig, 2, "v1.34", "")
	timed(t, "control plane and nodes are of the next version", func() {
		w.kubectl("patch", "awsmanagedcontrolplane.v2beta1.controlplane.cluster.x-k8s.io", "-n", e.namespace, e.cluster+"-control-plane", "--type=merge", "-p", `{"spec":{"version":"v1.35.0"}}`)
		e.waitVersion("v1.35.0")
		w.kubectl("patch", "machinepool", "-n", e.namespace, e.cluster+"-pool-0", "--type=merge", "-p", `{"spec":{"template":{"spec":{"version":"v1.35.0"}}}}`)
		if nodes := e.waitNodes(kubeconfig, 2, "v1.35", ""); !none(nodes, old) {
			t.Errorf("nodes %v are of before: %v", nodes, old)
		}
	})
	timed(t, "labels and taints reach the node group", func() {
		w.kubectl("patch", "awsmanagedmachinepool.v1beta2.infrastructure.cluster.x-k8s.io", "-n", e.namespace, e.cluster+"-pool-0", "--type=merge",
			"-p", `{"spec":{"labels":{"example.com/role":"web"},"taints":[{"key":"web","value":"","effect":"prefer-no-schedule"}]}}`)
		e.waitNodes(kubeconfig, 2, "v1.35", "example.com/role=web")
	})
	timed(t, "all is gone", func() { w.deleteCluster(e.namespace, e.cluster) })
}
