package awsmanagedcontrolplane

import (
	"errors"
	"fmt"
	"maps"
	"sort"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eks"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// afterTheAnswer ends a process that has AWS's answer before it could write anything of it
// down.
const afterTheAnswer = "after the answer"

// deaths are the ways in which a process may end around a call.
var deaths = []string{emulator.DropBefore, emulator.DropAfter, afterTheAnswer}

// life brings a control plane up, changes it, and takes it away again.
func (w *world) life() {
	w.T.Helper()
	w.create()
	if w.get().Spec.Logging == nil {
		w.change(changed)
	}
	w.settle(w.quiet)
}

func changed(c *controlplanev1.AWSManagedControlPlane) {
	version := "v1.34.0"
	c.Spec.Logging, c.Spec.Version = &controlplanev1.ControlPlaneLoggingSpec{Audit: true}, &version
	c.Spec.AdditionalTags = map[string]string{"a": "b"}
}

// TestEveryMutationHappensOnceHoweverTheProcessDies ends the process at each mutation of EKS
// and IAM, drops all its memory, and goes on with another.
func TestEveryMutationHappensOnceHoweverTheProcessDies(t *testing.T) {
	whole := newWorld(t, newControlPlane(), makingRoles)
	whole.life()
	want := whole.Resources()
	created, updates := whole.count("eks.CreateCluster"), len(whole.updates())
	whole.delete()
	var operations []string
	for op := range whole.asked() {
		if _, name, _ := strings.Cut(op, "."); !strings.HasPrefix(name, "Describe") && !strings.HasPrefix(name, "Get") && !strings.HasPrefix(name, "List") {
			operations = append(operations, op)
		}
	}
	sort.Strings(operations)
	for _, op := range operations {
		for i := range whole.count(op) {
			for _, death := range deaths {
				t.Run(fmt.Sprintf("%s/%d/%s", op, i, death), func(t *testing.T) {
					t.Parallel()
					w := newWorld(t, newControlPlane(), makingRoles)
					happened := w.arm(op, i, death)
					w.lifeUntil(happened)
					if left := w.Resources(); !happened() || len(left) > 0 {
						t.Errorf("happened: %t; the account isn't empty: %v", happened(), left)
					}
					if n := len(w.updates()); n != updates || created != 1 {
						t.Errorf("%d updates, want %d", n, updates)
					}
				})
			}
		}
	}
	if len(operations) < 8 || want["cluster"] != 1 {
		t.Errorf("operations %q, resources %v", operations, want)
	}
}

// updates are those that AWS began, each once however often it was asked for.
func (w *world) updates() map[string]bool {
	ids := map[string]bool{}
	for _, e := range w.AWS.Log() {
		if e.Service == "eks" && strings.HasPrefix(e.Operation, "UpdateCluster") && e.Outcome != "error" && e.Outcome != "dropped" {
			for _, id := range e.Resources {
				if strings.Count(id, "-") == 4 && !strings.HasPrefix(id, "arn:") && id != eksName {
					ids[id] = true
				}
			}
		}
	}
	return ids
}

// lifeUntil lives, and starts another process as soon as the incident has happened.
func (w *world) lifeUntil(happened func() bool) {
	w.T.Helper()
	restarted := false
	step := func(done func() bool) func() bool {
		return func() bool {
			if happened() && !restarted {
				restarted, w.writes = true, nil
				w.restart()
				return false
			}
			return done()
		}
	}
	w.settle(step(w.isReady))
	w.change(changed)
	w.settle(step(w.quiet))
	w.Must(w.Kube.Delete(w.T.Context(), w.get()))
	w.settle(step(w.gone))
}

// arm prepares an incident and returns what tells that it happened.
func (w *world) arm(op string, skip int, mode string) (happened func() bool) {
	service, name, _ := strings.Cut(op, ".")
	if mode != afterTheAnswer {
		w.AWS.Faults().Set(emulator.Fault{ID: "death", Service: service, Operation: name, Skip: skip, Count: 1, Mode: mode})
		return func() bool {
			for _, e := range w.AWS.Log() {
				if e.Fault == "death" {
					return true
				}
			}
			return false
		}
	}
	dead := false
	w.writes = func() error {
		if dead = dead || w.count(op) > skip; dead {
			return errors.New("the process has ended")
		}
		return nil
	}
	return func() bool { return dead }
}

// TestAClusterThatFailedToComeIsToldAndGoesWithItsObject: EKS repairs no cluster that FAILED.
func TestAClusterThatFailedToComeIsToldAndGoesWithItsObject(t *testing.T) {
	w := newWorld(t, newControlPlane())
	w.settle(func() bool { return w.count("eks.CreateCluster") > 0 })
	w.act("fail-cluster-creation", eksName)
	w.settle(func() bool {
		return strings.Contains(w.condition(eks.AreaReady).Message, "is FAILED (InternalFailure: The control plane could not be created.")
	})
	if m := w.get().Status.Deprecated.V1Beta1.FailureMessage; aws.ToString(m) == "" || w.get().Status.Ready {
		t.Errorf("failure message %v, status %+v", m, w.get().Status)
	}
	before := maps.Clone(w.asked())
	for range 10 {
		w.Elapse(6e9)
		_, _ = w.reconcile()
	}
	for op, n := range w.asked() {
		if !strings.HasPrefix(op, "eks.Describe") && n != before[op] {
			t.Errorf("%s was called %d times more", op, n-before[op])
		}
	}
	w.delete()
	if left := w.Resources(); len(left) > 0 {
		t.Errorf("the account isn't empty: %v", left)
	}
}
