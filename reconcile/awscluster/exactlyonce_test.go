package awscluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sort"
	"strings"
	"testing"
	"time"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// afterTheAnswer ends a process that has AWS's answer before it could write
// anything of it down.
const afterTheAnswer = "after the answer"

// deaths are the ways in which a process may end around a call: before AWS got
// it, after AWS carried it out but before the answer came, and after that.
var deaths = []string{emulator.DropBefore, emulator.DropAfter, afterTheAnswer}

// TestEveryMutationHappensOnceHoweverTheProcessDies ends the process at each
// mutation of the quick-start, drops all its memory, and goes on with another.
func TestEveryMutationHappensOnceHoweverTheProcessDies(t *testing.T) {
	whole := newWorld(t, newCluster())
	whole.create()
	want, counts := whole.Resources(), whole.AWS.Counts()
	var operations []string
	for op := range counts {
		if _, name, _ := strings.Cut(op, "."); !strings.HasPrefix(name, "Describe") && !strings.HasPrefix(name, "Get") {
			operations = append(operations, op)
		}
	}
	sort.Strings(operations)
	for _, op := range operations {
		for i := range counts[op] {
			for _, death := range deaths {
				t.Run(fmt.Sprintf("%s/%d/%s", op, i, death), func(t *testing.T) {
					t.Parallel()
					dieAndComeBack(t, incident{op: op, skip: i, mode: death, dies: true}, want)
				})
			}
			t.Run(fmt.Sprintf("%s/%d/the answer is lost and the process lives on", op, i), func(t *testing.T) {
				t.Parallel()
				dieAndComeBack(t, incident{op: op, skip: i, mode: emulator.DropAfter}, want)
			})
		}
	}
}

// TestEveryMutationHappensOnceThoughAWSShowsItLate does the same where AWS hides
// what it made for a while, and refuses to work on it too: the worst case of its
// eventual consistency.
func TestEveryMutationHappensOnceThoughAWSShowsItLate(t *testing.T) {
	whole := newWorld(t, newCluster())
	whole.create()
	want := whole.Resources()
	for _, op := range []string{"ec2.CreateVpc", "ec2.CreateInternetGateway", "ec2.AllocateAddress", "ec2.CreateSubnet", "ec2.CreateNatGateway",
		"ec2.CreateRouteTable", "ec2.CreateSecurityGroup", "elbv2.CreateLoadBalancer", "elbv2.CreateTargetGroup", "elbv2.CreateListener"} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			dieAndComeBack(t, incident{op: op, mode: emulator.DropAfter, dies: true, hidden: 20 * time.Second}, want)
		})
	}
}

// incident is what goes wrong at one call.
type incident struct {
	// op is the call, skip how many of it go well before.
	op   string
	skip int
	mode string
	// dies tells that the process ends.
	dies bool
	// hidden is how long AWS hides what it made.
	hidden time.Duration
}

func dieAndComeBack(t *testing.T, x incident, want map[string]int) {
	dieAndComeBackTo(t, newCluster(), x, want)
}

func dieAndComeBackTo(t *testing.T, cluster *infrav1.AWSCluster, x incident, want map[string]int) {
	w := newWorld(t, cluster)
	w.AWS.Configure(func(c *emulator.Config) { c.HideNewFor, c.HideNewFromWrites = x.hidden, x.hidden > 0 })
	w.settle(w.arm(x))
	w.writes = nil
	if x.dies {
		w.restart()
	}
	w.create()
	if have := w.Resources(); !maps.Equal(have, want) {
		t.Errorf("there is %v, want %v", have, want)
	}
	w.delete()
	if left := w.Resources(); len(left) > 0 {
		t.Errorf("the account isn't empty: %v", left)
	}
}

// arm prepares an incident and returns what tells that it happened.
func (w *world) arm(x incident) (happened func() bool) {
	service, name, _ := strings.Cut(x.op, ".")
	if x.mode != afterTheAnswer {
		w.AWS.Faults().Set(emulator.Fault{ID: "death", Service: service, Operation: name, Skip: x.skip, Count: 1, Mode: x.mode})
		return func() bool { return w.hit("death") }
	}
	before, dead := w.AWS.Counts()[x.op], false
	w.writes = func() error {
		dead = dead || w.AWS.Counts()[x.op]-before > x.skip
		if dead {
			return errors.New("the process has ended")
		}
		return nil
	}
	return func() bool { return dead }
}

// hit tells whether a fault acted on a request.
func (w *world) hit(fault string) bool {
	for _, entry := range w.AWS.Log() {
		if entry.Fault == fault {
			return true
		}
	}
	return false
}

// TestDeletionEndsHoweverTheProcessDies ends the process at each kind of call of
// a deletion, before and after AWS carried it out.
func TestDeletionEndsHoweverTheProcessDies(t *testing.T) {
	for _, op := range []string{"elbv2.DeleteLoadBalancer", "elbv2.DeleteTargetGroup", "ec2.RevokeSecurityGroupIngress", "ec2.DeleteSecurityGroup",
		"ec2.DisassociateRouteTable", "ec2.DeleteRouteTable", "ec2.DeleteNatGateway", "ec2.ReleaseAddress", "ec2.DetachInternetGateway",
		"ec2.DeleteInternetGateway", "ec2.DeleteSubnet", "ec2.DeleteVpc"} {
		for _, death := range deaths {
			t.Run(op+"/"+death, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, newCluster())
				w.create()
				if err := w.Kube.Delete(context.Background(), w.get()); err != nil {
					t.Fatal(err)
				}
				w.settle(w.arm(incident{op: op, mode: death}))
				w.writes = nil
				if !w.gone() {
					w.restart()
					w.settle(w.gone)
				}
				if left := w.Resources(); len(left) > 0 {
					t.Errorf("the account isn't empty: %v", left)
				}
			})
		}
	}
}
