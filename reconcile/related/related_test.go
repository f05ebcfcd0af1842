package related

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

func TestIdentityTroubleIsWhatTheClusterSays(t *testing.T) {
	for want, conditions := range map[string][]metav1.Condition{
		"": {{Type: infrav1.PrincipalUsageAllowedCondition, Status: metav1.ConditionTrue}, {Type: infrav1.ReadyCondition, Status: metav1.ConditionFalse, Reason: "No"}},
		"PrincipalUsageUnauthorized": {{Type: infrav1.PrincipalCredentialRetrievedCondition, Status: metav1.ConditionTrue},
			{Type: infrav1.PrincipalUsageAllowedCondition, Status: metav1.ConditionFalse, Reason: "PrincipalUsageUnauthorized"}},
		"PrincipalAccountMismatch": {{Type: infrav1.PrincipalCredentialRetrievedCondition, Status: metav1.ConditionFalse, Reason: "PrincipalAccountMismatch"}},
	} {
		if got := IdentityTrouble(&infrav1.AWSCluster{Status: infrav1.AWSClusterStatus{Conditions: conditions}}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
