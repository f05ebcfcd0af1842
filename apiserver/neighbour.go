package apiserver

import (
	"errors"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"

	"github.com/capa-apiserver/capa-apiserver/admission"
)

// providerLabel is on all that clusterctl installs of a provider.
const providerLabel, provider = "cluster.x-k8s.io/provider", "infrastructure-aws"

// passOver has the library's plugins ask two providers' webhooks nothing:
//   - those of Cluster API Provider AWS are for its own objects, of the same kinds at v1beta2, which are the host's to
//     show them. To this server its versions are equivalent, so that it would ask them about objects that CAPA has
//     never seen, and wait for them when CAPA is gone;
//   - this server's own: a plugin of its own asks the same rules.
func passOver(host informers.SharedInformerFactory) error {
	api := host.Admissionregistration().V1()
	return errors.Join(
		api.MutatingWebhookConfigurations().Informer().SetTransform(withoutPassedOver),
		api.ValidatingWebhookConfigurations().Informer().SetTransform(withoutPassedOver),
	)
}

func withoutPassedOver(object any) (any, error) {
	switch c := object.(type) {
	case *admissionregistrationv1.MutatingWebhookConfiguration:
		if passedOver(c) {
			c.Webhooks = nil
		}
	case *admissionregistrationv1.ValidatingWebhookConfiguration:
		if passedOver(c) {
			c.Webhooks = nil
		}
	}
	return object, nil
}

func passedOver(c metav1.Object) bool {
	return c.GetLabels()[providerLabel] == provider || c.GetName() == admission.ConfigurationName
}
