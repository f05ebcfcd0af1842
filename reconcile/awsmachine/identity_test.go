package awsmachine

import (
	"errors"
	"testing"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
)

func TestTroubleWithTheIdentityIsSaidByTheConditionThatItMakesFalse(t *testing.T) {
	status := &infrav1.AWSMachineStatus{}
	for _, c := range []struct{ reason, want string }{
		{cloud.PrincipalUsageUnauthorizedReason, infrav1.PrincipalUsageAllowedCondition},
		{cloud.PrincipalAccountMismatchReason, infrav1.PrincipalCredentialRetrievedCondition},
		{cloud.SourcePrincipalUsageUnauthorizedReason, infrav1.PrincipalUsageAllowedCondition},
	} {
		setUnidentified(status, &cloud.IdentityError{Reason: c.reason, Err: errors.New("why")}, 1)
		if len(status.Conditions) != 1 || status.Conditions[0].Type != c.want {
			t.Errorf("%s is said by %+v, want %s alone", c.reason, status.Conditions, c.want)
		}
	}
	if setIdentified(status); len(status.Conditions) != 0 {
		t.Errorf("afterwards there are %+v", status.Conditions)
	}
}
