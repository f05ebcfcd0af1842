package apiserver

import (
	"context"
	"fmt"
	"reflect"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metainternalversionscheme "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/features"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	toolscache "k8s.io/client-go/tools/cache"
)

// longestWatch is how long a watch lasts that names no time.
const longestWatch = 5 * time.Minute

// lister lists and watches what is stored of a kind, as nobody but the server itself sees it.
type lister interface {
	List(ctx context.Context, options *metainternalversion.ListOptions) (runtime.Object, error)
	Watch(ctx context.Context, options *metainternalversion.ListOptions) (watch.Interface, error)
}

// stored is what the server's own caches read from: the storage in this process. Through
// the server's port each change would be written as text and read again.
type stored map[reflect.Type]lister

// newInformer is one of the kind of the object, for a cache.
func (s stored) newInformer(_ toolscache.ListerWatcher, object runtime.Object, resync time.Duration, indexers toolscache.Indexers) toolscache.SharedIndexInformer {
	return toolscache.NewSharedIndexInformer(&toolscache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			from, internal, err := s.ask(object, options)
			if err != nil {
				return nil, err
			}
			return from.List(ctx, internal)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			from, internal, err := s.ask(object, options)
			if err != nil {
				return nil, err
			}
			ctx, cancel := context.WithTimeout(ctx, watchTime(options))
			events, err := from.Watch(ctx, internal)
			if err != nil {
				cancel()
				return nil, err
			}
			return watching{watch.Filter(events, plain), cancel}, nil
		},
	}, object, resync, indexers)
}

// watchTime is how long a watch lasts: on the way through the port the library sees to that, and not the storage.
func watchTime(options metav1.ListOptions) time.Duration {
	if options.TimeoutSeconds == nil {
		return longestWatch
	}
	return time.Duration(*options.TimeoutSeconds) * time.Second
}

// watching is a watch that lets go of its time when it is stopped.
type watching struct {
	watch.Interface
	cancel context.CancelFunc
}

// Stop ends the watch.
func (w watching) Stop() {
	w.cancel()
	w.Interface.Stop()
}

// ask finds the storage of an object's kind, and writes options as it takes them.
func (s stored) ask(object runtime.Object, options metav1.ListOptions) (lister, *metainternalversion.ListOptions, error) {
	from, ok := s[reflect.TypeOf(object)]
	if !ok {
		return nil, nil, fmt.Errorf("%T is no kind that is stored here", object)
	}
	// The storage would leave it out where the feature is off, and the informer wait for its end for ever.
	if options.SendInitialEvents != nil && !utilfeature.DefaultFeatureGate.Enabled(features.WatchList) {
		path := field.NewPath("sendInitialEvents")
		return nil, nil, apierrors.NewInvalid(schema.GroupKind{Group: metav1.GroupName, Kind: "ListOptions"}, "",
			field.ErrorList{field.Forbidden(path, "the feature WatchList is off")})
	}
	internal := &metainternalversion.ListOptions{}
	err := metainternalversionscheme.Scheme.Convert(&options, internal, nil)
	return from, internal, err
}

// plain takes an object out of what shares its text among the clients that watch.
func plain(event watch.Event) (watch.Event, bool) {
	if shared, ok := event.Object.(runtime.CacheableObject); ok {
		event.Object = shared.GetObject()
	}
	return event, true
}
