package core

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// biggestRequest is far above what any of the services takes (16 KiB of user data and a few hundred parameters).
const biggestRequest = 4 << 20

// exchange is one request on its way through the frame.
type exchange struct {
	call      *Call
	entry     Entry
	id        string
	service   *Service
	protocol  Protocol
	operation *Operation
	in        any
	caller    Caller
	fault     *Fault
}

func (e *Emulator) serveAWS(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, biggestRequest))
	if err != nil {
		http.Error(w, "the request's body is too long or broken off", http.StatusBadRequest)
		return
	}
	x := &exchange{call: &Call{HTTP: request, Body: body, Form: formOf(request, body)}, protocol: &Query{}}
	answer := e.answer(request.Context(), x)
	e.note(x.entry)
	if answer == nil {
		panic(http.ErrAbortHandler) // closes the connection without an answer
	}
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", answer.ContentType)
	w.Header().Set("x-amzn-RequestId", x.id)
	w.WriteHeader(answer.Status)
	_, _ = w.Write(answer.Body) // a client that has gone away needs no answer
}

func formOf(request *http.Request, body []byte) url.Values {
	form := request.URL.Query()
	if strings.HasPrefix(request.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		posted, err := url.ParseQuery(string(body))
		if err == nil {
			for name, values := range posted {
				form[name] = values
			}
		}
	}
	return form
}

// answer takes the exchange through the stages: recognise, fail as configured, carry out, fail after the effect. nil means no answer.
func (e *Emulator) answer(ctx context.Context, x *exchange) *Answer {
	if answer, done := e.recognise(x); done {
		return answer
	}
	fault := x.fault
	if fault == nil {
		fault = &Fault{}
	}
	if fault.Latency > 0 {
		select {
		case <-e.clock.After(fault.Latency):
		case <-ctx.Done():
			return x.drop("dropped")
		}
	}
	switch fault.Mode {
	case DropBefore:
		return x.drop("dropped")
	case ErrorBefore:
		return x.refuse(fault.error())
	case Hold:
		if !e.hold(ctx, x) {
			return x.drop("dropped")
		}
	}
	answer := e.carryOut(ctx, x)
	switch fault.Mode {
	case DropAfter:
		return x.drop("dropped-after-effect")
	case ErrorAfter:
		return x.refuse(fault.error())
	case HoldAfter:
		if !e.hold(ctx, x) {
			return x.drop("dropped-after-effect")
		}
	}
	return answer
}

// recognise finds out what is asked, by whom, and whether the frame itself has an answer already.
func (e *Emulator) recognise(x *exchange) (answer *Answer, done bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.world.settle()
	e.seq++
	x.id = requestID(e.seq)
	x.entry = Entry{Seq: e.seq, Time: e.clock.Now(), Page: 1}
	signed, ok := scopeOf(x.call.HTTP, x.call.Form)
	if !ok {
		signed, ok = e.unsigned(x.call.Form)
	}
	x.entry.Region, x.entry.AccessKey = signed.region, signed.accessKey
	x.service = e.service(signed.service, x.call.Form.Get("Version"))
	var refused *Error
	if x.service != nil {
		x.protocol = x.service.protocolOf(x.call)
		x.entry.Service, x.entry.Params = x.service.Name, shorten(x.protocol.Parameters(x.call))
		x.entry.Page = pageOf(x.entry.Params)
		x.entry.Operation, refused = x.protocol.Operation(x.call)
	}
	switch {
	case e.config.Outage == "refuse":
		return x.drop("dropped"), true
	case !ok:
		return x.refuse(&Error{Code: "MissingAuthenticationToken", Message: "Request is missing Authentication Token", Status: http.StatusForbidden}), true
	case x.service == nil:
		return x.refuse(Refuse("InvalidAction", "The emulator has no service %q (version %q); it has %s.",
			signed.service, x.call.Form.Get("Version"), e.serviceNames())), true
	case e.config.Outage != "":
		return x.refuse(x.protocol.Standard(Unavailable)), true
	case refused != nil:
		return x.refuse(refused), true
	}
	return e.admit(x, signed)
}

// admit checks credentials, the operation and its rate, and finds the fault that will act.
func (e *Emulator) admit(x *exchange, signed scope) (answer *Answer, done bool) {
	caller, problem, ok := e.world.caller(signed.accessKey)
	if !ok {
		return x.refuse(x.protocol.Standard(problem)), true
	}
	x.caller, x.entry.Account = caller, caller.Account
	if x.operation = x.service.operation(x.entry.Operation); x.operation == nil {
		return x.refuse(Refuse("InvalidAction", "The action %s is not valid for this web service.", x.entry.Operation)), true
	}
	x.in = x.operation.newIn()
	if err := x.protocol.Decode(x.call, x.operation.Name, x.in); err != nil {
		return x.refuse(asError(err)), true
	}
	x.entry.Resources = idsIn(x.in)
	region := e.world.region(caller.Account, signed.region)
	if !region.admit(x.service, x.operation.Name, x.in, &e.config) {
		return x.refuse(x.protocol.Standard(Throttled)), true
	}
	if x.fault = e.fault(&x.entry); x.fault != nil {
		x.entry.Fault = x.fault.ID
	}
	return nil, false
}

// carryOut runs the operation. The answer is encoded before the lock is given back, because outputs share memory with the state.
func (e *Emulator) carryOut(ctx context.Context, x *exchange) *Answer {
	for {
		answer, later := e.attempt(ctx, x)
		if later == nil {
			return answer
		}
		select {
		case <-later.woken:
		case <-e.clock.After(later.pause):
		case <-ctx.Done():
			return x.drop("dropped")
		}
	}
}

// attempt runs the operation once; later is set if it wants to be run again.
func (e *Emulator) attempt(ctx context.Context, x *exchange) (answer *Answer, later *pause) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.world.settle()
	request := &Request{
		Context: ctx, Region: e.world.region(x.caller.Account, x.entry.Region), ID: x.id, Operation: x.operation.Name,
		Config: &e.config, Caller: x.caller, since: x.entry.Time,
	}
	if refused := e.denied(request, x); refused != nil {
		return x.refuse(refused), nil
	}
	out, err := x.operation.call(request, x.in)
	x.entry.Resources = unique(append(x.entry.Resources, request.resources...))
	if wait := (*Wait)(nil); errors.As(err, &wait) {
		return nil, e.world.pauseUntil(wait.Until)
	}
	if err != nil {
		return x.refuse(asError(err)), nil
	}
	encoded, err := x.protocol.Encode(x.operation.Name, out, x.id)
	if err != nil {
		return x.refuse(asError(err)), nil
	}
	x.entry.Outcome, x.entry.Status = "ok", encoded.Status
	return &encoded, nil
}

// hold waits until the request is released; false means that its client has gone away.
func (e *Emulator) hold(ctx context.Context, x *exchange) bool {
	held := &heldRequest{entry: x.entry, release: make(chan struct{})}
	e.mu.Lock()
	e.held[x.entry.Seq] = held
	e.mu.Unlock()
	select {
	case <-held.release:
		return true
	case <-ctx.Done():
		e.mu.Lock()
		delete(e.held, x.entry.Seq)
		e.mu.Unlock()
		return false
	}
}

func (e *Emulator) note(entry Entry) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if entry.Operation != "" {
		e.counts[entry.Key()]++
	}
	e.log = append(e.log, entry)
	if limit := e.config.LogLimit; limit > 0 && len(e.log) > limit {
		e.log = append([]Entry(nil), e.log[len(e.log)-limit:]...)
	}
}

func (x *exchange) refuse(err *Error) *Answer {
	x.entry.Outcome, x.entry.Code, x.entry.Message, x.entry.Status = "error", err.Code, err.Message, err.HTTPStatus()
	answer := x.protocol.Refuse(err, x.id)
	return &answer
}

func (x *exchange) drop(outcome string) *Answer {
	x.entry.Outcome, x.entry.Status, x.entry.Code, x.entry.Message = outcome, 0, "", ""
	return nil
}

func (e *Emulator) service(signingName, version string) *Service {
	for _, service := range e.services {
		if service.SigningName == signingName && (service.Version == "" || service.Version == version) {
			return service
		}
	}
	return nil
}

func (e *Emulator) serviceNames() string {
	names := make([]string, len(e.services))
	for i, service := range e.services {
		names[i] = service.Name
	}
	return strings.Join(names, ", ")
}

// unsigned is the scope of a request that needs no signature. It names no region.
func (e *Emulator) unsigned(form url.Values) (scope, bool) {
	for _, service := range e.services {
		if slices.Contains(service.Unsigned, form.Get("Action")) {
			return scope{region: "us-east-1", service: service.SigningName}, true
		}
	}
	return scope{}, false
}

// requestID looks like AWS's and shows the request's place in the log.
func requestID(seq int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", seq) }
