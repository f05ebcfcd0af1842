package v2beta1

// Condition types of AWSCluster. Two literals look odd (VpcEndpointsReadyCondition,
// S3BucketCreated); existing tools know them by these names.
const (
	ReadyCondition                          = "Ready"
	PausedCondition                         = "Paused"
	PrincipalCredentialRetrievedCondition   = "PrincipalCredentialRetrieved"
	PrincipalUsageAllowedCondition          = "PrincipalUsageAllowed"
	VpcReadyCondition                       = "VpcReady"
	SecondaryCidrsReadyCondition            = "SecondaryCidrsReady"
	SubnetsReadyCondition                   = "SubnetsReady"
	InternetGatewayReadyCondition           = "InternetGatewayReady"
	EgressOnlyInternetGatewayReadyCondition = "EgressOnlyInternetGatewayReady"
	CarrierGatewayReadyCondition            = "CarrierGatewayReady"
	NatGatewaysReadyCondition               = "NatGatewaysReady"
	RouteTablesReadyCondition               = "RouteTablesReady"
	VpcEndpointsReadyCondition              = "VpcEndpointsReadyCondition"
	ClusterSecurityGroupsReadyCondition     = "ClusterSecurityGroupsReady"
	BastionHostReadyCondition               = "BastionHostReady"
	LoadBalancerReadyCondition              = "LoadBalancerReady"
	S3BucketReadyCondition                  = "S3BucketCreated"
)

// Reasons of the identity conditions.
const (
	PrincipalCredentialRetrievalFailedReason = "PrincipalCredentialRetrievalFailed"
	CredentialProviderBuildFailedReason      = "CredentialProviderBuildFailed"
	PrincipalUsageUnauthorizedReason         = "PrincipalUsageUnauthorized"
	SourcePrincipalUsageUnauthorizedReason   = "SourcePrincipalUsageUnauthorized"
)

// Reasons of the network conditions.
const (
	VpcCreationStartedReason                = "VpcCreationStarted"
	VpcReconciliationFailedReason           = "VpcReconciliationFailed"
	SecondaryCidrReconciliationFailedReason = "SecondaryCidrReconciliationFailed"
	SubnetsReconciliationFailedReason       = "SubnetsReconciliationFailed"
	InternetGatewayFailedReason             = "InternetGatewayFailed"
	EgressOnlyInternetGatewayFailedReason   = "EgressOnlyInternetGatewayFailed"
	CarrierGatewayFailedReason              = "CarrierGatewayFailed"
	NatGatewaysCreationStartedReason        = "NatGatewaysCreationStarted"
	NatGatewaysReconciliationFailedReason   = "NatGatewaysReconciliationFailed"
	RouteTableReconciliationFailedReason    = "RouteTableReconciliationFailed"
	VpcEndpointsReconciliationFailedReason  = "VpcEndpointsReconciliationFailed"
	SecurityGroupReconciliationFailedReason = "SecurityGroupReconciliationFailed"
	BastionCreationStartedReason            = "BastionCreationStarted"
	BastionHostFailedReason                 = "BastionHostFailed"
)

// Reasons of the load balancer and bucket conditions.
const (
	WaitForDNSNameReason                      = "WaitForDNSName"
	WaitForDNSNameResolveReason               = "WaitForDNSNameResolve"
	WaitForExternalControlPlaneEndpointReason = "WaitForExternalControlPlaneEndpoint"
	LoadBalancerFailedReason                  = "LoadBalancerFailed"
	S3BucketFailedReason                      = "S3BucketCreationFailed"
)

// InProgressReason is that of a part of a cluster in which nothing has failed, and
// something is still to be done or waited for.
const InProgressReason = "InProgress"

// WaitingForOwnerReason is that of Ready while no object of Cluster API owns the object.
const WaitingForOwnerReason = "WaitingForOwner"

// Reasons of every condition while the object is being deleted.
const (
	DeletingReason       = "Deleting"
	DeletingFailedReason = "DeletingFailed"
	DeletedReason        = "Deleted"
)
