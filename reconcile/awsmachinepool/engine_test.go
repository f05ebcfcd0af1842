package awsmachinepool

import (
	"testing"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
)

func TestPoolsKeepThePromisesOfAllKinds(t *testing.T) {
	enginetest.Inherits(t, func(t *testing.T) enginetest.Settled[*infrav1.AWSMachinePool] {
		w := newWorld(t)
		w.pool("pool-1")
		w.settle("pool-1", w.ready("pool-1", 2))
		return enginetest.Settled[*infrav1.AWSMachinePool]{World: w.World, Kind: Kind(), Name: "pool-1", Reconciler: w.reconciler, OfCluster: w.ofCluster}
	})
}
