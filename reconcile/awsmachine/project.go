package awsmachine

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"k8s.io/apimachinery/pkg/api/equality"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

// updateError is the reason, known to existing tools, of a machine whose instance
// is not what it was.
const updateError = "UpdateError"

// Project returns the object with what has to be recorded in spec and annotations, and
// with its status. Conditions that changed carry no time. What others keep in the status
// is left alone.
func Project(in Intent, snap *mirror.Snapshot) *infrav1.AWSMachine {
	into := in.Machine.DeepCopy()
	v := observe(in, snap)
	v.make()
	v.Record(into)
	v.Status(into)
	return into
}

// Record writes decisions and ids, if there are new ones.
func (v *view) Record(into *infrav1.AWSMachine) bool {
	spec, annotation := v.record(), v.annotation()
	if v.deleting() || equality.Semantic.DeepEqual(spec, v.Machine.Spec) && annotation == names.AppliedTags(into) {
		return false
	}
	into.Spec = spec
	names.SetAppliedTags(into, annotation)
	return true
}

// record returns the spec with ids and decisions.
func (v *view) record() infrav1.AWSMachineSpec {
	spec := *v.Machine.Spec.DeepCopy()
	if v.deleting() {
		return spec
	}
	if v.row != nil {
		if id := instance.ProviderID(v.row); id != "" && (spec.ProviderID == nil || spec.InstanceID == nil) {
			spec.ProviderID, spec.InstanceID = aws.String(id), v.row.InstanceId
		}
	}
	s, ok := v.secrets()
	_, count, former := v.recorded()
	switch {
	case !ok:
	case former && count > 0 && !v.removedAll():
		// What was made before the object was moved goes first.
	case v.row == nil && v.foreign == nil && v.Bootstrap != nil && instance.RecordedID(&spec) == "" && !v.failed():
		if parts, err := v.parts(s); err == nil {
			// A later attempt may need fewer; those of the earlier one have to be removed too.
			if former || spec.CloudInit.SecretPrefix != s.Prefix {
				count = 0
			}
			spec.CloudInit.SecretPrefix, spec.CloudInit.SecretCount = s.Prefix, int32(max(count, len(parts)))
		}
	case v.removedAll():
		spec.CloudInit.SecretPrefix, spec.CloudInit.SecretCount = "", 0
	}
	return spec
}

// removedAll tells that all secrets that are recorded were removed.
func (v *view) removedAll() bool {
	s, count, _ := v.recorded()
	for part := range count {
		if !v.Removed[s.Key(part)] {
			return false
		}
	}
	return count > 0
}

// userTags are the tags that users chose, for the cluster or the machine.
func (v *view) userTags() map[string]string {
	tags := map[string]string{}
	for k, value := range v.Infra.Tags {
		tags[k] = value
	}
	for k, value := range v.Machine.Spec.AdditionalTags {
		tags[k] = value
	}
	return tags
}

// removedTags are the keys that the annotation remembers and nobody wants any more.
func (v *view) removedTags() []string {
	return names.Unwanted(v.Machine, v.tags())
}

// annotation returns the annotation's value as it has to be; "" for none. Keys
// stay until they are gone from the instance.
func (v *view) annotation() string {
	if v.Infra == nil || v.row == nil || v.pooled() {
		return names.AppliedTags(v.Machine)
	}
	return names.Remember(v.Machine, v.userTags(), v.removedTags(), mirror.Instances.Tags(v.row))
}

// Status writes the status.
func (v *view) Status(into *infrav1.AWSMachine) {
	status := &into.Status
	switch {
	case v.unseen(v.lifeKinds()) != "" && !v.groundless():
		v.blind(into)
		return
	case v.row == nil && instance.RecordedID(&v.Machine.Spec) == "" && !v.Acting:
		return // what the launching process says of the launch holds
	case v.doubtful():
		return // that AWS doesn't show it proves nothing yet
	}
	switch {
	case v.row != nil:
		v.instanceStatus(status)
	case v.contested():
	case v.foreign != nil:
		status.InstanceState, status.Addresses = nil, nil
	}
	v.hostStatus(status)
	status.PendingCreations = v.unsettled()
	conditions.Replace(into, v.conditions(), projected, v.Machine.Generation)
	v.setAnnounced(status)
	v.failure(status)
	infrav1.SetDefaults_AWSMachineStatus(status)
}

// doubtful tells that AWS doesn't show an instance which ran, and that it isn't proven
// to be gone: what was known of it last holds.
func (v *view) doubtful() bool {
	return v.row == nil && v.foreign == nil && v.Machine.Provisioned() && !v.deleting() && !v.vanished()
}

// blind writes the status while AWS was not seen yet: it stays as it is, or tells of a
// new object that nothing is known. What is to go and can't be seen to go says so.
func (v *view) blind(into *infrav1.AWSMachine) {
	for _, c := range into.Status.Conditions {
		if !v.deleting() && c.Type == infrav1.InstanceReadyCondition && c.Reason != conditions.WaitingForObservation {
			return
		}
	}
	conditions.Replace(into, v.conditions(), projected, v.Machine.Generation)
}

func (v *view) instanceStatus(status *infrav1.AWSMachineStatus) {
	state := instance.State(v.row)
	status.InstanceState = &state
	status.Interruptible = v.row.InstanceLifecycle == ec2types.InstanceLifecycleTypeSpot || instance.Interruptible(&v.Machine.Spec)
	if zone := instance.Zone(v.row); zone != "" {
		status.FailureDomain = zone
	}
	// AWS takes the addresses of an instance that ends away; they stay for whoever
	// looks for the node that was there.
	if addresses := instance.Addresses(v.row); len(addresses) > 0 {
		status.Addresses = addresses
	}
	// The contract wants the provider's id to be there first.
	if state == infrav1.InstanceStateRunning && v.Machine.Spec.ProviderID != nil && !v.deleting() {
		status.Initialization = &infrav1.Initialization{Provisioned: aws.Bool(true)}
	}
}

// failure says, for tools that know only the old form, that the instance is lost, and
// takes that back when it is seen again.
func (v *view) failure(status *infrav1.AWSMachineStatus) {
	if v.alive() {
		v.recovered(status)
	}
	if v.deleting() || v.failed() {
		return
	}
	for _, x := range v.plan.Problems {
		if x.Reason != infrav1.InstanceTerminatedReason && x.Reason != infrav1.InstanceNotFoundReason {
			continue
		}
		if status.Deprecated == nil {
			status.Deprecated = &infrav1.MachineDeprecatedStatus{}
		}
		if status.Deprecated.V1Beta1 == nil {
			status.Deprecated.V1Beta1 = &infrav1.MachineV1Beta1DeprecatedStatus{}
		}
		status.Deprecated.V1Beta1.FailureReason, status.Deprecated.V1Beta1.FailureMessage = aws.String(updateError), aws.String(x.Summary)
	}
}

// recovered takes back that the instance was lost.
func (v *view) recovered(status *infrav1.AWSMachineStatus) {
	if d := status.Deprecated; d != nil && d.V1Beta1 != nil && aws.ToString(d.V1Beta1.FailureReason) == updateError {
		d.V1Beta1.FailureReason, d.V1Beta1.FailureMessage = nil, nil
	}
}
