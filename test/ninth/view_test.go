package ninth

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awscluster"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
	"github.com/capa-apiserver/capa-apiserver/test/ninth/v2beta1"
)

func init() {
	enginetest.Further.AddToScheme, enginetest.Further.WithStatus = Group.Hub.AddToScheme, []client.Object{&v2beta1.AWSNinth{}}
}

// TestANinthKindNeedsOnlyAView has the engine make, show and delete what the kind is for.
func TestANinthKindNeedsOnlyAView(t *testing.T) {
	enginetest.Inherits(t, func(t *testing.T) enginetest.Settled[*v2beta1.AWSNinth] {
		cluster := enginetest.Cluster()
		w := enginetest.New(t, enginetest.WorldTime, enginetest.Owner(cluster), cluster, &v2beta1.AWSNinth{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "ninth", UID: "uid-of-ninth"}, Spec: v2beta1.Spec{ClusterName: enginetest.ClusterName}})
		ofCluster := awscluster.New(awscluster.Options{Options: w.Options(w.Process), Resolver: enginetest.Resolves{}})
		w.Build(ofCluster)
		r := engine.New(Kind(), w.Options(w.Process))
		w.Settle(func() reconcile.Reconciler { return r }, "ninth", &v2beta1.AWSNinth{}, func() bool {
			return enginetest.Condition(enginetest.Get(w, &v2beta1.AWSNinth{}, "ninth"), infrav1.ReadyCondition).Status == metav1.ConditionTrue
		})
		if n := w.Resources()["launch-template"]; n != 1 || !w.Events.Has("SuccessfulCreateLaunchTemplate") {
			t.Errorf("%d launch templates, events %q", n, w.Events.With(""))
		}
		observer, obj := enginetest.Observer(w, Kind()), enginetest.Get(w, &v2beta1.AWSNinth{}, "ninth")
		w.Must(observer.Refresh(t.Context(), obj, 0))
		if shown, fresh := observer.Project(t.Context(), obj); shown != obj || fresh.Err != nil || fresh.ObservedTime.IsZero() {
			t.Errorf("a read shows %+v, %+v", shown.Status, fresh)
		}
		return enginetest.Settled[*v2beta1.AWSNinth]{World: w, Kind: Kind(), Name: "ninth", Reconciler: r, OfCluster: ofCluster}
	})
}
