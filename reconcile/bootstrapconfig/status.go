package bootstrapconfig

import (
	"fmt"
	"time"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
)

const waitingForOwner = infrav1.WaitingForOwnerReason

// problem says why there is no data, or no data of the spec.
type problem struct {
	reason, message string
	severity        clusterv1.ConditionSeverity
	again           time.Duration
}

func (p *problem) Error() string { return p.message }

// waiting is for something that is watched.
func waiting(reason, message string) error {
	return &problem{reason: reason, message: message, severity: clusterv1.ConditionSeverityInfo, again: lookAgain}
}

func failing(severity clusterv1.ConditionSeverity, format string, args ...any) error {
	return &problem{reason: bootstrapv1.DataSecretGenerationFailedReason, message: fmt.Sprintf(format, args...), severity: severity, again: tryAgain}
}

func created(obj Config) bool {
	i := obj.ConfigStatus().Initialization
	return i != nil && i.DataSecretCreated != nil && *i.DataSecretCreated
}

// setUnavailable says why. Data that was there stays, and so does what is said of it: the older
// contract's failure fields are never set, which would end a MachinePool.
func setUnavailable(obj Config, why *problem) {
	c := conditions.Condition{Type: bootstrapv1.DataSecretAvailableCondition, Reason: why.reason, Severity: why.severity, Message: why.message}
	if created(obj) {
		c.Message += "; new nodes get the data that was made before"
	}
	setConditions(obj, c)
}

func setAvailable(obj Config) {
	name, yes := obj.GetName(), true
	status := obj.ConfigStatus()
	status.DataSecretName, status.Ready = &name, true
	status.Initialization = &bootstrapv1.Initialization{DataSecretCreated: &yes}
	setConditions(obj, conditions.Condition{Type: bootstrapv1.DataSecretAvailableCondition, OK: true})
}

func setConditions(obj Config, c conditions.Condition) {
	conditions.Replace(obj, []conditions.Condition{c, conditions.Summary(c)}, []string{c.Type, infrav1.ReadyCondition}, obj.GetGeneration())
}

// setPaused says whether the object is paused.
func setPaused(obj Config, paused bool) {
	c := conditions.Condition{Type: infrav1.PausedCondition, OK: paused, Reason: clusterv1.NotPausedReason, Severity: clusterv1.ConditionSeverityInfo}
	if paused {
		c.Reason = clusterv1.PausedReason
		c.Message = "the Cluster's spec.paused or the annotation " + clusterv1.PausedAnnotation + " keeps everything as it is"
	}
	conditions.Replace(obj, []conditions.Condition{c}, []string{c.Type}, obj.GetGeneration())
}
