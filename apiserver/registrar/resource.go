// Package registrar decides which group-versions the host cluster routes to
// this server and keeps the objects that say so: APIServices, and for each kind
// a CRD that is never served, because Cluster API and clusterctl look up labels
// on CRDs. It takes nothing away from another provider.
package registrar

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
)

const (
	// NativeVersion is ours alone in every group, and the name of the one
	// version of a shadow CRD.
	NativeVersion = "v2beta1"
	// LegacyVersion is the version other providers serve in the same groups, so
	// it is claimed only where nobody else has it.
	LegacyVersion = "v1beta2"
)

// Mode says how far the registrar goes in claiming LegacyVersion.
type Mode string

const (
	// ModeAuto claims it where no CRD and no APIService of someone else has it.
	ModeAuto Mode = "auto"
	// ModeNative never claims it.
	ModeNative Mode = "native"
	// ModeAll claims it beside served CRDs too, which hides them.
	ModeAll Mode = "all"
)

// ParseMode reads the value of a flag.
func ParseMode(s string) (Mode, error) {
	if m := Mode(s); slices.Contains([]Mode{ModeAuto, ModeNative, ModeAll}, m) {
		return m, nil
	}
	return "", fmt.Errorf("unknown claim mode %q: write auto, native or all, for example --claim=auto", s)
}

// Resource is one kind that the server serves.
type Resource struct {
	Group      string
	Kind       string
	Plural     string
	Singular   string
	ShortNames []string
	Categories []string
	Namespaced bool
	// Versions lists every version the server serves of the kind.
	Versions []string
	// ShadowLabels are added to those that every shadow CRD carries, and win
	// over them.
	ShadowLabels map[string]string
}

func (r Resource) shadowName() string { return r.Plural + "." + r.Group }

// hasShadow: only kinds that Cluster API can refer to need one.
func (r Resource) hasShadow() bool { return slices.Contains(r.Versions, NativeVersion) }

// ServiceLocation is the Service behind which this server stands.
type ServiceLocation struct {
	Namespace string
	Name      string
	Port      int32
	// ExternalName makes the registrar create Namespace and Service itself, of
	// type ExternalName, for a server outside the cluster: localhost. Empty
	// means that the Service exists.
	ExternalName string
}

func (s ServiceLocation) validate() error {
	switch {
	case len(validation.IsDNS1035Label(s.Name)) > 0:
		return fmt.Errorf("registrar: %q is no name of a Service: write for example capa-apiserver", s.Name)
	case len(validation.IsDNS1123Label(s.Namespace)) > 0:
		return fmt.Errorf("registrar: %q is no name of a Namespace: write for example capa-system", s.Namespace)
	case s.Port < 1 || s.Port > 65535:
		return fmt.Errorf("registrar: port %d of Service %s/%s is out of range: write for example 443", s.Port, s.Namespace, s.Name)
	}
	return nil
}

// groupVersions lists all group-versions of the resources, sorted.
func groupVersions(resources []Resource) []schema.GroupVersion {
	var all []schema.GroupVersion
	for _, r := range resources {
		for _, v := range r.Versions {
			gv := schema.GroupVersion{Group: r.Group, Version: v}
			if !slices.Contains(all, gv) {
				all = append(all, gv)
			}
		}
	}
	slices.SortFunc(all, func(a, b schema.GroupVersion) int {
		return strings.Compare(a.String(), b.String())
	})
	return all
}

// apiServiceName is the name Kubernetes prescribes for a group-version.
func apiServiceName(gv schema.GroupVersion) string { return gv.Version + "." + gv.Group }
