package awscluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/foundation"
)

func (w *world) machineObject(name, cluster string) *infrav1.AWSMachine {
	w.T.Helper()
	m := &infrav1.AWSMachine{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Labels: map[string]string{clusterv1.ClusterNameLabel: cluster}}}
	w.Must(w.Kube.Create(context.Background(), m))
	return m
}

func TestTheNetworkStaysWhileThereAreMachines(t *testing.T) {
	w := newWorld(t, newCluster())
	w.create()
	var machines []*infrav1.AWSMachine
	for i := range 6 {
		machines = append(machines, w.machineObject(fmt.Sprintf("m%d", i), testName))
	}
	w.machineObject("elsewhere", "another")
	before := w.Resources()
	w.Must(w.Kube.Delete(context.Background(), w.get()))
	w.AWS.ResetCounts()
	for range 20 {
		result, err := w.reconcile()
		w.Must(err)
		if result.RequeueAfter == 0 {
			t.Fatal("nobody would look again")
		}
		w.Pass(3 * time.Second)
	}
	if mutations, _ := w.calls(); mutations > 0 {
		t.Errorf("something was changed in AWS: %v", w.AWS.Counts())
	}
	if have := w.Resources(); fmt.Sprint(have) != fmt.Sprint(before) {
		t.Errorf("there is %v, before there was %v", have, before)
	}
	standing := []string{infrav1.VpcReadyCondition, infrav1.SubnetsReadyCondition, infrav1.NatGatewaysReadyCondition, infrav1.LoadBalancerReadyCondition, infrav1.ReadyCondition}
	for _, c := range w.get().Status.Conditions {
		if slices.Contains(standing, c.Type) && c.Reason != infrav1.DeletingReason {
			t.Errorf("the reason of %s is %s: %s", c.Type, c.Reason, c.Message)
		}
		want := "AWSMachine m0, AWSMachine m1, AWSMachine m2, AWSMachine m3 and 2 more to be deleted first"
		if c.Type == infrav1.VpcReadyCondition && !strings.Contains(c.Message, want) {
			t.Errorf("the message is %q, want %q in it", c.Message, want)
		}
	}
	o := observer(w)
	obj := w.get()
	w.Must(o.Refresh(context.Background(), obj, time.Minute))
	shown, _ := o.Project(context.Background(), obj)
	if status := shown.Status; fmt.Sprint(status.Conditions) != fmt.Sprint(obj.Status.Conditions) {
		t.Errorf("a read says something else: %v, stored is %v", status.Conditions, obj.Status.Conditions)
	}
	for _, m := range machines {
		w.Must(w.Kube.Delete(context.Background(), m))
	}
	w.settle(w.gone)
	if left := w.Resources(); len(left) > 0 {
		t.Errorf("the account isn't empty: %v", left)
	}
}

func TestTheEndOfAMachineWakesTheClusterThatWaits(t *testing.T) {
	w := newWorld(t, newCluster())
	w.create()
	m := w.machineObject("m1", testName)
	wake := foundation.WaitingFor[*infrav1.AWSMachine](w.Kube, newList)
	if got := wake(context.Background(), m); len(got) != 0 {
		t.Errorf("a cluster that stays is woken: %v", got)
	}
	w.Must(w.Kube.Delete(context.Background(), w.get()))
	if got := wake(context.Background(), m); len(got) != 1 || got[0].NamespacedName != w.key() {
		t.Errorf("woken are %v", got)
	}
}
