package emulator

import (
	"io"
	"net/http"
)

// HTTPClient is the HTTP client for SDK clients in tests, whose requests have bodies that can only be read. The SDK's own bodies can write
// themselves too, and answer that with EOF once the SDK has closed them, which it does as soon as an answer begins; net/http then takes the
// request for failed and closes the connection, with the answer still on its way.
type HTTPClient struct{}

// Do sends the request.
func (HTTPClient) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		plain := *r
		plain.Body = struct{ io.ReadCloser }{r.Body}
		r = &plain
	}
	return http.DefaultClient.Do(r)
}
