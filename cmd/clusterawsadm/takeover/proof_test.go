package takeover

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// loseStore empties the server's store but for what every new one has.
func (h *modelHost) loseStore(t *testing.T, name string) {
	t.Helper()
	for k := range h.kept {
		if _, isKind := h.kinds[groupResourceOf(k)]; k.byServer && isKind {
			h.keep(k, nil)
		}
	}
	h.put(t, true, "{apiVersion: infrastructure.cluster.x-k8s.io/v2beta1, kind: AWSClusterControllerIdentity, metadata: {name: default}, spec: {allowedNamespaces: {}}}")
	h.hold(t, name)
}

// hold has the Lease name a store.
func (h *modelHost) hold(t *testing.T, name string) {
	t.Helper()
	k, o := h.find(t, "Lease/capa-apiserver")
	o = o.DeepCopy()
	if err := unstructured.SetNestedField(o.Object, name, "spec", "holderIdentity"); err != nil {
		t.Fatal(err)
	}
	h.keep(k, o)
}

// forgetProofs leaves the state that an earlier version wrote.
func (h *modelHost) forgetProofs(t *testing.T) {
	t.Helper()
	k, o := h.find(t, "ConfigMap/capa-takeover")
	s := &state{}
	if err := json.Unmarshal([]byte(o.Object["data"].(map[string]any)["state"].(string)), s); err != nil {
		t.Fatal(err)
	}
	if s.Store != "store-1" || len(s.Copies) < 39 {
		t.Fatalf("it is noted %q with %d copies", s.Store, len(s.Copies))
	}
	s.Store, s.Copies = "", nil
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	o = o.DeepCopy()
	o.Object["data"] = map[string]any{"state": string(text)}
	h.keep(k, o)
}

// What a new store hasn't wasn't deleted by anybody.
func TestNothingIsGivenBackFromAStoreThatHasLostTheObjects(t *testing.T) {
	cases := map[string]struct {
		lose func(*testing.T, *modelHost)
		says string
		// untouched says that it is found before anything is written.
		untouched bool
	}{
		"another store": {func(t *testing.T, h *modelHost) { h.loseStore(t, "store-2") }, "the server's store is store-2", true},
		"another one that has some of them, of a snapshot of before": {func(t *testing.T, h *modelHost) { h.hold(t, "store-2") }, "copied into store-1", true},
		"an etcd outside":      {func(t *testing.T, h *modelHost) { h.hold(t, "pod_1234") }, "an etcd outside", true},
		"one of the same name": {func(t *testing.T, h *modelHost) { h.loseStore(t, "store-1") }, "none of the objects", true},
		"a state of an earlier version": {func(t *testing.T, h *modelHost) {
			h.loseStore(t, "store-2")
			h.forgetProofs(t)
		}, "none of the objects", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			h := newModelHost(t)
			end(t, h, false)
			c.lose(t, h)
			was := h.state(all)
			out, err := said(t, h, true, true)
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "--another-store") {
				t.Errorf("it says: %v\n%s", err, out)
			}
			for k := range was {
				if strings.Contains(k, "byServer:false group:infrastructure") && h.state(all)[k] == nil {
					t.Fatalf("%s is gone", k)
				}
			}
			if diff := differs(was, h.state(all)); c.untouched && diff != "" {
				t.Errorf("something was changed:\n%s", diff)
			}
		})
	}
}

// What is proven, or said by who knows, is given back.
func TestWhatIsProvenIsGivenBack(t *testing.T) {
	cases := map[string]struct {
		change  func(*testing.T, *modelHost)
		another bool
	}{
		"a state of an earlier version": {func(t *testing.T, h *modelHost) { h.forgetProofs(t) }, false},
		"a store that was moved":        {func(t *testing.T, h *modelHost) { h.hold(t, "store-2") }, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			h := newModelHost(t)
			was := h.state(ofHost)
			end(t, h, false)
			c.change(t, h)
			o := options(h, true)
			o.AnotherStore = c.another
			if err := Run(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			h.hold(t, "store-1")
			if diff := differs(was, h.state(ofHost)); diff != "" {
				t.Errorf("CAPA doesn't have what it had (-was +is):\n%s", diff)
			}
		})
	}
}

// A takeover that goes on once the copies count goes on with them only.
func TestATakeoverDoesntGoOnWithAnotherStore(t *testing.T) {
	h := newModelHost(t)
	o := options(h, false)
	stopped := errors.New("stopped")
	o.Before = func(what string) error {
		if strings.HasPrefix(what, "mark CRD") {
			return stopped
		}
		return nil
	}
	if err := Run(t.Context(), o); !errors.Is(err, stopped) {
		t.Fatal(err)
	}
	h.loseStore(t, "store-2")
	if _, err := said(t, h, true, false); err == nil || !strings.Contains(err.Error(), "store-2") {
		t.Errorf("it says: %v", err)
	}
}

// CAPA's object that was being deleted isn't what was made in its place.
func TestWhatWasMadeInThePlaceOfADyingOneIsMadeAnew(t *testing.T) {
	h := newModelHost(t)
	k, o := h.find(t, "AWSMachine/byo-0")
	dying := o.DeepCopy()
	now := dying.GetCreationTimestamp()
	dying.SetDeletionTimestamp(&now)
	dying.SetFinalizers([]string{"awsmachine.infrastructure.cluster.x-k8s.io"})
	h.keep(k, dying)
	end(t, h, false)
	here := k
	here.byServer = true
	h.keep(here, nil)
	h.put(t, true, fmt.Sprintf("{apiVersion: infrastructure.cluster.x-k8s.io/v2beta1, kind: AWSMachine, metadata: {name: %s, namespace: %s}, spec: {instanceType: m5.large}}", k.name, k.namespace))
	end(t, h, true)
	is := h.kept[k]
	if is == nil || is.GetDeletionTimestamp() != nil || is.GetUID() == dying.GetUID() {
		t.Fatalf("CAPA has %v", is)
	}
	if size, _, _ := unstructured.NestedString(is.Object, "spec", "instanceType"); size != "m5.large" {
		t.Errorf("it is of type %s", size)
	}
}

// What an earlier rollback gave back has the UIDs of copies, and isn't the store that was copied into.
func TestWhatWasGivenBackOnceProvesNothing(t *testing.T) {
	h := newModelHost(t)
	end(t, h, false)
	end(t, h, true)
	backup := h.clone()
	h.put(t, false, "{apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSMachine, metadata: {name: made-between}, spec: {instanceType: t3.large}}")
	end(t, h, false)
	for k := range h.kept {
		if _, isKind := h.kinds[groupResourceOf(k)]; k.byServer && isKind {
			h.keep(k, nil)
		}
	}
	for k, o := range backup.kept {
		if _, isKind := h.kinds[groupResourceOf(k)]; k.byServer && isKind {
			h.keep(k, o)
		}
	}
	was := h.state(all)
	if _, err := said(t, h, true, true); err == nil || !strings.Contains(err.Error(), "none of the objects") {
		t.Errorf("it says: %v", err)
	}
	if diff := differs(was, h.state(all)); diff != "" {
		t.Errorf("something was changed:\n%s", diff)
	}
}
