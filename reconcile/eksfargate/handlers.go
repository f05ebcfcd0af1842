package eksfargate

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Handlers carry out the actions of this package, but for tags.
func Handlers() []plan.Handler {
	table := mirror.EKSFargateProfiles
	row := func(cluster, name *string) mirror.Interest {
		return mirror.Interest{Kind: table.Kind, Parent: aws.ToString(cluster), IDs: []string{aws.ToString(name)}}
	}
	return []plan.Handler{
		plan.About(plan.Call("CreateEKSFargateProfile", (*eks.Client).CreateFargateProfile,
			func(w *plan.Writer, _ *eks.CreateFargateProfileInput, out *eks.CreateFargateProfileOutput) {
				if out.FargateProfile != nil {
					plan.Put(w, table, *out.FargateProfile)
				}
			}), func(in *eks.CreateFargateProfileInput) mirror.Interest {
			return row(in.ClusterName, in.FargateProfileName)
		}),
		plan.About(plan.Call("DeleteEKSFargateProfile", (*eks.Client).DeleteFargateProfile,
			func(w *plan.Writer, in *eks.DeleteFargateProfileInput, out *eks.DeleteFargateProfileOutput) {
				id := mirror.NameIn(aws.ToString(in.ClusterName), aws.ToString(in.FargateProfileName))
				if out.FargateProfile == nil { // it was gone
					plan.Drop(w, table, id)
					return
				}
				plan.Modify(w, table, id, func(p *ekstypes.FargateProfile) { p.Status = ekstypes.FargateProfileStatusDeleting })
			}), func(in *eks.DeleteFargateProfileInput) mirror.Interest {
			return row(in.ClusterName, in.FargateProfileName)
		}),
	}
}
