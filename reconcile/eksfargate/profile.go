// Package eksfargate plans a Fargate profile of an EKS cluster, which says what pods run on
// Fargate. Nothing of it but its tags can be changed, and of a cluster's profiles AWS makes or
// deletes one at a time. All of it but the handlers is pure.
package eksfargate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ekschild"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Area is the condition that tells of the profile, and its reasons.
const (
	Area           = "EKSFargateProfileReady"
	FailedReason   = "Failed"
	CreatingReason = "Creating"
	DeletingReason = "Deleting"
)

// Intent is what the profile has to be.
type Intent struct {
	ekschild.Parent
	// Name is the profile's.
	Name string
	// WaitsFor is what has to be there before the profile is made, "" for nothing.
	WaitsFor string
	// Tags are the profile's own, over those of the cluster.
	OwnTags map[string]string
	RoleARN string
	// Subnets are where its pods run. Chosen tells that they are the cluster's private
	// subnets and not the user's choice: a profile that was made keeps those that it has.
	Subnets   []string
	Chosen    bool
	Selectors []ekstypes.FargateProfileSelector
}

// Wants are the rows that the profile is judged by.
func (in *Intent) Wants() []mirror.Interest {
	return in.Rows(mirror.EKSFargateProfiles.Kind, in.Name)
}

// State is the profile as a snapshot shows it, beside what is wanted of it.
type State struct {
	Intent
	// Row is nil while there is no profile of the name.
	Row   *ekstypes.FargateProfile
	claim ownership.Claim
	snap  *mirror.Snapshot
}

// Observe finds the profile in a snapshot.
func Observe(in Intent, snap *mirror.Snapshot) *State {
	s := &State{Intent: in, snap: snap}
	if s.Row, _ = mirror.Get(snap, mirror.EKSFargateProfiles, mirror.NameIn(in.Cluster, in.Name)); s.Row != nil {
		s.claim = in.Claim(s.Row.Tags)
	}
	return s
}

// Seen tells that it is known whether there is such a profile.
func (s *State) Seen() bool { return s.snap.SeenOf(s.Wants()...) }

// Own is the profile if it is the owner's, else nil.
func (s *State) Own() *ekstypes.FargateProfile {
	if s.Row == nil || !s.claim.Ours() {
		return nil
	}
	return s.Row
}

// Active tells that pods can run on the profile.
func (s *State) Active() bool {
	return s.Own() != nil && s.Row.Status == ekstypes.FargateProfileStatusActive
}

// Plan returns what is left to do, and what stands in the way.
func (s *State) Plan() plan.Plan {
	var p plan.Plan
	if !ekschild.Sees(s.snap, &p, Area, "Fargate profile "+s.Name, "eks:DescribeFargateProfile", s.Wants()[0]) {
		return p
	}
	switch {
	case s.Row == nil:
		p.Add(s.create())
	case s.Own() == nil:
		p.Problem(Area, FailedReason, "Fargate profile %s of EKS cluster %s is of %s; give another name in spec.profileName, or, %s", s.Name, s.Cluster, s.claim.Of,
			s.Adopt(aws.ToString(s.Row.FargateProfileArn)))
	default:
		s.planOwn(&p)
	}
	return p
}

func (s *State) planOwn(p *plan.Plan) {
	switch s.Row.Status {
	case ekstypes.FargateProfileStatusCreating:
		p.Wait(Area, CreatingReason, "EKS to make Fargate profile "+s.Name)
	case ekstypes.FargateProfileStatusDeleting:
		p.Wait(Area, DeletingReason, "the end of Fargate profile "+s.Name+", to make it again")
		return
	case ekstypes.FargateProfileStatusCreateFailed, ekstypes.FargateProfileStatusDeleteFailed:
		p.Problem(Area, FailedReason, "Fargate profile %s is %s: %s", s.Name, s.Row.Status, cmp.Or(Issues(s.Row), "EKS gives no reason"))
		p.Add(s.delete(fmt.Sprintf("which failed (%s), to make it again", cmp.Or(Issues(s.Row), "EKS gives no reason"))))
		return
	default:
		if issues := Issues(s.Row); issues != "" {
			p.Problem(Area, FailedReason, "Fargate profile %s: %s", s.Name, issues)
		}
	}
	if differs := s.differences(); len(differs) > 0 {
		p.Problem(Area, FailedReason, "Fargate profile %s has another %s than spec says, which EKS can't change; delete this object and make another one, or say what there is",
			s.Name, strings.Join(differs, ", "))
	}
	p.Add(s.Retag(key, Area, "Fargate profile "+s.Name, aws.ToString(s.Row.FargateProfileArn), s.Tags(s.OwnTags), s.Row.Tags)...)
}

// PlanDelete returns what is left to do until the profile is gone. What isn't the owner's stays.
func (s *State) PlanDelete() plan.Plan {
	var p plan.Plan
	switch {
	case !ekschild.Sees(s.snap, &p, Area, "Fargate profile "+s.Name, "eks:DescribeFargateProfile", s.Wants()[0]), s.Own() == nil:
	case s.Row.Status == ekstypes.FargateProfileStatusDeleting:
		p.Wait(Area, DeletingReason, "the end of Fargate profile "+s.Name)
	case s.Row.Status == ekstypes.FargateProfileStatusCreating:
		p.Wait(Area, DeletingReason, "EKS to have made Fargate profile "+s.Name+", before which it can't be deleted")
	default:
		p.Add(s.delete("which is wanted no more"))
	}
	return p
}

const key = "fargate-profile"

// create is idempotent because a profile's name is unique in its cluster.
func (s *State) create() plan.Action {
	return plan.Action{Key: key, Area: Area, Verb: plan.Create, Operation: "eks.CreateFargateProfile", WaitsFor: cmp.Or(s.WaitsFor, s.others()),
		Input: &eks.CreateFargateProfileInput{ClusterName: aws.String(s.Cluster), FargateProfileName: aws.String(s.Name), PodExecutionRoleArn: aws.String(s.RoleARN),
			Subnets: s.Subnets, Selectors: s.Selectors, Tags: s.Tags(s.OwnTags)},
		Summary: fmt.Sprintf("create Fargate profile %s of EKS cluster %s", s.Name, s.Cluster)}
}

func (s *State) delete(why string) plan.Action {
	return plan.Action{Key: key, Area: Area, Verb: plan.Delete, Operation: "eks.DeleteFargateProfile", WaitsFor: s.others(),
		Input:   &eks.DeleteFargateProfileInput{ClusterName: aws.String(s.Cluster), FargateProfileName: aws.String(s.Name)},
		Summary: fmt.Sprintf("delete Fargate profile %s, %s", s.Name, why)}
}

// others says which profile of the cluster AWS is making or deleting, "" for none.
func (s *State) others() string {
	for _, row := range mirror.Below(s.snap, mirror.EKSFargateProfiles, s.Cluster) {
		if aws.ToString(row.FargateProfileName) != s.Name && mirror.EKSFargateProfiles.Busy(row) {
			return fmt.Sprintf("Fargate profile %s of the cluster, which is %s", aws.ToString(row.FargateProfileName), row.Status)
		}
	}
	return ""
}

// differences names what the profile has otherwise than the spec says.
func (s *State) differences() []string {
	var differs []string
	if s.RoleARN != "" && s.RoleARN != aws.ToString(s.Row.PodExecutionRoleArn) {
		differs = append(differs, "role")
	}
	if !s.Chosen && !slices.Equal(sorted(s.Subnets), sorted(s.Row.Subnets)) {
		differs = append(differs, "subnets")
	}
	if !slices.EqualFunc(inOrder(s.Selectors), inOrder(s.Row.Selectors), sameSelector) {
		differs = append(differs, "selectors")
	}
	return differs
}

func sameSelector(a, b ekstypes.FargateProfileSelector) bool {
	return aws.ToString(a.Namespace) == aws.ToString(b.Namespace) && maps.Equal(a.Labels, b.Labels)
}

func inOrder(selectors []ekstypes.FargateProfileSelector) []ekstypes.FargateProfileSelector {
	text := func(s ekstypes.FargateProfileSelector) string { return fmt.Sprint(aws.ToString(s.Namespace), s.Labels) }
	selectors = slices.Clone(selectors)
	slices.SortFunc(selectors, func(a, b ekstypes.FargateProfileSelector) int { return cmp.Compare(text(a), text(b)) })
	return selectors
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

// Issues are the health issues of a profile, in EKS's words.
func Issues(row *ekstypes.FargateProfile) string {
	if row.Health == nil {
		return ""
	}
	var issues []string
	for _, issue := range row.Health.Issues {
		issues = append(issues, strings.TrimPrefix(string(issue.Code)+": "+aws.ToString(issue.Message), ": "))
	}
	return strings.Join(issues, "; ")
}
