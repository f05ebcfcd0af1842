package plan

import (
	"context"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

// Call makes a handler of any operation: of further services, and of calls that
// are made together with others'. call may use what the session has.
func Call[In, Out any](event string, call func(context.Context, *cloud.Session, *In) (*Out, error),
	write func(*Writer, *In, *Out), tables ...mirror.Kind) Handler {
	return handler(event, call, write, tables)
}
