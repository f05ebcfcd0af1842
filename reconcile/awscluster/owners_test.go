package awscluster

import (
	"context"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

// twin returns a world of the same AWS and store with a cluster of the same name in
// another namespace.
func (w *world) twin(change ...func(*infrav1.AWSCluster)) *world {
	w.T.Helper()
	w.add(newCluster(append(change, func(c *infrav1.AWSCluster) { c.Namespace, c.UID = "other", "uid-of-twin" })...))
	o := w.with(w.Kube)
	o.namespace = "other"
	return o
}

// mutations returns the mutating operations that AWS was asked for.
func (w *world) mutations() map[string]int {
	found := maps.Clone(w.AWS.Counts())
	maps.DeleteFunc(found, func(op string, _ int) bool {
		_, name, _ := strings.Cut(op, ".")
		return strings.HasPrefix(name, "Describe") || strings.HasPrefix(name, "Get") || strings.HasPrefix(name, "Head")
	})
	return found
}

// try reconciles a few times.
func (w *world) try() {
	for range 10 {
		_, _ = w.reconcile()
		w.Pass(3 * time.Second)
	}
}

func TestTwinsInOneUsersVPCTakeNothingFromEachOther(t *testing.T) {
	w, n := newUsersWorld(t)
	w.create()
	o := w.twin(func(c *infrav1.AWSCluster) {
		c.Spec.Network.VPC.ID, c.Spec.Network.Subnets = n.id, infrav1.Subnets{{ID: n.public}, {ID: n.private}}
	})
	before := w.Resources()
	o.try()
	if c, _ := o.condition(infrav1.ClusterSecurityGroupsReadyCondition); c.Status != "False" || !strings.Contains(c.Message, "is of AWSCluster in another namespace") {
		t.Errorf("the twin's groups are %+v", c)
	}
	if len(o.get().Status.NetworkStatus.SecurityGroups) > 0 {
		t.Errorf("the twin shows %v", o.get().Status.NetworkStatus.SecurityGroups)
	}
	o.delete()
	if after := w.Resources(); !maps.Equal(before, after) {
		t.Errorf("there is %v, want %v", after, before)
	}
	if left := w.plan(); len(left) > 0 || !w.isReady() {
		t.Errorf("the first cluster needs repair: %q", left)
	}
}

func TestAVPCOfAnotherClusterOfTheNameIsNotTaken(t *testing.T) {
	w := newWorld(t, newCluster())
	w.create()
	w.Pass(time.Minute)
	_, _ = w.reconcile()
	o := w.twin(func(c *infrav1.AWSCluster) { c.Spec.Network.VPC.ID = w.get().Spec.Network.VPC.ID })
	w.AWS.ResetCounts()
	o.try()
	if c, _ := o.condition(infrav1.VpcReadyCondition); c.Status != "False" || !strings.Contains(c.Message, "is of AWSCluster in another namespace") {
		t.Errorf("VpcReady is %+v", c)
	}
	o.delete()
	if calls := w.mutations(); len(calls) > 0 {
		t.Errorf("AWS was asked for %v", calls)
	}
	if left := w.plan(); len(left) > 0 {
		t.Errorf("the first cluster needs repair: %q", left)
	}
}

// shareWith has whoever has a resource share it with a cluster.
func (w *world) shareWith(cluster string, ids ...string) {
	w.T.Helper()
	_, err := w.ec2().CreateTags(context.Background(), &ec2.CreateTagsInput{Resources: ids,
		Tags: []ec2types.Tag{{Key: aws.String(names.TagOwnedPrefix + cluster), Value: aws.String(names.Shared)}}})
	w.Must(err)
	w.Pass(time.Minute)
}

// guest returns a world of the same AWS with a cluster of another name in another
// namespace, in the first one's VPC.
func (w *world) guest(change ...func(*infrav1.AWSCluster)) *world {
	w.T.Helper()
	n := w.get().Spec.Network
	return w.twin(append([]func(*infrav1.AWSCluster){func(c *infrav1.AWSCluster) {
		c.Labels = map[string]string{clusterv1.ClusterNameLabel: "guest"}
		c.OwnerReferences[0].Name = "guest"
		c.Spec.Network.VPC.ID = n.VPC.ID
		for _, s := range n.Subnets {
			c.Spec.Network.Subnets = append(c.Spec.Network.Subnets, infrav1.SubnetSpec{ID: s.ResourceID})
		}
	}}, change...)...)
}

func TestAClusterIsInAnothersVPCOnlyWhereThatIsShared(t *testing.T) {
	w := newWorld(t, newCluster(func(c *infrav1.AWSCluster) { c.Spec.Network.VPC.AvailabilityZoneUsageLimit = aws.Int(1) }))
	w.create()
	w.Pass(time.Minute)
	_, _ = w.reconcile()
	vpc, before := w.get().Spec.Network.VPC.ID, w.Resources()
	group := w.get().Status.NetworkStatus.SecurityGroups[infrav1.SecurityGroupControlPlane].ID
	o := w.guest(withBastion, func(c *infrav1.AWSCluster) {
		c.Spec.Network.SecurityGroupOverrides = map[infrav1.SecurityGroupRole]string{infrav1.SecurityGroupControlPlane: group}
	})
	w.AWS.ResetCounts()
	o.try()
	if c, _ := o.condition(infrav1.VpcReadyCondition); c.Status != "False" || !strings.Contains(c.Message, "VPC "+vpc+" belongs to cluster c1: name another one; or whoever has it lets this cluster use it: aws ec2 create-tags --resources "+vpc) {
		t.Errorf("VpcReady of the guest is %+v", c)
	}
	if calls := w.mutations(); len(calls) > 0 || len(o.get().Status.NetworkStatus.SecurityGroups) > 0 {
		t.Errorf("AWS was asked for %v, and the guest shows %v", calls, o.get().Status.NetworkStatus.SecurityGroups)
	}
	w.shareWith("guest", vpc)
	o.create()
	if got := o.get().Status.NetworkStatus.SecurityGroups[infrav1.SecurityGroupControlPlane].ID; got != group {
		t.Errorf("the group of a shared VPC is %s, want %s", got, group)
	}
	o.delete()
	if after := w.Resources(); !maps.Equal(before, after) {
		t.Errorf("there is %v, want %v", after, before)
	}
	if left := w.plan(); len(left) > 0 || !w.isReady() {
		t.Errorf("the first cluster needs repair: %q", left)
	}
}

func TestANamesakeMakesNoGuestUnready(t *testing.T) {
	w := newWorld(t, newCluster(func(c *infrav1.AWSCluster) { c.Spec.Network.VPC.AvailabilityZoneUsageLimit = aws.Int(1) }))
	w.create()
	w.Pass(time.Minute)
	_, _ = w.reconcile()
	vpc, group := w.get().Spec.Network.VPC.ID, w.get().Status.NetworkStatus.SecurityGroups[infrav1.SecurityGroupControlPlane].ID
	w.shareWith("guest", vpc)
	o := w.guest(func(c *infrav1.AWSCluster) {
		c.Spec.Network.SecurityGroupOverrides = map[infrav1.SecurityGroupRole]string{}
		for _, role := range []infrav1.SecurityGroupRole{infrav1.SecurityGroupAPIServerLB, infrav1.SecurityGroupLB, infrav1.SecurityGroupControlPlane, infrav1.SecurityGroupNode} {
			c.Spec.Network.SecurityGroupOverrides[role] = group
		}
	})
	o.create()
	before := o.get()
	w.add(newCluster(func(c *infrav1.AWSCluster) {
		c.Namespace, c.UID, c.Labels, c.OwnerReferences[0].Name = "decoys", "uid-of-decoy", map[string]string{clusterv1.ClusterNameLabel: "guest"}, "guest"
		c.Annotations, c.Spec.Network.VPC.ID = map[string]string{clusterv1.PausedAnnotation: ""}, vpc
	}))
	w.Pass(time.Minute)
	o.try()
	if after := o.get(); !o.isReady() || !reflect.DeepEqual(before.Status.NetworkStatus, after.Status.NetworkStatus) {
		t.Errorf("it is %s", o.describe())
	}
}

func TestAClusterInAUsersVPCUsesNoGroupsOfAnotherOne(t *testing.T) {
	w, n := newUsersWorld(t)
	w.create()
	group := w.get().Status.NetworkStatus.SecurityGroups[infrav1.SecurityGroupControlPlane].ID
	in := func(c *infrav1.AWSCluster) {
		c.Spec.Network.VPC.ID, c.Spec.Network.Subnets = n.id, infrav1.Subnets{{ID: n.public}, {ID: n.private}}
	}
	o := w.guest(in, func(c *infrav1.AWSCluster) {
		c.Spec.Network.SecurityGroupOverrides = map[infrav1.SecurityGroupRole]string{infrav1.SecurityGroupControlPlane: group}
		c.Spec.ControlPlaneLoadBalancer.AdditionalSecurityGroups = []string{group}
	})
	w.Pass(time.Minute)
	o.try()
	for _, area := range []string{infrav1.ClusterSecurityGroupsReadyCondition, infrav1.LoadBalancerReadyCondition} {
		if c, _ := o.condition(area); c.Status != "False" || !strings.Contains(c.Message, "security group "+group+" belongs to cluster c1") {
			t.Errorf("%s of the guest is %+v", area, c)
		}
	}
	o.change(func(c *infrav1.AWSCluster) {
		c.Spec.Network.SecurityGroupOverrides, c.Spec.ControlPlaneLoadBalancer.AdditionalSecurityGroups = nil, nil
	})
	o.create()
}

func TestARunningClusterIsNotLostToARivalForItsVPC(t *testing.T) {
	w := newWorld(t, newCluster())
	w.create()
	vpc := w.get().Spec.Network.VPC.ID
	_, err := w.ec2().DeleteTags(context.Background(), &ec2.DeleteTagsInput{Resources: []string{vpc}, Tags: []ec2types.Tag{{Key: aws.String(names.TagUID)}, {Key: aws.String(names.TagNamespace)}}})
	w.Must(err)
	w.Pass(time.Minute)
	before := w.get()
	w.twin(func(c *infrav1.AWSCluster) {
		c.Spec.Network.VPC.ID, c.CreationTimestamp = vpc, metav1.NewTime(before.CreationTimestamp.Add(-time.Hour))
		c.Annotations = map[string]string{clusterv1.PausedAnnotation: ""}
	})
	w.AWS.ResetCounts()
	w.try()
	after := w.get()
	if c, _ := w.condition(infrav1.VpcReadyCondition); c.Status != "False" || !strings.Contains(c.Message, "AWSCluster in another namespace as much as of this object") {
		t.Errorf("VpcReady is %+v", c)
	}
	if !w.isReady() || !reflect.DeepEqual(before.Status.NetworkStatus, after.Status.NetworkStatus) || !reflect.DeepEqual(before.Spec, after.Spec) {
		t.Errorf("it is %s", w.describe())
	}
	if calls := w.mutations(); len(calls) > 0 {
		t.Errorf("AWS was asked for %v", calls)
	}
}

// move does what `clusterctl move` and backups do: the object is made anew without
// its status, under another UID.
func (w *world) move() {
	w.T.Helper()
	obj := w.get()
	obj.Finalizers = nil
	w.Must(w.Kube.Update(context.Background(), obj))
	w.Must(w.Kube.Delete(context.Background(), obj))
	next := obj.DeepCopy()
	next.UID, next.ResourceVersion, next.Status = types.UID("uid-after-move"), "", infrav1.AWSClusterStatus{}
	w.Must(w.Kube.Create(context.Background(), next))
	w.restart()
}

func TestAMovedClusterWritesNothingButUIDTagsAndLeavesNothing(t *testing.T) {
	for name, change := range map[string]func(*infrav1.AWSCluster){
		"with a bucket":  withBucket,
		"with a bastion": withBastion,
		"with a classic balancer": func(c *infrav1.AWSCluster) {
			c.Spec.ControlPlaneLoadBalancer.LoadBalancerType = infrav1.LoadBalancerTypeClassic
			c.Spec.ControlPlaneLoadBalancer.HealthCheckProtocol = nil
		},
		"with IPv6 and its gateway": func(c *infrav1.AWSCluster) { c.Spec.Network.VPC.IPv6 = &infrav1.IPv6{} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, newCluster(change))
			w.create()
			vpc, before := w.get().Spec.Network.VPC.ID, w.Resources()
			w.move()
			w.AWS.ResetCounts()
			w.create()
			if got := w.get().Spec.Network.VPC.ID; got != vpc || !maps.Equal(before, w.Resources()) {
				t.Errorf("VPC %s with %v, want %s with %v", got, w.Resources(), vpc, before)
			}
			for op := range w.mutations() {
				if op != "ec2.CreateTags" && !strings.HasSuffix(op, ".AddTags") && op != "s3.PutBucketTagging" {
					t.Errorf("%s was called", op)
				}
			}
			w.delete()
			if left := w.Resources(); len(left) > 0 {
				t.Errorf("left are %v", left)
			}
		})
	}
}

func TestAMovedClusterThatIsDeletedAtOnceLeavesNothing(t *testing.T) {
	w := newWorld(t, newCluster(withBucket))
	w.create()
	w.move()
	obj := w.get()
	obj.Finalizers = []string{infrav1.ClusterFinalizer}
	w.Must(w.Kube.Update(context.Background(), obj))
	w.delete()
	if left := w.Resources(); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}

func TestAMovedClusterUsesTheAddressOfALostNATGatewayAgain(t *testing.T) {
	w := newWorld(t, newCluster(func(c *infrav1.AWSCluster) { c.Spec.Network.VPC.AvailabilityZoneUsageLimit = aws.Int(1) }))
	w.create()
	w.move()
	gateways, err := w.ec2().DescribeNatGateways(context.Background(), &ec2.DescribeNatGatewaysInput{})
	w.Must(err)
	_, err = w.ec2().DeleteNatGateway(context.Background(), &ec2.DeleteNatGatewayInput{NatGatewayId: gateways.NatGateways[0].NatGatewayId})
	w.Must(err)
	w.AWSNow.Advance(5 * time.Minute)
	w.create()
	if n := w.Resources()["elastic-ip"]; n != 1 {
		t.Errorf("there are %d addresses", n)
	}
}

func TestABucketOfOthersIsNeitherWrittenNorDeleted(t *testing.T) {
	w := newWorld(t, newCluster(withBucket))
	_, err := w.s3().CreateBucket(context.Background(), &s3.CreateBucketInput{Bucket: aws.String(testBucket)})
	w.Must(err)
	_, err = w.s3().PutBucketPolicy(context.Background(), &s3.PutBucketPolicyInput{Bucket: aws.String(testBucket), Policy: aws.String(
		`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::` + testBucket + `/*"}}`)})
	w.Must(err)
	w.AWS.ResetCounts()
	w.try()
	w.try()
	if c, _ := w.condition(infrav1.S3BucketReadyCondition); c.Status != "False" || !strings.Contains(c.Message, "another name in spec.s3Bucket.name") {
		t.Errorf("S3BucketCreated is %+v", c)
	}
	w.delete()
	for op := range w.mutations() {
		if strings.HasPrefix(op, "s3.") {
			t.Errorf("%s was called", op)
		}
	}
	if w.Resources()["bucket"] != 1 {
		t.Error("the bucket is gone")
	}
}

func TestABucketOfAnotherClusterIsNotShared(t *testing.T) {
	w := newWorld(t, newCluster(withBucket))
	w.create()
	tags := w.bucketTags()
	o := w.twin(withBucket)
	o.try()
	o.try()
	if c, _ := o.condition(infrav1.S3BucketReadyCondition); c.Status != "False" || !strings.Contains(c.Message, "is of AWSCluster in another namespace") {
		t.Errorf("S3BucketCreated of the twin is %+v", c)
	}
	o.delete()
	if !maps.Equal(tags, w.bucketTags()) {
		t.Errorf("the bucket's tags are %v, want %v", w.bucketTags(), tags)
	}
}

// orphan takes the object away and leaves what it made, as somebody does who pauses it,
// deletes it and removes its finalizer; or as a move to another server does.
func (w *world) orphan() {
	w.T.Helper()
	obj := w.get()
	obj.Finalizers = nil
	w.Must(w.Kube.Update(context.Background(), obj))
	w.Must(w.Kube.Delete(context.Background(), obj))
}

func TestAPlainClusterTakesNothingOfOneThatIsNotHere(t *testing.T) {
	w := newWorld(t, newCluster(withBastion))
	w.create()
	w.orphan()
	w.Must(w.Kube.Create(context.Background(), newCluster(withBastion, func(c *infrav1.AWSCluster) { c.UID = "uid-of-another-server" })))
	w.restart()
	w.Pass(time.Minute)
	w.AWS.ResetCounts()
	w.try()
	if c, _ := w.condition(infrav1.VpcReadyCondition); c.Status != "False" || !strings.Contains(c.Message, "an object with UID uid-of-c1, which isn't in this server (another management cluster may have it)") {
		t.Errorf("VpcReady is %+v", c)
	}
	w.delete()
	if calls := w.mutations(); len(calls) > 0 {
		t.Errorf("AWS was asked for %v", calls)
	}
}

func TestAClusterIsNotBuiltFromWhatAnotherNamespaceLeft(t *testing.T) {
	w := newWorld(t, newCluster(withBastion))
	w.create()
	o := w.twin(withBastion, func(c *infrav1.AWSCluster) {
		c.Spec.ControlPlaneLoadBalancer.Name = aws.String("others-apiserver")
	})
	left, vpc := w.Resources(), w.get().Spec.Network.VPC.ID
	w.orphan()
	o.create()
	if id := o.get().Spec.Network.VPC.ID; id == vpc || o.get().Status.Bastion == nil {
		t.Errorf("it has VPC %s, and the other's is %s", id, vpc)
	}
	o.delete()
	if after := w.Resources(); !maps.Equal(left, after) {
		t.Errorf("there is %v, want %v", after, left)
	}
}

func TestATakeOverIsToldOnceAndRecordedBeforeItBegins(t *testing.T) {
	w := newWorld(t, newCluster())
	w.create()
	w.move()
	w.create()
	w.restart()
	w.create()
	if told := w.Events.With("TakenOver"); len(told) != 1 || !strings.Contains(told[0], "uid-of-c1") {
		t.Errorf("told was %q", told)
	}
	if got := w.get().Status.FormerUIDs; len(got) != 1 || got[0] != "uid-of-c1" {
		t.Errorf("formerUIDs are %q", got)
	}
}
