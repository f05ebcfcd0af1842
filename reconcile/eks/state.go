package eks

import (
	"fmt"
	"slices"
	"strings"
	"time"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksupdate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// State is an EKS cluster as a snapshot shows it, beside what is wanted of it.
type State struct {
	Intent
	// Row is what AWS has under the name, nil for nothing; only what is Ours is the owner's.
	Row   *ekstypes.Cluster
	Claim ownership.Claim
	// Updates are those of the cluster.
	Updates *eksupdate.State

	snap *mirror.Snapshot
	plan plan.Plan
}

// Observe finds the cluster in a snapshot.
func Observe(in Intent, snap *mirror.Snapshot) *State {
	s := &State{Intent: in, snap: snap}
	if s.Row, _ = mirror.Get(snap, mirror.EKSClusters, in.Name); s.Row != nil {
		in.Owner.Named = ownership.EKSCluster(in.Name)
		s.Claim = in.Owner.Claim(ownership.Resource{ID: in.Owner.Named, Tags: s.Row.Tags, Recorded: s.recorded()})
	}
	in.Updates.Cluster = in.Name
	s.Updates = eksupdate.Observe(in.Updates, snap, s.restedAt)
	return s
}

// Of is the EKS cluster that a control plane names, as those see it who have something below it.
func Of(c *controlplanev1.AWSManagedControlPlane, living ownership.Living, snap *mirror.Snapshot) *State {
	owner := ownership.Owner{Owner: names.Owner{Cluster: c.ClusterName(), UID: string(c.UID), Namespace: c.Namespace}, Kind: ownership.KindControlPlane, Name: c.Name,
		Former: c.Status.FormerUIDs, Created: c.CreationTimestamp.Time, Account: c.Status.AccountID, Region: c.Spec.Region, Living: living}
	return Observe(Intent{Owner: owner, Name: c.ClusterName(), Recorded: c.Spec.ControlPlaneEndpoint.Host}, snap)
}

// Foreign says whose the cluster of the name is where it isn't the owner's, "" where it is or there is none.
func (s *State) Foreign() string {
	if s.Row == nil {
		return ""
	}
	return s.Claim.Of
}

// restedAt is when the cluster was read last and was ACTIVE, zero while it isn't.
func (s *State) restedAt() time.Time {
	if s.Row == nil || s.Row.Status != ekstypes.ClusterStatusActive {
		return time.Time{}
	}
	return s.snap.ObservedOf(s.cluster())
}

// recorded tells that the object knows the cluster by its endpoint, which no other one has.
func (s *State) recorded() bool {
	return s.Recorded != "" && Host(s.Recorded) == Host(aws.ToString(s.Row.Endpoint))
}

// Host is the name of an endpoint, which is recorded as EKS writes it, as a URL.
func Host(endpoint string) string { return strings.TrimPrefix(endpoint, "https://") }

// Wants are the rows that tell of the cluster, with the update that is in progress.
func (s *State) Wants() []mirror.Interest {
	return append(s.Intent.Wants(), s.Updates.Wants()...)
}

// Seen tells that it is known whether there is such a cluster.
func (s *State) Seen() bool { return s.snap.SeenOf(s.cluster()) }

// Own returns the cluster if it is the owner's.
func (s *State) Own() *ekstypes.Cluster {
	if !s.Claim.Ours() {
		return nil
	}
	return s.Row
}

// Active tells that the cluster serves its API.
func (s *State) Active() bool {
	c := s.Own()
	return c != nil && (c.Status == ekstypes.ClusterStatusActive || c.Status == ekstypes.ClusterStatusUpdating) && aws.ToString(c.Endpoint) != ""
}

// Version is what a status shows of the version.
func (s *State) Version() string {
	if c := s.Own(); c != nil && c.Status != ekstypes.ClusterStatusCreating {
		return Echo(s.Intent.Version, aws.ToString(c.Version))
	}
	return ""
}

// Locked tells what keeps anything else of the cluster from being changed that EKS changes
// one at a time, "" for nothing.
func (s *State) Locked() string {
	switch c, locked := s.Own(), s.Updates.Locked("EKS cluster "+s.Name); {
	case c == nil:
		return "the EKS cluster"
	case locked != "":
		return locked
	case c.Status == ekstypes.ClusterStatusUpdating:
		return fmt.Sprintf("an update of EKS cluster %s that was begun elsewhere", s.Name)
	case c.Status != ekstypes.ClusterStatusActive:
		return fmt.Sprintf("EKS cluster %s, which is %s", s.Name, c.Status)
	}
	return ""
}

// Plan returns what is left to do, and what stands in the way.
func (s *State) Plan() plan.Plan {
	p := &State{}
	*p = *s
	p.plan = plan.Plan{}
	switch {
	case !p.Seen():
		p.unseen()
	case p.Row == nil:
		p.planCreate()
	case !p.Claim.Ours():
		p.foreign()
	default:
		p.planCluster()
	}
	return p.plan
}

// unseen waits until the cluster was read, and tells why it couldn't be.
func (s *State) unseen() {
	if err := s.snap.ErrOf(s.cluster()); err != nil {
		s.problem(AreaReady, "EKS cluster %s can't be read: %s", s.Name, cloud.Classify(err).Message)
		return
	}
	s.plan.Wait(AreaReady, conditions.WaitingForObservation, "a look at EKS cluster "+s.Name)
}

// foreign says whose the cluster is, and what can be done. Whoever may tag it may give it away: that its name is
// written here proves nothing, and opens nothing of it but that there is one.
func (s *State) foreign() {
	text := fmt.Sprintf("EKS cluster %s is of %s; choose another spec.eksClusterName in a new object", s.Name, s.Claim.Of)
	if !s.Claim.Undecided && !s.Owner.Lives(s.Row.Tags[names.TagUID]) {
		text += fmt.Sprintf(", or, if it is to be this object's from now on, say so in AWS: aws eks tag-resource --resource-arn $(aws eks describe-cluster --name %s --query cluster.arn --output text) --tags %s=%s,%s=%s,%s=%s",
			s.Name, names.TagOwnedPrefix+s.Name, names.Owned, names.TagUID, s.Owner.UID, names.TagNamespace, s.Owner.Namespace)
	}
	s.problem(AreaReady, "%s", text)
}

// planCluster plans for a cluster that is the owner's.
func (s *State) planCluster() {
	switch s.Row.Status {
	case ekstypes.ClusterStatusCreating, ekstypes.ClusterStatusPending:
		s.plan.Wait(AreaReady, "Creating", fmt.Sprintf("EKS cluster %s, which is %s", s.Name, s.Row.Status))
		return
	case ekstypes.ClusterStatusDeleting:
		s.plan.Wait(AreaReady, "Deleting", fmt.Sprintf("the end of EKS cluster %s, which somebody deleted", s.Name))
		return
	case ekstypes.ClusterStatusFailed:
		s.problem(AreaReady, "EKS cluster %s is FAILED%s; EKS can't repair it: delete it (aws eks delete-cluster --name %s) to have it made anew, or delete this object", s.Name, s.issues(), s.Name)
		return
	}
	s.planTags()
	s.planUpdates()
}

// issues are AWS's words on the cluster's health.
func (s *State) issues() string {
	issues := Issues(s.Row)
	if len(issues) == 0 {
		return ""
	}
	return " (" + strings.Join(issues, "; ") + ")"
}

// Issues are what AWS says of the health of a cluster.
func Issues(c *ekstypes.Cluster) []string {
	if c == nil || c.Health == nil {
		return nil
	}
	var all []string
	for _, issue := range c.Health.Issues {
		text := string(issue.Code)
		if m := aws.ToString(issue.Message); m != "" {
			text += ": " + m
		}
		if len(issue.ResourceIds) > 0 {
			text += " (" + strings.Join(issue.ResourceIds, ", ") + ")"
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return all
}

// planTags tags the cluster, which can be done at any time. Tags that nobody here wants are
// left alone: others may have put them there.
func (s *State) planTags() {
	want, have := s.tags(), s.Row.Tags
	missing := names.Missing(want, have)
	if len(missing) == 0 {
		return
	}
	a := plan.Action{Key: "eks-cluster/tags", Area: AreaReady, Verb: plan.Update, Operation: "eks.TagResource", Input: &eks.TagResourceInput{ResourceArn: s.Row.Arn, Tags: missing},
		Summary: fmt.Sprintf("tag EKS cluster %s with %s", s.Name, strings.Join(names.SortedKeys(missing), ", ")), Claims: s.Claim.Verdict == ownership.Moved}
	s.plan.Add(a)
}

func (s *State) problem(area, format string, args ...any) {
	s.plan.Problem(area, Failed, format, args...)
}
