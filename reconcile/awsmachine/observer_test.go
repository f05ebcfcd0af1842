package awsmachine

import (
	"context"
	"testing"
	"time"
)

// TestObserverForgetsWhatNobodyReads reads one of two machines until the other one,
// which is gone, must be forgotten.
func TestObserverForgetsWhatNobodyReads(t *testing.T) {
	w := newWorld(t)
	o := &Observer{Sessions: noIdentity{w.sessions}, Mirror: w.mirror, Client: w.kube, Host: w.kube, Clock: w.now}
	for _, name := range []string{"kept", "gone"} {
		w.machine(name, plainData)
		w.must(o.Refresh(context.Background(), w.get(name), time.Hour))
	}
	if len(o.known) != 2 {
		t.Fatalf("%d objects are known, want 2", len(o.known))
	}
	for range 5 {
		w.now.Step(forgetAfter / 2)
		w.must(o.Refresh(context.Background(), w.get("kept"), time.Hour))
	}
	if _, ok := o.known[w.get("kept").UID]; !ok || len(o.known) != 1 {
		t.Errorf("%d objects are known, want the one that is read", len(o.known))
	}
}
