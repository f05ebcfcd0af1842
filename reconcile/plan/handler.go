package plan

import (
	"context"
	"fmt"
	"reflect"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

// Handler carries out the actions of one SDK operation.
type Handler struct {
	// Event is the operation in the reasons of Events, after Successful or Failed:
	// "CreateVPC".
	Event string
	// Tables are read anew when AWS says that what an action makes exists already.
	Tables []mirror.Kind

	// rows are those of the tables that an input is about; nil stands for all.
	rows  func(in any) []mirror.Interest
	input reflect.Type
	call  func(ctx context.Context, s *cloud.Session, in any) (any, error)
	write func(w *Writer, in, out any)
}

// Handlers are the handlers by the SDK's input type.
type Handlers map[reflect.Type]Handler

// About is the handler with only those rows read anew that an input is about. A table that
// is read by name costs a call for each row, whoever wants it.
func About[In any](h Handler, rows func(*In) mirror.Interest) Handler {
	h.rows = func(in any) []mirror.Interest { return []mirror.Interest{rows(in.(*In))} }
	return h
}

// stale is what to read anew when an input turned out to be about something else than the
// mirror shows.
func (h Handler) stale(in any) []mirror.Interest {
	if h.rows != nil {
		return h.rows(in)
	}
	return mirror.Whole(h.Tables...)
}

// NewHandlers collects handlers of several packages.
func NewHandlers(groups ...[]Handler) Handlers {
	all := Handlers{}
	for _, group := range groups {
		for _, h := range group {
			all[h.input] = h
		}
	}
	return all
}

// For returns the handler of an action.
func (h Handlers) For(a Action) (Handler, bool) {
	handler, ok := h[reflect.TypeOf(a.Input)]
	return handler, ok
}

// Call makes a handler of one operation, given as a method expression such as
// (*ec2.Client).CreateVpc: it is called on the session's client of that type. write puts
// the answer into the mirror, for a deletion of something that was gone already an empty
// one; it is nil where no table shows what the operation changes.
func Call[Client, Options, In, Out any](event string, call func(*Client, context.Context, *In, ...func(*Options)) (*Out, error),
	write func(*Writer, *In, *Out), tables ...mirror.Kind) Handler {
	client := clientOf[Client]()
	return Custom(event, func(ctx context.Context, s *cloud.Session, in *In) (*Out, error) {
		return call(client(s), ctx, in)
	}, write, tables...)
}

// clientOf finds the field of sessions that holds the client of a type.
func clientOf[Client any]() func(*cloud.Session) *Client {
	session := reflect.TypeFor[cloud.Session]()
	for i := range session.NumField() {
		if session.Field(i).Type == reflect.TypeFor[*Client]() {
			return func(s *cloud.Session) *Client { return reflect.ValueOf(s).Elem().Field(i).Interface().(*Client) }
		}
	}
	panic(fmt.Sprintf("cloud.Session has no %s", reflect.TypeFor[*Client]())) // found by whoever writes the handler
}

// Custom makes a handler of what takes more than one call, or a look before an answer is
// believed. call may use all that the session has.
func Custom[In, Out any](event string, call func(context.Context, *cloud.Session, *In) (*Out, error),
	write func(*Writer, *In, *Out), tables ...mirror.Kind) Handler {
	return Handler{
		Event: event, Tables: tables, input: reflect.TypeFor[*In](),
		call: func(ctx context.Context, s *cloud.Session, in any) (any, error) {
			out, err := call(ctx, s, in.(*In))
			if out == nil {
				out = new(Out)
			}
			return out, err
		},
		write: func(w *Writer, in, out any) {
			if write != nil {
				write(w, in.(*In), out.(*Out))
			}
		},
	}
}
