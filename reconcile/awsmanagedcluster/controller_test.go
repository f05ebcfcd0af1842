package awsmanagedcluster

import (
	"context"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
)

func TestAnAWSManagedClusterShowsWhatItsControlPlaneHas(t *testing.T) {
	endpoint := infrav1.APIEndpoint{Host: "https://abc.gr7.us-east-1.eks.amazonaws.com", Port: 443}
	zones := []infrav1.FailureDomain{{Name: "us-east-1a", ControlPlane: ptr.To(true)}}
	for name, c := range map[string]struct {
		plane, paused, orphan bool
		endpoint              infrav1.APIEndpoint
		provisioned, ready    bool
	}{
		"it is provisioned before there is a control plane": {provisioned: true},
		"it copies endpoint and failure domains":            {plane: true, endpoint: endpoint, provisioned: true, ready: true},
		"a paused one stays as it is":                       {plane: true, paused: true},
		"one that belongs to no Cluster yet stays as it is": {plane: true, orphan: true},
	} {
		t.Run(name, func(t *testing.T) {
			m := metav1.ObjectMeta{Namespace: "default", Name: "c1"}
			cluster := &clusterv1.Cluster{ObjectMeta: m, Spec: clusterv1.ClusterSpec{Paused: &c.paused,
				ControlPlaneRef: clusterv1.ContractVersionedObjectReference{Kind: "AWSManagedControlPlane", Name: "c1", APIGroup: controlplanev1.GroupName}}}
			obj := &infrav1.AWSManagedCluster{ObjectMeta: m}
			if !c.orphan {
				obj.OwnerReferences = []metav1.OwnerReference{{APIVersion: clusterv1.GroupVersion.String(), Kind: "Cluster", Name: "c1", UID: "owner"}}
			}
			objects := []client.Object{cluster, obj}
			if c.plane {
				plane := &controlplanev1.AWSManagedControlPlane{ObjectMeta: m}
				plane.Spec.ControlPlaneEndpoint, plane.Status.FailureDomains = endpoint, zones
				objects = append(objects, plane)
			}
			kube := enginetest.NewKube(t, objects...)
			r := New(Options{Client: kube, Host: kube})
			for range 2 {
				if _, err := r.Reconcile(context.Background(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(obj)}); err != nil {
					t.Fatal(err)
				}
			}
			if err := kube.Get(context.Background(), client.ObjectKeyFromObject(obj), obj); err != nil {
				t.Fatal(err)
			}
			ready := meta.IsStatusConditionTrue(obj.Status.Conditions, infrav1.ReadyCondition)
			if obj.Spec.ControlPlaneEndpoint != c.endpoint || obj.Provisioned() != c.provisioned || ready != c.ready || (len(obj.Status.FailureDomains) == 1) != c.ready {
				t.Errorf("spec %+v, status %+v", obj.Spec, obj.Status)
			}
			if paused := meta.IsStatusConditionTrue(obj.Status.Conditions, infrav1.PausedCondition); paused != c.paused {
				t.Errorf("it is paused: %t", paused)
			}
		})
	}
}
