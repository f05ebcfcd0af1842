package apiserver

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/capa-apiserver/capa-apiserver/admission"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/infrastructure"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/related"
)

// addWebhooks serves the admission webhooks in every replica and keeps their
// registration in the host.
func (b *background) addWebhooks(extra *Extra) error {
	o := extra.options
	server, err := admission.NewServer(admission.Options{
		Kinds:  o.Table.judged(),
		Reader: b.ours.GetAPIReader(), Host: b.host.GetAPIReader(), Regions: b.regions,
		Live: &admission.Live{Ours: b.ours.GetClient(), Host: b.host.GetClient(), Sessions: b.sessions, Facts: b.facts,
			Lender: func(c *infrav1.AWSCluster, snap *mirror.Snapshot) admission.Lender {
				lender := infrastructure.OfAWSCluster(c, related.ClusterName(c)).Lender(b.living, snap)
				lender.Early = true
				return lender
			}},
		Living:        living{b.living},
		Namespace:     o.Namespace,
		MakeRoles:     o.MakeRoles,
		RolePolicies:  o.RolePolicies,
		DefaultRegion: os.Getenv("AWS_REGION"), GetCertificate: extra.certs.GetCertificate, Callers: extra.certs.CABundle, Here: extra.webhooks,
	})
	if err != nil {
		return err
	}
	kube, err := kubernetes.NewForConfig(extra.host)
	if err != nil {
		return err
	}
	registration, err := admission.NewRegistration(kube, o.Table.judged(), webhookLocation(o), extra.certs.CABundle)
	if err != nil {
		return err
	}
	extra.certs.OnChange(func([]byte) { registration.Enqueue() })
	b.start.expect("webhooks", registration.Ready)
	b.serve(func(ctx context.Context) error {
		address := net.JoinHostPort(o.WebhookAddress, strconv.Itoa(o.WebhookPort))
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
		if err != nil {
			return fmt.Errorf("the webhooks can't listen on %s (--webhook-bind-address, --webhook-port): %w", address, err)
		}
		// Registered once the port is open: from then on writes depend on it.
		go registration.Start(ctx) //nolint:errcheck // it repeats what fails and always returns nil
		return server.Serve(ctx, listener)
	})
	return nil
}

// living tells admission what the living objects record.
type living struct{ ownership.Living }

var _ admission.Living = living{}

// WithBalancer returns the objects that record a load balancer of a name.
func (l living) WithBalancer(name string) ([]admission.Recorder, error) {
	return l.Recorders(ownership.LoadBalancer(name))
}

// Recorders returns the objects that record a resource.
func (l living) Recorders(id string) ([]admission.Recorder, error) {
	objects, err := l.Living.Recorders(id)
	var found []admission.Recorder
	for _, o := range objects {
		found = append(found, admission.Recorder{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name, Account: o.Account, Region: o.Region})
	}
	return found, err
}

func webhookLocation(o *Options) admission.Location {
	if o.WebhookURL != "" {
		return admission.Location{URL: o.WebhookURL}
	}
	return admission.Location{Service: &admissionregistrationv1.ServiceReference{
		Namespace: o.Namespace, Name: o.ServiceName, Port: new(int32(o.WebhookPort)), //nolint:gosec // a port
	}}
}
