package ownership

import (
	"context"
	"reflect"
	"sync/atomic"

	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Follow has the index notice from now on what changes of the objects that it tells of.
func (x *Index) Follow(ctx context.Context, ours cache.Informers) error {
	version := &atomic.Uint64{}
	version.Store(1)
	change := func() { version.Add(1) }
	for _, k := range kinds {
		informer, err := ours.GetInformer(ctx, k.object())
		if err != nil {
			return err
		}
		if _, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
			AddFunc: func(any) { change() },
			UpdateFunc: func(before, after any) {
				if !sameObject(before, after) {
					change()
				}
			},
			DeleteFunc: func(any) { change() },
		}); err != nil {
			return err
		}
	}
	x.version = version
	return nil
}

// Version is another one once the objects say anything else of what ownership asks; 0 while
// nobody follows them. Whether their Clusters exist isn't in it.
func (x Index) Version() uint64 {
	if x.version == nil {
		return 0
	}
	return x.version.Load()
}

func sameObject(before, after any) bool {
	a, ok := before.(client.Object)
	b, also := after.(client.Object)
	return ok && also && reflect.DeepEqual(objectOf(a), objectOf(b))
}
