package bootstrapconfig

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/version"
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
	unfit func(version string) string
	data  func(T, nodeconfig.Cluster) ([]byte, error)
}

// NewNodeadm makes the reconciler of NodeadmConfigs.
func NewNodeadm(o Options) *Reconciler[*bootstrapv1.NodeadmConfig] {
	return newReconciler(kind[*bootstrapv1.NodeadmConfig]{
		name:  "NodeadmConfig",
		empty: func() *bootstrapv1.NodeadmConfig { return &bootstrapv1.NodeadmConfig{} },
		list:  func() client.ObjectList { return &bootstrapv1.NodeadmConfigList{} },
		unfit: func(string) string { return "" },
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
		unfit: withoutScript,
		data: func(c *bootstrapv1.EKSConfig, cluster nodeconfig.Cluster) ([]byte, error) {
			return nodeconfig.BootstrapScript(&c.Spec, cluster)
		},
	}, o)
}

// lastScript is the last minor version of Kubernetes that there are images with bootstrap.sh of.
const lastScript = 32

// withoutScript says that there is no bootstrap.sh in images of a version. What isn't known to
// be later passes.
func withoutScript(text string) string {
	v, err := version.ParseGeneric(text)
	if err != nil || v.Major() == 1 && v.Minor() <= lastScript {
		return ""
	}
	return fmt.Sprintf("images for Kubernetes %s have no bootstrap.sh: those with Amazon Linux 2 end with 1.%d; refer to a NodeadmConfig, and choose an image with Amazon Linux 2023", text, lastScript)
}
