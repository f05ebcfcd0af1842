package awscluster

import (
	"context"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
)

func TestAChangedIdentityLeadsToTheClustersThatUseIt(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := infrav1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	ref := func(kind infrav1.AWSIdentityKind, name string) *infrav1.AWSIdentityReference {
		return &infrav1.AWSIdentityReference{Kind: kind, Name: name}
	}
	role := func(name string, source *infrav1.AWSIdentityReference) client.Object {
		i := &infrav1.AWSClusterRoleIdentity{ObjectMeta: metav1.ObjectMeta{Name: name}}
		i.Spec.SourceIdentityRef = source
		return i
	}
	uses := func(name string, identity *infrav1.AWSIdentityReference) client.Object {
		c := newCluster()
		c.Name, c.Spec.IdentityRef = name, identity
		return c
	}
	keys, first, second := ref(infrav1.ClusterStaticIdentityKind, "keys"), ref(infrav1.ClusterRoleIdentityKind, "first"), ref(infrav1.ClusterRoleIdentityKind, "second")
	r := &Reconciler{Options: Options{Client: fake.NewClientBuilder().WithScheme(scheme).WithObjects(
		role("second", first), role("first", keys), role("ring-1", ref(infrav1.ClusterRoleIdentityKind, "ring-2")), role("ring-2", ref(infrav1.ClusterRoleIdentityKind, "ring-1")),
		uses("a", keys), uses("b", second), uses("c", ref(infrav1.ControllerIdentityKind, "default")), uses("d", ref(infrav1.ClusterRoleIdentityKind, "keys"))).Build()}}
	for changed, want := range map[*infrav1.AWSIdentityReference][]string{
		keys: {"a", "b"}, first: {"b"}, second: {"b"}, ref(infrav1.ClusterRoleIdentityKind, "ring-1"): nil,
		ref(infrav1.ControllerIdentityKind, "default"): {"c"},
	} {
		var got []string
		for _, request := range r.usersOf(t.Context(), *changed) {
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
		return nil, &cloud.IdentityError{Reason: cloud.PrincipalAccountMismatchReason}
	}
	return &cloud.Session{}, nil
}

func TestAnIdentityThatStoppedWorkingLeadsToTheClustersThatDoNotSaySo(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := infrav1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	in := func(namespace, name string, change func(*infrav1.AWSCluster)) client.Object {
		c := newCluster()
		provisioned := true
		c.Namespace, c.Name, c.Status.Initialization = namespace, name, &infrav1.Initialization{Provisioned: &provisioned}
		if change != nil {
			change(c)
		}
		return c
	}
	sessions := &siteSessions{refuse: map[string]bool{"bad": true}}
	r := &Reconciler{Options: Options{Sessions: sessions, Client: fake.NewClientBuilder().WithScheme(scheme).WithObjects(
		in("good", "a", nil), in("bad", "b", nil), in("bad", "c", nil),
		in("bad", "says-so", func(c *infrav1.AWSCluster) {
			c.Status.Conditions = []metav1.Condition{{Type: infrav1.PrincipalCredentialRetrievedCondition, Status: metav1.ConditionFalse, Reason: "R"}}
		}),
		in("bad", "new", func(c *infrav1.AWSCluster) { c.Status.Initialization = nil })).Build()}}
	var got []string
	for _, request := range r.unnoticed(t.Context()) {
		got = append(got, request.Name)
	}
	if slices.Sort(got); !slices.Equal(got, []string{"b", "c"}) {
		t.Errorf("it leads to %v, want b and c", got)
	}
	if sessions.looks != 2 {
		t.Errorf("%d looks at 2 sites", sessions.looks)
	}
}
