package ekspodidentity

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
	table := mirror.EKSPodIdentities
	byID := func(id *string) func(*ekstypes.PodIdentityAssociation) bool {
		return func(a *ekstypes.PodIdentityAssociation) bool {
			return aws.ToString(a.AssociationId) == aws.ToString(id)
		}
	}
	return []plan.Handler{
		plan.About(plan.Call("CreateEKSPodIdentity", (*eks.Client).CreatePodIdentityAssociation,
			func(w *plan.Writer, _ *eks.CreatePodIdentityAssociationInput, out *eks.CreatePodIdentityAssociationOutput) {
				if out.Association != nil {
					plan.Put(w, table, *out.Association)
				}
			}), func(in *eks.CreatePodIdentityAssociationInput) mirror.Interest {
			return mirror.Interest{Kind: table.Kind, Parent: aws.ToString(in.ClusterName), IDs: []string{mirror.PodIdentityName(aws.ToString(in.Namespace), aws.ToString(in.ServiceAccount))}}
		}),
		plan.Call("UpdateEKSPodIdentity", (*eks.Client).UpdatePodIdentityAssociation,
			func(w *plan.Writer, in *eks.UpdatePodIdentityAssociationInput, _ *eks.UpdatePodIdentityAssociationOutput) {
				plan.ModifyAll(w, table, byID(in.AssociationId), func(a *ekstypes.PodIdentityAssociation) {
					a.RoleArn, a.Policy = in.RoleArn, cmp.Or(in.Policy, a.Policy)
					a.DisableSessionTags = cmp.Or(in.DisableSessionTags, a.DisableSessionTags)
					a.TargetRoleArn = cmp.Or(in.TargetRoleArn, a.TargetRoleArn)
				})
			}, table.Kind),
		plan.Call("DeleteEKSPodIdentity", (*eks.Client).DeletePodIdentityAssociation,
			func(w *plan.Writer, in *eks.DeletePodIdentityAssociationInput, _ *eks.DeletePodIdentityAssociationOutput) {
				for _, row := range mirror.Select(w.Snapshot(), table, byID(in.AssociationId)) {
					plan.Drop(w, table, table.ID(row))
				}
			}, table.Kind),
	}
}
