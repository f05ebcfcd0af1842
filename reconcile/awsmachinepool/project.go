package awsmachinepool

import (
	"strconv"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/aws/aws-sdk-go-v2/aws"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/autoscaling"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

// Project returns the object with what has to be recorded in spec and annotations, and
// with its status. Conditions that changed carry no time. What others keep in the status
// is left alone.
func Project(in Intent, snap *mirror.Snapshot) *infrav1.AWSMachinePool {
	into := in.Pool.DeepCopy()
	v := observe(in, snap)
	v.make()
	v.Record(into)
	v.Status(into)
	return into
}

// Record writes the group, its instances and the tags' annotation, if they changed.
func (v *view) Record(into *infrav1.AWSMachinePool) bool {
	spec, annotation := v.record(), v.annotation()
	if v.deleting() || equality.Semantic.DeepEqual(spec, v.Pool.Spec) && annotation == names.AppliedTags(into) {
		return false
	}
	into.Spec = spec
	names.SetAppliedTags(into, annotation)
	return true
}

// members are the group's instances, without those that are none any more.
func (v *view) members() []astypes.Instance { return autoscaling.Members(v.group) }

// seen tells that the group was read, and not only made by a call of ours.
func (v *view) seen() bool { return v.group != nil && aws.ToString(v.group.AutoScalingGroupARN) != "" }

// record returns the spec with the group and its instances. An instance that is
// ending stays in the list until it has ended: Cluster API deletes the nodes of
// those that leave it.
func (v *view) record() infrav1.AWSMachinePoolSpec {
	spec := *v.Pool.Spec.DeepCopy()
	if v.deleting() || !v.seen() {
		return spec
	}
	spec.ProviderID, spec.ProviderIDList = aws.ToString(v.group.AutoScalingGroupARN), autoscaling.ProviderIDs(v.group)
	return spec
}

// Status writes the status.
func (v *view) Status(into *infrav1.AWSMachinePool) {
	status := &into.Status
	if v.unseen(v.Kinds()) != "" && !v.groundless() && len(status.Conditions) > 1 {
		// What it says holds until AWS is seen. Why it isn't has to be said.
		switch failed := len(v.Failures[areaGroup]) > 0; {
		case failed && v.deleting():
			conditions.Replace(into, v.conditions(), projected(), v.Pool.Generation)
		case failed:
			conditions.Replace(into, []conditions.Condition{v.condition(groupArea)}, []string{areaGroup}, v.Pool.Generation)
		}
		return
	}
	if v.seen() || v.group == nil && v.unseen(v.Kinds()) == "" && !v.missing() {
		v.groupStatus(status)
	}
	if v.template != nil {
		status.LaunchTemplateID = aws.ToString(v.template.LaunchTemplateId)
		status.LaunchTemplateVersion = aws.String(strconv.FormatInt(aws.ToInt64(v.template.LatestVersionNumber), 10))
	}
	conditions.Replace(into, v.conditions(), projected(), v.Pool.Generation)
}

func (v *view) groupStatus(status *infrav1.AWSMachinePoolStatus) {
	members := v.members()
	status.Replicas, status.Instances = int32(len(members)), nil
	for _, i := range members {
		status.Instances = append(status.Instances, infrav1.AWSMachinePoolInstanceStatus{InstanceID: aws.ToString(i.InstanceId)})
	}
	if v.hasMachines() {
		status.InfrastructureMachineKind = machineKind
	}
	status.ASGStatus, status.Ready = nil, v.group != nil
	if v.group == nil {
		return
	}
	if autoscaling.Deleting(v.group) {
		status.ASGStatus, status.Ready = (*infrav1.ASGStatus)(v.group.Status), false
		return
	}
	status.Initialization = &infrav1.Initialization{Provisioned: aws.Bool(true)}
}

// userTags are the tags that users chose, for the cluster or the pool.
func (v *view) userTags() map[string]string {
	tags := map[string]string{}
	for k, value := range v.Infra.Tags {
		tags[k] = value
	}
	for k, value := range v.Pool.Spec.AdditionalTags {
		tags[k] = value
	}
	return tags
}

// removedTags are the keys that the annotation remembers and nobody wants any more.
func (v *view) removedTags() []string {
	if v.Infra == nil {
		return nil
	}
	return names.Unwanted(v.Pool, v.tags())
}

// annotation returns the annotation's value as it has to be; "" for none. Keys
// stay until they are gone from the group and the template.
func (v *view) annotation() string {
	if v.Infra == nil || v.group == nil {
		return names.AppliedTags(v.Pool)
	}
	there := []map[string]string{mirror.AutoScalingGroups.Tags(v.group)}
	if v.template != nil {
		there = append(there, mirror.LaunchTemplates.Tags(v.template))
	}
	return names.Remember(v.Pool, v.userTags(), v.removedTags(), there...)
}
