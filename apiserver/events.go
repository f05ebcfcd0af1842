package apiserver

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capa-apiserver/capa-apiserver/cloud/events"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awscluster"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsmachine"
)

// addEvents has the leader receive AWS's events. A queue gives each message to one
// receiver only; what the leader learns it writes into objects, and the other
// replicas follow those.
func (b *background) addEvents(o *Options, clusters *awscluster.Reconciler, machines *awsmachine.Reconciler) error {
	follow := everywhere(func(ctx context.Context) error { return awsmachine.Follow(ctx, b.mirror, b.ours.GetCache()) })
	return errors.Join(b.manager.Add(follow), b.manager.Add(leader(func(ctx context.Context) error {
		installation, err := b.installation(ctx)
		if err != nil {
			return nil //nolint:nilerr // the process ends
		}
		events.New(events.Options{
			Mirror: b.mirror, Needed: clusters.Scopes, Notify: machines.Notify, Report: clusters.ReportEvents,
			Prefix: o.EventsPrefix, Installation: installation,
		}).Run(ctx)
		return nil
	})))
}

// installation tells this management cluster from others: it is the UID of the
// namespace kube-system, which lives as long as the cluster.
func (b *background) installation(ctx context.Context) (string, error) {
	namespace := &corev1.Namespace{}
	err := wait.PollUntilContextCancel(ctx, time.Second, true, func(ctx context.Context) (bool, error) {
		if err := b.manager.GetAPIReader().Get(ctx, client.ObjectKey{Name: metav1.NamespaceSystem}, namespace); err != nil {
			klog.FromContext(ctx).Error(err, "AWS's events wait for the namespace that identifies the management cluster", "namespace", metav1.NamespaceSystem)
			return false, nil
		}
		return true, nil
	})
	if err != nil {
		return "", fmt.Errorf("identify the management cluster: %w", err)
	}
	return string(namespace.UID), nil
}
