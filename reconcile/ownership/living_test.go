package ownership_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership/ownershiptest"
)

const groupARN = "arn:aws:autoscaling:us-east-1:1:autoScalingGroup:x:autoScalingGroupName/p1"

func TestWhatIsWrittenInAnUnrelatedFieldRecordsNothing(t *testing.T) {
	c := &infrav1.AWSCluster{}
	n := &c.Spec.Network
	n.VPC.ID, n.VPC.InternetGatewayID, n.VPC.CarrierGatewayID = "i-1", aws.String("vpc-1"), aws.String("sg-1")
	n.VPC.IPv6 = &infrav1.IPv6{EgressOnlyInternetGatewayID: aws.String(groupARN)}
	n.Subnets = infrav1.Subnets{{ID: "i-1", ResourceID: "i-1", NatGatewayID: aws.String("i-1"), RouteTableID: aws.String(groupARN)}}
	c.Spec.S3Bucket = &infrav1.S3Bucket{Name: "i-1"}
	c.Status.NetworkStatus.APIServerELB.Name = "i-1"
	if got := ownership.RecordsOfCluster(c); len(got) != 2 || got[0] != ownership.LoadBalancer("i-1") || got[1] != ownership.Bucket("i-1") {
		t.Errorf("the cluster records %q", got)
	}
	m := &infrav1.AWSMachine{}
	m.Spec.InstanceID, m.Spec.ProviderID = aws.String("vpc-1"), aws.String("aws:///us-east-1a/"+groupARN)
	p := &infrav1.AWSMachinePool{}
	p.Spec.ProviderID = "i-1"
	if got := append(ownership.RecordsOfMachine(m), ownership.RecordsOfPool(p)...); len(got) > 0 {
		t.Errorf("machine and pool record %q", got)
	}
}

func TestIndexFindsObjectsByUIDRecordAndCluster(t *testing.T) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{infrav1.AddToScheme, controlplanev1.AddToScheme, clusterv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	meta := func(name, uid string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: "a", Name: name, UID: types.UID("uid-" + uid), Labels: map[string]string{clusterv1.ClusterNameLabel: "c1"}}
	}
	cluster := &infrav1.AWSCluster{ObjectMeta: meta("c1", "c")}
	cluster.Spec.Region, cluster.Status.AccountID = "us-east-1", "123456789012"
	cluster.Spec.Network.VPC.ID = "vpc-1"
	cluster.Spec.Network.Subnets = infrav1.Subnets{{ID: "name", ResourceID: "subnet-1"}}
	machine := &infrav1.AWSMachine{ObjectMeta: meta("m1", "m")}
	machine.Spec.ProviderID = aws.String("aws:///us-east-1a/i-1")
	pool := &infrav1.AWSMachinePool{ObjectMeta: meta("p1", "p")}
	pool.Spec.ProviderID = groupARN
	plane := &controlplanev1.AWSManagedControlPlane{ObjectMeta: meta("cp1", "cp")}
	plane.Labels = map[string]string{clusterv1.ClusterNameLabel: "c2"}
	plane.Spec.EKSClusterName = "eks1"
	decoy := machine.DeepCopy()
	decoy.Namespace, decoy.UID, decoy.Spec.ProviderID = "b", "uid-decoy", aws.String("aws:///us-east-1a/i-2")
	host := fake.NewClientBuilder().WithScheme(scheme).WithObjects(&clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "c1"}}).Build()
	x := ownership.NewIndex(ownershiptest.Indexed(fake.NewClientBuilder().WithScheme(scheme).WithObjects(cluster, machine, decoy, pool, plane)).Build(), host)

	for id, stray := range map[string]bool{"i-1": false, "i-2": true} {
		if found, err := x.Recorders(id); err != nil || len(found) != 1 || found[0].Stray != stray {
			t.Errorf("%s is recorded by %+v (%v), want one that belongs to no Cluster: %t", id, found, err, stray)
		}
	}

	for uid, kind := range map[string]string{"uid-c": ownership.KindCluster, "uid-m": ownership.KindMachine, "uid-p": ownership.KindPool} {
		if found, err := x.ByUID(uid); err != nil || found == nil || found.Kind != kind || found.Cluster != "c1" {
			t.Errorf("%s: %+v (%v)", uid, found, err)
		}
	}
	if found, err := x.ByUID("nobody"); found != nil || err != nil {
		t.Errorf("nobody is %+v (%v)", found, err)
	}
	for id, name := range map[string]string{"vpc-1": "c1", "subnet-1": "c1", "i-1": "m1", groupARN: "p1", ownership.EKSCluster("eks1"): "cp1"} {
		if found, err := x.Recorders(id); err != nil || len(found) != 1 || found[0].Name != name {
			t.Errorf("%s is recorded by %+v (%v)", id, found, err)
		}
	}
	found, err := x.Namesakes(ownership.KindCluster, "c1")
	if err != nil || len(found) != 1 || found[0].Account != "123456789012" || found[0].Region != "us-east-1" {
		t.Errorf("namesakes are %+v (%v)", found, err)
	}
	// What they stand on is called alike.
	if found, err = x.Namesakes(ownership.KindCluster, "c2"); err != nil || len(found) != 1 || found[0].Kind != ownership.KindControlPlane {
		t.Errorf("namesakes of another kind are %+v (%v)", found, err)
	}
}
