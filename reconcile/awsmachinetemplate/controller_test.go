package awsmachinetemplate

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

const region = "us-east-1"

// newReconciler makes one with an AWSCluster c1 and a template of the type.
func newReconciler(t *testing.T, instanceType string) (*Reconciler, *emulator.Emulator, client.Client) {
	t.Helper()
	emulated := emulator.New(emulator.Options{})
	url, stop, err := emulated.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{infrav1.AddToScheme, clusterv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	meta := metav1.ObjectMeta{Namespace: "default", Name: "c1"}
	template := &infrav1.AWSMachineTemplate{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "t1",
		OwnerReferences: []metav1.OwnerReference{{APIVersion: clusterv1.GroupVersion.String(), Kind: "Cluster", Name: "c1", UID: "c1"}}}}
	template.Spec.Template.Spec = infrav1.AWSMachineSpec{InstanceType: instanceType, RootVolume: &infrav1.Volume{Size: 30}}
	kube := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&infrav1.AWSMachineTemplate{}).WithObjects(
		&clusterv1.Cluster{ObjectMeta: meta, Spec: clusterv1.ClusterSpec{InfrastructureRef: clusterv1.ContractVersionedObjectReference{
			Kind: "AWSCluster", Name: "c1", APIGroup: infrav1.GroupName}}},
		&infrav1.AWSCluster{ObjectMeta: meta, Spec: infrav1.AWSClusterSpec{Region: region}}, template, defaultIdentity()).Build()
	sessions := cloud.NewSessions(cloud.Options{Identities: kube, LoadConfig: func(context.Context) (aws.Config, error) {
		return aws.Config{Region: region, BaseEndpoint: aws.String(url), Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")}, nil
	}})
	return New(Options{Client: kube, Host: kube, Sessions: sessions, Mirror: mirror.New(mirror.Options{Tables: mirror.MachineTables})}), emulated, kube
}

// defaultIdentity is open to all namespaces, as the server makes it.
func defaultIdentity() *infrav1.AWSClusterControllerIdentity {
	return &infrav1.AWSClusterControllerIdentity{ObjectMeta: metav1.ObjectMeta{Name: infrav1.AWSClusterControllerIdentityName},
		Spec: infrav1.AWSClusterControllerIdentitySpec{AWSClusterIdentitySpec: infrav1.AWSClusterIdentitySpec{AllowedNamespaces: &infrav1.AllowedNamespaces{}}}}
}

func TestTemplatesTellWhatTheirMachinesWouldHave(t *testing.T) {
	for _, x := range []struct {
		instanceType, cpu, memory string
		architecture              infrav1.Architecture
	}{
		{"m5.large", "2", "8Gi", infrav1.ArchitectureAMD64},
		{"m7g.xlarge", "4", "16Gi", infrav1.ArchitectureARM64},
	} {
		t.Run(x.instanceType, func(t *testing.T) {
			r, emulated, kube := newReconciler(t, x.instanceType)
			key := client.ObjectKey{Namespace: "default", Name: "t1"}
			for range 3 {
				if _, err := r.Reconcile(context.Background(), ctrl.Request{NamespacedName: key}); err != nil {
					t.Fatal(err)
				}
			}
			obj := &infrav1.AWSMachineTemplate{}
			if err := kube.Get(context.Background(), key, obj); err != nil {
				t.Fatal(err)
			}
			capacity := obj.Status.Capacity
			storage := capacity[corev1.ResourceEphemeralStorage]
			if capacity.Cpu().String() != x.cpu || capacity.Memory().String() != x.memory || storage.String() != "30Gi" {
				t.Errorf("the capacity is %v", capacity)
			}
			if obj.Status.NodeInfo == nil || obj.Status.NodeInfo.Architecture != x.architecture || obj.Status.NodeInfo.OperatingSystem != infrav1.OperatingSystemLinux {
				t.Errorf("the node info is %+v", obj.Status.NodeInfo)
			}
			calls := emulated.Counts()["ec2.DescribeInstanceTypes"]
			if _, err := r.Reconcile(context.Background(), ctrl.Request{NamespacedName: key}); err != nil || emulated.Counts()["ec2.DescribeInstanceTypes"] != calls {
				t.Errorf("a filled template costs calls (%v)", err)
			}
		})
	}
}

func TestTemplateOfAnUnknownTypeWaits(t *testing.T) {
	r, _, _ := newReconciler(t, "m99.large")
	result, err := r.Reconcile(context.Background(), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: "default", Name: "t1"}})
	if err != nil || result.RequeueAfter == 0 {
		t.Errorf("the result is %+v, %v", result, err)
	}
}
