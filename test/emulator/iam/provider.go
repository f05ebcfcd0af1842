package iam

import (
	"net/url"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// provider is an OpenID Connect provider; its ARN holds its URL without the scheme.
type provider struct {
	sdk.GetOpenIDConnectProviderOutput
	arn string
}

func (p *provider) host() string { return *p.Url }

func createOpenIDConnectProvider(r *core.Request, in *sdk.CreateOpenIDConnectProviderInput) (*sdk.CreateOpenIDConnectProviderOutput, error) {
	s := of(r.Region)
	at, err := url.Parse(core.Val(in.Url))
	if err != nil || at.Scheme != "https" || at.Host == "" || at.RawQuery != "" || len(*in.Url) > 255 {
		return nil, refuse("InvalidInput", 400, "Url must begin with https:// and have at most 255 characters: %s", core.Val(in.Url))
	}
	host := at.Host + strings.TrimSuffix(at.Path, "/")
	if len(in.ClientIDList) > 100 || len(in.ThumbprintList) > 5 {
		return nil, refuse("LimitExceeded", 409, "At most 100 client ids and 5 thumbprints can be given")
	}
	for _, thumbprint := range in.ThumbprintList {
		if len(thumbprint) != 40 {
			return nil, invalid("1 validation error detected: Value '[%s]' at 'thumbprintList' failed to satisfy constraint: Member must have length 40", thumbprint)
		}
	}
	tags, err := tagged(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	id := *arn(r.Region, "oidc-provider", "/", host)
	if s.providers.Get(id) != nil {
		return nil, exists("Provider with url https://%s already exists.", host)
	}
	if most := r.Config.Quota("oidcProviders", mostProviders); s.providers.Len() >= most {
		return nil, limit("OpenIdConnectProvidersPerAccount", most)
	}
	thumbprints := in.ThumbprintList
	if len(thumbprints) == 0 {
		// "IAM will retrieve and use the top intermediate certificate authority (CA) thumbprint".
		thumbprints = []string{"9e99a48a9960b14926bb7f3b02e22da2b0ab7280"}
	}
	p := &provider{arn: id, GetOpenIDConnectProviderOutput: sdk.GetOpenIDConnectProviderOutput{Url: &host, ClientIDList: slices.Clone(in.ClientIDList),
		ThumbprintList: thumbprints, CreateDate: core.Ptr(r.Now()), Tags: tags}}
	s.providers.Put(id, p, r.Now())
	r.Touch(id)
	return &sdk.CreateOpenIDConnectProviderOutput{OpenIDConnectProviderArn: &id, Tags: tags}, nil
}

// provider looks up one that this request may see.
func (s *state) provider(r *core.Request, id *string) (*provider, error) {
	row := s.providers.Row(core.Val(id))
	if row == nil || r.Hidden(row.Created) {
		return nil, noSuch("OpenIDConnect Provider not found for arn %s", core.Val(id))
	}
	r.Touch(row.ID)
	return row.Value, nil
}

func getOpenIDConnectProvider(r *core.Request, in *sdk.GetOpenIDConnectProviderInput) (*sdk.GetOpenIDConnectProviderOutput, error) {
	p, err := of(r.Region).provider(r, in.OpenIDConnectProviderArn)
	if err != nil {
		return nil, err
	}
	return &p.GetOpenIDConnectProviderOutput, nil
}

func listOpenIDConnectProviders(r *core.Request, _ *sdk.ListOpenIDConnectProvidersInput) (*sdk.ListOpenIDConnectProvidersOutput, error) {
	out := &sdk.ListOpenIDConnectProvidersOutput{OpenIDConnectProviderList: []types.OpenIDConnectProviderListEntry{}}
	for _, row := range seen(r, &of(r.Region).providers, nil) {
		out.OpenIDConnectProviderList = append(out.OpenIDConnectProviderList, types.OpenIDConnectProviderListEntry{Arn: core.Ptr(row.ID)})
	}
	return out, nil
}

// deleteOpenIDConnectProvider "does not fail" for one that isn't there only where it is repeated: IAM answers NoSuchEntity.
func deleteOpenIDConnectProvider(r *core.Request, in *sdk.DeleteOpenIDConnectProviderInput) (*sdk.DeleteOpenIDConnectProviderOutput, error) {
	s := of(r.Region)
	p, err := s.provider(r, in.OpenIDConnectProviderArn)
	if err == nil {
		s.providers.Delete(p.arn)
	}
	return nil, err
}

func tagOpenIDConnectProvider(r *core.Request, in *sdk.TagOpenIDConnectProviderInput) (*sdk.TagOpenIDConnectProviderOutput, error) {
	p, err := of(r.Region).provider(r, in.OpenIDConnectProviderArn)
	if err != nil {
		return nil, err
	}
	tags, err := tagged(p.Tags, in.Tags)
	if err == nil {
		p.Tags = tags
	}
	return nil, err
}

func untagOpenIDConnectProvider(r *core.Request, in *sdk.UntagOpenIDConnectProviderInput) (*sdk.UntagOpenIDConnectProviderOutput, error) {
	p, err := of(r.Region).provider(r, in.OpenIDConnectProviderArn)
	if err == nil {
		p.Tags = without(p.Tags, in.TagKeys)
	}
	return nil, err
}

func listOpenIDConnectProviderTags(r *core.Request, in *sdk.ListOpenIDConnectProviderTagsInput) (*sdk.ListOpenIDConnectProviderTagsOutput, error) {
	p, err := of(r.Region).provider(r, in.OpenIDConnectProviderArn)
	if err != nil {
		return nil, err
	}
	return &sdk.ListOpenIDConnectProviderTagsOutput{Tags: append([]types.Tag{}, p.Tags...)}, nil
}
