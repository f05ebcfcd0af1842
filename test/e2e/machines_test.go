package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// machine is a Machine with bootstrap data of its own, and its AWSMachine.
func machine(cluster, name string, controlPlane bool) string {
	role := ""
	if controlPlane {
		role = `, cluster.x-k8s.io/control-plane: ""`
	}
	return fmt.Sprintf(`apiVersion: v1
kind: Secret
metadata:
  name: %[2]s-bootstrap
  labels: {cluster.x-k8s.io/cluster-name: %[1]s}
type: cluster.x-k8s.io/secret
stringData: {value: "#cloud-config\nruncmd: [echo %[2]s]\n", format: cloud-config}
---
apiVersion: cluster.x-k8s.io/v1beta2
kind: Machine
metadata:
  name: %[2]s
  labels: {cluster.x-k8s.io/cluster-name: %[1]s%[3]s}
spec:
  clusterName: %[1]s
  version: v1.34.2
  bootstrap: {dataSecretName: %[2]s-bootstrap}
  infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: AWSMachine, name: %[2]s}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSMachine
metadata:
  name: %[2]s
  labels: {cluster.x-k8s.io/cluster-name: %[1]s%[3]s}
spec:
  instanceType: t3.large
  iamInstanceProfile: nodes.cluster-api-provider-aws.sigs.k8s.io
  sshKeyName: default
`, cluster, name, role)
}

// TestMachinesLive takes machines from their bootstrap data to a running instance,
// through an end that nobody told us of, to nothing.
func TestMachinesLive(t *testing.T) {
	w := newWorld(t)
	ns, cluster, ctx := w.namespace(), "fleet", context.Background()
	w.apply(ns, quickStart(cluster))
	w.waitReady(ns, cluster)
	w.apply(ns, machine(cluster, "cp-0", true))
	w.apply(ns, machine(cluster, "worker-0", false))
	for _, name := range []string{"cp-0", "worker-0"} {
		w.eventually("Machine "+name+" has its infrastructure", func(ctx context.Context) error { return w.machineIsReady(ctx, ns, name) })
	}
	worker := &infrav1.AWSMachine{}
	must(t, w.client.Get(ctx, client.ObjectKey{Namespace: ns, Name: "worker-0"}, worker))
	id := (*worker.Spec.ProviderID)[strings.LastIndex(*worker.Spec.ProviderID, "/")+1:]

	t.Run("a second apply changes nothing", func(t *testing.T) {
		if out := w.apply(ns, machine(cluster, "worker-0", false)); !strings.Contains(out, "awsmachine.infrastructure.cluster.x-k8s.io/worker-0 unchanged") {
			t.Errorf("a second apply says:\n%s", out)
		}
	})
	t.Run("the console tells what the instance says", func(t *testing.T) {
		w.eventually("the console has text", func(context.Context) error {
			out := w.kubectl("get", "--raw", "/apis/infrastructure.cluster.x-k8s.io/v2beta1/namespaces/"+ns+"/awsmachines/worker-0/console")
			if strings.TrimSpace(out) == "" {
				return errors.New("it is empty")
			}
			return nil
		})
	})
	t.Run("an instance that ends behind our back shows at the next read", func(t *testing.T) {
		_, err := w.ec2().TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{id}})
		must(t, err)
		w.waitFacts()
		must(t, w.client.Get(ctx, client.ObjectKey{Namespace: ns, Name: "worker-0"}, worker))
		if state := worker.Status.InstanceState; state == nil || *state == "running" {
			t.Errorf("the next read shows state %s, want it to be ending: %s", pretty(state), pretty(worker.Status))
		}
	})
	t.Run("deleting leaves nothing", func(t *testing.T) {
		w.kubectl("delete", "machine", "-n", ns, "--all", "--wait=false")
		w.eventually("the machines are gone", func(context.Context) error {
			if out := w.kubectl("get", "machines,awsmachines", "-n", ns, "-o", "name"); out != "" {
				return fmt.Errorf("still there: %s", out)
			}
			return nil
		})
		w.deleteCluster(ns, cluster)
	})
}

func (w *world) machineIsReady(ctx context.Context, ns, name string) error {
	m := &clusterv1.Machine{}
	if err := w.client.Get(ctx, client.ObjectKey{Namespace: ns, Name: name}, m); err != nil {
		return err
	}
	for _, condition := range m.Status.Conditions {
		if condition.Type == clusterv1.MachineInfrastructureReadyCondition && condition.Status == metav1.ConditionTrue && m.Spec.ProviderID != "" {
			return nil
		}
	}
	return fmt.Errorf("the Machine is %s", pretty(m.Status.Conditions))
}
