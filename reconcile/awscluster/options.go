package awscluster

import (
	"context"
	"net"
	"time"

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

// Resolver looks names up in DNS; a *net.Resolver does.
type Resolver interface {
	LookupHost(ctx context.Context, host string) ([]string, error)
}

var _ Resolver = (*net.Resolver)(nil)

// Options are what a Reconciler is made of.
type Options struct {
	// Client reads and writes AWSClusters, and reads AWSMachines, at the hub version. It reads from a
	// cache: a read that the server answers live would cause calls to AWS.
	Client client.Client
	// Host reads the Clusters of the management cluster, which may be another one.
	Host client.Reader
	// Events takes the Events about AWSClusters.
	Events Events
	// Sessions and Mirror are the way to AWS.
	Sessions Sessions
	Mirror   *mirror.Mirror
	// Living knows which other objects there are; nil means none.
	Living ownership.Living
	// Resolver is the system's if nil.
	Resolver Resolver
	// Images finds the bastion's image; a new finder if nil.
	Images *cloud.Images
	// WatchFilter, unless empty, is the value of the label
	// cluster.x-k8s.io/watch-filter of the objects to reconcile.
	WatchFilter string
	// Concurrency is how many objects are reconciled at once; 10 if zero.
	Concurrency int
	// IdentityPeriod is how often the identities of clusters that say nothing of them are
	// looked at; never if zero.
	IdentityPeriod time.Duration
	// Clock is the real one if nil.
	Clock clock.PassiveClock
}

func (o Options) withDefaults() Options {
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Images == nil {
		o.Images = cloud.NewImages(nil)
	}
	if o.Concurrency == 0 {
		o.Concurrency = workers
	}
	return o
}
