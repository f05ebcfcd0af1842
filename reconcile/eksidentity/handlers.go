package eksidentity

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksupdate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Handlers carry out the actions of this package, but for tags.
func Handlers() []plan.Handler {
	return []plan.Handler{
		plan.About(plan.Call("AssociateEKSIdentityProvider", (*eks.Client).AssociateIdentityProviderConfig,
			func(w *plan.Writer, in *eks.AssociateIdentityProviderConfigInput, out *eks.AssociateIdentityProviderConfigOutput) {
				eksupdate.Began(w, aws.ToString(in.ClusterName), "", eksupdate.Fingerprint(in), out.Update)
				plan.Put(w, mirror.EKSIdentityProviders, ekstypes.OidcIdentityProviderConfig{
					ClusterName: in.ClusterName, IdentityProviderConfigName: in.Oidc.IdentityProviderConfigName, ClientId: in.Oidc.ClientId, IssuerUrl: in.Oidc.IssuerUrl,
					GroupsClaim: in.Oidc.GroupsClaim, GroupsPrefix: in.Oidc.GroupsPrefix, UsernameClaim: in.Oidc.UsernameClaim, UsernamePrefix: in.Oidc.UsernamePrefix,
					RequiredClaims: in.Oidc.RequiredClaims, Tags: in.Tags, Status: ekstypes.ConfigStatusCreating})
			}), func(in *eks.AssociateIdentityProviderConfigInput) mirror.Interest {
			return rowOf(in.ClusterName, in.Oidc.IdentityProviderConfigName)
		}),
		plan.About(plan.Call("DisassociateEKSIdentityProvider", (*eks.Client).DisassociateIdentityProviderConfig,
			func(w *plan.Writer, in *eks.DisassociateIdentityProviderConfigInput, out *eks.DisassociateIdentityProviderConfigOutput) {
				id := mirror.NameIn(aws.ToString(in.ClusterName), aws.ToString(in.IdentityProviderConfig.Name))
				if out.Update == nil {
					plan.Drop(w, mirror.EKSIdentityProviders, id)
					return
				}
				eksupdate.Began(w, aws.ToString(in.ClusterName), "", eksupdate.Fingerprint(in), out.Update)
				plan.Modify(w, mirror.EKSIdentityProviders, id, func(c *ekstypes.OidcIdentityProviderConfig) { c.Status = ekstypes.ConfigStatusDeleting })
			}), func(in *eks.DisassociateIdentityProviderConfigInput) mirror.Interest {
			return rowOf(in.ClusterName, in.IdentityProviderConfig.Name)
		}),
	}
}

func rowOf(cluster, name *string) mirror.Interest {
	return mirror.Interest{Kind: mirror.EKSIdentityProviders.Kind, Parent: aws.ToString(cluster), IDs: []string{aws.ToString(name)}}
}
