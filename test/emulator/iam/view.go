package iam

import (
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/internal/policy"
)

// Role is a role as another service sees it.
type Role struct {
	ARN, Name, ID string
	now           moment
	state         *state
}

// RoleOf looks a role of the account up by its ARN, as other services do: what changed less than iamPropagation ago they don't know yet.
func RoleOf(r *core.Region, roleARN string) (Role, bool) {
	s := of(r)
	x := s.roles.Get(key(lastPart(roleARN)))
	if x == nil || *x.Arn != roleARN {
		return Role{}, false
	}
	known := r.Now().Add(-r.Settings().IAMPropagation)
	for _, m := range slices.Backward(x.history) {
		if !m.since.After(known) {
			return Role{ARN: *x.Arn, Name: *x.RoleName, ID: *x.RoleId, now: m, state: s}, true
		}
	}
	return Role{}, false
}

// Trusts says whether a service may assume the role.
func (x Role) Trusts(service string) bool {
	return x.trust(policy.Ask{Action: "sts:AssumeRole", Kind: "Service", Principal: service})
}

func (x Role) trust(ask policy.Ask) bool {
	d, err := policy.ParseTrust(x.now.trust)
	return err == nil && policy.Decide([]policy.Document{d}, ask) == policy.Allowed
}

// Has says whether one of AWS's own policies is attached, by its name.
func (x Role) Has(name string) bool {
	return slices.ContainsFunc(x.now.attached, func(p types.AttachedPolicy) bool { return strings.HasSuffix(*p.PolicyArn, ":iam::aws:policy/"+name) })
}

// May says whether the role's policies allow an action on everything.
func (x Role) May(action string) bool {
	return policy.Decide(x.documents(), policy.Ask{Action: action, Resource: "*"}) == policy.Allowed
}

func (x Role) documents() []policy.Document {
	var out []policy.Document
	for _, p := range x.now.inline {
		out = append(out, mustParse(p.document))
	}
	for _, p := range x.now.attached {
		if text, ok := x.state.document(*p.PolicyArn); ok {
			out = append(out, mustParse(text))
		}
	}
	return out
}

// parsed are documents by their text.
var parsed sync.Map

// mustParse reads a document that was checked when it came.
func mustParse(text string) policy.Document {
	if d, ok := parsed.Load(text); ok {
		return d.(policy.Document)
	}
	d, err := policy.Parse(text)
	if err != nil {
		panic(err)
	}
	parsed.Store(text, d)
	return d
}

// TrustsIdentity says whether a web identity of a provider, by its claims, may assume the role.
func (x Role) TrustsIdentity(provider string, claims map[string]string) bool {
	return x.trust(policy.Ask{Action: "sts:AssumeRoleWithWebIdentity", Kind: "Federated", Principal: provider, Context: claims})
}

// ProviderOf is the OpenID Connect provider of an issuer's host and path: its ARN, and the client ids that it takes.
func ProviderOf(r *core.Region, host string) (arn string, clients []string, ok bool) {
	for _, p := range of(r).providers.All() {
		if p.host() == host {
			return p.arn, p.ClientIDList, true
		}
	}
	return "", nil, false
}

// TrustsPrincipal says whether a role or user may assume the role, with an external id if it wants one.
func (x Role) TrustsPrincipal(arn, externalID string) bool {
	context := map[string]string{}
	if externalID != "" {
		context["sts:ExternalId"] = externalID
	}
	return x.trust(policy.Ask{Action: "sts:AssumeRole", Kind: "AWS", Principal: arn, Context: context})
}
