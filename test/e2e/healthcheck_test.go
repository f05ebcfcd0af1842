package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// healthChecked is a MachineDeployment of one worker, and a MachineHealthCheck that
// judges by what a Machine says, not by its node. A machine that is being launched
// counts as unhealthy too, so that the timeout is longer than that takes.
func healthChecked(cluster string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Secret
metadata:
  name: %[1]s-md-bootstrap
  labels: {cluster.x-k8s.io/cluster-name: %[1]s}
type: cluster.x-k8s.io/secret
stringData: {value: "#cloud-config\nruncmd: [echo worker]\n", format: cloud-config}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSMachineTemplate
metadata: {name: %[1]s-md}
spec:
  template:
    spec:
      instanceType: t3.large
      iamInstanceProfile: nodes.cluster-api-provider-aws.sigs.k8s.io
      sshKeyName: default
---
apiVersion: cluster.x-k8s.io/v1beta2
kind: MachineDeployment
metadata: {name: %[1]s-md}
spec:
  clusterName: %[1]s
  replicas: 1
  selector: {matchLabels: {pool: md}}
  template:
    metadata: {labels: {pool: md}}
    spec:
      clusterName: %[1]s
      version: v1.34.2
      bootstrap: {dataSecretName: %[1]s-md-bootstrap}
      infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: AWSMachineTemplate, name: %[1]s-md}
---
apiVersion: cluster.x-k8s.io/v1beta2
kind: MachineHealthCheck
metadata: {name: %[1]s-md}
spec:
  clusterName: %[1]s
  selector: {matchLabels: {pool: md}}
  checks:
    nodeStartupTimeoutSeconds: 0
    unhealthyMachineConditions:
    - {type: InfrastructureReady, status: "False", timeoutSeconds: 30}
  remediation:
    triggerIf: {unhealthyLessThanOrEqualTo: 100%%}
`, cluster)
}

// TestHealthCheckReplacesEndedInstances: Cluster API judges workers only once their
// control plane is initialized and its API answers. Here the management cluster's
// own API stands in for it, with a Node for the control plane's machine.
func TestHealthCheckReplacesEndedInstances(t *testing.T) {
	w := newWorld(t)
	ns, cluster, ctx := w.namespace(), "healthy", context.Background()
	w.apply(ns, quickStart(cluster))
	w.waitReady(ns, cluster)
	w.apply(ns, machine(cluster, "cp-0", true))
	w.eventually("the control plane's machine runs", func(ctx context.Context) error { return w.machineIsReady(ctx, ns, "cp-0") })
	w.initialize(ns, cluster, "cp-0")
	w.apply(ns, healthChecked(cluster))
	var first *clusterv1.Machine
	w.eventually("the worker runs", func(ctx context.Context) (err error) {
		if first, err = w.worker(ctx, ns); err != nil {
			return err
		}
		return w.machineIsReady(ctx, ns, first.Name)
	})
	_, err := w.ec2().TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{instanceID(w.storedMachine(ctx, ns, first.Spec.InfrastructureRef.Name))}})
	must(t, err)
	w.eventually("another Machine has taken its place", func(ctx context.Context) error {
		now, err := w.worker(ctx, ns)
		if err != nil {
			return err
		}
		if now.UID == first.UID {
			return fmt.Errorf("the first one says %s", pretty(now.Status.Conditions))
		}
		return w.machineIsReady(ctx, ns, now.Name)
	})
	w.kubectl("delete", "machinedeployments", "-n", ns, "--all")
	w.deleteCluster(ns, cluster)
}

// worker returns the one Machine of the deployment.
func (w *world) worker(ctx context.Context, ns string) (*clusterv1.Machine, error) {
	list := &clusterv1.MachineList{}
	if err := w.client.List(ctx, list, client.InNamespace(ns), client.MatchingLabels{"pool": "md"}); err != nil {
		return nil, err
	}
	if len(list.Items) != 1 {
		return nil, fmt.Errorf("there are %d machines", len(list.Items))
	}
	return &list.Items[0], nil
}

// initialize gives the cluster the management cluster's API as its own, and the
// machine a node there, until the test ends.
func (w *world) initialize(ns, cluster, name string) {
	w.t.Helper()
	ctx := context.Background()
	kubeconfig, err := os.ReadFile(suite.local.Kubeconfig)
	must(w.t, err)
	must(w.t, w.client.Create(ctx, &corev1.Secret{Type: clusterv1.ClusterSecretType, Data: map[string][]byte{"value": kubeconfig},
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: cluster + "-kubeconfig", Labels: map[string]string{clusterv1.ClusterNameLabel: cluster}}}))
	m := &infrav1.AWSMachine{}
	must(w.t, w.client.Get(ctx, client.ObjectKey{Namespace: ns, Name: name}, m))
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: ns + "-" + name}, Spec: corev1.NodeSpec{ProviderID: *m.Spec.ProviderID}}
	must(w.t, w.client.Create(ctx, node))
	w.t.Cleanup(func() { _ = w.client.Delete(context.Background(), node) })
	w.eventually("the control plane counts as initialized", func(ctx context.Context) error {
		out, err := w.tryKubectl("", "get", "cluster", "-n", ns, cluster, "-o", `jsonpath={.status.conditions[?(@.type=="ControlPlaneInitialized")].status}`)
		if err != nil || strings.TrimSpace(out) != "True" {
			return fmt.Errorf("it is %q, %w", out, err)
		}
		return nil
	})
}
