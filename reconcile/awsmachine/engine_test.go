package awsmachine

import (
	"testing"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
)

func TestMachinesKeepThePromisesOfAllKinds(t *testing.T) {
	enginetest.Inherits(t, func(t *testing.T) enginetest.Settled[*infrav1.AWSMachine] {
		w := newWorld(t)
		w.machine("m1", plainData)
		w.settle("m1", w.ready("m1"))
		return enginetest.Settled[*infrav1.AWSMachine]{World: w.World, Kind: Kind(), Name: "m1", Reconciler: w.reconciler, OfCluster: w.ofCluster}
	})
}
