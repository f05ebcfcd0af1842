package registrar

import (
	"fmt"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"

	"github.com/capa-apiserver/capa-apiserver/apis/takeover"
)

// Action is what is to be done with one object in the host.
type Action string

const (
	// ActionApply makes the object exist as desired.
	ActionApply Action = "Apply"
	// ActionTakeOver replaces the host's own registration by ours.
	ActionTakeOver Action = "TakeOver"
	// ActionRelease deletes our APIService, so that the host's own serves again.
	ActionRelease Action = "Release"
	// ActionLeave touches nothing.
	ActionLeave Action = "Leave"
)

// Reasons of decisions, as Events carry them.
const (
	ReasonClaimed          = "Claimed"
	ReasonTakenOver        = "TakenOver"
	ReasonReleased         = "Released"
	ReasonServedByCRD      = "ServedByCRD"
	ReasonForeignService   = "ServedByForeignAPIService"
	ReasonServedByHost     = "ServedByHost"
	ReasonNativeOnly       = "NativeOnly"
	ReasonShadow           = "ShadowCRD"
	ReasonForeignCRD       = "ForeignCRD"
	ReasonForeignCRDStores = "ForeignCRDStoresObjects"
)

const (
	automanagedLabel = "kube-aggregator.kubernetes.io/automanaged"
	providerLabel    = "cluster.x-k8s.io/provider"
)

// Decision is what is to be done about one group-version.
type Decision struct {
	GroupVersion schema.GroupVersion
	// Claimed tells whether the host should route the group-version to us.
	Claimed bool
	Action  Action
	Reason  string
	// Message is the line users read: "claimed: ..." or "not claimed: ...".
	Message string
}

// ShadowDecision is what is to be done about one kind's shadow CRD.
type ShadowDecision struct {
	Resource Resource
	Action   Action
	Reason   string
	Message  string
}

// HostState is what the host has, as far as decisions need it.
type HostState struct {
	CRDs        []*apiextensionsv1.CustomResourceDefinition
	APIServices []*apiregistrationv1.APIService
}

// Decide says for every group-version of the resources who should serve it. It
// depends on nothing but its arguments, so it gives the same on every replica
// and once carried out gives no further change.
//
// A claim that exists on a native version is never given back: objects have no
// other home, and a missing group makes the garbage collector delete what they
// own.
func Decide(mode Mode, resources []Resource, service ServiceLocation, host HostState) []Decision {
	var decisions []Decision
	for _, gv := range groupVersions(resources) {
		d := decideOne(mode, gv, service, host)
		d.GroupVersion = gv
		decisions = append(decisions, d)
	}
	return decisions
}

func decideOne(mode Mode, gv schema.GroupVersion, service ServiceLocation, host HostState) Decision {
	existing := findAPIService(host.APIServices, gv)
	servedBy := servingCRDs(host.CRDs, gv)
	legacy := gv.Version == LegacyVersion

	switch {
	case existing != nil && isForeign(existing, service):
		return leave(ReasonForeignService, "served by APIService %s of Service %s/%s", existing.Name, existing.Spec.Service.Namespace, existing.Spec.Service.Name)
	case legacy && mode == ModeNative:
		return releaseOrLeave(existing, ReasonNativeOnly, "the claim mode is native; our objects are reachable at "+NativeVersion)
	case existing != nil && isLocal(existing) && !isAutomanaged(existing):
		return leave(ReasonServedByHost, "APIService %s says that the host serves it itself; delete that APIService to let it be claimed", existing.Name)
	case mode == ModeAll && existing != nil && isLocal(existing):
		return Decision{Claimed: true, Action: ActionTakeOver, Reason: ReasonTakenOver, Message: "claimed: " + hides(servedBy)}
	case mode == ModeAll && len(servedBy) > 0:
		return Decision{Claimed: true, Action: ActionApply, Reason: ReasonClaimed, Message: "claimed: " + hides(servedBy)}
	case legacy && len(servedBy) > 0:
		return releaseOrLeave(existing, ReasonServedByCRD, "served by "+describe(servedBy)+"; our objects are reachable at "+NativeVersion)
	case existing != nil && isLocal(existing) && len(servedBy) == 0 && takenOver(host.CRDs, gv):
		return Decision{Claimed: true, Action: ActionTakeOver, Reason: ReasonTakenOver, Message: "claimed: the objects of CRDs that served it were taken over"}
	case existing != nil && isLocal(existing) && len(servedBy) > 0:
		return leave(ReasonServedByCRD, "served by %s", describe(servedBy))
	case existing != nil && isLocal(existing):
		// The host removes such a registration by itself soon after the last
		// CRD behind it went; the watch then brings us back here.
		return leave(ReasonServedByHost, "APIService %s says that the host serves it itself, though no CRD does any more", existing.Name)
	case existing == nil && len(servedBy) > 0:
		return leave(ReasonServedByCRD, "served by %s", describe(servedBy))
	default:
		return Decision{Claimed: true, Action: ActionApply, Reason: ReasonClaimed,
			Message: fmt.Sprintf("claimed: served by Service %s/%s", service.Namespace, service.Name)}
	}
}

func leave(reason, format string, args ...any) Decision {
	return Decision{Action: ActionLeave, Reason: reason, Message: "not claimed: " + fmt.Sprintf(format, args...)}
}

// releaseOrLeave: existing is ours, the host's own, or nil.
func releaseOrLeave(existing *apiregistrationv1.APIService, reason, why string) Decision {
	if existing == nil || isLocal(existing) {
		return leave(reason, "%s", why)
	}
	return Decision{Action: ActionRelease, Reason: ReasonReleased, Message: "not claimed: " + why}
}

func hides(crds []*apiextensionsv1.CustomResourceDefinition) string {
	if len(crds) == 0 {
		return "taken over from the host because the claim mode is all"
	}
	return "the claim mode is all, so these are hidden: " + describe(crds)
}

// describe names CRDs with the provider they belong to.
func describe(crds []*apiextensionsv1.CustomResourceDefinition) string {
	var names []string
	for _, crd := range crds {
		name := "CRD " + crd.Name
		if provider := crd.Labels[providerLabel]; provider != "" {
			name += " of provider " + provider
		}
		names = append(names, name)
	}
	slices.Sort(names)
	const shown = 5
	if len(names) > shown {
		return strings.Join(names[:shown], ", ") + fmt.Sprintf(" and %d more", len(names)-shown)
	}
	return strings.Join(names, ", ")
}

func findAPIService(all []*apiregistrationv1.APIService, gv schema.GroupVersion) *apiregistrationv1.APIService {
	for _, a := range all {
		if a.Name == apiServiceName(gv) {
			return a
		}
	}
	return nil
}

// servingCRDs are those for which the host itself registers the group-version.
// It does so for every served version, whatever the CRD's conditions say. Those whose objects
// were taken over are no reason to leave it there.
func servingCRDs(all []*apiextensionsv1.CustomResourceDefinition, gv schema.GroupVersion) []*apiextensionsv1.CustomResourceDefinition {
	var serving []*apiextensionsv1.CustomResourceDefinition
	for _, crd := range all {
		if _, taken := crd.Annotations[takeover.CRDAnnotation]; !taken && crd.Spec.Group == gv.Group && serves(crd, gv.Version) {
			serving = append(serving, crd)
		}
	}
	return serving
}

// takenOver tells whether CRDs of the group had their objects taken over into this server, to stay.
func takenOver(all []*apiextensionsv1.CustomResourceDefinition, gv schema.GroupVersion) bool {
	return slices.ContainsFunc(all, func(crd *apiextensionsv1.CustomResourceDefinition) bool {
		_, taken := crd.Annotations[takeover.CRDAnnotation]
		_, leaving := crd.Annotations[takeover.GivingBackAnnotation]
		return taken && !leaving && crd.Spec.Group == gv.Group
	})
}

func serves(crd *apiextensionsv1.CustomResourceDefinition, version string) bool {
	return slices.ContainsFunc(crd.Spec.Versions, func(v apiextensionsv1.CustomResourceDefinitionVersion) bool {
		return v.Served && v.Name == version
	})
}

func isLocal(a *apiregistrationv1.APIService) bool { return a.Spec.Service == nil }

// isForeign: routed to a Service that is not ours.
func isForeign(a *apiregistrationv1.APIService, ours ServiceLocation) bool {
	s := a.Spec.Service
	return s != nil && (s.Namespace != ours.Namespace || s.Name != ours.Name)
}

// isAutomanaged: the host made it for a CRD and will keep it in step.
func isAutomanaged(a *apiregistrationv1.APIService) bool {
	return a.Labels[automanagedLabel] == "true"
}
