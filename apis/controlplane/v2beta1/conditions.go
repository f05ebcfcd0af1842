package v2beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// Condition types of AWSManagedControlPlane besides those of the network, the bastion host
// and the identity, which are AWSCluster's.
const (
	// AvailableCondition tells Cluster API whether the API server can be used.
	AvailableCondition = "Available"

	EKSControlPlaneReadyCondition          = "EKSControlPlaneReady"
	EKSControlPlaneCreatingCondition       = "EKSControlPlaneCreating"
	EKSControlPlaneUpdatingCondition       = "EKSControlPlaneUpdating"
	IAMControlPlaneRolesReadyCondition     = "IAMControlPlaneRolesReady"
	IAMAuthenticatorConfiguredCondition    = "IAMAuthenticatorConfigured"
	EKSAddonsConfiguredCondition           = "EKSAddonsConfigured"
	EKSIdentityProviderConfiguredCondition = "EKSIdentityProviderConfigured"

	// What existing tools don't know.
	EKSAccessEntriesConfiguredCondition = "EKSAccessEntriesConfigured"
	EKSPodIdentityConfiguredCondition   = "EKSPodIdentityConfigured"
	OIDCProviderReadyCondition          = "OIDCProviderReady"
	KubeconfigReadyCondition            = "KubeconfigReady"
	WorkloadClusterConfiguredCondition  = "WorkloadClusterConfigured"
	// UpgradeAllowedCondition is there while another version is asked for than the cluster has.
	UpgradeAllowedCondition = "UpgradeAllowed"
	// EKSControlPlaneHealthyCondition has AWS's words on what is wrong with a cluster that serves all the same.
	EKSControlPlaneHealthyCondition = "EKSControlPlaneHealthy"
)

// Reasons of these conditions. Two literals are in lower case; existing tools know them so.
const (
	EKSControlPlaneReconciliationFailedReason      = "EKSControlPlaneReconciliationFailed"
	IAMControlPlaneRolesReconciliationFailedReason = "IAMControlPlaneRolesReconciliationFailed"
	IAMAuthenticatorConfigurationFailedReason      = "IAMAuthenticatorConfigurationFailed"
	InsightsInErrorReason                          = "InsightsInError"
	EKSControlPlaneUnhealthyReason                 = "EKSControlPlaneUnhealthy"
	EKSAddonsConfiguredFailedReason                = "EKSAddonsConfiguredFailed"
	EKSAddonsPendingReason                         = "EKSAddonsPending"
	EKSIdentityProviderConfiguredFailedReason      = "EKSIdentityProviderConfiguredFailed"
	CreatedReason                                  = "created"
	UpdatedReason                                  = "updated"
)

// GetConditions returns the conditions, for Cluster API's condition helpers.
func (c *AWSManagedControlPlane) GetConditions() []metav1.Condition { return c.Status.Conditions }

// SetConditions replaces the conditions.
func (c *AWSManagedControlPlane) SetConditions(conditions []metav1.Condition) {
	c.Status.Conditions = conditions
}

// GetV1Beta1Conditions returns a copy of the conditions in the old form.
func (c *AWSManagedControlPlane) GetV1Beta1Conditions() clusterv1.Conditions {
	if d := c.Status.Deprecated; d != nil && d.V1Beta1 != nil {
		return infrav1.ToClusterAPI(d.V1Beta1.Conditions)
	}
	return nil
}

// SetV1Beta1Conditions replaces the conditions in the old form. What becomes empty becomes
// nil, so that nothing empty is stored.
func (c *AWSManagedControlPlane) SetV1Beta1Conditions(conditions clusterv1.Conditions) {
	out := V1Beta1DeprecatedStatus{Conditions: infrav1.FromClusterAPI(conditions)}
	if d := c.Status.Deprecated; d != nil && d.V1Beta1 != nil {
		out.FailureMessage = d.V1Beta1.FailureMessage
	}
	c.Status.Deprecated = nil
	if len(out.Conditions) > 0 || out.FailureMessage != nil {
		c.Status.Deprecated = &DeprecatedStatus{V1Beta1: &out}
	}
}

// Provisioned tells whether the network was complete and the EKS cluster there once.
func (c *AWSManagedControlPlane) Provisioned() bool {
	i := c.Status.Initialization
	return i != nil && i.Provisioned != nil && *i.Provisioned
}

// Initialized tells whether the API server could be reached once.
func (c *AWSManagedControlPlane) Initialized() bool {
	i := c.Status.Initialization
	return i != nil && i.ControlPlaneInitialized != nil && *i.ControlPlaneInitialized
}

// Place says where the control plane's AWS is, and as whom it is reached.
func (c *AWSManagedControlPlane) Place() (identity *infrav1.AWSIdentityReference, region, account string) {
	return c.Spec.IdentityRef, c.Spec.Region, c.Status.AccountID
}
