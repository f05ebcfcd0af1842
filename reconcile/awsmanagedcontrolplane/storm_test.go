package awsmanagedcontrolplane

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// mostThrottled is which part of all calls AWS may refuse for their rate.
const mostThrottled = 0.03

// scarce are rates of EKS and IAM, which AWS doesn't publish: below what is assumed at
// first, so that they have to be found out.
var scarce = emulator.Bucket{Size: 10, Refill: 2}

// TestFiftyControlPlanesAtOnceRaiseNoStorm makes them side by side with AWS's rates on, and
// prints how long it takes beside the floor, which is what the rates of AWS allow.
func TestFiftyControlPlanesAtOnceRaiseNoStorm(t *testing.T) {
	const n = 50
	w := newWorldIn(t, enginetest.AWSTime, newControlPlane())
	w.AWS.Configure(func(c *emulator.Config) {
		c.RateLimits, c.Buckets = true, map[string]emulator.Bucket{"eks.CreateCluster": scarce, "eks.DescribeCluster": scarce, "iam.GetRole": scarce, "iam.ListAttachedRolePolicies": scarce}
	})
	planes := w.fleet(n)
	took := w.together(planes)
	throttled, calls, asked := 0, 0, map[string]int{}
	floor, by := 0.0, ""
	for _, e := range w.AWS.Log() {
		calls++
		if strings.HasPrefix(e.Code, "Throttl") || e.Code == "RequestLimitExceeded" {
			throttled++
			continue
		}
		op, limit := e.Service+"."+e.Operation, cloud.LimitOf(e.Service, e.Operation)
		asked[op]++
		if e.Service == "eks" || e.Service == "iam" {
			limit = cloud.Limit{Burst: scarce.Size, Refill: scarce.Refill}
		}
		if f := (float64(asked[op]) - limit.Burst) / limit.Refill; f > floor {
			floor, by = f, op
		}
	}
	t.Logf("%d control planes were there after %.0f s; the floor is %.0f s, by the rate of %s; %d calls, of which %d were throttled", n, took.Seconds(), floor, by, calls, throttled)
	if float64(throttled) > mostThrottled*float64(calls) {
		t.Errorf("%d of %d calls were throttled", throttled, calls)
	}
	if w.Resources()["cluster"] != n {
		t.Errorf("the account has %v", w.Resources())
	}
}

// together brings control planes up by a goroutine for each while time goes on, and returns
// how much of it went by.
func (w *world) together(names []string) time.Duration {
	w.T.Helper()
	began := w.AWSNow.Now()
	var left atomic.Int64
	left.Store(int64(len(names)))
	var all sync.WaitGroup
	stop := make(chan struct{})
	for _, name := range names {
		all.Go(func() {
			for {
				result, _ := enginetest.Reconcile(w.reconciler, name)
				c := enginetest.Get(w.World, &controlplanev1.AWSManagedControlPlane{}, name)
				if c.Status.Ready && enginetest.Condition(c, "Ready").Status == "True" {
					left.Add(-1)
					return
				}
				select {
				case <-w.Now.After(max(min(result.RequeueAfter, 5*time.Second), time.Second)):
				case <-stop:
					return
				}
			}
		})
	}
	const step, longest = 200 * time.Millisecond, time.Hour
	for left.Load() > 0 && w.AWSNow.Now().Sub(began) < longest {
		w.AWSNow.Advance(step)
		w.Now.Step(step)
		time.Sleep(time.Millisecond)
	}
	took := w.AWSNow.Now().Sub(began)
	close(stop)
	w.Now.Step(time.Minute) // nobody waits for a request any more
	if left.Load() > 0 {
		w.T.Fatalf("%d control planes never came: %s", left.Load(), w.Describe(&controlplanev1.AWSManagedControlPlane{}, names[0]))
	}
	all.Wait()
	return took
}
