package iam

import (
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// profile is an instance profile with at most one role.
type profile struct {
	types.InstanceProfile
	role string // its key
}

// standsIn says whether the account began with it; see prepare.
func (p *profile) standsIn() bool { return p.CreateDate.Equal(bootstrapped) }

// HasInstanceProfile says whether there is a profile of that name, as EC2 asks.
func HasInstanceProfile(r *core.Region, name string) bool {
	return of(r).profiles.Get(key(name)) != nil
}

func (s *state) showProfile(p *profile) *types.InstanceProfile {
	out := p.InstanceProfile
	out.Roles = []types.Role{}
	if x := s.roles.Get(p.role); x != nil {
		out.Roles = append(out.Roles, x.listed())
	}
	return &out
}

// profile looks up one that this request may see.
func (s *state) profile(r *core.Request, name *string) (*profile, error) {
	if err := named(entityName, "instanceProfileName", core.Val(name)); err != nil {
		return nil, err
	}
	row := s.profiles.Row(key(*name))
	if row == nil || r.Hidden(row.Created) {
		return nil, noSuch("Instance Profile %s cannot be found.", *name)
	}
	r.Touch(*row.Value.InstanceProfileName)
	return row.Value, nil
}

func createInstanceProfile(r *core.Request, in *sdk.CreateInstanceProfileInput) (*sdk.CreateInstanceProfileOutput, error) {
	s, name := of(r.Region), core.Val(in.InstanceProfileName)
	if err := named(entityName, "instanceProfileName", name); err != nil {
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
	if now := s.profiles.Get(key(name)); now != nil && !now.standsIn() {
		return nil, exists("Instance Profile %s already exists.", name)
	}
	if most := r.Config.Quota("instanceProfiles", mostProfiles); s.profiles.Len() >= most {
		return nil, limit("InstanceProfilesPerAccount", most)
	}
	p := &profile{InstanceProfile: types.InstanceProfile{InstanceProfileName: &name, Path: path, Arn: arn(r.Region, "instance-profile", *path, name),
		InstanceProfileId: newID(r.Region, "AIPA"), CreateDate: core.Ptr(r.Now()), Tags: tags}}
	s.profiles.Put(key(name), p, r.Now())
	r.Touch(name, *p.Arn)
	return &sdk.CreateInstanceProfileOutput{InstanceProfile: s.showProfile(p)}, nil
}

func getInstanceProfile(r *core.Request, in *sdk.GetInstanceProfileInput) (*sdk.GetInstanceProfileOutput, error) {
	s := of(r.Region)
	p, err := s.profile(r, in.InstanceProfileName)
	if err != nil {
		return nil, err
	}
	return &sdk.GetInstanceProfileOutput{InstanceProfile: s.showProfile(p)}, nil
}

func listInstanceProfiles(r *core.Request, in *sdk.ListInstanceProfilesInput) (*sdk.ListInstanceProfilesOutput, error) {
	s := of(r.Region)
	out := &sdk.ListInstanceProfilesOutput{}
	var err error
	out.InstanceProfiles, out.Marker, out.IsTruncated, err = s.profilesWhere(r, func(p *profile) bool { return strings.HasPrefix(*p.Path, core.Val(in.PathPrefix)) }, in.Marker, in.MaxItems)
	return out, err
}

func listInstanceProfilesForRole(r *core.Request, in *sdk.ListInstanceProfilesForRoleInput) (*sdk.ListInstanceProfilesForRoleOutput, error) {
	s := of(r.Region)
	x, err := s.role(r, in.RoleName)
	if err != nil {
		return nil, err
	}
	out := &sdk.ListInstanceProfilesForRoleOutput{}
	out.InstanceProfiles, out.Marker, out.IsTruncated, err = s.profilesWhere(r, func(p *profile) bool { return p.role == key(*x.RoleName) }, in.Marker, in.MaxItems)
	return out, err
}

func (s *state) profilesWhere(r *core.Request, match func(*profile) bool, marker *string, most *int32) ([]types.InstanceProfile, *string, bool, error) {
	items, next, more, err := listed(r, seen(r, &s.profiles, match), marker, most)
	out := []types.InstanceProfile{}
	for _, p := range items {
		out = append(out, *s.showProfile(p))
	}
	return out, next, more, err
}

func deleteInstanceProfile(r *core.Request, in *sdk.DeleteInstanceProfileInput) (*sdk.DeleteInstanceProfileOutput, error) {
	s := of(r.Region)
	p, err := s.profile(r, in.InstanceProfileName)
	switch {
	case err != nil:
		return nil, err
	case p.role != "":
		return nil, conflict("Cannot delete entity, must remove roles from instance profile first.")
	}
	s.profiles.Delete(key(*p.InstanceProfileName))
	s.removed[*p.InstanceProfileName] = true
	return nil, nil
}

func addRoleToInstanceProfile(r *core.Request, in *sdk.AddRoleToInstanceProfileInput) (*sdk.AddRoleToInstanceProfileOutput, error) {
	s := of(r.Region)
	p, err := s.profile(r, in.InstanceProfileName)
	if err != nil {
		return nil, err
	}
	x, err := s.role(r, in.RoleName)
	switch {
	case err != nil:
		return nil, err
	case p.role != "":
		return nil, limit("InstanceSessionsPerInstanceProfile", 1)
	}
	p.role = key(*x.RoleName)
	return nil, nil
}

func removeRoleFromInstanceProfile(r *core.Request, in *sdk.RemoveRoleFromInstanceProfileInput) (*sdk.RemoveRoleFromInstanceProfileOutput, error) {
	s := of(r.Region)
	p, err := s.profile(r, in.InstanceProfileName)
	switch {
	case err != nil:
		return nil, err
	case p.role == "" || p.role != key(core.Val(in.RoleName)):
		return nil, noSuch("Role with name %s is not associated with instance profile %s.", core.Val(in.RoleName), *p.InstanceProfileName)
	}
	p.role = ""
	return nil, nil
}
