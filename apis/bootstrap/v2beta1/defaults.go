package v2beta1

import "k8s.io/apimachinery/pkg/runtime"

func addDefaultingFuncs(scheme *runtime.Scheme) error {
	return RegisterDefaults(scheme)
}

// SetDefaults_ConfigStatus derives ready, so that it never contradicts what it says again.
func SetDefaults_ConfigStatus(status *ConfigStatus) {
	status.Ready = status.Initialization.created()
}

func (i *Initialization) created() bool {
	return i != nil && i.DataSecretCreated != nil && *i.DataSecretCreated
}
