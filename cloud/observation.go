package cloud

// observationReasons are why facts can be older than promised, as status.observation
// gives them. docs/operations.md says of each what to do.
var observationReasons = []string{
	string(Throttled), string(Unauthorized), string(ExpiredCredentials), string(Unreachable), string(Transient), string(Unknown),
	PrincipalUsageUnauthorizedReason, SourcePrincipalUsageUnauthorizedReason, PrincipalCredentialRetrievalFailedReason,
	CredentialProviderBuildFailedReason, PrincipalAccountMismatchReason,
}

// ObservationReason is the one of them that an error is.
func ObservationReason(err error) string {
	if e, ok := AsIdentityError(err); ok {
		return e.Reason
	}
	switch class := Classify(err).Class; class {
	case Throttled, Unauthorized, ExpiredCredentials, Unreachable, Transient:
		return string(class)
	}
	// What else AWS may say of a listing means nothing by itself.
	return string(Unknown)
}
