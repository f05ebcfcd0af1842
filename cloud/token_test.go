package cloud

import (
	"context"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// tokenSession is a session whose credentials end in so long; never if zero.
func tokenSession(region string, life time.Duration) *Session {
	keys := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "AKIA1", SecretAccessKey: "x", SessionToken: "t", CanExpire: life != 0, Expires: time.Now().Add(life)}, nil
	})
	cfg := aws.Config{Credentials: keys, BaseEndpoint: aws.String("http://127.0.0.1:1")} // whatever is called fails
	return NewSession(cfg, NewLimiter(nil, nil), Scope{Account: "123456789012", Region: region}, "aws", "controller")
}

func TestTokenIsARequestToSTSForOneCluster(t *testing.T) {
	for region, host := range map[string]string{"eu-west-1": "sts.eu-west-1.amazonaws.com", "us-east-1": "sts.us-east-1.amazonaws.com", "cn-north-1": "sts.cn-north-1.amazonaws.com.cn"} {
		token, err := tokenSession(region, 0).Token(t.Context(), "the-cluster")
		if err != nil {
			t.Fatal(err)
		}
		text, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token.Value, "k8s-aws-v1."))
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(string(text))
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		if u.Scheme != "https" || u.Host != host || q.Get("Action") != "GetCallerIdentity" || q.Get("X-Amz-Expires") != "60" || q.Get("X-Amz-SignedHeaders") != "host;x-k8s-aws-id" ||
			q.Get("X-Amz-Security-Token") != "t" {
			t.Errorf("in %s the request is %s", region, u)
		}
		if strings.Contains(u.String(), "the-cluster") {
			t.Errorf("the cluster's name is in the request, and not only signed: %s", u)
		}
		if token.Life != TokenLife {
			t.Errorf("it lives %s", token.Life)
		}
	}
}

func TestTokenDoesNotOutliveItsCredentials(t *testing.T) {
	token, err := tokenSession("us-east-1", 5*time.Minute).Token(t.Context(), "the-cluster")
	if err != nil || token.Life > 5*time.Minute || token.Life < 4*time.Minute {
		t.Errorf("it lives %s, %v", token.Life, err)
	}
}
