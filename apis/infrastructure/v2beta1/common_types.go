package v2beta1

import (
	"net"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// APIEndpoint is where the workload cluster's API server is reached.
type APIEndpoint struct {
	// host is a DNS name or an IP address, without scheme and port.
	// +optional
	// +k8s:validation:maxLength=512
	Host string `json:"host"`

	// port is the TCP port, for example 6443.
	// +optional
	// +k8s:validation:minimum=0
	// +k8s:validation:maximum=65535
	Port int32 `json:"port"`
}

// IsZero tells whether neither host nor port is set.
func (e APIEndpoint) IsZero() bool { return e == APIEndpoint{} }

// String returns host:port, with brackets around an IPv6 address.
func (e APIEndpoint) String() string {
	return net.JoinHostPort(e.Host, strconv.Itoa(int(e.Port)))
}

// ObjectMeta is the metadata that objects built from a template get. It is the
// subset that Cluster API knows in templates, with the same JSON.
type ObjectMeta struct {
	// labels are put on the objects built from the template.
	// +optional
	// +k8s:validation:maxProperties=500
	// +k8s:validation:additionalProperties:maxLength=63
	Labels map[string]string `json:"labels,omitzero"`

	// annotations are put on the objects built from the template.
	// +optional
	// +k8s:validation:maxProperties=500
	// +k8s:validation:additionalProperties:maxLength=262144
	Annotations map[string]string `json:"annotations,omitzero"`
}

// FailureDomain is an availability zone that machines can be placed in. The
// JSON is that of Cluster API's v1beta2 contract.
type FailureDomain struct {
	// name is the name of the availability zone, for example us-east-1a.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=256
	Name string `json:"name"`

	// controlPlane tells whether control plane machines may be placed here.
	// +optional
	ControlPlane *bool `json:"controlPlane,omitempty"`

	// attributes are facts about the zone, free of form.
	// +optional
	Attributes map[string]string `json:"attributes,omitempty"`
}

// Initialization carries what Cluster API's v1beta2 contract wants to know about
// the first provisioning of an infrastructure object.
type Initialization struct {
	// provisioned is true once the infrastructure was complete for the first
	// time. It never goes back to false.
	// +optional
	Provisioned *bool `json:"provisioned,omitempty"`
}

// V1Beta1Condition is a condition in the old form of Cluster API: it has a
// severity, and no observedGeneration. Existing tools read it at v1beta2.
//
// The fields are those of Condition in sigs.k8s.io/cluster-api/api/core/v1beta2,
// so that one converts to the other.
type V1Beta1Condition struct {
	// type of the condition, in CamelCase.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=256
	Type string `json:"type"`

	// status is True, False or Unknown.
	// +required
	Status corev1.ConditionStatus `json:"status"`

	// severity says how bad a condition is that isn't True: Error, Warning or Info.
	// +optional
	// +k8s:validation:maxLength=32
	Severity string `json:"severity,omitempty"`

	// lastTransitionTime is when the status last changed.
	// +required
	LastTransitionTime metav1.Time `json:"lastTransitionTime"`

	// reason for the last transition, in CamelCase.
	// +optional
	// +k8s:validation:maxLength=256
	Reason string `json:"reason,omitempty"`

	// message for a person to read.
	// +optional
	// +k8s:validation:maxLength=10240
	Message string `json:"message,omitempty"`
}

// DeprecatedStatus groups status that only older contracts of Cluster API know.
type DeprecatedStatus struct {
	// v1beta1 groups what belongs to Cluster API's v1beta1 contract.
	// +optional
	V1Beta1 *V1Beta1DeprecatedStatus `json:"v1beta1,omitempty"`
}

// V1Beta1DeprecatedStatus is status of Cluster API's v1beta1 contract.
type V1Beta1DeprecatedStatus struct {
	// conditions in the old form. This is what v1beta2 shows as status.conditions.
	// +optional
	// +listType=atomic
	Conditions []V1Beta1Condition `json:"conditions,omitempty"`
}
