package nodegroup

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksupdate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// State is a node group as a snapshot shows it, beside what is wanted of it.
type State struct {
	Intent
	// Row is nil while there is no node group of the name; only what is Own is the owner's.
	Row *ekstypes.Nodegroup
	// Group is its Auto Scaling group, nil while none is to be seen.
	Group *mirror.AutoScalingGroup
	// Updates are those of the node group.
	Updates *eksupdate.State

	claim ownership.Claim
	snap  *mirror.Snapshot
}

// Observe finds the node group in a snapshot.
func Observe(in Intent, snap *mirror.Snapshot) *State {
	s := &State{Intent: in, snap: snap}
	if s.Row, _ = mirror.Get(snap, mirror.EKSNodegroups, mirror.NameIn(in.Cluster, in.Name)); s.Row != nil {
		s.claim = in.Claim(s.Row.Tags)
		s.Group, _ = mirror.Get(snap, mirror.AutoScalingGroups, s.GroupName())
	}
	in.Updates.Cluster, in.Updates.Nodegroup = in.Cluster, in.Name
	s.Updates = eksupdate.Observe(in.Updates, snap, s.restedAt)
	return s
}

// restedAt is when the node group was read last and wasn't changing, zero while it is.
func (s *State) restedAt() time.Time {
	if s.Row == nil || mirror.EKSNodegroups.Busy(s.Row) {
		return time.Time{}
	}
	return s.snap.ObservedOf(s.Intent.Wants()...)
}

// Wants are the rows that tell of the node group, with the update that is in progress.
func (s *State) Wants() []mirror.Interest { return append(s.Intent.Wants(), s.Updates.Wants()...) }

// Seen tells that it is known whether there is such a node group.
func (s *State) Seen() bool { return s.snap.SeenOf(s.Intent.Wants()...) }

// Own is the node group if it is the owner's, else nil.
func (s *State) Own() *ekstypes.Nodegroup {
	if s.Row == nil || !s.claim.Ours() {
		return nil
	}
	return s.Row
}

// Serving tells that the node group was made and is to stay: it gets nodes.
func (s *State) Serving() bool {
	own := s.Own()
	return own != nil && slices.Contains([]ekstypes.NodegroupStatus{ekstypes.NodegroupStatusActive, ekstypes.NodegroupStatusUpdating, ekstypes.NodegroupStatusDegraded}, own.Status)
}

// GroupName is the name of the Auto Scaling group that EKS made, "" while there is none.
func (s *State) GroupName() string {
	if s.Row == nil || s.Row.Resources == nil || len(s.Row.Resources.AutoScalingGroups) == 0 {
		return ""
	}
	return aws.ToString(s.Row.Resources.AutoScalingGroups[0].Name)
}

// GroupGone tells that the Auto Scaling group was there and isn't any more.
func (s *State) GroupGone() bool {
	return s.Own() != nil && s.GroupName() != "" && s.Group == nil && !s.ending() &&
		s.snap.AbsentSince(mirror.AutoScalingGroups.Kind, aws.ToTime(s.Row.CreatedAt).Add(s.snap.Grace))
}

func (s *State) ending() bool { return s.Row.Status == ekstypes.NodegroupStatusDeleting }

// Doubtful tells that the sweeps show something of which EKS will have something to say that
// it didn't say yet: the Auto Scaling group is gone, or has too few instances.
func (s *State) Doubtful() bool {
	return s.Own() != nil && s.Row.Status == ekstypes.NodegroupStatusActive && (s.GroupGone() || s.Group != nil && s.Group.Short())
}

// desired is how many nodes there are to be now, as the Auto Scaling group has it: others
// than EKS change it there.
func (s *State) desired() *int32 {
	switch {
	case s.Group != nil && s.Group.DesiredCapacity != nil:
		return s.Group.DesiredCapacity
	case s.Row.ScalingConfig != nil:
		return s.Row.ScalingConfig.DesiredSize
	}
	return nil
}

// Locked tells what keeps the node group from being changed, "" for nothing.
func (s *State) Locked() string {
	switch own, locked := s.Own(), s.Updates.Locked("node group "+s.Name); {
	case own == nil:
		return "the node group"
	case locked != "":
		return locked
	case own.Status == ekstypes.NodegroupStatusUpdating:
		return fmt.Sprintf("an update of node group %s that was begun elsewhere", s.Name)
	case own.Status == ekstypes.NodegroupStatusDegraded && !s.changeable():
		return fmt.Sprintf("what EKS finds wrong with node group %s to be put right, before which it changes nothing", s.Name)
	case own.Status != ekstypes.NodegroupStatusActive && own.Status != ekstypes.NodegroupStatusDegraded:
		return fmt.Sprintf("node group %s, which is %s", s.Name, own.Status)
	}
	return ""
}

// harmless are the issues with which EKS changes a node group all the same.
var harmless = []ekstypes.NodegroupIssueCode{ekstypes.NodegroupIssueCodeAsgInstanceLaunchFailures, ekstypes.NodegroupIssueCodeInstanceLimitExceeded,
	ekstypes.NodegroupIssueCodeInsufficientFreeAddresses, ekstypes.NodegroupIssueCodeClusterUnreachable}

func (s *State) changeable() bool {
	return s.Row.Health == nil || !slices.ContainsFunc(s.Row.Health.Issues, func(i ekstypes.Issue) bool { return !slices.Contains(harmless, i.Code) })
}

// Issues are the health issues of a node group, in EKS's words.
func Issues(row *ekstypes.Nodegroup) string {
	if row.Health == nil {
		return ""
	}
	var issues []string
	for _, issue := range row.Health.Issues {
		text := strings.TrimPrefix(string(issue.Code)+": "+aws.ToString(issue.Message), ": ")
		if len(issue.ResourceIds) > 0 {
			text += " (" + strings.Join(issue.ResourceIds, ", ") + ")"
		}
		issues = append(issues, text)
	}
	return strings.Join(issues, "; ")
}

// The reasons of what is waited for, and of what EKS finds wrong.
const (
	reasonCreating = infrav1.EKSNodegroupCreatingReason
	reasonDeleting = infrav1.EKSNodegroupDeletingReason
	reasonDegraded = infrav1.EKSNodegroupDegradedReason
	reasonUpdating = "Updating"
)
