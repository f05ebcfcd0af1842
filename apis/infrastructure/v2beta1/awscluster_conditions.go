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
	return c.Status.Initialization.provisioned()
}

// Place says where the cluster's AWS is, and as whom it is reached.
func (c *AWSCluster) Place() (identity *AWSIdentityReference, region, account string) {
	return c.Spec.IdentityRef, c.Spec.Region, c.Status.AccountID
}
