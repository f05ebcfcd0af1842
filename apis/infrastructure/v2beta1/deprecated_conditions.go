package v2beta1

import clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

// The kinds keep conditions of the old form in their own structs; Cluster API's helpers
// read and write Cluster API's.

func (i *Initialization) provisioned() bool {
	return i != nil && i.Provisioned != nil && *i.Provisioned
}

func (d *DeprecatedStatus) v1beta1Conditions() clusterv1.Conditions {
	if d == nil || d.V1Beta1 == nil {
		return nil
	}
	return ToClusterAPI(d.V1Beta1.Conditions)
}

func withV1Beta1Conditions(d *DeprecatedStatus, conditions clusterv1.Conditions) *DeprecatedStatus {
	if len(conditions) == 0 {
		return nil
	}
	if d == nil {
		d = &DeprecatedStatus{}
	}
	d.V1Beta1 = &V1Beta1DeprecatedStatus{Conditions: FromClusterAPI(conditions)}
	return d
}

func (d *MachineDeprecatedStatus) v1beta1Conditions() clusterv1.Conditions {
	if d == nil || d.V1Beta1 == nil {
		return nil
	}
	return ToClusterAPI(d.V1Beta1.Conditions)
}

// withConditions replaces the conditions and leaves the failure alone. What becomes empty
// becomes nil, so that nothing empty is stored.
func (d *MachineDeprecatedStatus) withConditions(conditions clusterv1.Conditions) *MachineDeprecatedStatus {
	out := MachineV1Beta1DeprecatedStatus{Conditions: FromClusterAPI(conditions)}
	if d != nil && d.V1Beta1 != nil {
		out.FailureReason, out.FailureMessage = d.V1Beta1.FailureReason, d.V1Beta1.FailureMessage
	}
	if len(out.Conditions) == 0 && out.FailureReason == nil && out.FailureMessage == nil {
		return nil
	}
	return &MachineDeprecatedStatus{V1Beta1: &out}
}

// ToClusterAPI returns a copy of the conditions as Cluster API's.
func ToClusterAPI(conditions []V1Beta1Condition) clusterv1.Conditions {
	if conditions == nil {
		return nil
	}
	out := make(clusterv1.Conditions, 0, len(conditions))
	for _, c := range conditions {
		out = append(out, clusterv1.Condition{
			Type:               clusterv1.ConditionType(c.Type),
			Status:             c.Status,
			Severity:           clusterv1.ConditionSeverity(c.Severity),
			LastTransitionTime: c.LastTransitionTime,
			Reason:             c.Reason,
			Message:            c.Message,
		})
	}
	return out
}

// FromClusterAPI returns a copy of Cluster API's conditions.
func FromClusterAPI(conditions clusterv1.Conditions) []V1Beta1Condition {
	out := make([]V1Beta1Condition, 0, len(conditions))
	for _, c := range conditions {
		out = append(out, V1Beta1Condition{
			Type:               string(c.Type),
			Status:             c.Status,
			Severity:           string(c.Severity),
			LastTransitionTime: c.LastTransitionTime,
			Reason:             c.Reason,
			Message:            c.Message,
		})
	}
	return out
}
