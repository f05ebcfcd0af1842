package eks

import (
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksupdate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Handlers carry out what is planned for clusters; their tags are ekschild.Handlers' to write.
func Handlers() []plan.Handler {
	return []plan.Handler{
		plan.Call("CreateEKSControlPlane", (*eks.Client).CreateCluster, func(w *plan.Writer, in *eks.CreateClusterInput, out *eks.CreateClusterOutput) {
			if out.Cluster == nil {
				return
			}
			row := *out.Cluster
			if row.Tags == nil {
				row.Tags = in.Tags
			}
			plan.Put(w, mirror.EKSClusters, row)
		}, mirror.EKSClusters.Kind),
		plan.Call("UpdateEKSControlPlane", (*eks.Client).UpdateClusterConfig, func(w *plan.Writer, in *eks.UpdateClusterConfigInput, out *eks.UpdateClusterConfigOutput) {
			eksupdate.Began(w, *in.Name, "", eksupdate.Fingerprint(in), out.Update)
		}, mirror.EKSClusters.Kind),
		plan.Call("UpdateEKSControlPlane", (*eks.Client).UpdateClusterVersion, func(w *plan.Writer, in *eks.UpdateClusterVersionInput, out *eks.UpdateClusterVersionOutput) {
			eksupdate.Began(w, *in.Name, "", eksupdate.Fingerprint(in), out.Update)
		}, mirror.EKSClusters.Kind),
		plan.Call("AssociateEncryptionConfig", (*eks.Client).AssociateEncryptionConfig, func(w *plan.Writer, in *eks.AssociateEncryptionConfigInput, out *eks.AssociateEncryptionConfigOutput) {
			eksupdate.Began(w, *in.ClusterName, "", eksupdate.Fingerprint(in), out.Update)
		}, mirror.EKSClusters.Kind),
		plan.Call("DeleteEKSControlPlane", (*eks.Client).DeleteCluster, func(w *plan.Writer, in *eks.DeleteClusterInput, out *eks.DeleteClusterOutput) {
			if out.Cluster == nil { // it was gone
				plan.Drop(w, mirror.EKSClusters, *in.Name)
				return
			}
			plan.Modify(w, mirror.EKSClusters, *in.Name, func(c *ekstypes.Cluster) { c.Status = ekstypes.ClusterStatusDeleting })
		}, mirror.EKSClusters.Kind),
	}
}
