package v2beta1

import (
	"k8s.io/apimachinery/pkg/runtime"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// maxClusterName is how long the name of a cluster in EKS can be.
const maxClusterName = 100

func addDefaultingFuncs(scheme *runtime.Scheme) error {
	return RegisterDefaults(scheme)
}

// SetDefaults_AWSManagedControlPlaneCommonSpec fills in what the user left out. It is idempotent
// and never random, because ClusterClass compares server-side dry runs. Network and bastion
// have the defaults of AWSCluster's.
func SetDefaults_AWSManagedControlPlaneCommonSpec(spec *AWSManagedControlPlaneCommonSpec) {
	infrav1.SetNetworkPortDefaults(&spec.Network)
}

// SetIdentityDefault gives a control plane that names no identity the server's own. It is no
// default of decoding: that would turn an identity which an update removes into another
// one without a word.
func SetIdentityDefault(spec *AWSManagedControlPlaneCommonSpec) {
	if spec.IdentityRef == nil {
		spec.IdentityRef = infrav1.DefaultIdentity()
	}
}

// SetDefaults_AWSManagedControlPlaneTemplate names the identity in templates, whose spec can't
// change.
func SetDefaults_AWSManagedControlPlaneTemplate(template *AWSManagedControlPlaneTemplate) {
	SetIdentityDefault(&template.Spec.Template.Spec.AWSManagedControlPlaneCommonSpec)
}

// ClusterName returns the name of the cluster in EKS: what spec says, or NAMESPACE_NAME.
// Before an object is stored, spec may not say it yet.
func (c *AWSManagedControlPlane) ClusterName() string {
	if c.Spec.EKSClusterName != "" {
		return c.Spec.EKSClusterName
	}
	return infrav1.EKSName(c.Namespace, c.Name, maxClusterName)
}
