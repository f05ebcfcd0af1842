package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	corev1 "k8s.io/api/core/v1"
)

// TestEKSWorkers takes the published templates of EKS clusters with workers to nodes, and these through their life, side by
// side: a managed node group; a pool and machines in one cluster; Fargate.
func TestEKSWorkers(t *testing.T) {
	w := newWorld(t)
	managed := w.newEKSCluster("managed")
	own, fargate := managed.beside("own"), managed.beside("fargate")
	manifests := map[*eksCluster]string{
		managed: besideKubeadm(template{file: "cluster-template-eks-managedmachinepool.yaml"}.render(t, managed.cluster)),
		own: besideKubeadm(template{file: "cluster-template-eks-machinepool.yaml"}.render(t, own.cluster)) + "\n---\n" +
			own.part("cluster-template-eks.yaml", "MachineDeployment", "AWSMachineTemplate", "NodeadmConfigTemplate"),
		fargate: besideKubeadm(template{file: "cluster-template-eks-fargate.yaml"}.render(t, fargate.cluster)),
	}
	for e, manifest := range manifests {
		w.apply(e.namespace, manifest)
	}
	timed(t, "all clusters are available, with their nodes", func() {
		for e := range manifests {
			e.waitAvailable()
		}
		managed.waitNodes(managed.kubeconfig(), 3, "v1.34", "")
		own.waitPoolNodes(3, "v1.34", "t3.large")
		own.waitWorkers(3, "v1.34", "t3.large")
		fargate.waitFargate()
	})
	managed.checkPods(managed.kubeconfig(), 3)
	own.checkPods(own.kubeconfig(), 6)
	for e := range manifests {
		e.waitWell()
	}
	before := w.mutations()
	for e, manifest := range manifests {
		w.apply(e.namespace, manifest)
	}
	if now := w.mutations(); now != before {
		t.Errorf("applying again made %d calls that change AWS", now-before)
	}
	t.Run("side by side", func(t *testing.T) {
		sideBySide(t, map[string]func(*testing.T){
			"managed node group": func(t *testing.T) { managed.of(t).liveManaged() },
			"own": func(t *testing.T) {
				t.Run("before the upgrade", func(t *testing.T) {
					sideBySide(t, map[string]func(*testing.T){
						"pool":     func(t *testing.T) { own.of(t).livePool() },
						"machines": func(t *testing.T) { own.of(t).liveWorkers() },
					})
				})
				timed(t, "the control plane is upgraded", own.of(t).upgradeControlPlane)
				t.Run("after it", func(t *testing.T) {
					sideBySide(t, map[string]func(*testing.T){
						"pool":     func(t *testing.T) { own.of(t).upgradePool() },
						"machines": func(t *testing.T) { own.of(t).upgradeWorkers() },
					})
				})
				own.of(t).checkPods(own.of(t).kubeconfig(), 4)
			},
			"fargate": func(t *testing.T) { fargate.of(t).liveFargate() },
		})
	})
	timed(t, "all is gone", func() {
		for e := range manifests {
			w.kubectl("delete", "cluster", "-n", e.namespace, e.cluster, "--wait=false")
		}
		w.awsIsEmpty()
		for e := range manifests {
			w.clusterEnds(e.namespace, e.cluster)
		}
	})
}

// sideBySide runs subtests that mostly wait.
func sideBySide(t *testing.T, tests map[string]func(*testing.T)) {
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// beside is another cluster in the same account, whose instances are followed already.
func (e *eksCluster) beside(cluster string) *eksCluster {
	return &eksCluster{&joinedCluster{w: e.w, namespace: e.w.namespace(), cluster: cluster, instances: e.instances}}
}

// poolNodes are the nodes of the pool, and nil while they aren't all that AWS, the pool and Cluster API tell of.
func (e *eksCluster) poolNodes(ctx context.Context, count int, minor, instanceType string) ([]node, error) {
	if err := e.w.poolIsReady(ctx, e.namespace, e.pool(), count); err != nil {
		return nil, err
	}
	all, err := e.nodes(e.kubeconfig(), "")
	if err != nil {
		return nil, err
	}
	ids, pool := e.w.providerIDs(e.namespace, e.pool()), e.machinePool()
	nodes := slices.DeleteFunc(all, func(n node) bool { return !slices.Contains(ids, n.providerID) })
	for _, n := range nodes {
		if !slices.ContainsFunc(pool.Status.NodeRefs, func(ref corev1.ObjectReference) bool { return ref.Name == n.name }) {
			return nil, fmt.Errorf("the MachinePool has no nodeRef of %v, only %v", n, pool.Status.NodeRefs)
		}
	}
	if len(nodes) != count || len(pool.Status.NodeRefs) != count || aws.ToInt32(pool.Status.ReadyReplicas) != int32(count) {
		return nil, fmt.Errorf("nodes are %v, provider ids %v, and the MachinePool says %s", all, ids, pretty(pool.Status))
	}
	return nodes, e.areWell(ctx, nodes, minor, instanceType)
}

// areWell fails for a node that isn't ready, or isn't of the version or the type.
func (e *eksCluster) areWell(ctx context.Context, nodes []node, minor, instanceType string) error {
	running, err := e.running(ctx)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		i := running[n.providerID[strings.LastIndex(n.providerID, "/")+1:]]
		if n.ready != "True" || !strings.HasPrefix(n.version, minor+".") || string(i.InstanceType) != instanceType {
			return fmt.Errorf("node %v isn't as it should be, on an instance of type %q", n, i.InstanceType)
		}
	}
	return nil
}

// waitPoolNodes waits until the pool has so many nodes of a minor version and a type.
func (e *eksCluster) waitPoolNodes(count int, minor, instanceType string) (nodes []node) {
	e.w.t.Helper()
	e.within(fmt.Sprintf("%d nodes of the pool are %s and %s", count, minor, instanceType), func(ctx context.Context) (err error) {
		nodes, err = e.poolNodes(ctx, count, minor, instanceType)
		return err
	})
	return nodes
}

// waitWorkers waits until so many machines are nodes of a minor version and a type, and no others are left.
func (e *eksCluster) waitWorkers(count int, minor, instanceType string) {
	e.w.t.Helper()
	e.within(fmt.Sprintf("%d machines are %s and %s", count, minor, instanceType), func(ctx context.Context) error {
		all, err := e.nodes(e.kubeconfig(), "")
		if err != nil {
			return err
		}
		var nodes []node
		members := e.machines()
		for _, m := range members {
			at := slices.IndexFunc(all, func(n node) bool { return n.name == m.node })
			if m.deleting || m.problem != "" || at < 0 {
				return fmt.Errorf("not yet: %+v", m)
			}
			nodes = append(nodes, all[at])
		}
		if len(nodes) != count {
			return fmt.Errorf("there are %d", len(nodes))
		}
		return e.areWell(ctx, nodes, minor, instanceType)
	})
}

// livePool has a pool's nodes come and go, be replaced for its launch template and for their bootstrap data, and be lost.
func (e *eksCluster) livePool() {
	t := e.w.t
	timed(t, "a 4th joins", func() {
		e.w.kubectl("scale", "machinepool", "-n", e.namespace, e.pool(), "--replicas=4")
		e.waitPoolNodes(4, "v1.34", "t3.large")
	})
	var old []node
	timed(t, "2 stay", func() {
		e.w.kubectl("scale", "machinepool", "-n", e.namespace, e.pool(), "--replicas=2")
		old = e.waitPoolNodes(2, "v1.34", "t3.large")
	})
	timed(t, "an instance refresh replaces them for the launch template", func() {
		e.w.kubectl("patch", "awsmachinepool.v1beta2.infrastructure.cluster.x-k8s.io", "-n", e.namespace, e.pool(), "--type=merge",
			"-p", `{"spec":{"defaultInstanceWarmup":"1s","awsLaunchTemplate":{"instanceType":"t3.xlarge"}}}`)
		nodes := e.waitPoolNodes(2, "v1.34", "t3.xlarge")
		if !none(nodes, old) {
			t.Errorf("nodes %v are of before: %v", nodes, old)
		}
	})
	timed(t, "an instance refresh replaces them for their taints", func() {
		// Data that merely changes, as tokens do, replaces nothing.
		e.w.apply(e.namespace, "apiVersion: bootstrap.cluster.x-k8s.io/v2beta1\nkind: NodeadmConfig\nmetadata: {name: tainted}\nspec: {kubelet: {flags: [--register-with-taints=web=:PreferNoSchedule]}}\n")
		e.w.kubectl("patch", "machinepool", "-n", e.namespace, e.pool(), "--type=merge", "-p", `{"spec":{"template":{"spec":{"bootstrap":{"configRef":{"name":"tainted"}}}}}}`)
		e.within("the pool's nodes have the taint", func(ctx context.Context) (err error) {
			if old, err = e.poolNodes(ctx, 2, "v1.34", "t3.xlarge"); err != nil {
				return err
			}
			for _, n := range old {
				if n.taints != "web" {
					return fmt.Errorf("node %v hasn't", n)
				}
			}
			return nil
		})
	})
	timed(t, "an instance that is ended in AWS is shown, and replaced", func() {
		lost := old[0].providerID
		_, err := e.w.ec2().TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{lost[strings.LastIndex(lost, "/")+1:]}})
		must(t, err)
		e.within(lost+" isn't in the pool's list", func(context.Context) error {
			if ids := e.w.providerIDs(e.namespace, e.pool()); slices.Contains(ids, lost) {
				return fmt.Errorf("it is: %q", ids)
			}
			return nil
		})
		e.waitPoolNodes(2, "v1.34", "t3.xlarge")
	})
}

// upgradePool has its nodes follow the control plane.
func (e *eksCluster) upgradePool() {
	timed(e.w.t, "the pool is upgraded", func() {
		e.w.kubectl("patch", "machinepool", "-n", e.namespace, e.pool(), "--type=merge", "-p", `{"spec":{"template":{"spec":{"version":"v1.35.0"}}}}`)
		e.waitPoolNodes(2, "v1.35", "t3.xlarge")
	})
}

// liveWorkers has machines come, go and be lost.
func (e *eksCluster) liveWorkers() {
	t := e.w.t
	timed(t, "a 4th machine joins", func() {
		e.w.kubectl("scale", "machinedeployment", "-n", e.namespace, e.workers(), "--replicas=4")
		e.waitWorkers(4, "v1.34", "t3.large")
	})
	timed(t, "2 machines stay", func() {
		e.w.kubectl("scale", "machinedeployment", "-n", e.namespace, e.workers(), "--replicas=2")
		e.waitWorkers(2, "v1.34", "t3.large")
	})
	timed(t, "a machine that AWS lost is replaced", func() {
		e.loseWorker()
		e.waitWorkers(2, "v1.34", "t3.large")
	})
}

// upgradeWorkers gives machines another template and version at once.
func (e *eksCluster) upgradeWorkers() {
	timed(e.w.t, "machines are replaced by those of a new template and version", func() {
		spec := e.w.kubectl("get", "awsmachinetemplate.v1beta2.infrastructure.cluster.x-k8s.io", "-n", e.namespace, e.workers(), "-o", "jsonpath={.spec}")
		e.w.apply(e.namespace, fmt.Sprintf("apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSMachineTemplate\nmetadata: {name: %s-2}\nspec: %s\n",
			e.workers(), replaceType(e.w.t, spec, "t3.xlarge")))
		e.w.kubectl("patch", "machinedeployment", "-n", e.namespace, e.workers(), "--type=merge",
			"-p", fmt.Sprintf(`{"spec":{"rollout":{"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":2}}},"template":{"spec":{"version":"v1.35.0","infrastructureRef":{"name":"%s-2"}}}}}`, e.workers()))
		e.waitWorkers(2, "v1.35", "t3.xlarge")
	})
}

const fargatePod = `
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: default}
spec: {tolerations: [{key: eks.amazonaws.com/compute-type}], nodeSelector: {eks.amazonaws.com/compute-type: fargate}, containers: [{name: web, image: web}]}
`

// waitFargate waits until the cluster's profile is active and the add-ons are there that every cluster begins with.
func (e *eksCluster) waitFargate() {
	e.w.t.Helper()
	e.within("the profile is ready and the add-ons are there", func(context.Context) error {
		ready := e.w.kubectl("get", "awsfargateprofile", "-n", e.namespace, e.cluster+"-fargate-0", "-o", `jsonpath={.status.ready} {.status.conditions}`)
		if !strings.HasPrefix(ready, "true ") {
			return fmt.Errorf("the profile is so: %s", ready)
		}
		if out, err := e.kubectl(e.kubeconfig(), "get", "daemonset/aws-node", "daemonset/kube-proxy", "deployment/coredns", "-n", "kube-system"); err != nil {
			return fmt.Errorf("kubectl get: %w\n%s", err, out)
		}
		return nil
	})
	cp, err := e.awsControlPlane(context.Background())
	must(e.w.t, err)
	if host := e.w.core(e.namespace, e.cluster).Spec.ControlPlaneEndpoint.Host; host == "" || host != cp.Spec.ControlPlaneEndpoint.Host {
		e.w.t.Errorf("the Cluster's endpoint is %q, the control plane's %q", host, cp.Spec.ControlPlaneEndpoint.Host)
	}
}

// liveFargate has a pod run on Fargate, and its node go with it.
func (e *eksCluster) liveFargate() {
	manifest := e.keep([]byte(fargatePod))
	timed(e.w.t, "a pod has a node of its own", func() {
		e.within("a pod in namespace default runs on Fargate", func(context.Context) error {
			kubeconfig := e.kubeconfig()
			if out, err := e.kubectl(kubeconfig, "apply", "--validate=false", "-f", manifest); err != nil {
				return fmt.Errorf("kubectl apply: %w\n%s", err, out)
			}
			on, err := e.kubectl(kubeconfig, "get", "pod", "web", "-n", "default", "-o", "jsonpath={.spec.nodeName}")
			if err != nil {
				return fmt.Errorf("kubectl get pod: %w\n%s", err, on)
			}
			nodes, err := e.nodes(kubeconfig, "eks.amazonaws.com/compute-type=fargate")
			if err != nil || len(nodes) != 1 || nodes[0].name != on || nodes[0].ready != "True" || !strings.HasPrefix(nodes[0].version, "v1.34.") {
				return fmt.Errorf("it is on %q of %v, %w", on, nodes, err)
			}
			return nil
		})
	})
	timed(e.w.t, "the node goes with the pod", func() {
		e.within("there are no nodes", func(context.Context) error {
			kubeconfig := e.kubeconfig()
			if out, err := e.kubectl(kubeconfig, "delete", "pod", "web", "-n", "default", "--ignore-not-found"); err != nil {
				return fmt.Errorf("kubectl delete: %w\n%s", err, out)
			}
			if nodes, err := e.nodes(kubeconfig, ""); err != nil || len(nodes) > 0 {
				return fmt.Errorf("there are %v, %w", nodes, err)
			}
			return nil
		})
	})
}
