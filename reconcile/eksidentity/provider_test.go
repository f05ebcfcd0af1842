package eksidentity

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ekschild"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

const arn = "arn:aws:eks:us-east-1:123456789012:identityproviderconfig/default_c1/oidc/okta/1c2"

func intent(change func(*Intent)) Intent {
	in := Intent{Parent: ekschild.Parent{Cluster: "default_c1", Owner: ownership.Owner{Kind: "AWSManagedControlPlane", Name: "c1",
		Living: ownership.Fixed{{Namespace: "default", Name: "other", Kind: "AWSManagedControlPlane", UID: "uid-of-other"}},
		Owner:  names.Owner{Cluster: "c1", UID: "uid-1", Namespace: "default"}}},
		Config:     &ekstypes.OidcIdentityProviderConfigRequest{IdentityProviderConfigName: aws.String("okta"), ClientId: aws.String("kubernetes"), IssuerUrl: aws.String("https://okta.example.com")},
		ConfigTags: map[string]string{"team": "a"}}
	if change != nil {
		change(&in)
	}
	return in
}

func config(change func(*ekstypes.OidcIdentityProviderConfig)) ekstypes.OidcIdentityProviderConfig {
	row := ekstypes.OidcIdentityProviderConfig{ClusterName: aws.String("default_c1"), IdentityProviderConfigName: aws.String("okta"), IdentityProviderConfigArn: aws.String(arn),
		ClientId: aws.String("kubernetes"), IssuerUrl: aws.String("https://okta.example.com"), UsernameClaim: aws.String("sub"),
		Status: ekstypes.ConfigStatusActive, Tags: map[string]string{"team": "a"}}
	if change != nil {
		change(&row)
	}
	return row
}

func told(p plan.Plan) string {
	var parts []string
	for _, a := range p.Actions {
		part := strings.TrimSuffix(strings.TrimPrefix(a.Operation, "eks."), "IdentityProviderConfig")
		if a.WaitsFor != "" {
			part += " waits for " + a.WaitsFor
		}
		parts = append(parts, part)
	}
	for _, w := range p.Waits {
		parts = append(parts, "wait: "+w.Summary)
	}
	for _, x := range p.Problems {
		parts = append(parts, "problem: "+x.Summary)
	}
	return strings.Join(parts, "; ")
}

func TestTheIdentityProviderBecomesWhatTheSpecSays(t *testing.T) {
	type row = ekstypes.OidcIdentityProviderConfig
	gone := func(in *Intent) { in.Config, in.Recorded = nil, arn }
	renamed := func(in *Intent) { in.Config.IdentityProviderConfigName, in.Recorded = aws.String("dex"), arn }
	for name, x := range map[string]struct {
		in   func(*Intent)
		rows []row
		want string
	}{
		"associated":                      {nil, nil, "Associate"},
		"while the cluster changes":       {func(in *Intent) { in.Busy = "update 1" }, nil, "Associate waits for update 1"},
		"as wanted, with EKS's defaults":  {nil, []row{config(nil)}, ""},
		"being associated":                {nil, []row{config(func(c *row) { c.Status = ekstypes.ConfigStatusCreating })}, "wait: identity provider okta, which is CREATING"},
		"another tag":                     {func(in *Intent) { in.ConfigTags["team"] = "b" }, []row{config(nil)}, "TagResource"},
		"another client":                  {func(in *Intent) { in.Config.ClientId = aws.String("other") }, []row{config(nil)}, "Disassociate"},
		"another claim":                   {func(in *Intent) { in.Config.RequiredClaims = map[string]string{"a": "b"} }, []row{config(nil)}, "Disassociate"},
		"another client, while changing":  {func(in *Intent) { in.Config.ClientId, in.Busy = aws.String("other"), "update 1" }, []row{config(nil)}, "Disassociate waits for update 1"},
		"another object's":                {nil, []row{config(func(c *row) { c.Tags[names.TagUID] = "uid-of-other" })}, "problem: identity provider okta is of somebody who made it without the tag kubernetes.io/cluster/c1 = owned; take the tags that say so off it, or leave it out of spec.oidcIdentityProviderConfig"},
		"named no more":                   {gone, []row{config(nil)}, "Disassociate"},
		"named no more, and gone":         {gone, nil, ""},
		"named no more, another object's": {gone, []row{config(func(c *row) { c.Tags[names.TagUID] = "uid-of-other" })}, ""},
		"another name, before the end":    {renamed, []row{config(nil)}, "Disassociate; Associate waits for the identity provider that there was"},
		"another name, at the end":        {renamed, []row{config(func(c *row) { c.Status = ekstypes.ConfigStatusDeleting })}, "Associate waits for the identity provider that there was; wait: identity provider okta, which is DELETING"},
		"another name, after the end":     {renamed, nil, "Associate"},
	} {
		s := Observe(intent(x.in), mirror.With(mirror.NewSnapshot(cloud.Scope{}), mirror.EKSIdentityProviders, time.Now(), x.rows...))
		if got := told(s.Plan()); got != x.want || told(s.Plan()) != got {
			t.Errorf("%s: the plan is %q, want %q", name, got, x.want)
		}
		if row, known := s.Row(); !known || (row != nil) != (len(x.rows) > 0) {
			t.Errorf("%s: the status shows %v, %v", name, row, known)
		}
	}
}
