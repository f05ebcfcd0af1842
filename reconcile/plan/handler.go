package plan

import (
	"context"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

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

	input reflect.Type
	call  func(ctx context.Context, s *cloud.Session, in any) (any, error)
	write func(w *Writer, in, out any)
}

// Handlers are the handlers by the SDK's input type.
type Handlers map[reflect.Type]Handler

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

// EC2 makes a handler of an EC2 operation, given as a method expression such as
// (*ec2.Client).CreateVpc. write puts the answer into the mirror; for a deletion
// of something that was gone already it gets an empty answer.
func EC2[In, Out any](event string, call func(*ec2.Client, context.Context, *In, ...func(*ec2.Options)) (*Out, error),
	write func(*Writer, *In, *Out), tables ...mirror.Kind) Handler {
	return handler(event, func(ctx context.Context, s *cloud.Session, in *In) (*Out, error) {
		return call(s.EC2, ctx, in)
	}, write, tables)
}

// ELB makes a handler of an operation of classic load balancers.
func ELB[In, Out any](event string, call func(*elb.Client, context.Context, *In, ...func(*elb.Options)) (*Out, error),
	write func(*Writer, *In, *Out), tables ...mirror.Kind) Handler {
	return handler(event, func(ctx context.Context, s *cloud.Session, in *In) (*Out, error) {
		return call(s.ELB, ctx, in)
	}, write, tables)
}

// ELBv2 makes a handler of an operation of network and application load balancers.
func ELBv2[In, Out any](event string, call func(*elbv2.Client, context.Context, *In, ...func(*elbv2.Options)) (*Out, error),
	write func(*Writer, *In, *Out), tables ...mirror.Kind) Handler {
	return handler(event, func(ctx context.Context, s *cloud.Session, in *In) (*Out, error) {
		return call(s.ELBv2, ctx, in)
	}, write, tables)
}

func handler[In, Out any](event string, call func(context.Context, *cloud.Session, *In) (*Out, error),
	write func(*Writer, *In, *Out), tables []mirror.Kind) Handler {
	return Handler{
		Event: event, Tables: tables, input: reflect.TypeFor[*In](),
		call: func(ctx context.Context, s *cloud.Session, in any) (any, error) {
			out, err := call(ctx, s, in.(*In))
			if out == nil {
				out = new(Out)
			}
			return out, err
		},
		write: func(w *Writer, in, out any) { write(w, in.(*In), out.(*Out)) },
	}
}
