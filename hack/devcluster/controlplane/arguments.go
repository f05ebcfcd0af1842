package controlplane

import (
	"fmt"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/pki"
)

// EtcdArgs are etcd's arguments. It asks every client, peers included, for a certificate of its own authority. With fsync
// what it answers is on the disk.
func EtcdArgs(certs pki.Store, dataDir string, clientPort, peerPort int, fsync bool) []string {
	client, peer := loopbackURL(clientPort), loopbackURL(peerPort)
	args := []string{
		"--name=devcluster",
		"--data-dir=" + dataDir,
		"--listen-client-urls=" + client,
		"--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer,
		"--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=devcluster=" + peer,
		"--client-cert-auth",
		"--trusted-ca-file=" + certs.CertFile(EtcdCA),
		"--cert-file=" + certs.CertFile(EtcdServer),
		"--key-file=" + certs.KeyFile(EtcdServer),
		"--peer-client-cert-auth",
		"--peer-trusted-ca-file=" + certs.CertFile(EtcdCA),
		"--peer-cert-file=" + certs.CertFile(EtcdServer),
		"--peer-key-file=" + certs.KeyFile(EtcdServer),
		"--log-level=warn",
	}
	if !fsync {
		args = append(args, "--unsafe-no-fsync")
	}
	return args
}

// APIServerArgs are kube-apiserver's arguments.
func APIServerArgs(certs pki.Store, port, etcdPort int, audit Audit) []string {
	return []string{
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", port),
		"--tls-cert-file=" + certs.CertFile(APIServerServing),
		"--tls-private-key-file=" + certs.KeyFile(APIServerServing),
		"--client-ca-file=" + certs.CertFile(ClusterCA),
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--etcd-servers=" + loopbackURL(etcdPort),
		"--etcd-cafile=" + certs.CertFile(EtcdCA),
		"--etcd-certfile=" + certs.CertFile(EtcdClient),
		"--etcd-keyfile=" + certs.KeyFile(EtcdClient),
		"--service-cluster-ip-range=" + serviceRange,
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + certs.CertFile(ServiceAccountKey),
		"--service-account-signing-key-file=" + certs.KeyFile(ServiceAccountKey),
		"--requestheader-client-ca-file=" + certs.CertFile(FrontProxyCA),
		"--requestheader-allowed-names=" + frontProxyUser,
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-uid-headers=X-Remote-Uid",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + certs.CertFile(FrontProxyClient),
		"--proxy-client-key-file=" + certs.KeyFile(FrontProxyClient),
		// An aggregated server on this machine is reached through a Service of type ExternalName, which this routing refuses.
		"--enable-aggregator-routing=false",
		// Endpoints on loopback are not allowed, and nobody here needs those of the kubernetes Service.
		"--endpoint-reconciler-type=none",
		"--allow-privileged=true",
		"--profiling=false",
		"--audit-policy-file=" + audit.Policy,
		"--audit-log-path=" + audit.Log,
	}
}

// ControllerManagerArgs are kube-controller-manager's arguments. All controllers run but those that look after
// machines, addresses and disks, of which there are none.
func ControllerManagerArgs(certs pki.Store, kubeconfig string, port int) []string {
	return []string{
		"--kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", port),
		"--tls-cert-file=" + certs.CertFile(ControllerServing),
		"--tls-private-key-file=" + certs.KeyFile(ControllerServing),
		"--leader-elect=false",
		"--use-service-account-credentials=true",
		"--service-account-private-key-file=" + certs.KeyFile(ServiceAccountKey),
		"--root-ca-file=" + certs.CertFile(ClusterCA),
		"--cluster-signing-cert-file=" + certs.CertFile(ClusterCA),
		"--cluster-signing-key-file=" + certs.KeyFile(ClusterCA),
		"--controllers=*,-node-ipam-controller,-node-lifecycle-controller,-node-route-controller,-service-lb-controller," +
			"-cloud-node-lifecycle-controller,-persistentvolume-attach-detach-controller,-persistentvolume-binder-controller," +
			"-persistentvolume-expander-controller",
		// Kinds that come to be served are counted soon, not at a resync of five minutes.
		"--resource-quota-sync-period=10s",
		"--profiling=false",
	}
}

func loopbackURL(port int) string { return fmt.Sprintf("https://127.0.0.1:%d", port) }
