package awsmanagedcontrolplane

import (
	"testing"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
)

func TestControlPlanesKeepThePromisesOfAllKinds(t *testing.T) {
	enginetest.Inherits(t, func(t *testing.T) enginetest.Settled[*controlplanev1.AWSManagedControlPlane] {
		w := newWorld(t, newControlPlane())
		w.create()
		w.settle(w.quiet)
		return enginetest.Settled[*controlplanev1.AWSManagedControlPlane]{World: w.World, Kind: Kind(Options{}), Name: testName, Reconciler: w.reconciler}
	})
}
