package admission

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// profileRules judge a Fargate profile by its cluster. One that isn't there yet may come in
// the same apply.
type profileRules struct{ live *Live }

// fits: the cluster is one of EKS, and no other profile of it has the name.
func (rules profileRules) fits(ctx context.Context, r Request) ([]string, field.ErrorList) {
	updated, _ := r.Object.(*infrav1.AWSFargateProfile)
	if updated == nil || r.Old != nil || rules.live == nil {
		return nil, nil // nothing that is judged here can be changed
	}
	at := field.NewPath("spec")
	cluster := &clusterv1.Cluster{}
	if err := rules.live.Host.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: updated.Spec.ClusterName}, cluster); err != nil {
		return nil, nil // only an early word is lost
	}
	if ref := cluster.Spec.ControlPlaneRef; ref.IsDefined() && (ref.Kind != "AWSManagedControlPlane" || ref.APIGroup != controlplanev1.GroupName) {
		return nil, field.ErrorList{field.Invalid(at.Child("clusterName"), updated.Spec.ClusterName,
			fmt.Sprintf("the control plane of this Cluster is a %s, and Fargate runs pods of EKS clusters only: name a Cluster whose controlPlaneRef is an AWSManagedControlPlane", ref.Kind))}
	}
	return nil, rules.alone(ctx, updated, at.Child("profileName"))
}

// alone: EKS has one profile of a name in a cluster.
func (rules profileRules) alone(ctx context.Context, updated *infrav1.AWSFargateProfile, at *field.Path) field.ErrorList {
	list := &infrav1.AWSFargateProfileList{}
	if err := rules.live.Ours.List(ctx, list, client.InNamespace(updated.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil
	}
	for i := range list.Items {
		other := &list.Items[i]
		if other.Name != updated.Name && other.Spec.ClusterName == updated.Spec.ClusterName && other.EKSProfileName() == updated.EKSProfileName() {
			return field.ErrorList{field.Forbidden(at, fmt.Sprintf("%s is that of AWSFargateProfile %s/%s, and no two objects may act on one profile: write another name", updated.EKSProfileName(), other.Namespace, other.Name))}
		}
	}
	return nil
}
