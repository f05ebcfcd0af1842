package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
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
type node struct{ name, ready, version, providerID, taints string }

func (e *eksCluster) nodes(kubeconfig, selector string) ([]node, error) {
	out, err := e.kubectl(kubeconfig, "get", "nodes", "-l", selector, "-o",
		`jsonpath={range .items[*]}{.metadata.name}{" "}{.status.conditions[?(@.type=="Ready")].status}{" "}{.status.nodeInfo.kubeletVersion}{" "}{.spec.providerID}{" "}{.spec.taints[*].key}{"\n"}{end}`)
	if err != nil {
		return nil, fmt.Errorf("kubectl get nodes: %w: %s", err, out)
	}
	var all []node
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) >= 4 {
			all = append(all, node{f[0], f[1], f[2], f[3], strings.Join(f[4:], " ")})
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
				return fmt.Errorf("node %v isn't as it should be, the pool has %v", n, g.pool.Spec.ProviderIDList)
			}
		}
		s := &g.machinePool.Status
		if len(nodes) != count || len(g.pool.Spec.ProviderIDList) != count || len(s.NodeRefs) != count || s.ReadyReplicas == nil || int(*s.ReadyReplicas) != count {
			return fmt.Errorf("kubectl sees %d nodes, the pool has %v, its MachinePool %s", len(nodes), g.pool.Spec.ProviderIDList, pretty(s))
		}
		if !g.pool.Status.Ready || g.pool.Status.Nodegroup == nil || g.pool.Status.Nodegroup.Status != "ACTIVE" || int(g.pool.Status.Replicas) != count {
			return fmt.Errorf("the pool isn't ready: %s", pretty(g.pool.Status))
		}
		return nil
	}, e.describePools)
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
	e.within("the control plane is "+version, func(ctx context.Context) error {
		planes := &controlplanev1.AWSManagedControlPlaneList{}
		if err := e.w.client.List(ctx, planes, client.InNamespace(e.namespace)); err != nil || len(planes.Items) != 1 {
			return fmt.Errorf("there are %d control planes, %w", len(planes.Items), err)
		}
		if at := planes.Items[0].Status.Version; at == nil || *at != version {
			return fmt.Errorf("it is %s", pretty(at))
		}
		return nil
	})
}

// none tells whether no node is one of before.
func none(nodes, before []node) bool {
	return !slices.ContainsFunc(nodes, func(n node) bool {
		return slices.ContainsFunc(before, func(old node) bool { return old.name == n.name })
	})
}

// liveManaged has a managed node group be scaled, upgraded, changed, and deleted in AWS.
func (e *eksCluster) liveManaged() {
	w, t := e.w, e.w.t
	kubeconfig := e.kubeconfig()
	timed(t, "a 4th joins", func() {
		w.kubectl("scale", "machinepool", "-n", e.namespace, e.cluster+"-pool-0", "--replicas=4")
		e.waitNodes(kubeconfig, 4, "v1.34", "")
	})
	var old []node
	timed(t, "2 stay", func() {
		w.kubectl("scale", "machinepool", "-n", e.namespace, e.cluster+"-pool-0", "--replicas=2")
		old = e.waitNodes(kubeconfig, 2, "v1.34", "")
	})
	timed(t, "control plane and nodes are of the next version", func() {
		e.upgradeControlPlane()
		w.kubectl("patch", "machinepool", "-n", e.namespace, e.cluster+"-pool-0", "--type=merge", "-p", `{"spec":{"template":{"spec":{"version":"v1.35.0"}}}}`)
		if nodes := e.waitNodes(e.kubeconfig(), 2, "v1.35", ""); !none(nodes, old) {
			t.Errorf("nodes %v are of before: %v", nodes, old)
		}
	})
	timed(t, "labels and taints reach the nodes", func() {
		w.kubectl("patch", "awsmanagedmachinepool.v1beta2.infrastructure.cluster.x-k8s.io", "-n", e.namespace, e.cluster+"-pool-0", "--type=merge",
			"-p", `{"spec":{"labels":{"example.com/role":"web"},"taints":[{"key":"web","value":"","effect":"prefer-no-schedule"}]}}`)
		e.within("the nodes have the taint", func(context.Context) error {
			old = e.waitNodes(e.kubeconfig(), 2, "v1.35", "example.com/role=web")
			for _, n := range old {
				if n.taints != "web" {
					return fmt.Errorf("node %v hasn't:\n%s", n, e.describePools())
				}
			}
			return nil
		})
	})
	timed(t, "a node group that is deleted in AWS comes back", func() {
		g, err := e.group(t.Context())
		must(t, err)
		_, err = w.eks().DeleteNodegroup(t.Context(), &awseks.DeleteNodegroupInput{ClusterName: aws.String(e.eksName()), NodegroupName: &g.pool.Spec.EKSNodegroupName})
		must(t, err)
		e.within("other nodes are there", func(context.Context) error {
			nodes, err := e.nodes(e.kubeconfig(), "example.com/role=web")
			if err != nil || len(nodes) == 0 || !none(nodes, old) {
				return fmt.Errorf("they are %v, %w:\n%s", nodes, err, e.describePools())
			}
			return nil
		})
		e.waitNodes(e.kubeconfig(), 2, "v1.35", "example.com/role=web")
	})
	e.checkPods(e.kubeconfig(), 2)
}

// upgradeControlPlane has it run v1.35.
func (e *eksCluster) upgradeControlPlane() {
	e.w.t.Helper()
	e.w.kubectl("patch", "awsmanagedcontrolplane.v2beta1.controlplane.cluster.x-k8s.io", "-n", e.namespace, e.cluster+"-control-plane", "--type=merge", "-p", `{"spec":{"version":"v1.35.0"}}`)
	e.waitVersion("v1.35.0")
}
