package cloud

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// standIn answers the query protocol of STS and EC2 just far enough for
// sessions: an access key "AK<account>" or the role's account is the account.
type standIn struct {
	*httptest.Server
	mu       sync.Mutex
	requests []request
	// answer, if set, is asked first; it returns true when it has answered.
	answer func(w http.ResponseWriter, r request, nth int) bool
}

type request struct {
	url.Values
	// key is the access key that signed.
	key, agent, region string
}

func newStandIn(t *testing.T) *standIn {
	s := &standIn{}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *standIn) serve(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	_, credential, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	scope := strings.Split(credential, "/")
	got := request{Values: r.Form, key: scope[0], agent: r.UserAgent()}
	if len(scope) > 2 {
		got.region = scope[2]
	}
	s.mu.Lock()
	s.requests = append(s.requests, got)
	nth := s.count(got.Get("Action"))
	s.mu.Unlock()
	if s.answer != nil && s.answer(w, got, nth) {
		return
	}
	account := strings.TrimPrefix(got.key, "AK")
	switch got.Get("Action") {
	case "GetCallerIdentity":
		partition := "aws"
		if strings.HasPrefix(got.region, "cn-") {
			partition = "aws-cn"
		}
		fmt.Fprintf(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>%s</Account><Arn>arn:%s:sts::%s:x</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`,
			account, partition, account)
	case "AssumeRole":
		owner := strings.Split(got.Get("RoleArn"), ":")[4]
		fmt.Fprintf(w, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>AK%s</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser><Arn>arn:aws:sts::%s:assumed-role/r/s</Arn><AssumedRoleId>x</AssumedRoleId></AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>`,
			owner, owner)
	default:
		fmt.Fprintf(w, `<%[1]sResponse></%[1]sResponse>`, got.Get("Action"))
	}
}

// count tells how often an action was called; the caller holds the lock.
func (s *standIn) count(action string) int {
	n := 0
	for _, r := range s.requests {
		if r.Get("Action") == action {
			n++
		}
	}
	return n
}

func (s *standIn) calls(action string) []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var calls []request
	for _, r := range s.requests {
		if r.Get("Action") == action {
			calls = append(calls, r)
		}
	}
	return calls
}

// config is the process's own configuration: account 000000000000.
func (s *standIn) config(context.Context) (aws.Config, error) {
	return aws.Config{
		BaseEndpoint: aws.String(s.URL),
		Credentials:  credentials.NewStaticCredentialsProvider("AK000000000000", "secret", ""),
	}, nil
}

func fail(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `<Response><Errors><Error><Code>%[1]s</Code><Message>m</Message></Error></Errors><Error><Code>%[1]s</Code><Message>m</Message></Error></Response>`, code)
}
