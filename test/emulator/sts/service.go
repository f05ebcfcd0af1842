// Package sts emulates the part of the Security Token Service that sessions need.
package sts

import (
	_ "embed"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/iam"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/internal/wire"
)

//go:embed wire.json
var wireTable []byte

// Service returns STS as the emulator's frame takes it.
func Service() *core.Service {
	return &core.Service{
		Name:        "sts",
		SigningName: "sts",
		Protocol:    &core.Query{Table: wire.MustLoad(wireTable), Namespace: "https://sts.amazonaws.com/doc/2011-06-15/"},
		Operations:  []core.Operation{core.Op(getCallerIdentity), core.Op(assumeRole), core.Op(assumeRoleWithWebIdentity)},
		Unsigned:    []string{"AssumeRoleWithWebIdentity"},
		Questions: map[string]func(*core.Region, url.Values) (any, error){
			"identify": func(r *core.Region, about url.Values) (any, error) {
				return Identify(r, about.Get("token"), about.Get("cluster"))
			},
		},
	}
}

func getCallerIdentity(r *core.Request, _ *sdk.GetCallerIdentityInput) (*sdk.GetCallerIdentityOutput, error) {
	return &sdk.GetCallerIdentityOutput{Account: core.Ptr(r.Caller.Account), Arn: core.Ptr(r.Caller.ARN), UserId: core.Ptr(r.Caller.UserID)}, nil
}

var (
	roleARN     = regexp.MustCompile(`^arn:(aws[a-z-]*):iam::(\d{12}):role/(?:.*/)?([\w+=,.@-]+)$`)
	sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
)

// Limits of the AssumeRole API, in seconds.
const (
	shortest        = 900
	standard        = 3600
	longest         = 43200
	longestChaining = 3600
)

// assumeRole gives out an access key of the role's account. Who may assume a role is decided by the emulator's configuration.
func assumeRole(r *core.Request, in *sdk.AssumeRoleInput) (*sdk.AssumeRoleOutput, error) {
	if !roleARN.MatchString(core.Val(in.RoleArn)) {
		return nil, core.Refuse("ValidationError", "%s is invalid", core.Val(in.RoleArn))
	}
	if !sessionName.MatchString(core.Val(in.RoleSessionName)) {
		return nil, core.Refuse("ValidationError", "Value '%s' at 'roleSessionName' must have 2 to 64 letters, digits or _+=,.@-", core.Val(in.RoleSessionName))
	}
	seconds, err := duration(r, in.DurationSeconds)
	if err != nil {
		return nil, err
	}
	if !trusted(r, in) {
		return nil, &core.Error{Code: "AccessDenied", Status: 403,
			Message: fmt.Sprintf("User: %s is not authorized to perform: sts:AssumeRole on resource: %s", r.Caller.ARN, *in.RoleArn)}
	}
	user, given := begin(r, *in.RoleArn, *in.RoleSessionName, seconds)
	return &sdk.AssumeRoleOutput{AssumedRoleUser: user, Credentials: given}, nil
}

// begin gives out an access key of a role's account.
func begin(r *core.Request, role, name string, seconds int32) (*types.AssumedRoleUser, *types.Credentials) {
	part := roleARN.FindStringSubmatch(role)
	key, id := "ASIA"+strings.ToUpper(r.Hex(16)), "AROA"+strings.ToUpper(r.Hex(17))
	session := core.Session{
		Account: part[2], UserID: id + ":" + name, Expires: r.Now().Add(time.Duration(seconds) * time.Second), Role: role,
		ARN:    fmt.Sprintf("arn:%s:sts::%s:assumed-role/%s/%s", part[1], part[2], part[3], name),
		Secret: r.Hex(40), Token: r.Hex(200),
	}
	r.AddSession(key, session)
	r.Touch(role)
	return &types.AssumedRoleUser{Arn: core.Ptr(session.ARN), AssumedRoleId: core.Ptr(session.UserID)},
		&types.Credentials{AccessKeyId: core.Ptr(key), SecretAccessKey: core.Ptr(session.Secret), SessionToken: core.Ptr(session.Token), Expiration: core.Ptr(session.Expires)}
}

// duration holds a session's length to AWS's limits; a role assumed from another role's session lasts an hour at most.
func duration(r *core.Request, given *int32) (int32, error) {
	if given == nil {
		return standard, nil
	}
	most := int32(longest)
	if r.IsSession() {
		most = longestChaining
	}
	if *given < shortest || *given > most {
		return 0, core.Refuse("ValidationError", "The requested DurationSeconds %d must be from %d to %d", *given, shortest, most)
	}
	return *given, nil
}

func trusted(r *core.Request, in *sdk.AssumeRoleInput) bool {
	if r.Config.Permissions && !believed(r, *in.RoleArn, core.Val(in.ExternalId)) {
		return false
	}
	role, restricted := r.Config.Roles[*in.RoleArn]
	if !restricted {
		return true
	}
	if len(role.TrustedAccounts) > 0 && !slices.Contains(role.TrustedAccounts, r.Caller.Account) {
		return false
	}
	return role.ExternalID == "" || role.ExternalID == core.Val(in.ExternalId)
}

// believed says whether a role is there, and trusts the caller.
func believed(r *core.Request, arn, externalID string) bool {
	x, ok := iam.RoleOf(r.InAccount(roleARN.FindStringSubmatch(arn)[2]), arn)
	return ok && x.TrustsPrincipal(r.Caller.Principal(), externalID)
}
