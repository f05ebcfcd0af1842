// Package eksparts puts together what hangs below an EKS cluster, or belongs to it: add-ons,
// access entries, identity provider, pod identity associations, and the OIDC provider in IAM.
// None of it keeps a cluster from being ready, and what one can't do stops no other.
package eksparts

import (
	"slices"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksaccess"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksaddon"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ekschild"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksidentity"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ekspodidentity"
	"github.com/capa-apiserver/capa-apiserver/reconcile/oidcprovider"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Intent is what the parts have to be.
type Intent struct {
	Addons        eksaddon.Intent
	Access        eksaccess.Intent
	Provider      oidcprovider.Intent
	Identity      eksidentity.Intent
	PodIdentities ekspodidentity.Intent
}

// Wants are the rows that the parts are judged by. Nothing else has to wait for them.
func (in *Intent) Wants() []mirror.Interest {
	return slices.Concat(in.Addons.Wants(), in.Access.Wants(), in.Provider.Wants(), in.Identity.Wants(), in.PodIdentities.Wants())
}

// State is the parts as a snapshot shows them, beside what is wanted of them.
type State struct {
	Addons        *eksaddon.State
	Access        *eksaccess.State
	Provider      *oidcprovider.State
	Identity      *eksidentity.State
	PodIdentities *ekspodidentity.State
}

// Observe finds the parts in a snapshot.
func Observe(in Intent, snap *mirror.Snapshot) *State {
	return &State{
		Addons: eksaddon.Observe(in.Addons, snap), Access: eksaccess.Observe(in.Access, snap), Provider: oidcprovider.Observe(in.Provider, snap),
		Identity: eksidentity.Observe(in.Identity, snap), PodIdentities: ekspodidentity.Observe(in.PodIdentities, snap),
	}
}

// Tags are those of what there is below the cluster.
func (s *State) Tags() []map[string]string {
	return slices.Concat(s.Addons.TagsThere(), s.Access.TagsThere(), s.PodIdentities.TagsThere())
}

// Plan returns what is left to do, and what stands in the way.
func (s *State) Plan() plan.Plan {
	var p plan.Plan
	for _, part := range []interface{ Plan() plan.Plan }{s.Access, s.Provider, s.Addons, s.PodIdentities, s.Identity} {
		p.Join(part.Plan())
	}
	return p
}

// PlanDelete returns what is left to do until nothing is left that doesn't go with the cluster.
func (s *State) PlanDelete() plan.Plan {
	provider := *s.Provider
	provider.Wanted = false
	return provider.Plan()
}

// Areas are the conditions of the parts that there are: wanted ones, and ones to be removed.
func (s *State) Areas() []conditions.Area {
	var areas []conditions.Area
	add := func(there bool, area, pending, failed string) {
		if there {
			areas = append(areas, conditions.Area{Type: area, Pending: pending, Failed: failed})
		}
	}
	add(len(s.Access.Records()) > 0, eksaccess.Area, eksaccess.PendingReason, eksaccess.FailedReason)
	add(s.Provider.Wanted || s.Provider.Recorded != "", oidcprovider.Area, oidcprovider.PendingReason, oidcprovider.FailedReason)
	add(len(s.Addons.Addons)+len(s.Addons.Recorded) > 0, eksaddon.Area, eksaddon.PendingReason, eksaddon.FailedReason)
	add(len(s.PodIdentities.Records()) > 0, ekspodidentity.Area, ekspodidentity.PendingReason, ekspodidentity.FailedReason)
	add(s.Identity.Config != nil || s.Identity.Recorded != "", eksidentity.Area, eksidentity.PendingReason, eksidentity.FailedReason)
	return areas
}

// AllAreas are the conditions that the parts may have.
var AllAreas = []string{eksaccess.Area, oidcprovider.Area, eksaddon.Area, ekspodidentity.Area, eksidentity.Area}

// Handlers carry out the actions of the parts, and tag whatever EKS has.
func Handlers() []plan.Handler {
	return slices.Concat(ekschild.Handlers(), eksaddon.Handlers(), eksaccess.Handlers(), oidcprovider.Handlers(), eksidentity.Handlers(), ekspodidentity.Handlers())
}
