package awsmanagedcontrolplane

import (
	"context"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/registry/rest"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
)

// Kubeconfigs give out kubeconfigs for EKS clusters to whoever ctx says is asking. Their errors are
// API errors.
type Kubeconfigs interface {
	For(ctx context.Context, controlPlane *controlplanev1.AWSManagedControlPlane) ([]byte, error)
}

// KubeconfigREST is the kubeconfig subresource: a kubeconfig with a token that lives minutes, made
// for the one who asks and kept nowhere. It is asked for by a POST, so that rights to read everything
// of a group don't give it:
//
//	kubectl create --raw /apis/controlplane.cluster.x-k8s.io/v2beta1/namespaces/NS/awsmanagedcontrolplanes/NAME/kubeconfig -f /dev/null
type KubeconfigREST struct {
	controlPlanes rest.Getter
	kubeconfigs   Kubeconfigs
}

var _ rest.Connecter = &KubeconfigREST{}

// NewKubeconfigREST reads control planes from their storage.
func NewKubeconfigREST(controlPlanes rest.Getter, kubeconfigs Kubeconfigs) *KubeconfigREST {
	return &KubeconfigREST{controlPlanes: controlPlanes, kubeconfigs: kubeconfigs}
}

// New makes an empty object.
func (r *KubeconfigREST) New() runtime.Object { return &controlplanev1.AWSManagedControlPlane{} }

// Destroy has nothing to release.
func (r *KubeconfigREST) Destroy() {}

// ConnectMethods are the methods that make one.
func (r *KubeconfigREST) ConnectMethods() []string { return []string{http.MethodPost} }

// NewConnectOptions tells that there are none.
func (r *KubeconfigREST) NewConnectOptions() (runtime.Object, bool, string) { return nil, false, "" }

// Connect answers with the kubeconfig.
func (r *KubeconfigREST) Connect(ctx context.Context, name string, _ runtime.Object, responder rest.Responder) (http.Handler, error) {
	obj, err := r.controlPlanes.Get(ctx, name, &metav1.GetOptions{ResourceVersion: "0"})
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		config, err := r.kubeconfigs.For(request.Context(), obj.(*controlplanev1.AWSManagedControlPlane))
		if err != nil {
			responder.Error(err)
			return
		}
		w.Header().Set("Content-Type", "application/yaml")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(config) // a client that went away is no error
	}), nil
}
