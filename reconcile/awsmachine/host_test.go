package awsmachine

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// dynamicHost lets a dedicated host be allocated for the machine.
func dynamicHost(obj *infrav1.AWSMachine, _ *clusterv1.Machine) {
	affinity := infrav1.HostAffinityHost
	obj.Spec.Tenancy, obj.Spec.HostAffinity = infrav1.InstanceTenancyHost, &affinity
	obj.Spec.DynamicHostAllocation = &infrav1.DynamicHostAllocationSpec{Tags: map[string]string{"licence": "per-core"}}
}

func (w *world) hosts() []ec2types.Host {
	w.T.Helper()
	out, err := w.ec2().DescribeHosts(context.Background(), &ec2.DescribeHostsInput{})
	w.Must(err)
	return out.Hosts
}

func TestAMachineHasItsDedicatedHostForAsLongAsItsInstance(t *testing.T) {
	w := newWorld(t)
	before := w.Resources()
	w.machine("m1", plainData, dynamicHost)
	w.settle("m1", w.ready("m1"))
	hosts, i := w.hosts(), w.instances()[0]
	if len(hosts) != 1 || instance.Tag(hosts[0].Tags, "licence") != "per-core" || instance.Tag(hosts[0].Tags, "sigs.k8s.io/cluster-api-provider-aws/cluster/c1") != "owned" ||
		hosts[0].AutoPlacement != ec2types.AutoPlacementOff {
		t.Fatalf("the hosts are %+v", hosts)
	}
	if got := aws.ToString(i.Placement.HostId); got != aws.ToString(hosts[0].HostId) || i.Placement.Affinity == nil || *i.Placement.Affinity != "host" {
		t.Errorf("the instance is placed at %+v, the host is %s", i.Placement, aws.ToString(hosts[0].HostId))
	}
	if s := w.get("m1").Status.DedicatedHost; s == nil || aws.ToString(s.ID) != aws.ToString(hosts[0].HostId) {
		t.Errorf("the status names %+v", s)
	}
	w.Pass(time.Minute)
	w.Halt()
	w.AWS.ResetCounts()
	_, err := w.reconcile("m1")
	w.Must(err)
	if counts := w.AWS.Counts(); len(counts) > 0 {
		t.Errorf("at rest it costs %v", counts)
	}
	w.boot()
	w.delete("m1")
	if left := w.hosts(); len(left) > 0 {
		t.Errorf("%d hosts are left", len(left))
	}
	w.nothingLeft(before)
}

func TestAHostThatCantBeReleasedKeepsTheMachineAndSaysWhy(t *testing.T) {
	w := newWorld(t)
	w.machine("m1", plainData, dynamicHost)
	w.settle("m1", w.ready("m1"))
	w.AWS.Faults().Set(emulator.Fault{Operation: "ReleaseHosts", Code: "UnauthorizedOperation", Status: 403})
	w.Must(w.Kube.Delete(context.Background(), w.get("m1")))
	w.settle("m1", func() bool {
		return !w.gone("m1") && w.reason("m1", infrav1.DedicatedHostReleaseCondition) == infrav1.DedicatedHostReleaseFailedReason
	})
	for range 10 {
		_, _ = w.reconcile("m1")
		w.Pass(time.Minute)
	}
	if w.gone("m1") || len(w.hosts()) != 1 {
		t.Errorf("the machine is gone: %v; hosts: %d", w.gone("m1"), len(w.hosts()))
	}
	w.AWS.Faults().Clear()
	w.settle("m1", func() bool { return w.gone("m1") })
	if left := w.hosts(); len(left) > 0 {
		t.Errorf("%d hosts are left", len(left))
	}
}

func TestAHostThatCantBeHadSaysWhy(t *testing.T) {
	w := newWorld(t)
	w.AWS.Configure(func(c *emulator.Config) { c.Quotas = map[string]int{"hosts": 0} })
	w.machine("m1", plainData, dynamicHost)
	w.settle("m1", func() bool {
		return w.reason("m1", infrav1.InstanceReadyCondition) == infrav1.InstanceProvisionFailedReason
	})
	w.AWS.Configure(func(c *emulator.Config) { c.Quotas = nil })
	w.settle("m1", w.ready("m1"))
}

func TestAHostOfTheUsersStays(t *testing.T) {
	w := newWorld(t)
	out, err := w.ec2().AllocateHosts(context.Background(), &ec2.AllocateHostsInput{AvailabilityZone: aws.String("us-east-1a"), InstanceType: aws.String("m5.large"), Quantity: aws.Int32(1)})
	w.Must(err)
	w.machine("m1", plainData, func(obj *infrav1.AWSMachine, owner *clusterv1.Machine) {
		obj.Spec.Tenancy, obj.Spec.HostID, owner.Spec.FailureDomain = infrav1.InstanceTenancyHost, aws.String(out.HostIds[0]), "us-east-1a"
	})
	w.settle("m1", w.ready("m1"))
	if got := aws.ToString(w.instances()[0].Placement.HostId); got != out.HostIds[0] {
		t.Errorf("the instance is on host %q", got)
	}
	w.delete("m1")
	if n := len(w.hosts()); n != 1 {
		t.Errorf("there are %d hosts", n)
	}
}

func TestNoMachineIsLaunchedOntoAHostThatWasntSeen(t *testing.T) {
	w := newWorld(t)
	out, err := w.ec2().AllocateHosts(context.Background(), &ec2.AllocateHostsInput{AvailabilityZone: aws.String("us-east-1a"), InstanceType: aws.String("m5.large"), Quantity: aws.Int32(1),
		TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeDedicatedHost, Tags: []ec2types.Tag{{Key: aws.String("sigs.k8s.io/cluster-api-provider-aws/cluster/victim"), Value: aws.String("owned")}}}}})
	w.Must(err)
	w.AWS.Faults().Set(emulator.Fault{Operation: "DescribeHosts", Code: "UnauthorizedOperation", Status: 403})
	w.machine("m1", plainData, func(obj *infrav1.AWSMachine, owner *clusterv1.Machine) {
		obj.Spec.Tenancy, obj.Spec.HostID, owner.Spec.FailureDomain = infrav1.InstanceTenancyHost, aws.String(out.HostIds[0]), "us-east-1a"
	})
	says := func(want string) func() bool {
		return func() bool { return strings.Contains(w.message("m1", infrav1.InstanceReadyCondition), want) }
	}
	w.settle("m1", says("DescribeHosts"))
	w.AWS.Faults().Clear()
	w.settle("m1", says("belongs to cluster victim"))
	if n := len(w.instances()); n > 0 {
		t.Errorf("%d instances were launched", n)
	}
}
