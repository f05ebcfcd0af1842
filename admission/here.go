package admission

import (
	"bytes"
	"io"
	"net/http"
	"sync/atomic"
)

// Here are the webhooks of this process while they serve. The server is its own webhooks'
// only caller, mostly: the host asks them about none of these kinds.
type Here struct{ handler atomic.Pointer[http.Handler] }

// serve has the process's own calls answered by the handler until the end is called.
func (h *Here) serve(handler http.Handler) (end func()) {
	if h == nil {
		return func() {}
	}
	h.handler.Store(&handler)
	return func() { h.handler.Store(nil) }
}

// shortCut brings requests to the webhooks of this process, and others over the network.
type shortCut struct {
	here *Here
	far  http.RoundTripper
}

var _ http.RoundTripper = shortCut{}

// RoundTrip asks the handler as a server would.
func (s shortCut) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.here == nil {
		return s.far.RoundTrip(r)
	}
	handler := s.here.handler.Load()
	if handler == nil {
		return s.far.RoundTrip(r)
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	defer r.Body.Close()
	a := &answer{header: http.Header{}, status: http.StatusOK}
	(*handler).ServeHTTP(a, r)
	if err := r.Context().Err(); err != nil {
		return nil, err // nobody waits for it any more
	}
	return &http.Response{
		Status: http.StatusText(a.status), StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(&a.body), ContentLength: int64(a.body.Len()), Request: r,
	}, nil
}

// answer keeps what a handler writes.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

var _ http.ResponseWriter = &answer{}

// Header is what is answered beside the body.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader says how it went.
func (a *answer) WriteHeader(status int) { a.status = status }

// Write adds to the body.
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }
