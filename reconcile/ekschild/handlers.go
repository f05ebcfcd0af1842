package ekschild

import (
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Handlers tag whatever EKS has.
func Handlers() []plan.Handler {
	return []plan.Handler{
		plan.Call("TagEKSResource", (*eks.Client).TagResource, func(w *plan.Writer, in *eks.TagResourceInput, _ *eks.TagResourceOutput) {
			retag(w, in.ResourceArn, func(tags map[string]string) { maps.Copy(tags, in.Tags) })
		}),
		plan.Call("UntagEKSResource", (*eks.Client).UntagResource, func(w *plan.Writer, in *eks.UntagResourceInput, _ *eks.UntagResourceOutput) {
			retag(w, in.ResourceArn, func(tags map[string]string) {
				for _, key := range in.TagKeys {
					delete(tags, key)
				}
			})
		}),
	}
}

// retag notes other tags of what an ARN names, in whichever table it is.
func retag(w *plan.Writer, arn *string, change func(map[string]string)) {
	in(w, mirror.EKSClusters, arn, change, func(c *ekstypes.Cluster) (*string, *map[string]string) { return c.Arn, &c.Tags })
	in(w, mirror.EKSAddons, arn, change, func(a *mirror.EKSAddon) (*string, *map[string]string) { return a.AddonArn, &a.Tags })
	in(w, mirror.EKSAccessEntries, arn, change, func(e *mirror.EKSAccessEntry) (*string, *map[string]string) { return e.AccessEntryArn, &e.Tags })
	in(w, mirror.EKSIdentityProviders, arn, change, func(c *ekstypes.OidcIdentityProviderConfig) (*string, *map[string]string) {
		return c.IdentityProviderConfigArn, &c.Tags
	})
	in(w, mirror.EKSPodIdentities, arn, change, func(a *ekstypes.PodIdentityAssociation) (*string, *map[string]string) {
		return a.AssociationArn, &a.Tags
	})
	in(w, mirror.EKSNodegroups, arn, change, func(g *ekstypes.Nodegroup) (*string, *map[string]string) { return g.NodegroupArn, &g.Tags })
	in(w, mirror.EKSFargateProfiles, arn, change, func(p *ekstypes.FargateProfile) (*string, *map[string]string) { return p.FargateProfileArn, &p.Tags })
}

func in[T any](w *plan.Writer, t *mirror.Table[T], arn *string, change func(map[string]string), tags func(*T) (*string, *map[string]string)) {
	plan.ModifyAll(w, t, func(row *T) bool { its, _ := tags(row); return aws.ToString(its) == aws.ToString(arn) }, func(row *T) {
		_, have := tags(row)
		if *have == nil {
			*have = map[string]string{}
		}
		change(*have)
	})
}
