package nodegroup

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksupdate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Handlers carry out the actions of this package, but for tags: those of the node group are
// ekschild.Handlers' to write, those of its Auto Scaling group autoscaling.Handlers'.
func Handlers() []plan.Handler {
	return []plan.Handler{
		plan.About(plan.Call("CreateEKSNodegroup", (*eks.Client).CreateNodegroup, func(w *plan.Writer, _ *eks.CreateNodegroupInput, out *eks.CreateNodegroupOutput) {
			if out.Nodegroup != nil {
				plan.Put(w, mirror.EKSNodegroups, *out.Nodegroup)
			}
		}), func(in *eks.CreateNodegroupInput) mirror.Interest { return rowOf(in.ClusterName, in.NodegroupName) }),
		plan.About(plan.Call("UpdateEKSNodegroup", (*eks.Client).UpdateNodegroupConfig, func(w *plan.Writer, in *eks.UpdateNodegroupConfigInput, out *eks.UpdateNodegroupConfigOutput) {
			began(w, in.ClusterName, in.NodegroupName, in, out.Update)
		}), func(in *eks.UpdateNodegroupConfigInput) mirror.Interest {
			return rowOf(in.ClusterName, in.NodegroupName)
		}),
		plan.About(plan.Call("UpdateEKSNodegroupVersion", (*eks.Client).UpdateNodegroupVersion, func(w *plan.Writer, in *eks.UpdateNodegroupVersionInput, out *eks.UpdateNodegroupVersionOutput) {
			began(w, in.ClusterName, in.NodegroupName, in, out.Update)
		}), func(in *eks.UpdateNodegroupVersionInput) mirror.Interest {
			return rowOf(in.ClusterName, in.NodegroupName)
		}),
		plan.About(plan.Call("DeleteEKSNodegroup", (*eks.Client).DeleteNodegroup, func(w *plan.Writer, in *eks.DeleteNodegroupInput, out *eks.DeleteNodegroupOutput) {
			id := mirror.NameIn(aws.ToString(in.ClusterName), aws.ToString(in.NodegroupName))
			if out.Nodegroup == nil { // it was gone
				plan.Drop(w, mirror.EKSNodegroups, id)
				return
			}
			plan.Modify(w, mirror.EKSNodegroups, id, func(g *ekstypes.Nodegroup) { g.Status = ekstypes.NodegroupStatusDeleting })
		}), func(in *eks.DeleteNodegroupInput) mirror.Interest { return rowOf(in.ClusterName, in.NodegroupName) }),
	}
}

func began(w *plan.Writer, cluster, name *string, in any, u *ekstypes.Update) {
	eksupdate.Began(w, aws.ToString(cluster), aws.ToString(name), eksupdate.Fingerprint(in), u)
}

func rowOf(cluster, name *string) mirror.Interest {
	return mirror.Interest{Kind: mirror.EKSNodegroups.Kind, Parent: aws.ToString(cluster), IDs: []string{aws.ToString(name)}}
}
