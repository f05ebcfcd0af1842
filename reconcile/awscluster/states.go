package awscluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
)

// setPaused says whether the object is paused. Paused, nothing else is done to it.
func (r *Reconciler) setPaused(ctx context.Context, obj *infrav1.AWSCluster, paused bool) error {
	c := conditions.Condition{Type: infrav1.PausedCondition, OK: paused, Reason: clusterv1.NotPausedReason, Severity: clusterv1.ConditionSeverityInfo}
	if paused {
		c.Message = "the Cluster's spec.paused or the annotation " + clusterv1.PausedAnnotation + " keeps everything as it is"
	}
	return r.setOthers(ctx, obj, c)
}

// setIdentity says whether the object's identity may be used and works. cause is
// nil when both are so.
func (p *pass) setIdentity(ctx context.Context, cause error) error {
	allowed := conditions.Condition{Type: infrav1.PrincipalUsageAllowedCondition, OK: true}
	retrieved := conditions.Condition{Type: infrav1.PrincipalCredentialRetrievedCondition, OK: true}
	if cause == nil {
		return p.setOthers(ctx, p.obj, allowed, retrieved)
	}
	e, ok := cloud.AsIdentityError(cause)
	if !ok {
		return nil
	}
	failed := conditions.Condition{Type: e.Condition(), Reason: e.Reason, Severity: clusterv1.ConditionSeverityError, Message: e.Error()}
	p.Events.Event(p.obj, corev1.EventTypeWarning, e.Reason, e.Error())
	ready := notReady(failed)
	switch {
	case failed.Type == allowed.Type:
		return p.setOthers(ctx, p.obj, failed, ready)
	case !e.Judged():
		allowed = failed
		allowed.Type = infrav1.PrincipalUsageAllowedCondition
	}
	return p.setOthers(ctx, p.obj, allowed, failed, ready)
}

// notReady is Ready while a condition of the identity is false: nothing else that might
// be said of the cluster is looked after until that ends.
func notReady(cause conditions.Condition) conditions.Condition {
	return conditions.Condition{Type: infrav1.ReadyCondition, Reason: cause.Reason, Severity: clusterv1.ConditionSeverityError,
		Message: fmt.Sprintf("* %s: %s", cause.Type, cause.Message)}
}

// identityTrouble is what the object says of its identity's trouble, nil without any.
func (v *view) identityTrouble() *conditions.Condition {
	for _, kind := range []string{infrav1.PrincipalCredentialRetrievedCondition, infrav1.PrincipalUsageAllowedCondition} {
		if c := meta.FindStatusCondition(v.Cluster.Status.Conditions, kind); c != nil && c.Status == metav1.ConditionFalse {
			return &conditions.Condition{Type: kind, Reason: c.Reason, Message: c.Message}
		}
	}
	return nil
}

// setOthers sets single conditions at once, if they differ.
func (r *Reconciler) setOthers(ctx context.Context, obj *infrav1.AWSCluster, list ...conditions.Condition) error {
	before := obj.Status.DeepCopy()
	now := metav1.NewTime(r.Clock.Now()).Rfc3339Copy()
	old := obj.GetV1Beta1Conditions()
	for _, c := range list {
		m := c.Modern(obj.Status.Conditions, obj.Generation)
		if m.LastTransitionTime.IsZero() {
			m.LastTransitionTime = now
		}
		if last := meta.FindStatusCondition(obj.Status.Conditions, c.Type); last != nil && m.Reason == last.Reason && m.Message == last.Message {
			// A new generation alone is no reason to write these.
			m.ObservedGeneration = last.ObservedGeneration
		}
		meta.SetStatusCondition(&obj.Status.Conditions, m)
		old = withOld(old, c.Old(old), now)
	}
	obj.SetV1Beta1Conditions(old)
	sortConditions(&obj.Status)
	if equality.Semantic.DeepEqual(*before, obj.Status) {
		return nil
	}
	return r.updateStatus(ctx, obj)
}

func withOld(list clusterv1.Conditions, c clusterv1.Condition, now metav1.Time) clusterv1.Conditions {
	if c.LastTransitionTime.IsZero() {
		c.LastTransitionTime = now
	}
	for i := range list {
		if list[i].Type == c.Type {
			list[i] = c
			return list
		}
	}
	return append(list, c)
}
