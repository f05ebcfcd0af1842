package awsfargateprofile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// afterTheAnswer ends a process that has AWS's answer before it could write anything of it
// down.
const afterTheAnswer = "after the answer"

// life makes the profile of a cluster that is there, tags it and takes the tag away, and
// deletes it. step wraps what each part of it waits for.
func (w *world) life(step func(func() bool) func() bool) {
	w.T.Helper()
	tagged := func(value string) func() bool {
		return func() bool { return w.ready("apps")() && w.describe("apps").FargateProfile.Tags["team"] == value }
	}
	w.settle("apps", step(w.ready("apps")))
	for _, tags := range []infrav1.Tags{{"team": "a"}, nil} {
		p := w.get("apps")
		p.Spec.AdditionalTags = tags
		w.Must(w.Kube.Update(context.Background(), p))
		w.settle("apps", step(tagged(tags["team"])))
	}
	w.Must(w.Kube.Delete(context.Background(), w.get("apps")))
	w.settle("apps", step(func() bool { return w.Gone(&infrav1.AWSFargateProfile{}, "apps") }))
}

// changes are the calls of EKS and IAM that change something, since there were before.
func (w *world) changes(before int) []string {
	return slices.DeleteFunc(w.Mutations()[before:], func(op string) bool { return !strings.HasPrefix(op, "eks.") && !strings.HasPrefix(op, "iam.") })
}

// TestEveryMutationOfAProfileHappensOnceHoweverTheProcessDies ends the process at each of
// them, drops all its memory, and goes on with another.
func TestEveryMutationOfAProfileHappensOnceHoweverTheProcessDies(t *testing.T) {
	whole := newWorld(t, true, newProfile("apps"))
	whole.buildCluster()
	built := len(whole.Mutations())
	whole.life(func(done func() bool) func() bool { return done })
	want := map[string]int{}
	for _, op := range whole.changes(built) {
		want[op]++
	}
	if len(want) < 7 {
		t.Errorf("the changes are %v", want)
	}
	for op, times := range want {
		for i := range times {
			for _, death := range []string{emulator.DropBefore, emulator.DropAfter, afterTheAnswer} {
				t.Run(fmt.Sprintf("%s/%d/%s", op, i, death), func(t *testing.T) {
					t.Parallel()
					w := newWorld(t, true, newProfile("apps"))
					w.buildCluster()
					before := w.Resources()
					w.dieAt(op, i, death)
					for kind, n := range w.Resources() {
						if n != before[kind] {
							t.Errorf("%d of %s are left, before there were %d", n, kind, before[kind])
						}
					}
					for _, once := range []string{"CreateFargateProfile", "DeleteFargateProfile"} {
						if n := w.had(once); n != 1 {
							t.Errorf("%s was done %d times", once, n)
						}
					}
				})
			}
		}
	}
}

// dieAt lives, ends the process at a call, and goes on with another.
func (w *world) dieAt(op string, skip int, death string) {
	w.T.Helper()
	service, name, _ := strings.Cut(op, ".")
	before, dead, restarted := w.AWS.Counts()[op], false, false
	happened := func() bool {
		return slices.ContainsFunc(w.AWS.Log(), func(e emulator.Entry) bool { return e.Fault == "death" })
	}
	if death == afterTheAnswer {
		happened = func() bool { return dead }
		w.Ending = func() error {
			if dead = dead || w.AWS.Counts()[op] > before+skip; dead {
				return errors.New("the process has ended")
			}
			return nil
		}
	} else {
		w.AWS.Faults().Set(emulator.Fault{ID: "death", Service: service, Operation: name, Skip: skip, Count: 1, Mode: death})
	}
	w.life(func(done func() bool) func() bool {
		return func() bool {
			if happened() && !restarted {
				restarted = true
				w.Stop()
				w.Boot()
				w.profiles = New(Options{Options: w.Options(w.Process), MakeRoles: w.makeRoles})
				return false
			}
			return done()
		}
	})
	if !restarted {
		w.T.Errorf("it never happened")
	}
}

// had is how often AWS did what an operation is for.
func (w *world) had(operation string) (n int) {
	for _, e := range w.AWS.Log() {
		if e.Operation == operation && (e.Outcome == "ok" || e.Outcome == "dropped-after-effect") {
			n++
		}
	}
	return n
}
