package eksaddon

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ekschild"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// version returns the version that an add-on has to have, and false while that isn't known.
// "" leaves it to EKS. A channel never leads back: what is newer than it stays, as long as
// the cluster's version takes it.
func (s *State) version(p *plan.Plan, a *Addon, row *mirror.EKSAddon) (string, bool) {
	channel := a.channel()
	if channel == "" {
		return a.Version, true
	}
	offered := s.offered(p, a.Name)
	if offered == nil {
		return "", channel == ChannelDefault && s.refused(a.Name)
	}
	chosen := choose(channel, offered)
	if chosen == "" {
		p.Problem(Area, FailedReason, "add-on %s has no %s version for Kubernetes %s; name a version", a.Name, channel, s.Kubernetes)
		return "", false
	}
	if row != nil {
		if now := aws.ToString(row.AddonVersion); mirror.NewerAddon(now, chosen) && slices.Contains(offered.Names(), now) {
			return now, true
		}
	}
	return chosen, true
}

// offered are the versions of an add-on that EKS offers; none while that isn't known, or
// where it has no such add-on, which the plan says.
func (s *State) offered(p *plan.Plan, addon string) *mirror.EKSAddonVersions {
	if s.Kubernetes == "" {
		p.Wait(Area, PendingReason, "the version of the cluster")
		return nil
	}
	what := fmt.Sprintf("the versions of add-on %s for Kubernetes %s", addon, s.Kubernetes)
	if !ekschild.Sees(s.snap, p, Area, what, "eks:DescribeAddonVersions", s.versionsOf(addon)) {
		return nil
	}
	found, _ := mirror.Get(s.snap, mirror.EKSAddonVersionsOf, mirror.NameIn(s.Kubernetes, addon))
	if found == nil || len(found.Versions) == 0 {
		p.Problem(Area, FailedReason, "EKS has no add-on %s for Kubernetes %s; take it out of spec.addons, or correct its name", addon, s.Kubernetes)
		return nil
	}
	return found
}

// refused tells that the identity may not ask for the versions: EKS chooses its default by
// itself.
func (s *State) refused(addon string) bool {
	return s.Kubernetes != "" && cloud.IsUnauthorized(s.snap.ErrOf(s.versionsOf(addon)))
}

// choose returns the version of a channel, "" if there is none.
func choose(channel string, offered *mirror.EKSAddonVersions) string {
	if channel == ChannelLatest {
		return offered.Newest()
	}
	return offered.Default()
}
