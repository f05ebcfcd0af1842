package devcluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/build"
	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/capi"
	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/controlplane"
	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/pki"
)

// clusterAPIAccepts is the step after which Clusters can be created.
const clusterAPIAccepts = "Cluster API webhooks"

func webhookPort(provider string) string     { return provider + "-webhook" }
func healthPort(provider string) string      { return provider + "-health" }
func diagnosticsPort(provider string) string { return provider + "-diagnostics" }

// componentsStep names the step that applies a provider's components.
func componentsStep(provider string) string { return provider + " CRDs" }

// client talks to the cluster as its administrator, without a limit of its own.
func (l *launch) client() (dynamic.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", l.layout.kubeconfig())
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", l.layout.kubeconfig(), err)
	}
	config.QPS = -1
	config.UserAgent = "devcluster"
	return dynamic.NewForConfig(config)
}

func (l *launch) capiSteps() []step {
	var steps []step
	accepts := step{name: clusterAPIAccepts, run: l.awaitClusterAPI}
	for _, provider := range capi.Providers {
		if !l.chosen[provider.Name] {
			continue
		}
		steps = append(steps,
			step{name: componentsStep(provider.Name), after: []string{build.KubeAPIServer},
				run: func(ctx context.Context) (string, error) { return l.applyComponents(ctx, provider) }},
			// Every manager reads kinds of the core provider.
			step{name: provider.Name, after: []string{componentsStep(provider.Name), componentsStep(build.CoreManager)},
				run: func(ctx context.Context) (string, error) { return l.startManager(ctx, provider) }})
		accepts.after = append(accepts.after, provider.Name)
	}
	if len(steps) == 0 {
		return nil
	}
	return append(steps, accepts)
}

func (l *launch) applyComponents(ctx context.Context, provider capi.Provider) (string, error) {
	manager, err := l.manager(provider)
	if err != nil {
		return "", err
	}
	if l.running(manager) {
		return "already there", nil
	}
	rendered, err := capi.ReadFile(filepath.Join(l.layout.bin, capi.ComponentsFile(provider.Name)))
	if err != nil {
		return "", err
	}
	objects, err := capi.Localize(rendered, l.address(webhookPort(provider.Name)), l.certs.Cluster.Cert)
	if err != nil {
		return "", err
	}
	client, err := l.client()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := capi.Apply(ctx, client, objects); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d objects applied", len(objects)), nil
}

// manager is the provider's process: with the certificate of its service account, and a serving certificate for its webhooks.
func (l *launch) manager(provider capi.Provider) (program, error) {
	kubeconfig := l.layout.userKubeconfig(provider.Name)
	user := pki.Leaf{CommonName: provider.User(), Organizations: provider.Groups()}
	if err := l.certs.WriteKubeconfig(kubeconfig, l.address(build.KubeAPIServer), provider.Name, user); err != nil {
		return program{}, err
	}
	serving := filepath.Join(provider.Name+"-webhook", "tls")
	if _, err := l.certs.Leaf(l.certs.Cluster, serving, pki.Leaf{CommonName: provider.Name, Hosts: []string{"127.0.0.1", "localhost"}}); err != nil {
		return program{}, err
	}
	webhook := l.address(webhookPort(provider.Name))
	health := fmt.Sprintf("http://127.0.0.1:%d/readyz", l.state.port(healthPort(provider.Name)))
	client := &http.Client{Timeout: 5 * time.Second}
	var env []string
	if l.HTTPSProxy != "" {
		// Go's clients never use it for loopback, where the management cluster is.
		env = append(env, "HTTPS_PROXY="+l.HTTPSProxy)
	}
	return program{
		name: provider.Name,
		env:  env,
		args: provider.Args(kubeconfig, filepath.Dir(l.certs.CertFile(serving)), capi.Ports{
			Webhook:     l.state.port(webhookPort(provider.Name)),
			Health:      l.state.port(healthPort(provider.Name)),
			Diagnostics: l.state.port(diagnosticsPort(provider.Name)),
		}),
		where: "webhooks on " + webhook,
		ready: func(ctx context.Context) error {
			return errors.Join(controlplane.Get(ctx, client, health), l.handshake(ctx, l.state.port(webhookPort(provider.Name))))
		},
	}, nil
}

func (l *launch) startManager(ctx context.Context, provider capi.Provider) (string, error) {
	p, err := l.manager(provider)
	if err != nil {
		return "", err
	}
	return l.ensure(ctx, p)
}

// handshake sees that a webhook server shows the certificate that the webhook configurations expect.
func (l *launch) handshake(ctx context.Context, port int) error {
	roots := x509.NewCertPool()
	roots.AddCert(l.certs.Cluster.Certificate())
	dialer := &tls.Dialer{Config: &tls.Config{RootCAs: roots}}
	connection, err := dialer.DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return fmt.Errorf("webhook server: %w", err)
	}
	return connection.Close()
}

// awaitClusterAPI waits until a dry run of creating a Cluster passes, which takes the CRD, the conversion, the webhooks and their
// certificates together.
func (l *launch) awaitClusterAPI(ctx context.Context) (string, error) {
	client, err := l.client()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := capi.AwaitAdmission(ctx, client); err != nil {
		return "", err
	}
	return "a Cluster would be accepted", nil
}
