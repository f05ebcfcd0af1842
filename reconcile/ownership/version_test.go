package ownership

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// TestTheVersionIsAnotherOnceAnythingElseWouldBeSaid: a status that says nothing of what
// ownership asks is written all the time.
func TestTheVersionIsAnotherOnceAnythingElseWouldBeSaid(t *testing.T) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{infrav1.AddToScheme, controlplanev1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	informers := &informertest.FakeInformers{Scheme: scheme}
	index := NewIndex(nil, nil)
	if v := index.Version(); v != 0 {
		t.Errorf("the version is %d before anybody follows", v)
	}
	if err := index.Follow(t.Context(), informers); err != nil {
		t.Fatal(err)
	}
	cluster := &infrav1.AWSCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "c1", UID: "1"}}
	machine := &infrav1.AWSMachine{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "m1", UID: "2"}}
	pool := &infrav1.AWSMachinePool{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "p1", UID: "3"}}
	with := func(change func(m *infrav1.AWSMachine)) client.Object {
		changed := machine.DeepCopy()
		change(changed)
		return changed
	}
	for name, c := range map[string]struct {
		before, after client.Object
		another       bool
	}{
		"a cluster comes":     {nil, cluster, true},
		"a machine comes":     {nil, machine, true},
		"a pool comes":        {nil, pool, true},
		"a machine goes":      {machine, nil, true},
		"it records an id":    {machine, with(func(m *infrav1.AWSMachine) { m.Spec.InstanceID = aws.String("i-1") }), true},
		"it has another UID":  {machine, with(func(m *infrav1.AWSMachine) { m.UID = "4" }), true},
		"its status changes":  {machine, with(func(m *infrav1.AWSMachine) { m.Status.Ready, m.ResourceVersion = true, "2" }), false},
		"its spec is another": {machine, with(func(m *infrav1.AWSMachine) { m.Spec.InstanceType = "t3.large" }), false},
	} {
		version := index.Version()
		obj := c.after
		if obj == nil {
			obj = c.before
		}
		informer, err := informers.FakeInformerFor(t.Context(), obj)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case c.before == nil:
			informer.Add(obj.(metav1.Object))
		case c.after == nil:
			informer.Delete(obj.(metav1.Object))
		default:
			informer.Update(c.before.(metav1.Object), c.after.(metav1.Object))
		}
		if another := index.Version() != version; another != c.another {
			t.Errorf("%s: another version: %t, want %t", name, another, c.another)
		}
	}
}
