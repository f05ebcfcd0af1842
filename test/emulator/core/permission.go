package core

import "fmt"

// Right is what a request needs to be allowed: an action on a resource, an ARN or "*", with the values of condition keys.
type Right struct {
	Action   string
	Resource string
	Context  map[string]string
}

// denied refuses a session that lacks a right, if rights are checked. Users have all of them. The lock is held.
func (e *Emulator) denied(r *Request, x *exchange) *Error {
	if !e.config.Permissions || r.Caller.Role == "" {
		return nil
	}
	params := x.service.Protocol.Parameters(x.call)
	for _, service := range e.services {
		if service.Authorize == nil {
			continue
		}
		if lacking, ok := service.Authorize(r, x.service, params); ok {
			return x.service.Protocol.Standard(AccessDenied).denying(r.Caller.ARN, lacking)
		}
	}
	return nil
}

// denying completes the message of a denial, which EC2 begins with a sentence of its own.
func (e *Error) denying(arn string, lacking Right) *Error {
	e.Message += fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s because no identity-based policy allows the %[2]s action", arn, lacking.Action, lacking.Resource)
	return e
}
