package apiserver

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// secretsPatience is how long the first list of Secrets may take before the host is asked
// for one: it may not let them be listed.
const secretsPatience = 5 * time.Second

// identitySecrets reads the Secrets that static identities name. Each pass of each object
// needs them, so they are watched: a thousand machines of one identity cost one list.
// Other Secrets, such as bootstrap data, are read once each and stay out of memory.
type identitySecrets struct {
	client.Reader
	watched cache.Cache
}

var _ client.Reader = identitySecrets{}

// newIdentitySecrets watches the Secrets of the server's own namespace once started; live
// reads one from the host.
func newIdentitySecrets(host *rest.Config, scheme *runtime.Scheme, namespace string, live client.Reader) (identitySecrets, error) {
	kind := corev1.SchemeGroupVersion.WithKind("Secret")
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.Add(kind, meta.RESTScopeNamespace)
	watched, err := cache.New(host, cache.Options{
		Scheme: scheme, Mapper: mapper, DefaultNamespaces: map[string]cache.Config{namespace: {}}, DefaultTransform: onlyKeys,
	})
	if err != nil {
		return identitySecrets{}, err
	}
	// Before the start this doesn't wait for anything.
	_, err = watched.GetInformer(context.Background(), &corev1.Secret{})
	return identitySecrets{live, watched}, err
}

// Get asks the host for what isn't known: it may have been applied a moment ago, together
// with the identity that names it.
func (s identitySecrets) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	soon, cancel := context.WithTimeout(ctx, secretsPatience)
	defer cancel()
	err := s.watched.Get(soon, key, obj, opts...)
	if apierrors.IsNotFound(err) || err != nil && ctx.Err() == nil {
		return s.Reader.Get(ctx, key, obj, opts...)
	}
	return err
}

// onlyKeys keeps of a Secret what identities need, and nothing of the others in the
// namespace.
func onlyKeys(object any) (any, error) {
	secret, ok := object.(*corev1.Secret)
	if !ok {
		return object, nil
	}
	kept := &corev1.Secret{
		TypeMeta:   secret.TypeMeta,
		ObjectMeta: metav1.ObjectMeta{Namespace: secret.Namespace, Name: secret.Name, UID: secret.UID, ResourceVersion: secret.ResourceVersion},
		Data:       map[string][]byte{},
	}
	for _, key := range cloud.SecretKeys {
		if value, ok := secret.Data[key]; ok {
			kept.Data[key] = value
		}
	}
	return kept, nil
}
