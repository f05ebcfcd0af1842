package v1beta2

import (
	"k8s.io/apimachinery/pkg/runtime"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
)

// A request at v1beta2 is defaulted as v1beta2 and then converted, so this version
// needs the same defaults as v2beta1. Those of spec come with the shared structs:
// the generated code calls the functions of package v2beta1.
func addDefaultingFuncs(scheme *runtime.Scheme) error {
	return RegisterDefaults(scheme)
}

// SetDefaults_AWSManagedControlPlaneTemplate names the identity in templates, whose spec can't
// change.
func SetDefaults_AWSManagedControlPlaneTemplate(template *AWSManagedControlPlaneTemplate) {
	controlplanev1.SetIdentityDefault(&template.Spec.Template.Spec.AWSManagedControlPlaneCommonSpec)
}
