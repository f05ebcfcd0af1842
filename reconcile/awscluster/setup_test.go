package awscluster

import (
	"context"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
)

func TestTheControllerCanBeAddedToAManager(t *testing.T) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{infrav1.AddToScheme, clusterv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	mgr, err := manager.New(&rest.Config{Host: "http://127.0.0.1:1"}, manager.Options{Scheme: scheme, Metrics: metricsserver.Options{BindAddress: "0"}})
	if err != nil {
		t.Fatal(err)
	}
	r := New(Options{Options: engine.Options{Client: mgr.GetClient(), Host: mgr.GetClient(), Events: &enginetest.EventLog{}, Mirror: mirror.New(mirror.Options{})}})
	if err := r.Setup(mgr, mgr.GetCache(), mgr.GetCache()); err != nil {
		t.Fatal(err)
	}
}

func TestAClusterLeadsToItsInfrastructure(t *testing.T) {
	cluster := &clusterv1.Cluster{}
	cluster.Namespace = "default"
	cluster.Spec.InfrastructureRef = clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.GroupName, Kind: "AWSCluster", Name: "c1"}
	if got := infrastructureOf(context.Background(), cluster); len(got) != 1 || got[0].Name != "c1" || got[0].Namespace != "default" {
		t.Errorf("%v", got)
	}
	cluster.Spec.InfrastructureRef.Kind = "DockerCluster"
	if got := infrastructureOf(context.Background(), cluster); len(got) != 0 {
		t.Errorf("%v", got)
	}
}
