// Package eksaddon plans the add-ons of an EKS cluster. An add-on that the spec names is
// managed, whoever made it; one that it doesn't name is left alone, unless the spec named it
// before. All of it but the handlers is pure.
package eksaddon

import (
	"cmp"
	"fmt"
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

// Area is the condition that tells of the add-ons, and FailedReason why it isn't true
// where one has failed.
const (
	Area          = "EKSAddonsConfigured"
	FailedReason  = "EKSAddonsConfiguredFailed"
	PendingReason = "EKSAddonsPending"
)

// The versions that stand for a channel: the one that EKS installs by default for the
// cluster's version, and the newest.
const (
	ChannelDefault = "default"
	ChannelLatest  = "latest"
)

// tagPreserve marks an add-on whose workload stays when the spec names it no more: the
// spec, which said so, doesn't tell any longer then.
const tagPreserve = "capa-apiserver.cluster.x-k8s.io/preserve-on-delete"

// Intent is what the add-ons of a cluster have to be.
type Intent struct {
	ekschild.Parent
	// Kubernetes is the cluster's minor version, as "1.34"; "" while it isn't known.
	Kubernetes string
	// Ready tells that the cluster takes add-ons.
	Ready  bool
	Addons []Addon
	// Recorded are the add-ons that the object's status has, which the spec may not name
	// any more.
	Recorded []string
}

// Addon is one add-on.
type Addon struct {
	Name string
	// Version is a version or a channel; the default one where it is "".
	Version string
	// Configuration is JSON or YAML; what it is set to is left alone where it is "".
	Configuration string
	// RoleARN is the role of its service account; left alone where it is "".
	RoleARN string
	// Identities are its pod identities; left alone where it is nil.
	Identities []ekstypes.AddonPodIdentityAssociations
	// Namespace is where it is installed, where it isn't EKS's choice. It can't be changed.
	Namespace string
	// Conflicts is what to do about fields that differ from EKS's; overwrite where it is "".
	Conflicts ekstypes.ResolveConflicts
	// Preserve leaves the workload in the cluster when the add-on goes.
	Preserve bool
}

// Wants are the rows that the add-ons are judged by. Nothing else has to wait for them.
func (in *Intent) Wants() []mirror.Interest {
	wants := in.Rows(mirror.EKSAddons.Kind, in.Names()...)
	for _, a := range in.Addons {
		if a.channel() != "" && in.Kubernetes != "" {
			wants = append(wants, in.versionsOf(a.Name))
		}
	}
	return wants
}

// Names are those of the add-ons of the spec, and of those that it named before.
func (in *Intent) Names() []string {
	var all []string
	for _, a := range in.Addons {
		all = append(all, a.Name)
	}
	all = append(all, in.Recorded...)
	slices.Sort(all)
	return slices.Compact(all)
}

func (in *Intent) versionsOf(addon string) mirror.Interest {
	return mirror.Interest{Kind: mirror.EKSAddonVersionsOf.Kind, Parent: in.Kubernetes, IDs: []string{addon}}
}

// channel is the one that an add-on follows, "" for one whose version is fixed.
func (a *Addon) channel() string {
	switch a.Version {
	case "", ChannelDefault:
		return ChannelDefault
	case ChannelLatest:
		return ChannelLatest
	}
	return ""
}

// State is the add-ons as a snapshot shows them, beside what is wanted of them.
type State struct {
	Intent
	snap *mirror.Snapshot
}

// Observe finds the add-ons in a snapshot.
func Observe(in Intent, snap *mirror.Snapshot) *State { return &State{Intent: in, snap: snap} }

func (s *State) row(name string) *mirror.EKSAddon {
	row, _ := mirror.Get(s.snap, mirror.EKSAddons, mirror.NameIn(s.Cluster, name))
	return row
}

// Row is an add-on of those that the spec names or named before, nil while there is none.
// While that can't be seen, known is false. What the spec named and isn't the cluster's is none.
func (s *State) Row(name string) (row *mirror.EKSAddon, known bool) {
	row = s.row(name)
	if row != nil && !slices.ContainsFunc(s.Addons, func(a Addon) bool { return a.Name == name }) && !s.Claim(row.Tags).Ours() {
		row = nil
	}
	return row, s.snap.SeenOf(s.Parent.Rows(mirror.EKSAddons.Kind, name)[0])
}

// TagsThere are the tags of the add-ons that there are.
func (s *State) TagsThere() []map[string]string {
	var all []map[string]string
	for _, name := range s.Names() {
		if row := s.row(name); row != nil {
			all = append(all, row.Tags)
		}
	}
	return all
}

// Plan returns what is left to do, and what is wrong with the add-ons.
func (s *State) Plan() plan.Plan {
	var p plan.Plan
	for _, name := range s.Names() {
		seen := ekschild.Sees(s.snap, &p, Area, "add-on "+name, "eks:DescribeAddon", s.Parent.Rows(mirror.EKSAddons.Kind, name)[0])
		i := slices.IndexFunc(s.Addons, func(a Addon) bool { return a.Name == name })
		switch {
		case !seen:
		case i >= 0:
			s.planAddon(&p, &s.Addons[i], s.row(name))
		default:
			s.planRemoved(&p, s.row(name))
		}
	}
	return p
}

func (s *State) planAddon(p *plan.Plan, a *Addon, row *mirror.EKSAddon) {
	version, ok := s.version(p, a, row)
	if row == nil {
		if ok {
			p.Add(s.create(a, version))
		}
		return
	}
	if version == "" {
		version = aws.ToString(row.AddonVersion)
	}
	if of := s.withheld(row); of != "" {
		p.Problem(Area, FailedReason, "add-on %s is of %s; take it out of spec.addons, or the tags that say so off the add-on", a.Name, of)
		return
	}
	s.tell(p, row)
	if row.Status == ekstypes.AddonStatusDeleting {
		return
	}
	if p.Add(s.retag(a, row)...); mirror.EKSAddons.Busy(row) {
		return
	}
	if row.Status == ekstypes.AddonStatusCreateFailed || row.Status == ekstypes.AddonStatusDeleteFailed {
		// EKS tries neither again by itself. The workload stays: some of it may have been there before.
		p.Add(s.delete(row, true, fmt.Sprintf("which failed (%s), to create it again", cmp.Or(Issues(row), "EKS gives no reason"))))
		return
	}
	if differs := differences(a, version, row); len(differs) > 0 {
		p.Add(s.update(a, version, row, differs))
	}
}

// withheld tells whose an add-on is that is another object's: its tags say so.
func (s *State) withheld(row *mirror.EKSAddon) string {
	if row.Tags[names.TagUID] == "" && row.Tags[names.TagNamespace] == "" {
		return ""
	}
	return s.Claim(row.Tags).Of
}

// planRemoved deletes an add-on that the spec named before, if it is the cluster's.
func (s *State) planRemoved(p *plan.Plan, row *mirror.EKSAddon) {
	if row == nil || !s.Claim(row.Tags).Ours() {
		return
	}
	if row.Status != ekstypes.AddonStatusDeleteFailed {
		s.tellPending(p, row)
	}
	if !mirror.EKSAddons.Busy(row) {
		p.Add(s.delete(row, row.Tags[tagPreserve] != "", "which spec.addons doesn't name any more"))
	}
}

// tell says what is wrong with an add-on, and what EKS is doing with it.
func (s *State) tell(p *plan.Plan, row *mirror.EKSAddon) {
	s.tellPending(p, row)
	issues := Issues(row)
	if issues == "" && (row.Status == ekstypes.AddonStatusActive || mirror.EKSAddons.Busy(row)) {
		return
	}
	p.Problem(Area, FailedReason, "add-on %s is %s: %s", aws.ToString(row.AddonName), row.Status, cmp.Or(issues, "EKS gives no reason"))
}

// Trouble is what EKS couldn't do with the add-ons, in its words; "" for nothing.
func (s *State) Trouble() string {
	var all []string
	for _, a := range s.Addons {
		if row := s.row(a.Name); row != nil && strings.HasSuffix(string(row.Status), "_FAILED") {
			all = append(all, fmt.Sprintf("add-on %s is %s: %s", a.Name, row.Status, cmp.Or(Issues(row), "EKS gives no reason")))
		}
	}
	return strings.Join(all, "; ")
}

func (s *State) tellPending(p *plan.Plan, row *mirror.EKSAddon) {
	if mirror.EKSAddons.Busy(row) {
		p.Wait(Area, PendingReason, fmt.Sprintf("add-on %s, which is %s", aws.ToString(row.AddonName), row.Status))
	}
}

// Issues are the health issues of an add-on, in EKS's words.
func Issues(row *mirror.EKSAddon) string {
	if row.Health == nil {
		return ""
	}
	var issues []string
	for _, issue := range row.Health.Issues {
		issues = append(issues, strings.TrimPrefix(string(issue.Code)+": "+aws.ToString(issue.Message), ": "))
	}
	return strings.Join(issues, "; ")
}

func key(name string) string { return "addon/" + name }

func (s *State) tags(a *Addon) map[string]string {
	tags := s.Tags(nil)
	if a.Preserve {
		tags[tagPreserve] = "true"
	}
	return tags
}

// create is idempotent because an add-on's name is unique in its cluster.
func (s *State) create(a *Addon, version string) plan.Action {
	conflicts := cmp.Or(a.Conflicts, ekstypes.ResolveConflictsOverwrite)
	if conflicts == ekstypes.ResolveConflictsPreserve { // only an update can preserve
		conflicts = ekstypes.ResolveConflictsNone
	}
	in := &eks.CreateAddonInput{ClusterName: aws.String(s.Cluster), AddonName: aws.String(a.Name), AddonVersion: optional(version),
		ConfigurationValues: optional(a.Configuration), ServiceAccountRoleArn: optional(a.RoleARN), PodIdentityAssociations: a.Identities,
		ResolveConflicts: conflicts, Tags: s.tags(a)}
	if a.Namespace != "" {
		in.NamespaceConfig = &ekstypes.AddonNamespaceConfigRequest{Namespace: aws.String(a.Namespace)}
	}
	action := plan.Action{Key: key(a.Name), Area: Area, Verb: plan.Create, Operation: "eks.CreateAddon", Input: in,
		Summary: strings.TrimSuffix(fmt.Sprintf("create add-on %s %s", a.Name, version), " ")}
	if !s.Ready {
		action.WaitsFor = "the cluster"
	}
	return action
}

// update sends all that an add-on is set to: what an update leaves out, EKS may reset.
func (s *State) update(a *Addon, version string, row *mirror.EKSAddon, differs []string) plan.Action {
	in := &eks.UpdateAddonInput{ClusterName: aws.String(s.Cluster), AddonName: aws.String(a.Name), AddonVersion: optional(version),
		ConfigurationValues:   optional(cmp.Or(a.Configuration, aws.ToString(row.ConfigurationValues))),
		ServiceAccountRoleArn: optional(cmp.Or(a.RoleARN, aws.ToString(row.ServiceAccountRoleArn))),
		ResolveConflicts:      cmp.Or(a.Conflicts, ekstypes.ResolveConflictsOverwrite)}
	if slices.Contains(differs, podIdentities) {
		in.PodIdentityAssociations = a.Identities
	}
	action := plan.Action{Key: key(a.Name), Area: Area, Verb: plan.Update, Operation: "eks.UpdateAddon", Input: in,
		Summary: fmt.Sprintf("set add-on %s to %s, which changes %s", a.Name, version, strings.Join(differs, ", "))}
	if !s.Ready {
		action.WaitsFor = "the cluster"
	}
	return action
}

func (s *State) delete(row *mirror.EKSAddon, preserve bool, why string) plan.Action {
	name := aws.ToString(row.AddonName)
	return plan.Action{Key: key(name), Area: Area, Verb: plan.Delete, Operation: "eks.DeleteAddon",
		Input:   &eks.DeleteAddonInput{ClusterName: aws.String(s.Cluster), AddonName: aws.String(name), Preserve: preserve},
		Summary: fmt.Sprintf("delete add-on %s, %s", name, why)}
}

func (s *State) retag(a *Addon, row *mirror.EKSAddon) []plan.Action {
	parent, want := s.Parent, s.tags(a)
	if !a.Preserve {
		parent.Removed = append(slices.Clone(parent.Removed), tagPreserve)
	}
	return parent.Retag(key(a.Name), Area, "add-on "+a.Name, aws.ToString(row.AddonArn), want, row.Tags)
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
