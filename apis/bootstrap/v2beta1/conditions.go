package v2beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// DataSecretAvailableCondition is the condition of both kinds besides Ready and Paused: it
// tells whether the bootstrap data is there, and is that of the spec.
const DataSecretAvailableCondition = "DataSecretAvailable"

// Reasons of this condition.
const (
	DataSecretGenerationFailedReason           = "DataSecretGenerationFailed"
	WaitingForControlPlaneInitializationReason = "WaitingForControlPlaneInitialization"
)

func (s *ConfigStatus) v1beta1Conditions() clusterv1.Conditions {
	if s.Deprecated == nil || s.Deprecated.V1Beta1 == nil {
		return nil
	}
	return infrav1.ToClusterAPI(s.Deprecated.V1Beta1.Conditions)
}

// setV1Beta1Conditions leaves the failure alone. What becomes empty becomes nil, so that
// nothing empty is stored.
func (s *ConfigStatus) setV1Beta1Conditions(conditions clusterv1.Conditions) {
	out := infrav1.MachineV1Beta1DeprecatedStatus{Conditions: infrav1.FromClusterAPI(conditions)}
	if d := s.Deprecated; d != nil && d.V1Beta1 != nil {
		out.FailureReason, out.FailureMessage = d.V1Beta1.FailureReason, d.V1Beta1.FailureMessage
	}
	s.Deprecated = nil
	if len(out.Conditions) > 0 || out.FailureReason != nil || out.FailureMessage != nil {
		s.Deprecated = &infrav1.MachineDeprecatedStatus{V1Beta1: &out}
	}
}

// GetConditions returns the conditions, for Cluster API's condition helpers.
func (c *NodeadmConfig) GetConditions() []metav1.Condition { return c.Status.Conditions }

// SetConditions replaces the conditions.
func (c *NodeadmConfig) SetConditions(conditions []metav1.Condition) {
	c.Status.Conditions = conditions
}

// GetV1Beta1Conditions returns a copy of the conditions in the old form.
func (c *NodeadmConfig) GetV1Beta1Conditions() clusterv1.Conditions {
	return c.Status.v1beta1Conditions()
}

// SetV1Beta1Conditions replaces the conditions in the old form.
func (c *NodeadmConfig) SetV1Beta1Conditions(conditions clusterv1.Conditions) {
	c.Status.setV1Beta1Conditions(conditions)
}

// ConfigStatus is the status that both kinds have.
func (c *NodeadmConfig) ConfigStatus() *ConfigStatus { return &c.Status }

// CloudInit is what both kinds have cloud-init do.
func (c *NodeadmConfig) CloudInit() *CloudInit { return &c.Spec.CloudInit }

// GetConditions returns the conditions, for Cluster API's condition helpers.
func (c *EKSConfig) GetConditions() []metav1.Condition { return c.Status.Conditions }

// SetConditions replaces the conditions.
func (c *EKSConfig) SetConditions(conditions []metav1.Condition) { c.Status.Conditions = conditions }

// GetV1Beta1Conditions returns a copy of the conditions in the old form.
func (c *EKSConfig) GetV1Beta1Conditions() clusterv1.Conditions { return c.Status.v1beta1Conditions() }

// SetV1Beta1Conditions replaces the conditions in the old form.
func (c *EKSConfig) SetV1Beta1Conditions(conditions clusterv1.Conditions) {
	c.Status.setV1Beta1Conditions(conditions)
}

// ConfigStatus is the status that both kinds have.
func (c *EKSConfig) ConfigStatus() *ConfigStatus { return &c.Status }

// CloudInit is what both kinds have cloud-init do.
func (c *EKSConfig) CloudInit() *CloudInit { return &c.Spec.CloudInit }
