package awsmanagedmachinepool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// afterTheAnswer ends a process that has AWS's answer before it could write anything of it
// down.
const afterTheAnswer = "after the answer"

var deaths = []string{emulator.DropBefore, emulator.DropAfter, afterTheAnswer}

func mortal() *infrav1.AWSManagedMachinePool {
	return newPool(testName, func(p *infrav1.AWSManagedMachinePool) {
		p.Spec.AWSLaunchTemplate = &infrav1.AWSLaunchTemplate{InstanceType: "m5.large"}
		p.Spec.AdditionalTags = infrav1.Tags{"team": "a"}
	})
}

// life makes the node group of a cluster that is there, changes its settings, replaces its
// nodes, and deletes it. step wraps what each part of it waits for.
func (w *world) life(step func(func() bool) func() bool) {
	w.T.Helper()
	w.settle(testName, step(w.ready(testName)))
	w.change(testName, func(p *infrav1.AWSManagedMachinePool) {
		p.Spec.Labels, p.Spec.AdditionalTags = map[string]string{"a": "b"}, nil
	})
	w.settle(testName, step(func() bool {
		g := w.describe(testName)
		return w.quiet(testName)() && g.Labels["a"] == "b" && g.Tags["team"] == "" && w.groupTags(g)["team"] == ""
	}))
	w.changeOwner(testName, func(m *clusterv1.MachinePool) { m.Spec.Template.Spec.Version = newVersion })
	w.change(testName, func(p *infrav1.AWSManagedMachinePool) { p.Spec.AWSLaunchTemplate.InstanceType = "m5.xlarge" })
	w.settle(testName, step(func() bool {
		g := w.describe(testName)
		return w.quiet(testName)() && *g.Version == "1.34" && *g.LaunchTemplate.Version == "3"
	}))
	w.Must(w.Kube.Delete(context.Background(), w.get(testName)))
	w.settle(testName, step(w.gone(testName)))
}

// done is how often AWS did what an operation is for: an update that is asked for once more
// is the same one.
func (w *world) done(operation string) int {
	updates, other := map[string]bool{}, 0
	for _, e := range w.AWS.Log() {
		if e.Operation != operation || !happened(e) {
			continue
		}
		i := slices.IndexFunc(e.Resources, func(id string) bool { return strings.Count(id, "-") == 4 && !strings.Contains(id, ":") })
		if other++; i >= 0 && strings.HasPrefix(operation, "Update") {
			updates[e.Resources[i]] = true
			other--
		}
	}
	return len(updates) + other
}

// happened tells that AWS did what it was asked for.
func happened(e emulator.Entry) bool { return e.Outcome == "ok" || e.Outcome == "dropped-after-effect" }

// TestEveryMutationOfAPoolHappensOnceHoweverTheProcessDies ends the process at each of them,
// drops all its memory, and goes on with another.
func TestEveryMutationOfAPoolHappensOnceHoweverTheProcessDies(t *testing.T) {
	whole := newWorld(t, true, mortal())
	whole.buildCluster()
	built := len(whole.Mutations())
	whole.life(func(done func() bool) func() bool { return done })
	want := map[string]int{}
	for _, op := range whole.Mutations()[built:] {
		if !strings.HasSuffix(op, "Tags") || strings.HasPrefix(op, "autoscaling") { // EC2 tags what it makes
			want[op]++
		}
	}
	// Nodes are replaced for other tags of theirs, and for another version.
	once := map[string]int{"CreateNodegroup": 1, "DeleteNodegroup": 1, "UpdateNodegroupConfig": 1, "UpdateNodegroupVersion": 2, "CreateLaunchTemplate": 1}
	for op, times := range once {
		if n := whole.done(op); n != times {
			t.Errorf("%s was done %d times in an undisturbed life: %v", op, n, want)
		}
	}
	for op, times := range want {
		if strings.HasPrefix(op, "iam.") {
			times = 1 // one policy is like another
		}
		for i := range times {
			for _, death := range deaths {
				t.Run(fmt.Sprintf("%s/%d/%s", op, i, death), func(t *testing.T) {
					t.Parallel()
					w := newWorld(t, true, mortal())
					w.buildCluster()
					before := w.Resources()
					w.dieAt(op, i, death)
					for kind, n := range w.Resources() {
						if n != before[kind] {
							t.Errorf("%d of %s are left, before there were %d", n, kind, before[kind])
						}
					}
					for op, times := range once {
						if n := w.done(op); n != times {
							t.Errorf("%s was done %d times", op, n)
						}
					}
				})
			}
		}
	}
}

// death ends the process at a call, and tells once it has.
func (w *world) death(op string, skip int, death string) func() bool {
	before, dead := w.count(op), false
	if death == afterTheAnswer {
		w.Ending = func() error {
			if dead = dead || w.count(op) > before+skip; dead {
				return errors.New("the process has ended")
			}
			return nil
		}
		return func() bool { return dead }
	}
	service, name, _ := strings.Cut(op, ".")
	w.AWS.Faults().Set(emulator.Fault{ID: "death", Service: service, Operation: name, Skip: skip, Count: 1, Mode: death})
	return func() bool {
		return slices.ContainsFunc(w.AWS.Log(), func(e emulator.Entry) bool { return e.Fault == "death" })
	}
}

// dieAt lives, ends the process at a call, and goes on with another.
func (w *world) dieAt(op string, skip int, death string) {
	w.T.Helper()
	restarted, happened := false, w.death(op, skip, death)
	w.life(func(done func() bool) func() bool {
		return func() bool {
			if happened() && !restarted {
				restarted = true
				w.restart()
				return false
			}
			return done()
		}
	})
	if !restarted {
		w.T.Errorf("it never happened")
	}
}

// TestAnOutageOfAnOperationEndsWithTheSame has operations fail for a while. Not by throttling,
// which has the next call wait, and here no time goes by within one look.
func TestAnOutageOfAnOperationEndsWithTheSame(t *testing.T) {
	for op, status := range map[string]int{"eks.CreateNodegroup": 500, "eks.UpdateNodegroupConfig": 409, "eks.UpdateNodegroupVersion": 503, "eks.DescribeUpdate": 500,
		"eks.DeleteNodegroup": 409, "autoscaling.CreateOrUpdateTags": 500, "ec2.CreateLaunchTemplateVersion": 500} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, true, mortal())
			w.buildCluster()
			service, name, _ := strings.Cut(op, ".")
			code := map[int]string{500: "ServerException", 503: "ServiceUnavailableException", 409: "ResourceInUseException"}[status]
			w.AWS.Faults().Set(emulator.Fault{ID: "outage", Service: service, Operation: name, Count: 3, Mode: emulator.ErrorBefore, Code: code, Status: status, Message: "not now"})
			w.life(func(done func() bool) func() bool { return done })
			for op, times := range map[string]int{"CreateNodegroup": 1, "DeleteNodegroup": 1, "UpdateNodegroupConfig": 1, "UpdateNodegroupVersion": 2} {
				if n := w.done(op); n != times {
					t.Errorf("%s was done %d times", op, n)
				}
			}
		})
	}
}
