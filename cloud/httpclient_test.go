package cloud

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"k8s.io/utils/clock"
)

// closedBody is a body as the SDK makes them, that was closed when its answer began.
type closedBody struct{ io.Reader }

func (closedBody) Close() error                     { return nil }
func (closedBody) WriteTo(io.Writer) (int64, error) { return 0, io.EOF }

func TestAnAnswerIsReadThoughTheRequestsBodyIsClosedAtItsBeginning(t *testing.T) {
	const long = 1 << 20
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write(make([]byte, long))
	}))
	t.Cleanup(server.Close)
	for range 10 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, closedBody{strings.NewReader("body")})
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = 4
		answer, err := sharedClient().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, answer.Body)
		if _ = answer.Body.Close(); n != long || err != nil {
			t.Fatalf("%d bytes, %v", n, err)
		}
	}
}

func TestAllSessionsShareTheirConnections(t *testing.T) {
	limiter := NewLimiter(clock.RealClock{}, nil)
	clientOf := func(cfg aws.Config, identity string) aws.HTTPClient {
		return NewSession(cfg, limiter, testScope, "aws", identity).EC2.Options().HTTPClient
	}
	if clientOf(aws.Config{}, "a") != clientOf(aws.Config{}, "b") {
		t.Error("two sessions have connections of their own")
	}
	own := aws.Config{HTTPClient: awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) { tr.MaxResponseHeaderBytes = 7 })}
	own.HTTPClient = sharing(own.HTTPClient)
	if clientOf(own, "a") != clientOf(own, "b") || clientOf(own, "a") == clientOf(aws.Config{}, "a") {
		t.Error("sessions of one configuration don't share its client")
	}
	other := ec2.Options{HTTPClient: http.DefaultClient}
	if clientOf(aws.Config{HTTPClient: other.HTTPClient}, "a") != other.HTTPClient {
		t.Error("a client of another kind is replaced")
	}
}
