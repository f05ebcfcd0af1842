package awsmachine

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
)

func TestTagsAndSecurityGroupsAreKeptAsWanted(t *testing.T) {
	w := newWorld(t)
	w.machine("m1", plainData, func(obj *infrav1.AWSMachine, _ *clusterv1.Machine) {
		obj.Spec.AdditionalTags = infrav1.Tags{"team": "a", "tier": "b"}
	})
	w.settle("m1", w.ready("m1"))
	ctx, i := context.Background(), w.instances()[0]
	_, err := w.ec2().DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: []string{*i.InstanceId}, Tags: []ec2types.Tag{{Key: aws.String("team")}}})
	w.Must(err)
	lb := w.cluster().Status.NetworkStatus.SecurityGroups[infrav1.SecurityGroupLB].ID
	_, err = w.ec2().ModifyNetworkInterfaceAttribute(ctx, &ec2.ModifyNetworkInterfaceAttributeInput{
		NetworkInterfaceId: i.NetworkInterfaces[0].NetworkInterfaceId, Groups: []string{lb}})
	w.Must(err)
	obj := w.get("m1")
	delete(obj.Spec.AdditionalTags, "tier")
	w.Must(w.Kube.Update(ctx, obj))
	w.Pass(time.Minute)
	w.settle("m1", func() bool {
		i := w.instances()[0]
		return instance.Tag(i.Tags, "team") == "a" && instance.Tag(i.Tags, "tier") == "" && len(i.SecurityGroups) == 2
	})
}

func TestMachineAtRestCostsNothing(t *testing.T) {
	w := newWorld(t)
	w.machine("m1", plainData, controlPlane)
	w.settle("m1", w.ready("m1"))
	w.Pass(time.Minute)
	w.Halt() // what the mirror reads by itself isn't the machine's
	version := w.get("m1").ResourceVersion
	w.AWS.ResetCounts()
	for range 20 {
		_, err := w.reconcile("m1")
		w.Must(err)
	}
	if counts := w.AWS.Counts(); len(counts) > 0 {
		t.Errorf("calls were made: %v", counts)
	}
	if now := w.get("m1").ResourceVersion; now != version {
		t.Errorf("the object was written: version %s, then %s", version, now)
	}
}

func TestFailureDomainAndPublicAddressChooseTheSubnet(t *testing.T) {
	w := newWorld(t)
	w.machine("m1", plainData, func(obj *infrav1.AWSMachine, owner *clusterv1.Machine) {
		obj.Spec.PublicIP, owner.Spec.FailureDomain = aws.Bool(true), "us-east-1b"
	})
	w.settle("m1", w.ready("m1"))
	i := w.instances()[0]
	if instance.Zone(&i) != "us-east-1b" || i.PublicIpAddress == nil {
		t.Errorf("the instance is in %s with the public address %v", instance.Zone(&i), i.PublicIpAddress)
	}
	kinds := map[infrav1.MachineAddressType]bool{}
	for _, a := range w.get("m1").Status.Addresses {
		kinds[a.Type] = true
	}
	if !kinds[infrav1.MachineAddressExternalIP] || !kinds[infrav1.MachineAddressInternalIP] || !kinds[infrav1.MachineAddressInternalDNS] {
		t.Errorf("the kinds of addresses are %v", kinds)
	}
}

// TestWishesThatCantBeSayWhy looks at machines that are never launched.
func TestWishesThatCantBeSayWhy(t *testing.T) {
	for _, x := range []struct {
		name, want string
		change     func(*infrav1.AWSMachine, *clusterv1.Machine)
	}{
		{"no such zone", "failure domain us-east-1z", func(_ *infrav1.AWSMachine, o *clusterv1.Machine) { o.Spec.FailureDomain = "us-east-1z" }},
		{"no such type", "m99.large isn't offered", func(m *infrav1.AWSMachine, _ *clusterv1.Machine) { m.Spec.InstanceType = "m99.large" }},
		{"no such image", "isn't an image", func(m *infrav1.AWSMachine, _ *clusterv1.Machine) { m.Spec.ImageLookupFormat = "none-{{.K8sVersion}}" }},
		{"no such subnet", "no subnet passes", func(m *infrav1.AWSMachine, _ *clusterv1.Machine) {
			m.Spec.Subnet = &infrav1.AWSResourceReference{Filters: []infrav1.Filter{{Name: "tag:Name", Values: []string{"none"}}}}
		}},
		{"unknown filter", "is not supported", func(m *infrav1.AWSMachine, _ *clusterv1.Machine) {
			m.Spec.Subnet = &infrav1.AWSResourceReference{Filters: []infrav1.Filter{{Name: "shape", Values: []string{"round"}}}}
		}},
		{"small root volume", "needs 8", func(m *infrav1.AWSMachine, _ *clusterv1.Machine) { m.Spec.RootVolume = &infrav1.Volume{Size: 7} }},
		{"broken template", "imageLookupFormat", func(m *infrav1.AWSMachine, _ *clusterv1.Machine) { m.Spec.ImageLookupFormat = "{{.Nothing}}" }},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.machine("m1", plainData, x.change)
			_, err := w.reconcile("m1")
			w.Must(err)
			for _, c := range w.get("m1").Status.Conditions {
				if c.Type != infrav1.InstanceReadyCondition {
					continue
				}
				if c.Status != metav1.ConditionFalse || c.Reason != infrav1.InstanceProvisionFailedReason || !strings.Contains(c.Message, strings.Replace(x.want, "isn't an", "there isn't an", 1)) {
					t.Errorf("the condition is %+v, want %q in it", c, x.want)
				}
			}
			if n := w.AWS.Counts()["ec2.RunInstances"]; n > 0 {
				t.Errorf("%d launches were tried", n)
			}
			w.delete("m1")
		})
	}
}

func TestPausedMachineIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.machine("m1", plainData, func(obj *infrav1.AWSMachine, _ *clusterv1.Machine) {
		obj.Annotations = map[string]string{clusterv1.PausedAnnotation: ""}
	})
	for range 5 {
		_, err := w.reconcile("m1")
		w.Must(err)
		w.Pass(time.Second)
	}
	obj := w.get("m1")
	if len(w.instances()) > 0 || w.reason("m1", infrav1.PausedCondition) != clusterv1.PausedReason {
		t.Errorf("%d instances, conditions %+v", len(w.instances()), obj.Status.Conditions)
	}
	delete(obj.Annotations, clusterv1.PausedAnnotation)
	w.Must(w.Kube.Update(context.Background(), obj))
	w.settle("m1", w.ready("m1"))
}

func TestInstanceOfAnotherToolIsTakenOver(t *testing.T) {
	w := newWorld(t)
	w.machine("m1", plainData)
	w.settle("m1", w.ready("m1"))
	id := aws.ToString(w.get("m1").Spec.InstanceID)
	_, err := w.ec2().DeleteTags(context.Background(), &ec2.DeleteTagsInput{Resources: []string{id},
		Tags: []ec2types.Tag{{Key: aws.String("capa-apiserver.cluster.x-k8s.io/uid")}}})
	w.Must(err)
	obj := w.get("m1")
	obj.Spec.ProviderID, obj.Spec.InstanceID = nil, nil
	w.Must(w.Kube.Update(context.Background(), obj))
	w.restart()
	w.Pass(time.Second)
	w.settle("m1", func() bool { return aws.ToString(w.get("m1").Spec.InstanceID) == id })
	if n := w.made(); n != 1 {
		t.Errorf("%d instances were made, want 1", n)
	}
}

func TestClustersTakeTurnsAtTheGate(t *testing.T) {
	var called []string
	w := newWorld(t)
	g := newGate(w.Now, func(k client.ObjectKey) { called = append(called, k.Name) })
	scope := w.Session().Scope
	for i := range 30 {
		g.enter(scope, key("big"), key("big-"+string(rune('a'+i))))
	}
	// A cluster of the same name in another namespace has a turn of its own.
	g.enter(scope, client.ObjectKey{Namespace: "other", Name: "big"}, key("small"))
	for _, name := range []string{"big-a", "big-b", "big-c"} {
		g.leave(scope, key(name))
	}
	if !slices.Contains(called, "small") || len(called) != 3 {
		t.Errorf("called up were %v, want small among the first three", called)
	}
}

func TestNamespacesTakeTurnsAtTheGate(t *testing.T) {
	var called []client.ObjectKey
	w := newWorld(t)
	g := newGate(w.Now, func(k client.ObjectKey) { called = append(called, k) })
	scope := w.Session().Scope
	of := func(namespace string, i int) client.ObjectKey {
		return client.ObjectKey{Namespace: namespace, Name: string(rune('a' + i))}
	}
	for i := range 30 { // each of a cluster of its own
		g.enter(scope, of("crowd", i), of("crowd", i))
	}
	for i := range 5 {
		g.enter(scope, of("alone", 0), of("alone", i))
	}
	for i := range 10 {
		g.leave(scope, of("crowd", i))
	}
	alone := 0
	for _, k := range called {
		if k.Namespace == "alone" {
			alone++
		}
	}
	if alone != 5 || len(called) != 10 {
		t.Errorf("called up were %v, want five of each namespace", called)
	}
	g.abandon(of("crowd", 20))
	for range 30 {
		for _, k := range called {
			g.leave(scope, k)
			g.enter(scope, k, k)
			g.leave(scope, k)
		}
	}
	if n := g.waiting(); n != 0 {
		t.Errorf("%d wait still", n)
	}
}

func TestMachineWithoutOwnerIsStillDeletedCompletely(t *testing.T) {
	w := newWorld(t)
	before := w.Resources()
	w.machine("m1", controlPlane)
	w.settle("m1", w.ready("m1"))
	w.Must(w.Kube.Delete(context.Background(), &clusterv1.Machine{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "m1"}}))
	obj := w.get("m1")
	obj.OwnerReferences = nil
	w.Must(w.Kube.Update(context.Background(), obj))
	w.delete("m1")
	w.nothingLeft(before)
}

func TestMachineWithoutInfrastructureSaysWhatItWaitsForAndCostsNothing(t *testing.T) {
	w := newWorld(t)
	c := w.cluster()
	c.Status.Initialization = nil
	w.Must(w.Kube.Status().Update(context.Background(), c))
	w.machine("m1")
	w.Halt()
	w.AWS.ResetCounts()
	_, err := w.reconcile("m1")
	w.Must(err)
	if got := w.reason("m1", infrav1.InstanceReadyCondition); got != infrav1.WaitingForClusterInfrastructureReason {
		t.Errorf("the reason is %q", got)
	}
	c.Status.Initialization = &infrav1.Initialization{Provisioned: aws.Bool(true)}
	w.Must(w.Kube.Status().Update(context.Background(), c))
	m := &clusterv1.Machine{}
	w.Must(w.Kube.Get(context.Background(), key("m1"), m))
	m.Spec.Bootstrap.DataSecretName = nil
	w.Must(w.Kube.Update(context.Background(), m))
	_, err = w.reconcile("m1")
	w.Must(err)
	if got := w.reason("m1", infrav1.InstanceReadyCondition); got != infrav1.WaitingForBootstrapDataReason {
		t.Errorf("the reason is %q", got)
	}
	if n := w.AWS.Counts()["ec2.RunInstances"]; n > 0 {
		t.Errorf("%d launches were tried", n)
	}
}
