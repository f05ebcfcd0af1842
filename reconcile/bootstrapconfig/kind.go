package bootstrapconfig

import (
	"sigs.k8s.io/controller-runtime/pkg/client"

	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/nodeconfig"
)

// Config is an object of either kind.
type Config interface {
	client.Object
	conditions.Object
	// ConfigStatus and CloudInit are parts of the object itself.
	ConfigStatus() *bootstrapv1.ConfigStatus
	CloudInit() *bootstrapv1.CloudInit
}

// kind is what the kinds differ in.
type kind[T Config] struct {
	name  string
	empty func() T
	list  func() client.ObjectList
	// unfit says why nodes of a version can't have such data, "" for all others.
	unfit func(obj T, version string) string
	data  func(T, nodeconfig.Cluster) ([]byte, error)
}

// NewNodeadm makes the reconciler of NodeadmConfigs.
func NewNodeadm(o Options) *Reconciler[*bootstrapv1.NodeadmConfig] {
	return newReconciler(kind[*bootstrapv1.NodeadmConfig]{
		name:  "NodeadmConfig",
		empty: func() *bootstrapv1.NodeadmConfig { return &bootstrapv1.NodeadmConfig{} },
		list:  func() client.ObjectList { return &bootstrapv1.NodeadmConfigList{} },
		unfit: func(*bootstrapv1.NodeadmConfig, string) string { return "" },
		data: func(c *bootstrapv1.NodeadmConfig, cluster nodeconfig.Cluster) ([]byte, error) {
			return nodeconfig.Nodeadm(&c.Spec, cluster)
		},
	}, o)
}

// NewEKS makes the reconciler of EKSConfigs.
func NewEKS(o Options) *Reconciler[*bootstrapv1.EKSConfig] {
	return newReconciler(kind[*bootstrapv1.EKSConfig]{
		name:  "EKSConfig",
		empty: func() *bootstrapv1.EKSConfig { return &bootstrapv1.EKSConfig{} },
		list:  func() client.ObjectList { return &bootstrapv1.EKSConfigList{} },
		unfit: func(c *bootstrapv1.EKSConfig, version string) string { return c.Spec.Unfit(version) },
		data: func(c *bootstrapv1.EKSConfig, cluster nodeconfig.Cluster) ([]byte, error) {
			return nodeconfig.BootstrapScript(&c.Spec, cluster)
		},
	}, o)
}
