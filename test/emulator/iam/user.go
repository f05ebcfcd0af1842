package iam

import (
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/internal/policy"
)

// user is in groups, by their keys. Users may do everything here; their policies are kept, and not followed.
type user struct {
	types.User
	policies
	groups []string
}

type group struct {
	types.Group
	policies
}

// policies are what users and groups have of them.
type policies struct {
	attached []types.AttachedPolicy
	inline   []inlinePolicy
}

func (p *policies) attach(s *state, r *core.Request, arn *string) error {
	if _, ok := s.document(core.Val(arn)); !ok {
		return noSuch("Policy %s does not exist or is not attachable.", core.Val(arn))
	}
	if p.has(*arn) {
		return nil
	}
	p.attached = append(p.attached, types.AttachedPolicy{PolicyArn: arn, PolicyName: core.Ptr(lastPart(*arn))})
	r.Touch(*arn)
	return nil
}

func (p *policies) has(arn string) bool {
	return slices.ContainsFunc(p.attached, func(a types.AttachedPolicy) bool { return *a.PolicyArn == arn })
}

func (p *policies) detach(arn *string) error {
	if !p.has(core.Val(arn)) {
		return noSuch("Policy %s was not found.", core.Val(arn))
	}
	p.attached = slices.DeleteFunc(p.attached, func(a types.AttachedPolicy) bool { return *a.PolicyArn == *arn })
	return nil
}

func (p *policies) put(name, document *string) error {
	if err := named(entityName, "policyName", core.Val(name)); err != nil {
		return err
	}
	if _, err := policy.Parse(core.Val(document)); err != nil {
		return malformed(err)
	}
	_ = p.remove(name)
	p.inline = append(p.inline, inlinePolicy{*name, *document})
	return nil
}

func (p *policies) remove(name *string) error {
	kept := slices.DeleteFunc(slices.Clone(p.inline), func(i inlinePolicy) bool { return i.name == core.Val(name) })
	if len(kept) == len(p.inline) {
		return noSuch("The policy with name %s cannot be found.", core.Val(name))
	}
	p.inline = kept
	return nil
}

// inUse says why something that has policies can't be deleted.
func (p *policies) inUse() error {
	switch {
	case len(p.attached) > 0:
		return conflict("Cannot delete entity, must detach all policies first.")
	case len(p.inline) > 0:
		return conflict("Cannot delete entity, must delete policies first.")
	}
	return nil
}

func (s *state) user(r *core.Request, name *string) (*user, error) {
	x := s.users.Get(key(core.Val(name)))
	if x == nil {
		return nil, noSuch("The user with name %s cannot be found.", core.Val(name))
	}
	r.Touch(*x.UserName)
	return x, nil
}

func (s *state) group(r *core.Request, name *string) (*group, error) {
	x := s.groups.Get(key(core.Val(name)))
	if x == nil {
		return nil, noSuch("The group with name %s cannot be found.", core.Val(name))
	}
	r.Touch(*x.GroupName)
	return x, nil
}

func createUser(r *core.Request, in *sdk.CreateUserInput) (*sdk.CreateUserOutput, error) {
	s, name := of(r.Region), core.Val(in.UserName)
	path, err := pathOf(in.Path)
	if err == nil {
		err = named(roleName, "userName", name)
	}
	if err != nil {
		return nil, err
	}
	tags, err := tagged(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	if s.users.Get(key(name)) != nil {
		return nil, exists("User with name %s already exists.", name)
	}
	x := &user{User: types.User{UserName: &name, Path: path, Arn: arn(r.Region, "user", *path, name), UserId: newID(r.Region, "AIDA"), CreateDate: core.Ptr(r.Now()), Tags: tags}}
	s.users.Put(key(name), x, r.Now())
	r.Touch(name, *x.Arn)
	return &sdk.CreateUserOutput{User: &x.User}, nil
}

func getUser(r *core.Request, in *sdk.GetUserInput) (*sdk.GetUserOutput, error) {
	x, err := of(r.Region).user(r, in.UserName)
	if err != nil {
		return nil, err
	}
	return &sdk.GetUserOutput{User: &x.User}, nil
}

func listUsers(r *core.Request, in *sdk.ListUsersInput) (*sdk.ListUsersOutput, error) {
	s := of(r.Region)
	items, next, more, err := listed(r, seen(r, &s.users, func(x *user) bool { return strings.HasPrefix(*x.Path, core.Val(in.PathPrefix)) }), in.Marker, in.MaxItems)
	out := &sdk.ListUsersOutput{Users: []types.User{}, Marker: next, IsTruncated: more}
	for _, x := range items {
		out.Users = append(out.Users, x.User)
	}
	return out, err
}

func deleteUser(r *core.Request, in *sdk.DeleteUserInput) (*sdk.DeleteUserOutput, error) {
	s := of(r.Region)
	x, err := s.user(r, in.UserName)
	switch {
	case err != nil:
		return nil, err
	case len(x.groups) > 0:
		return nil, conflict("Cannot delete entity, must remove users from group first.")
	}
	if err := x.inUse(); err != nil {
		return nil, err
	}
	s.users.Delete(key(*x.UserName))
	return nil, nil
}

func attachUserPolicy(r *core.Request, in *sdk.AttachUserPolicyInput) (*sdk.AttachUserPolicyOutput, error) {
	s := of(r.Region)
	x, err := s.user(r, in.UserName)
	if err == nil {
		err = x.attach(s, r, in.PolicyArn)
	}
	return nil, err
}

func detachUserPolicy(r *core.Request, in *sdk.DetachUserPolicyInput) (*sdk.DetachUserPolicyOutput, error) {
	x, err := of(r.Region).user(r, in.UserName)
	if err == nil {
		err = x.detach(in.PolicyArn)
	}
	return nil, err
}

func listAttachedUserPolicies(r *core.Request, in *sdk.ListAttachedUserPoliciesInput) (*sdk.ListAttachedUserPoliciesOutput, error) {
	x, err := of(r.Region).user(r, in.UserName)
	if err != nil {
		return nil, err
	}
	return &sdk.ListAttachedUserPoliciesOutput{AttachedPolicies: slices.Clone(x.attached)}, nil
}

func putUserPolicy(r *core.Request, in *sdk.PutUserPolicyInput) (*sdk.PutUserPolicyOutput, error) {
	x, err := of(r.Region).user(r, in.UserName)
	if err == nil {
		err = x.put(in.PolicyName, in.PolicyDocument)
	}
	return nil, err
}

func deleteUserPolicy(r *core.Request, in *sdk.DeleteUserPolicyInput) (*sdk.DeleteUserPolicyOutput, error) {
	x, err := of(r.Region).user(r, in.UserName)
	if err == nil {
		err = x.remove(in.PolicyName)
	}
	return nil, err
}

func createGroup(r *core.Request, in *sdk.CreateGroupInput) (*sdk.CreateGroupOutput, error) {
	s, name := of(r.Region), core.Val(in.GroupName)
	path, err := pathOf(in.Path)
	if err == nil {
		err = named(entityName, "groupName", name)
	}
	if err != nil {
		return nil, err
	}
	if s.groups.Get(key(name)) != nil {
		return nil, exists("Group with name %s already exists.", name)
	}
	x := &group{Group: types.Group{GroupName: &name, Path: path, Arn: arn(r.Region, "group", *path, name), GroupId: newID(r.Region, "AGPA"), CreateDate: core.Ptr(r.Now())}}
	s.groups.Put(key(name), x, r.Now())
	r.Touch(name, *x.Arn)
	return &sdk.CreateGroupOutput{Group: &x.Group}, nil
}

func (s *state) members(g *group) []*user {
	return s.users.Where(func(x *user) bool { return slices.Contains(x.groups, key(*g.GroupName)) })
}

func getGroup(r *core.Request, in *sdk.GetGroupInput) (*sdk.GetGroupOutput, error) {
	s := of(r.Region)
	x, err := s.group(r, in.GroupName)
	if err != nil {
		return nil, err
	}
	out := &sdk.GetGroupOutput{Group: &x.Group, Users: []types.User{}}
	for _, u := range s.members(x) {
		out.Users = append(out.Users, u.User)
	}
	return out, nil
}

func deleteGroup(r *core.Request, in *sdk.DeleteGroupInput) (*sdk.DeleteGroupOutput, error) {
	s := of(r.Region)
	x, err := s.group(r, in.GroupName)
	switch {
	case err != nil:
		return nil, err
	case len(s.members(x)) > 0:
		return nil, conflict("Cannot delete entity, must remove users from group first.")
	}
	if err := x.inUse(); err != nil {
		return nil, err
	}
	s.groups.Delete(key(*x.GroupName))
	return nil, nil
}

func addUserToGroup(r *core.Request, in *sdk.AddUserToGroupInput) (*sdk.AddUserToGroupOutput, error) {
	s := of(r.Region)
	g, err := s.group(r, in.GroupName)
	if err != nil {
		return nil, err
	}
	x, err := s.user(r, in.UserName)
	if err == nil && !slices.Contains(x.groups, key(*g.GroupName)) {
		x.groups = append(x.groups, key(*g.GroupName))
	}
	return nil, err
}

func removeUserFromGroup(r *core.Request, in *sdk.RemoveUserFromGroupInput) (*sdk.RemoveUserFromGroupOutput, error) {
	x, err := of(r.Region).user(r, in.UserName)
	if err == nil {
		x.groups = slices.DeleteFunc(x.groups, func(g string) bool { return g == key(core.Val(in.GroupName)) })
	}
	return nil, err
}

func attachGroupPolicy(r *core.Request, in *sdk.AttachGroupPolicyInput) (*sdk.AttachGroupPolicyOutput, error) {
	s := of(r.Region)
	x, err := s.group(r, in.GroupName)
	if err == nil {
		err = x.attach(s, r, in.PolicyArn)
	}
	return nil, err
}

func detachGroupPolicy(r *core.Request, in *sdk.DetachGroupPolicyInput) (*sdk.DetachGroupPolicyOutput, error) {
	x, err := of(r.Region).group(r, in.GroupName)
	if err == nil {
		err = x.detach(in.PolicyArn)
	}
	return nil, err
}
