package eksaddon

import (
	"cmp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Handlers carry out the actions of this package, but for tags.
func Handlers() []plan.Handler {
	return []plan.Handler{
		plan.About(plan.Call("CreateEKSAddon", (*eks.Client).CreateAddon, func(w *plan.Writer, _ *eks.CreateAddonInput, out *eks.CreateAddonOutput) {
			if out.Addon != nil {
				plan.Put(w, mirror.EKSAddons, mirror.EKSAddon{Addon: *out.Addon})
			}
		}), func(in *eks.CreateAddonInput) mirror.Interest { return rowOf(in.ClusterName, in.AddonName) }),
		plan.About(plan.Call("UpdateEKSAddon", (*eks.Client).UpdateAddon, writeUpdate),
			func(in *eks.UpdateAddonInput) mirror.Interest { return rowOf(in.ClusterName, in.AddonName) }),
		plan.About(plan.Call("DeleteEKSAddon", (*eks.Client).DeleteAddon, func(w *plan.Writer, in *eks.DeleteAddonInput, out *eks.DeleteAddonOutput) {
			id := mirror.NameIn(aws.ToString(in.ClusterName), aws.ToString(in.AddonName))
			if out.Addon == nil {
				plan.Drop(w, mirror.EKSAddons, id)
				return
			}
			plan.Modify(w, mirror.EKSAddons, id, func(a *mirror.EKSAddon) { a.Status = ekstypes.AddonStatusDeleting })
		}), func(in *eks.DeleteAddonInput) mirror.Interest { return rowOf(in.ClusterName, in.AddonName) }),
	}
}

func rowOf(cluster, name *string) mirror.Interest {
	return mirror.Interest{Kind: mirror.EKSAddons.Kind, Parent: aws.ToString(cluster), IDs: []string{aws.ToString(name)}}
}

// writeUpdate notes what an add-on is about to be set to: EKS answers with the update only.
func writeUpdate(w *plan.Writer, in *eks.UpdateAddonInput, _ *eks.UpdateAddonOutput) {
	plan.Modify(w, mirror.EKSAddons, mirror.NameIn(aws.ToString(in.ClusterName), aws.ToString(in.AddonName)), func(a *mirror.EKSAddon) {
		a.Status, a.Health = ekstypes.AddonStatusUpdating, nil
		a.AddonVersion = cmp.Or(in.AddonVersion, a.AddonVersion)
		a.ConfigurationValues, a.ServiceAccountRoleArn = in.ConfigurationValues, in.ServiceAccountRoleArn
		if in.PodIdentityAssociations != nil {
			a.PodIdentityAssociations, a.Identities = nil, nil
			for _, wanted := range in.PodIdentityAssociations {
				a.Identities = append(a.Identities, ekstypes.PodIdentityAssociation{RoleArn: wanted.RoleArn, ServiceAccount: wanted.ServiceAccount})
			}
		}
	})
}
