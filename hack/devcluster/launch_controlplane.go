package devcluster

import (
	"context"
	"fmt"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/build"
	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/controlplane"
	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/pki"
)

const etcdPeerPort = "etcd-peer"

// prepareControlPlane makes the certificates and kubeconfigs; it starts nothing.
func (l *launch) prepareControlPlane() error {
	certs, err := controlplane.EnsureCertificates(pki.Store{Dir: l.layout.pki()})
	if err != nil {
		return err
	}
	l.certs = certs
	server := l.address(build.KubeAPIServer)
	if err := certs.WriteAdminKubeconfig(l.layout.kubeconfig(), server); err != nil {
		return err
	}
	if err := certs.WriteKubeconfig(l.layout.userKubeconfig(build.KubeControllerManager), server, build.KubeControllerManager, pki.Leaf{}); err != nil {
		return err
	}
	user := pki.Leaf{CommonName: serverUser, Organizations: serverGroups}
	if err := certs.WriteKubeconfig(l.layout.userKubeconfig(build.Server), server, build.Server, user); err != nil {
		return err
	}
	return controlplane.WriteAuditPolicy(l.layout.auditPolicy(), serverUser)
}

// address is where one of the cluster's own processes serves HTTPS.
func (l *launch) address(port string) string {
	return fmt.Sprintf("https://127.0.0.1:%d", l.state.port(port))
}

func (l *launch) controlPlaneSteps() []step {
	return []step{
		{name: build.Etcd, run: l.startEtcd},
		// kube-apiserver needs etcd, but it also needs a second or two before it asks for it.
		{name: build.KubeAPIServer, run: l.startAPIServer},
		{name: build.KubeControllerManager, after: []string{build.KubeAPIServer}, run: l.startControllerManager},
	}
}

func (l *launch) startEtcd(ctx context.Context) (string, error) {
	client, err := l.certs.Leaf(nil, controlplane.EtcdClient, pki.Leaf{})
	if err != nil {
		return "", err
	}
	return l.ensureHTTPS(ctx, program{
		name:  build.Etcd,
		args:  controlplane.EtcdArgs(l.certs.Store, l.layout.data(build.Etcd), l.state.port(build.Etcd), l.state.port(etcdPeerPort), l.Fsync),
		where: l.address(build.Etcd),
	}, "/readyz", controlplane.EtcdCA, client)
}

func (l *launch) startAPIServer(ctx context.Context) (string, error) {
	return l.ensureHTTPS(ctx, program{
		name:  build.KubeAPIServer,
		args:  controlplane.APIServerArgs(l.certs.Store, l.state.port(build.KubeAPIServer), l.state.port(build.Etcd), l.layout.audit()),
		where: l.address(build.KubeAPIServer),
	}, "/readyz", controlplane.ClusterCA, pki.Pair{})
}

func (l *launch) startControllerManager(ctx context.Context) (string, error) {
	kubeconfig := l.layout.userKubeconfig(build.KubeControllerManager)
	return l.ensureHTTPS(ctx, program{
		name:  build.KubeControllerManager,
		args:  controlplane.ControllerManagerArgs(l.certs.Store, kubeconfig, l.state.port(build.KubeControllerManager)),
		where: l.address(build.KubeControllerManager),
	}, "/healthz", controlplane.ClusterCA, pki.Pair{})
}

// ensureHTTPS is ensure for a program that tells its readiness under a path of its own address.
func (l *launch) ensureHTTPS(ctx context.Context, p program, path, authority string, client pki.Pair) (string, error) {
	signer, err := l.certs.Authority(authority, "")
	if err != nil {
		return "", err
	}
	p.ready, err = controlplane.Probe{URL: p.where + path, Server: signer.Cert, Client: client}.Ready()
	if err != nil {
		return "", err
	}
	return l.ensure(ctx, p)
}
