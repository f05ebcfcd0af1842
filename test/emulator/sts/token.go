package sts

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// Identity is who made a token for a cluster.
type Identity struct {
	Account     string `json:"account"`
	AccessKeyID string `json:"accessKeyID"`
	// ARN is the caller's as GetCallerIdentity tells it, with the session's name; Principal that of the role, with its path, or of the user.
	ARN       string `json:"arn"`
	Principal string `json:"principal"`
	UserID    string `json:"userID"`
	// SessionName is that of a role's session, "" for a user.
	SessionName string `json:"sessionName,omitempty"`
}

// What a token is ("Amazon EKS: authentication", aws-iam-authenticator's "API authorization from outside a cluster").
const (
	tokenPrefix   = "k8s-aws-v1."
	clusterHeader = "x-k8s-aws-id"
	longestToken  = 4096
	tokenLasts    = 15 * time.Minute
	// tokenAhead is how far a token's time may lie in the future.
	tokenAhead = 5 * time.Minute
)

// stsHost is a host of STS.
var stsHost = regexp.MustCompile(`^sts(-fips)?(\.[a-z0-9-]+)?\.(amazonaws\.com(\.cn)?|api\.aws)$`)

// tokenParameters are all that a token's URL may have.
var tokenParameters = []string{"action", "version", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-security-token",
	"x-amz-signature", "x-amz-signedheaders"}

// Identify tells who made a token for a cluster, as EKS asks STS: a GetCallerIdentity request, presigned with the cluster's name in a header.
func Identify(r *core.Region, token, cluster string) (Identity, error) {
	at, err := read(token)
	if err != nil {
		return Identity{}, err
	}
	query := at.Query()
	made, err := age(r.Now(), query)
	if err != nil {
		return Identity{}, err
	}
	headers := strings.Split(query.Get("X-Amz-SignedHeaders"), ";")
	if !slices.Contains(headers, clusterHeader) || !slices.Contains(headers, "host") {
		return Identity{}, fmt.Errorf("the token's signature doesn't cover the headers host and %s: it covers %v", clusterHeader, headers)
	}
	scope := strings.Split(query.Get("X-Amz-Credential"), "/")
	if len(scope) != 5 || scope[1] != made.Format("20060102") || scope[3] != "sts" || scope[4] != "aws4_request" {
		return Identity{}, fmt.Errorf("the token's credential scope is %q", query.Get("X-Amz-Credential"))
	}
	key, ok := r.Key(scope[0])
	switch {
	case !ok:
		return Identity{}, fmt.Errorf("the access key %s is unknown or has expired", scope[0])
	case key.Token != query.Get("X-Amz-Security-Token"):
		return Identity{}, errors.New("the token's session token isn't that of its access key")
	case key.Known && !hmac.Equal([]byte(signature(at, headers, cluster, scope, key.Secret)), []byte(query.Get("X-Amz-Signature"))):
		return Identity{}, fmt.Errorf("the token's signature is not that of %s for cluster %q", scope[0], cluster)
	}
	out := Identity{Account: key.Account, AccessKeyID: scope[0], ARN: key.ARN, Principal: key.Principal(), UserID: key.UserID}
	if key.Role != "" {
		_, out.SessionName, _ = strings.Cut(key.UserID, ":")
	}
	return out, nil
}

// read takes a token apart.
func read(token string) (*url.URL, error) {
	encoded, ok := strings.CutPrefix(token, tokenPrefix)
	if !ok || len(token) > longestToken {
		return nil, fmt.Errorf("a token begins with %s and has at most %d characters", tokenPrefix, longestToken)
	}
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("the token is no unpadded base64url: %w", err)
	}
	at, err := url.Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("the token holds no URL: %w", err)
	}
	// The emulator stands at a loopback address itself.
	host, loopback := at.Hostname(), false
	if address, err := netip.ParseAddr(host); err == nil {
		loopback = address.IsLoopback()
	}
	switch {
	case !loopback && host != "localhost" && (!stsHost.MatchString(host) || at.Scheme != "https"):
		return nil, fmt.Errorf("the token's URL is not STS's: %s://%s", at.Scheme, at.Host)
	case at.Path != "/" && at.Path != "":
		return nil, fmt.Errorf("the token's URL has the path %s", at.Path)
	case at.Query().Get("Action") != "GetCallerIdentity":
		return nil, fmt.Errorf("the token asks for %q", at.Query().Get("Action"))
	}
	for name, values := range at.Query() {
		if !slices.Contains(tokenParameters, strings.ToLower(name)) || len(values) != 1 {
			return nil, fmt.Errorf("the token's URL has the parameter %s %d times", name, len(values))
		}
	}
	return at, nil
}

// age is when a token was made; it dies with time.
func age(now time.Time, query url.Values) (time.Time, error) {
	made, err := time.Parse("20060102T150405Z", query.Get("X-Amz-Date"))
	if err != nil {
		return made, fmt.Errorf("the token's date is %q", query.Get("X-Amz-Date"))
	}
	if seconds, err := strconv.Atoi(query.Get("X-Amz-Expires")); err != nil || seconds < 0 || seconds > int(tokenLasts.Seconds()) {
		return made, fmt.Errorf("the token's X-Amz-Expires is %q; it may be 0 to %d", query.Get("X-Amz-Expires"), int(tokenLasts.Seconds()))
	}
	switch {
	case now.Before(made.Add(-tokenAhead)):
		return made, fmt.Errorf("the token was made at %s, which has not come yet", made.Format(time.RFC3339))
	case !now.Before(made.Add(tokenLasts)):
		return made, fmt.Errorf("the token was made at %s and has expired", made.Format(time.RFC3339))
	}
	return made, nil
}

// signature is what a presigned GET without a body is signed with ("Signature Version 4 signing process").
func signature(at *url.URL, headers []string, cluster string, scope []string, secret string) string {
	query := at.Query()
	query.Del("X-Amz-Signature")
	canonical := "GET\n/\n" + strings.ReplaceAll(query.Encode(), "+", "%20") + "\n"
	for _, name := range headers {
		canonical += name + ":" + map[string]string{"host": at.Host, clusterHeader: cluster}[name] + "\n"
	}
	canonical += "\n" + strings.Join(headers, ";") + "\n" + hex.EncodeToString(hash(nil))
	signed := "AWS4-HMAC-SHA256\n" + query.Get("X-Amz-Date") + "\n" + strings.Join(scope[1:], "/") + "\n" + hex.EncodeToString(hash([]byte(canonical)))
	key := []byte("AWS4" + secret)
	for _, part := range scope[1:] {
		key = mac(key, part)
	}
	return hex.EncodeToString(mac(key, signed))
}

func hash(text []byte) []byte {
	sum := sha256.Sum256(text)
	return sum[:]
}

func mac(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	_, _ = m.Write([]byte(text)) // a hash takes every write
	return m.Sum(nil)
}
