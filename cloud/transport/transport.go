// Package transport is how calls reach AWS: over connections that all clients share, and without losing answers.
package transport

import (
	"io"
	"net/http"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

const (
	// idleConns and idleConnsPerHost bound the connections kept for further calls. A
	// host is one service in one region.
	idleConns        = 512
	idleConnsPerHost = 64
)

// httpClient sends the requests of all who are given it, over connections they share.
type httpClient struct{ *http.Client }

// sharedClient is the client of configurations that bring none of their own.
var sharedClient = sync.OnceValue(func() *httpClient { return newHTTPClient(awshttp.NewBuildableClient()) })

// Shared returns the client to use in place of a configuration's, which the SDK would
// copy for each session and service. One of an unknown kind stays as it is.
func Shared(c aws.HTTPClient) aws.HTTPClient {
	switch c := c.(type) {
	case nil:
		return sharedClient()
	case *awshttp.BuildableClient:
		return newHTTPClient(c)
	}
	return c
}

func newHTTPClient(b *awshttp.BuildableClient) *httpClient {
	frozen, ok := b.WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConns, t.MaxIdleConnsPerHost = idleConns, idleConnsPerHost
	}).Freeze().(*http.Client)
	if !ok {
		panic("the SDK's client is no http.Client")
	}
	c := *frozen
	c.Transport = plainBodies{frozen.Transport}
	return &httpClient{&c}
}

// plainBodies sends requests whose bodies can only be read. Those of the SDK can write
// themselves too, and answer that with EOF once the SDK has closed them, which it does as
// soon as an answer begins. net/http, where it only then comes to look for the body's
// end, takes that for a failed request and closes the connection, with the answer still
// on its way: "use of closed network connection".
type plainBodies struct{ next http.RoundTripper }

func (p plainBodies) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		plain := *r
		plain.Body = struct{ io.ReadCloser }{r.Body}
		r = &plain
	}
	return p.next.RoundTrip(r)
}
