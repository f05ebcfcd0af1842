package awsmachinepool

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

func cells(p *infrav1.AWSMachinePool) map[string]any {
	out := map[string]any{}
	for _, column := range Kind().Columns {
		out[column.Name] = column.Value(p)
	}
	return out
}

func TestTheTableShowsWhatUsersOfTheKindKnow(t *testing.T) {
	two, nine := int32(2), int32(9)
	p := &infrav1.AWSMachinePool{
		Spec: infrav1.AWSMachinePoolSpec{MinSize: &two, MaxSize: &nine},
		Status: infrav1.AWSMachinePoolStatus{
			Ready: true, Replicas: 3, LaunchTemplateID: "lt-1", Observation: &infrav1.Observation{Age: "3s"},
		},
	}
	want := map[string]any{"Ready": true, "Replicas": int32(3), "MinSize": two, "MaxSize": nine, "LaunchTemplate ID": "lt-1", "Observed": "3s"}
	if diff := cmp.Diff(want, cells(p)); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNotKnownIsNotShown(t *testing.T) {
	want := map[string]any{"Ready": false, "Replicas": int32(0), "MinSize": int32(0), "MaxSize": int32(0), "LaunchTemplate ID": nil, "Observed": nil}
	if diff := cmp.Diff(want, cells(&infrav1.AWSMachinePool{})); diff != "" {
		t.Error(diff)
	}
}
