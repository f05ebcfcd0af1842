package sts

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/iam"
)

// claims are those of a web identity's token that decide.
type claims struct {
	Issuer   string          `json:"iss"`
	Subject  string          `json:"sub"`
	Audience json.RawMessage `json:"aud"`
	Expires  float64         `json:"exp"`
}

// assumeRoleWithWebIdentity takes a token of a known OpenID Connect provider that the role trusts. The token's signature isn't checked: nobody
// publishes its keys here.
func assumeRoleWithWebIdentity(r *core.Request, in *sdk.AssumeRoleWithWebIdentityInput) (*sdk.AssumeRoleWithWebIdentityOutput, error) {
	part := roleARN.FindStringSubmatch(core.Val(in.RoleArn))
	if part == nil || !sessionName.MatchString(core.Val(in.RoleSessionName)) {
		return nil, core.Refuse("ValidationError", "%s is invalid for a session named %s", core.Val(in.RoleArn), core.Val(in.RoleSessionName))
	}
	seconds := int32(standard)
	if in.DurationSeconds != nil {
		seconds = *in.DurationSeconds
	}
	if seconds < shortest || seconds > longest {
		return nil, core.Refuse("ValidationError", "The requested DurationSeconds %d must be from %d to %d", seconds, shortest, longest)
	}
	who, audiences, err := claimsOf(core.Val(in.WebIdentityToken))
	if err != nil {
		return nil, core.Refuse("InvalidIdentityToken", "The ID Token provided is not a valid JWT: %v", err)
	}
	if expires := time.Unix(int64(who.Expires), 0); who.Expires > 0 && r.Now().After(expires) {
		return nil, core.Refuse("ExpiredTokenException", "Token expired: current date/time %d must be before the expiration date/time %d", r.Now().Unix(), expires.Unix())
	}
	account := r.InAccount(part[2])
	host := strings.TrimPrefix(who.Issuer, "https://")
	provider, clients, ok := iam.ProviderOf(account, host)
	if !ok {
		return nil, core.Refuse("InvalidIdentityToken", "No OpenIDConnect provider found in your account for %s", who.Issuer)
	}
	i := slices.IndexFunc(audiences, func(a string) bool { return slices.Contains(clients, a) })
	if i < 0 {
		return nil, core.Refuse("InvalidIdentityToken", "Incorrect token audience")
	}
	role, ok := iam.RoleOf(account, *in.RoleArn)
	if !ok || !role.TrustsIdentity(provider, map[string]string{host + ":sub": who.Subject, host + ":aud": audiences[i]}) {
		return nil, &core.Error{Code: "AccessDenied", Status: 403, Message: "Not authorized to perform sts:AssumeRoleWithWebIdentity"}
	}
	user, given := begin(r, *in.RoleArn, *in.RoleSessionName, seconds)
	return &sdk.AssumeRoleWithWebIdentityOutput{AssumedRoleUser: user, Credentials: given, Audience: &audiences[i], Provider: &provider,
		SubjectFromWebIdentityToken: &who.Subject}, nil
}

func claimsOf(token string) (claims, []string, error) {
	var out claims
	part := strings.Split(token, ".")
	if len(part) != 3 {
		return out, nil, fmt.Errorf("it has %d parts", len(part))
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(part[1], "="))
	if err != nil {
		return out, nil, err
	}
	if err := json.Unmarshal(text, &out); err != nil {
		return out, nil, err
	}
	var several []string
	if json.Unmarshal(out.Audience, &several) == nil {
		return out, several, nil
	}
	var one string
	err = json.Unmarshal(out.Audience, &one)
	return out, []string{one}, err
}
