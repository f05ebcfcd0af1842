// Package iamrole plans the IAM roles that EKS and what runs on it assume: those that users
// name, which are only read, and those that are made for a cluster. All of it is pure.
package iamrole

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Intent is what a role has to be.
type Intent struct {
	// Owner is whose role it is, if it is made. A role is in no region.
	Owner ownership.Owner
	// Area is the condition that tells of the role, Failed its reason.
	Area, Failed string
	// Name is the role's, Field what of the spec names it. Generated is the name of a role that is made where nobody
	// names one.
	Name, Field, Generated string
	// Make tells that the role may be made where there is none, and then changed and deleted.
	Make bool
	// Path and Boundary are those of a role that is made; "" for none.
	Path, Boundary string
	// Service is the principal that assumes the role, as "eks.amazonaws.com".
	Service string
	// Policies are the ARNs of the policies that a role which is made has. Further are those that the spec adds: what
	// Allowed doesn't let pass is neither attached nor detached.
	Policies, Further []string
	Allowed           cloud.RolePolicies
}

// Wants are the rows that tell of the role.
func (in *Intent) Wants() []mirror.Interest {
	return []mirror.Interest{{Kind: mirror.Roles.Kind, IDs: []string{in.Name}}}
}

// State is a role as a snapshot shows it.
type State struct {
	Intent
	// Row is nil while there is none.
	Row *mirror.Role
	// Managed tells that the role was made for the owner.
	Managed bool

	// withheldPolicies are those further ones that roles may not have.
	withheldPolicies []string
	claim            ownership.Claim
	snap             *mirror.Snapshot
}

// Observe finds the role in a snapshot.
func Observe(in Intent, snap *mirror.Snapshot) *State {
	in.Owner.Region = ""
	s := &State{Intent: in, snap: snap}
	for _, policy := range in.Further {
		switch {
		case slices.Contains(s.Policies, policy):
		case in.Allowed.Allow(policy):
			s.Policies = append(slices.Clip(s.Policies), policy)
		default:
			s.withheldPolicies = append(s.withheldPolicies, policy)
		}
	}
	if s.Row, _ = mirror.Get(snap, mirror.Roles, in.Name); s.Row != nil {
		tags := mirror.Roles.Tags(s.Row)
		s.claim = in.Owner.Claim(ownership.Resource{ID: aws.ToString(s.Row.Arn), Tags: in.tags(tags)})
		s.Managed = s.claim.Ours() && (tags[names.TagUID] != "" || in.couldHaveMade())
	}
	return s
}

// couldHaveMade tells that a role without a UID may be one that CAPA made for the owner: of its own accord it gives
// no other name, and names of several kinds of objects come out alike. Others' tools use the cloud provider's tag too.
func (in *Intent) couldHaveMade() bool { return in.Name == in.Generated && in.Owner.Alone() }

// tags are a role's as they are judged: CAPA marks the roles that it makes with the cloud
// provider's tag only.
func (in *Intent) tags(have map[string]string) map[string]string {
	owned := names.TagOwnedPrefix + in.Owner.Cluster
	if _, ok := have[owned]; ok || have[names.TagCloudProviderPrefix+in.Owner.Cluster] != names.Owned {
		return have
	}
	have = maps.Clone(have)
	have[owned] = names.Owned
	return have
}

// ARN is the role's, "" while it can't be used.
func (s *State) ARN() string {
	if s.Row == nil || s.Managed && !s.complete() || s.withheld() {
		return ""
	}
	return aws.ToString(s.Row.Arn)
}

// withheld tells that the role was made for another object. One of this namespace may use it where none are made.
func (s *State) withheld() bool {
	tags := mirror.Roles.Tags(s.Row)
	return !s.Managed && (s.Make && tags[names.TagUID] != "" || s.Owner.Elsewhere(tags))
}

// complete tells that a role that was made has all of its policies.
func (s *State) complete() bool {
	return !slices.ContainsFunc(s.Policies, func(p string) bool { return !slices.Contains(s.Row.Policies, p) })
}

// Seen tells that it is known whether there is such a role.
func (s *State) Seen() bool { return s.snap.SeenOf(s.Wants()...) }

// Plan returns what is left to do until the role is as wanted.
func (s *State) Plan() (p plan.Plan) {
	switch {
	case !s.Seen():
		s.unseen(&p)
	case s.Row == nil && !s.Make:
		p.Problem(s.Area, s.Failed, "there is no role %s; make it (clusterawsadm bootstrap iam create-cloudformation-stack makes the default ones), or name another one in %s", s.Name, s.Field)
	case s.Row == nil:
		p.Add(s.create())
		for _, policy := range s.Policies {
			a := s.attach(policy)
			a.WaitsFor = "the role"
			p.Add(a)
		}
		s.tellWithheld(&p)
	case s.withheld():
		p.Problem(s.Area, s.Failed, "role %s was made for %s, and goes with it; name another one in %s", s.Name, s.claim.Of, s.Field)
	case !s.trusts():
		p.Problem(s.Area, s.Failed, "role %s doesn't trust %s; allow that principal sts:AssumeRole in the role's trust policy, or name another role in %s", s.Name, s.Service, s.Field)
	case s.Managed && s.Make:
		s.planManaged(&p)
	}
	return p
}

// unseen waits until the role was read, and tells why it couldn't be.
func (s *State) unseen(p *plan.Plan) {
	if err := s.snap.ErrOf(s.Wants()...); err != nil {
		p.Problem(s.Area, s.Failed, "role %s can't be read: %s", s.Name, cloud.Classify(err).Message)
		return
	}
	p.Wait(s.Area, conditions.WaitingForObservation, "a look at role "+s.Name)
}

func (s *State) planManaged(p *plan.Plan) {
	for _, policy := range s.Policies {
		if !slices.Contains(s.Row.Policies, policy) {
			p.Add(s.attach(policy))
		}
	}
	for _, policy := range s.Row.Policies {
		if !slices.Contains(s.Policies, policy) && !slices.Contains(s.withheldPolicies, policy) {
			p.Add(s.detach(policy))
		}
	}
	s.tellWithheld(p)
	if missing := names.Missing(s.wantedTags(), mirror.Roles.Tags(s.Row)); len(missing) > 0 && !s.madeByOthers(missing) {
		a := s.action("tags", plan.Update, "TagRole", "tag role "+s.Name, &iam.TagRoleInput{RoleName: &s.Name, Tags: tagList(missing)})
		a.Claims = s.claim.Verdict == ownership.Moved
		p.Add(a)
	}
	if have := s.Row.PermissionsBoundary; s.Boundary != "" && (have == nil || aws.ToString(have.PermissionsBoundaryArn) != s.Boundary) {
		p.Add(s.action("boundary", plan.Update, "PutRolePermissionsBoundary", fmt.Sprintf("set the permissions boundary of role %s to %s", s.Name, s.Boundary),
			&iam.PutRolePermissionsBoundaryInput{RoleName: &s.Name, PermissionsBoundary: &s.Boundary}))
	}
}

// tellWithheld names the policies that the role doesn't get. One that it has already keeps nothing waiting.
func (s *State) tellWithheld(p *plan.Plan) {
	for _, policy := range s.withheldPolicies {
		if s.Row != nil && slices.Contains(s.Row.Policies, policy) {
			continue
		}
		p.Problem(s.Area, s.Failed, "policy %s isn't attached to role %s: it is none that roles may have; take it out of spec.roleAdditionalPolicies, or have the server run with --iam-role-policies=%s", policy, s.Name, policy)
	}
}

// madeByOthers tells that a role that CAPA made lacks nothing but what this server adds.
func (s *State) madeByOthers(missing map[string]string) bool {
	for key := range missing {
		if key != names.TagOwnedPrefix+s.Owner.Cluster && key != names.TagName && key != names.TagRole {
			return false
		}
	}
	return true
}

// PlanDelete returns what is left until a role that was made is gone.
func (s *State) PlanDelete() (p plan.Plan) {
	switch {
	case !s.Make:
	case !s.Seen():
		s.unseen(&p)
	case s.Row != nil && s.Managed:
		for _, policy := range s.Row.Policies {
			p.Add(s.detach(policy))
		}
		a := s.action("", plan.Delete, "DeleteRole", "delete role "+s.Name, &iam.DeleteRoleInput{RoleName: &s.Name})
		if len(s.Row.Policies) > 0 {
			a.WaitsFor = "its policies to be detached"
		}
		p.Add(a)
	}
	return p
}

func (s *State) action(part string, verb plan.Verb, operation, summary string, input any) plan.Action {
	key := "role/" + s.Name
	if part != "" {
		key += "/" + part
	}
	return plan.Action{Key: key, Area: s.Area, Verb: verb, Operation: "iam." + operation, Input: input, Summary: summary}
}

// create needs no token: a name is given once, and the tags prove whose the role is.
func (s *State) create() plan.Action {
	in := &iam.CreateRoleInput{RoleName: &s.Name, AssumeRolePolicyDocument: aws.String(TrustPolicy(s.Service)), Tags: tagList(s.wantedTags())}
	if s.Path != "" {
		in.Path = &s.Path
	}
	if s.Boundary != "" {
		in.PermissionsBoundary = &s.Boundary
	}
	return s.action("", plan.Create, "CreateRole", "create role "+s.Name, in)
}

func (s *State) attach(policy string) plan.Action {
	return s.action("policy/"+policy, plan.Update, "AttachRolePolicy", fmt.Sprintf("attach policy %s to role %s", short(policy), s.Name),
		&iam.AttachRolePolicyInput{RoleName: &s.Name, PolicyArn: &policy})
}

func (s *State) detach(policy string) plan.Action {
	return s.action("policy/"+policy, plan.Delete, "DetachRolePolicy", fmt.Sprintf("detach policy %s from role %s", short(policy), s.Name),
		&iam.DetachRolePolicyInput{RoleName: &s.Name, PolicyArn: &policy})
}

func short(policy string) string { return policy[strings.LastIndex(policy, "/")+1:] }

func (s *State) wantedTags() map[string]string {
	return s.Owner.Tags("", "", map[string]string{names.TagCloudProviderPrefix + s.Owner.Cluster: names.Owned})
}

func tagList(tags map[string]string) []iamtypes.Tag {
	list := make([]iamtypes.Tag, 0, len(tags))
	for _, k := range names.SortedKeys(tags) {
		list = append(list, iamtypes.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
	}
	return list
}

// policyDocument is a trust policy, as far as it matters here.
type policyDocument struct {
	Version   string
	Statement []statement
}

type statement struct {
	Effect    string
	Action    list
	Principal principals
}

// TrustPolicy lets a service assume a role.
func TrustPolicy(service string) string {
	text, err := json.Marshal(policyDocument{Version: "2012-10-17", Statement: []statement{{
		Effect: "Allow", Action: list{"sts:AssumeRole"}, Principal: principals{"Service": {service}}}}})
	if err != nil {
		panic(err) // plain data always marshals
	}
	return string(text)
}

// trusts tells that the role's trust policy names the service. One that can't be read here
// is for AWS to judge.
func (s *State) trusts() bool {
	text, err := url.PathUnescape(aws.ToString(s.Row.AssumeRolePolicyDocument))
	if err != nil || text == "" {
		return true
	}
	var document policyDocument
	if json.Unmarshal([]byte(text), &document) != nil {
		return true
	}
	for _, x := range document.Statement {
		services := x.Principal["Service"]
		if x.Effect == "Allow" && (slices.Contains(services, s.Service) || slices.Contains(services, "*") || slices.Contains(x.Principal["AWS"], "*")) {
			return true
		}
	}
	return false
}

// principals are who may assume a role, "*" or by their kinds.
type principals map[string]list

// UnmarshalJSON reads both forms.
func (p *principals) UnmarshalJSON(text []byte) error {
	if string(text) == `"*"` {
		*p = principals{"AWS": {"*"}}
		return nil
	}
	return json.Unmarshal(text, (*map[string]list)(p))
}

// list is a list, or its only element.
type list []string

// UnmarshalJSON reads both forms.
func (l *list) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*l = list{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(l))
}
