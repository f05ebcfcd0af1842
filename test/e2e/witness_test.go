package e2e

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// witness watches objects all the time, and remembers what it didn't want to see.
type witness struct {
	end  context.CancelFunc
	all  sync.WaitGroup
	mu   sync.Mutex
	seen []string
}

// conditioned is an object with conditions.
type conditioned interface {
	client.Object
	GetConditions() []metav1.Condition
}

// objection says what is wrong with an object, "" if nothing is.
type objection func(e watch.EventType, o conditioned) string

// witness begins to watch the kinds in a namespace, and ends with the test.
func (w *world) witness(ns string, object objection, kinds ...client.ObjectList) *witness {
	w.t.Helper()
	watcher, err := client.NewWithWatch(w.config, client.Options{Scheme: clientScheme(w.t)})
	must(w.t, err)
	ctx, end := context.WithCancel(context.Background())
	x := &witness{end: end}
	for _, kind := range kinds {
		x.all.Go(func() { x.watch(ctx, watcher, ns, kind, object) })
	}
	w.t.Cleanup(func() { x.saw() })
	return x
}

func (x *witness) watch(ctx context.Context, c client.WithWatch, ns string, kind client.ObjectList, object objection) {
	for ctx.Err() == nil {
		// Without a version a watch begins with all objects as they are.
		seen, err := c.Watch(ctx, kind.DeepCopyObject().(client.ObjectList), client.InNamespace(ns))
		if err != nil {
			time.Sleep(time.Second)
			continue
		}
		for e := range seen.ResultChan() {
			o, ok := e.Object.(conditioned)
			if !ok {
				break
			}
			if wrong := object(e.Type, o); wrong != "" {
				x.note(fmt.Sprintf("%s %T %s: %s", time.Now().Format("15:04:05"), o, o.GetName(), wrong))
			}
		}
		seen.Stop()
	}
}

func (x *witness) note(what string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.seen = append(x.seen, what)
}

// saw ends the watch and returns what it didn't want to see.
func (x *witness) saw() []string {
	x.end()
	x.all.Wait()
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.seen
}

// well looks once, and tells what is there and not ready.
func (w *world) well(ctx context.Context, ns string, kinds ...client.ObjectList) error {
	for _, kind := range kinds {
		list := kind.DeepCopyObject().(client.ObjectList)
		if err := w.client.List(ctx, list, client.InNamespace(ns)); err != nil {
			return err
		}
		err := meta.EachListItem(list, func(o runtime.Object) error {
			item := o.(conditioned)
			if wrong := notReady(watch.Added, item); wrong != "" {
				return fmt.Errorf("%T %s: %s", item, item.GetName(), wrong)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// notReady objects to what is deleted or isn't Ready.
func notReady(e watch.EventType, o conditioned) string {
	if e == watch.Deleted || !o.GetDeletionTimestamp().IsZero() {
		return "it is deleted"
	}
	for _, name := range []string{infrav1.ReadyCondition, clusterv1.InfrastructureReadyCondition} {
		if c := meta.FindStatusCondition(o.GetConditions(), name); c != nil && c.Status == metav1.ConditionFalse && c.Reason != "" && !isCore(o, name) {
			return fmt.Sprintf("%s is %s %s: %s", name, c.Status, c.Reason, c.Message)
		}
	}
	return ""
}

// isCore tells of a condition that has nothing to do with infrastructure: Cluster API's
// Ready needs nodes.
func isCore(o conditioned, condition string) bool {
	switch o.(type) {
	case *infrav1.AWSCluster, *infrav1.AWSMachine, *infrav1.AWSMachinePool:
		return false
	}
	return condition == infrav1.ReadyCondition
}
