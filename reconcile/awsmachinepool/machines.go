package awsmachinepool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/labels/format"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/autoscaling"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	owners "github.com/capa-apiserver/capa-apiserver/reconcile/related"
)

const (
	// machineKind is the kind of the objects that stand for a pool's instances.
	machineKind = "AWSMachine"
	poolKind    = "AWSMachinePool"
	// longestPoolPart keeps the names of machines as short as a label's value.
	longestPoolPart = 63 - len("-0123456789abcdef0")
)

// hasMachines tells whether the pool's instances have AWSMachines. A pool that has
// them keeps them: they and their Machines would be left over.
func (in *Intent) hasMachines() bool {
	return in.Machines || in.Pool.Status.InfrastructureMachineKind != ""
}

// staying are the instances that are to have an AWSMachine, by its name.
func (v *view) staying() map[string]astypes.Instance {
	list := map[string]astypes.Instance{}
	for _, i := range v.members() {
		// A group notices later than EC2 does that an instance has ended.
		row, known := mirror.Get(v.snap, mirror.Instances, aws.ToString(i.InstanceId))
		if ended := known && instance.Ended(row); !ended && !autoscaling.Leaving(i) {
			list[machineName(v.Pool.Name, aws.ToString(i.InstanceId))] = i
		}
	}
	return list
}

// machineName follows from the instance's id, so that it is made once.
func machineName(pool, id string) string {
	return strings.TrimRight(pool[:min(len(pool), longestPoolPart)], ".-") + "-" + strings.TrimPrefix(id, "i-")
}

// keepMachines makes an AWSMachine of each instance, from which Cluster API makes a
// Machine, and lets those go whose instances leave.
func (w *worker) keepMachines(ctx context.Context) error {
	v := w.view()
	if v.deleting() || !v.hasMachines() || !v.seen() || v.Owner == nil {
		return nil
	}
	have, err := w.machines(ctx)
	if err != nil {
		return err
	}
	staying := v.staying()
	var errs []error
	for i := range have {
		if _, stays := staying[have[i].Name]; stays {
			delete(staying, have[i].Name)
		} else if have[i].DeletionTimestamp.IsZero() {
			errs = append(errs, w.tell(infrav1.AWSMachineDeletionFailedEvent, w.dismiss(ctx, &have[i])))
		}
	}
	for name, i := range staying {
		// One that is there all the same is not to be seen in the cache yet.
		if err := w.pass.Client.Create(ctx, v.machine(name, i)); err != nil && !apierrors.IsAlreadyExists(err) {
			errs = append(errs, w.tell(infrav1.AWSMachineCreationFailedEvent, fmt.Errorf("making AWSMachine %s of instance %s: %w", name, aws.ToString(i.InstanceId), err)))
		}
	}
	return errors.Join(errs...)
}

// tell has an Event say what failed. It is none of the group, so no condition says it.
func (w *worker) tell(reason string, err error) error {
	if err != nil {
		w.pass.Event(corev1.EventTypeWarning, reason, err.Error())
	}
	return err
}

// machine is the AWSMachine of an instance. The pool is not its controller: the
// Machine will be.
func (v *view) machine(name string, i astypes.Instance) *infrav1.AWSMachine {
	m := &infrav1.AWSMachine{
		ObjectMeta: metav1.ObjectMeta{Namespace: v.Pool.Namespace, Name: name,
			Labels:          map[string]string{clusterv1.ClusterNameLabel: v.Owner.Spec.ClusterName, clusterv1.MachinePoolNameLabel: format.MustFormatValue(v.Owner.Name)},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: infrav1.SchemeGroupVersion.String(), Kind: poolKind, Name: v.Pool.Name, UID: v.Pool.UID}}},
		Spec: infrav1.AWSMachineSpec{ProviderID: aws.String(autoscaling.ProviderID(i)), InstanceID: i.InstanceId, InstanceType: aws.ToString(i.InstanceType)},
	}
	if filter, ok := v.Pool.Labels[clusterv1.WatchLabel]; ok {
		m.Labels[clusterv1.WatchLabel] = filter
	}
	return m
}

// machines are the AWSMachines that the pool owns, from the cache.
func (w *worker) machines(ctx context.Context) ([]infrav1.AWSMachine, error) {
	list := &infrav1.AWSMachineList{}
	if err := w.pass.Client.List(ctx, list, client.InNamespace(w.obj.Namespace), client.HasLabels{clusterv1.MachinePoolNameLabel}); err != nil {
		return nil, fmt.Errorf("listing the AWSMachines of AWSMachinePool %s: %w", w.pass.Key(), err)
	}
	return slices.DeleteFunc(list.Items, func(m infrav1.AWSMachine) bool {
		return !slices.ContainsFunc(m.OwnerReferences, func(ref metav1.OwnerReference) bool { return ref.UID == w.obj.UID })
	}), nil
}

// dismiss deletes the Machine of an AWSMachine, with which the AWSMachine and the
// node go, or, before there is one, the AWSMachine.
func (w *worker) dismiss(ctx context.Context, m *infrav1.AWSMachine) error {
	if name := owners.OwnerName(m, "Machine"); name != "" {
		machine := &clusterv1.Machine{}
		switch err := w.pass.Host.Get(ctx, client.ObjectKey{Namespace: m.Namespace, Name: name}, machine); {
		case err == nil && !machine.DeletionTimestamp.IsZero():
			return nil
		case err == nil:
			return client.IgnoreNotFound(w.pass.Host.Delete(ctx, machine, client.Preconditions{UID: &machine.UID}))
		case !apierrors.IsNotFound(err):
			return fmt.Errorf("reading Machine %s: %w", name, err)
		}
	}
	return client.IgnoreNotFound(w.pass.Client.Delete(ctx, m, client.Preconditions{UID: &m.UID}))
}

// dismissAll deletes all AWSMachines of a pool whose group is gone, and returns how
// many are there still. Their Machines, which may wait for nodes to be drained, go
// with the MachinePool.
func (w *worker) dismissAll(ctx context.Context) (int, error) {
	have, err := w.machines(ctx)
	if err != nil {
		return 0, err
	}
	var errs []error
	for i := range have {
		if have[i].DeletionTimestamp.IsZero() {
			errs = append(errs, client.IgnoreNotFound(w.pass.Client.Delete(ctx, &have[i], client.Preconditions{UID: &have[i].UID})))
		}
	}
	return len(have), errors.Join(errs...)
}
