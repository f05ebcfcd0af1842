package engine

import (
	"context"
	"reflect"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// glance is the other objects as one read of many finds them: each is looked up once, and
// all that is read is shown with the same state of it. What it gives is never changed.
type glance struct {
	ours, host client.Reader

	mu    sync.Mutex
	found map[ref]*found
}

// ref is an object of the host, or of ours.
type ref struct {
	host bool
	kind reflect.Type
	key  client.ObjectKey
}

// version tells what is read of an object from what was; the zero one is of an object
// that isn't there.
type version struct {
	uid types.UID
	of  string
}

// found is an object, or why there is none.
type found struct {
	once    sync.Once
	object  client.Object
	err     error
	version version
}

// failed tells that nobody knows whether the object is there.
func (f *found) failed() bool { return client.IgnoreNotFound(f.err) != nil }

func (g *glance) get(ctx context.Context, ref ref) *found {
	g.mu.Lock()
	f := g.found[ref]
	if f == nil {
		f = &found{}
		g.found[ref] = f
	}
	g.mu.Unlock()
	f.once.Do(func() {
		f.object = reflect.New(ref.kind).Interface().(client.Object)
		if f.err = g.reader(ref.host).Get(ctx, ref.key, f.object); f.err == nil {
			f.version = versionOfObject(f.object)
		}
	})
	return f
}

func (g *glance) reader(host bool) client.Reader {
	if host {
		return uncopied{g.host}
	}
	return uncopied{g.ours}
}

func versionOfObject(obj client.Object) version {
	return version{obj.GetUID(), obj.GetResourceVersion()}
}

func versionsOf(list client.ObjectList) []version {
	var versions []version
	_ = meta.EachListItem(list, func(item runtime.Object) error {
		versions = append(versions, versionOfObject(item.(client.Object)))
		return nil
	})
	return versions
}

// uncopied reads objects from a cache without making copies of them.
type uncopied struct{ client.Reader }

// Get gives the cache's own object.
func (u uncopied) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	return u.Reader.Get(ctx, key, obj, append(opts, &client.GetOptions{UnsafeDisableDeepCopy: ptr.To(true)})...)
}

// List gives the cache's own objects.
func (u uncopied) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	return u.Reader.List(ctx, list, append(opts, client.UnsafeDisableDeepCopy)...)
}
