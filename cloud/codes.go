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

// classOf gives the class of an error code with the status of its answer, which
// decides only where the code says nothing.
func classOf(code string, status int) Class {
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
