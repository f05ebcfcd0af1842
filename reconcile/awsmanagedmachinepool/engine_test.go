package awsmanagedmachinepool

import (
	"testing"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
)

func TestManagedPoolsKeepThePromisesOfAllKinds(t *testing.T) {
	enginetest.Inherits(t, func(t *testing.T) enginetest.Settled[*infrav1.AWSManagedMachinePool] {
		w := newWorld(t, true, newPool(testName))
		w.buildCluster()
		w.restart() // into a process that does nothing for the cluster itself
		w.settle(testName, w.ready(testName))
		return enginetest.Settled[*infrav1.AWSManagedMachinePool]{World: w.World, Kind: Kind(Options{MakeRoles: true}), Name: testName, Reconciler: w.pools}
	})
}
