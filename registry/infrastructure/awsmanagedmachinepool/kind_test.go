package awsmanagedmachinepool

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

func aPool(name string) *infrav1.AWSManagedMachinePool {
	p := &infrav1.AWSManagedMachinePool{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
	infrav1.SetObjectDefaults_AWSManagedMachinePool(p)
	return p
}

func TestANodeGroupIsNamedAndItsManifestCanReplaceIt(t *testing.T) {
	p := aPool("workers")
	again := p.DeepCopy()
	prepare(p, nil)
	if p.Spec.EKSNodegroupName != "default_workers" {
		t.Errorf("the node group is %q", p.Spec.EKSNodegroupName)
	}
	if name := p.GeneratedRoleName("default_quickstart"); name != "default_quickstart-default_workers_nodegroup-iam-service-role" {
		t.Errorf("the role is %q", name)
	}
	prepare(again, p)
	if errs := Kind().Rules.Update(again, p); len(errs) > 0 {
		t.Errorf("its manifest can't replace it: %v", errs)
	}
}

func TestANodeGroupsNameIsNeverLongerThanEKSTakes(t *testing.T) {
	for length := range 253 {
		p := aPool(strings.Repeat("x", length+1))
		prepare(p, nil)
		if name := p.Spec.EKSNodegroupName; len(name) > 63 {
			t.Fatalf("%q has %d characters", name, len(name))
		}
		if errs := Kind().Rules.Create(p); len(errs) > 0 {
			t.Fatalf("it is refused: %v", errs)
		}
	}
}

func TestTheTableShowsWhatEKSSays(t *testing.T) {
	p := aPool("workers")
	prepare(p, nil)
	p.Status = infrav1.AWSManagedMachinePoolStatus{Ready: true, Replicas: 3, Observation: &infrav1.Observation{Age: "3s"},
		Nodegroup: &infrav1.NodegroupState{Status: "ACTIVE", Version: "1.34", ReleaseVersion: "1.34.2-20251112"}}
	want := map[string]any{"Ready": true, "Replicas": int32(3), "Status": "ACTIVE", "Version": "1.34", "Release": "1.34.2-20251112", "NodegroupName": "default_workers", "Observed": "3s"}
	if diff := cmp.Diff(want, cells(p)); diff != "" {
		t.Error(diff)
	}
	p.Status = infrav1.AWSManagedMachinePoolStatus{}
	want = map[string]any{"Ready": false, "Replicas": int32(0), "Status": "", "Version": "", "Release": "", "NodegroupName": "default_workers", "Observed": nil}
	if diff := cmp.Diff(want, cells(p)); diff != "" {
		t.Errorf("what isn't known: %s", diff)
	}
}

func cells(p *infrav1.AWSManagedMachinePool) map[string]any {
	out := map[string]any{}
	for _, column := range Kind().Columns {
		out[column.Name] = column.Value(p)
	}
	return out
}
