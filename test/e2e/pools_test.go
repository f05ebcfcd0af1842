package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// pool is a MachinePool with plain bootstrap data, and its AWSMachinePool.
func pool(cluster, name, instanceType string, replicas int) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Secret
metadata:
  name: %[2]s-bootstrap
  labels: {cluster.x-k8s.io/cluster-name: %[1]s}
type: cluster.x-k8s.io/secret
stringData: {value: "#cloud-config\nruncmd: [echo %[2]s]\n", format: cloud-config}
---
apiVersion: cluster.x-k8s.io/v1beta2
kind: MachinePool
metadata:
  name: %[2]s
  labels: {cluster.x-k8s.io/cluster-name: %[1]s}
spec:
  clusterName: %[1]s
  replicas: %[4]d
  template:
    spec:
      clusterName: %[1]s
      version: v1.34.2
      bootstrap: {dataSecretName: %[2]s-bootstrap}
      infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: AWSMachinePool, name: %[2]s}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSMachinePool
metadata:
  name: %[2]s
  labels: {cluster.x-k8s.io/cluster-name: %[1]s}
spec:
  minSize: 1
  maxSize: 4
  defaultInstanceWarmup: 1s
  awsLaunchTemplate:
    instanceType: %[3]s
    iamInstanceProfile: nodes.cluster-api-provider-aws.sigs.k8s.io
    sshKeyName: default
`, cluster, name, instanceType, replicas)
}

// TestMachinePoolsLive takes a pool through Cluster API's own controllers: up, to
// other instances, to nothing.
func TestMachinePoolsLive(t *testing.T) {
	w := newWorld(t)
	ns, cluster, ctx := w.namespace(), "pooled", context.Background()
	w.apply(ns, quickStart(cluster))
	w.waitReady(ns, cluster)
	w.apply(ns, pool(cluster, "workers", "t3.large", 2))
	w.eventually("MachinePool workers has its infrastructure", func(ctx context.Context) error { return w.poolIsReady(ctx, ns, "workers", 2) })
	first := w.providerIDs(ns, "workers")

	t.Run("a second apply changes nothing", func(t *testing.T) {
		if out := w.apply(ns, pool(cluster, "workers", "t3.large", 2)); !strings.Contains(out, "awsmachinepool.infrastructure.cluster.x-k8s.io/workers unchanged") {
			t.Errorf("a second apply says:\n%s", out)
		}
	})
	t.Run("the table shows it", func(t *testing.T) {
		if out := w.kubectl("get", "awsmp", "-n", ns); !strings.Contains(out, "MINSIZE") || !strings.Contains(out, "lt-") {
			t.Errorf("kubectl get awsmp shows:\n%s", out)
		}
	})
	t.Run("an instance that ends behind our back is replaced, and the list follows", func(t *testing.T) {
		id := first[0][strings.LastIndex(first[0], "/")+1:]
		_, err := w.scaling(t).TerminateInstanceInAutoScalingGroup(ctx, &autoscaling.TerminateInstanceInAutoScalingGroupInput{
			InstanceId: aws.String(id), ShouldDecrementDesiredCapacity: aws.Bool(false)})
		must(t, err)
		w.eventually("another instance takes its place", func(ctx context.Context) error {
			if slices.Contains(w.providerIDs(ns, "workers"), first[0]) {
				return errors.New("it is still in the list")
			}
			return w.poolIsReady(ctx, ns, "workers", 2)
		})
	})
	t.Run("another instance type replaces all instances", func(t *testing.T) {
		before := w.providerIDs(ns, "workers")
		w.apply(ns, pool(cluster, "workers", "m5.large", 2))
		w.eventually("all instances are others", func(ctx context.Context) error {
			for _, id := range w.providerIDs(ns, "workers") {
				if slices.Contains(before, id) {
					return fmt.Errorf("%s is still there", id)
				}
			}
			return w.poolIsReady(ctx, ns, "workers", 2)
		})
		out, err := w.scaling(t).DescribeInstanceRefreshes(ctx, &autoscaling.DescribeInstanceRefreshesInput{AutoScalingGroupName: aws.String("workers")})
		must(t, err)
		if len(out.InstanceRefreshes) != 1 {
			t.Errorf("there were %d instance refreshes, want 1", len(out.InstanceRefreshes))
		}
	})
	t.Run("replicas scale the group", func(t *testing.T) {
		w.kubectl("scale", "machinepool", "-n", ns, "workers", "--replicas=3")
		w.eventually("there are three", func(ctx context.Context) error { return w.poolIsReady(ctx, ns, "workers", 3) })
	})
	t.Run("deleting the cluster leaves nothing", func(t *testing.T) {
		w.deleteCluster(ns, cluster)
	})
}

// TestPoolsAtRestCostTheSameForMany compares the calls of one pool at rest with
// those of ten in the same account and region.
func TestPoolsAtRestCostTheSameForMany(t *testing.T) {
	w := newWorld(t, "--sweep-period="+period.String())
	ns, cluster, n := w.namespace(), "many", 10
	w.apply(ns, quickStartIn(cluster, region, "network: {vpc: {availabilityZoneUsageLimit: 1}}"))
	w.waitReady(ns, cluster)
	settle := func(i int) {
		name := fmt.Sprintf("pool-%d", i)
		w.eventually(name+" is ready", func(ctx context.Context) error { return w.poolIsReady(ctx, ns, name, 1) })
	}
	w.apply(ns, pool(cluster, "pool-0", "t3.large", 1))
	settle(0)
	w.awaitSweeps(2)
	one := w.callsAtRest()
	for i := 1; i < n; i++ {
		w.apply(ns, pool(cluster, fmt.Sprintf("pool-%d", i), "t3.large", 1))
	}
	for i := 1; i < n; i++ {
		settle(i)
	}
	w.awaitSweeps(2)
	many := w.callsAtRest()
	t.Logf("calls in %d sweeps at rest: %d with one pool, %d with %d", sweeps, one, many, n)
	if tolerance := one/sweeps + 1; many > one+tolerance {
		t.Errorf("%d pools at rest cost %d calls in %d sweeps, one costs %d: the cost must not grow with pools", n, many, sweeps, one)
	}
	w.deleteCluster(ns, cluster)
}

// poolIsReady tells whether Cluster API takes the pool for provisioned, and the
// pool has so many instances, all in service.
func (w *world) poolIsReady(ctx context.Context, ns, name string, instances int) error {
	m := &clusterv1.MachinePool{}
	if err := w.client.Get(ctx, client.ObjectKey{Namespace: ns, Name: name}, m); err != nil {
		return err
	}
	provisioned := m.Status.Initialization.InfrastructureProvisioned
	old := ""
	if d := m.Status.Deprecated; d != nil && d.V1Beta1 != nil {
		for _, c := range d.V1Beta1.Conditions {
			if c.Type == clusterv1.InfrastructureReadyV1Beta1Condition {
				old = string(c.Status)
			}
		}
	}
	ids := w.providerIDs(ns, name)
	out, err := w.scaling(w.t).DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}})
	if err != nil {
		return err
	}
	serving := 0
	for _, g := range out.AutoScalingGroups {
		for _, i := range g.Instances {
			if i.LifecycleState == astypes.LifecycleStateInService && slices.Contains(ids, "aws:///"+aws.ToString(i.AvailabilityZone)+"/"+aws.ToString(i.InstanceId)) {
				serving++
			}
		}
	}
	if provisioned != nil && *provisioned && old == string(metav1.ConditionTrue) && len(ids) == instances && serving == instances {
		return nil
	}
	return fmt.Errorf("the MachinePool is %s, the list %v with %d serving\nand the pool says %s", pretty(m.Status), ids, serving,
		w.kubectl("get", "awsmachinepool", "-n", ns, name, "-o", "jsonpath={.status.conditions}"))
}

// providerIDs are those of an AWSMachinePool as stored; none while it isn't there.
func (w *world) providerIDs(ns, name string) []string {
	w.t.Helper()
	p := &infrav1.AWSMachinePool{}
	must(w.t, w.stored(context.Background(), ns, name, p))
	return p.Spec.ProviderIDList
}

// scaling is the user's own way to Auto Scaling.
func (w *world) scaling(t *testing.T) *autoscaling.Client {
	t.Helper()
	cfg, err := config.LoadDefaultConfig(context.Background(), config.WithRegion(region), config.WithBaseEndpoint(w.awsURL),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("AKIATEST", "test", "")))
	must(t, err)
	cfg.HTTPClient = emulator.HTTPClient{}
	return autoscaling.NewFromConfig(cfg)
}
