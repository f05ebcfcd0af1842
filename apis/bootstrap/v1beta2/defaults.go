package v1beta2

import "k8s.io/apimachinery/pkg/runtime"

// A request at v1beta2 is defaulted as v1beta2 and then converted, so this version needs the
// same defaults as v2beta1. Those of spec come with the shared structs.
func addDefaultingFuncs(scheme *runtime.Scheme) error {
	return RegisterDefaults(scheme)
}
