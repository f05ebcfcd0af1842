package awscluster

import (
	"context"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// withIdentity gives the sessions of an identity while it is set, else the process's.
type withIdentity struct {
	*cloud.Sessions
	identity *infrav1.AWSIdentityReference
}

func (i *withIdentity) For(ctx context.Context, site cloud.Site) (*cloud.Session, error) {
	site.Identity = i.identity
	return i.Sessions.For(ctx, site)
}

// identities reads identities from the world, which has none.
func (w *world) identities() *withIdentity {
	sessions := cloud.NewSessions(cloud.Options{Identities: w.Kube, Host: w.Kube, ControllerNamespace: "capa-system"})
	return &withIdentity{sessions, &infrav1.AWSIdentityReference{Kind: infrav1.ClusterRoleIdentityKind, Name: "later"}}
}

func TestAnIdentityThatIsNotThereYetIsWaitedFor(t *testing.T) {
	w := newWorld(t, newCluster())
	usual := w.reconciler.Sessions
	w.reconciler.Sessions = w.identities()
	result, err := w.reconcile()
	if err != nil || result.RequeueAfter == 0 {
		t.Errorf("%+v, %v: waiting is no error, and it is looked at again", result, err)
	}
	for _, kind := range []string{infrav1.PrincipalUsageAllowedCondition, infrav1.PrincipalCredentialRetrievedCondition, infrav1.ReadyCondition} {
		c := meta.FindStatusCondition(w.get().Status.Conditions, kind)
		if c == nil || c.Status != metav1.ConditionFalse || !strings.Contains(c.Message, "AWSClusterRoleIdentity/later: it doesn't exist: create it") {
			t.Errorf("%s is %+v", kind, c)
		}
	}
	w.reconciler.Sessions = usual
	w.create()
	for _, kind := range []string{infrav1.PrincipalUsageAllowedCondition, infrav1.PrincipalCredentialRetrievedCondition} {
		if !meta.IsStatusConditionTrue(w.get().Status.Conditions, kind) {
			t.Errorf("%s isn't true", kind)
		}
	}
	w.delete()
}

// A reader that saw the cluster before knows what is left to delete, which nobody does
// without a session.
func TestReadyLeadsWithTheIdentityThatADeletionWaitsFor(t *testing.T) {
	w := newWorld(t, newCluster())
	w.create()
	o := observer(w)
	w.Must(o.Refresh(context.Background(), w.get(), 0))
	w.Must(w.Kube.Delete(context.Background(), w.get()))
	usual := w.reconciler.Sessions
	w.reconciler.Sessions = w.identities()
	_, err := w.reconcile()
	w.Must(err)
	want := meta.FindStatusCondition(w.get().Status.Conditions, infrav1.ReadyCondition)
	shown, _ := o.Project(context.Background(), w.get())
	status := shown.Status
	got := meta.FindStatusCondition(status.Conditions, infrav1.ReadyCondition)
	if got == nil || got.Message != want.Message || !strings.HasPrefix(got.Message, "* PrincipalCredentialRetrieved: identity AWSClusterRoleIdentity/later") {
		t.Errorf("Ready is shown as %+v, stored as %+v", got, want)
	}
	w.reconciler.Sessions = usual
	w.settle(w.gone)
}
