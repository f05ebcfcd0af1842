package v2beta1

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/version"
)

// Minor is a version of Kubernetes as EKS knows it: without a patch. It is no part of the API.
// +k8s:deepcopy-gen=false
// +k8s:openapi-gen=false
type Minor struct{ Major, Minor uint }

// MinorOf reads a version such as v1.34, v1.34.2 or v1.36.3-eks-cb19647; false where there is
// none.
func MinorOf(text *string) (minor Minor, ok bool) {
	if text == nil {
		return minor, false
	}
	parsed, err := version.ParseGeneric(*text)
	if err != nil {
		return minor, false
	}
	return Minor{parsed.Major(), parsed.Minor()}, true
}

// Less tells whether a version comes before another one.
func (m Minor) Less(other Minor) bool {
	return m.Major < other.Major || m.Major == other.Major && m.Minor < other.Minor
}

// String is what EKS calls the version, such as 1.34.
func (m Minor) String() string { return fmt.Sprintf("%d.%d", m.Major, m.Minor) }
