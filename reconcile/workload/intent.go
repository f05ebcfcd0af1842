// Package workload keeps what an EKS cluster's own API has to have: the aws-auth ConfigMap, the
// settings of the VPC CNI, what is left out of kube-proxy and CNI, the boilerplate of trust policies,
// and the service account of a lasting access. It knows no kind. What is written is planned as
// actions, like what is done in AWS; each names its object, so that doing it again does no harm.
package workload

import (
	corev1 "k8s.io/api/core/v1"
)

// The conditions that report.
const (
	// Area says whether the cluster's API has what it is to have, and can be reached at all.
	Area = "WorkloadClusterConfigured"
	// AreaAuthenticator reports on the aws-auth ConfigMap.
	AreaAuthenticator = "IAMAuthenticatorConfigured"
)

// The reasons of what a plan waits for or complains of.
const (
	UnreachableReason        = "WorkloadClusterUnreachable"
	PrivateUnreachableReason = "PrivateEndpointUnreachable"
	UnauthorizedReason       = "WorkloadClusterRefusesIdentity"
	UnreadableReason         = "AWSAuthUnreadable"
	WaitingForAddonReason    = "WaitingForAddon"
)

// Target is an EKS cluster whose API is spoken to.
type Target struct {
	// Name is that of the EKS cluster.
	Name string
	// Endpoint is the API's URL.
	Endpoint string
	// CA is the authority of its certificate, as PEM.
	CA []byte
}

// Known tells that there is an endpoint.
func (t Target) Known() bool { return t.Endpoint != "" && len(t.CA) > 0 }

// Intent is what is wanted in a cluster.
type Intent struct {
	Target Target
	// Private tells that the endpoint is reached from the VPC only.
	Private bool
	// Roles and Users are lines that the aws-auth ConfigMap is to have, besides all that it has.
	Roles, Users []Mapping
	// Lines are the ARNs of those that were written before: what isn't wanted any more goes.
	Lines []string
	CNI   CNI
	// WithoutKubeProxy has kube-proxy removed.
	WithoutKubeProxy bool
	// TrustPolicy is the text of the boilerplate; "" for none.
	TrustPolicy string
	// LastingAccess has a service account made that administers the cluster.
	LastingAccess bool
}

// Mapping is a line of aws-auth: it maps an IAM role or user to a user of the cluster.
type Mapping struct {
	ARN, Username string
	Groups        []string
}

// CNI is what is wanted of the VPC CNI.
type CNI struct {
	// Disable has it removed.
	Disable bool
	// Env are environment variables that it is to have.
	Env []corev1.EnvVar
	// Subnets are those in which pods have their addresses, if not the nodes' own.
	Subnets []PodSubnet
	// SecurityGroups are those of the pods' network interfaces there.
	SecurityGroups []string
}

// PodSubnet is a subnet for pods of a zone.
type PodSubnet struct{ Zone, ID string }

// Nothing tells that nothing is wanted that the cluster would have to be asked for.
func (in *Intent) Nothing() bool { return len(in.refs()) == 0 }
