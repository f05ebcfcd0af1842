// Package takeover holds the words that the server and who takes a provider's objects over into
// it have in common.
package takeover

const (
	// Subresource of an object takes it over: it is stored with the UID, times and status that
	// it comes with.
	Subresource = "takeover"
	// ManagedFieldsAnnotation carries the managed fields of an object that is taken over, which
	// the API machinery rewrites on their way.
	ManagedFieldsAnnotation = "capa-apiserver.cluster.x-k8s.io/managed-fields"
	// CRDAnnotation on another provider's CRD says that its objects were taken over: what it
	// serves is no reason any more to leave the group-version to the host. Its value is what the
	// CRD served before.
	CRDAnnotation = "capa-apiserver.cluster.x-k8s.io/taken-over"
	// GivingBackAnnotation beside it says that they are being given back: what the host serves
	// itself stays with it.
	GivingBackAnnotation = "capa-apiserver.cluster.x-k8s.io/giving-back"
	// GivenBackAnnotation on an object of the server's says that CAPA has it again. The object
	// stays, because it is what the garbage collector may look for, and does nothing.
	GivenBackAnnotation = "capa-apiserver.cluster.x-k8s.io/given-back"
)
