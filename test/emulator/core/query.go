package core

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"reflect"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/internal/wire"
)

var (
	_ Protocol = (*Query)(nil)
	_ Protocol = (*EC2Query)(nil)
)

// Query is the AWS query protocol: form parameters in, XML out (ELB, STS, IAM, Auto Scaling).
type Query struct {
	Table     *wire.Table
	Namespace string
}

// Operation is the Action parameter.
func (q *Query) Operation(call *Call) (string, *Error) {
	if action := call.Form.Get("Action"); action != "" {
		return action, nil
	}
	return "", Refuse("MissingAction", "The request must contain the parameter Action")
}

// Decode reads the parameters by the service's wire table.
func (q *Query) Decode(call *Call, operation string, in any) error {
	if !q.Table.Knows(operation) {
		return fmt.Errorf("the wire table lacks %s; run `go run ./test/emulator/internal/wiregen`", operation)
	}
	if err := q.Table.Decode(call.Form, in); err != nil {
		return Refuse("ValidationError", "%v", err)
	}
	return nil
}

// Encode wraps the output in <OperationResponse><OperationResult>.
func (q *Query) Encode(operation string, out any, requestID string) (Answer, error) {
	body, err := q.Table.Encode(out)
	if err != nil {
		return Answer{}, err
	}
	return xmlAnswer(http.StatusOK, fmt.Sprintf(
		`<%[1]sResponse xmlns="%[2]s"><%[1]sResult>%[3]s</%[1]sResult><ResponseMetadata><RequestId>%[4]s</RequestId></ResponseMetadata></%[1]sResponse>`,
		operation, q.Namespace, body, requestID)), nil
}

// Refuse writes an <ErrorResponse>.
func (q *Query) Refuse(err *Error, requestID string) Answer {
	side := "Sender"
	if err.HTTPStatus() >= http.StatusInternalServerError {
		side = "Receiver"
	}
	return xmlAnswer(err.HTTPStatus(), fmt.Sprintf(
		`<ErrorResponse xmlns="%s"><Error><Type>%s</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>%s</RequestId></ErrorResponse>`,
		q.Namespace, side, escape(err.Code), escape(err.Message), requestID))
}

// Parameters are all form parameters but Action and Version.
func (q *Query) Parameters(call *Call) map[string]string { return formParameters(call) }

// Standard gives the error codes common to query services.
func (q *Query) Standard(kind Standard) *Error {
	switch kind {
	case Throttled:
		return &Error{Code: "Throttling", Message: "Rate exceeded", Status: http.StatusBadRequest}
	case ExpiredCredentials:
		return &Error{Code: "ExpiredToken", Message: "The security token included in the request is expired", Status: http.StatusForbidden}
	case InvalidCredentials:
		return &Error{Code: "InvalidClientTokenId", Message: "The security token included in the request is invalid.", Status: http.StatusForbidden}
	case AccessDenied:
		return &Error{Code: "AccessDenied", Status: http.StatusForbidden}
	default:
		return &Error{Code: "ServiceUnavailable", Message: "Service is unavailable. Please try again shortly.", Status: http.StatusServiceUnavailable}
	}
}

// EC2Query is EC2's dialect of the query protocol.
type EC2Query struct{ Query }

// Decode differs from Query's in its error codes.
func (q *EC2Query) Decode(call *Call, operation string, in any) error {
	err := q.Query.Decode(call, operation, in)
	if refused := (*Error)(nil); errors.As(err, &refused) {
		return Refuse("InvalidParameterValue", "%s", refused.Message)
	}
	return err
}

// Encode writes the output directly into <OperationResponse>. An output without fields is answered with <return>true</return>.
func (q *EC2Query) Encode(operation string, out any, requestID string) (Answer, error) {
	body, err := q.Table.Encode(out)
	if err != nil {
		return Answer{}, err
	}
	// ResultMetadata and the SDK's marker are the two fields every output has.
	if reflect.TypeOf(out).Elem().NumField() <= 2 {
		body = []byte("<return>true</return>")
	}
	return xmlAnswer(http.StatusOK, fmt.Sprintf(`<%[1]sResponse xmlns="%[2]s"><requestId>%[3]s</requestId>%[4]s</%[1]sResponse>`,
		operation, q.Namespace, requestID, body)), nil
}

// Refuse writes EC2's <Response><Errors>.
func (q *EC2Query) Refuse(err *Error, requestID string) Answer {
	return xmlAnswer(err.HTTPStatus(), fmt.Sprintf(
		`<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors><RequestID>%s</RequestID></Response>`,
		escape(err.Code), escape(err.Message), requestID))
}

// Standard gives EC2's codes.
func (q *EC2Query) Standard(kind Standard) *Error {
	switch kind {
	case Throttled:
		return &Error{Code: "RequestLimitExceeded", Message: "Request limit exceeded.", Status: http.StatusServiceUnavailable}
	case ExpiredCredentials:
		return &Error{Code: "RequestExpired", Message: "Request has expired.", Status: http.StatusBadRequest}
	case InvalidCredentials:
		return &Error{Code: "AuthFailure", Message: "AWS was not able to validate the provided access credentials", Status: http.StatusUnauthorized}
	case AccessDenied:
		return &Error{Code: "UnauthorizedOperation", Message: "You are not authorized to perform this operation. ", Status: http.StatusForbidden}
	default:
		return &Error{Code: "Unavailable", Message: "The server is overloaded and can't handle the request.", Status: http.StatusServiceUnavailable}
	}
}

func formParameters(call *Call) map[string]string {
	out := map[string]string{}
	for name, values := range call.Form {
		if name == "Action" || name == "Version" || len(values) == 0 {
			continue
		}
		out[name] = values[0]
	}
	return out
}

func xmlAnswer(status int, body string) Answer {
	return Answer{Status: status, ContentType: "text/xml;charset=UTF-8", Body: []byte(xml.Header + body)}
}

func escape(text string) string {
	var out bytes.Buffer
	// A bytes.Buffer takes every write.
	_ = xml.EscapeText(&out, []byte(text))
	return out.String()
}
