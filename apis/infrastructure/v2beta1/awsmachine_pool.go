package v2beta1

import "k8s.io/apimachinery/pkg/runtime/schema"

// PoolName returns the name of the AWSMachinePool that the machine's instance
// belongs to, or "".
func (m *AWSMachine) PoolName() string {
	for _, ref := range m.OwnerReferences {
		if version, err := schema.ParseGroupVersion(ref.APIVersion); err == nil && ref.Kind == "AWSMachinePool" && version.Group == GroupName {
			return ref.Name
		}
	}
	return ""
}
