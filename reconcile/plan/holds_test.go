package plan

import (
	"testing"
	"time"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

func TestWhatAWSIsBusyForWaitsAndHasNotFailed(t *testing.T) {
	now := time.Now()
	var h Holds
	a := Action{Key: "update", Area: "Ready", Verb: Update, Operation: "eks.UpdateClusterConfig"}
	for range 10 {
		h.Took(Result{Action: a, Outcome: Busy, Err: cloud.Error{Class: cloud.Busy, Message: "an update is in progress"}}, now)
		if len(h.Ready([]Action{a}, now)) != 0 || h.Left("update", now) != busyWait {
			t.Fatalf("tried again in %v, want %v each time", h.Left("update", now), busyWait)
		}
		if f := h.Failures(); len(f) != 0 {
			t.Fatalf("failures %v, want none", f)
		}
		if now = now.Add(busyWait); len(h.Ready([]Action{a}, now)) != 1 {
			t.Fatal("not tried again")
		}
	}
	h.Took(Result{Action: a, Outcome: Failed, Err: cloud.Error{Message: "no"}}, now)
	if h.Left("update", now) != firstHold {
		t.Errorf("the first failure holds for %v, want %v: what was busy didn't fail", h.Left("update", now), firstHold)
	}
	h.Took(Result{Action: a, Outcome: Done}, now)
	if h.Held("update", now) {
		t.Error("held after it was done")
	}
}

func TestARightThatIsGivenIsNoticedWithinAMinute(t *testing.T) {
	for class, most := range map[cloud.Class]time.Duration{cloud.Unauthorized: time.Minute, cloud.Unknown: 2 * time.Minute} {
		now := time.Now()
		var h Holds
		a, longest := Action{Key: "make", Area: "Ready", Verb: Create, Operation: "ec2.CreateVpc"}, time.Duration(0)
		for range 20 {
			h.Took(Result{Action: a, Outcome: Failed, Err: cloud.Error{Class: class, Message: "no"}}, now)
			longest = max(longest, h.Left("make", now))
			now = now.Add(h.Left("make", now))
		}
		if longest != most {
			t.Errorf("%s is tried again after %v at the latest, want %v", class, longest, most)
		}
	}
}
