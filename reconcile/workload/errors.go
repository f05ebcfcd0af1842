package workload

import (
	"errors"
	"net"
	"net/url"

	"github.com/aws/smithy-go"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// failure is why a cluster's API did nothing, with a code by which it is treated like the failures of
// AWS: what is there already, what is gone, what somebody else just wrote.
type failure struct{ code, message string }

var _ smithy.APIError = &failure{}

func (f *failure) Error() string                 { return f.message }
func (f *failure) ErrorCode() string             { return f.code }
func (f *failure) ErrorMessage() string          { return f.message }
func (f *failure) ErrorFault() smithy.ErrorFault { return smithy.FaultUnknown }

// The codes that are no reasons of Kubernetes'.
const (
	codeUnreachable = "WorkloadClusterUnreachable"
	codeRefused     = "AccessDenied"
	codeConflict    = "ConcurrentModification"
)

// Failure is an error of a Kubernetes API with a code by which it is treated like those of AWS.
func Failure(err error) error {
	var known *failure
	if err == nil || errors.As(err, &known) {
		return err
	}
	switch reason := apierrors.ReasonForError(err); {
	case reason == metav1.StatusReasonUnauthorized:
		return &failure{codeRefused, "it answers Unauthorized"}
	case reason == metav1.StatusReasonForbidden:
		return &failure{codeRefused, err.Error()}
	case reason == metav1.StatusReasonConflict:
		return &failure{codeConflict, err.Error()}
	case reason != metav1.StatusReasonUnknown:
		return &failure{string(reason), err.Error()}
	}
	return &failure{codeUnreachable, reached(err)}
}

// reached tells how far a request came, in words that are the same each time.
func reached(err error) string {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return "the name " + dns.Name + " can't be resolved"
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return "it didn't answer in time"
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Op + " " + op.Net + ": " + op.Err.Error()
	}
	var request *url.Error
	if errors.As(err, &request) {
		return request.Err.Error()
	}
	return err.Error()
}

func isCode(err error, codes ...string) bool {
	var f *failure
	if errors.As(err, &f) {
		for _, code := range codes {
			if f.code == code {
				return true
			}
		}
	}
	return false
}

func isRefused(err error) bool { return isCode(err, codeRefused) }
