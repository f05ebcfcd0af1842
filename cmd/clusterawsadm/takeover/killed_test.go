package takeover

import (
	"bytes"
	"maps"
	"reflect"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// interrupted is a host as it was when a run ended before a write.
type interrupted struct {
	before string
	host   *modelHost
}

// run takes over, or gives back, and keeps the host as it was before each of its writes.
func run(t *testing.T, h *modelHost, rollback bool) (all []interrupted) {
	t.Helper()
	all = append(all, interrupted{"anything", h.clone()})
	h.beforeWrite = func(what string) { all = append(all, interrupted{what, h.clone()}) }
	defer func() { h.beforeWrite = nil }()
	end(t, h, rollback)
	return all
}

// end has a takeover, or a rollback, run to its end.
func end(t *testing.T, h *modelHost, rollback bool) {
	t.Helper()
	var out bytes.Buffer
	if err := Run(t.Context(), Options{Config: h.config(), Namespace: "capa-system", Do: true, Rollback: rollback, Patience: time.Second, Out: &out}); err != nil {
		t.Errorf("%v\n%s", err, &out)
	}
	for _, broken := range h.broken {
		t.Error(broken)
	}
}

// each goes through hosts, several at once.
func each(t *testing.T, all []interrupted, what string, do func(*testing.T, *modelHost)) {
	t.Helper()
	t.Logf("%d times %s", len(all), what)
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	var wait sync.WaitGroup
	for _, i := range all {
		wait.Add(1)
		slots <- struct{}{}
		go func() {
			defer func() { <-slots; wait.Done() }()
			t.Run(what+" after an end before "+i.before, func(t *testing.T) { do(t, i.host.clone()) })
		}()
	}
	wait.Wait()
}

// differs is cmp.Diff of the objects that differ.
func differs(a, b map[string]any) string {
	a, b = maps.Clone(a), maps.Clone(b)
	for name, o := range a {
		if reflect.DeepEqual(o, b[name]) {
			delete(a, name)
			delete(b, name)
		}
	}
	return cmp.Diff(a, b)
}

func all(at) bool { return true }

// ofHost are the host's own, without the server's store.
func ofHost(k at) bool { return !k.byServer }

func TestATakeoverThatEndsBeforeAnyWriteGoesOnOrIsGivenBack(t *testing.T) {
	h := newModelHost(t)
	was := h.state(ofHost)
	interrupts := run(t, h, false)
	isOurs(t, h)
	is := h.state(all)
	each(t, interrupts, "going on", func(t *testing.T, h *modelHost) {
		end(t, h, false)
		if diff := differs(is, h.state(all)); diff != "" {
			t.Errorf("it doesn't end as if nothing had happened (-without +with):\n%s", diff)
		}
	})
	each(t, interrupts, "giving back", func(t *testing.T, h *modelHost) {
		end(t, h, true)
		if diff := differs(was, h.state(ofHost)); diff != "" {
			t.Errorf("CAPA doesn't have what it had (-was +is):\n%s", diff)
		}
	})
}

func TestARollbackThatEndsBeforeAnyWriteGoesOn(t *testing.T) {
	h := newModelHost(t)
	end(t, h, false)
	h.change(t)
	interrupts := run(t, h, true)
	is := h.state(all)
	each(t, interrupts, "giving back", func(t *testing.T, h *modelHost) {
		end(t, h, true)
		if diff := differs(is, h.state(all)); diff != "" {
			t.Errorf("it doesn't end as if nothing had happened (-without +with):\n%s", diff)
		}
	})
}

// isOurs tells that the server has all that CAPA has, and the host serves nothing of it.
func isOurs(t *testing.T, h *modelHost) {
	t.Helper()
	count := 0
	for k, o := range h.kept {
		kind, isKind := h.kinds[groupResourceOf(k)]
		if k.byServer || !isKind || !known(k.group, kind.Kind) {
			continue
		}
		count++
		k.byServer = true
		is := h.kept[k]
		if is == nil {
			t.Errorf("%s isn't the server's", called(o))
			continue
		}
		want, err := modelCodec.convert(o, ours)
		if err != nil {
			t.Fatal(err)
		}
		if o.GetKind() == defaultIdentity { // the server's own, which says the same
			want.SetUID(is.GetUID())
			want.SetManagedFields(is.GetManagedFields())
		}
		want.SetResourceVersion(is.GetResourceVersion())
		owners := want.GetOwnerReferences()
		for i := range owners {
			if of := schema.FromAPIVersionAndKind(owners[i].APIVersion, owners[i].Kind); known(of.Group, of.Kind) {
				owners[i].APIVersion = is.GetOwnerReferences()[i].APIVersion
			}
		}
		want.SetOwnerReferences(owners)
		if diff := cmp.Diff(want.Object, is.Object); diff != "" {
			t.Errorf("%s isn't as it was (-was +is):\n%s", called(o), diff)
		}
	}
	if count < 40 {
		t.Errorf("there are %d objects", count)
	}
}

// change is what users do after a takeover.
func (h *modelHost) change(t *testing.T) {
	t.Helper()
	const group = "infrastructure.cluster.x-k8s.io"
	of := func(resource, name string) at { return at{true, group, resource, "a", name} }
	machine := h.kept[of("awsmachines", "byo-0")].DeepCopy()
	machine.SetLabels(map[string]string{"since": "takeover"})
	h.keep(of("awsmachines", "byo-0"), machine)
	pool := h.kept[of("awsmanagedmachinepools", "managed")].DeepCopy()
	if err := unstructured.SetNestedField(pool.Object, int64(7), "spec", "scaling", "maxSize"); err != nil {
		t.Fatal(err)
	}
	h.keep(of("awsmanagedmachinepools", "managed"), pool)
	h.keep(of("awsmachinetemplates", "t-4"), nil)
	h.put(t, true, "{apiVersion: infrastructure.cluster.x-k8s.io/v2beta1, kind: AWSMachineTemplate, metadata: {name: made-since}, spec: {template: {spec: {instanceType: t3.large}}}}")
	made := h.kept[of("awsmachinetemplates", "made-since")]
	h.put(t, false, "{apiVersion: v1, kind: Secret, metadata: {name: owned-since, namespace: a}}")
	k, secret := h.find(t, "Secret/owned-since")
	secret = secret.DeepCopy()
	refs := []any{map[string]any{"apiVersion": made.GetAPIVersion(), "kind": made.GetKind(), "name": made.GetName(), "uid": string(made.GetUID())}}
	if err := unstructured.SetNestedSlice(secret.Object, refs, "metadata", "ownerReferences"); err != nil {
		t.Fatal(err)
	}
	h.keep(k, secret)
}

func groupResourceOf(k at) schema.GroupResource {
	return schema.GroupResource{Group: k.group, Resource: k.resource}
}
