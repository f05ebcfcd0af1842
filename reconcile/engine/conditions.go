package engine

import (
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
)

// setPaused says whether the object is paused.
func setPaused(obj Object, paused bool) {
	c := conditions.Condition{Type: infrav1.PausedCondition, OK: paused, Reason: clusterv1.NotPausedReason, Severity: clusterv1.ConditionSeverityInfo}
	if paused {
		c.Reason = clusterv1.PausedReason
		c.Message = "the Cluster's spec.paused or the annotation " + clusterv1.PausedAnnotation + " keeps everything as it is"
	}
	replace(obj, c)
}

// setIdentified says that the identity gives sessions: with two conditions, or with none
// that says the opposite, where the identity is another object's.
func setIdentified(obj Object, own bool) {
	allowed, retrieved := conditions.Condition{Type: infrav1.PrincipalUsageAllowedCondition, OK: true}, conditions.Condition{Type: infrav1.PrincipalCredentialRetrievedCondition, OK: true}
	if own {
		replace(obj, allowed)
		replace(obj, retrieved)
		return
	}
	conditions.Replace(obj, nil, []string{allowed.Type, retrieved.Type}, obj.GetGeneration())
}

// setUnidentified says why the identity gives no session.
func setUnidentified(obj Object, e *cloud.IdentityError, own bool) {
	failed := conditions.Condition{Type: e.Condition(), Reason: e.Reason, Severity: clusterv1.ConditionSeverityError, Message: e.Error()}
	if !own {
		conditions.Replace(obj, []conditions.Condition{failed}, []string{infrav1.PrincipalUsageAllowedCondition, infrav1.PrincipalCredentialRetrievedCondition}, obj.GetGeneration())
		return
	}
	replace(obj, failed)
	if failed.Type == infrav1.PrincipalUsageAllowedCondition {
		return
	}
	allowed := conditions.Condition{Type: infrav1.PrincipalUsageAllowedCondition, OK: true}
	if !e.Judged() {
		allowed = failed
		allowed.Type = infrav1.PrincipalUsageAllowedCondition
	}
	replace(obj, allowed)
}

// setNotReady says why nothing can be done for the object at all.
func setNotReady(obj Object, reason, message string) {
	replace(obj, conditions.Condition{Type: infrav1.ReadyCondition, Reason: reason, Severity: clusterv1.ConditionSeverityError, Message: message})
}

// replace sets one condition. A new generation alone is no reason to write it.
func replace(obj Object, c conditions.Condition) {
	if last, ok := conditions.Stored(obj, c.Type); ok && last.OK == c.OK && (c.OK && c.Reason == "" || last.Reason == c.Reason) && last.Message == c.Message {
		return
	}
	conditions.Replace(obj, []conditions.Condition{c}, []string{c.Type}, obj.GetGeneration())
}
