package cloud

import "strings"

// codes are the error codes whose class their form doesn't tell. The sources
// are the error code lists of each service's API reference:
//
//	ec2:   https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
//	elb:   https://docs.aws.amazon.com/elasticloadbalancing/2012-06-01/APIReference/CommonErrors.html
//	elbv2: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/CommonErrors.html
//	s3:    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
//	sqs:   https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
//	auto-scaling: https://docs.aws.amazon.com/autoscaling/ec2/APIReference/CommonErrors.html and its actions
//	sts:   https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
//	eks:   https://docs.aws.amazon.com/eks/latest/APIReference/CommonErrors.html and its actions
//	iam:   https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html and its actions
var codes = map[string]Class{
	"Gateway.NotAttached":               NotFound,
	"InvalidAddress.NotFound":           NotFound,
	"NoSuchEntity":                      NotFound,
	"NoSuchResourceException":           NotFound,
	"InvalidInstanceID.NotLinkable":     InvalidParameter,
	"NoSuchBucket":                      NotFound,
	"NoSuchKey":                         NotFound,
	"BucketAlreadyOwnedByYou":           AlreadyExists,
	"BucketAlreadyExists":               InvalidParameter, // somebody else's: another name is needed
	"BucketNotEmpty":                    DependencyViolation,
	"OperationAborted":                  Transient,
	"AccessPointNotFound":               NotFound,
	"DuplicateAccessPointName":          AlreadyExists,
	"DuplicateLoadBalancerName":         AlreadyExists,
	"DuplicateTargetGroupName":          AlreadyExists,
	"DuplicateListener":                 AlreadyExists,
	"RouteAlreadyExists":                AlreadyExists,
	"Resource.AlreadyAssociated":        AlreadyExists,
	"Resource.AlreadyAssigned":          AlreadyExists,
	"InvalidSubnet.Conflict":            AlreadyExists,
	"EntityAlreadyExists":               AlreadyExists,
	"InstanceRefreshInProgress":         AlreadyExists,
	"DependencyViolation":               DependencyViolation,
	"ScalingActivityInProgress":         DependencyViolation,
	"ResourceInUse":                     DependencyViolation,
	"InvalidIPAddress.InUse":            DependencyViolation,
	"InvalidGroup.InUse":                DependencyViolation,
	"InvalidNetworkInterface.InUse":     DependencyViolation,
	"DeleteConflict":                    DependencyViolation,
	"ConcurrentModification":            Busy,
	"ConcurrentModificationException":   Busy,
	"EntityTemporarilyUnmodifiable":     Busy,
	"UnmodifiableEntity":                InvalidParameter,
	"BadRequest":                        InvalidParameter,
	"BadRequestException":               InvalidParameter,
	"RequestLimitExceeded":              Throttled,
	"Throttling":                        Throttled,
	"ThrottlingException":               Throttled,
	"ThrottledException":                Throttled,
	"RequestThrottled":                  Throttled,
	"RequestThrottledException":         Throttled,
	"TooManyRequestsException":          Throttled,
	"EC2ThrottledException":             Throttled,
	"SlowDown":                          Throttled,
	"UnauthorizedOperation":             Unauthorized,
	"AccessDenied":                      Unauthorized,
	"AccessDeniedException":             Unauthorized,
	"AuthFailure":                       Unauthorized,
	"InvalidClientTokenId":              Unauthorized,
	"InvalidAccessKeyId":                Unauthorized,
	"UnrecognizedClientException":       Unauthorized,
	"SignatureDoesNotMatch":             Unauthorized,
	"IncompleteSignature":               Unauthorized,
	"MissingAuthenticationToken":        Unauthorized,
	"NotAuthorized":                     Unauthorized,
	"OptInRequired":                     Unauthorized,
	"PendingVerification":               Unauthorized,
	"Blocked":                           Unauthorized,
	"RegionDisabledException":           Unauthorized,
	"ExpiredToken":                      ExpiredCredentials,
	"ExpiredTokenException":             ExpiredCredentials,
	"RequestExpired":                    ExpiredCredentials,
	"TokenRefreshRequired":              ExpiredCredentials,
	"TooManyLoadBalancers":              QuotaExceeded,
	"TooManyAccessPoints":               QuotaExceeded,
	"TooManyTargetGroups":               QuotaExceeded,
	"TooManyListeners":                  QuotaExceeded,
	"TooManyTags":                       QuotaExceeded,
	"TooManyTargets":                    QuotaExceeded,
	"MaxSpotInstanceCountExceeded":      QuotaExceeded,
	"MaxIOPSLimitExceeded":              QuotaExceeded,
	"AttachmentLimitExceeded":           QuotaExceeded,
	"MissingParameter":                  InvalidParameter,
	"ValidationError":                   InvalidParameter,
	"ValidationException":               InvalidParameter,
	"UnknownParameter":                  InvalidParameter,
	"MalformedQueryString":              InvalidParameter,
	"MalformedPolicyDocument":           InvalidParameter,
	"UnsupportedOperation":              InvalidParameter,
	"UnsupportedProtocol":               InvalidParameter,
	"Unsupported":                       InvalidParameter,
	"SubnetNotFound":                    NotFound,
	"SpotMaxPriceTooLow":                Capacity,
	"UnfulfillableCapacity":             Capacity,
	"IdempotentParameterMismatch":       IdempotencyMismatch,
	"IdempotentInstanceTerminated":      IdempotencyMismatch,
	"InternalError":                     Transient,
	"InternalFailure":                   Transient,
	"InternalServiceError":              Transient,
	"ServiceUnavailable":                Transient,
	"Unavailable":                       Transient,
	"ResourceContention":                Transient,
	"RequestTimeout":                    Transient,
	"RequestTimeoutException":           Transient,
	"InsufficientFreeAddressesInSubnet": Capacity,
	"QueueDoesNotExist":                 NotFound,

	"AWS.SimpleQueueService.NonExistentQueue": NotFound,
}

// rules are the codes that mean another thing with another service or operation, tried
// in order, before the others.
var rules = []struct {
	// service is the short name of metrics, "" for any.
	service, code string
	// operations are how the operations' names begin, none for any.
	operations []string
	class      Class
}{
	// Profiles of one cluster are made and deleted one at a time: the answer speaks of another one.
	{"eks", "ResourceInUseException", []string{"CreateFargateProfile", "DeleteFargateProfile"}, Busy},
	// A node group with an update in progress isn't deleted.
	{"eks", "ResourceInUseException", []string{"DeleteNodegroup"}, Busy},
	{"", "ResourceInUseException", []string{"Create", "Register"}, AlreadyExists},
	{"", "ResourceInUseException", []string{"Delete", "Deregister"}, DependencyViolation},
	{"eks", "ResourceInUseException", nil, Busy},
	{"", "ResourceInUseException", []string{"Update", "Associate", "Disassociate", "Tag", "Untag"}, Busy},
	{"eks", "InvalidRequestException", nil, StateConflict},
	{"eks", "InvalidStateException", nil, StateConflict},
	// AWS doesn't show everywhere yet what was made a moment ago.
	{"eks", "ResourcePropagationDelayException", nil, Busy},
	{"eks", "UnsupportedAvailabilityZoneException", nil, InvalidParameter},
	{"eks", "ClientException", nil, InvalidParameter},
}

// forms are the code forms that AWS keeps across services, tried in order.
var forms = []struct {
	matches func(code string) bool
	class   Class
}{
	{suffix(".NotFound", "NotFound", "NotFoundException", "NotFoundFault"), NotFound},
	{suffix(".Duplicate", "AlreadyExists", "AlreadyExistsException"), AlreadyExists},
	{suffix(".InUse", "ResourceInUseException"), DependencyViolation},
	{suffix("LimitExceeded", "LimitExceededException", "QuotaExceededException"), QuotaExceeded},
	{prefix("Insufficient"), Capacity},
	{prefix("IdempotentParameterMismatch"), IdempotencyMismatch},
	{prefix("Invalid", "Malformed", "Missing", "Incompatible"), InvalidParameter},
}

func suffix(ends ...string) func(string) bool {
	return func(code string) bool {
		for _, end := range ends {
			if strings.HasSuffix(code, end) {
				return true
			}
		}
		return false
	}
}

func prefix(starts ...string) func(string) bool {
	return func(code string) bool {
		for _, start := range starts {
			if strings.HasPrefix(code, start) {
				return true
			}
		}
		return false
	}
}

// classOf gives the class of an error code that an operation answered with, and the
// status of the answer, which decides only where the code says nothing.
func classOf(service, operation, code string, status int) Class {
	for _, r := range rules {
		if r.code == code && (r.service == "" || r.service == service) && (r.operations == nil || prefix(r.operations...)(operation)) {
			return r.class
		}
	}
	if class, ok := codes[code]; ok {
		return class
	}
	for _, form := range forms {
		if form.matches(code) {
			return form.class
		}
	}
	switch {
	case status == 429:
		return Throttled
	case status == 401 || status == 403:
		return Unauthorized
	case status >= 500:
		return Transient
	}
	return Unknown
}
