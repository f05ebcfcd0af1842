package iam

import (
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/internal/policy"
)

// role keeps its trust policy as it was given.
type role struct {
	types.Role
	inline   []inlinePolicy
	attached []types.AttachedPolicy
	// history is what the role was since when, which is what other services know of it a little later; oldest first.
	history []moment
}

type inlinePolicy struct{ name, document string }

// moment is a role from a time on.
type moment struct {
	since    time.Time
	trust    string
	attached []types.AttachedPolicy
	inline   []inlinePolicy
}

// changed notes what the role is from now on.
func (x *role) changed(now time.Time) {
	x.history = append(x.history, moment{now, *x.AssumeRolePolicyDocument, slices.Clone(x.attached), slices.Clone(x.inline)})
}

func (x *role) implied() bool { return x.CreateDate.Equal(bootstrapped) }

// show is the role as Create and Get answer it; lists leave out what is beside the point.
func (x *role) show() *types.Role {
	out := x.Role
	out.AssumeRolePolicyDocument = escaped(*x.AssumeRolePolicyDocument)
	return &out
}

func (x *role) listed() types.Role {
	out := *x.show()
	out.Tags, out.PermissionsBoundary = nil, nil
	return out
}

func createRole(r *core.Request, in *sdk.CreateRoleInput) (*sdk.CreateRoleOutput, error) {
	s, name := of(r.Region), core.Val(in.RoleName)
	if err := named(roleName, "roleName", name); err != nil {
		return nil, err
	}
	path, err := pathOf(in.Path)
	if err != nil {
		return nil, err
	}
	tags, err := tagged(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	if !description.MatchString(core.Val(in.Description)) {
		return nil, invalid("The specified value for description is invalid. It must have at most 1000 characters.")
	}
	lasts := int32(3600)
	if in.MaxSessionDuration != nil {
		lasts = *in.MaxSessionDuration
	}
	if lasts < 3600 || lasts > 43200 {
		return nil, invalid("1 validation error detected: Value '%d' at 'maxSessionDuration' failed to satisfy constraint: Member must be from 3600 to 43200", lasts)
	}
	if err := s.trustProblem(r, core.Val(in.AssumeRolePolicyDocument)); err != nil {
		return nil, err
	}
	if now := s.roles.Get(key(name)); now != nil && !now.implied() {
		return nil, exists("Role with name %s already exists.", name)
	}
	if most := r.Config.Quota("roles", mostRoles); s.roles.Len() >= most {
		return nil, limit("RolesPerAccount", most)
	}
	x := &role{Role: types.Role{RoleName: &name, Path: path, Arn: arn(r.Region, "role", *path, name), RoleId: newID(r.Region, "AROA"), CreateDate: core.Ptr(r.Now()),
		AssumeRolePolicyDocument: in.AssumeRolePolicyDocument, Description: in.Description, MaxSessionDuration: &lasts, Tags: tags}}
	if in.PermissionsBoundary != nil {
		if x.PermissionsBoundary, err = s.boundary(*in.PermissionsBoundary); err != nil {
			return nil, err
		}
	}
	x.changed(r.Now())
	s.roles.Put(key(name), x, r.Now())
	r.Touch(name, *x.Arn)
	return &sdk.CreateRoleOutput{Role: x.show()}, nil
}

// trustProblem is what is wrong with a trust policy.
func (s *state) trustProblem(r *core.Request, document string) error {
	if document == "" {
		return invalid("1 validation error detected: Value at 'assumeRolePolicyDocument' failed to satisfy constraint: Member must have length greater than or equal to 1")
	}
	if most := r.Config.Quota("trustPolicyLength", longestTrust); written(document) > most {
		return limit("ACLSizePerRole", most)
	}
	d, err := policy.ParseTrust(document)
	if err != nil {
		return malformed(err)
	}
	for _, statement := range d.Statements {
		for _, service := range statement.Principal["Service"] {
			if !strings.Contains(service, ".amazonaws.com") && !strings.HasSuffix(service, ".aws.internal") {
				return refuse("MalformedPolicyDocument", 400, `Invalid principal in policy: "SERVICE":"%s"`, service)
			}
		}
		for _, who := range statement.Principal["AWS"] {
			if name, ok := strings.CutPrefix(who, *arn(r.Region, "role", "/", "")); ok && s.roles.Get(key(name[strings.LastIndex(name, "/")+1:])) == nil {
				return refuse("MalformedPolicyDocument", 400, `Invalid principal in policy: "AWS":"%s"`, who)
			}
		}
	}
	return nil
}

// written is the length of a document as quotas count it, without white space.
func written(document string) int { return len(strings.Join(strings.Fields(document), "")) }

// role looks up one that this request may see.
func (s *state) role(r *core.Request, name *string) (*role, error) {
	row := s.roles.Row(key(core.Val(name)))
	if row == nil || r.Hidden(row.Created) {
		return nil, noSuch("The role with name %s cannot be found.", core.Val(name))
	}
	r.Touch(*row.Value.RoleName)
	return row.Value, nil
}

func getRole(r *core.Request, in *sdk.GetRoleInput) (*sdk.GetRoleOutput, error) {
	x, err := of(r.Region).role(r, in.RoleName)
	if err != nil {
		return nil, err
	}
	return &sdk.GetRoleOutput{Role: x.show()}, nil
}

func listRoles(r *core.Request, in *sdk.ListRolesInput) (*sdk.ListRolesOutput, error) {
	s := of(r.Region)
	items, next, more, err := listed(r, seen(r, &s.roles, func(x *role) bool { return strings.HasPrefix(*x.Path, core.Val(in.PathPrefix)) }), in.Marker, in.MaxItems)
	out := &sdk.ListRolesOutput{Roles: []types.Role{}, Marker: next, IsTruncated: more}
	for _, x := range items {
		out.Roles = append(out.Roles, x.listed())
	}
	return out, err
}

func updateRole(r *core.Request, in *sdk.UpdateRoleInput) (*sdk.UpdateRoleOutput, error) {
	x, err := of(r.Region).role(r, in.RoleName)
	if err != nil {
		return nil, err
	}
	if in.Description != nil {
		x.Description = in.Description
	}
	if in.MaxSessionDuration != nil {
		x.MaxSessionDuration = in.MaxSessionDuration
	}
	return nil, nil
}

func deleteRole(r *core.Request, in *sdk.DeleteRoleInput) (*sdk.DeleteRoleOutput, error) {
	s := of(r.Region)
	x, err := s.role(r, in.RoleName)
	switch {
	case err != nil:
		return nil, err
	case s.profiles.Any(func(p *profile) bool { return p.role == key(*x.RoleName) && !p.standsIn() }):
		return nil, conflict("Cannot delete entity, must remove roles from instance profile first.")
	case len(x.attached) > 0:
		return nil, conflict("Cannot delete entity, must detach all policies first.")
	case len(x.inline) > 0:
		return nil, conflict("Cannot delete entity, must delete policies first.")
	}
	for _, p := range s.profiles.Where(func(p *profile) bool { return p.role == key(*x.RoleName) }) {
		p.role = ""
	}
	s.roles.Delete(key(*x.RoleName))
	return nil, nil
}

func updateAssumeRolePolicy(r *core.Request, in *sdk.UpdateAssumeRolePolicyInput) (*sdk.UpdateAssumeRolePolicyOutput, error) {
	s := of(r.Region)
	x, err := s.role(r, in.RoleName)
	if err != nil {
		return nil, err
	}
	if err := s.trustProblem(r, core.Val(in.PolicyDocument)); err != nil {
		return nil, err
	}
	x.AssumeRolePolicyDocument = in.PolicyDocument
	x.changed(r.Now())
	return nil, nil
}

func (s *state) boundary(of string) (*types.AttachedPermissionsBoundary, error) {
	if _, ok := s.document(of); !ok {
		return nil, noSuch("Scope ARN: %s does not exist or is not attachable.", of)
	}
	return &types.AttachedPermissionsBoundary{PermissionsBoundaryArn: &of, PermissionsBoundaryType: types.PermissionsBoundaryAttachmentTypePolicy}, nil
}

func putRolePermissionsBoundary(r *core.Request, in *sdk.PutRolePermissionsBoundaryInput) (*sdk.PutRolePermissionsBoundaryOutput, error) {
	s := of(r.Region)
	x, err := s.role(r, in.RoleName)
	if err != nil {
		return nil, err
	}
	x.PermissionsBoundary, err = s.boundary(core.Val(in.PermissionsBoundary))
	return nil, err
}

func deleteRolePermissionsBoundary(r *core.Request, in *sdk.DeleteRolePermissionsBoundaryInput) (*sdk.DeleteRolePermissionsBoundaryOutput, error) {
	x, err := of(r.Region).role(r, in.RoleName)
	if err == nil {
		x.PermissionsBoundary = nil
	}
	return nil, err
}

func tagRole(r *core.Request, in *sdk.TagRoleInput) (*sdk.TagRoleOutput, error) {
	x, err := of(r.Region).role(r, in.RoleName)
	if err != nil {
		return nil, err
	}
	tags, err := tagged(x.Tags, in.Tags)
	if err == nil {
		x.Tags = tags
	}
	return nil, err
}

func untagRole(r *core.Request, in *sdk.UntagRoleInput) (*sdk.UntagRoleOutput, error) {
	x, err := of(r.Region).role(r, in.RoleName)
	if err == nil {
		x.Tags = without(x.Tags, in.TagKeys)
	}
	return nil, err
}

func listRoleTags(r *core.Request, in *sdk.ListRoleTagsInput) (*sdk.ListRoleTagsOutput, error) {
	x, err := of(r.Region).role(r, in.RoleName)
	if err != nil {
		return nil, err
	}
	return &sdk.ListRoleTagsOutput{Tags: append([]types.Tag{}, x.Tags...)}, nil
}
