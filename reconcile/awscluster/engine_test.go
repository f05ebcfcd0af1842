package awscluster

import (
	"testing"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
)

func TestClustersKeepThePromisesOfAllKinds(t *testing.T) {
	enginetest.Inherits(t, func(t *testing.T) enginetest.Settled[*infrav1.AWSCluster] {
		w := newWorld(t, newCluster())
		w.create()
		w.settle(func() bool { return len(w.plan()) == 0 })
		return enginetest.Settled[*infrav1.AWSCluster]{World: w.World, Kind: Kind(), Name: testName, Reconciler: w.reconciler}
	})
}
