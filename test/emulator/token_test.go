package emulator_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// token is what "aws eks get-token" prints.
func token(t *testing.T, credentials aws.Credentials, cluster string, made time.Time) string {
	t.Helper()
	request := must[*http.Request](t)(http.NewRequest(http.MethodGet, "https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Expires=60", nil))
	request.Header.Set("x-k8s-aws-id", cluster)
	empty := sha256.Sum256(nil)
	signed, _, err := v4.NewSigner().PresignHTTP(context.Background(), credentials, request, hex.EncodeToString(empty[:]), "sts", "us-east-1", made)
	if err != nil {
		t.Fatal(err)
	}
	return "k8s-aws-v1." + base64.RawURLEncoding.EncodeToString([]byte(signed))
}

func TestTokensTellWhoMadeThem(t *testing.T) {
	c := newCloud(t, func(config *emulator.Config) {
		config.SecretKeys = map[string]string{"AKIATEST": "secret"}
		config.AccessKeys = map[string]string{"AKIAOTHER": "111122223333"}
		config.BadKeys = map[string]string{"AKIAOLD": "expired"}
	})
	key := func(id, secret string) aws.Credentials {
		return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}
	}
	session := must[aws.Config](t)(c.assume(&sts.AssumeRoleInput{}))
	assumed := must[aws.Credentials](t)(session.Credentials.Retrieve(ctx))
	without := assumed
	without.SessionToken = ""
	now := c.clock.Now()
	rewritten := func(change func(url.Values)) string {
		text := must[[]byte](t)(base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token(t, key("AKIATEST", "secret"), "prod", now), "k8s-aws-v1.")))
		at := must[*url.URL](t)(url.Parse(string(text)))
		query := at.Query()
		change(query)
		at.RawQuery = query.Encode()
		return "k8s-aws-v1." + base64.RawURLEncoding.EncodeToString([]byte(at.String()))
	}
	for name, x := range map[string]struct{ token, arn, refused string }{
		"of a user":                  {token(t, key("AKIATEST", "secret"), "prod", now), "arn:aws:iam::123456789012:user/emulator", ""},
		"of a role's session":        {token(t, assumed, "prod", now), "arn:aws:sts::210987654321:assumed-role/controllers/session", ""},
		"of a key without a secret":  {token(t, key("AKIAOTHER", "whatever"), "prod", now), "arn:aws:iam::111122223333:user/emulator", ""},
		"of fourteen minutes":        {token(t, key("AKIATEST", "secret"), "prod", now.Add(-14*time.Minute)), "arn:aws:iam::123456789012:user/emulator", ""},
		"of fifteen minutes":         {token(t, key("AKIATEST", "secret"), "prod", now.Add(-15*time.Minute)), "", "expired"},
		"of tomorrow":                {token(t, key("AKIATEST", "secret"), "prod", now.Add(24*time.Hour)), "", "not come yet"},
		"signed with another secret": {token(t, key("AKIATEST", "guess"), "prod", now), "", "signature"},
		"for another cluster":        {token(t, key("AKIATEST", "secret"), "test", now), "", "signature"},
		"without its session token":  {token(t, without, "prod", now), "", "session token"},
		"of an expired key":          {token(t, key("AKIAOLD", "secret"), "prod", now), "", "has expired"},
		"of another kind":            {"eyJhbGciOi.J9", "", "k8s-aws-v1."},
		"for another operation":      {rewritten(func(q url.Values) { q.Set("Action", "GetSessionToken") }), "", "GetSessionToken"},
		"with more to it":            {rewritten(func(q url.Values) { q.Set("Callback", "x") }), "", "Callback"},
		"made longer by hand":        {rewritten(func(q url.Values) { q.Set("X-Amz-Expires", "600") }), "", "signature"},
		"without the header signed":  {rewritten(func(q url.Values) { q.Set("X-Amz-SignedHeaders", "host") }), "", "x-k8s-aws-id"},
	} {
		t.Run(name, func(t *testing.T) {
			who, err := emulator.Identify(c.Emulator, x.token, "prod")
			switch {
			case x.refused == "" && (err != nil || who.ARN != x.arn):
				t.Errorf("it is %+v, %v", who, err)
			case x.refused != "" && (err == nil || !strings.Contains(err.Error(), x.refused)):
				t.Errorf("it is refused with %v, want %q", err, x.refused)
			}
		})
	}
	who := must[emulator.Identity](t)(emulator.Identify(c.Emulator, token(t, assumed, "prod", now), "prod"))
	if who.Principal != otherRole || who.SessionName != "session" {
		t.Errorf("the session is %+v", who)
	}
	c.clock.Advance(time.Hour)
	if _, err := emulator.Identify(c.Emulator, token(t, assumed, "prod", c.clock.Now()), "prod"); err == nil {
		t.Error("a token outlives its session")
	}
}

func TestTokensAreReadOverHTTP(t *testing.T) {
	c := newCloud(t)
	given := token(t, aws.Credentials{AccessKeyID: "AKIATEST", SecretAccessKey: "secret"}, "prod", c.clock.Now())
	answer := must[*http.Response](t)(http.Get(c.url + "/_emulator/ask/identify?cluster=prod&token=" + url.QueryEscape(given)))
	defer func() { _ = answer.Body.Close() }()
	var who emulator.Identity
	if err := json.NewDecoder(answer.Body).Decode(&who); err != nil || who.Account != emulator.DefaultAccount {
		t.Errorf("it is %+v, %v", who, err)
	}
	refused := must[*http.Response](t)(http.Get(c.url + "/_emulator/ask/identify?cluster=prod&token=x"))
	_ = refused.Body.Close()
	if refused.StatusCode != http.StatusForbidden {
		t.Errorf("no token is answered with %s", refused.Status)
	}
}

// TestServiceAccountsAssumeRolesThatTrustThem has a role trust one service account by the cluster's OpenID Connect provider.
func TestServiceAccountsAssumeRolesThatTrustThem(t *testing.T) {
	c := newCloud(t)
	const host, role = "oidc.eks.us-east-1.amazonaws.com/id/ABC", "arn:aws:iam::123456789012:role/app"
	jwt := func(subject, audience string, expires time.Time) *string {
		encode := base64.RawURLEncoding.EncodeToString
		return aws.String(encode([]byte(`{"alg":"RS256"}`)) + "." + encode(fmt.Appendf(nil, `{"iss":"https://%s","sub":%q,"aud":[%q],"exp":%d}`, host, subject, audience, expires.Unix())) + ".c2ln")
	}
	assume := func(token *string) error {
		return second(c.sts().AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{RoleArn: aws.String(role), RoleSessionName: aws.String("app"), WebIdentityToken: token}))
	}
	later := c.clock.Now().Add(time.Hour)
	app := "system:serviceaccount:default:app"
	wantCode(t, assume(jwt(app, "sts.amazonaws.com", later)), "InvalidIdentityToken")
	must[*iam.CreateOpenIDConnectProviderOutput](t)(c.iam().CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://" + host), ClientIDList: []string{"sts.amazonaws.com"}}))
	must[*iam.CreateRoleOutput](t)(c.iam().CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("app"), AssumeRolePolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/` + host + `"},"Action":"sts:AssumeRoleWithWebIdentity",
		"Condition":{"StringEquals":{"` + host + `:sub":"` + app + `"}}}]}`)}))
	wantCode(t, assume(jwt(app, "sts.amazonaws.com", later)), "")
	wantCode(t, assume(jwt("system:serviceaccount:default:other", "sts.amazonaws.com", later)), "AccessDenied")
	wantCode(t, assume(jwt(app, "other", later)), "InvalidIdentityToken")
	wantCode(t, assume(jwt(app, "sts.amazonaws.com", c.clock.Now().Add(-time.Minute))), "ExpiredTokenException")
	wantCode(t, assume(aws.String("token")), "InvalidIdentityToken")
}
