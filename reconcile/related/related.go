// Package related reads the objects that machines and pools belong to.
package related

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// awsClusterKind is the infrastructure that machines on EC2 belong to.
const awsClusterKind = "AWSCluster"

// Infrastructure returns a Cluster and its AWSCluster, each nil while it isn't
// there. host reads Clusters and ours AWSClusters. The error says what couldn't be
// read.
func Infrastructure(ctx context.Context, ours, host client.Reader, namespace, name string) (*clusterv1.Cluster, *infrav1.AWSCluster, error) {
	if name == "" {
		return nil, nil, nil
	}
	cluster := &clusterv1.Cluster{}
	if err := host.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, cluster); err != nil {
		return nil, nil, client.IgnoreNotFound(err)
	}
	ref := cluster.Spec.InfrastructureRef
	if ref.Kind != awsClusterKind || ref.APIGroup != infrav1.GroupName {
		return cluster, nil, nil
	}
	infra := &infrav1.AWSCluster{}
	if err := ours.Get(ctx, client.ObjectKey{Namespace: namespace, Name: ref.Name}, infra); err != nil {
		return cluster, nil, client.IgnoreNotFound(err)
	}
	return cluster, infra, nil
}

// ClusterName returns the name of the Cluster that an object belongs to: that of its
// owner reference, else of its label, else, for an AWSCluster, its own.
func ClusterName(obj client.Object) string {
	if name := OwnerName(obj, clusterv1.ClusterKind); name != "" {
		return name
	}
	if name := obj.GetLabels()[clusterv1.ClusterNameLabel]; name != "" {
		return name
	}
	if _, ok := obj.(*infrav1.AWSCluster); ok {
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

// IdentityTrouble tells what an AWSCluster says of its identity's trouble, "" without
// any. Who belongs to the cluster shares its sessions: when the trouble ends, all go
// on at once.
func IdentityTrouble(c *infrav1.AWSCluster) string {
	for _, kind := range []string{infrav1.PrincipalCredentialRetrievedCondition, infrav1.PrincipalUsageAllowedCondition} {
		if x := meta.FindStatusCondition(c.Status.Conditions, kind); x != nil && x.Status == metav1.ConditionFalse {
			return x.Reason
		}
	}
	return ""
}
