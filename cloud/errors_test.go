package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// answer is the error that the SDK makes of AWS's answer.
func answer(status int, code, message string) error {
	return &smithy.OperationError{ServiceID: "EC2", OperationName: "CreateVpc", Err: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
		Err:      &smithy.GenericAPIError{Code: code, Message: message},
	}}
}

// lost is the error that the SDK makes of a request without an answer.
func lost(err error) error {
	return &smithy.OperationError{ServiceID: "EC2", OperationName: "CreateVpc", Err: &smithyhttp.RequestSendError{Err: err}}
}

func dial(err error) error {
	return lost(&net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4566}, Err: err})
}

func TestErrorsAreClassifiedByCode(t *testing.T) {
	for _, c := range []struct {
		status int
		code   string
		want   Class
	}{
		{400, "InvalidVpcID.NotFound", NotFound},
		{400, "InvalidGroup.NotFound", NotFound},
		{400, "NatGatewayNotFound", NotFound},
		{400, "InvalidAllocationID.NotFound", NotFound},
		{400, "InvalidPermission.NotFound", NotFound},
		{400, "LoadBalancerNotFound", NotFound},
		{400, "TargetGroupNotFound", NotFound},
		{400, "Gateway.NotAttached", NotFound},
		{400, "ResourceNotFoundException", NotFound},
		{400, "InvalidGroup.Duplicate", AlreadyExists},
		{400, "InvalidPermission.Duplicate", AlreadyExists},
		{400, "RouteAlreadyExists", AlreadyExists},
		{400, "Resource.AlreadyAssociated", AlreadyExists},
		{400, "InvalidSubnet.Conflict", AlreadyExists},
		{400, "DuplicateLoadBalancerName", AlreadyExists},
		{400, "DependencyViolation", DependencyViolation},
		{400, "ResourceInUse", DependencyViolation},
		{400, "InvalidIPAddress.InUse", DependencyViolation},
		{503, "RequestLimitExceeded", Throttled},
		{400, "Throttling", Throttled},
		{400, "ThrottlingException", Throttled},
		{429, "SomethingNew", Throttled},
		{403, "UnauthorizedOperation", Unauthorized},
		{403, "AccessDenied", Unauthorized},
		{401, "AuthFailure", Unauthorized},
		{403, "InvalidClientTokenId", Unauthorized},
		{403, "SomethingNew", Unauthorized},
		{400, "ExpiredToken", ExpiredCredentials},
		{400, "RequestExpired", ExpiredCredentials},
		{400, "VpcLimitExceeded", QuotaExceeded},
		{400, "AddressLimitExceeded", QuotaExceeded},
		{400, "RulesPerSecurityGroupLimitExceeded", QuotaExceeded},
		{400, "TooManyLoadBalancers", QuotaExceeded},
		{400, "ServiceQuotaExceededException", QuotaExceeded},
		{400, "InvalidParameterValue", InvalidParameter},
		{400, "InvalidVpcID.Malformed", InvalidParameter},
		{400, "InvalidSubnet.Range", InvalidParameter},
		{400, "ValidationError", InvalidParameter},
		{400, "MissingParameter", InvalidParameter},
		{500, "InsufficientInstanceCapacity", Capacity},
		{400, "InsufficientFreeAddressesInSubnet", Capacity},
		{400, "IdempotentParameterMismatch", IdempotencyMismatch},
		{500, "InternalError", Transient},
		{503, "Unavailable", Transient},
		{502, "SomethingNew", Transient},
		{400, "SomethingNew", Unknown},
	} {
		got := Classify(answer(c.status, c.code, "a message"))
		if got.Class != c.want || got.Code != c.code || got.Reason != string(c.want) {
			t.Errorf("%d %s: %+v, want class %s", c.status, c.code, got, c.want)
		}
		if want := "EC2 CreateVpc: " + c.code + ": a message"; got.Message != want {
			t.Errorf("%d %s: message %q, want %q", c.status, c.code, got.Message, want)
		}
	}
}

func TestACodeMeansWhatItsOperationAndServiceMakeOfIt(t *testing.T) {
	for _, c := range []struct {
		service, operation string
		status             int
		code               string
		want               Class
	}{
		{"EKS", "CreateCluster", 409, "ResourceInUseException", AlreadyExists},
		{"EKS", "CreateNodegroup", 409, "ResourceInUseException", AlreadyExists},
		{"EKS", "CreateFargateProfile", 409, "ResourceInUseException", Busy},
		{"EKS", "DeleteFargateProfile", 409, "ResourceInUseException", Busy},
		{"EKS", "UpdateClusterConfig", 409, "ResourceInUseException", Busy},
		{"EKS", "UpdateNodegroupVersion", 409, "ResourceInUseException", Busy},
		{"EKS", "AssociateEncryptionConfig", 409, "ResourceInUseException", Busy},
		{"EKS", "TagResource", 409, "ResourceInUseException", Busy},
		{"EKS", "DeleteCluster", 409, "ResourceInUseException", DependencyViolation},
		{"EKS", "DeregisterCluster", 409, "ResourceInUseException", DependencyViolation},
		{"EKS", "UpdateClusterVersion", 400, "InvalidStateException", StateConflict},
		{"EKS", "CreateAccessEntry", 400, "InvalidRequestException", StateConflict},
		{"EKS", "CreateNodegroup", 400, "InvalidParameterException", InvalidParameter},
		{"EKS", "CreateAddon", 428, "ResourcePropagationDelayException", Busy},
		{"EKS", "CreateCluster", 400, "UnsupportedAvailabilityZoneException", InvalidParameter},
		{"EKS", "CreateCluster", 400, "ClientException", InvalidParameter},
		{"EKS", "CreateAccessEntry", 400, "BadRequestException", InvalidParameter},
		{"EKS", "CreateCluster", 400, "ResourceLimitExceededException", QuotaExceeded},
		{"EKS", "DescribeCluster", 404, "ResourceNotFoundException", NotFound},
		{"EKS", "DescribeCluster", 500, "ServerException", Transient},
		{"EKS", "DescribeCluster", 429, "TooManyRequestsException", Throttled},
		{"IAM", "UpdateAssumeRolePolicy", 409, "EntityTemporarilyUnmodifiable", Busy},
		{"IAM", "CreateRole", 409, "ConcurrentModification", Busy},
		{"IAM", "AttachRolePolicy", 409, "ConcurrentModificationException", Busy},
		{"IAM", "DeleteRole", 409, "DeleteConflict", DependencyViolation},
		{"IAM", "GetRole", 404, "NoSuchEntity", NotFound},
		{"IAM", "CreateRole", 409, "EntityAlreadyExists", AlreadyExists},
		{"IAM", "AttachRolePolicy", 400, "UnmodifiableEntity", InvalidParameter},
		{"IAM", "CreateRole", 400, "InvalidInput", InvalidParameter},
		{"IAM", "CreateRole", 409, "LimitExceeded", QuotaExceeded},
		{"IAM", "GetRole", 500, "ServiceFailure", Transient},
		{"Secrets Manager", "DeleteSecret", 400, "InvalidRequestException", InvalidParameter},
		{"Auto Scaling", "DeleteAutoScalingGroup", 400, "ResourceInUse", DependencyViolation},
	} {
		err := &smithy.OperationError{ServiceID: c.service, OperationName: c.operation, Err: errors.Unwrap(answer(c.status, c.code, "a message"))}
		if got := Classify(err); got.Class != c.want {
			t.Errorf("%s %s, %d %s: %s, want %s", c.service, c.operation, c.status, c.code, got.Class, c.want)
		}
	}
}

func TestFailuresWithoutAnAnswerAreUnreachable(t *testing.T) {
	for name, err := range map[string]error{
		"refused":  dial(syscall.ECONNREFUSED),
		"reset":    lost(&net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}),
		"no name":  lost(&net.DNSError{Err: "no such host", Name: "ec2.invalid"}),
		"closed":   lost(io.EOF),
		"deadline": lost(context.DeadlineExceeded),
		"canceled": lost(context.Canceled),
		"proxy":    lost(errors.New("proxyconnect: Bad Gateway")),
	} {
		got := Classify(err)
		if got.Class != Unreachable || !strings.HasPrefix(got.Message, "EC2 CreateVpc: no answer from AWS: ") {
			t.Errorf("%s: %+v, want Unreachable and which call", name, got)
		}
	}
	if got := Classify(nil); got != (Error{}) {
		t.Errorf("no error: %+v", got)
	}
	if got := Classify(errors.New("ours")); got.Class != Unknown || got.Message != "ours" {
		t.Errorf("another error: %+v", got)
	}
}

func TestDefiniteOnlyWhenAWSCertainlyDidNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want bool
	}{
		{"refused with a code", answer(400, "VpcLimitExceeded", ""), true},
		{"not authorized", answer(403, "UnauthorizedOperation", ""), true},
		{"throttled with 503", answer(503, "RequestLimitExceeded", ""), true},
		{"internal error", answer(500, "InternalError", ""), false},
		{"unavailable", answer(503, "Unavailable", ""), false},
		{"capacity with 500", answer(500, "InsufficientInstanceCapacity", ""), false},
		{"connection refused", dial(syscall.ECONNREFUSED), true},
		{"no such host", lost(&net.DNSError{Err: "no such host"}), true},
		{"connection reset", lost(&net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}), false},
		{"answer lost", lost(io.ErrUnexpectedEOF), false},
		{"deadline while sent", lost(context.DeadlineExceeded), false},
		{"deadline in the queue", &smithy.OperationError{Err: &notSentError{context.DeadlineExceeded}}, true},
		{"parameters the SDK refuses", smithy.InvalidParamsError{}, true},
		{"anything else", errors.New("?"), false},
	} {
		if got := Definite(c.err); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestMessagesOfOneFailureAreEqual(t *testing.T) {
	port := 40000
	again := func() error {
		port++
		return lost(&net.OpError{Op: "read", Net: "tcp", Source: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port},
			Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 443}, Err: syscall.ECONNRESET})
	}
	if a, b := Classify(again()).Message, Classify(again()).Message; a != b {
		t.Errorf("%q and %q", a, b)
	}
	denied := func(secret string) string {
		return Classify(answer(403, "UnauthorizedOperation",
			"You are not authorized. Encoded authorization failure message: "+secret)).Message
	}
	if a, b := denied("x1"), denied("x2"); a != b || !strings.HasSuffix(a, "You are not authorized.") {
		t.Errorf("%q and %q", a, b)
	}
}

// An outage fails every listing at once, and each failure may bring a page of HTML.
func TestMessagesAreBriefWhateverAWSSays(t *testing.T) {
	page := errors.New("deserialization failed, failed to decode response body: " + strings.Repeat("<p>Service Unavailable</p>", 100))
	failed := &smithy.OperationError{ServiceID: "EC2", OperationName: "DescribeVpcs", Err: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: http.StatusServiceUnavailable}}, Err: page}}
	want := "EC2 DescribeVpcs: AWS answered 503 Service Unavailable and gave no reason"
	if got := Classify(errors.Join(failed, failed)); got.Message != want || got.Class != Transient {
		t.Errorf("%+v", got)
	}
	same := errors.New("the same")
	if got := Classify(errors.Join(same, same, errors.New("another"))).Message; got != "the same; another" {
		t.Errorf("joined: %q", got)
	}
	for name, message := range map[string]string{
		"of AWS":      Classify(answer(400, "ValidationError", strings.Repeat("é", 2000))).Message,
		"of nobody":   Classify(page).Message,
		"of identity": (&IdentityError{CredentialProviderBuildFailedReason, "controller", page}).Error(),
	} {
		if len(message) > maxMessage+len("…") || !utf8.ValidString(message) {
			t.Errorf("%s: %d bytes: %s", name, len(message), message)
		}
	}
}

func TestHelpersSeeThroughWrapping(t *testing.T) {
	for _, c := range []struct {
		is   func(error) bool
		code string
	}{
		{IsNotFound, "InvalidVpcID.NotFound"}, {IsAlreadyExists, "InvalidGroup.Duplicate"},
		{IsDependencyViolation, "DependencyViolation"}, {IsThrottled, "RequestLimitExceeded"},
		{IsUnauthorized, "UnauthorizedOperation"}, {IsUnauthorized, "ExpiredToken"},
	} {
		err := fmt.Errorf("wrapped: %w", &attemptError{err: answer(400, c.code, "")})
		if !c.is(err) || c.is(nil) || c.is(answer(400, "SomethingNew", "")) {
			t.Errorf("%s is not told apart", c.code)
		}
	}
}
