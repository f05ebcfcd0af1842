package apiserver

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	genericregistry "k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/registry/rest"
	genericoptions "k8s.io/apiserver/pkg/server/options"
	"k8s.io/apiserver/pkg/storage/storagebackend"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/apiserver/etcd"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure/awsmachine"
)

// told says of all machines that they are in one state.
type told struct {
	mu    sync.Mutex
	state infrav1.InstanceState
	// projecting is called before each projection.
	projecting func(*infrav1.AWSMachine)
	// refreshed are the names of what was refreshed.
	refreshed []string
}

var _ generic.Live = &told{}

func (f *told) set(state infrav1.InstanceState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state = state
}

func (f *told) Refresh(_ context.Context, objs ...runtime.Object) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, obj := range objs {
		f.refreshed = append(f.refreshed, obj.(*infrav1.AWSMachine).Name)
	}
}

func (f *told) Project(_ context.Context, objs ...runtime.Object) []generic.Shown {
	all := make([]generic.Shown, len(objs))
	for i, obj := range objs {
		all[i] = generic.Shown{Object: f.project(obj), Observation: &infrav1.Observation{Age: "1s"}}
	}
	return all
}

func (f *told) project(obj runtime.Object) runtime.Object {
	f.mu.Lock()
	defer f.mu.Unlock()
	machine := obj.(*infrav1.AWSMachine)
	if f.projecting != nil {
		f.projecting(machine)
	}
	if have := machine.Status.InstanceState; have != nil && *have == f.state {
		return obj
	}
	projected := machine.DeepCopy()
	projected.Status.InstanceState = &f.state
	return projected.DeepCopy()
}

// machines is a store of n machines behind a watch cache, of which f says the state.
func machines(t *testing.T, n int, f *told) (*generic.REST, *generic.StatusREST, context.Context) {
	t.Helper()
	server, err := etcd.Start(t.Context(), etcd.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	table, kind := NewTable(Kinds()...), awsmachine.Kind()
	config := storagebackend.NewDefaultConfig(etcd.Prefix, table.storageCodec())
	config.Transport.ServerList = []string{server.Endpoint()}
	options := inProcess{
		genericregistry.RESTOptions{StorageConfig: config.ForResource(kind.GroupResource()), ResourcePrefix: kind.GroupResource().String()},
		server, &genericoptions.EtcdOptions{EnableWatchCache: true},
	}
	store, status, err := generic.NewREST(table.Scheme, kind, options, f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Destroy)
	for store.ReadinessCheck() != nil { // the watch cache lists first
		time.Sleep(10 * time.Millisecond)
	}
	ctx := genericapirequest.WithNamespace(t.Context(), "team-a")
	for i := range n {
		create(t, ctx, store, fmt.Sprintf("m-%d", i))
	}
	return store, status, ctx
}

func create(t *testing.T, ctx context.Context, store *generic.REST, name string) {
	t.Helper()
	machine := &infrav1.AWSMachine{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: name}}
	machine.Spec.InstanceType = "t3.large"
	infrav1.SetObjectDefaults_AWSMachine(machine)
	if _, err := store.Create(ctx, machine, rest.ValidateAllObjectFunc, &metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// page lists up to two machines, as they are shown.
func page(t *testing.T, ctx context.Context, store *generic.REST, options *metainternalversion.ListOptions) ([]infrav1.AWSMachine, string) {
	t.Helper()
	list, err := store.List(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	m, err := meta.ListAccessor(list)
	if err != nil {
		t.Fatal(err)
	}
	return list.(*infrav1.AWSMachineList).Items, m.GetContinue()
}

func stateOf(m *infrav1.AWSMachine) infrav1.InstanceState {
	if m.Status.InstanceState == nil {
		return ""
	}
	return *m.Status.InstanceState
}

func TestEveryPageOfAListShowsPresentStatus(t *testing.T) {
	f := &told{state: infrav1.InstanceStatePending}
	store, _, ctx := machines(t, 5, f)
	options := &metainternalversion.ListOptions{Limit: 2}
	for number, want := range []infrav1.InstanceState{infrav1.InstanceStatePending, infrav1.InstanceStateRunning, infrav1.InstanceStateStopped} {
		f.set(want) // AWS changes between pages too
		items, next := page(t, ctx, store, options)
		for _, m := range items {
			if stateOf(&m) != want || m.Status.Observation == nil || m.Status.Observation.Age != "1s" {
				t.Errorf("page %d shows %s as %s (%v), want %s", number+1, m.Name, stateOf(&m), m.Status.Observation, want)
			}
			stored, err := store.Get(ctx, m.Name, &metav1.GetOptions{ResourceVersion: m.ResourceVersion})
			if err != nil || stateOf(stored.(*infrav1.AWSMachine)) != want {
				t.Errorf("page %d: %s isn't stored as it was shown (%v)", number+1, m.Name, err)
			}
		}
		options.Continue = next
	}
	if options.Continue != "" {
		t.Error("five machines make more than three pages of two")
	}
}

func TestAListRefreshesWhatItShowsOnce(t *testing.T) {
	f := &told{state: infrav1.InstanceStateRunning}
	store, _, ctx := machines(t, 5, f)
	_, next := page(t, ctx, store, &metainternalversion.ListOptions{Limit: 2})
	for name, c := range map[string]struct {
		options *metainternalversion.ListOptions
		want    []string
	}{
		"all":               {nil, []string{"m-0", "m-1", "m-2", "m-3", "m-4"}},
		"the first page":    {&metainternalversion.ListOptions{Limit: 2}, []string{"m-0", "m-1"}},
		"the second":        {&metainternalversion.ListOptions{Limit: 2, Continue: next}, []string{"m-2", "m-3"}},
		"one":               {&metainternalversion.ListOptions{FieldSelector: fields.OneTermEqualSelector("metadata.name", "m-3")}, []string{"m-3"}},
		"an informer's":     {&metainternalversion.ListOptions{ResourceVersion: "0"}, nil},
		"what is not there": {&metainternalversion.ListOptions{FieldSelector: fields.OneTermEqualSelector("metadata.name", "m-9")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f.refreshed = nil
			page(t, ctx, store, c.options)
			if slices.Sort(f.refreshed); !slices.Equal(f.refreshed, c.want) {
				t.Errorf("refreshed %v, want %v", f.refreshed, c.want)
			}
		})
	}
}

func TestWhatAReadAddsStaysOutOfTheCache(t *testing.T) {
	f := &told{state: infrav1.InstanceStateRunning}
	store, _, ctx := machines(t, 2, f)
	page(t, ctx, store, nil)
	cached := &metainternalversion.ListOptions{ResourceVersion: "0"}
	if items, _ := page(t, ctx, store, cached); len(items) != 2 || items[0].Status.Observation.Age != "1s" {
		t.Errorf("an informer's list shows %v", items)
	}
	list, err := store.Store.List(ctx, cached)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list.(*infrav1.AWSMachineList).Items {
		if m.Status.Observation != nil {
			t.Errorf("the cache has the age of %s: %v", m.Name, m.Status.Observation)
		}
	}
}

func TestADryRunThatChangesNothingAnswersAsAReadDoes(t *testing.T) {
	f := &told{state: infrav1.InstanceStateRunning}
	store, _, ctx := machines(t, 1, f)
	read, err := store.Get(ctx, "m-0", &metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, options := range map[string]*metav1.UpdateOptions{"a dry run": {DryRun: []string{metav1.DryRunAll}}, "a write": {}} {
		answer, _, err := store.Update(ctx, "m-0", rest.DefaultUpdatedObjectInfo(read.DeepCopyObject()), rest.ValidateAllObjectFunc, rest.ValidateAllObjectUpdateFunc, false, options)
		if err != nil {
			t.Fatal(err)
		}
		if !equality.Semantic.DeepEqual(answer, read) {
			t.Errorf("%s answers %+v, and a read %+v", name, answer, read)
		}
	}
	list, err := store.Store.List(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if m := list.(*infrav1.AWSMachineList).Items[0]; m.Status.Observation != nil {
		t.Errorf("the age is stored: %v", m.Status.Observation)
	}
}

func TestAReadThatLostARaceShowsWhatWon(t *testing.T) {
	f := &told{state: infrav1.InstanceStateRunning}
	store, status, ctx := machines(t, 1, f)
	won := infrav1.InstanceStateStopped
	race := func(stored *infrav1.AWSMachine) {
		f.projecting = nil
		other := stored.DeepCopy()
		other.Status.InstanceState = &won
		if _, _, err := status.Update(ctx, other.Name, rest.DefaultUpdatedObjectInfo(other), rest.ValidateAllObjectFunc, rest.ValidateAllObjectUpdateFunc, false, &metav1.UpdateOptions{}); err != nil {
			t.Error(err)
		}
	}
	f.projecting = race
	got, err := store.Get(ctx, "m-0", &metav1.GetOptions{})
	if err != nil || stateOf(got.(*infrav1.AWSMachine)) != won {
		t.Errorf("a GET shows %v (%v), want %s", got, err, won)
	}
	won = infrav1.InstanceStateTerminated
	f.projecting = race
	if items, _ := page(t, ctx, store, nil); len(items) != 1 || stateOf(&items[0]) != won {
		t.Errorf("a LIST shows %v, want %s", items, won)
	}
}
