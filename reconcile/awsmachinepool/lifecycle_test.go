package awsmachinepool

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"k8s.io/apimachinery/pkg/api/meta"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

func TestPoolComesUpAndGoesAwayCompletely(t *testing.T) {
	w := newWorld(t)
	w.pool("pool-1")
	w.settle("pool-1", w.ready("pool-1", 2))
	obj, group := w.get("pool-1"), w.group("pool-1")
	if obj.Spec.ProviderID != aws.ToString(group.AutoScalingGroupARN) {
		t.Errorf("the provider id is %q, want %q", obj.Spec.ProviderID, aws.ToString(group.AutoScalingGroupARN))
	}
	for _, i := range group.Instances {
		if id := "aws:///" + aws.ToString(i.AvailabilityZone) + "/" + aws.ToString(i.InstanceId); !slices.Contains(obj.Spec.ProviderIDList, id) {
			t.Errorf("%s isn't in %v", id, obj.Spec.ProviderIDList)
		}
	}
	if !obj.Provisioned() || obj.Status.Replicas != 2 || len(obj.Status.Instances) != 2 || !strings.HasPrefix(obj.Status.LaunchTemplateID, "lt-") ||
		aws.ToString(obj.Status.LaunchTemplateVersion) != "1" || obj.Status.ASGStatus != nil {
		t.Errorf("the status is %+v", obj.Status)
	}
	w.delete("pool-1")
	w.nothingLeft()
}

func TestPoolScalesWithItsMachinePool(t *testing.T) {
	w := newWorld(t)
	w.pool("pool-1")
	w.settle("pool-1", w.ready("pool-1", 2))
	for _, n := range []int32{4, 1} {
		w.changeOwner("pool-1", func(m *clusterv1.MachinePool) { m.Spec.Replicas = aws.Int32(n) })
		w.settle("pool-1", w.ready("pool-1", int(n)))
	}
	w.changeOwner("pool-1", func(m *clusterv1.MachinePool) { m.Spec.Replicas = aws.Int32(9) })
	w.settle("pool-1", func() bool { return w.condition("pool-1", infrav1.ASGReadyCondition).Status == "False" })
	if c := w.condition("pool-1", infrav1.ASGReadyCondition); c.Reason != infrav1.ASGProvisionFailedReason || !strings.Contains(c.Message, "9 replicas") {
		t.Errorf("more replicas than allowed show as %s: %s", c.Reason, c.Message)
	}
	w.delete("pool-1")
	w.nothingLeft()
}

func TestReplicasFollowTheGroupWhereSomebodyElseScales(t *testing.T) {
	w := newWorld(t)
	w.pool("pool-1", func(_ *infrav1.AWSMachinePool, m *clusterv1.MachinePool) {
		m.Annotations = map[string]string{clusterv1.ReplicasManagedByAnnotation: "cluster-autoscaler"}
		m.Spec.Replicas = nil
	})
	w.settle("pool-1", w.ready("pool-1", 1))
	w.setDesired("pool-1", 3)
	w.settle("pool-1", w.ready("pool-1", 3))
	if n := aws.ToInt32(w.machinePool("pool-1").Spec.Replicas); n != 3 {
		t.Errorf("the MachinePool has %d replicas, want 3", n)
	}
	if n := aws.ToInt32(w.group("pool-1").DesiredCapacity); n != 3 {
		t.Errorf("the group wants %d instances, want 3", n)
	}
}

func TestChangedTemplateReplacesAllInstances(t *testing.T) {
	w := newWorld(t)
	w.pool("pool-1")
	w.settle("pool-1", w.ready("pool-1", 2))
	old := w.get("pool-1").Spec.ProviderIDList
	w.change("pool-1", func(p *infrav1.AWSMachinePool) { p.Spec.AWSLaunchTemplate.InstanceType = "m5.xlarge" })
	w.settle("pool-1", func() bool {
		list := w.refreshes("pool-1")
		return len(list) == 1 && list[0].Status == astypes.InstanceRefreshStatusSuccessful && w.ready("pool-1", 2)()
	})
	for _, id := range w.get("pool-1").Spec.ProviderIDList {
		if slices.Contains(old, id) {
			t.Errorf("%s wasn't replaced", id)
		}
	}
	w.rounds("pool-1", 5)
	if n := len(w.refreshes("pool-1")); n != 1 {
		t.Errorf("%d refreshes were started, want 1", n)
	}
	if c := w.condition("pool-1", infrav1.InstanceRefreshStartedCondition); c.Status != "True" {
		t.Errorf("after the refresh, the condition says %s: %s", c.Reason, c.Message)
	}
	w.delete("pool-1")
	w.nothingLeft()
}

func TestRenewedBootstrapDataMakesAVersionAndReplacesNothing(t *testing.T) {
	w := newWorld(t)
	w.pool("pool-1")
	w.settle("pool-1", w.ready("pool-1", 2))
	for i, data := range []string{"#cloud-config\nruncmd: [one]\n", "#cloud-config\nruncmd: [two]\n", "#cloud-config\nruncmd: [three]\n", "#cloud-config\nruncmd: [four]\n"} {
		w.renewData("pool-1", data)
		w.settle("pool-1", func() bool { return aws.ToInt64(w.versions("pool-1")[0].VersionNumber) == int64(i+2) })
	}
	w.rounds("pool-1", 5)
	if list := w.refreshes("pool-1"); len(list) != 0 {
		t.Errorf("%d refreshes were started", len(list))
	}
	// The default version, which the instances are from, and the two newest.
	if list := w.versions("pool-1"); len(list) != 3 || aws.ToInt64(list[0].VersionNumber) != 5 {
		t.Errorf("%d versions are left, want 3", len(list))
	}
	w.change("pool-1", func(p *infrav1.AWSMachinePool) {})
	w.changeOwner("pool-1", func(m *clusterv1.MachinePool) { m.Spec.Template.Spec.Bootstrap.DataSecretName = aws.String("other") })
	w.Must(w.Kube.Create(t.Context(), otherSecret()))
	w.settle("pool-1", func() bool { return len(w.refreshes("pool-1")) == 1 })
	w.delete("pool-1")
	w.nothingLeft()
}

func TestChangeDuringARefreshCancelsItAndStartsAnother(t *testing.T) {
	w := newWorld(t)
	w.pool("pool-1")
	w.settle("pool-1", w.ready("pool-1", 2))
	w.change("pool-1", func(p *infrav1.AWSMachinePool) { p.Spec.AWSLaunchTemplate.InstanceType = "m5.xlarge" })
	w.settle("pool-1", func() bool { return len(w.refreshes("pool-1")) == 1 })
	w.Pass(2e9)
	w.change("pool-1", func(p *infrav1.AWSMachinePool) { p.Spec.AWSLaunchTemplate.InstanceType = "m5.2xlarge" })
	w.settle("pool-1", func() bool {
		list := w.refreshes("pool-1")
		return len(list) == 2 && list[0].Status == astypes.InstanceRefreshStatusSuccessful
	})
	if s := w.refreshes("pool-1")[1].Status; s != astypes.InstanceRefreshStatusCancelled {
		t.Errorf("the first refresh is %s, want Cancelled", s)
	}
	for _, i := range w.group("pool-1").Instances {
		if aws.ToString(i.InstanceType) != "m5.2xlarge" {
			t.Errorf("instance %s is a %s", aws.ToString(i.InstanceId), aws.ToString(i.InstanceType))
		}
	}
	w.delete("pool-1")
	w.nothingLeft()
}

func TestRefreshCanBeTurnedOff(t *testing.T) {
	w := newWorld(t)
	w.pool("pool-1", func(p *infrav1.AWSMachinePool, _ *clusterv1.MachinePool) {
		p.Spec.RefreshPreferences = &infrav1.RefreshPreferences{Disable: true}
	})
	w.settle("pool-1", w.ready("pool-1", 2))
	w.change("pool-1", func(p *infrav1.AWSMachinePool) { p.Spec.AWSLaunchTemplate.InstanceType = "m5.xlarge" })
	w.settle("pool-1", func() bool { return len(w.versions("pool-1")) == 2 })
	w.rounds("pool-1", 5)
	if n := len(w.refreshes("pool-1")); n != 0 {
		t.Errorf("%d refreshes were started", n)
	}
}

// TestAPoolSaysAtOnceWhatIsWrongWithIt: neither its subnets nor its instance type are there.
func TestAPoolSaysAtOnceWhatIsWrongWithIt(t *testing.T) {
	w := newWorld(t)
	w.pool("p1", func(p *infrav1.AWSMachinePool, _ *clusterv1.MachinePool) {
		p.Spec.Subnets = []infrav1.AWSResourceReference{{ID: aws.String("subnet-0123456789abcdef0")}}
		p.Spec.AWSLaunchTemplate.InstanceType = "m5.larg"
	})
	w.settle("p1", func() bool {
		c := meta.FindStatusCondition(w.get("p1").Status.Conditions, infrav1.ReadyCondition)
		return c != nil && strings.Contains(c.Message, "subnet subnet-0123456789abcdef0 doesn't exist") && strings.Contains(c.Message, "the instance type m5.larg isn't offered in us-east-1")
	})
}
