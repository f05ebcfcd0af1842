package v2beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

// GetConditions returns the conditions, for Cluster API's condition helpers.
func (m *AWSMachine) GetConditions() []metav1.Condition { return m.Status.Conditions }

// SetConditions replaces the conditions.
func (m *AWSMachine) SetConditions(conditions []metav1.Condition) { m.Status.Conditions = conditions }

// GetV1Beta1Conditions returns a copy of the conditions in the old form.
func (m *AWSMachine) GetV1Beta1Conditions() clusterv1.Conditions {
	return m.Status.Deprecated.v1beta1Conditions()
}

// SetV1Beta1Conditions replaces the conditions in the old form.
func (m *AWSMachine) SetV1Beta1Conditions(conditions clusterv1.Conditions) {
	m.Status.Deprecated = m.Status.Deprecated.withConditions(conditions)
}

// Provisioned tells whether the instance was there once.
func (m *AWSMachine) Provisioned() bool { return m.Status.Initialization.provisioned() }

// GetConditions returns the conditions, for Cluster API's condition helpers.
func (t *AWSMachineTemplate) GetConditions() []metav1.Condition { return t.Status.Conditions }

// SetConditions replaces the conditions.
func (t *AWSMachineTemplate) SetConditions(conditions []metav1.Condition) {
	t.Status.Conditions = conditions
}

// GetV1Beta1Conditions returns a copy of the conditions in the old form.
func (t *AWSMachineTemplate) GetV1Beta1Conditions() clusterv1.Conditions {
	return t.Status.Deprecated.v1beta1Conditions()
}

// SetV1Beta1Conditions replaces the conditions in the old form.
func (t *AWSMachineTemplate) SetV1Beta1Conditions(conditions clusterv1.Conditions) {
	t.Status.Deprecated = withV1Beta1Conditions(t.Status.Deprecated, conditions)
}

// GetConditions returns the conditions, for Cluster API's condition helpers.
func (p *AWSMachinePool) GetConditions() []metav1.Condition { return p.Status.Conditions }

// SetConditions replaces the conditions.
func (p *AWSMachinePool) SetConditions(conditions []metav1.Condition) {
	p.Status.Conditions = conditions
}

// GetV1Beta1Conditions returns a copy of the conditions in the old form.
func (p *AWSMachinePool) GetV1Beta1Conditions() clusterv1.Conditions {
	return p.Status.Deprecated.v1beta1Conditions()
}

// SetV1Beta1Conditions replaces the conditions in the old form.
func (p *AWSMachinePool) SetV1Beta1Conditions(conditions clusterv1.Conditions) {
	p.Status.Deprecated = p.Status.Deprecated.withConditions(conditions)
}

// Provisioned tells whether the Auto Scaling group was there once.
func (p *AWSMachinePool) Provisioned() bool { return p.Status.Initialization.provisioned() }
