// Package related reads the objects that machines and pools belong to.
package related

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// ClusterName returns the name of the Cluster that an object belongs to: that of its
// owner reference, else of its label, else, for an object that is a cluster's own, its name.
func ClusterName(obj client.Object) string {
	if name := OwnerName(obj, clusterv1.ClusterKind); name != "" {
		return name
	}
	if name := obj.GetLabels()[clusterv1.ClusterNameLabel]; name != "" {
		return name
	}
	switch obj.(type) {
	case *infrav1.AWSCluster, *controlplanev1.AWSManagedControlPlane:
		return obj.GetName()
	}
	return ""
}

// OwnerName returns the name of the object of a kind of Cluster API that owns obj,
// or "".
func OwnerName(obj client.Object, kind string) string {
	for _, ref := range obj.GetOwnerReferences() {
		if group, err := schema.ParseGroupVersion(ref.APIVersion); err == nil && ref.Kind == kind && group.Group == clusterv1.GroupVersion.Group {
			return ref.Name
		}
	}
	return ""
}

// IdentityTrouble tells what an object says of its identity's trouble, "" without any.
// Who belongs to the object shares its sessions: when the trouble ends, all go on at
// once.
func IdentityTrouble(obj interface{ GetConditions() []metav1.Condition }) string {
	for _, kind := range []string{infrav1.PrincipalCredentialRetrievedCondition, infrav1.PrincipalUsageAllowedCondition} {
		if x := meta.FindStatusCondition(obj.GetConditions(), kind); x != nil && x.Status == metav1.ConditionFalse {
			return x.Reason
		}
	}
	return ""
}
