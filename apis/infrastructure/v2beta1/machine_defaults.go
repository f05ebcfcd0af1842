package v2beta1

import "time"

// Defaults of machines and pools. The defaults of single fields are +default markers beside
// the fields, applied after these functions and to templates as well.

// defaultASGPeriod is the cool-down and the warm-up of pools that don't say.
const defaultASGPeriod = "300s"

// SetDefaults_AWSMachineSpec shows the options of the metadata service that an instance gets
// when nothing is said: their markers fill the struct. It applies to templates too, so that
// writing out these options is no change of a template.
func SetDefaults_AWSMachineSpec(spec *AWSMachineSpec) {
	if spec.InstanceMetadataOptions == nil {
		spec.InstanceMetadataOptions = &InstanceMetadataOptions{}
	}
}

// SetDefaults_AWSMachine says how the machine gets its bootstrap data.
func SetDefaults_AWSMachine(machine *AWSMachine) {
	SetBootstrapDefaults(&machine.Spec)
}

// SetDefaults_AWSMachineStatus derives ready, so that it can't contradict the rest of the
// status, also in objects that were stored before it was there: the instance was there
// once, and isn't known to have stopped, ended or vanished since.
func SetDefaults_AWSMachineStatus(status *AWSMachineStatus) {
	d := status.Deprecated
	lost := d != nil && d.V1Beta1 != nil && d.V1Beta1.FailureReason != nil
	runs := status.InstanceState == nil || *status.InstanceState == InstanceStateRunning
	status.Ready = status.Initialization.provisioned() && runs && !lost
}

// SetBootstrapDefaults keeps bootstrap data of cloud-init in Secrets Manager unless the user
// says otherwise, and chooses the version of Ignition. It doesn't apply to templates, which
// stay as they were written.
func SetBootstrapDefaults(spec *AWSMachineSpec) {
	if spec.Ignition != nil {
		setIgnitionDefaults(spec.Ignition)
		return
	}
	if spec.CloudInit == nil {
		spec.CloudInit = &CloudInit{}
	}
	if !spec.CloudInit.InsecureSkipSecretsManager && spec.CloudInit.SecureSecretsBackend == "" {
		spec.CloudInit.SecureSecretsBackend = SecretBackendSecretsManager
	}
}

// setIgnitionDefaults leaves the version alone where no pointer to an object is written.
func setIgnitionDefaults(ignition *Ignition) {
	if ignition.StorageType == "" {
		ignition.StorageType = IgnitionStorageClusterObjectStore
	}
	if ignition.Version == "" && ignition.StorageType != IgnitionStorageUnencryptedUserData {
		ignition.Version = IgnitionVersion23
	}
}

// SetDefaults_AWSMachinePoolSpec fills in what the user left out. A cool-down or warm-up of
// zero counts as left out, as it always has. So does the storage of Ignition: a pool keeps
// its data in the cluster's bucket, which is what these manifests have always meant behind a
// CRD, whose structural defaults came before any webhook.
func SetDefaults_AWSMachinePoolSpec(spec *AWSMachinePoolSpec) {
	spec.DefaultCoolDown = periodOrDefault(spec.DefaultCoolDown)
	spec.DefaultInstanceWarmup = periodOrDefault(spec.DefaultInstanceWarmup)
	if spec.Ignition != nil {
		setIgnitionDefaults(spec.Ignition)
	}
}

// SetDefaults_AWSManagedMachinePoolSpec replaces one node at a time where nothing is said.
func SetDefaults_AWSManagedMachinePoolSpec(spec *AWSManagedMachinePoolSpec) {
	if spec.UpdateConfig == nil {
		one := 1
		spec.UpdateConfig = &UpdateConfig{MaxUnavailable: &one}
	}
}

// periodOrDefault leaves what can't be read for validation to refuse.
func periodOrDefault(text *string) *string {
	if text != nil {
		if value, err := time.ParseDuration(*text); err != nil || value != 0 {
			return text
		}
	}
	value := defaultASGPeriod
	return &value
}
