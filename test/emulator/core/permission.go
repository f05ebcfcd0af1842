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
	if lacking, ok := e.world.lacks(r, x.service, x.protocol.Parameters(x.call)); ok {
		return x.protocol.Standard(AccessDenied).denying(r.Caller.ARN, lacking)
	}
	return nil
}

// lacks tells which right a request's caller lacks.
func (w *world) lacks(r *Request, asked *Service, params map[string]string) (Right, bool) {
	if !w.config.Permissions || r.Caller.Role == "" {
		return Right{}, false
	}
	for _, service := range w.services {
		if service.Authorize == nil {
			continue
		}
		if lacking, ok := service.Authorize(r, asked, params); ok {
			return lacking, true
		}
	}
	return Right{}, false
}

// denying completes the message of a denial, which EC2 begins with a sentence of its own.
func (e *Error) denying(arn string, lacking Right) *Error {
	e.Message += fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s because no identity-based policy allows the %[2]s action", arn, lacking.Action, lacking.Resource)
	return e
}
