package awsmachine

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
)

// TestCrowdIsLaunchedCompletelyAndOnce has many workers reconcile more machines
// than may launch at once; those in line are only called up, never polled for.
func TestCrowdIsLaunchedCompletelyAndOnce(t *testing.T) {
	w := newWorld(t)
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	w.must(w.reconciler.index.start(context.Background(), queue))
	const machines, workers = 60, 20
	for i := range machines {
		w.machine(fmt.Sprintf("m%d", i), plainData)
		queue.Add(reconcile.Request{NamespacedName: key(fmt.Sprintf("m%d", i))})
	}
	launched := make(chan client.ObjectKey, machines)
	var done sync.Map
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for {
				request, stopped := queue.Get()
				if stopped {
					return
				}
				if result, err := w.reconciler.Reconcile(context.Background(), request); err != nil || result.RequeueAfter == time.Second {
					queue.AddRateLimited(request)
				}
				queue.Done(request)
				if instance.RecordedID(&w.get(request.Name).Spec) != "" {
					if _, known := done.LoadOrStore(request.NamespacedName, true); !known {
						launched <- request.NamespacedName
					}
				}
			}
		})
	}
	for range machines {
		select {
		case <-launched:
		case <-t.Context().Done():
			t.Fatal("the line got stuck")
		}
	}
	queue.ShutDown()
	all.Wait()
	if n := w.made(); n != machines {
		t.Errorf("%d instances were made, want %d", n, machines)
	}
	if n := w.aws.Counts()["ec2.RunInstances"]; n != machines {
		t.Errorf("%d launches for %d machines", n, machines)
	}
}
