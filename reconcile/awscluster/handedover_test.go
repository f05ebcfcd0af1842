package awscluster

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// TestWhatServicesKeepIsNamedWhereItHoldsTheVPC switches the cleaning up off in a VPC
// that is the cluster's own: it can't go before what the user keeps in it.
func TestWhatServicesKeepIsNamedWhereItHoldsTheVPC(t *testing.T) {
	w := newWorld(t, newCluster(func(c *infrav1.AWSCluster) {
		c.Annotations = map[string]string{"aws.cluster.x-k8s.io/external-resource-gc": "false"}
	}))
	w.create()
	var n usersVPC
	n.id = w.get().Spec.Network.VPC.ID
	for _, s := range w.get().Spec.Network.Subnets {
		if s.IsPublic {
			n.public = s.ResourceID
		}
	}
	w.service(n, testName)
	w.Must(w.Kube.Delete(context.Background(), w.get()))
	for range 40 {
		_, _ = w.reconcile()
		if w.gone() {
			t.Fatal("it is gone, and its VPC isn't")
		}
		w.Pass(3 * time.Second)
	}
	after := w.Resources()
	for _, kind := range []string{"classic-load-balancer", "load-balancer", "target-group"} {
		if after[kind] != 1 {
			t.Errorf("%d of %s are left, want the user's", after[kind], kind)
		}
	}
	said := ""
	for _, c := range w.get().Status.Conditions {
		said += c.Message + "\n"
	}
	if !strings.Contains(said, "in use by network interface eni-") || !strings.Contains(said, "web") {
		t.Errorf("nothing says what holds the VPC:\n%s", w.describe())
	}
}

// TestASubnetIsMissingOnceItWasLookedFor names one subnet that was made after the last
// listing, and one that nobody made.
func TestASubnetIsMissingOnceItWasLookedFor(t *testing.T) {
	w := newWorld(t, newCluster())
	n := w.routedNetwork()
	w.change(func(c *infrav1.AWSCluster) { c.Spec.Network.VPC.ID = n.id })
	w.Pass(time.Second)
	_, _ = w.reconcile()
	const nobodys = "subnet-0123456789abcdef0"
	out, err := w.ec2().CreateSubnet(context.Background(), &ec2.CreateSubnetInput{VpcId: &n.id, CidrBlock: aws.String("10.9.77.0/24"), AvailabilityZone: aws.String("us-east-1a")})
	w.Must(err)
	fresh := aws.ToString(out.Subnet.SubnetId)
	w.change(func(c *infrav1.AWSCluster) {
		c.Spec.Network.Subnets = infrav1.Subnets{{ID: n.public}, {ID: n.private}, {ID: fresh}, {ID: nobodys}}
	})
	_, err = w.reconcile()
	w.Must(err)
	c, _ := w.condition(infrav1.SubnetsReadyCondition)
	if !strings.Contains(c.Message, nobodys) || strings.Contains(c.Message, fresh) {
		t.Errorf("SubnetsReady says %q", c.Message)
	}
}
