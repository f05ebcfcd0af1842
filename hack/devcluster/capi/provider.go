// Package capi installs Cluster API and its kubeadm providers into a local control plane: their own manifests, rendered
// from the module's sources as a release is, with the managers running as plain processes beside it.
package capi

import "fmt"

// Provider is one of Cluster API's managers.
type Provider struct {
	// Name is that of its binary and process.
	Name string
	// Config is its kustomization, below the root of the module sigs.k8s.io/cluster-api.
	Config string
	// Namespace and ServiceAccount are those of its Deployment; the manifests bind its roles to them.
	Namespace      string
	ServiceAccount string
	// FeatureGates are those that the AWS provider's users need.
	FeatureGates string
}

// Providers are all that are installed.
var Providers = []Provider{
	{
		Name:           "capi-core",
		Config:         "core/config/default",
		Namespace:      "capi-system",
		ServiceAccount: "capi-manager",
		FeatureGates:   "ClusterTopology=true,MachinePool=true",
	},
	{
		Name:           "capi-kubeadm-control-plane",
		Config:         "controlplane/kubeadm/config/default",
		Namespace:      "capi-kubeadm-control-plane-system",
		ServiceAccount: "capi-kubeadm-control-plane-manager",
		FeatureGates:   "ClusterTopology=true,MachinePool=true,KubeadmBootstrapFormatIgnition=true",
	},
	{
		Name:           "capi-kubeadm-bootstrap",
		Config:         "bootstrap/kubeadm/config/default",
		Namespace:      "capi-kubeadm-bootstrap-system",
		ServiceAccount: "capi-kubeadm-bootstrap-manager",
		FeatureGates:   "MachinePool=true,KubeadmBootstrapFormatIgnition=true",
	},
}

// User is the name under which the manager's certificate authenticates: that of its service account, so that the
// provider's own role bindings apply and nothing else does.
func (p Provider) User() string {
	return fmt.Sprintf("system:serviceaccount:%s:%s", p.Namespace, p.ServiceAccount)
}

// Groups are those of every service account of the namespace.
func (p Provider) Groups() []string {
	return []string{"system:serviceaccounts", "system:serviceaccounts:" + p.Namespace}
}

// Ports are those that a manager listens on.
type Ports struct {
	Webhook     int
	Health      int
	Diagnostics int
}

// Args are the manager's arguments. webhookCertDir holds tls.crt and tls.key. The managers have no flag for the address
// of the webhook server: it listens on all interfaces.
func (p Provider) Args(kubeconfig, webhookCertDir string, ports Ports) []string {
	return []string{
		"--kubeconfig=" + kubeconfig,
		"--leader-elect=false",
		"--feature-gates=" + p.FeatureGates,
		fmt.Sprintf("--webhook-port=%d", ports.Webhook),
		"--webhook-cert-dir=" + webhookCertDir,
		fmt.Sprintf("--health-addr=127.0.0.1:%d", ports.Health),
		fmt.Sprintf("--diagnostics-address=127.0.0.1:%d", ports.Diagnostics),
	}
}
