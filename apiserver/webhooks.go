package apiserver

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/capa-apiserver/capa-apiserver/admission"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

// addWebhooks serves the admission webhooks in every replica and keeps their
// registration in the host.
func (b *background) addWebhooks(extra *Extra) error {
	o := extra.options
	server, err := admission.NewServer(admission.Options{
		Reader: b.ours.GetAPIReader(), Host: b.manager.GetAPIReader(), Regions: regions{b.mirror},
		DefaultRegion: os.Getenv("AWS_REGION"), GetCertificate: extra.certs.GetCertificate,
	})
	if err != nil {
		return err
	}
	kube, err := kubernetes.NewForConfig(extra.host)
	if err != nil {
		return err
	}
	registration, err := admission.NewRegistration(kube, webhookLocation(o), extra.certs.CABundle)
	if err != nil {
		return err
	}
	extra.certs.OnChange(func([]byte) { registration.Enqueue() })
	return b.manager.Add(everywhere(func(ctx context.Context) error {
		address := net.JoinHostPort(o.WebhookAddress, strconv.Itoa(o.WebhookPort))
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
		if err != nil {
			return fmt.Errorf("the webhooks can't listen on %s (--webhook-bind-address, --webhook-port): %w", address, err)
		}
		// Registered once the port is open: from then on writes depend on it.
		go registration.Start(ctx) //nolint:errcheck // it repeats what fails and always returns nil
		return server.Serve(ctx, listener)
	}))
}

func webhookLocation(o *Options) admission.Location {
	if o.WebhookURL != "" {
		return admission.Location{URL: o.WebhookURL}
	}
	return admission.Location{Service: &admissionregistrationv1.ServiceReference{
		Namespace: o.Namespace, Name: o.ServiceName, Port: new(int32(o.WebhookPort)), //nolint:gosec // a port
	}}
}

// regions tells which regions AWS has, from what the mirror has seen of any account.
type regions struct{ mirror *mirror.Mirror }

var _ admission.Regions = regions{}

// Known returns the regions and whether they may be used. All accounts see the
// same names; where their opt-in differs, or may, it is left open.
func (r regions) Known(context.Context, *infrav1.AWSIdentityReference, string) (map[string]string, bool) {
	known := map[string]string{}
	for _, scope := range r.mirror.Scopes() {
		snap := r.mirror.Snapshot(scope)
		for _, region := range mirror.Select(snap, mirror.Regions, nil) {
			name, status := aws.ToString(region.RegionName), aws.ToString(region.OptInStatus)
			if before, seen := known[name]; seen && before != status {
				status = ""
			}
			known[name] = status
		}
	}
	return known, len(known) > 0
}
