package v1beta2

import controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"

// extraSpec is what only v2beta1 has of an AWSManagedControlPlane.
type extraSpec struct {
	controlplanev1.AWSManagedControlPlaneExtraSpec `json:",inline"`

	// AddonPodIdentityAssociations are those of add-ons, by their names.
	AddonPodIdentityAssociations map[string][]controlplanev1.AddonPodIdentityAssociation `json:"addonPodIdentityAssociations,omitempty"`
}

func extraOf(spec *controlplanev1.AWSManagedControlPlaneSpec) extraSpec {
	extra := extraSpec{AWSManagedControlPlaneExtraSpec: spec.AWSManagedControlPlaneExtraSpec}
	for _, a := range spec.Addons {
		if a.PodIdentityAssociations == nil {
			continue
		}
		if extra.AddonPodIdentityAssociations == nil {
			extra.AddonPodIdentityAssociations = map[string][]controlplanev1.AddonPodIdentityAssociation{}
		}
		extra.AddonPodIdentityAssociations[a.Name] = a.PodIdentityAssociations
	}
	return extra
}

// into completes a spec that was converted. What this version took away goes with what it has.
func (extra extraSpec) into(spec *controlplanev1.AWSManagedControlPlaneSpec) {
	spec.AWSManagedControlPlaneExtraSpec = extra.AWSManagedControlPlaneExtraSpec
	for i := range spec.Addons {
		spec.Addons[i].PodIdentityAssociations = extra.AddonPodIdentityAssociations[spec.Addons[i].Name]
	}
}
