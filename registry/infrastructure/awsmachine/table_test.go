package awsmachine

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

func cells(m *infrav1.AWSMachine) map[string]any {
	out := map[string]any{}
	for _, column := range Kind().Columns {
		out[column.Name] = column.Value(m)
	}
	return out
}

func TestTheTableShowsWhatUsersOfTheKindKnow(t *testing.T) {
	yes, id, running := true, "aws:///us-east-1a/i-1", infrav1.InstanceStateRunning
	m := &infrav1.AWSMachine{
		ObjectMeta: metav1.ObjectMeta{
			Labels:          map[string]string{"cluster.x-k8s.io/cluster-name": "c"},
			OwnerReferences: []metav1.OwnerReference{{Kind: "KubeadmControlPlane", Name: "kcp"}, {Kind: "Machine", Name: "m"}},
		},
		Spec: infrav1.AWSMachineSpec{ProviderID: &id},
		Status: infrav1.AWSMachineStatus{
			InstanceState:  &running,
			Ready:          true,
			Initialization: &infrav1.Initialization{Provisioned: &yes},
			Observation:    &infrav1.Observation{Age: "5m", Stale: true, Reason: "Throttled"},
		},
	}
	want := map[string]any{"Cluster": "c", "State": "running", "Ready": true, "InstanceID": id, "Machine": "m", "Observed": "5m (Throttled)"}
	if diff := cmp.Diff(want, cells(m)); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNotKnownIsNotShown(t *testing.T) {
	want := map[string]any{"Cluster": "", "State": nil, "Ready": false, "InstanceID": nil, "Machine": nil, "Observed": nil}
	if diff := cmp.Diff(want, cells(&infrav1.AWSMachine{})); diff != "" {
		t.Error(diff)
	}
}
