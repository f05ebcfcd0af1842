package controlplane

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"crypto/tls"
	"crypto/x509"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/pki"
)

func certificates(t *testing.T) *Certificates {
	t.Helper()
	certs, err := EnsureCertificates(pki.Store{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return certs
}

func TestEverythingListensOnLoopbackAndAsksForCertificates(t *testing.T) {
	store := pki.Store{Dir: "pki"}
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"etcd": {EtcdArgs(store, "data", 1, 2, false), []string{
			"--listen-client-urls=https://127.0.0.1:1", "--listen-peer-urls=https://127.0.0.1:2", "--client-cert-auth", "--peer-client-cert-auth"}},
		"kube-apiserver": {APIServerArgs(store, 3, 1, Audit{Policy: "policy", Log: "log"}), []string{
			"--bind-address=127.0.0.1", "--authorization-mode=Node,RBAC", "--etcd-servers=https://127.0.0.1:1",
			"--requestheader-allowed-names=front-proxy-client", "--enable-aggregator-routing=false"}},
		"kube-controller-manager": {ControllerManagerArgs(store, "kubeconfig", 4), []string{
			"--bind-address=127.0.0.1", "--use-service-account-credentials=true"}},
	} {
		given := map[string]bool{}
		for _, arg := range c.args {
			given[arg] = true
			if strings.Contains(arg, "http://") || strings.Contains(arg, "0.0.0.0") || strings.Contains(arg, "AlwaysAllow") {
				t.Errorf("%s: %s", name, arg)
			}
		}
		for _, want := range c.want {
			if !given[want] {
				t.Errorf("%s lacks %s", name, want)
			}
		}
	}
}

func TestEtcdWritesToTheDiskWhereItIsMeasured(t *testing.T) {
	for fsync, doesNot := range map[bool]bool{true: false, false: true} {
		if got := slices.Contains(EtcdArgs(pki.Store{Dir: "pki"}, "data", 1, 2, fsync), "--unsafe-no-fsync"); got != doesNot {
			t.Errorf("with fsync %t, that it doesn't is %t", fsync, got)
		}
	}
}

func TestUsersCannotOpenEtcdNorPlayTheFrontProxy(t *testing.T) {
	certs := certificates(t)
	user, err := certs.Leaf(certs.Cluster, "some-user", pki.Leaf{CommonName: frontProxyUser})
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(user.Cert, user.Key)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{EtcdCA, FrontProxyCA} {
		authority, err := certs.Authority(name, "")
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AddCert(authority.Certificate())
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err == nil {
			t.Errorf("a certificate of the cluster's authority passes for one of %s", name)
		}
	}
}

// The server here stands for kube-apiserver: it has its certificate, and knows users by the cluster's authority.
func TestKubeconfigAuthenticatesItsUserByCertificate(t *testing.T) {
	certs := certificates(t)
	serving, err := tls.LoadX509KeyPair(certs.CertFile(APIServerServing), certs.KeyFile(APIServerServing))
	if err != nil {
		t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AddCert(certs.Cluster.Certificate())
	var user string
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		user = r.TLS.PeerCertificates[0].Subject.CommonName
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{serving}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}
	server.StartTLS()
	defer server.Close()

	path := t.TempDir() + "/kubeconfig"
	if err := certs.WriteKubeconfig(path, server.URL, "jane", pki.Leaf{CommonName: "jane", Organizations: []string{"dev"}}); err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	ready, err := Probe{URL: config.Host, Server: config.CAData, Client: pki.Pair{Cert: config.CertData, Key: config.KeyData}}.Ready()
	if err != nil {
		t.Fatal(err)
	}
	if err := ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if user != "jane" {
		t.Fatalf("the server saw %q", user)
	}
	if stranger, err := (Probe{URL: config.Host, Server: config.CAData}).Ready(); err != nil {
		t.Fatal(err)
	} else if stranger(t.Context()) == nil {
		t.Fatal("a client without a certificate was let in")
	}
}

func TestProbeReportsWhatWasAnswered(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "etcd failed: reason withheld", http.StatusInternalServerError)
	}))
	defer server.Close()
	err := Get(t.Context(), server.Client(), server.URL)
	if err == nil || !strings.Contains(err.Error(), "500") || !strings.Contains(err.Error(), "etcd failed") {
		t.Fatalf("got %v", err)
	}
}
