package workload

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	inmemory "sigs.k8s.io/cluster-api/test/infrastructure/inmemory/pkg/runtime"
	inmemoryapi "sigs.k8s.io/cluster-api/test/infrastructure/inmemory/pkg/server/api"
	inmemoryetcd "sigs.k8s.io/cluster-api/test/infrastructure/inmemory/pkg/server/etcd"
	"sigs.k8s.io/cluster-api/util/certs"
)

// group is the one part of each in-memory store: every cluster has a store of its own.
const group = "cluster"

// The files in which kubeadm finds the authorities.
const (
	caFile     = "/etc/kubernetes/pki/ca"
	etcdCAFile = "/etc/kubernetes/pki/etcd/ca"
)

// server answers as a cluster's API server and as each of its etcd members.
type server struct {
	// address is where it listens.
	address string
	client  inmemory.Client

	http   http.Server
	cancel context.CancelFunc
	ca     authority
	etcdCA authority
	key    crypto.Signer
}

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func readAuthority(files map[string]string, path string) (authority, error) {
	cert, err := certs.DecodeCertPEM([]byte(files[path+".crt"]))
	if err != nil {
		return authority{}, fmt.Errorf("%s.crt: %w", path, err)
	}
	key, err := certs.DecodePrivateKeyPEM([]byte(files[path+".key"]))
	if err != nil {
		return authority{}, fmt.Errorf("%s.key: %w", path, err)
	}
	return authority{cert, key}, nil
}

func (a authority) sign(key crypto.Signer, names ...string) (*tls.Certificate, error) {
	cert, err := (&certs.Config{
		CommonName: names[0], AltNames: certs.AltNames{DNSNames: names, IPs: []net.IP{net.IPv4(127, 0, 0, 1)}},
		Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}).NewSignedCert(key, a.cert, a.key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}, nil
}

// newServer starts one whose certificates name the host of the cluster's endpoint. What isn't etcd's goes through the guard.
func newServer(host string, ca, etcdCA authority, guard func(http.Handler) http.Handler) (*server, error) {
	s := &server{ca: ca, etcdCA: etcdCA}
	var err error
	if s.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	// Of the certificates that it is shown, the kubeadm control plane provider reads the end of the one with kubeadm's common name.
	serving, err := s.ca.sign(s.key, "kube-apiserver", host, "localhost")
	if err != nil {
		return nil, err
	}
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(logr.NewContext(context.Background(), logr.Discard()))
	manager := inmemory.NewManager(scheme)
	manager.AddResourceGroup(group)
	if err := manager.Start(ctx); err != nil {
		cancel()
		return nil, err
	}
	s.cancel, s.client = cancel, typed{manager.GetResourceGroup(group).GetClient(), scheme}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		cancel()
		return nil, err
	}
	s.address = listener.Addr().String()
	s.http = http.Server{
		Handler: s.handler(manager, guard), ReadHeaderTimeout: 10 * time.Second,
		// The in-memory API server writes headers twice at every port forwarding, which would fill the output.
		ErrorLog: log.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			// Cluster API asks for an etcd member by the name of its pod.
			if strings.HasPrefix(hello.ServerName, etcdComponent+"-") {
				return s.etcdCA.sign(s.key, hello.ServerName)
			}
			return serving, nil
		}},
	}
	go func() { _ = s.http.ServeTLS(listener, "", "") }()
	return s, nil
}

func (s *server) stop() {
	s.cancel()
	_ = s.http.Close()
}

func (s *server) handler(manager inmemory.Manager, guard func(http.Handler) http.Handler) http.Handler {
	resolve := func(string) (string, error) { return group, nil }
	custom := &customObjects{definitions: s.client}
	api := guard(custom.before(inmemoryapi.NewAPIServerHandler(manager, logr.Discard(), resolve)))
	etcd := inmemoryetcd.NewEtcdServerHandler(manager, logr.Discard(), resolve)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
			etcd.ServeHTTP(w, r)
			return
		}
		// Port forwarding leads back to where the request says it went, which only the proxy knows by name.
		r.Host = s.address
		api.ServeHTTP(w, r)
	})
}

func newScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, appsv1.AddToScheme, rbacv1.AddToScheme, policyv1.AddToScheme, storagev1.AddToScheme, apiextensionsv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	return scheme, nil
}
