package iam

import (
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/internal/policy"
)

func (x *role) has(policyARN string) bool {
	return slices.ContainsFunc(x.attached, func(p types.AttachedPolicy) bool { return *p.PolicyArn == policyARN })
}

func attachRolePolicy(r *core.Request, in *sdk.AttachRolePolicyInput) (*sdk.AttachRolePolicyOutput, error) {
	s := of(r.Region)
	x, err := s.role(r, in.RoleName)
	if err != nil {
		return nil, err
	}
	wanted := core.Val(in.PolicyArn)
	if _, ok := s.document(wanted); !ok {
		return nil, noSuch("Policy %s does not exist or is not attachable.", wanted)
	}
	if x.has(wanted) {
		return nil, nil
	}
	if most := r.Config.Quota("policiesPerRole", mostAttached); len(x.attached) >= most {
		return nil, limit("PoliciesPerRole", most)
	}
	x.attached = append(x.attached, types.AttachedPolicy{PolicyArn: &wanted, PolicyName: core.Ptr(lastPart(wanted))})
	x.changed(r.Now())
	r.Touch(wanted)
	return nil, nil
}

func detachRolePolicy(r *core.Request, in *sdk.DetachRolePolicyInput) (*sdk.DetachRolePolicyOutput, error) {
	x, err := of(r.Region).role(r, in.RoleName)
	if err != nil {
		return nil, err
	}
	if !x.has(core.Val(in.PolicyArn)) {
		return nil, noSuch("Policy %s was not found.", core.Val(in.PolicyArn))
	}
	x.attached = slices.DeleteFunc(slices.Clone(x.attached), func(p types.AttachedPolicy) bool { return *p.PolicyArn == *in.PolicyArn })
	x.changed(r.Now())
	return nil, nil
}

func listAttachedRolePolicies(r *core.Request, in *sdk.ListAttachedRolePoliciesInput) (*sdk.ListAttachedRolePoliciesOutput, error) {
	x, err := of(r.Region).role(r, in.RoleName)
	if err != nil {
		return nil, err
	}
	items, next, err := core.PaginateList(r, append([]types.AttachedPolicy{}, x.attached...), core.Val(in.Marker), int(core.Val(in.MaxItems)), mostResults)
	return &sdk.ListAttachedRolePoliciesOutput{AttachedPolicies: items, Marker: core.Next(next), IsTruncated: next != ""}, err
}

func (x *role) inlineNamed(name *string) int {
	return slices.IndexFunc(x.inline, func(p inlinePolicy) bool { return p.name == core.Val(name) })
}

func putRolePolicy(r *core.Request, in *sdk.PutRolePolicyInput) (*sdk.PutRolePolicyOutput, error) {
	x, err := of(r.Region).role(r, in.RoleName)
	if err != nil {
		return nil, err
	}
	if err := named(entityName, "policyName", core.Val(in.PolicyName)); err != nil {
		return nil, err
	}
	if _, err := policy.Parse(core.Val(in.PolicyDocument)); err != nil {
		return nil, malformed(err)
	}
	kept := slices.DeleteFunc(slices.Clone(x.inline), func(p inlinePolicy) bool { return p.name == *in.PolicyName })
	kept = append(kept, inlinePolicy{*in.PolicyName, *in.PolicyDocument})
	size := 0
	for _, p := range kept {
		size += written(p.document)
	}
	if size > longestInline {
		return nil, refuse("LimitExceeded", 409, "Maximum policy size of %d bytes exceeded for role %s", longestInline, *x.RoleName)
	}
	x.inline = kept
	x.changed(r.Now())
	return nil, nil
}

func getRolePolicy(r *core.Request, in *sdk.GetRolePolicyInput) (*sdk.GetRolePolicyOutput, error) {
	x, err := of(r.Region).role(r, in.RoleName)
	if err != nil {
		return nil, err
	}
	i := x.inlineNamed(in.PolicyName)
	if i < 0 {
		return nil, noSuch("The role policy with name %s cannot be found.", core.Val(in.PolicyName))
	}
	return &sdk.GetRolePolicyOutput{RoleName: x.RoleName, PolicyName: in.PolicyName, PolicyDocument: escaped(x.inline[i].document)}, nil
}

func deleteRolePolicy(r *core.Request, in *sdk.DeleteRolePolicyInput) (*sdk.DeleteRolePolicyOutput, error) {
	x, err := of(r.Region).role(r, in.RoleName)
	if err != nil {
		return nil, err
	}
	i := x.inlineNamed(in.PolicyName)
	if i < 0 {
		return nil, noSuch("The role policy with name %s cannot be found.", core.Val(in.PolicyName))
	}
	x.inline = slices.Delete(slices.Clone(x.inline), i, i+1)
	x.changed(r.Now())
	return nil, nil
}

func listRolePolicies(r *core.Request, in *sdk.ListRolePoliciesInput) (*sdk.ListRolePoliciesOutput, error) {
	x, err := of(r.Region).role(r, in.RoleName)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, p := range x.inline {
		names = append(names, p.name)
	}
	items, next, err := core.PaginateList(r, names, core.Val(in.Marker), int(core.Val(in.MaxItems)), mostResults)
	return &sdk.ListRolePoliciesOutput{PolicyNames: items, Marker: core.Next(next), IsTruncated: next != ""}, err
}
