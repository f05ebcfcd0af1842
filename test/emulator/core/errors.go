package core

import (
	"errors"
	"fmt"
	"net/http"
)

// Error is an answer of AWS that refuses a request.
type Error struct {
	Code    string
	Message string
	// Status is the HTTP status; 0 means 400.
	Status int
	// Header holds what the protocol says in headers beside it, if the protocol has such (S3).
	Header http.Header
	// Members are what a REST JSON error has beside its message, by name: strings and lists of them.
	Members map[string]any
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// HTTPStatus is the status to answer with.
func (e *Error) HTTPStatus() int {
	if e.Status == 0 {
		return http.StatusBadRequest
	}
	return e.Status
}

// Refuse makes an Error with status 400.
func Refuse(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Missing says that a required parameter is not there, in EC2's words.
func Missing(parameter string) *Error {
	return Refuse("MissingParameter", "The request must contain the parameter %s", parameter)
}

// asError turns whatever an operation returned into an Error. The SDK's own exception types carry their wire code.
func asError(err error) *Error {
	var refused *Error
	if errors.As(err, &refused) {
		return refused
	}
	var modelled interface {
		ErrorCode() string
		ErrorMessage() string
	}
	if errors.As(err, &modelled) {
		return &Error{Code: modelled.ErrorCode(), Message: modelled.ErrorMessage()}
	}
	return &Error{Code: "InternalError", Message: err.Error(), Status: http.StatusInternalServerError}
}
