package awscluster

import (
	"fmt"
	"maps"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// deaths are the ways in which a process may end around a call: before AWS got
// it, and after AWS carried it out but before the answer came.
var deaths = []string{emulator.DropBefore, emulator.DropAfter}

// TestEveryMutationHappensOnceHoweverTheProcessDies ends the process at each
// mutation of the quick-start, drops all its memory, and goes on with another.
func TestEveryMutationHappensOnceHoweverTheProcessDies(t *testing.T) {
	whole := newWorld(t, newCluster())
	whole.create()
	want, counts := whole.resources(), whole.aws.Counts()
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
					dieAndComeBack(t, op, i, death, 0, want)
				})
			}
		}
	}
}

// TestEveryMutationHappensOnceThoughAWSShowsItLate does the same where AWS hides
// what it made for a while, and refuses to work on it too: the worst case of its
// eventual consistency.
func TestEveryMutationHappensOnceThoughAWSShowsItLate(t *testing.T) {
	whole := newWorld(t, newCluster())
	whole.create()
	want := whole.resources()
	for _, op := range []string{"ec2.CreateVpc", "ec2.CreateInternetGateway", "ec2.AllocateAddress", "ec2.CreateSubnet", "ec2.CreateNatGateway",
		"ec2.CreateRouteTable", "ec2.CreateSecurityGroup", "elbv2.CreateLoadBalancer", "elbv2.CreateTargetGroup", "elbv2.CreateListener"} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			dieAndComeBack(t, op, 0, emulator.DropAfter, 20*time.Second, want)
		})
	}
}

func dieAndComeBack(t *testing.T, op string, skip int, death string, hidden time.Duration, want map[string]int) {
	w := newWorld(t, newCluster())
	w.aws.Configure(func(c *emulator.Config) { c.HideNewFor, c.HideNewFromWrites = hidden, hidden > 0 })
	service, name, _ := strings.Cut(op, ".")
	w.aws.Faults().Set(emulator.Fault{ID: "death", Service: service, Operation: name, Skip: skip, Count: 1, Mode: death})
	w.settle(func() bool { return w.hit("death") })
	w.restart()
	w.create()
	if have := w.resources(); !maps.Equal(have, want) {
		t.Errorf("there is %v, want %v", have, want)
	}
	w.delete()
	if left := w.resources(); len(left) > 0 {
		t.Errorf("the account isn't empty: %v", left)
	}
}

// hit tells whether a fault acted on a request.
func (w *world) hit(fault string) bool {
	for _, entry := range w.aws.Log() {
		if entry.Fault == fault {
			return true
		}
	}
	return false
}
