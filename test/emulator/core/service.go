package core

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"time"
)

// Service is one AWS service: how its requests are recognised and written, and what it can do.
type Service struct {
	// Name is what logs, counts and faults call it, for example "elbv2".
	Name string
	// SigningName is the service part of the signature's credential scope; Version, if set, tells services of one signing
	// name apart by the request's Version parameter.
	SigningName string
	Version     string
	Protocol    Protocol
	// Older, if set, is the protocol of clients that don't know this one yet.
	Older      Protocol
	Operations []Operation
	// Unsigned are the operations that need no signature.
	Unsigned []string
	// Bucket is the action's token bucket by AWS's documentation; nil, or false, for none.
	Bucket func(operation string, in any) (Bucket, bool)
	// Inventory lists what exists in a region beyond what AWS puts there by itself; Content shares memory with the state.
	Inventory func(*Region) []Resource
	// Event tells the service of something that happened in the region; see Region.Emit.
	Event func(*Region, Event)
	// Actions are what AWS may do to a resource by itself when a test wants it, by name; false means that there is no such resource.
	Actions map[string]func(r *Region, id string) bool
	// Authorize tells which right a session lacks for a request to a service; the service that keeps policies has it.
	Authorize func(r *Request, service *Service, params map[string]string) (Right, bool)
	// Questions are what a test may ask beyond AWS's operations, by name; see Emulator.Ask.
	Questions map[string]func(r *Region, about url.Values) (any, error)
	// Lookup resolves a DNS name that this service owns, if it exists and is in service.
	Lookup func(*Region, string) ([]netip.Addr, bool)
}

// protocolOf is the protocol that a call is written in. Those of Smithy's have a header that names them.
func (s *Service) protocolOf(call *Call) Protocol {
	if s.Older != nil && call.HTTP.Header.Get("Smithy-Protocol") == "" {
		return s.Older
	}
	return s.Protocol
}

func (s *Service) operation(name string) *Operation {
	for i := range s.Operations {
		if s.Operations[i].Name == name {
			return &s.Operations[i]
		}
	}
	return nil
}

// Protocol is a wire format. A further one (JSON, REST) implements it and everything else stays as it is.
type Protocol interface {
	// Operation says which operation the call asks for.
	Operation(call *Call) (string, *Error)
	// Decode fills the operation's input, a pointer to an SDK input struct.
	Decode(call *Call, operation string, in any) error
	// Encode writes the operation's output, a pointer to an SDK output struct.
	Encode(operation string, out any, requestID string) (Answer, error)
	// Refuse writes an error.
	Refuse(err *Error, requestID string) Answer
	// Parameters are the request's parameters for the log.
	Parameters(call *Call) map[string]string
	// Standard gives this protocol's own form of the errors that the frame itself answers.
	Standard(kind Standard) *Error
}

// Standard names an error which the frame answers in each protocol's own words.
type Standard int

// The frame's errors.
const (
	Throttled Standard = iota
	ExpiredCredentials
	InvalidCredentials
	AccessDenied
	Unavailable
)

// Call is one HTTP request, read to its end.
type Call struct {
	HTTP *http.Request
	Body []byte
	// Form holds the query string and, for form posts, the body.
	Form url.Values
}

// Answer is what goes back over HTTP.
type Answer struct {
	Status      int
	ContentType string
	Body        []byte
	// Header holds what else the protocol puts into headers.
	Header http.Header
}

// Operation is one row of a service.
type Operation struct {
	Name  string
	newIn func() any
	call  func(*Request, any) (any, error)
}

// Op makes the row of an operation from its function; the name is the input type's, without "Input".
func Op[I, O any](do func(*Request, *I) (*O, error)) Operation {
	return Operation{
		Name:  strings.TrimSuffix(reflect.TypeFor[I]().Name(), "Input"),
		newIn: func() any { return new(I) },
		call: func(r *Request, in any) (any, error) {
			out, err := do(r, in.(*I))
			if err == nil && out == nil {
				out = new(O)
			}
			return out, err
		},
	}
}

// Request is what an operation knows of its caller. The region's state may be read and changed freely: operations run one at a time.
type Request struct {
	context.Context
	*Region
	ID        string
	Operation string
	Config    *Config
	Caller    Caller
	resources []string
	since     time.Time
	system    bool // made by AWS itself, see Region.System
}

// Caller is who signed the request.
type Caller struct {
	AccessKey string
	Account   string
	ARN       string
	UserID    string
	// Role is the ARN of the role whose session it is, "" for a user.
	Role string
}

// Principal is the ARN of the role or user that calls.
func (c Caller) Principal() string {
	if c.Role != "" {
		return c.Role
	}
	return c.ARN
}

// Touch notes ids that the operation created or changed, for the request log.
func (r *Request) Touch(ids ...string) { r.resources = append(r.resources, ids...) }

// Since is when the request was first looked at; an operation that waits is looked at again and again.
func (r *Request) Since() time.Time { return r.since }

// Hidden says whether a resource created then is still out of sight for this request's operation.
func (r *Request) Hidden(created time.Time) bool {
	if r.system || r.Config.HideNewFor <= 0 || (!isRead(r.Operation) && !r.Config.HideNewFromWrites) {
		return false
	}
	return r.Now().Before(created.Add(r.Config.HideNewFor))
}

// In is another region of the same account.
func (r *Request) In(region string) *Region { return r.world.region(r.Account, region) }

// InAccount is the same region of another account.
func (r *Request) InAccount(account string) *Region { return r.world.region(account, r.Region.Name) }

func isRead(operation string) bool {
	for _, prefix := range []string{"Describe", "Get", "List", "Head"} {
		if strings.HasPrefix(operation, prefix) {
			return true
		}
	}
	return false
}

// Resource is one line of the inventory.
type Resource struct {
	Account string            `json:"account"`
	Region  string            `json:"region"`
	Service string            `json:"service"`
	Type    string            `json:"type"`
	ID      string            `json:"id"`
	State   string            `json:"state,omitempty"`
	Tags    map[string]string `json:"tags,omitempty"`
	// Content is what the service keeps of it, see Record.
	Content any `json:"-"`
	// Implied resources are made by AWS with others, such as a VPC's default security group.
	Implied bool `json:"-"`
}
