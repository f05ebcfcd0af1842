package engine

import (
	"context"
	"errors"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/event"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

// clusters is an engine of AWSClusters that only reads a store with the objects.
func clusters(t *testing.T, o Options, objects ...client.Object) *Engine[*infrav1.AWSCluster] {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := infrav1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	o.Mirror, o.Client = mirror.New(mirror.Options{}), fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
	return New(Kind[*infrav1.AWSCluster]{SiteOf: cloud.SiteOf[*infrav1.AWSCluster], NewList: func() client.ObjectList { return &infrav1.AWSClusterList{} }}, o)
}

func cluster(namespace, name string, change ...func(*infrav1.AWSCluster)) *infrav1.AWSCluster {
	c := &infrav1.AWSCluster{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	for _, f := range change {
		f(c)
	}
	return c
}

// TestStatusAloneWakesNobody: reads store the status too.
func TestStatusAloneWakesNobody(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*infrav1.AWSCluster)
		want   bool
	}{
		"status":     {func(o *infrav1.AWSCluster) { o.Status.Ready, o.ResourceVersion = true, "2" }, false},
		"spec":       {func(o *infrav1.AWSCluster) { o.Generation, o.ResourceVersion = 2, "2" }, true},
		"annotation": {func(o *infrav1.AWSCluster) { o.Annotations, o.ResourceVersion = map[string]string{"a": "b"}, "2" }, true},
		"deletion":   {func(o *infrav1.AWSCluster) { o.DeletionGracePeriodSeconds = new(int64) }, true},
	} {
		before := cluster("default", "c1")
		after := before.DeepCopy()
		c.change(after)
		if got := intentChanged[*infrav1.AWSCluster]().Update(event.TypedUpdateEvent[*infrav1.AWSCluster]{ObjectOld: before, ObjectNew: after}); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestOnlyDeletionsPass(t *testing.T) {
	p, c := OnlyDeleted[*infrav1.AWSCluster](), cluster("default", "c1")
	if p.Create(event.TypedCreateEvent[*infrav1.AWSCluster]{Object: c}) || p.Update(event.TypedUpdateEvent[*infrav1.AWSCluster]{ObjectOld: c, ObjectNew: c}) ||
		!p.Delete(event.TypedDeleteEvent[*infrav1.AWSCluster]{Object: c}) {
		t.Error("something else passes, or deletions don't")
	}
}

func TestOnlyObjectsWithTheFilterLabelAreForThisProcess(t *testing.T) {
	blue := func(c *infrav1.AWSCluster) { c.Labels = map[string]string{clusterv1.WatchLabel: "blue"} }
	managed := func(c *infrav1.AWSCluster) { c.Annotations = map[string]string{clusterv1.ManagedByAnnotation: "x"} }
	for filter, want := range map[string][]bool{"": {true, true, false}, "blue": {true, false, false}, "red": {false, false, false}} {
		e := clusters(t, Options{WatchFilter: filter})
		for i, c := range []*infrav1.AWSCluster{cluster("default", "a", blue), cluster("default", "b"), cluster("default", "c", blue, managed)} {
			if e.mine(c) != want[i] {
				t.Errorf("filter %q: %s is %v", filter, c.Name, !want[i])
			}
		}
	}
}

func TestAChangedIdentityLeadsToTheObjectsThatUseIt(t *testing.T) {
	ref := func(kind infrav1.AWSIdentityKind, name string) *infrav1.AWSIdentityReference {
		return &infrav1.AWSIdentityReference{Kind: kind, Name: name}
	}
	role := func(name string, source *infrav1.AWSIdentityReference) client.Object {
		i := &infrav1.AWSClusterRoleIdentity{ObjectMeta: metav1.ObjectMeta{Name: name}}
		i.Spec.SourceIdentityRef = source
		return i
	}
	uses := func(name string, identity *infrav1.AWSIdentityReference) client.Object {
		return cluster("default", name, func(c *infrav1.AWSCluster) { c.Spec.IdentityRef = identity })
	}
	keys, first, second := ref(infrav1.ClusterStaticIdentityKind, "keys"), ref(infrav1.ClusterRoleIdentityKind, "first"), ref(infrav1.ClusterRoleIdentityKind, "second")
	e := clusters(t, Options{},
		role("second", first), role("first", keys), role("ring-1", ref(infrav1.ClusterRoleIdentityKind, "ring-2")), role("ring-2", ref(infrav1.ClusterRoleIdentityKind, "ring-1")),
		uses("a", keys), uses("b", second), uses("c", ref(infrav1.ControllerIdentityKind, "default")), uses("d", ref(infrav1.ClusterRoleIdentityKind, "keys")))
	for changed, want := range map[*infrav1.AWSIdentityReference][]string{
		keys: {"a", "b"}, first: {"b"}, second: {"b"}, ref(infrav1.ClusterRoleIdentityKind, "ring-1"): nil,
		ref(infrav1.ControllerIdentityKind, "default"): {"c"},
	} {
		var got []string
		for _, request := range e.users(t.Context(), *changed) {
			got = append(got, request.Name)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%v leads to %v, want %v", changed, got, want)
		}
	}
}

// siteSessions gives no session for the namespaces, and counts the looks.
type siteSessions struct {
	refuse map[string]bool
	looks  int
}

func (s *siteSessions) For(_ context.Context, site cloud.Site) (*cloud.Session, error) {
	s.looks++
	if s.refuse[site.Namespace] {
		return nil, &cloud.IdentityError{Reason: cloud.PrincipalAccountMismatchReason, Err: errors.New("why")}
	}
	return &cloud.Session{}, nil
}

func TestAnIdentityThatStoppedWorkingLeadsToTheObjectsThatDoNotSaySo(t *testing.T) {
	in := func(namespace, name string, change ...func(*infrav1.AWSCluster)) client.Object {
		provisioned := true
		return cluster(namespace, name, append([]func(*infrav1.AWSCluster){func(c *infrav1.AWSCluster) {
			c.Status.Initialization = &infrav1.Initialization{Provisioned: &provisioned}
		}}, change...)...)
	}
	sessions := &siteSessions{refuse: map[string]bool{"bad": true}}
	e := clusters(t, Options{Sessions: sessions}, in("good", "a"), in("bad", "b"), in("bad", "c"),
		in("bad", "says-so", func(c *infrav1.AWSCluster) {
			c.Status.Conditions = []metav1.Condition{{Type: infrav1.PrincipalCredentialRetrievedCondition, Status: metav1.ConditionFalse, Reason: "R"}}
		}),
		in("bad", "new", func(c *infrav1.AWSCluster) { c.Status.Initialization = nil }))
	var got []string
	for _, request := range e.unnoticed(t.Context()) {
		got = append(got, request.Name)
	}
	if slices.Sort(got); !slices.Equal(got, []string{"b", "c"}) {
		t.Errorf("it leads to %v, want b and c", got)
	}
	if sessions.looks != 2 {
		t.Errorf("%d looks at 2 sites", sessions.looks)
	}
}

func TestTroubleWithTheIdentityIsSaidByTheConditionThatItMakesFalse(t *testing.T) {
	obj := &infrav1.AWSMachine{}
	for _, c := range []struct{ reason, want string }{
		{cloud.PrincipalUsageUnauthorizedReason, infrav1.PrincipalUsageAllowedCondition},
		{cloud.PrincipalAccountMismatchReason, infrav1.PrincipalCredentialRetrievedCondition},
		{cloud.SourcePrincipalUsageUnauthorizedReason, infrav1.PrincipalUsageAllowedCondition},
	} {
		setUnidentified(obj, &cloud.IdentityError{Reason: c.reason, Err: errors.New("why")}, false)
		if list := obj.Status.Conditions; len(list) != 1 || list[0].Type != c.want {
			t.Errorf("%s is said by %+v, want %s alone", c.reason, list, c.want)
		}
	}
	if setIdentified(obj, false); len(obj.Status.Conditions) != 0 {
		t.Errorf("afterwards there are %+v", obj.Status.Conditions)
	}
}
