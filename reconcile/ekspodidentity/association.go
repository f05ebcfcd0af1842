// Package ekspodidentity plans the pod identity associations of an EKS cluster, by which
// service accounts get roles. An association that isn't the cluster's by its tags is left
// alone. All of it but the handlers is pure.
package ekspodidentity

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksaddon"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ekschild"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Area is the condition that tells of pod identity associations, and its reasons.
const (
	Area          = "EKSPodIdentityConfigured"
	FailedReason  = "EKSPodIdentityConfiguredFailed"
	ForeignReason = "EKSPodIdentityForeign"
	PendingReason = "EKSPodIdentityPending"
)

// rights are those by which associations are read.
const rights = "eks:ListPodIdentityAssociations and eks:DescribePodIdentityAssociation"

// Intent is what the pod identity associations of a cluster have to be.
type Intent struct {
	ekschild.Parent
	// Ready tells that the cluster takes associations.
	Ready        bool
	Associations []Association
	// Recorded are the names of associations that the object records, which the spec may
	// not name any more.
	Recorded []string
}

// Association gives a service account a role.
type Association struct {
	Namespace, ServiceAccount string
	RoleARN                   string
	// TargetRoleARN is a role that is assumed with the first one, or "".
	TargetRoleARN string
	// DisableSessionTags is EKS's choice where it is nil.
	DisableSessionTags *bool
	// Policy narrows what the role allows, as JSON, or is "".
	Policy string
}

func (a *Association) name() string { return mirror.PodIdentityName(a.Namespace, a.ServiceAccount) }

// Wants are the rows that the associations are judged by. Nothing else has to wait for them.
func (in *Intent) Wants() []mirror.Interest {
	return in.Rows(mirror.EKSPodIdentities.Kind, in.Records()...)
}

// Records are the names to be recorded: of the spec, and those that it named before.
func (in *Intent) Records() []string {
	all := slices.Clone(in.Recorded)
	for _, a := range in.Associations {
		all = append(all, a.name())
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// State is the associations as a snapshot shows them, beside what is wanted of them.
type State struct {
	Intent
	snap *mirror.Snapshot
}

// Observe finds the associations in a snapshot.
func Observe(in Intent, snap *mirror.Snapshot) *State { return &State{Intent: in, snap: snap} }

func (s *State) row(name string) *ekstypes.PodIdentityAssociation {
	row, _ := mirror.Get(s.snap, mirror.EKSPodIdentities, mirror.NameIn(s.Cluster, name))
	return row
}

func (s *State) wanted(name string) *Association {
	for i := range s.Associations {
		if s.Associations[i].name() == name {
			return &s.Associations[i]
		}
	}
	return nil
}

// Left are the names to be recorded once what the plan removes is gone.
func (s *State) Left() []string {
	return slices.DeleteFunc(s.Records(), func(name string) bool {
		if s.wanted(name) != nil || !s.snap.SeenOf(s.Rows(mirror.EKSPodIdentities.Kind, name)[0]) {
			return false
		}
		row := s.row(name)
		return row == nil || !s.ours(row)
	})
}

// ours tells whether an association is the cluster's, and not a part of an add-on.
func (s *State) ours(row *ekstypes.PodIdentityAssociation) bool { return s.of(row) == "" }

// of says whose an association is that isn't the cluster's.
func (s *State) of(row *ekstypes.PodIdentityAssociation) string {
	if owner := aws.ToString(row.OwnerArn); owner != "" {
		return owner
	}
	return s.Claim(row.Tags).Of
}

// TagsThere are the tags of the cluster's associations that there are.
func (s *State) TagsThere() []map[string]string {
	var all []map[string]string
	for _, name := range s.Records() {
		if row := s.row(name); row != nil && s.ours(row) {
			all = append(all, row.Tags)
		}
	}
	return all
}

// Plan returns what is left to do, and what stands in the way.
func (s *State) Plan() plan.Plan {
	var p plan.Plan
	if !s.Ready {
		if len(s.Associations) > 0 {
			p.Wait(Area, PendingReason, "the cluster")
		}
		return p
	}
	for _, name := range s.Records() {
		if !ekschild.Sees(s.snap, &p, Area, "the pod identity association of "+name, rights, s.Rows(mirror.EKSPodIdentities.Kind, name)[0]) {
			continue
		}
		a, row := s.wanted(name), s.row(name)
		switch {
		case a == nil && (row == nil || !s.ours(row)):
		case a == nil:
			p.Add(s.delete(name, row))
		case row == nil:
			p.Add(s.create(a))
		case !s.ours(row):
			p.Problem(Area, ForeignReason, "the pod identity association of %s is of %s; leave it out of spec.podIdentityAssociations, or, %s", name, s.of(row),
				s.Adopt(aws.ToString(row.AssociationArn)))
		default:
			p.Add(s.Retag(key(name), Area, "the pod identity association of "+name, aws.ToString(row.AssociationArn), s.Tags(nil), row.Tags)...)
			p.Add(s.update(a, row)...)
		}
	}
	return p
}

func key(name string) string { return "pod-identity/" + name }

// create is idempotent because a service account has one association in a cluster.
func (s *State) create(a *Association) plan.Action {
	return plan.Action{Key: key(a.name()), Area: Area, Verb: plan.Create, Operation: "eks.CreatePodIdentityAssociation",
		Input: &eks.CreatePodIdentityAssociationInput{ClusterName: aws.String(s.Cluster), Namespace: aws.String(a.Namespace), ServiceAccount: aws.String(a.ServiceAccount),
			RoleArn: aws.String(a.RoleARN), TargetRoleArn: optional(a.TargetRoleARN), DisableSessionTags: a.DisableSessionTags, Policy: optional(a.Policy), Tags: s.Tags(nil)},
		Summary: fmt.Sprintf("create the pod identity association of %s with role %s", a.name(), a.RoleARN)}
}

// update sends what differs, with what it is to go with.
func (s *State) update(a *Association, row *ekstypes.PodIdentityAssociation) []plan.Action {
	var differs []string
	if a.RoleARN != aws.ToString(row.RoleArn) {
		differs = append(differs, "role")
	}
	target := optional(a.TargetRoleARN)
	if a.TargetRoleARN != aws.ToString(row.TargetRoleArn) {
		target = aws.String(a.TargetRoleARN) // an empty one takes it away
		differs = append(differs, "target role")
	}
	if a.Policy != "" && !eksaddon.SameConfiguration(a.Policy, aws.ToString(row.Policy)) {
		differs = append(differs, "policy")
	}
	if a.DisableSessionTags != nil && *a.DisableSessionTags != aws.ToBool(row.DisableSessionTags) {
		differs = append(differs, "session tags")
	}
	if len(differs) == 0 {
		return nil
	}
	return []plan.Action{{Key: key(a.name()), Area: Area, Verb: plan.Update, Operation: "eks.UpdatePodIdentityAssociation",
		Input: &eks.UpdatePodIdentityAssociationInput{ClusterName: aws.String(s.Cluster), AssociationId: row.AssociationId, RoleArn: aws.String(a.RoleARN),
			TargetRoleArn: target, DisableSessionTags: a.DisableSessionTags, Policy: optional(a.Policy)},
		Summary: fmt.Sprintf("set the %s of the pod identity association of %s", strings.Join(differs, ", "), a.name())}}
}

func (s *State) delete(name string, row *ekstypes.PodIdentityAssociation) plan.Action {
	return plan.Action{Key: key(name), Area: Area, Verb: plan.Delete, Operation: "eks.DeletePodIdentityAssociation",
		Input:   &eks.DeletePodIdentityAssociationInput{ClusterName: aws.String(s.Cluster), AssociationId: row.AssociationId},
		Summary: fmt.Sprintf("delete the pod identity association of %s, which spec.podIdentityAssociations doesn't name any more", name)}
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
