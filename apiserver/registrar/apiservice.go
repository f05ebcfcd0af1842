package registrar

import (
	"bytes"
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

const (
	managedByLabel = "app.kubernetes.io/managed-by"
	managedBy      = "capa-apiserver"

	// groupPriority is the one CRDs get, so that a shared group keeps its place.
	groupPriority = 1000
	// versionPriority is below the 100 that CRDs get: where a group is shared,
	// the version that clients prefer stays the others'.
	versionPriority = 15
)

// APIServiceFor gives the registration of a group-version with this server.
func APIServiceFor(gv schema.GroupVersion, service ServiceLocation, caBundle []byte) *apiregistrationv1.APIService {
	port := service.Port
	return &apiregistrationv1.APIService{
		ObjectMeta: metav1.ObjectMeta{
			Name: apiServiceName(gv),
			Labels: map[string]string{
				managedByLabel: managedBy,
				// Without the explicit "false" the host takes a registration
				// back that it once made for a CRD.
				automanagedLabel: "false",
			},
		},
		Spec: apiregistrationv1.APIServiceSpec{
			Group: gv.Group, Version: gv.Version,
			Service: &apiregistrationv1.ServiceReference{
				Namespace: service.Namespace, Name: service.Name, Port: &port,
			},
			CABundle:             caBundle,
			GroupPriorityMinimum: groupPriority,
			VersionPriority:      versionPriority,
		},
	}
}

// apiServiceInStep tells whether the registration in the host needs no write.
func apiServiceInStep(existing, desired *apiregistrationv1.APIService) bool {
	if existing == nil || !labelsInclude(existing.Labels, desired.Labels) {
		return false
	}
	have, want := existing.Spec, desired.Spec
	return have.Service != nil &&
		have.Service.Namespace == want.Service.Namespace &&
		have.Service.Name == want.Service.Name &&
		have.Service.Port != nil && *have.Service.Port == *want.Service.Port &&
		bytes.Equal(have.CABundle, want.CABundle) &&
		!have.InsecureSkipTLSVerify &&
		have.GroupPriorityMinimum == want.GroupPriorityMinimum &&
		have.VersionPriority == want.VersionPriority
}

// apiServicePatch is one merge patch for labels and spec together: with the
// label in a second write, the host would revert the spec in between. It
// carries the resourceVersion it was decided on.
func apiServicePatch(existing, desired *apiregistrationv1.APIService) ([]byte, error) {
	spec := desired.Spec
	return json.Marshal(map[string]any{
		"metadata": map[string]any{
			"resourceVersion": existing.ResourceVersion,
			"labels":          desired.Labels,
		},
		"spec": map[string]any{
			"group":                 spec.Group,
			"version":               spec.Version,
			"service":               spec.Service,
			"caBundle":              spec.CABundle,
			"insecureSkipTLSVerify": nil,
			"groupPriorityMinimum":  spec.GroupPriorityMinimum,
			"versionPriority":       spec.VersionPriority,
		},
	})
}
