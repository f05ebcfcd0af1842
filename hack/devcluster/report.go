package devcluster

import (
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/build"
	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/controlplane"
	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/pki"
)

// Cluster tells where everything of a running cluster is. Paths are absolute.
type Cluster struct {
	Dir        string `json:"dir"`
	Bin        string `json:"bin"`
	Logs       string `json:"logs"`
	Kubeconfig string `json:"kubeconfig"`
	// ServerKubeconfig is capa-apiserver's own, with the rights of manifests/; for an existing cluster it is Kubeconfig.
	ServerKubeconfig string `json:"serverKubeconfig"`
	// ServerAudit is where kube-apiserver writes the requests of that user; empty for an existing cluster.
	ServerAudit string `json:"serverAudit,omitempty"`
	// Server is kube-apiserver's address; empty for an existing cluster.
	Server string `json:"server,omitempty"`
	// The rest of the control plane's secrets, for tests that play its parts; empty for an existing cluster.
	ClusterCA            string `json:"clusterCA,omitempty"`
	ClusterCAKey         string `json:"clusterCAKey,omitempty"`
	FrontProxyCA         string `json:"frontProxyCA,omitempty"`
	FrontProxyCAKey      string `json:"frontProxyCAKey,omitempty"`
	FrontProxyClientCert string `json:"frontProxyClientCert,omitempty"`
	FrontProxyClientKey  string `json:"frontProxyClientKey,omitempty"`
	EtcdServer           string `json:"etcdServer,omitempty"`
	EtcdCA               string `json:"etcdCA,omitempty"`
	EtcdClientCert       string `json:"etcdClientCert,omitempty"`
	EtcdClientKey        string `json:"etcdClientKey,omitempty"`
	// AWSEnv is a file of AWS_* variables; AWSEndpointURL is the one among them that says where AWS is.
	AWSEnv         string `json:"awsEnv"`
	AWSEndpointURL string `json:"awsEndpointURL,omitempty"`
	// Clusters are the names of those that the demos made and that are there.
	Clusters []string `json:"clusters,omitempty"`
	// WorkloadKubeconfig is that of the first one, if its machines are nodes; WorkloadProxy leads to all whose instances are emulated.
	WorkloadKubeconfig string `json:"workloadKubeconfig,omitempty"`
	WorkloadProxy      string `json:"workloadProxy,omitempty"`
	// Debugger is where Delve listens that runs the server; empty if none does.
	Debugger string `json:"debugger,omitempty"`
	// Down is the command that stops it all.
	Down string `json:"down"`
	// Ports are by component; PIDs are of the processes that the cluster owns.
	Ports map[string]int `json:"ports"`
	PIDs  map[string]int `json:"pids"`
}

func (l *launch) report() *Cluster {
	cluster := &Cluster{
		Dir:              l.layout.dir,
		Bin:              l.layout.bin,
		Logs:             l.layout.logs(),
		Kubeconfig:       l.layout.kubeconfig(),
		ServerKubeconfig: l.serverKubeconfig(),
		AWSEnv:           l.layout.awsEnv(),
		AWSEndpointURL:   l.awsEndpointURL(),
		Ports:            l.state.ports(),
		Down:             downCommand(l.layout.dir, l.Repo),
		PIDs:             map[string]int{},
		Clusters:         l.clusters.sorted(),

		Debugger:           l.debuggerIfAny(),
		WorkloadKubeconfig: l.clusters.workload,
		WorkloadProxy:      l.HTTPSProxy,
	}
	for _, r := range l.state.processes() {
		if r.Alive() {
			cluster.PIDs[r.Name] = r.PID
		}
	}
	if l.state.External {
		return cluster
	}
	store := pki.Store{Dir: l.layout.pki()}
	cluster.Server, cluster.ServerAudit = l.address(build.KubeAPIServer), l.layout.audit().Log
	cluster.EtcdServer = l.address(build.Etcd)
	cluster.ClusterCA, cluster.ClusterCAKey = store.CertFile(controlplane.ClusterCA), store.KeyFile(controlplane.ClusterCA)
	cluster.FrontProxyCA, cluster.FrontProxyCAKey = store.CertFile(controlplane.FrontProxyCA), store.KeyFile(controlplane.FrontProxyCA)
	cluster.FrontProxyClientCert, cluster.FrontProxyClientKey = store.CertFile(controlplane.FrontProxyClient), store.KeyFile(controlplane.FrontProxyClient)
	cluster.EtcdCA = store.CertFile(controlplane.EtcdCA)
	cluster.EtcdClientCert, cluster.EtcdClientKey = store.CertFile(controlplane.EtcdClient), store.KeyFile(controlplane.EtcdClient)
	return cluster
}

// clientcmdMinify reduces a kubeconfig to its current context, with every file it names read in.
func clientcmdMinify(config *clientcmdapi.Config) error {
	if err := clientcmdapi.MinifyConfig(config); err != nil {
		return err
	}
	return clientcmdapi.FlattenConfig(config)
}
