// Package iam emulates the part of Identity and Access Management that tells whether an instance profile exists.
package iam

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/internal/wire"
)

//go:embed wire.json
var wireTable []byte

// Service returns IAM as the emulator's frame takes it.
func Service() *core.Service {
	return &core.Service{
		Name:        "iam",
		SigningName: "iam",
		Protocol:    &core.Query{Table: wire.MustLoad(wireTable), Namespace: "https://iam.amazonaws.com/doc/2010-05-08/"},
		Operations:  []core.Operation{core.Op(getInstanceProfile)},
	}
}

// profileName is the form that the API reference gives for InstanceProfileName.
var profileName = regexp.MustCompile(`^[\w+=,.@-]{1,128}$`)

// made is when every profile was.
var made = time.Date(2024, 1, 15, 12, 0, 0, 0, time.UTC)

// getInstanceProfile knows the instance profiles of the configuration.
func getInstanceProfile(r *core.Request, in *sdk.GetInstanceProfileInput) (*sdk.GetInstanceProfileOutput, error) {
	name := core.Val(in.InstanceProfileName)
	if !profileName.MatchString(name) {
		return nil, core.Refuse("ValidationError",
			"The specified value for instanceProfileName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-")
	}
	if !slices.Contains(r.Config.InstanceProfiles, name) {
		return nil, &core.Error{Code: "NoSuchEntity", Message: fmt.Sprintf("Instance Profile %s cannot be found.", name), Status: 404}
	}
	r.Touch(name)
	return &sdk.GetInstanceProfileOutput{InstanceProfile: &types.InstanceProfile{
		Arn: core.Ptr(fmt.Sprintf("arn:aws:iam::%s:instance-profile/%s", r.Account, name)), CreateDate: core.Ptr(made),
		InstanceProfileId: core.Ptr("AIPA" + fmt.Sprintf("%017X", len(name))), InstanceProfileName: core.Ptr(name), Path: core.Ptr("/"),
		Roles: []types.Role{{
			Arn: core.Ptr(fmt.Sprintf("arn:aws:iam::%s:role/%s", r.Account, name)), CreateDate: core.Ptr(made), Path: core.Ptr("/"),
			RoleId: core.Ptr("AROA" + fmt.Sprintf("%017X", len(name))), RoleName: core.Ptr(name),
		}},
	}}, nil
}
