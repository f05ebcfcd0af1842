package awsmachinepool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

func newWorldWithMachines(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.machines = true
	w.restart()
	return w
}

// awsMachines are the objects of the pool's instances.
func (w *world) awsMachines() []infrav1.AWSMachine {
	w.T.Helper()
	list := &infrav1.AWSMachineList{}
	w.Must(w.Kube.List(context.Background(), list))
	return list.Items
}

func (w *world) coreMachines() []clusterv1.Machine {
	w.T.Helper()
	list := &clusterv1.MachineList{}
	w.Must(w.Kube.List(context.Background(), list))
	return list.Items
}

// core does what Cluster API does for AWSMachines with a pool's label: it makes
// their Machines, and takes the AWSMachine of a Machine that is deleted along.
func (w *world) core() {
	w.T.Helper()
	ctx := context.Background()
	for _, m := range w.awsMachines() {
		if metav1.GetControllerOf(&m) != nil || m.Labels[clusterv1.MachinePoolNameLabel] == "" || !m.DeletionTimestamp.IsZero() {
			continue
		}
		owner := &clusterv1.Machine{ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace, Name: m.Name, UID: types.UID("machine-" + m.Name), Labels: m.Labels,
			Finalizers: []string{clusterv1.MachineFinalizer}},
			Spec: clusterv1.MachineSpec{ClusterName: m.Labels[clusterv1.ClusterNameLabel], Bootstrap: clusterv1.Bootstrap{DataSecretName: aws.String("")},
				InfrastructureRef: clusterv1.ContractVersionedObjectReference{Kind: "AWSMachine", Name: m.Name, APIGroup: infrav1.GroupName}}}
		w.Must(client.IgnoreAlreadyExists(w.Kube.Create(ctx, owner)))
		m.UID = types.UID("uid-of-" + m.Name)
		m.OwnerReferences = append(m.OwnerReferences, *metav1.NewControllerRef(owner, clusterv1.GroupVersion.WithKind("Machine")))
		w.Must(w.Kube.Update(ctx, &m))
	}
	for _, m := range w.coreMachines() {
		if m.DeletionTimestamp.IsZero() {
			continue
		}
		infra := &infrav1.AWSMachine{ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace, Name: m.Name}}
		if err := w.Kube.Get(ctx, client.ObjectKeyFromObject(infra), infra); err == nil {
			w.Must(w.Kube.Delete(ctx, infra))
			continue
		}
		m.Finalizers = nil
		w.Must(w.Kube.Update(ctx, &m))
	}
}

// live lets everybody work until done says so.
func (w *world) live(done func() bool) {
	w.T.Helper()
	for range 120 {
		w.turn()
		if done() {
			return
		}
	}
	w.T.Fatalf("it never came to that: %d AWSMachines, %d Machines\n%s", len(w.awsMachines()), len(w.coreMachines()), w.describe("pool-1"))
}

func (w *world) turn() {
	_, _ = w.reconcile("pool-1")
	w.core()
	for _, m := range w.awsMachines() {
		_, _ = w.ofMachines.Reconcile(context.Background(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&m)})
	}
	w.Pass(3 * time.Second)
	for _, scope := range w.Mirror.Scopes() {
		_ = w.Mirror.Refresh(context.Background(), scope, 0, mirror.Instances.Kind)
	}
}

// represented tells whether there are so many instances, each with an AWSMachine
// and a Machine that are ready, and no others.
func (w *world) represented(n int) func() bool {
	return func() bool {
		ids := w.get("pool-1").Spec.ProviderIDList
		machines := w.awsMachines()
		for _, m := range machines {
			if !slices.Contains(ids, aws.ToString(m.Spec.ProviderID)) || !m.DeletionTimestamp.IsZero() || !m.Provisioned() ||
				!meta.IsStatusConditionTrue(m.Status.Conditions, infrav1.ReadyCondition) {
				return false
			}
		}
		return len(machines) == n && len(w.coreMachines()) == n && w.ready("pool-1", n)()
	}
}

// everLaunched counts the instances that AWS still lists, ended ones included.
func (w *world) everLaunched() int {
	w.T.Helper()
	out, err := w.Session().EC2.DescribeInstances(context.Background(), &ec2.DescribeInstancesInput{})
	w.Must(err)
	n := 0
	for _, r := range out.Reservations {
		n += len(r.Instances)
	}
	return n
}

func (w *world) deleteMachine(name string) {
	w.T.Helper()
	w.Must(w.Kube.Delete(context.Background(), &clusterv1.Machine{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}))
}

func TestInstancesHaveMachinesAndGoWithThem(t *testing.T) {
	w := newWorldWithMachines(t)
	w.pool("pool-1")
	w.live(w.represented(2))
	if kind := w.get("pool-1").Status.InfrastructureMachineKind; kind != "AWSMachine" {
		t.Errorf("the pool's machines are said to be of kind %q", kind)
	}
	for _, m := range w.awsMachines() {
		id := aws.ToString(m.Spec.InstanceID)
		if m.Name != "pool-1-"+strings.TrimPrefix(id, "i-") || m.Labels[clusterv1.MachinePoolNameLabel] != "pool-1" || m.Labels[clusterv1.ClusterNameLabel] != testName ||
			m.Spec.InstanceType != "m5.large" || !strings.HasSuffix(aws.ToString(m.Spec.ProviderID), "/"+id) {
			t.Errorf("the AWSMachine is %+v", m)
		}
	}
	for _, n := range []int32{4, 1} {
		w.changeOwner("pool-1", func(m *clusterv1.MachinePool) { m.Spec.Replicas = aws.Int32(n) })
		w.live(w.represented(int(n)))
	}
	if n := w.everLaunched(); n != 4 {
		t.Errorf("%d instances were launched, want 4", n)
	}
	w.Must(w.Kube.Delete(t.Context(), w.get("pool-1")))
	w.live(func() bool { return w.gone("pool-1") })
	if n := len(w.awsMachines()); n != 0 {
		t.Errorf("%d AWSMachines are left", n)
	}
	w.nothingLeft()
}

func TestPoolHasNoMachinesUnlessAsked(t *testing.T) {
	w := newWorld(t)
	w.pool("pool-1")
	w.settle("pool-1", w.ready("pool-1", 2))
	if kind, n := w.get("pool-1").Status.InfrastructureMachineKind, len(w.awsMachines()); kind != "" || n != 0 {
		t.Errorf("there are %d AWSMachines, and the kind is %q", n, kind)
	}
}

// TestPoolThatHasMachinesKeepsThem turns the option off while there are some.
func TestPoolThatHasMachinesKeepsThem(t *testing.T) {
	w := newWorldWithMachines(t)
	w.pool("pool-1")
	w.live(w.represented(2))
	w.machines = false
	w.restart()
	w.changeOwner("pool-1", func(m *clusterv1.MachinePool) { m.Spec.Replicas = aws.Int32(1) })
	w.live(w.represented(1))
	w.Must(w.Kube.Delete(t.Context(), w.get("pool-1")))
	w.live(func() bool { return w.gone("pool-1") && len(w.awsMachines()) == 0 })
}

func TestDeletedMachineIsReplacedOnceHoweverTheProcessDies(t *testing.T) {
	for _, x := range incidents("autoscaling.TerminateInstanceInAutoScalingGroup") {
		t.Run(x.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorldWithMachines(t)
			w.pool("pool-1")
			w.live(w.represented(2))
			w.Pass(time.Minute)
			gone := w.awsMachines()[0]
			w.deleteMachine(gone.Name)
			w.AWS.Faults().Set(emulator.Fault{ID: "death", Service: "autoscaling", Operation: "TerminateInstanceInAutoScalingGroup", Count: 1, Mode: x.mode})
			w.live(w.hit)
			if x.dies {
				w.restart()
			}
			w.live(func() bool { return w.represented(2)() && w.everLaunched() == 3 })
			for range 5 {
				w.turn()
			}
			if n := w.everLaunched(); n != 3 {
				t.Errorf("%d instances were launched, want 3", n)
			}
			if slices.ContainsFunc(w.awsMachines(), func(m infrav1.AWSMachine) bool { return m.Name == gone.Name }) {
				t.Errorf("%s is still there", gone.Name)
			}
			w.Must(w.Kube.Delete(t.Context(), w.get("pool-1")))
			w.live(func() bool { return w.gone("pool-1") && len(w.awsMachines()) == 0 })
			w.nothingLeft()
		})
	}
}

func TestMachineIsDeletedWhileItsPoolIs(t *testing.T) {
	w := newWorldWithMachines(t)
	w.pool("pool-1")
	w.live(w.represented(2))
	w.Must(w.Kube.Delete(t.Context(), w.get("pool-1")))
	w.deleteMachine(w.awsMachines()[0].Name)
	w.live(func() bool { return w.gone("pool-1") && len(w.awsMachines()) == 0 })
	w.nothingLeft()
}

// TestDetachedInstanceIsLetGo takes an instance out of its group to keep it.
func TestDetachedInstanceIsLetGo(t *testing.T) {
	w := newWorldWithMachines(t)
	w.pool("pool-1")
	w.live(w.represented(2))
	kept := w.awsMachines()[0]
	_, err := w.Session().AutoScaling.DetachInstances(t.Context(), &autoscaling.DetachInstancesInput{AutoScalingGroupName: aws.String("pool-1"),
		InstanceIds: []string{*kept.Spec.InstanceID}, ShouldDecrementDesiredCapacity: aws.Bool(false)})
	w.Must(err)
	w.live(func() bool {
		return w.represented(2)() && !slices.ContainsFunc(w.awsMachines(), func(m infrav1.AWSMachine) bool { return m.Name == kept.Name })
	})
	if n := w.Resources()["instance"]; n != 3 {
		t.Errorf("%d instances are there, want 3 with the detached one", n)
	}
}

// TestInstanceThatEndsBehindItsGroupsBack is replaced by the group; its machine
// doesn't come back in the meantime.
func TestInstanceThatEndsBehindItsGroupsBack(t *testing.T) {
	w := newWorldWithMachines(t)
	w.pool("pool-1")
	w.live(w.represented(2))
	lost := w.awsMachines()[0]
	_, err := w.Session().EC2.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{*lost.Spec.InstanceID}})
	w.Must(err)
	w.live(func() bool {
		return w.represented(2)() && !slices.ContainsFunc(w.awsMachines(), func(m infrav1.AWSMachine) bool { return m.Name == lost.Name })
	})
	if n := w.everLaunched(); n != 3 {
		t.Errorf("%d instances were launched, want 3", n)
	}
}

// TestMachinesAreMadeOnceWhateverTheCacheShows has lists of AWSMachines be empty,
// as right after a start or before the cache has followed.
func TestMachinesAreMadeOnceWhateverTheCacheShows(t *testing.T) {
	w := newWorldWithMachines(t)
	w.pool("pool-1")
	w.settle("pool-1", func() bool { return len(w.awsMachines()) == 2 })
	behind := interceptor.Funcs{List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error { return nil }}
	w.reconciler.Client = interceptor.NewClient(w.Kube, behind)
	for range 3 {
		if _, err := w.reconcile("pool-1"); err != nil {
			t.Error(err)
		}
	}
	if n := len(w.awsMachines()); n != 2 {
		t.Errorf("there are %d AWSMachines, want 2", n)
	}
}

func TestMachinesThatCannotBeMadeOrDeletedAreToldOf(t *testing.T) {
	w := newWorldWithMachines(t)
	refused := errors.New("exceeded quota: few")
	refusing := interceptor.Funcs{
		Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error { return refused },
		Delete: func(context.Context, client.WithWatch, client.Object, ...client.DeleteOption) error { return refused },
	}
	w.pool("pool-1")
	w.settle("pool-1", func() bool { return len(w.awsMachines()) == 2 })
	gone := w.awsMachines()[0]
	w.Must(client.IgnoreNotFound(w.Kube.Delete(t.Context(), &gone)))
	stray := gone.DeepCopy()
	stray.ObjectMeta = metav1.ObjectMeta{Namespace: gone.Namespace, Name: "stray", Labels: gone.Labels, OwnerReferences: gone.OwnerReferences}
	w.Must(w.Kube.Create(t.Context(), stray))
	w.reconciler.Client = interceptor.NewClient(w.Kube, refusing)
	if _, err := w.reconcile("pool-1"); err == nil {
		t.Error("a refusal was no error")
	}
	for _, reason := range []string{infrav1.AWSMachineCreationFailedEvent, infrav1.AWSMachineDeletionFailedEvent} {
		if !w.Events.Has(reason + ": ") {
			t.Errorf("no Event says %s", reason)
		}
	}
	if c := w.condition("pool-1", infrav1.ReadyCondition); c.Status != metav1.ConditionTrue {
		t.Errorf("Ready is %+v", c)
	}
}

func TestMachineNamesAreShort(t *testing.T) {
	long := strings.Repeat("a-very.long-name.", 6)
	for pool, want := range map[string]string{
		"workers": "workers-0123456789abcdef0",
		long:      fmt.Sprintf("%s-0123456789abcdef0", strings.TrimRight(long[:45], ".-")),
	} {
		if name := machineName(pool, "i-0123456789abcdef0"); name != want || len(name) > 63 {
			t.Errorf("the machine of pool %s is called %s, want %s", pool, name, want)
		}
	}
}
