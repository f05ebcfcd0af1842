package awsmachine

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/infrastructure"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// holdMachine deletes a Machine that a hook keeps, as core does while it drains a node.
func (w *world) holdMachine(name string) {
	w.T.Helper()
	m := &clusterv1.Machine{}
	w.Must(w.Kube.Get(context.Background(), key(name), m))
	m.Finalizers = []string{"machine.cluster.x-k8s.io"}
	w.Must(w.Kube.Update(context.Background(), m))
	w.Must(w.Kube.Delete(context.Background(), m))
}

func TestAControlPlaneLeavesTheLoadBalancerAsSoonAsItsMachineIsToGo(t *testing.T) {
	for name, kind := range map[string]infrav1.LoadBalancerType{"network": infrav1.LoadBalancerTypeNLB, "classic": infrav1.LoadBalancerTypeClassic} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(c *infrav1.AWSCluster) {
				c.Spec.ControlPlaneLoadBalancer = &infrav1.AWSLoadBalancerSpec{LoadBalancerType: kind}
			})
			behind := func() int { return len(w.targets()) + len(w.balanced()) }
			w.machine("cp1", plainData, controlPlane)
			w.settle("cp1", w.ready("cp1"))
			if behind() != 1 {
				t.Fatalf("%d instances are behind the load balancer", behind())
			}
			w.holdMachine("cp1")
			w.settle("cp1", func() bool {
				return w.reason("cp1", infrav1.ELBAttachedCondition) == infrav1.ELBDetachedReason
			})
			for range 20 {
				_, err := w.reconcile("cp1")
				w.Must(err)
				w.Pass(3 * time.Second)
			}
			if n := behind(); n != 0 {
				t.Errorf("%d instances are behind the load balancer", n)
			}
			if !w.healthy("cp1") || !w.get("cp1").DeletionTimestamp.IsZero() {
				t.Error("that it leaves the load balancer makes it unready")
			}
			counts := w.AWS.Counts()
			if n := counts["elbv2.DeregisterTargets"] + counts["elb.DeregisterInstancesFromLoadBalancer"]; n != 1 {
				t.Errorf("it was taken out %d times", n)
			}
			w.delete("cp1")
		})
	}
}

// TestRefusedRightsMakeNoMachineUnready denies, one at a time, what is read and done
// besides the instance, to a process that has just begun. Machines go all the same.
func TestRefusedRightsMakeNoMachineUnready(t *testing.T) {
	for _, operation := range []string{"DescribeLoadBalancers", "DescribeTargetGroups", "DescribeTargetHealth", "DescribeAddresses", "CreateTags",
		"ModifyNetworkInterfaceAttribute", "RegisterTargets"} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.machine("cp1", plainData, controlPlane)
			w.machine("m1", plainData, pooledAddress)
			for _, name := range []string{"cp1", "m1"} {
				w.settle(name, w.ready(name))
			}
			w.Pass(2 * time.Minute)
			w.AWS.Faults().Set(emulator.Fault{Operation: operation, Code: "AccessDenied", Status: 403})
			w.restart()
			cp := w.get("cp1")
			cp.Spec.AdditionalTags = infrav1.Tags{"new": "1"}
			w.Must(w.Kube.Update(context.Background(), cp))
			for range 10 {
				for _, name := range []string{"cp1", "m1"} {
					_, _ = w.reconcile(name)
					if !w.healthy(name) {
						t.Fatalf("%s is not Ready: %s", name, w.describe(name))
					}
				}
				w.Pass(3 * time.Second)
			}
			if operation == "DescribeAddresses" {
				return // who can't see its address can't let the machine go
			}
			w.delete("cp1")
			w.delete("m1")
			if n := len(w.instances()); n != 0 {
				t.Errorf("%d instances are left", n)
			}
		})
	}
}

// TestASecurityGroupThatIsGoneMakesNoMachineUnready has a filter that no group passes any more.
func TestASecurityGroupThatIsGoneMakesNoMachineUnready(t *testing.T) {
	w := newWorld(t)
	w.machine("m1", plainData)
	w.settle("m1", w.ready("m1"))
	obj := w.get("m1")
	obj.Spec.AdditionalSecurityGroups = []infrav1.AWSResourceReference{{Filters: []infrav1.Filter{{Name: "group-name", Values: []string{"renamed"}}}}}
	w.Must(w.Kube.Update(context.Background(), obj))
	w.settle("m1", func() bool {
		return w.reason("m1", infrav1.SecurityGroupsReadyCondition) == infrav1.SecurityGroupsFailedReason
	})
	if !w.healthy("m1") || !strings.Contains(w.message("m1", infrav1.SecurityGroupsReadyCondition), "no security group passes") {
		t.Error(w.describe("m1"))
	}
}

// TestMachinesThatNameSecurityGroupsHearOfThem is needed because a read may say first that a group
// is gone: a machine that is well isn't looked at again by itself.
func TestMachinesThatNameSecurityGroupsHearOfThem(t *testing.T) {
	change := mirror.Change{Kind: mirror.SecurityGroups.Kind, ID: "sg-1"}
	for name, c := range map[string]struct {
		spec infrav1.AWSMachineSpec
		want bool
	}{
		"a group beside the cluster's":     {infrav1.AWSMachineSpec{AdditionalSecurityGroups: []infrav1.AWSResourceReference{{ID: aws.String("sg-1")}}}, true},
		"another in the place of a role's": {infrav1.AWSMachineSpec{SecurityGroupOverrides: map[infrav1.SecurityGroupRole]string{"node": "sg-1"}}, true},
		"only the cluster's":               {infrav1.AWSMachineSpec{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			refs := (&worker{obj: &infrav1.AWSMachine{Spec: c.spec}}).Bond().Refs
			if got := slices.ContainsFunc(concerned(change), func(r engine.Ref) bool { return slices.Contains(refs, r) }); got != c.want {
				t.Errorf("it hears of a change of a group: %v, want %v", got, c.want)
			}
		})
	}
}

// TestAFailureIsTakenBackWhenTheInstanceIsSeenAgain starts from what was said while
// AWS was looked at in a wrong place.
func TestAFailureIsTakenBackWhenTheInstanceIsSeenAgain(t *testing.T) {
	w := newWorld(t)
	w.machine("m1", plainData)
	w.settle("m1", w.ready("m1"))
	obj := w.get("m1")
	obj.Status.Deprecated.V1Beta1.FailureReason, obj.Status.Deprecated.V1Beta1.FailureMessage = aws.String(updateError), aws.String("gone")
	w.Must(w.Kube.Status().Update(context.Background(), obj))
	_, err := w.reconcile("m1")
	w.Must(err)
	if d := w.get("m1").Status.Deprecated.V1Beta1; d.FailureReason != nil || d.FailureMessage != nil {
		t.Errorf("it still says %s: %s", aws.ToString(d.FailureReason), aws.ToString(d.FailureMessage))
	}
	w.terminate("m1")
	w.settle("m1", func() bool { return w.get("m1").Status.Deprecated.V1Beta1.FailureReason != nil })
}

// TestALostInstanceIsNotReady covers the form that is older than conditions, too.
func TestALostInstanceIsNotReady(t *testing.T) {
	w := newWorld(t)
	w.machine("m1", plainData)
	w.settle("m1", w.ready("m1"))
	if !w.get("m1").Status.Ready {
		t.Fatal("status.ready isn't true")
	}
	w.terminate("m1")
	w.settle("m1", func() bool { return !w.healthy("m1") })
	if obj := w.get("m1"); obj.Status.Ready || !obj.Provisioned() {
		t.Errorf("ready %v, provisioned %v", obj.Status.Ready, obj.Provisioned())
	}
}

// TestAnInstanceThatAWSDoesntShowIsReadyUntilItIsProvenGone looks at one listing
// without the instance, and then at the second.
func TestAnInstanceThatAWSDoesntShowIsReadyUntilItIsProvenGone(t *testing.T) {
	w := newWorld(t)
	w.machine("m1", plainData)
	w.settle("m1", w.ready("m1"))
	obj := w.get("m1")
	in := newIntent(obj, related{machine: &clusterv1.Machine{}, cluster: &clusterv1.Cluster{}, infra: infrastructure.OfAWSCluster(w.cluster(), testName)}, nil)
	snap := func(at time.Time) *mirror.Snapshot {
		return mirror.With(mirror.NewSnapshot(cloud.Scope{}), mirror.Instances, at)
	}
	in.Started = w.Now.Now()
	if status := &Project(in, snap(in.Started)).Status; !meta.IsStatusConditionTrue(status.Conditions, infrav1.ReadyCondition) {
		t.Errorf("while nothing is proven the conditions are %+v", status.Conditions)
	}
	status := &Project(in, snap(in.Started.Add(2*time.Minute))).Status
	if c := meta.FindStatusCondition(status.Conditions, infrav1.ReadyCondition); c.Reason != infrav1.InstanceNotFoundReason || status.Ready {
		t.Errorf("once it is proven: ready %v, %+v", status.Ready, c)
	}
}

// TestNothingIsGoneWhileNobodyKnowsTheAccount has a cluster that was moved, so that its
// status says nothing, and credentials that may lead anywhere.
func TestNothingIsGoneWhileNobodyKnowsTheAccount(t *testing.T) {
	w := newWorld(t)
	w.machine("m1", plainData)
	w.settle("m1", w.ready("m1"))
	cluster, obj, now := w.cluster(), w.get("m1"), w.Now.Now()
	cluster.Status.AccountID = ""
	elsewhere := mirror.With(mirror.NewSnapshot(cloud.Scope{Account: "999999999999"}), mirror.Instances, now.Add(time.Hour))
	in := newIntent(obj, related{machine: &clusterv1.Machine{}, cluster: &clusterv1.Cluster{}, infra: infrastructure.OfAWSCluster(cluster, testName)}, nil)
	in.Started = now
	status := &Project(in, elsewhere).Status
	if d := status.Deprecated; !meta.IsStatusConditionTrue(status.Conditions, infrav1.ReadyCondition) || d != nil && d.V1Beta1.FailureReason != nil {
		t.Errorf("it is declared lost: %+v", status)
	}
	deleted := metav1.NewTime(now)
	in.Machine.DeletionTimestamp = &deleted
	if p := Plan(in, elsewhere); len(p.Actions) > 0 || len(p.Waits) != 1 || !strings.Contains(p.Waits[0].Summary, "status.accountID") {
		t.Errorf("its deletion is %+v", p)
	}
	in.Infra.External = true // nobody records the account of infrastructure that somebody else keeps
	if p := Plan(in, elsewhere); !p.Done() {
		t.Errorf("where somebody else keeps the infrastructure, its deletion is %+v", p)
	}
}

// TestPlansAreBoundedWhateverIsStored has a number of secrets from before there was a bound.
func TestPlansAreBoundedWhateverIsStored(t *testing.T) {
	w := newWorld(t)
	w.machine("m1", func(obj *infrav1.AWSMachine, _ *clusterv1.Machine) {
		obj.Spec.CloudInit = &infrav1.CloudInit{SecretPrefix: "aws.cluster.x-k8s.io/x", SecretCount: 2147483647, SecureSecretsBackend: infrav1.SecretBackendSecretsManager}
	})
	obj := w.get("m1")
	now := w.Now.Now()
	deleted := metav1.NewTime(now)
	obj.DeletionTimestamp = &deleted
	in := newIntent(obj, related{cluster: &clusterv1.Cluster{}, infra: infrastructure.OfAWSCluster(w.cluster(), testName)}, nil)
	p := Plan(in, mirror.With(mirror.NewSnapshot(cloud.Scope{}), mirror.Instances, now))
	if n := len(p.Actions); n > infrav1.MaxSecretCount {
		t.Errorf("the plan has %d actions", n)
	}
}

// TestAMachineThatIsToGoSaysWhatItWaitsFor restarts the process, which may not know
// what was stored a moment ago.
func TestAMachineThatIsToGoSaysWhatItWaitsFor(t *testing.T) {
	w := newWorld(t)
	w.machine("m1")
	w.settle("m1", w.ready("m1"))
	w.restart()
	w.Must(w.Kube.Delete(context.Background(), w.get("m1")))
	for range 10 {
		_, err := w.reconcile("m1")
		w.Must(err)
		if w.gone("m1") {
			return
		}
		for _, kind := range []string{infrav1.ReadyCondition, infrav1.InstanceReadyCondition} {
			if w.message("m1", kind) == "" {
				t.Fatalf("%s says nothing: %s", kind, w.describe("m1"))
			}
		}
		w.Pass(3 * time.Second)
	}
	if m := w.message("m1", infrav1.InstanceReadyCondition); !strings.Contains(m, "secret") || !strings.Contains(m, "UTC") {
		t.Errorf("it says %q", m)
	}
}

// TestADeletionThatCantSeeAWSSaysSo denies the listing of instances to a process that
// has just begun.
func TestADeletionThatCantSeeAWSSaysSo(t *testing.T) {
	w := newWorld(t)
	w.machine("m1", plainData)
	w.settle("m1", w.ready("m1"))
	w.restart()
	w.AWS.Faults().Set(emulator.Fault{Operation: "DescribeInstances", Code: "UnauthorizedOperation", Status: 403})
	w.Must(w.Kube.Delete(context.Background(), w.get("m1")))
	_, err := w.reconcile("m1")
	w.Must(err)
	if w.healthy("m1") || !strings.Contains(w.message("m1", infrav1.ReadyCondition), "UnauthorizedOperation") {
		t.Error(w.describe("m1"))
	}
	w.AWS.Faults().Clear()
	w.settle("m1", func() bool { return w.gone("m1") })
}

func TestAControlPlaneOfAnIPv6ClusterHasAPrimaryAddress(t *testing.T) {
	w := newWorld(t, func(c *infrav1.AWSCluster) { c.Spec.Network.VPC.IPv6 = &infrav1.IPv6{} })
	w.machine("cp1", plainData, controlPlane)
	w.settle("cp1", w.ready("cp1"))
	i := w.instances()[0]
	addresses := i.NetworkInterfaces[0].Ipv6Addresses
	if len(addresses) != 1 || !aws.ToBool(addresses[0].IsPrimaryIpv6) {
		t.Errorf("the addresses are %+v", addresses)
	}
}

// TestAttributesThatMayNotBeReadCostNoTargets: CAPA's policy lacks this right.
func TestAttributesThatMayNotBeReadCostNoTargets(t *testing.T) {
	w := newWorld(t)
	w.machine("cp1", plainData, controlPlane)
	w.settle("cp1", w.ready("cp1"))
	w.AWS.Faults().Set(emulator.Fault{Operation: "DescribeTargetGroupAttributes", Code: "AccessDenied", Status: 403})
	w.restart()
	w.machine("cp2", plainData, controlPlane)
	w.settle("cp2", w.ready("cp2"))
	if targets := w.targets(); len(targets) != 2 {
		t.Errorf("the targets are %v", targets)
	}
	w.delete("cp1")
	if targets := w.targets(); len(targets) != 1 {
		t.Errorf("after the deletion of one the targets are %v", targets)
	}
}
