// Package controlplane describes a Kubernetes control plane on loopback: its certificates, its kubeconfigs and the
// arguments of etcd, kube-apiserver and kube-controller-manager. It starts nothing.
package controlplane

import (
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/pki"
)

// Names of the pairs in the certificate store.
const (
	ClusterCA         = "ca"
	FrontProxyCA      = "front-proxy-ca"
	FrontProxyClient  = "front-proxy-client"
	EtcdCA            = "etcd-ca"
	EtcdServer        = "etcd-server"
	EtcdClient        = "apiserver-etcd-client"
	APIServerServing  = "apiserver"
	ControllerServing = "kube-controller-manager-serving"
	ServiceAccountKey = "service-account"
	adminClient       = "admin"
	controllerClient  = "kube-controller-manager"
)

// frontProxyUser is the one name whose X-Remote-* headers an aggregated server believes.
const frontProxyUser = "front-proxy-client"

// serviceClusterIP is the address of the kubernetes Service: the first of serviceRange.
const (
	serviceRange     = "10.96.0.0/16"
	serviceClusterIP = "10.96.0.1"
)

// loopback are the names under which something on this machine is reached.
var loopback = []string{"localhost", "127.0.0.1"}

// Certificates are those of one control plane.
type Certificates struct {
	pki.Store
	Cluster *pki.Authority
}

// EnsureCertificates makes what is missing of a control plane's certificates. Three authorities keep three kinds of
// trust apart: the cluster's users, the front proxy, and etcd, which no user's certificate may open.
func EnsureCertificates(store pki.Store) (*Certificates, error) {
	cluster, err := store.Authority(ClusterCA, "devcluster")
	if err != nil {
		return nil, err
	}
	frontProxy, err := store.Authority(FrontProxyCA, "devcluster-front-proxy")
	if err != nil {
		return nil, err
	}
	etcd, err := store.Authority(EtcdCA, "devcluster-etcd")
	if err != nil {
		return nil, err
	}
	if _, err := store.SigningKey(ServiceAccountKey); err != nil {
		return nil, err
	}
	apiServerHosts := append([]string{
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", serviceClusterIP,
	}, loopback...)
	for _, entry := range []struct {
		authority *pki.Authority
		name      string
		leaf      pki.Leaf
	}{
		{etcd, EtcdServer, pki.Leaf{CommonName: "etcd", Hosts: loopback}},
		{etcd, EtcdClient, pki.Leaf{CommonName: "kube-apiserver"}},
		{frontProxy, FrontProxyClient, pki.Leaf{CommonName: frontProxyUser}},
		{cluster, APIServerServing, pki.Leaf{CommonName: "kube-apiserver", Hosts: apiServerHosts}},
		{cluster, ControllerServing, pki.Leaf{CommonName: "kube-controller-manager", Hosts: loopback}},
		{cluster, controllerClient, pki.Leaf{CommonName: "system:kube-controller-manager"}},
		{cluster, adminClient, pki.Leaf{CommonName: "admin", Organizations: []string{"system:masters"}}},
	} {
		if _, err := store.Leaf(entry.authority, entry.name, entry.leaf); err != nil {
			return nil, err
		}
	}
	return &Certificates{Store: store, Cluster: cluster}, nil
}

// WriteAdminKubeconfig writes the kubeconfig of a member of system:masters.
func (c *Certificates) WriteAdminKubeconfig(path, server string) error {
	return c.WriteKubeconfig(path, server, adminClient, pki.Leaf{})
}

// WriteKubeconfig writes a kubeconfig that authenticates with the named client certificate, issuing it for the leaf if
// it isn't in the store. Everything is embedded: the file can be copied anywhere on the machine.
func (c *Certificates) WriteKubeconfig(path, server, name string, leaf pki.Leaf) error {
	pair, err := c.Leaf(c.Cluster, name, leaf)
	if err != nil {
		return err
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["devcluster"] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: c.Cluster.Cert}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{ClientCertificateData: pair.Cert, ClientKeyData: pair.Key}
	config.Contexts["devcluster"] = &clientcmdapi.Context{Cluster: "devcluster", AuthInfo: name, Namespace: "default"}
	config.CurrentContext = "devcluster"
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make the folder of %s: %w", path, err)
	}
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		return fmt.Errorf("write the kubeconfig of %s: %w", name, err)
	}
	return os.Chmod(path, 0o600)
}
