// Package eksidentity plans the OpenID Connect identity provider by whose tokens an EKS
// cluster lets users in. A cluster has one at most. All of it but the handlers is pure.
package eksidentity

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ekschild"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Area is the condition that tells of the identity provider, and its reasons.
const (
	Area          = "EKSIdentityProviderConfigured"
	FailedReason  = "EKSIdentityProviderConfiguredFailed"
	PendingReason = "EKSIdentityProviderPending"
)

// Intent is what the identity provider has to be.
type Intent struct {
	ekschild.Parent
	// Busy says what keeps the cluster from being changed, "" for nothing: of its updates
	// AWS does one at a time, and this is one.
	Busy string
	// Config is what the spec says, nil for nothing.
	Config *ekstypes.OidcIdentityProviderConfigRequest
	// ConfigTags are the user's for the configuration alone.
	ConfigTags map[string]string
	// Recorded is the ARN that the object's status has, or "".
	Recorded string
}

// NameIn is the name of a configuration in its ARN, "" where it has none.
func NameIn(arn string) string {
	parts := strings.Split(arn, "/")
	if len(parts) < 4 || !strings.HasSuffix(parts[0], ":identityproviderconfig") {
		return ""
	}
	return parts[3]
}

func (in *Intent) name() string {
	if in.Config == nil {
		return ""
	}
	return aws.ToString(in.Config.IdentityProviderConfigName)
}

// all are the names of the configuration of the spec, and of the one that there was.
func (in *Intent) all() []string {
	all := slices.DeleteFunc([]string{NameIn(in.Recorded), in.name()}, func(name string) bool { return name == "" })
	return slices.Compact(all)
}

// Wants are the rows that the identity provider is judged by. Nothing else has to wait for them.
func (in *Intent) Wants() []mirror.Interest {
	return in.Rows(mirror.EKSIdentityProviders.Kind, in.all()...)
}

// State is the identity provider as a snapshot shows it, beside what is wanted of it.
type State struct {
	Intent
	snap *mirror.Snapshot
}

// Observe finds the identity provider in a snapshot.
func Observe(in Intent, snap *mirror.Snapshot) *State { return &State{Intent: in, snap: snap} }

func (s *State) row(name string) *ekstypes.OidcIdentityProviderConfig {
	row, _ := mirror.Get(s.snap, mirror.EKSIdentityProviders, mirror.NameIn(s.Cluster, name))
	return row
}

// Row is the configuration for the status: the one that there is, or one that is to go; nil
// for none. While that can't be seen, known is false.
func (s *State) Row() (row *ekstypes.OidcIdentityProviderConfig, known bool) {
	all := s.all()
	if !s.snap.SeenOf(s.Rows(mirror.EKSIdentityProviders.Kind, all...)...) {
		return nil, false
	}
	slices.Reverse(all)
	for _, name := range all {
		if row := s.row(name); row != nil {
			return row, true
		}
	}
	return nil, true
}

// Plan returns what is left to do, and what stands in the way.
func (s *State) Plan() plan.Plan {
	var p plan.Plan
	gone := true
	for _, name := range s.all() {
		if !ekschild.Sees(s.snap, &p, Area, "identity provider "+name, "eks:DescribeIdentityProviderConfig", s.Rows(mirror.EKSIdentityProviders.Kind, name)[0]) {
			gone = false
			continue
		}
		row := s.row(name)
		switch {
		case name != s.name():
			s.planRemoved(&p, row, "which spec.oidcIdentityProviderConfig doesn't name any more")
			gone = gone && row == nil
		case row == nil:
			p.Add(s.associate(gone))
		default:
			s.planConfig(&p, row)
		}
	}
	return p
}

func (s *State) planConfig(p *plan.Plan, row *ekstypes.OidcIdentityProviderConfig) {
	if of := s.withheld(row); of != "" {
		p.Problem(Area, FailedReason, "identity provider %s is of %s; take the tags that say so off it, or leave it out of spec.oidcIdentityProviderConfig", s.name(), of)
		return
	}
	if differs := differences(s.Config, row); len(differs) > 0 {
		s.planRemoved(p, row, fmt.Sprintf("to associate it with another %s", strings.Join(differs, ", ")))
		return
	}
	if row.Status != ekstypes.ConfigStatusActive {
		p.Wait(Area, PendingReason, fmt.Sprintf("identity provider %s, which is %s", s.name(), row.Status))
	}
	if row.Status != ekstypes.ConfigStatusDeleting {
		p.Add(s.Retag(key, Area, "identity provider "+s.name(), aws.ToString(row.IdentityProviderConfigArn), s.wantedTags(row), row.Tags)...)
	}
}

// wantedTags are those of the spec. What was made without tags of ours stays without.
func (s *State) wantedTags(row *ekstypes.OidcIdentityProviderConfig) map[string]string {
	tags := s.Owner.Allowed(s.ConfigTags)
	if tags == nil {
		tags = map[string]string{}
	}
	if row.Tags[names.TagUID] != "" {
		maps.Copy(tags, s.Owner.Identity())
	}
	return tags
}

// withheld tells whose a configuration is that is another object's.
func (s *State) withheld(row *ekstypes.OidcIdentityProviderConfig) string {
	if row.Tags[names.TagUID] == "" && row.Tags[names.TagNamespace] == "" {
		return ""
	}
	return s.Claim(row.Tags).Of
}

const key = "identity-provider"

func (s *State) planRemoved(p *plan.Plan, row *ekstypes.OidcIdentityProviderConfig, why string) {
	switch {
	case row == nil || s.withheld(row) != "":
		return
	case row.Status != ekstypes.ConfigStatusActive:
		p.Wait(Area, PendingReason, fmt.Sprintf("identity provider %s, which is %s", aws.ToString(row.IdentityProviderConfigName), row.Status))
		return
	}
	p.Add(plan.Action{Key: key, Area: Area, Verb: plan.Delete, Operation: "eks.DisassociateIdentityProviderConfig", WaitsFor: s.Busy,
		Input: &eks.DisassociateIdentityProviderConfigInput{ClusterName: aws.String(s.Cluster),
			IdentityProviderConfig: &ekstypes.IdentityProviderConfig{Name: row.IdentityProviderConfigName, Type: aws.String("oidc")}},
		Summary: fmt.Sprintf("disassociate identity provider %s, %s", aws.ToString(row.IdentityProviderConfigName), why)})
}

// associate is idempotent because a cluster has one configuration. free tells that the one
// that there was is gone.
func (s *State) associate(free bool) plan.Action {
	tags := s.Owner.Allowed(s.ConfigTags)
	if tags == nil {
		tags = map[string]string{}
	}
	tags[names.TagCloudProviderPrefix+s.Owner.Cluster] = names.Owned
	maps.Copy(tags, s.Owner.Identity())
	a := plan.Action{Key: key, Area: Area, Verb: plan.Create, Operation: "eks.AssociateIdentityProviderConfig", WaitsFor: s.Busy,
		Input:   &eks.AssociateIdentityProviderConfigInput{ClusterName: aws.String(s.Cluster), Oidc: s.Config, Tags: tags},
		Summary: fmt.Sprintf("associate identity provider %s (%s)", s.name(), aws.ToString(s.Config.IssuerUrl))}
	if !free {
		a.WaitsFor = "the identity provider that there was"
	}
	return a
}

// differences names what a configuration has otherwise than the spec says. None of it can
// be changed.
func differences(want *ekstypes.OidcIdentityProviderConfigRequest, row *ekstypes.OidcIdentityProviderConfig) []string {
	var differs []string
	for _, f := range []struct {
		name       string
		want, have *string
	}{
		{"client id", want.ClientId, row.ClientId}, {"issuer", want.IssuerUrl, row.IssuerUrl},
		{"groups claim", want.GroupsClaim, row.GroupsClaim}, {"groups prefix", want.GroupsPrefix, row.GroupsPrefix},
		{"username claim", want.UsernameClaim, row.UsernameClaim}, {"username prefix", want.UsernamePrefix, row.UsernamePrefix},
	} {
		// EKS may fill in what the spec leaves out.
		if aws.ToString(f.want) != "" && aws.ToString(f.want) != aws.ToString(f.have) {
			differs = append(differs, f.name)
		}
	}
	if !maps.Equal(want.RequiredClaims, row.RequiredClaims) {
		differs = append(differs, "required claims")
	}
	return differs
}
