package v2beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

// GetConditions returns the conditions, for Cluster API's condition helpers.
func (c *AWSCluster) GetConditions() []metav1.Condition { return c.Status.Conditions }

// SetConditions replaces the conditions.
func (c *AWSCluster) SetConditions(conditions []metav1.Condition) { c.Status.Conditions = conditions }

// GetV1Beta1Conditions returns a copy of the conditions in the old form.
func (c *AWSCluster) GetV1Beta1Conditions() clusterv1.Conditions {
	return c.Status.Deprecated.v1beta1Conditions()
}

// SetV1Beta1Conditions replaces the conditions in the old form.
func (c *AWSCluster) SetV1Beta1Conditions(conditions clusterv1.Conditions) {
	c.Status.Deprecated = withV1Beta1Conditions(c.Status.Deprecated, conditions)
}

// Provisioned tells whether the infrastructure was complete once.
func (c *AWSCluster) Provisioned() bool {
	i := c.Status.Initialization
	return i != nil && i.Provisioned != nil && *i.Provisioned
}

func (d *DeprecatedStatus) v1beta1Conditions() clusterv1.Conditions {
	if d == nil || d.V1Beta1 == nil || d.V1Beta1.Conditions == nil {
		return nil
	}
	out := make(clusterv1.Conditions, 0, len(d.V1Beta1.Conditions))
	for _, c := range d.V1Beta1.Conditions {
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

func withV1Beta1Conditions(d *DeprecatedStatus, conditions clusterv1.Conditions) *DeprecatedStatus {
	if len(conditions) == 0 {
		return nil
	}
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
	if d == nil {
		d = &DeprecatedStatus{}
	}
	d.V1Beta1 = &V1Beta1DeprecatedStatus{Conditions: out}
	return d
}
