package cloud

import (
	"errors"
	"fmt"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// The conditions and reasons that report on identities, as CAPA names them.
const (
	// PrincipalUsageAllowedCondition tells whether the cluster may use its identity.
	PrincipalUsageAllowedCondition = "PrincipalUsageAllowed"
	// PrincipalCredentialRetrievedCondition tells whether the identity's credentials work.
	PrincipalCredentialRetrievedCondition = "PrincipalCredentialRetrieved"

	// PrincipalUsageUnauthorizedReason: the identity doesn't allow the cluster's namespace.
	PrincipalUsageUnauthorizedReason = "PrincipalUsageUnauthorized"
	// SourcePrincipalUsageUnauthorizedReason: an identity further up the chain doesn't.
	SourcePrincipalUsageUnauthorizedReason = "SourcePrincipalUsageUnauthorized"
	// PrincipalCredentialRetrievalFailedReason: AWS gave or took no credentials.
	PrincipalCredentialRetrievalFailedReason = "PrincipalCredentialRetrievalFailed"
	// PrincipalAccountMismatchReason: the credentials are of another account than the
	// resources. It has no equal in CAPA.
	PrincipalAccountMismatchReason = "PrincipalAccountMismatch"
	// CredentialProviderBuildFailedReason: the identity isn't there or isn't complete.
	CredentialProviderBuildFailedReason = "CredentialProviderBuildFailed"
)

// IdentityError says why an identity gives no session.
type IdentityError struct {
	// Reason is one of the reasons above.
	Reason string
	// Identity is the identity concerned, as "AWSClusterRoleIdentity/dev".
	Identity string
	// Err says what is wrong.
	Err error
}

func (e *IdentityError) Error() string {
	if e.Reason == PrincipalCredentialRetrievalFailedReason {
		return fmt.Sprintf("identity %s: %s", e.Identity, Classify(e.Err).Message)
	}
	return brief(fmt.Sprintf("identity %s: %v", e.Identity, e.Err))
}

func (e *IdentityError) Unwrap() error { return e.Err }

// Condition is the type of the condition that the error makes false.
func (e *IdentityError) Condition() string {
	switch e.Reason {
	case PrincipalUsageUnauthorizedReason, SourcePrincipalUsageUnauthorizedReason:
		return PrincipalUsageAllowedCondition
	}
	return PrincipalCredentialRetrievedCondition
}

// unjudgedError is a failure before it was known whom an identity lets in.
type unjudgedError struct{ error }

func (e unjudgedError) Unwrap() error { return e.error }

// Judged tells whether it is known that the identity lets the namespace in, or that
// it doesn't: not so while the identity, or one that it is built on, can't be read.
func (e *IdentityError) Judged() bool {
	var unjudged unjudgedError
	return !errors.As(e.Err, &unjudged)
}

// AsIdentityError returns the IdentityError in an error's chain, if there is one.
func AsIdentityError(err error) (*IdentityError, bool) {
	var e *IdentityError
	ok := errors.As(err, &e)
	return e, ok
}

// Explain says in one sentence what went wrong, of whatever kind the error is.
func Explain(err error) string {
	if e, ok := AsIdentityError(err); ok {
		return e.Error()
	}
	return Classify(err).Message
}

func identityName(ref infrav1.AWSIdentityReference) string {
	return string(ref.Kind) + "/" + ref.Name
}
