package eks

import (
	"maps"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// A cluster has one identity provider, whose coming and going are updates of the cluster.
func associateIdentityProviderConfig(r *core.Request, in *sdk.AssociateIdentityProviderConfigInput) (*sdk.AssociateIdentityProviderConfigOutput, error) {
	c, err := find(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	u, err := c.begin(r, in, in.ClientRequestToken, func() (change, error) { return c.providerChange(r, in) })
	return &sdk.AssociateIdentityProviderConfigOutput{Update: u, Tags: maps.Clone(in.Tags)}, err
}

func (c *cluster) providerChange(r *core.Request, in *sdk.AssociateIdentityProviderConfigInput) (change, error) {
	if in.Oidc == nil || core.Val(in.Oidc.IdentityProviderConfigName) == "" || core.Val(in.Oidc.ClientId) == "" || !strings.HasPrefix(core.Val(in.Oidc.IssuerUrl), "https://") {
		return change{}, invalid("An OIDC identity provider has a name, a client id, and an issuer URL that begins with https://")
	}
	name := *in.Oidc.IdentityProviderConfigName
	switch {
	case c.provider != nil && *c.provider.IdentityProviderConfigName == name:
		return change{}, inUse(*c.Name, "Identity provider config already exists with name %s", name)
	case c.provider != nil:
		return change{}, refuse("ResourceLimitExceededException", 400, "At most one OIDC identity provider can be associated with cluster %s", *c.Name)
	case isReserved(core.Val(in.Oidc.UsernamePrefix)) || isReserved(core.Val(in.Oidc.GroupsPrefix)):
		return change{}, invalid("Prefixes can't begin with any of %v", reserved)
	}
	if err := tagsProblem(in.Tags); err != nil {
		return change{}, err
	}
	made := &types.OidcIdentityProviderConfig{ClusterName: c.Name, IdentityProviderConfigName: &name, ClientId: in.Oidc.ClientId, IssuerUrl: in.Oidc.IssuerUrl, Status: types.ConfigStatusCreating,
		UsernameClaim: in.Oidc.UsernameClaim, UsernamePrefix: in.Oidc.UsernamePrefix, GroupsClaim: in.Oidc.GroupsClaim, GroupsPrefix: in.Oidc.GroupsPrefix, RequiredClaims: in.Oidc.RequiredClaims,
		Tags: maps.Clone(in.Tags), IdentityProviderConfigArn: core.Ptr(r.ARN("eks", "identityproviderconfig/"+*c.Name+"/oidc/"+name+"/"+uuid(r.Region)))}
	if made.UsernameClaim == nil {
		made.UsernameClaim = core.Ptr("sub")
	}
	return change{kind: types.UpdateTypeAssociateIdentityProviderConfig, params: map[types.UpdateParamType]any{"IdentityProviderConfig": []map[string]string{{"type": "oidc", "name": name}}},
		lasts: &r.Config.IdentityProviderDelay,
		start: func() { c.provider = made },
		apply: func() { made.Status = types.ConfigStatusActive },
		undo:  func() { c.provider = nil }}, nil
}

// providerOf looks up the identity provider.
func (c *cluster) providerOf(r *core.Request, in *types.IdentityProviderConfig) (*types.OidcIdentityProviderConfig, error) {
	if in == nil || core.Val(in.Type) != "oidc" || c.provider == nil || *c.provider.IdentityProviderConfigName != core.Val(in.Name) {
		return nil, notFound("Identity provider config is not associated with cluster %s", *c.Name)
	}
	r.Touch(*c.provider.IdentityProviderConfigArn)
	return c.provider, nil
}

func describeIdentityProviderConfig(r *core.Request, in *sdk.DescribeIdentityProviderConfigInput) (*sdk.DescribeIdentityProviderConfigOutput, error) {
	c, err := find(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	p, err := c.providerOf(r, in.IdentityProviderConfig)
	if err != nil {
		return nil, err
	}
	out := *p
	out.Tags = maps.Clone(p.Tags)
	return &sdk.DescribeIdentityProviderConfigOutput{IdentityProviderConfig: &types.IdentityProviderConfigResponse{Oidc: &out}}, nil
}

func listIdentityProviderConfigs(r *core.Request, in *sdk.ListIdentityProviderConfigsInput) (*sdk.ListIdentityProviderConfigsOutput, error) {
	c, err := find(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	out := &sdk.ListIdentityProviderConfigsOutput{IdentityProviderConfigs: []types.IdentityProviderConfig{}}
	if c.provider != nil {
		out.IdentityProviderConfigs = append(out.IdentityProviderConfigs, types.IdentityProviderConfig{Type: core.Ptr("oidc"), Name: c.provider.IdentityProviderConfigName})
	}
	return out, nil
}

func disassociateIdentityProviderConfig(r *core.Request, in *sdk.DisassociateIdentityProviderConfigInput) (*sdk.DisassociateIdentityProviderConfigOutput, error) {
	c, err := find(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	u, err := c.begin(r, in, in.ClientRequestToken, func() (change, error) {
		p, err := c.providerOf(r, in.IdentityProviderConfig)
		if err != nil {
			return change{}, err
		}
		return change{kind: types.UpdateTypeDisassociateIdentityProviderConfig, params: map[types.UpdateParamType]any{"IdentityProviderConfig": []map[string]string{{"type": "oidc", "name": *in.IdentityProviderConfig.Name}}},
			lasts: &r.Config.IdentityProviderDelay,
			start: func() { p.Status = types.ConfigStatusDeleting },
			apply: func() { c.provider = nil },
			undo:  func() { p.Status = types.ConfigStatusActive }}, nil
	})
	return &sdk.DisassociateIdentityProviderConfigOutput{Update: u}, err
}

func associateEncryptionConfig(r *core.Request, in *sdk.AssociateEncryptionConfigInput) (*sdk.AssociateEncryptionConfigOutput, error) {
	c, err := find(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	u, err := c.begin(r, in, in.ClientRequestToken, func() (change, error) {
		if err := encryptionProblem(in.EncryptionConfig); err != nil {
			return change{}, err
		}
		if len(in.EncryptionConfig) == 0 || len(c.EncryptionConfig) > 0 {
			return change{}, invalid("Encryption configuration can be associated once, with a cluster that has none: %s", *c.Name)
		}
		return change{kind: types.UpdateTypeAssociateEncryptionConfig, params: map[types.UpdateParamType]any{"EncryptionConfig": in.EncryptionConfig},
			apply: func() { c.EncryptionConfig = in.EncryptionConfig }}, nil
	})
	return &sdk.AssociateEncryptionConfigOutput{Update: u}, err
}

func encryptionProblem(in []types.EncryptionConfig) error {
	for _, x := range in {
		if x.Provider == nil || !strings.HasPrefix(core.Val(x.Provider.KeyArn), "arn:") || !strings.Contains(*x.Provider.KeyArn, ":kms:") {
			return invalid("The keyArn in encryptionConfig provider is invalid")
		}
	}
	if len(in) > 1 {
		return invalid("Only 1 encryptionConfig can be given")
	}
	return nil
}
