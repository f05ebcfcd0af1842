// Package oidcprovider plans the OpenID Connect provider in IAM by which service accounts of
// an EKS cluster get roles. IAM trusts the issuers of EKS by authorities that it knows: no
// thumbprint is needed, and nothing is dialled. All of it but the handlers is pure.
package oidcprovider

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ekschild"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Area is the condition that tells of the provider, and its reasons.
const (
	Area          = "OIDCProviderReady"
	FailedReason  = "OIDCProviderFailed"
	PendingReason = "OIDCProviderPending"
)

// audience is whom tokens of service accounts are for that get roles.
const audience = "sts.amazonaws.com"

// Intent is what the provider has to be.
type Intent struct {
	// Owner is the object that has the cluster, with the name in the cluster's tags.
	Owner ownership.Owner
	// Tags are the provider's; Removed are keys that were wanted once and aren't any more.
	Tags    map[string]string
	Removed []string
	// Partition and Account are where it is.
	Partition, Account string
	// Issuer is the cluster's, "" while it has none.
	Issuer string
	// Wanted tells that there has to be one.
	Wanted bool
	// Recorded is the ARN that the object's status has, or "".
	Recorded string
}

// ARN is the provider's, "" while there is no issuer.
func (in *Intent) ARN() string {
	if in.Issuer == "" {
		return ""
	}
	return fmt.Sprintf("arn:%s:iam::%s:oidc-provider/%s", in.Partition, in.Account, strings.TrimPrefix(in.Issuer, "https://"))
}

// Wants are the rows that the provider is judged by. Nothing else has to wait for them.
func (in *Intent) Wants() []mirror.Interest {
	if arns := in.arns(); len(arns) > 0 {
		return []mirror.Interest{row(arns...)}
	}
	return nil
}

func row(arns ...string) mirror.Interest {
	return mirror.Interest{Kind: mirror.OIDCProviders.Kind, IDs: arns}
}

// arns are those of the provider that is wanted, and of the one that there was.
func (in *Intent) arns() []string {
	var arns []string
	if in.Wanted && in.ARN() != "" {
		arns = append(arns, in.ARN())
	}
	if in.Recorded != "" && !slices.Contains(arns, in.Recorded) {
		arns = append(arns, in.Recorded)
	}
	return arns
}

// State is the provider as a snapshot shows it, beside what is wanted of it.
type State struct {
	Intent
	snap *mirror.Snapshot
}

// Observe finds the provider in a snapshot.
func Observe(in Intent, snap *mirror.Snapshot) *State { return &State{Intent: in, snap: snap} }

// Provider is the one that is wanted, whoever made it; nil while there is none.
func (s *State) Provider() *mirror.OIDCProvider {
	if !s.Wanted {
		return nil
	}
	found, _ := mirror.Get(s.snap, mirror.OIDCProviders, s.ARN())
	return found
}

// Record is the ARN for the status: of the provider that there is, or of one that is to go.
func (s *State) Record() string {
	if s.Provider() != nil {
		return s.ARN()
	}
	if s.Recorded != "" && s.snap.SeenOf(row(s.Recorded)) {
		if found, _ := mirror.Get(s.snap, mirror.OIDCProviders, s.Recorded); found == nil {
			return ""
		}
	}
	return s.Recorded
}

// Plan returns what is left to do, and what stands in the way.
func (s *State) Plan() plan.Plan {
	var p plan.Plan
	if s.Wanted && s.Issuer == "" {
		p.Wait(Area, PendingReason, "the cluster's issuer")
	}
	for _, arn := range s.arns() {
		if !ekschild.Sees(s.snap, &p, Area, "OIDC provider "+arn, "iam:GetOpenIDConnectProvider", row(arn)) {
			continue
		}
		found, _ := mirror.Get(s.snap, mirror.OIDCProviders, arn)
		switch {
		case !s.Wanted || arn != s.ARN():
			s.planRemoved(&p, found)
		case found == nil:
			p.Add(s.create())
		default:
			s.planProvider(&p, found)
		}
	}
	return p
}

func (s *State) claim(found *mirror.OIDCProvider) ownership.Claim {
	return s.Owner.Claim(ownership.Resource{ID: found.ARN, Tags: found.Tags, Recorded: found.ARN == s.Recorded})
}

// planRemoved deletes what isn't wanted any more, if it is the cluster's.
func (s *State) planRemoved(p *plan.Plan, found *mirror.OIDCProvider) {
	if found == nil || !s.claim(found).Ours() {
		return
	}
	p.Add(plan.Action{Key: "oidc-provider/" + found.ARN, Area: Area, Verb: plan.Delete, Operation: "iam.DeleteOpenIDConnectProvider",
		Input:   &iam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(found.ARN)},
		Summary: "delete OIDC provider " + found.ARN})
}

// create is idempotent because IAM has one provider for a URL.
func (s *State) create() plan.Action {
	return plan.Action{Key: "oidc-provider", Area: Area, Verb: plan.Create, Operation: "iam.CreateOpenIDConnectProvider",
		Input:   &iam.CreateOpenIDConnectProviderInput{Url: aws.String(s.Issuer), ClientIDList: []string{audience}, Tags: tagList(s.Tags)},
		Summary: "create OIDC provider " + s.ARN()}
}

// planProvider repairs what is the cluster's. What somebody else made for the same issuer
// does as well, and is left as it is.
func (s *State) planProvider(p *plan.Plan, found *mirror.OIDCProvider) {
	lacking := !slices.Contains(found.ClientIDs, audience)
	if claim := s.claim(found); !claim.Ours() {
		if lacking {
			p.Problem(Area, FailedReason, "OIDC provider %s is of %s, and hasn't the audience %s; add it: aws iam add-client-id-to-open-id-connect-provider "+
				"--open-id-connect-provider-arn %s --client-id %s", found.ARN, claim.Of, audience, found.ARN, audience)
		}
		return
	}
	if lacking {
		p.Add(plan.Action{Key: "oidc-provider", Area: Area, Verb: plan.Update, Operation: "iam.AddClientIDToOpenIDConnectProvider",
			Input:   &iam.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(found.ARN), ClientID: aws.String(audience)},
			Summary: fmt.Sprintf("set audience %s of OIDC provider %s", audience, found.ARN)})
	}
	if missing := names.Missing(s.Tags, found.Tags); len(missing) > 0 {
		_, claims := missing[names.TagUID]
		p.Add(plan.Action{Key: "oidc-provider/tags", Area: Area, Verb: plan.Update, Operation: "iam.TagOpenIDConnectProvider", Claims: claims,
			Input: &iam.TagOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(found.ARN), Tags: tagList(missing)}, By: s.Owner.Before(found.Tags),
			Summary: fmt.Sprintf("tag OIDC provider %s with %s", found.ARN, strings.Join(names.SortedKeys(missing), ", "))})
	}
	removed := slices.DeleteFunc(slices.Clone(s.Removed), func(key string) bool { _, there := found.Tags[key]; return !there })
	if len(removed) > 0 {
		p.Add(plan.Action{Key: "oidc-provider/removed-tags", Area: Area, Verb: plan.Update, Operation: "iam.UntagOpenIDConnectProvider",
			Input:   &iam.UntagOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(found.ARN), TagKeys: removed},
			Summary: fmt.Sprintf("delete tags %s of OIDC provider %s", strings.Join(removed, ", "), found.ARN)})
	}
}

func tagList(tags map[string]string) []iamtypes.Tag {
	list := make([]iamtypes.Tag, 0, len(tags))
	for _, key := range names.SortedKeys(tags) {
		list = append(list, iamtypes.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
	}
	return list
}

// TrustPolicy is the document by which a role trusts the provider's service accounts, to be
// filled in by whoever makes the role. (CAPA's wire format.)
func TrustPolicy(arn string) string {
	_, issuer, _ := strings.Cut(arn, "/")
	type statement struct {
		Principal map[string][]string
		Effect    string
		Action    []string
		Condition map[string]map[string][]string
	}
	document := struct {
		Version   string
		Statement []statement
	}{"2012-10-17", []statement{{
		Principal: map[string][]string{"Federated": {arn}}, Effect: "Allow", Action: []string{"sts:AssumeRoleWithWebIdentity"},
		Condition: map[string]map[string][]string{"ForAnyValue:StringLike": {
			issuer + ":sub": {"system:serviceaccount:${SERVICE_ACCOUNT_NAMESPACE}:${SERVICE_ACCOUNT_NAME}"}}},
	}}}
	text, err := json.MarshalIndent(document, "", "\t")
	if err != nil {
		panic(err) // strings can be written out
	}
	return string(text)
}
