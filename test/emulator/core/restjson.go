package core

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/traits"
)

var _ Protocol = (*RESTJSON)(nil)

// RESTJSON is the REST JSON protocol: the operation in method and path, scalars in path and query, and JSON in and out (EKS). Members
// are bound to the path by their names, and to the query by names that are theirs; no member is bound to a header.
type RESTJSON struct {
	JSON
	routes []route
}

// route is the way to an operation: method and segments of the path, of which "{name}" stands for a member.
type route struct {
	operation string
	method    string
	segments  []string
}

// NewRESTJSON reads the ways to the operations from the SDK's schemas.
func NewRESTJSON(operations ...*smithy.Schema) *RESTJSON {
	p := &RESTJSON{}
	for _, schema := range operations {
		binding, ok := smithy.SchemaTrait[*traits.HTTP](schema)
		if !ok {
			panic(schema.ID().Name + " has no HTTP binding") // a mistake in the program
		}
		path, _, _ := strings.Cut(binding.URI, "?")
		p.routes = append(p.routes, route{operation: schema.ID().Name, method: binding.Method, segments: strings.Split(path, "/")})
	}
	return p
}

// members returns what the path gives, if the request is the route's.
func (w route) members(request *http.Request) (map[string]string, bool) {
	given := strings.Split(request.URL.EscapedPath(), "/")
	if request.Method != w.method || len(given) != len(w.segments) {
		return nil, false
	}
	out := map[string]string{}
	for i, segment := range w.segments {
		value, err := url.PathUnescape(given[i])
		switch {
		case err != nil:
			return nil, false
		case strings.HasPrefix(segment, "{"):
			if value == "" {
				return nil, false
			}
			out[strings.Trim(segment, "{}")] = value
		case segment != value:
			return nil, false
		}
	}
	return out, true
}

// find prefers the route that fixes most of the path.
func (p *RESTJSON) find(request *http.Request) (best route, members map[string]string) {
	for _, w := range p.routes {
		if m, ok := w.members(request); ok && (members == nil || len(m) < len(members)) {
			best, members = w, m
		}
	}
	return best, members
}

// Operation is the one whose method and path the request has.
func (p *RESTJSON) Operation(call *Call) (string, *Error) {
	way, members := p.find(call.HTTP)
	if members == nil {
		return "", &Error{Code: "UnknownOperationException", Message: "No operation has this method and path.", Status: http.StatusNotFound}
	}
	return way.operation, nil
}

// Decode fills the input from the body, the query and the path.
func (p *RESTJSON) Decode(call *Call, operation string, in any) error {
	if err := p.JSON.Decode(call, operation, in); err != nil {
		return err
	}
	into := reflect.ValueOf(in).Elem()
	_, members := p.find(call.HTTP)
	query := call.HTTP.URL.Query()
	for name, value := range members {
		query[name] = []string{value}
	}
	for name, values := range query {
		field := fieldNamed(into, name)
		if !field.IsValid() {
			continue
		}
		if err := fill(fromText(values, field.Type()), field); err != nil {
			return &Error{Code: "BadRequestException", Message: name + ": " + err.Error()}
		}
	}
	return nil
}

// fromText gives what a query has, which is text, the form that JSON would have for the type.
func fromText(values []string, wanted reflect.Type) any {
	if wanted.Kind() == reflect.Pointer {
		wanted = wanted.Elem()
	}
	switch wanted.Kind() {
	case reflect.Slice:
		all := make([]any, len(values))
		for i, value := range values {
			all[i] = value
		}
		return all
	case reflect.Bool:
		return map[string]any{"true": true, "false": false}[values[0]]
	case reflect.String:
		return values[0]
	}
	return json.Number(values[0])
}

// Encode writes the output by its schema.
func (p *RESTJSON) Encode(operation string, out any, id string) (Answer, error) {
	answer, err := p.JSON.Encode(operation, out, id)
	answer.ContentType = restType
	return answer, err
}

const restType = "application/json"

// Refuse names the error in a header, as EKS does, and writes its message.
func (p *RESTJSON) Refuse(err *Error, _ string) Answer {
	members := map[string]any{"message": err.Message}
	for name, value := range err.Members {
		members[name] = value
	}
	body, _ := json.Marshal(members) // strings and lists of them always marshal
	return Answer{Status: err.HTTPStatus(), ContentType: restType, Body: body, Header: http.Header{"X-Amzn-Errortype": {err.Code}}}
}

// Parameters are those of the path and the query, and the top-level members of the body.
func (p *RESTJSON) Parameters(call *Call) map[string]string {
	out := p.JSON.Parameters(call)
	if out == nil {
		out = map[string]string{}
	}
	for name, values := range call.HTTP.URL.Query() {
		out[name] = strings.Join(values, ",")
	}
	_, members := p.find(call.HTTP)
	for name, value := range members {
		out[name] = value
	}
	return out
}

// Standard gives the error codes common to REST JSON services.
func (p *RESTJSON) Standard(kind Standard) *Error {
	switch kind {
	case Throttled:
		return &Error{Code: "TooManyRequestsException", Message: "Too Many Requests", Status: http.StatusTooManyRequests}
	case ExpiredCredentials:
		return &Error{Code: "ExpiredTokenException", Message: "The security token included in the request is expired", Status: http.StatusForbidden}
	case InvalidCredentials:
		return &Error{Code: "UnrecognizedClientException", Message: "The security token included in the request is invalid.", Status: http.StatusForbidden}
	case AccessDenied:
		return &Error{Code: "AccessDeniedException", Status: http.StatusForbidden}
	default:
		return &Error{Code: "ServiceUnavailableException", Message: "Service Unavailable", Status: http.StatusServiceUnavailable}
	}
}
