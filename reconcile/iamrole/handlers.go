package iamrole

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Handlers carry out what is planned for roles.
func Handlers() []plan.Handler {
	return []plan.Handler{
		plan.Call("IAMRoleCreation", (*iam.Client).CreateRole, func(w *plan.Writer, in *iam.CreateRoleInput, out *iam.CreateRoleOutput) {
			if out.Role == nil {
				return
			}
			row := mirror.Role{Role: *out.Role, Policies: []string{}}
			row.Tags = in.Tags
			plan.Put(w, mirror.Roles, row)
		}, mirror.Roles.Kind),
		plan.Call("AttachRolePolicy", (*iam.Client).AttachRolePolicy, func(w *plan.Writer, in *iam.AttachRolePolicyInput, _ *iam.AttachRolePolicyOutput) {
			plan.Modify(w, mirror.Roles, *in.RoleName, func(r *mirror.Role) {
				if !slices.Contains(r.Policies, *in.PolicyArn) {
					r.Policies = append(r.Policies, *in.PolicyArn)
				}
			})
		}, mirror.Roles.Kind),
		plan.Call("DetachRolePolicy", (*iam.Client).DetachRolePolicy, func(w *plan.Writer, in *iam.DetachRolePolicyInput, _ *iam.DetachRolePolicyOutput) {
			plan.Modify(w, mirror.Roles, *in.RoleName, func(r *mirror.Role) {
				r.Policies = slices.DeleteFunc(r.Policies, func(p string) bool { return p == *in.PolicyArn })
			})
		}, mirror.Roles.Kind),
		plan.Call("TagRole", (*iam.Client).TagRole, func(w *plan.Writer, in *iam.TagRoleInput, _ *iam.TagRoleOutput) {
			plan.Modify(w, mirror.Roles, *in.RoleName, func(r *mirror.Role) {
				for _, tag := range in.Tags {
					r.Tags = slices.DeleteFunc(r.Tags, func(t iamtypes.Tag) bool { return aws.ToString(t.Key) == *tag.Key })
					r.Tags = append(r.Tags, tag)
				}
			})
		}, mirror.Roles.Kind),
		plan.Call("PutRolePermissionsBoundary", (*iam.Client).PutRolePermissionsBoundary, func(w *plan.Writer, in *iam.PutRolePermissionsBoundaryInput, _ *iam.PutRolePermissionsBoundaryOutput) {
			plan.Modify(w, mirror.Roles, *in.RoleName, func(r *mirror.Role) {
				r.PermissionsBoundary = &iamtypes.AttachedPermissionsBoundary{PermissionsBoundaryArn: in.PermissionsBoundary, PermissionsBoundaryType: iamtypes.PermissionsBoundaryAttachmentTypePolicy}
			})
		}, mirror.Roles.Kind),
		plan.Call("IAMRoleDeletion", (*iam.Client).DeleteRole, func(w *plan.Writer, in *iam.DeleteRoleInput, _ *iam.DeleteRoleOutput) {
			plan.Drop(w, mirror.Roles, *in.RoleName)
		}, mirror.Roles.Kind),
	}
}
