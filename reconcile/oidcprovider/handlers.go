package oidcprovider

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Handlers carry out the actions of this package.
func Handlers() []plan.Handler {
	return []plan.Handler{
		// Somebody else's may have the URL. Which ARN it has, IAM doesn't say then.
		plan.Call("CreateOIDCProvider", (*iam.Client).CreateOpenIDConnectProvider,
			func(w *plan.Writer, in *iam.CreateOpenIDConnectProviderInput, out *iam.CreateOpenIDConnectProviderOutput) {
				row := mirror.OIDCProvider{ARN: aws.ToString(out.OpenIDConnectProviderArn), URL: aws.ToString(in.Url), ClientIDs: in.ClientIDList, Tags: map[string]string{}}
				for _, tag := range in.Tags {
					row.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
				}
				plan.Put(w, mirror.OIDCProviders, row)
			}, mirror.OIDCProviders.Kind),
		about(plan.Call("UpdateOIDCProvider", (*iam.Client).AddClientIDToOpenIDConnectProvider,
			func(w *plan.Writer, in *iam.AddClientIDToOpenIDConnectProviderInput, _ *iam.AddClientIDToOpenIDConnectProviderOutput) {
				modify(w, in.OpenIDConnectProviderArn, func(p *mirror.OIDCProvider) {
					if !slices.Contains(p.ClientIDs, *in.ClientID) {
						p.ClientIDs = append(p.ClientIDs, *in.ClientID)
					}
				})
			}), func(in *iam.AddClientIDToOpenIDConnectProviderInput) *string { return in.OpenIDConnectProviderArn }),
		about(plan.Call("TagOIDCProvider", (*iam.Client).TagOpenIDConnectProvider,
			func(w *plan.Writer, in *iam.TagOpenIDConnectProviderInput, _ *iam.TagOpenIDConnectProviderOutput) {
				modify(w, in.OpenIDConnectProviderArn, func(p *mirror.OIDCProvider) {
					for _, tag := range in.Tags {
						p.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
					}
				})
			}), func(in *iam.TagOpenIDConnectProviderInput) *string { return in.OpenIDConnectProviderArn }),
		about(plan.Call("UntagOIDCProvider", (*iam.Client).UntagOpenIDConnectProvider,
			func(w *plan.Writer, in *iam.UntagOpenIDConnectProviderInput, _ *iam.UntagOpenIDConnectProviderOutput) {
				modify(w, in.OpenIDConnectProviderArn, func(p *mirror.OIDCProvider) {
					for _, key := range in.TagKeys {
						delete(p.Tags, key)
					}
				})
			}), func(in *iam.UntagOpenIDConnectProviderInput) *string { return in.OpenIDConnectProviderArn }),
		about(plan.Call("DeleteOIDCProvider", (*iam.Client).DeleteOpenIDConnectProvider,
			func(w *plan.Writer, in *iam.DeleteOpenIDConnectProviderInput, _ *iam.DeleteOpenIDConnectProviderOutput) {
				plan.Drop(w, mirror.OIDCProviders, aws.ToString(in.OpenIDConnectProviderArn))
			}), func(in *iam.DeleteOpenIDConnectProviderInput) *string { return in.OpenIDConnectProviderArn }),
	}
}

func about[In any](h plan.Handler, arn func(*In) *string) plan.Handler {
	return plan.About(h, func(in *In) mirror.Interest { return row(aws.ToString(arn(in))) })
}

func modify(w *plan.Writer, arn *string, change func(*mirror.OIDCProvider)) {
	plan.Modify(w, mirror.OIDCProviders, aws.ToString(arn), change)
}
