package awsmachine

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
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
	// Client reads and writes AWSMachines, and reads AWSClusters, at the hub version.
	// It reads from a cache: a read that the server answers live would cause calls
	// to AWS.
	Client client.Client
	// Host reads the Machines and Clusters of the management cluster, from a cache,
	// and bootstrap Secrets, which it should not keep.
	Host client.Reader
	// Events takes the Events about AWSMachines.
	Events Events
	// Sessions and Mirror are the way to AWS. The mirror keeps mirror.NetworkTables,
	// mirror.MachineTables and mirror.PoolTables.
	Sessions Sessions
	Mirror   *mirror.Mirror
	// Living knows which other objects there are; nil means none.
	Living ownership.Living
	// Images finds images; share one with whoever else looks for images. Nil makes one.
	Images *cloud.Images
	// Terminator ends instances; share one likewise. Nil makes one.
	Terminator *instance.Terminator
	// WatchFilter, unless empty, is the value of the label
	// cluster.x-k8s.io/watch-filter of the objects to reconcile.
	WatchFilter string
	// Concurrency is how many objects are reconciled at once; 50 if zero.
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
	if o.Terminator == nil {
		o.Terminator = instance.NewTerminator()
	}
	if o.Concurrency == 0 {
		o.Concurrency = workers
	}
	return o
}
