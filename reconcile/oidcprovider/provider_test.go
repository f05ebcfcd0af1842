package oidcprovider

import (
	"strings"
	"testing"
	"time"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

const (
	issuer = "https://oidc.eks.us-east-1.amazonaws.com/id/AB12"
	arn    = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/AB12"
	owned  = names.TagOwnedPrefix + "default_c1"
)

func intent() Intent {
	owner := ownership.Owner{Kind: "AWSManagedControlPlane", Name: "c1", Owner: names.Owner{Cluster: "default_c1", UID: "uid-1", Namespace: "default"}}
	return Intent{Owner: owner, Tags: owner.Tags("", "", map[string]string{"team": "a"}), Partition: "aws", Account: "123456789012", Issuer: issuer, Wanted: true}
}

func provider(change func(*mirror.OIDCProvider)) mirror.OIDCProvider {
	p := mirror.OIDCProvider{ARN: arn, URL: strings.TrimPrefix(issuer, "https://"), ClientIDs: []string{audience}, Tags: map[string]string{owned: "owned", "team": "a"}}
	if change != nil {
		change(&p)
	}
	return p
}

func told(p plan.Plan) string {
	var parts []string
	for _, a := range p.Actions {
		parts = append(parts, strings.TrimPrefix(a.Operation, "iam."))
	}
	for _, w := range p.Waits {
		parts = append(parts, "wait: "+w.Summary)
	}
	for _, x := range p.Problems {
		parts = append(parts, "problem: "+x.Summary[:strings.IndexByte(x.Summary, ';')])
	}
	return strings.Join(parts, " ")
}

func TestAProviderIsMadeRepairedAndDeletedWhereItIsTheClusters(t *testing.T) {
	foreign := func(p *mirror.OIDCProvider) { p.Tags = nil }
	unwanted := func(in *Intent) { in.Wanted, in.Recorded = false, arn }
	for name, x := range map[string]struct {
		in     func(*Intent)
		rows   []mirror.OIDCProvider
		want   string
		record string
	}{
		"made":                    {nil, nil, "CreateOpenIDConnectProvider", ""},
		"once there is an issuer": {func(in *Intent) { in.Issuer = "" }, nil, "wait: the cluster's issuer", ""},
		"as wanted":               {nil, []mirror.OIDCProvider{provider(nil)}, "", arn},
		"its audience was taken away": {nil, []mirror.OIDCProvider{provider(func(p *mirror.OIDCProvider) { p.ClientIDs = nil })},
			"AddClientIDToOpenIDConnectProvider", arn},
		"a tag was taken away": {nil, []mirror.OIDCProvider{provider(func(p *mirror.OIDCProvider) { delete(p.Tags, "team") })}, "TagOpenIDConnectProvider", arn},
		"a tag is wanted no more": {func(in *Intent) { in.Removed = []string{"old"} }, []mirror.OIDCProvider{provider(func(p *mirror.OIDCProvider) { p.Tags["old"] = "x" })},
			"UntagOpenIDConnectProvider", arn},
		"somebody else's is used": {nil, []mirror.OIDCProvider{provider(foreign)}, "", arn},
		"somebody else's of no use": {nil, []mirror.OIDCProvider{provider(func(p *mirror.OIDCProvider) { p.Tags, p.ClientIDs = nil, nil })},
			"problem: OIDC provider " + arn + " is of somebody who made it without the tag " + owned + " = owned, and hasn't the audience sts.amazonaws.com", arn},
		"unwanted":                       {unwanted, []mirror.OIDCProvider{provider(nil)}, "DeleteOpenIDConnectProvider", arn},
		"unwanted, and somebody else's":  {unwanted, []mirror.OIDCProvider{provider(foreign)}, "", arn},
		"unwanted, and gone":             {unwanted, nil, "", ""},
		"of the cluster that was before": {func(in *Intent) { in.Issuer, in.Recorded = issuer+"34", arn }, []mirror.OIDCProvider{provider(nil)}, "CreateOpenIDConnectProvider DeleteOpenIDConnectProvider", arn},
	} {
		in := intent()
		if x.in != nil {
			x.in(&in)
		}
		s := Observe(in, mirror.With(mirror.NewSnapshot(cloud.Scope{}), mirror.OIDCProviders, time.Now(), x.rows...))
		if got := told(s.Plan()); got != x.want || told(s.Plan()) != got {
			t.Errorf("%s: the plan is %q, want %q", name, got, x.want)
		}
		if got := s.Record(); got != x.record {
			t.Errorf("%s: recorded is %q, want %q", name, got, x.record)
		}
	}
	in := intent()
	if got := told(Observe(in, mirror.NewSnapshot(cloud.Scope{})).Plan()); got != "wait: OIDC provider "+arn+" to be read" {
		t.Errorf("unseen: the plan is %q", got)
	}
}

func TestTheTrustPolicyNamesTheProviderAndItsSubject(t *testing.T) {
	policy := strings.NewReplacer("\n", "", "\t", "").Replace(TrustPolicy(arn))
	want := `{"Version": "2012-10-17","Statement": [{"Principal": {"Federated": ["` + arn + `"]},"Effect": "Allow","Action": ["sts:AssumeRoleWithWebIdentity"],` +
		`"Condition": {"ForAnyValue:StringLike": {"oidc.eks.us-east-1.amazonaws.com/id/AB12:sub": ["system:serviceaccount:${SERVICE_ACCOUNT_NAMESPACE}:${SERVICE_ACCOUNT_NAME}"]}}}]}`
	if policy != want {
		t.Errorf("the policy is\n%s\nwant\n%s", policy, want)
	}
}
