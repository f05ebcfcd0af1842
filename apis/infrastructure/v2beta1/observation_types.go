package v2beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Observation says how fresh the status is. The server adds it to an answer at
// the moment of reading, from memory. It is never stored, so that time passing
// does not write.
type Observation struct {
	// observedTime is when AWS was last seen completely for this object.
	// +optional
	ObservedTime *metav1.Time `json:"observedTime,omitempty"`

	// age is the time since observedTime as people write it, for example 3s.
	// +optional
	Age string `json:"age,omitempty"`

	// stale is true while the status is older than the server promises.
	// +optional
	Stale bool `json:"stale,omitempty"`

	// reason why the status is stale, in CamelCase, for example Throttled.
	// +optional
	Reason string `json:"reason,omitempty"`

	// message says what is wrong, for a person to read.
	// +optional
	Message string `json:"message,omitempty"`
}

// Summary is the age, and the reason where it is higher than was promised. It is what
// tables show; empty without an observation.
func (o *Observation) Summary() string {
	switch {
	case o == nil:
		return ""
	case o.Stale && o.Reason != "":
		return o.Age + " (" + o.Reason + ")"
	default:
		return o.Age
	}
}

// PendingCreation is one line of the journal of creations in AWS that cannot be
// repeated safely. It is written before the call and removed after its effect
// was seen, so that a process that dies in between finds its creation again.
type PendingCreation struct {
	// key names the wanted resource within this object, for example natgateway/us-east-1a.
	// +required
	// +k8s:validation:minLength=1
	Key string `json:"key"`

	// operation is the AWS API operation, for example AllocateAddress.
	// +required
	// +k8s:validation:minLength=1
	Operation string `json:"operation"`

	// since is when the line was written.
	// +required
	Since metav1.MicroTime `json:"since"`
}

// Failure is what AWS answered to the latest attempt to change something. It is kept until
// the change succeeds or isn't wanted any more.
type Failure struct {
	// condition is the type of the condition that tells of it.
	// +required
	// +k8s:validation:minLength=1
	Condition string `json:"condition"`

	// message is what AWS said.
	// +required
	Message string `json:"message"`
}
