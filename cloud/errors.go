package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Class is what kind of failure an AWS error is.
type Class string

// The classes. Each is also a stable reason, fit for a condition.
const (
	// NotFound: what the request names doesn't exist (or isn't visible yet).
	NotFound Class = "NotFound"
	// AlreadyExists: what the request would make is there already.
	AlreadyExists Class = "AlreadyExists"
	// DependencyViolation: something else still uses the resource.
	DependencyViolation Class = "DependencyViolation"
	// Busy: AWS is at another change of the same resource, or of what it is made of; it
	// will do this one when that is over.
	Busy Class = "Busy"
	// StateConflict: the resource's state doesn't let AWS do this.
	StateConflict Class = "StateConflict"
	// Throttled: too many requests; AWS didn't carry it out.
	Throttled Class = "Throttled"
	// Unauthorized: the identity may not do this.
	Unauthorized Class = "Unauthorized"
	// ExpiredCredentials: the identity's credentials are no longer good.
	ExpiredCredentials Class = "ExpiredCredentials"
	// QuotaExceeded: the account has as many as it may have.
	QuotaExceeded Class = "QuotaExceeded"
	// InvalidParameter: the request makes no sense to AWS.
	InvalidParameter Class = "InvalidParameter"
	// Capacity: AWS has none left of this at the moment.
	Capacity Class = "InsufficientCapacity"
	// IdempotencyMismatch: the client token was used with other parameters.
	IdempotencyMismatch Class = "IdempotencyMismatch"
	// Unreachable: no answer came back.
	Unreachable Class = "AWSUnreachable"
	// Transient: AWS failed, and may not fail the next time.
	Transient Class = "AWSInternalError"
	// Unknown: a code that fits no class.
	Unknown Class = "AWSError"
)

// Error is an error of AWS, classified. The zero Error stands for none.
type Error struct {
	Class Class
	// Code is AWS's error code, "" when no answer came.
	Code string
	// Reason is fit for a condition and the same for every error of the class.
	Reason string
	// Message says what was called and what went wrong. It is the same for the
	// same failure: it holds no request id, port or other thing that changes.
	Message string
}

// Classify gives the class of an error by what was called and its code, never by its
// text.
func Classify(err error) Error {
	if err == nil {
		return Error{}
	}
	service, operation := calledIn(err)
	class, code, detail := kindOf(service, operation, err)
	message := detail
	var op *smithy.OperationError
	if errors.As(err, &op) {
		message = op.Service() + " " + op.Operation() + ": " + detail
	}
	return Error{Class: class, Code: code, Reason: string(class), Message: brief(message)}
}

// calledIn returns what was called, "" where the error doesn't say it.
func calledIn(err error) (service, operation string) {
	var op *smithy.OperationError
	if errors.As(err, &op) {
		return serviceName(op.Service()), op.Operation()
	}
	return "", ""
}

func kindOf(service, operation string, err error) (class Class, code, detail string) {
	var api smithy.APIError
	if errors.As(err, &api) {
		code = api.ErrorCode()
		return classOf(service, operation, code, statusOf(err)), code, code + ": " + stable(api.ErrorMessage())
	}
	var params smithy.InvalidParamsError
	if errors.As(err, &params) {
		return InvalidParameter, "", params.Error()
	}
	if detail, ok := unreachable(err); ok {
		return Unreachable, "", "no answer from AWS: " + detail
	}
	if status := statusOf(err); status != 0 {
		return classOf(service, operation, "", status), "", fmt.Sprintf("AWS answered %d %s and gave no reason", status, http.StatusText(status))
	}
	return Unknown, "", err.Error()
}

// maxMessage is how many bytes a message may have: what matters stands at its
// beginning, and it is shown in several conditions at once.
const maxMessage = 500

// brief is a message with each of its lines once, in one line that isn't too long.
func brief(message string) string {
	var lines []string
	for line := range strings.Lines(message) {
		if line = strings.TrimSpace(line); line != "" && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	message = strings.Join(lines, "; ")
	if len(message) <= maxMessage {
		return message
	}
	return strings.ToValidUTF8(message[:maxMessage], "") + "…"
}

// unreachable tells that a request or its answer got lost on the way, and how.
func unreachable(err error) (string, bool) {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return "the name " + dns.Name + " can't be resolved", true
	}
	var op *net.OpError
	if errors.As(err, &op) {
		// Not op.Error(): it names the local port, which differs each time.
		where := ""
		if op.Addr != nil {
			where = " " + op.Addr.String()
		}
		return op.Op + " " + op.Net + where + ": " + op.Err.Error(), true
	}
	var timeout net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "it took too long", true
	case errors.Is(err, context.Canceled):
		return "the call was given up", true
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed before the answer was complete", true
	}
	var send *smithyhttp.RequestSendError
	if errors.As(err, &send) {
		return send.Err.Error(), true
	}
	return "", false
}

// stable cuts what AWS makes different in each answer off a message.
func stable(message string) string {
	message, _, _ = strings.Cut(message, "Encoded authorization failure message:")
	return strings.TrimSpace(message)
}

// statusOf returns the HTTP status of the answer, or 0.
func statusOf(err error) int {
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) && answer.Response != nil && answer.Response.Response != nil {
		return answer.HTTPStatusCode()
	}
	return 0
}

// Definite tells that AWS certainly didn't carry out the request: it refused it,
// or never got it. After any other failure it may have.
func Definite(err error) bool {
	var unsent *notSentError
	if errors.As(err, &unsent) {
		return true
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		status := statusOf(err)
		return status >= 400 && status < 500 || classOf("", "", api.ErrorCode(), status) == Throttled
	}
	var params smithy.InvalidParamsError
	if errors.As(err, &params) {
		return true
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return true
	}
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// notSentError is a failure before the request was sent.
type notSentError struct{ err error }

func (e *notSentError) Error() string { return "the request was not sent: " + e.err.Error() }
func (e *notSentError) Unwrap() error { return e.err }

// Is tells whether the error is of the class.
func Is(err error, class Class) bool { return err != nil && Classify(err).Class == class }

// IsNotFound tells that what the request names doesn't exist.
func IsNotFound(err error) bool { return Is(err, NotFound) }

// IsAlreadyExists tells that what the request would make is there already.
func IsAlreadyExists(err error) bool { return Is(err, AlreadyExists) }

// IsDependencyViolation tells that something else still uses the resource.
func IsDependencyViolation(err error) bool { return Is(err, DependencyViolation) }

// IsBusy tells that the request is to be made again when another change is over.
func IsBusy(err error) bool { return Is(err, Busy) }

// IsThrottled tells that AWS refused the request as one too many.
func IsThrottled(err error) bool { return Is(err, Throttled) }

// IsUnauthorized tells that another identity might succeed where this one was
// refused, or had credentials that are no longer good.
func IsUnauthorized(err error) bool { return Is(err, Unauthorized) || Is(err, ExpiredCredentials) }
