package bootstrapconfig

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/clientcmd"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/nodeconfig"
)

const controlPlaneKind = "AWSManagedControlPlane"

// data is the bootstrap data that the configuration says for a cluster.
func (r *Reconciler[T]) data(ctx context.Context, obj T, u user) ([]byte, error) {
	if ref := u.cluster.Spec.ControlPlaneRef; ref.IsDefined() && ref.Kind != controlPlaneKind {
		return nil, failing(clusterv1.ConditionSeverityError, "Cluster %s has a %s, and nodes join an EKS cluster so: refer to an %s there, or to a configuration of its bootstrap provider here", u.cluster.Name, ref.Kind, controlPlaneKind)
	}
	if why := r.kind.unfit(obj, u.version); why != "" {
		return nil, failing(clusterv1.ConditionSeverityError, "%s", why)
	}
	switch status := u.cluster.Status.Initialization; {
	case status.InfrastructureProvisioned == nil || !*status.InfrastructureProvisioned:
		return nil, waiting(infrav1.WaitingForClusterInfrastructureReason, "waiting for the infrastructure of Cluster "+u.cluster.Name)
	case status.ControlPlaneInitialized == nil || !*status.ControlPlaneInitialized:
		return nil, waiting(bootstrapv1.WaitingForControlPlaneInitializationReason, "waiting for the control plane of Cluster "+u.cluster.Name)
	}
	cluster, err := r.clusterOf(ctx, u.cluster)
	if err != nil {
		return nil, err
	}
	filled := obj.DeepCopyObject().(T)
	if err := r.fill(ctx, filled); err != nil {
		return nil, err
	}
	data, err := r.kind.data(filled, cluster)
	if err != nil {
		return nil, failing(clusterv1.ConditionSeverityError, "%v", err)
	}
	return data, nil
}

// clusterOf is what nodes have to know of a cluster. Endpoint and certificates are those with
// which everybody reaches it.
func (r *Reconciler[T]) clusterOf(ctx context.Context, cluster *clusterv1.Cluster) (nodeconfig.Cluster, error) {
	controlPlane := &controlplanev1.AWSManagedControlPlane{}
	name := cluster.Spec.ControlPlaneRef.Name
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: cluster.Namespace, Name: name}, controlPlane); err != nil {
		if apierrors.IsNotFound(err) {
			return nodeconfig.Cluster{}, failing(clusterv1.ConditionSeverityWarning, "%s %s, to which Cluster %s refers, doesn't exist", controlPlaneKind, name, cluster.Name)
		}
		return nodeconfig.Cluster{}, err
	}
	if controlPlane.Status.ServiceCIDR == "" {
		return nodeconfig.Cluster{}, waiting(bootstrapv1.WaitingForControlPlaneInitializationReason, "waiting for "+controlPlaneKind+" "+name+" to tell the range for services, in status.serviceCIDR")
	}
	key := client.ObjectKey{Namespace: cluster.Namespace, Name: cluster.Name + "-kubeconfig"}
	text, err := r.secretValue(ctx, key, valueKey)
	if err != nil {
		return nodeconfig.Cluster{}, err
	}
	config, err := clientcmd.Load(text)
	if err != nil {
		return nodeconfig.Cluster{}, failing(clusterv1.ConditionSeverityWarning, "Secret %s holds no kubeconfig: %v", key.Name, err)
	}
	use := config.Contexts[config.CurrentContext]
	if use == nil || config.Clusters[use.Cluster] == nil {
		return nodeconfig.Cluster{}, failing(clusterv1.ConditionSeverityWarning, "the kubeconfig in Secret %s names no cluster", key.Name)
	}
	at := config.Clusters[use.Cluster]
	return nodeconfig.Cluster{Name: controlPlane.ClusterName(), Endpoint: at.Server, CA: at.CertificateAuthorityData, ServiceCIDR: controlPlane.Status.ServiceCIDR}, nil
}

// fill puts what Secrets hold in place of the references to them.
func (r *Reconciler[T]) fill(ctx context.Context, obj T) error {
	c, left := obj.CloudInit(), corev1.MaxSecretSize
	read := func(source *bootstrapv1.SecretSource) (string, error) {
		text, err := r.secretValue(ctx, client.ObjectKey{Namespace: obj.GetNamespace(), Name: source.Secret.Name}, source.Secret.Key)
		if left -= len(text); err == nil && left < 0 {
			err = failing(clusterv1.ConditionSeverityError, "what the spec takes from Secrets has more than %d bytes, which is as much as the Secret of the bootstrap data holds: have a command fetch what is large", corev1.MaxSecretSize)
		}
		return string(text), err
	}
	for i := range c.Files {
		f := &c.Files[i]
		if f.ContentFrom == nil {
			continue
		}
		content, err := read(f.ContentFrom)
		if err != nil {
			return err
		}
		f.Content, f.ContentFrom = content, nil
	}
	for i := range c.Users {
		u := &c.Users[i]
		if u.PasswdFrom == nil {
			continue
		}
		hash, err := read(u.PasswdFrom)
		if err != nil {
			return err
		}
		u.Passwd, u.PasswdFrom = &hash, nil
	}
	return nil
}

// secretValue reads a value of a Secret.
func (r *Reconciler[T]) secretValue(ctx context.Context, key client.ObjectKey, name string) ([]byte, error) {
	secret := &corev1.Secret{}
	if err := r.Host.Get(ctx, key, secret); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, failing(clusterv1.ConditionSeverityWarning, "Secret %s doesn't exist in namespace %s: create it with the key %s", key.Name, key.Namespace, name)
		}
		return nil, fmt.Errorf("read Secret %s: %w", key, err)
	}
	value, found := secret.Data[name]
	if !found {
		return nil, failing(clusterv1.ConditionSeverityWarning, "Secret %s has no key %s: add it", key.Name, name)
	}
	return value, nil
}
