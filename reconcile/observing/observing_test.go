package observing

import (
	"errors"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
)

func TestAFailedLookKeepsWhereTheObjectWasSeen(t *testing.T) {
	m, now, failed := &Memory{}, time.Unix(0, 0), errors.New("no")
	if scope, err := m.Of("a"); scope != nil || err != nil {
		t.Errorf("before any look there is %v (%v)", scope, err)
	}
	m.Note("a", &cloud.Scope{Region: "r"}, nil, now)
	m.Note("a", nil, failed, now)
	if scope, err := m.Of("a"); scope == nil || scope.Region != "r" || !errors.Is(err, failed) {
		t.Errorf("after a failed look there is %v (%v)", scope, err)
	}
}

func TestWhatNobodyLooksForIsForgotten(t *testing.T) {
	m, now := &Memory{}, time.Unix(0, 0)
	m.Note("a", &cloud.Scope{}, nil, now)
	for range 5 {
		now = now.Add(forgetAfter / 2)
		m.Note("b", &cloud.Scope{}, nil, now)
	}
	if scope, _ := m.Of("a"); scope != nil {
		t.Error("it is still known")
	}
	if scope, _ := m.Of("b"); scope == nil {
		t.Error("what is looked for was forgotten")
	}
}

func TestOnlyWhatIsReconciledIsProjected(t *testing.T) {
	object := func(change func(*infrav1.AWSMachinePool)) *infrav1.AWSMachinePool {
		p := &infrav1.AWSMachinePool{ObjectMeta: metav1.ObjectMeta{Finalizers: []string{infrav1.MachinePoolFinalizer}}}
		change(p)
		return p
	}
	for name, x := range map[string]struct {
		change func(*infrav1.AWSMachinePool)
		want   bool
	}{
		"ours":       {func(*infrav1.AWSMachinePool) {}, true},
		"new":        {func(p *infrav1.AWSMachinePool) { p.Finalizers = nil }, false},
		"somebody's": {func(p *infrav1.AWSMachinePool) { p.Annotations = map[string]string{clusterv1.ManagedByAnnotation: ""} }, false},
		"paused": {func(p *infrav1.AWSMachinePool) {
			p.Status.Conditions = []metav1.Condition{{Type: infrav1.PausedCondition, Status: "True"}}
		}, false},
		"paused once": {func(p *infrav1.AWSMachinePool) {
			p.Status.Conditions = []metav1.Condition{{Type: infrav1.PausedCondition, Status: "False"}}
		}, true},
	} {
		if got := Reconciled(object(x.change), infrav1.MachinePoolFinalizer); got != x.want {
			t.Errorf("%s: %v, want %v", name, got, x.want)
		}
	}
}
