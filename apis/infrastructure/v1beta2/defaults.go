package v1beta2

import (
	"k8s.io/apimachinery/pkg/runtime"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// A request at v1beta2 is defaulted as v1beta2 and then converted, so this version
// needs the same defaults as v2beta1. Those of spec come with the shared structs:
// the generated code calls the functions of package v2beta1.
func addDefaultingFuncs(scheme *runtime.Scheme) error {
	return RegisterDefaults(scheme)
}

// SetDefaults_AWSClusterControllerIdentity labels the identity for clusterctl move.
func SetDefaults_AWSClusterControllerIdentity(identity *AWSClusterControllerIdentity) {
	infrav1.SetIdentityLabels(&identity.ObjectMeta)
}

// SetDefaults_AWSClusterRoleIdentity labels the identity for clusterctl move.
func SetDefaults_AWSClusterRoleIdentity(identity *AWSClusterRoleIdentity) {
	infrav1.SetIdentityLabels(&identity.ObjectMeta)
}

// SetDefaults_AWSClusterStaticIdentity labels the identity for clusterctl move.
func SetDefaults_AWSClusterStaticIdentity(identity *AWSClusterStaticIdentity) {
	infrav1.SetIdentityLabels(&identity.ObjectMeta)
}

// SetDefaults_AWSClusterTemplate names the identity in templates, whose spec can't change.
func SetDefaults_AWSClusterTemplate(template *AWSClusterTemplate) {
	infrav1.SetIdentityDefault(&template.Spec.Template.Spec)
}

// SetDefaults_AWSMachine says how the machine gets its bootstrap data.
func SetDefaults_AWSMachine(machine *AWSMachine) {
	infrav1.SetBootstrapDefaults(&machine.Spec)
}

// SetDefaults_AWSManagedMachinePoolSpec replaces one node at a time where nothing is said.
func SetDefaults_AWSManagedMachinePoolSpec(spec *AWSManagedMachinePoolSpec) {
	if spec.UpdateConfig == nil {
		one := 1
		spec.UpdateConfig = &UpdateConfig{MaxUnavailable: &one}
	}
}
