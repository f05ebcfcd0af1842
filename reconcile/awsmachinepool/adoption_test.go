package awsmachinepool

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

// replace puts another object of the same name in place of the pool's, as a move to
// another management cluster does.
func (w *world) replace(name string, change func(*infrav1.AWSMachinePool)) {
	w.T.Helper()
	old := w.get(name)
	next := &infrav1.AWSMachinePool{ObjectMeta: metav1.ObjectMeta{Namespace: old.Namespace, Name: name, UID: types.UID("another"), Labels: old.Labels,
		OwnerReferences: old.OwnerReferences, CreationTimestamp: metav1.NewTime(w.Now.Now())}, Spec: *old.Spec.DeepCopy()}
	old.Finalizers = nil
	w.Must(w.Kube.Update(w.T.Context(), old))
	w.Must(w.Kube.Delete(w.T.Context(), old))
	change(next)
	w.Must(w.Kube.Create(w.T.Context(), next))
}

func TestMovedPoolKeepsItsGroup(t *testing.T) {
	w := newWorld(t)
	w.pool("pool-1")
	w.settle("pool-1", w.ready("pool-1", 2))
	w.Pass(time60)
	before := w.get("pool-1").Spec
	w.replace("pool-1", func(*infrav1.AWSMachinePool) {})
	w.restart()
	w.AWS.ResetCounts()
	w.settle("pool-1", w.ready("pool-1", 2))
	// Nothing but the UID tags of group and template is written, once.
	for _, op := range []string{"ec2.CreateTags", "autoscaling.CreateOrUpdateTags"} {
		if n := w.AWS.Counts()[op]; n != 1 {
			t.Errorf("%s was called %d times", op, n)
		}
	}
	w.AWS.ResetCounts()
	w.rounds("pool-1", 5)
	w.changesNothing()
	if after := w.get("pool-1").Spec; after.ProviderID != before.ProviderID {
		t.Errorf("the group was %s and is %s", before.ProviderID, after.ProviderID)
	}
	w.delete("pool-1")
	w.nothingLeft()
}

func TestPoolOfAnotherControllerIsTakenOver(t *testing.T) {
	takeOver(t, func(*infrav1.AWSMachinePool, *clusterv1.MachinePool) {})
}

// TestPoolOfZonesIsTakenOverWhereItIs is about a pool that says nothing of the kind
// of its subnets: CAPA's is in all of a zone.
func TestPoolOfZonesIsTakenOverWhereItIs(t *testing.T) {
	w := takeOver(t, func(p *infrav1.AWSMachinePool, _ *clusterv1.MachinePool) {
		p.Spec.AvailabilityZones = []string{"us-east-1a"}
	})
	var all []string
	for _, s := range w.cluster().Spec.Network.Subnets {
		if s.AvailabilityZone == "us-east-1a" {
			all = append(all, s.ResourceID)
		}
	}
	w.pool("pool-2", func(p *infrav1.AWSMachinePool, _ *clusterv1.MachinePool) {
		p.Spec.AvailabilityZones = []string{"us-east-1a"}
	})
	w.settle("pool-2", w.ready("pool-2", 2))
	if have := strings.Split(aws.ToString(w.group("pool-2").VPCZoneIdentifier), ","); len(all) != 2 || !slices.Equal(slices.Sorted(slices.Values(have)), slices.Sorted(slices.Values(all))) {
		t.Errorf("the group is in %v, want %v", have, all)
	}
}

// takeOver lets nothing but names and the usual tags tell whose the group and the
// template are.
func takeOver(t *testing.T, change func(*infrav1.AWSMachinePool, *clusterv1.MachinePool)) *world {
	t.Helper()
	w := newWorld(t)
	w.pool("pool-1", change)
	w.settle("pool-1", w.ready("pool-1", 2))
	w.Pass(time60)
	id := w.get("pool-1").Status.LaunchTemplateID
	_, err := w.Session().EC2.DeleteTags(t.Context(), &ec2.DeleteTagsInput{Resources: []string{id}, Tags: []ec2types.Tag{{Key: aws.String(names.TagUID)}, {Key: aws.String(names.TagNamespace)}}})
	w.Must(err)
	_, err = w.Session().AutoScaling.DeleteTags(t.Context(), &autoscaling.DeleteTagsInput{Tags: []astypes.Tag{
		{Key: aws.String(names.TagUID), ResourceId: aws.String("pool-1"), ResourceType: aws.String("auto-scaling-group")},
		{Key: aws.String(names.TagNamespace), ResourceId: aws.String("pool-1"), ResourceType: aws.String("auto-scaling-group")}}})
	w.Must(err)
	w.replace("pool-1", func(p *infrav1.AWSMachinePool) { p.Spec.ProviderID, p.Spec.ProviderIDList = "", nil })
	w.restart()
	w.AWS.ResetCounts()
	w.settle("pool-1", w.ready("pool-1", 2))
	w.rounds("pool-1", 5)
	w.changesNothing()
	w.delete("pool-1")
	w.nothingLeft()
	return w
}
