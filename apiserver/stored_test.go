package apiserver

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/features"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	toolscache "k8s.io/client-go/tools/cache"
	featuregatetesting "k8s.io/component-base/featuregate/testing"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// watched is a storage that notes the ends of its watches.
type watched struct{ ends chan time.Time }

func (watched) List(context.Context, *metainternalversion.ListOptions) (runtime.Object, error) {
	return &infrav1.AWSClusterList{ListMeta: metav1.ListMeta{ResourceVersion: "1"}}, nil
}

func (w watched) Watch(ctx context.Context, options *metainternalversion.ListOptions) (watch.Interface, error) {
	end, _ := ctx.Deadline()
	events := watch.NewRaceFreeFake()
	if options.SendInitialEvents != nil && utilfeature.DefaultFeatureGate.Enabled(features.WatchList) {
		events.Action(watch.Bookmark, &infrav1.AWSCluster{ObjectMeta: metav1.ObjectMeta{ResourceVersion: "1", Annotations: map[string]string{metav1.InitialEventsAnnotationKey: "true"}}})
	}
	select {
	case w.ends <- end:
	default:
	}
	return events, nil
}

func TestOwnCachesFillWithAndWithoutWatchLists(t *testing.T) {
	for _, on := range []bool{true, false} {
		t.Run(fmt.Sprintf("WatchList=%v", on), func(t *testing.T) {
			featuregatetesting.SetFeatureGateDuringTest(t, utilfeature.DefaultFeatureGate, features.WatchList, on)
			storage := watched{make(chan time.Time, 1)}
			informer := stored{reflect.TypeFor[*infrav1.AWSCluster](): storage}.newInformer(nil, &infrav1.AWSCluster{}, 0, toolscache.Indexers{})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			go informer.RunWithContext(ctx)
			if end := <-storage.ends; end.IsZero() {
				t.Error("a watch has no end")
			}
			if !toolscache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
				t.Error("the cache never filled")
			}
		})
	}
}
