package engine

import (
	"context"
	"reflect"
	"slices"
	"sync/atomic"
	"time"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// grounds are what a view was made of beside its object and a snapshot: the other objects
// that were read, what was said of those that live, and since when AWS proves something.
// All that a scene gives a view notes it here, so that grounds are complete.
type grounds struct {
	reads []read
	lists []listing
	since map[string]time.Time

	living  ownership.Living
	answers map[question]any
	asks    []func() bool
	// version is that of the living for which the answers are known to hold.
	version atomic.Uint64
	// unsure tells that something couldn't be read: nothing made of that is kept.
	unsure bool
}

// read is an object that was read, and what it was.
type read struct {
	ref
	version version
}

// listing are objects that were listed.
type listing struct {
	host     bool
	empty    client.ObjectList
	options  []client.ListOption
	versions []version
}

type question struct{ about, of string }

func newGrounds(living ownership.Living) *grounds {
	g := &grounds{since: map[string]time.Time{}, living: living, answers: map[question]any{}}
	g.version.Store(versionOf(living))
	return g
}

// hold tells whether all is as it was.
func (g *grounds) hold(ctx context.Context, now *glance, since func(string) time.Time) bool {
	for _, r := range g.reads {
		if a := now.get(ctx, r.ref); a.failed() || a.version != r.version {
			return false
		}
	}
	for recorded, was := range g.since {
		if !since(recorded).Equal(was) {
			return false
		}
	}
	for _, l := range g.lists {
		list := l.empty.DeepCopyObject().(client.ObjectList)
		if now.reader(l.host).List(ctx, list, l.options...) != nil || !slices.Equal(versionsOf(list), l.versions) {
			return false
		}
	}
	return g.answersHold()
}

// answersHold tells whether the same is said of the living. As long as their version is
// the same, nobody has to be asked.
func (g *grounds) answersHold() bool {
	version := versionOf(g.living)
	if len(g.asks) == 0 || version != 0 && version == g.version.Load() {
		return true
	}
	if slices.ContainsFunc(g.asks, func(same func() bool) bool { return !same() }) {
		return false
	}
	g.version.Store(version)
	return true
}

// versionOf returns the version of the living objects, 0 where they have none.
func versionOf(living ownership.Living) uint64 {
	if v, ok := living.(interface{ Version() uint64 }); ok {
		return v.Version()
	}
	return 0
}

// noting reads objects, and notes which.
type noting struct {
	*grounds
	now  *glance
	host bool
}

var _ client.Reader = noting{}

// Get gives an object that is not to be changed.
func (n noting) Get(ctx context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	ref := ref{n.host, reflect.TypeOf(obj).Elem(), key}
	a := n.now.get(ctx, ref)
	n.reads, n.unsure = append(n.reads, read{ref, a.version}), n.unsure || a.failed()
	if a.err == nil {
		setAll(obj, a.object)
	}
	return a.err
}

// List gives objects that are not to be changed.
func (n noting) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	empty := list.DeepCopyObject().(client.ObjectList)
	err := n.now.reader(n.host).List(ctx, list, options...)
	n.lists, n.unsure = append(n.lists, listing{n.host, empty, options, versionsOf(list)}), n.unsure || err != nil
	return err
}

// notingLiving says which other objects there are, and notes what it said.
type notingLiving struct {
	*grounds
	host client.Reader
}

var _ ownership.Living = notingLiving{}

// ByUID returns the object with a UID, nil if none has it.
func (n notingLiving) ByUID(uid string) (*ownership.Object, error) {
	living := n.living
	return ask(n, question{"uid", uid}, func() (*ownership.Object, error) { return living.ByUID(uid) }, func(o *ownership.Object) []ownership.Object {
		if o == nil {
			return nil
		}
		return []ownership.Object{*o}
	})
}

// Recorders returns the objects that record the id of a resource.
func (n notingLiving) Recorders(id string) ([]ownership.Object, error) {
	living := n.living
	return ask(n, question{"recorded", id}, func() ([]ownership.Object, error) { return living.Recorders(id) }, all)
}

// Namesakes returns the objects of a kind that belong to a cluster of this name.
func (n notingLiving) Namesakes(kind, cluster string) ([]ownership.Object, error) {
	living := n.living
	return ask(n, question{kind, cluster}, func() ([]ownership.Object, error) { return living.Namesakes(kind, cluster) }, all)
}

func all(objects []ownership.Object) []ownership.Object { return objects }

// ask asks once, and notes the answer, and the Clusters of the objects in it, whose being
// there is a part of the answer but not of the version of the living.
func ask[A any](n notingLiving, q question, ask func() (A, error), objects func(A) []ownership.Object) (A, error) {
	if known, ok := n.answers[q]; ok {
		return known.(A), nil
	}
	answer, err := ask()
	if err != nil {
		n.unsure = true
		return answer, err
	}
	n.answers[q] = answer
	n.asks = append(n.asks, func() bool {
		again, err := ask()
		return err == nil && reflect.DeepEqual(again, answer)
	})
	for _, o := range objects(answer) {
		if o.Cluster != "" {
			_ = n.host.Get(context.Background(), client.ObjectKey{Namespace: o.Namespace, Name: o.Cluster}, &clusterv1.Cluster{})
		}
	}
	return answer, nil
}
