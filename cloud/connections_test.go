package cloud

import (
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"k8s.io/utils/clock"

	"github.com/capa-apiserver/capa-apiserver/cloud/transport"
)

func TestAllSessionsShareTheirConnections(t *testing.T) {
	limiter := NewLimiter(clock.RealClock{}, nil)
	clientOf := func(cfg aws.Config, identity string) aws.HTTPClient {
		return NewSession(cfg, limiter, testScope, "aws", identity).EC2.Options().HTTPClient
	}
	if clientOf(aws.Config{}, "a") != clientOf(aws.Config{}, "b") {
		t.Error("two sessions have connections of their own")
	}
	own := aws.Config{HTTPClient: awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) { tr.MaxResponseHeaderBytes = 7 })}
	own.HTTPClient = transport.Shared(own.HTTPClient)
	if clientOf(own, "a") != clientOf(own, "b") || clientOf(own, "a") == clientOf(aws.Config{}, "a") {
		t.Error("sessions of one configuration don't share its client")
	}
	other := ec2.Options{HTTPClient: http.DefaultClient}
	if clientOf(aws.Config{HTTPClient: other.HTTPClient}, "a") != other.HTTPClient {
		t.Error("a client of another kind is replaced")
	}
}
