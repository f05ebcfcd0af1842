// Package engine is what the reconcilers of all kinds share: one loop of observe, plan,
// act, project, and the reads that show what AWS has. A kind brings what is its own, as
// a Kind and a Worker.
package engine

import (
	"cmp"
	"context"
	"reflect"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/clock"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Object is an object of a kind that has AWS resources. It has the fields Spec and
// Status, and in its status Observation and Failures.
type Object interface {
	client.Object
	conditions.Object
	// Provisioned tells whether all that Cluster API waits for was there once.
	Provisioned() bool
}

// Sessions gives sessions by identity.
type Sessions interface {
	For(ctx context.Context, site cloud.Site) (*cloud.Session, error)
}

var _ Sessions = (*cloud.Sessions)(nil)

// Events takes Events about objects; a record.EventRecorder does.
type Events interface {
	Event(object runtime.Object, eventType, reason, message string)
}

// Options are what a reconciler is made of.
type Options struct {
	// Client reads and writes the infrastructure kinds at the hub version. It reads from
	// a cache: a read that the server answers live would cause calls to AWS.
	Client client.Client
	// Host reads and writes the objects of Cluster API, which may be in another cluster:
	// from a cache, but for Secrets, which it should not keep.
	Host client.Client
	// Events takes the Events about the objects.
	Events Events
	// Sessions and Mirror are the way to AWS.
	Sessions Sessions
	Mirror   *mirror.Mirror
	// Living knows which other objects there are; nil means none.
	Living ownership.Living
	// WatchFilter, unless empty, is the value of the label cluster.x-k8s.io/watch-filter
	// of the objects to reconcile.
	WatchFilter string
	// Concurrency is how many objects are reconciled at once; the kind's own if zero.
	Concurrency int
	// IdentityPeriod is how often the identities of objects that say nothing of them are
	// looked at, for kinds that have one; never if zero.
	IdentityPeriod time.Duration
	// Clock is the real one if nil.
	Clock clock.PassiveClock
}

// Kind is what one kind brings.
type Kind[T Object] struct {
	// Name is the kind, as "AWSMachine".
	Name      string
	Finalizer string
	// Area is the condition that says why AWS can't be seen.
	Area string
	// Handlers carry out the actions of its plans.
	Handlers plan.Handlers
	// Workers is how many objects are reconciled at once by default; 10 if zero.
	Workers int
	// LookAgain is when an object for which something is left to do is looked at again,
	// should nothing have told before. Restless objects are looked at again in any case.
	LookAgain time.Duration
	Restless  bool
	// SiteOf is of kinds whose objects name an identity themselves, and so tell of its
	// state, good or bad; nil for others. NewList makes an empty list of such objects.
	SiteOf  func(T) cloud.Site
	NewList func() client.ObjectList

	// Remember makes what a process knows of an object beyond what the object says; nil
	// for nothing. Losing it costs calls and time, never correctness.
	Remember func() any
	// Begin reads what the object belongs to, from caches.
	Begin func(ctx context.Context, scene Scene[T]) (Worker[T], error)
	// Concerned returns by what the objects can be found that a change in AWS concerns.
	Concerned func(change mirror.Change) []Ref
	// Sources are what else tells that objects may have changed; nil for nothing.
	Sources func(ours, host cache.Cache) []source.Source
}

// New makes an empty object.
func (k *Kind[T]) New() T { return reflect.New(reflect.TypeFor[T]().Elem()).Interface().(T) }

// Scene is where an object is looked at.
type Scene[T Object] struct {
	Object T
	// Ours reads the infrastructure kinds and Host those of Cluster API, both from
	// caches. What they give is never changed.
	Ours, Host client.Reader
	Living     ownership.Living
	// Since is since when what AWS doesn't show proves anything about a recorded
	// resource, or, with "", about those that nobody recorded.
	Since func(recorded string) time.Time
	// Pass is the reconciliation, nil for a read.
	Pass *Pass[T]
}

// Bond is what an object hangs on.
type Bond struct {
	// Awaits names what has to happen before anything is done for the object; "" for
	// nothing.
	Awaits string
	// Usual tells that this is how it always begins, so that no condition tells of it.
	Usual bool
	// Cluster is the Cluster whose pause counts, nil while there is none.
	Cluster *clusterv1.Cluster
	// Site is where the object's AWS is, nil while nobody knows.
	Site *cloud.Site
	// Refs are by what a change finds the object.
	Refs []Ref
}

// View is an object as a snapshot shows it. It is pure: made once, it changes no more.
type View[T Object] interface {
	// Wants are what the object is judged by: tables, and rows of those that are read by
	// name.
	Wants() []mirror.Interest
	// Unseen are those of them that were never listed completely: needed ones, those to be
	// listed next, without which nothing is known of the object, and wished ones, without
	// which only a part of it isn't.
	Unseen() (needed, wished []mirror.Interest)
	// Plan is what is left to do.
	Plan() plan.Plan
	// Record writes decisions and ids into spec and annotations, and tells whether there
	// were new ones.
	Record(into T) bool
	// Former are the UIDs that the object had before it was moved or restored, as far as
	// the object and what it records in AWS tell.
	Former() []string
	// Status writes the status. Conditions that changed carry no time.
	Status(into T)
}

// Worker is one object in one pass or read. Only Bond and View are called for a read.
type Worker[T Object] interface {
	Bond() Bond
	View(snap *mirror.Snapshot) View[T]

	// Untouched tells that nothing was ever asked of AWS for the object, so that it may
	// go without AWS.
	Untouched() bool
	// Stranded says what to do with an object that is to go and whose Site is nil.
	Stranded() string
	// Look sees to it that what the plan is made by is young enough, and that what the
	// tables can't tell yet is known. Its error is that AWS can't be seen.
	Look(ctx context.Context) error
	// Prepare reads what a plan needs and no table holds.
	Prepare(ctx context.Context) error
	// Before is called before actions are carried out.
	Before(ctx context.Context, ready []plan.Action) error
	// Take draws the consequences of a result that are the kind's own.
	Take(ctx context.Context, r plan.Result) Consequence
	// Keeps tells that a failed action's hold stays, though nothing plans it.
	Keeps(key string) bool
	// Users names what keeps a resource from being deleted, "" if that isn't known.
	Users(ctx context.Context, a plan.Action) string
	// Settle does what is to be done once nothing is left that can be done in AWS, and
	// says when to look again; zero if that doesn't matter.
	Settle(ctx context.Context, left plan.Plan) (again time.Duration, err error)
	// Follow does what follows from the status that was written.
	Follow(ctx context.Context) error
	// Proof tells what has to be read, at what moment or later, to prove that nothing is
	// left of an object. Zero stands for no need.
	Proof() (visible time.Time, of []mirror.Interest)
	// Dismiss lets go of what else depends on an object of which AWS has nothing left.
	// False means that something is there still.
	Dismiss(ctx context.Context) (gone bool, err error)
	// Close is called at the end of every pass.
	Close()
}

// Consequence tells what is left to do about a result.
type Consequence int

const (
	// Untaken leaves everything to the engine.
	Untaken Consequence = iota
	// Taken leaves the Event.
	Taken
	// Silent leaves nothing.
	Silent
)

// Idle is a Worker's part of a kind that does nothing special.
type Idle struct{}

// Stranded is never asked for: the object says itself where its AWS is.
func (Idle) Stranded() string { return "" }

// Look has nothing to look at.
func (Idle) Look(context.Context) error { return nil }

// Prepare reads nothing.
func (Idle) Prepare(context.Context) error { return nil }

// Before does nothing.
func (Idle) Before(context.Context, []plan.Action) error { return nil }

// Take leaves it to the engine.
func (Idle) Take(context.Context, plan.Result) Consequence { return Untaken }

// Keeps keeps nothing.
func (Idle) Keeps(string) bool { return false }

// Users knows of none.
func (Idle) Users(context.Context, plan.Action) string { return "" }

// Settle does nothing.
func (Idle) Settle(context.Context, plan.Plan) (time.Duration, error) { return 0, nil }

// Follow does nothing.
func (Idle) Follow(context.Context) error { return nil }

// Dismiss has nothing to let go of.
func (Idle) Dismiss(context.Context) (bool, error) { return true, nil }

// Close does nothing.
func (Idle) Close() {}

// Engine makes AWS match the objects of one kind.
type Engine[T Object] struct {
	Options
	kind     Kind[T]
	actor    *plan.Actor
	index    *index
	memories memories[T]

	begin sync.Once
	// started is when this process began to act. It may have looked at AWS for long
	// before, as a standby: what another process did until then may still be hidden.
	started time.Time
}

// defaultWorkers is how many objects are reconciled at once of kinds that don't say.
const defaultWorkers = 10

// New makes a reconciler.
func New[T Object](kind Kind[T], o Options) *Engine[T] {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Concurrency == 0 {
		o.Concurrency = cmp.Or(kind.Workers, defaultWorkers)
	}
	e := &Engine[T]{Options: o, kind: kind, index: newIndex(kind.Concerned), actor: &plan.Actor{Mirror: o.Mirror, Handlers: kind.Handlers}}
	o.Mirror.Subscribe(e.index.changed)
	return e
}

var _ reconcile.Reconciler = (*Engine[Object])(nil)
