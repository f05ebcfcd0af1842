// Package eksaccess plans the access entries of an EKS cluster and their access policies. An
// entry that isn't the cluster's by its tags is left alone. All of it but the handlers is pure.
package eksaccess

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ekschild"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Area is the condition that tells of access entries, and its reasons.
const (
	Area          = "EKSAccessEntriesConfigured"
	FailedReason  = "EKSAccessEntriesConfiguredFailed"
	ForeignReason = "EKSAccessEntryForeign"
	PendingReason = "EKSAccessEntriesPending"
)

// standard is the type of an entry that names none.
const standard = "STANDARD"

// Intent is what the access entries of a cluster have to be.
type Intent struct {
	ekschild.Parent
	// Ready tells that the cluster takes entries, Mode how it authenticates at the moment.
	Ready   bool
	Mode    ekstypes.AuthenticationMode
	Entries []Entry
	// Recorded are the principals that the object records, which the spec may not name any
	// more.
	Recorded []string
	// Kept are principals whose entry isn't deleted, though nothing here wants it.
	Kept []string
}

// Entry is one access entry.
type Entry struct {
	Principal string
	// Type is EKS's, as "EC2_LINUX"; standard where it is "".
	Type string
	// Username is EKS's choice where it is "".
	Username string
	Groups   []string
	Policies []Policy
	// Shared tells that somebody else's entry of this type is as good.
	Shared bool
}

// Policy is an access policy and for what it is.
type Policy struct {
	ARN string
	// Namespaces are those that it is for; all of the cluster where there are none.
	Namespaces []string
}

func (e *Entry) entryType() string {
	if e.Type == "" {
		return standard
	}
	return e.Type
}

// Wants are the rows that the entries are judged by. Nothing else has to wait for them.
func (in *Intent) Wants() []mirror.Interest {
	return in.Rows(mirror.EKSAccessEntries.Kind, in.Records()...)
}

// Records are the principals to be recorded: of the spec, and those that it named before.
func (in *Intent) Records() []string {
	all := slices.Clone(in.Recorded)
	for _, e := range in.Entries {
		all = append(all, e.Principal)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// State is the entries as a snapshot shows them, beside what is wanted of them.
type State struct {
	Intent
	snap *mirror.Snapshot
}

// Observe finds the entries in a snapshot.
func Observe(in Intent, snap *mirror.Snapshot) *State { return &State{Intent: in, snap: snap} }

// Left are the principals to be recorded once what the plan removes is gone: those of the
// spec, and those with an entry of the cluster's, or of which nobody knows.
func (s *State) Left() []string {
	return slices.DeleteFunc(s.Records(), func(principal string) bool {
		if s.wanted(principal) != nil || !s.snap.SeenOf(s.Parent.Rows(mirror.EKSAccessEntries.Kind, principal)[0]) {
			return false
		}
		row := s.row(principal)
		return row == nil || !s.Claim(row.Tags).Ours()
	})
}

// Has tells that a principal has an entry of a type.
func (s *State) Has(principal, kind string) bool {
	row := s.row(principal)
	return row != nil && aws.ToString(row.Type) == kind
}

func (s *State) wanted(principal string) *Entry {
	for i := range s.Entries {
		if s.Entries[i].Principal == principal {
			return &s.Entries[i]
		}
	}
	return nil
}

func (s *State) row(principal string) *mirror.EKSAccessEntry {
	row, _ := mirror.Get(s.snap, mirror.EKSAccessEntries, mirror.NameIn(s.Cluster, principal))
	return row
}

// TagsThere are the tags of the cluster's entries that there are.
func (s *State) TagsThere() []map[string]string {
	var all []map[string]string
	for _, principal := range s.Records() {
		if row := s.row(principal); row != nil && s.Claim(row.Tags).Ours() {
			all = append(all, row.Tags)
		}
	}
	return all
}

// Plan returns what is left to do, and what stands in the way.
func (s *State) Plan() plan.Plan {
	var p plan.Plan
	if !s.Ready || s.Mode == ekstypes.AuthenticationModeConfigMap {
		if slices.ContainsFunc(s.Entries, func(e Entry) bool { return !e.Shared }) {
			p.Wait(Area, PendingReason, s.waits())
		}
		return p
	}
	for _, principal := range s.Records() {
		if !ekschild.Sees(s.snap, &p, Area, "the access entry of "+principal, "eks:DescribeAccessEntry and eks:ListAssociatedAccessPolicies",
			s.Parent.Rows(mirror.EKSAccessEntries.Kind, principal)[0]) {
			continue
		}
		s.planEntry(&p, principal, s.wanted(principal), s.row(principal))
	}
	return p
}

func (s *State) waits() string {
	if !s.Ready {
		return "the cluster"
	}
	return "the authentication mode to be one that has access entries (spec.accessConfig.authenticationMode: api or api_and_config_map)"
}

func (s *State) planEntry(p *plan.Plan, principal string, e *Entry, row *mirror.EKSAccessEntry) {
	switch {
	case e == nil && (row == nil || slices.Contains(s.Kept, principal) || !s.Claim(row.Tags).Ours()):
	case e == nil:
		p.Add(s.delete(principal, "which neither spec.accessEntries nor an instance profile of the cluster's machines names any more"))
	case row == nil:
		p.Add(s.create(e))
		s.planPolicies(p, e, nil, "the entry")
	case e.Shared && !s.Claim(row.Tags).Ours() && aws.ToString(row.Type) == e.entryType():
	case e.Shared && !s.Claim(row.Tags).Ours():
		p.Problem(Area, ForeignReason, "instances of %s can't join as nodes: its access entry, which is of %s, has type %s and not %s; delete it, or give the machines another instance profile",
			principal, s.Claim(row.Tags).Of, aws.ToString(row.Type), e.entryType())
	case !s.Claim(row.Tags).Ours():
		p.Problem(Area, ForeignReason, "the access entry of %s is of %s; leave it out of spec.accessEntries, or, %s", principal, s.Claim(row.Tags).Of,
			s.Adopt(aws.ToString(row.AccessEntryArn)))
	case aws.ToString(row.Type) != e.entryType():
		// The type can't be changed. The entry is made again once this one is gone.
		p.Add(s.delete(principal, fmt.Sprintf("whose type is %s, to make one of type %s", aws.ToString(row.Type), e.entryType())))
	default:
		p.Add(s.Retag(key(principal), Area, "the access entry of "+principal, aws.ToString(row.AccessEntryArn), s.Tags(nil), row.Tags)...)
		p.Add(s.update(e, row)...)
		s.planPolicies(p, e, row, "")
	}
}

// planPolicies associates and disassociates policies, of a type of entry that has some.
func (s *State) planPolicies(p *plan.Plan, e *Entry, row *mirror.EKSAccessEntry, waitsFor string) {
	if !mirror.HasAccessPolicies(e.entryType()) {
		return
	}
	have := map[string]*ekstypes.AccessScope{}
	if row != nil {
		for _, policy := range row.Policies {
			have[aws.ToString(policy.PolicyArn)] = policy.AccessScope
		}
	}
	wanted := map[string]bool{}
	for _, policy := range e.Policies {
		wanted[policy.ARN] = true
		if scope := have[policy.ARN]; scope == nil || !policy.is(scope) {
			a := s.associate(e, policy)
			a.WaitsFor = waitsFor
			p.Add(a)
		}
	}
	if row == nil {
		return
	}
	for _, policy := range row.Policies {
		if arn := aws.ToString(policy.PolicyArn); !wanted[arn] {
			p.Add(plan.Action{Key: policyKey(e.Principal, arn), Area: Area, Verb: plan.Delete, Operation: "eks.DisassociateAccessPolicy",
				Input:   &eks.DisassociateAccessPolicyInput{ClusterName: aws.String(s.Cluster), PrincipalArn: aws.String(e.Principal), PolicyArn: aws.String(arn)},
				Summary: fmt.Sprintf("disassociate access policy %s from %s", arn, e.Principal)})
		}
	}
}

// scope is for what a policy is, in EKS's words.
func (p *Policy) scope() *ekstypes.AccessScope {
	if len(p.Namespaces) == 0 {
		return &ekstypes.AccessScope{Type: ekstypes.AccessScopeTypeCluster}
	}
	return &ekstypes.AccessScope{Type: ekstypes.AccessScopeTypeNamespace, Namespaces: sorted(p.Namespaces)}
}

func (p *Policy) is(scope *ekstypes.AccessScope) bool {
	want := p.scope()
	return want.Type == scope.Type && slices.Equal(want.Namespaces, sorted(scope.Namespaces))
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

func key(principal string) string { return "access-entry/" + principal }

func policyKey(principal, policy string) string { return "access-policy/" + principal + "/" + policy }

// create is idempotent because a principal has one entry in a cluster.
func (s *State) create(e *Entry) plan.Action {
	in := &eks.CreateAccessEntryInput{ClusterName: aws.String(s.Cluster), PrincipalArn: aws.String(e.Principal), Type: aws.String(e.entryType()),
		KubernetesGroups: e.Groups, Tags: s.Tags(nil)}
	if e.Username != "" {
		in.Username = aws.String(e.Username)
	}
	return plan.Action{Key: key(e.Principal), Area: Area, Verb: plan.Create, Operation: "eks.CreateAccessEntry", Input: in,
		Summary: fmt.Sprintf("create the access entry of %s, type %s", e.Principal, e.entryType())}
}

// update sends what differs. EKS always shows a username: one that nobody asked for stays.
func (s *State) update(e *Entry, row *mirror.EKSAccessEntry) []plan.Action {
	in := &eks.UpdateAccessEntryInput{ClusterName: aws.String(s.Cluster), PrincipalArn: aws.String(e.Principal)}
	var differs []string
	// EKS itself says which groups entries of other types have.
	if groups := sorted(e.Groups); e.entryType() == standard && !slices.Equal(groups, sorted(row.KubernetesGroups)) {
		if in.KubernetesGroups = groups; groups == nil {
			in.KubernetesGroups = []string{} // nil would leave them
		}
		differs = append(differs, "groups")
	}
	if e.Username != "" && e.Username != aws.ToString(row.Username) {
		in.Username = aws.String(e.Username)
		differs = append(differs, "username")
	}
	if len(differs) == 0 {
		return nil
	}
	return []plan.Action{{Key: key(e.Principal), Area: Area, Verb: plan.Update, Operation: "eks.UpdateAccessEntry", Input: in,
		Summary: fmt.Sprintf("set the %s of the access entry of %s", strings.Join(differs, " and "), e.Principal)}}
}

// associate may be repeated: an entry has a policy once.
func (s *State) associate(e *Entry, policy Policy) plan.Action {
	return plan.Action{Key: policyKey(e.Principal, policy.ARN), Area: Area, Verb: plan.Update, Operation: "eks.AssociateAccessPolicy",
		Input: &eks.AssociateAccessPolicyInput{ClusterName: aws.String(s.Cluster), PrincipalArn: aws.String(e.Principal), PolicyArn: aws.String(policy.ARN),
			AccessScope: policy.scope()},
		Summary: fmt.Sprintf("associate access policy %s with %s", policy.ARN, e.Principal)}
}

func (s *State) delete(principal, why string) plan.Action {
	return plan.Action{Key: key(principal), Area: Area, Verb: plan.Delete, Operation: "eks.DeleteAccessEntry",
		Input:   &eks.DeleteAccessEntryInput{ClusterName: aws.String(s.Cluster), PrincipalArn: aws.String(principal)},
		Summary: fmt.Sprintf("delete the access entry of %s, %s", principal, why)}
}
