package apiserver

import (
	"context"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/apis/takeover"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
)

// everywhereOnly allows the user admin to take over machines in the whole cluster, and everybody
// anything in one namespace.
var everywhereOnly = authorizer.AuthorizerFunc(func(_ context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
	if a.GetNamespace() != "" || a.GetUser().GetName() == "admin" && a.GetVerb() == "create" && a.GetResource() == "awsmachines" && a.GetSubresource() == takeover.Subresource {
		return authorizer.DecisionAllow, "", nil
	}
	return authorizer.DecisionNoOpinion, "", nil
})

func TestATakeoverKeepsWhatAnObjectIs(t *testing.T) {
	store, _, ctx := machines(t, 0, &told{state: infrav1.InstanceStateRunning})
	taking := generic.NewTakeoverREST(store, everywhereOnly)
	as := func(name string) context.Context {
		return genericapirequest.WithUser(ctx, &user.DefaultInfo{Name: name})
	}
	object := func(uid types.UID) *infrav1.AWSMachine {
		m := &infrav1.AWSMachine{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "m", UID: uid, ResourceVersion: "77", Generation: 5,
			CreationTimestamp: metav1.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC), Finalizers: []string{"a/b"},
			Annotations: map[string]string{takeover.ManagedFieldsAnnotation: `[{"manager": "kubectl", "operation": "Update"}]`}}}
		m.Spec.InstanceType = "t3.large"
		running := infrav1.InstanceStateRunning
		m.Status.InstanceState = &running
		return m
	}
	create := func(who string, m *infrav1.AWSMachine) (*infrav1.AWSMachine, error) {
		out, err := taking.Create(as(who), "m", m, rest.ValidateAllObjectFunc, &metav1.CreateOptions{})
		if err != nil {
			return nil, err
		}
		return out.(*infrav1.AWSMachine), nil
	}
	if _, err := create("tenant", object("mine")); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "in the whole cluster") {
		t.Errorf("who has rights in one namespace chose a UID: %v", err)
	}
	for range 2 { // an interrupted takeover begins anew
		got, err := create("admin", object("theirs"))
		if err != nil {
			t.Fatal(err)
		}
		if want := object("theirs"); got.UID != want.UID || !got.CreationTimestamp.Equal(&want.CreationTimestamp) || got.Generation != 5 || stateOf(got) != infrav1.InstanceStateRunning ||
			len(got.Finalizers) != 1 || len(got.Annotations) != 0 || len(got.ManagedFields) != 1 || got.ManagedFields[0].Manager != "kubectl" {
			t.Errorf("stored is %+v", got)
		}
	}
	if _, err := create("admin", object("another")); !apierrors.IsConflict(err) {
		t.Errorf("an object took another one's place: %v", err)
	}
	if _, err := create("admin", object("")); !apierrors.IsBadRequest(err) {
		t.Errorf("an object without a UID was taken over: %v", err)
	}
}

// CAPA took what this server's rules refuse: it is taken over as it is, and can be changed and deleted.
func TestWhatTheRulesRefuseIsTakenOverAndCanBeChanged(t *testing.T) {
	store, _, ctx := machines(t, 0, &told{state: infrav1.InstanceStateRunning})
	ctx = genericapirequest.WithUser(ctx, &user.DefaultInfo{Name: "admin"})
	m := &infrav1.AWSMachine{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "m", UID: "theirs", CreationTimestamp: metav1.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)}}
	m.Spec.InstanceType = strings.Repeat("x", 2000)
	m.Spec.Tenancy = "of another release"
	m.Spec.RootVolume = &infrav1.Volume{Size: 1}
	if _, err := store.Create(ctx, m.DeepCopy(), rest.ValidateAllObjectFunc, &metav1.CreateOptions{}); !apierrors.IsInvalid(err) {
		t.Fatalf("the rules don't refuse it: %v", err)
	}
	if _, err := generic.NewTakeoverREST(store, everywhereOnly).Create(ctx, "m", m, rest.ValidateAllObjectFunc, &metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	info := rest.DefaultUpdatedObjectInfo(nil, func(_ context.Context, _, old runtime.Object) (runtime.Object, error) {
		m := old.DeepCopyObject().(*infrav1.AWSMachine)
		m.Labels = map[string]string{"a": "b"}
		return m, nil
	})
	if _, _, err := store.Update(ctx, "m", info, rest.ValidateAllObjectFunc, rest.ValidateAllObjectUpdateFunc, false, &metav1.UpdateOptions{}); err != nil {
		t.Errorf("it can't be labelled: %v", err)
	}
	if _, _, err := store.Delete(ctx, "m", rest.ValidateAllObjectFunc, &metav1.DeleteOptions{}); err != nil {
		t.Errorf("it can't be deleted: %v", err)
	}
}
