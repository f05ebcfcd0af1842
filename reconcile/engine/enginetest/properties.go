package enginetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
)

// Settled is a world with an object of a kind for which nothing is left to do.
type Settled[T engine.Object] struct {
	*World
	Kind       engine.Kind[T]
	Name       string
	Reconciler reconcile.Reconciler
	// OfCluster is the AWSCluster's reconciler, where the object is another one.
	OfCluster reconcile.Reconciler
}

// Inherits tests what every kind owes to the engine, each in a world of its own.
func Inherits[T engine.Object](t *testing.T, settle func(t *testing.T) Settled[T]) {
	for name, test := range map[string]func(*testing.T, Settled[T]){
		"a plan is the same the second time, and nothing once it is carried out": planIsStable[T],
		"what was never seen justifies nothing":                                  unseenJustifiesNothing[T],
		"a paused object is shown, and nothing is changed":                       pauseChangesNothing[T],
		"a withdrawn identity is used no more, and nothing is changed":           withdrawnIdentityIsUsedNoMore[T],
		"nothing is read for an object that is gone":                             nothingIsReadForNobody[T],
		"what is merely waited for is not called failed":                         waitingIsNoFailure[T],
		"what is listed anew and is the same makes no view":                      sameFactsMakeNoView[T],
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, settle(t))
		})
	}
}

func (s Settled[T]) get() T {
	s.T.Helper()
	return Get(s.World, s.Kind.New(), s.Name)
}

// view is what a reader sees of the object in a snapshot.
func (s Settled[T]) view(snap *mirror.Snapshot) engine.View[T] {
	s.T.Helper()
	started := s.Now.Now()
	worker, err := s.Kind.Begin(context.Background(), engine.Scene[T]{Object: s.get(), Ours: s.Kube, Host: s.Kube, Living: s.Living,
		Since: func(string) time.Time { return started }})
	s.Must(err)
	return worker.View(snap)
}

func (s Settled[T]) snapshot() *mirror.Snapshot { return s.Mirror.Snapshot(s.Session().Scope) }

// rounds lets so much time go by in steps, as far as the process does anything in it.
func (s Settled[T]) rounds(d, step time.Duration) {
	for ; d > 0; d -= step {
		if s.OfCluster != nil {
			_, _ = Reconcile(s.OfCluster, ClusterName)
		}
		_, _ = Reconcile(s.Reconciler, s.Name)
		s.Elapse(step)
	}
}

func planIsStable[T engine.Object](t *testing.T, s Settled[T]) {
	first, again := s.view(s.snapshot()).Plan(), s.view(s.snapshot()).Plan()
	if diff := cmp.Diff(first, again, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the plans differ: %s", diff)
	}
	if len(first.Actions) > 0 {
		t.Errorf("once all is done there is left %+v", first.Actions)
	}
}

func unseenJustifiesNothing[T engine.Object](t *testing.T, s Settled[T]) {
	for _, deleting := range []bool{false, true} {
		if deleting {
			s.Must(s.Kube.Delete(context.Background(), s.get()))
		}
		if p := s.view(mirror.NewSnapshot(s.Session().Scope)).Plan(); len(p.Actions) > 0 || p.Done() {
			t.Errorf("deleting %v: without any table the plan is %+v", deleting, p)
		}
	}
}

func pauseChangesNothing[T engine.Object](t *testing.T, s Settled[T]) {
	obj := s.get()
	ready := Condition(obj, infrav1.ReadyCondition).Status
	obj.SetAnnotations(map[string]string{clusterv1.PausedAnnotation: ""})
	s.Must(s.Kube.Update(context.Background(), obj))
	before, resources := len(s.Mutations()), s.Resources()
	s.rounds(10*time.Minute, 30*time.Second)
	if after := s.Mutations(); len(after) != before {
		t.Errorf("AWS was changed: %v", after[before:])
	}
	if diff := cmp.Diff(resources, s.Resources()); diff != "" {
		t.Errorf("AWS has something else: %s", diff)
	}
	obj = s.get()
	if !meta.IsStatusConditionTrue(obj.GetConditions(), infrav1.PausedCondition) || Condition(obj, infrav1.ReadyCondition).Status != ready {
		t.Errorf("it says %+v", obj.GetConditions())
	}
}

// waitingIsNoFailure looks back at how the object came about, and at how it goes.
func waitingIsNoFailure[T engine.Object](t *testing.T, s Settled[T]) {
	s.Must(s.Kube.Delete(context.Background(), s.get()))
	for range 100 {
		if s.Gone(s.Kind.New(), s.Name) {
			break
		}
		s.rounds(10*time.Second, 10*time.Second)
	}
	if !s.Gone(s.Kind.New(), s.Name) {
		t.Errorf("it isn't gone: %+v", s.get().GetConditions())
	}
	for _, failed := range s.Failed() {
		t.Error(failed)
	}
}

// withdrawnIdentityIsUsedNoMore takes the namespace from those that may use the identity.
func withdrawnIdentityIsUsedNoMore[T engine.Object](t *testing.T, s Settled[T]) {
	allow := func(namespaces *infrav1.AllowedNamespaces) {
		identity := Get(s.World, &infrav1.AWSClusterControllerIdentity{}, "/"+infrav1.AWSClusterControllerIdentityName)
		identity.Spec.AllowedNamespaces = namespaces
		identity.Generation++
		s.Must(s.Kube.Update(context.Background(), identity))
	}
	allow(nil)
	s.rounds(time.Minute, 10*time.Second)
	before := len(s.AWS.Log())
	s.rounds(10*time.Minute, 30*time.Second)
	if calls := s.AWS.Log()[before:]; len(calls) > 0 {
		t.Errorf("%d calls were made with an identity that was withdrawn, the first %+v", len(calls), calls[0])
	}
	obj := s.get()
	if c := Condition(obj, infrav1.PrincipalUsageAllowedCondition); c.Status != metav1.ConditionFalse || c.Message == "" {
		t.Errorf("it says %+v", obj.GetConditions())
	}
	mutations := len(s.Mutations())
	allow(&infrav1.AllowedNamespaces{})
	s.rounds(5*time.Minute, 30*time.Second)
	if c := Condition(s.get(), infrav1.PrincipalUsageAllowedCondition); c.Status == metav1.ConditionFalse || Condition(s.get(), infrav1.ReadyCondition).Status != metav1.ConditionTrue {
		t.Errorf("afterwards it says %+v", s.get().GetConditions())
	}
	if after := s.Mutations(); len(after) != mutations {
		t.Errorf("afterwards AWS was changed: %v", after[mutations:])
	}
}

// nothingIsReadForNobody deletes the object, and its cluster after it.
func nothingIsReadForNobody[T engine.Object](t *testing.T, s Settled[T]) {
	s.End(func() reconcile.Reconciler { return s.Reconciler }, s.Name, s.Kind.New())
	_, _ = Reconcile(s.Reconciler, s.Name)
	if s.OfCluster != nil {
		s.End(func() reconcile.Reconciler { return s.OfCluster }, ClusterName, &infrav1.AWSCluster{})
		_, _ = Reconcile(s.OfCluster, ClusterName)
	}
	s.Elapse(2 * time.Minute)
	before := len(s.AWS.Log())
	for range 20 {
		s.Elapse(30 * time.Second)
	}
	if calls := s.AWS.Log()[before:]; len(calls) > 0 {
		t.Errorf("%d calls for nobody in ten minutes, the first %+v", len(calls), calls[0])
	}
}

// sameFactsMakeNoView: reads cost nothing because a view asks nothing that is another with
// each listing, like how old a table is.
func sameFactsMakeNoView[T engine.Object](t *testing.T, s Settled[T]) {
	views, kind := 0, s.Kind
	kind.Begin = func(ctx context.Context, scene engine.Scene[T]) (engine.Worker[T], error) {
		views++
		return s.Kind.Begin(ctx, scene)
	}
	observer := Observer(s.World, kind)
	read := func() (T, engine.Shown[T]) {
		s.Pass(time.Minute)
		_, _ = Reconcile(s.Reconciler, s.Name) // what was noted of calls ends with time
		obj := s.get()
		s.Must(observer.Refresh(t.Context(), obj, 0))
		shown, fresh := observer.Project(t.Context(), obj)
		return obj, engine.Shown[T]{Object: shown, Freshness: fresh}
	}
	for range 4 {
		read() // details of new rows are read in a later sweep, and noted then
	}
	before := views
	for range 2 {
		if obj, shown := read(); any(shown.Object) != any(obj) || shown.Err != nil || shown.ObservedTime.IsZero() {
			t.Errorf("a read shows %+v, as of %s: %v", shown.Object.GetConditions(), shown.ObservedTime, shown.Err)
		}
	}
	if views != before {
		t.Errorf("%d views were made of what is the same", views-before)
	}
}
