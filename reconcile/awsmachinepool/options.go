// Package awsmachinepool makes AWS match AWSMachinePool objects, and tells in their
// status how far it does: observe, plan, act, project.
package awsmachinepool

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// Sessions gives sessions by identity.
type Sessions interface {
	For(ctx context.Context, site cloud.Site) (*cloud.Session, error)
}

var _ Sessions = (*cloud.Sessions)(nil)

// Events takes Events about objects; a record.EventRecorder does.
type Events interface {
	Event(object runtime.Object, eventType, reason, message string)
}

// Options are what a Reconciler is made of.
type Options struct {
	// Client reads and writes AWSMachinePools and AWSMachines, and reads AWSClusters,
	// at the hub version. It reads from a cache: a read that the server answers live would
	// cause calls to AWS.
	Client client.Client
	// Host reads the MachinePools and Clusters of the management cluster, from a
	// cache, and bootstrap Secrets, which it should not keep. It writes the replicas
	// of MachinePools that somebody else scales, and deletes the Machines of instances
	// that leave.
	Host client.Client
	// Events takes the Events about AWSMachinePools.
	Events Events
	// Sessions and Mirror are the way to AWS. The mirror keeps mirror.NetworkTables,
	// mirror.MachineTables and mirror.PoolTables.
	Sessions Sessions
	Mirror   *mirror.Mirror
	// Living knows which other objects there are; nil means none.
	Living ownership.Living
	// Images finds images; share one with whoever else looks for images. Nil makes one.
	Images *cloud.Images
	// WatchFilter, unless empty, is the value of the label
	// cluster.x-k8s.io/watch-filter of the objects to reconcile.
	WatchFilter string
	// MachinePoolMachines has each instance of a pool get an AWSMachine, of which
	// Cluster API makes a Machine.
	MachinePoolMachines bool
	// Concurrency is how many objects are reconciled at once; 10 if zero.
	Concurrency int
	// Clock is the real one if nil.
	Clock clock.PassiveClock
}

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Images == nil {
		o.Images = cloud.NewImages(o.Clock)
	}
	if o.Concurrency == 0 {
		o.Concurrency = workers
	}
	return o
}
