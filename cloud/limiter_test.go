package cloud

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"
)

var testScope = Scope{Account: "111122223333", Region: "us-east-1"}

func limiterOf(spec Limit) *Limiter {
	return NewLimiter(clock.RealClock{}, func(string, string) Limit { return spec })
}

// take acquires one request and ends it well; it fails the test on an error.
func take(t *testing.T, l *Limiter, p Priority) *Ticket {
	t.Helper()
	ticket, err := l.Acquire(WithPriority(t.Context(), p), testScope, "ec2", "DescribeVpcs")
	if err != nil {
		t.Fatal(err)
	}
	return ticket
}

func TestBurstIsFreeAndThenTheRefillDecides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiterOf(Limit{Burst: 10, Refill: 2})
		began := time.Now()
		for range 10 {
			take(t, l, Background).Done(false)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("the burst took %v", took)
		}
		for range 20 {
			take(t, l, Background).Done(false)
		}
		if took := time.Since(began).Round(10 * time.Millisecond); took != 10*time.Second {
			t.Errorf("20 requests more took %v at 2 a second, want 10 s", took)
		}
	})
}

func TestNeitherClassStarvesTheOther(t *testing.T) {
	for crowd, other := range map[Priority]Priority{Background: Interactive, Interactive: Background, Upkeep: Background} {
		t.Run(crowd.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := limiterOf(Limit{Burst: 1, Refill: 1})
				ctx, cancel := context.WithCancel(t.Context())
				take(t, l, crowd).Done(false)
				for range 1000 {
					go func() { _, _ = l.Acquire(WithPriority(ctx, crowd), testScope, "ec2", "DescribeVpcs") }()
				}
				synctest.Wait()
				began := time.Now()
				for range 20 {
					take(t, l, other).Done(false)
				}
				if took := time.Since(began); took > 60*time.Second {
					t.Errorf("20 requests beside a crowd took %v at 1 a second: less than a third of the rate", took)
				}
				cancel()
				synctest.Wait()
			})
		})
	}
}

func TestRepairsDoNotStandInLineBehindCreations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiterOf(Limit{Burst: 1, Refill: 1})
		ctx, cancel := context.WithCancel(t.Context())
		take(t, l, Background).Done(false)
		for range 50 {
			go func() { _, _ = l.Acquire(ctx, testScope, "ec2", "DescribeVpcs") }()
		}
		synctest.Wait()
		began := time.Now()
		if _, err := l.Acquire(ForUpkeep(ctx, true), testScope, "ec2", "DescribeVpcs"); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("a repair waited %v behind 50 creations at 1 a second", took)
		}
		cancel()
		synctest.Wait()
	})
}

func TestOneClassAloneGetsTheWholeRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiterOf(Limit{Burst: 1, Refill: 10})
		began := time.Now()
		for range 101 {
			take(t, l, Interactive).Done(false)
		}
		if took := time.Since(began).Round(100 * time.Millisecond); took != 10*time.Second {
			t.Errorf("100 requests took %v at 10 a second", took)
		}
	})
}

func TestCallersContextEndsOnlyItsOwnWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiterOf(Limit{Burst: 1, Refill: 0.1})
		take(t, l, Background).Done(false)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		gaveUp := make(chan error)
		go func() {
			_, err := l.Acquire(ctx, testScope, "ec2", "DescribeVpcs")
			gaveUp <- err
		}()
		synctest.Wait()
		began := time.Now()
		served := make(chan struct{})
		go func() {
			defer close(served)
			take(t, l, Background).Done(false)
		}()
		if err := <-gaveUp; !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("the wait ended with %v after %v", err, time.Since(began))
		}
		<-served
		if took := time.Since(began).Round(100 * time.Millisecond); took != 10*time.Second {
			t.Errorf("the next in line waited %v, want 10 s: the one who left takes no token", took)
		}
	})
}

func TestScopesAndActionsHaveBudgetsOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiterOf(Limit{Burst: 1, Refill: 0.001})
		began := time.Now()
		for _, c := range []struct {
			scope     Scope
			operation string
		}{
			{Scope{"1", "a"}, "DescribeVpcs"}, {Scope{"1", "b"}, "DescribeVpcs"},
			{Scope{"2", "a"}, "DescribeVpcs"}, {Scope{"1", "a"}, "DescribeSubnets"},
		} {
			if _, err := l.Acquire(t.Context(), c.scope, "ec2", c.operation); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("four buckets made each other wait %v", took)
		}
	})
}

func TestActionsOfOneAWSBucketShareABudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(clock.RealClock{}, nil)
		began := time.Now()
		for i := range 41 {
			operation := []string{"DescribeLoadBalancers", "DescribeTargetGroups"}[i%2]
			if _, err := l.Acquire(t.Context(), testScope, "elbv2", operation); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began).Round(time.Millisecond); took != 100*time.Millisecond {
			t.Errorf("41 reads took %v, want 100 ms: 40 at once and 10 a second", took)
		}
	})
}

// rate tells the bucket's current refill.
func rate(l *Limiter) float64 {
	b := l.bucket(testScope, "ec2", "DescribeVpcs")
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refill()
	return b.rate
}

func TestThrottleHalvesTheRateAndTimeBringsItBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiterOf(Limit{Burst: 100, Refill: 20})
		time.Sleep(time.Second)
		take(t, l, Background).Done(true)
		if got := rate(l); got != 10 {
			t.Errorf("rate %v after a throttle, want 10", got)
		}
		began := time.Now()
		take(t, l, Background).Done(false)
		if took := time.Since(began); took < 90*time.Millisecond {
			t.Errorf("the next request waited only %v: AWS's bucket was empty", took)
		}
		time.Sleep(15 * time.Second)
		if got := rate(l); got < 14 || got > 16 {
			t.Errorf("rate %v a quarter of a minute later, want about 15", got)
		}
		time.Sleep(time.Hour)
		if got := rate(l); got != 20 {
			t.Errorf("rate %v much later, want the documented 20", got)
		}
	})
}

func TestThrottlesOfRequestsSentTogetherHalveTheRateOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiterOf(Limit{Burst: 100, Refill: 16})
		var sent []*Ticket
		for range 10 {
			time.Sleep(time.Millisecond)
			sent = append(sent, take(t, l, Background))
		}
		time.Sleep(time.Second)
		for _, ticket := range sent {
			ticket.Done(true)
		}
		if got := rate(l); got != 8 {
			t.Errorf("rate %v, want 8", got)
		}
	})
}

func TestThrottlesNeverStopTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiterOf(Limit{Burst: 10, Refill: 32})
		for range 100 {
			take(t, l, Background).Done(true)
			time.Sleep(time.Millisecond)
		}
		if got := rate(l); got < 1 {
			t.Errorf("rate %v, want at least a 32nd of the documented one", got)
		}
	})
}

func TestUnpublishedRateIsLearned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiterOf(Limit{Burst: 5, Refill: 5, Learned: true})
		began := time.Now()
		for range 1000 {
			take(t, l, Background).Done(false)
		}
		if took := time.Since(began); took > 100*time.Second {
			t.Errorf("1000 requests without a throttle took %v: the rate didn't grow", took)
		}
		grown := rate(l)
		take(t, l, Background).Done(true)
		time.Sleep(time.Hour)
		if got := rate(l); math.Abs(got-grown*0.9) > grown*0.05 {
			t.Errorf("rate %v an hour after a throttle at %v, want a tenth less", got, grown)
		}
	})
}

func TestIAMHasOneBudgetForAllRegions(t *testing.T) {
	ireland := Scope{Account: testScope.Account, Region: "eu-west-1"}
	if throttledIn("iam", testScope) != throttledIn("iam", ireland) || throttledIn("iam", testScope) == throttledIn("iam", Scope{Account: "other"}) {
		t.Error("IAM's budget is not one of each account")
	}
	if throttledIn("ec2", testScope) != testScope {
		t.Error("EC2's budget is not one of each region")
	}
}

func TestDocumentedLimits(t *testing.T) {
	for _, c := range []struct {
		service, operation string
		burst, refill      float64
	}{
		{"ec2", "DescribeVpcs", 100, 20},
		{"ec2", "CreateVpc", 50, 5},
		{"ec2", "AuthorizeSecurityGroupIngress", 50, 5},
		{"ec2", "CreateTags", 100, 10},
		{"ec2", "CreateNatGateway", 10, 1},
		{"ec2", "RunInstances", 5, 2},
		{"ec2", "TerminateInstances", 100, 5},
		{"ec2", "CreateVpcEndpoint", 4, 0.3},
		{"elbv2", "DescribeTags", 40, 10},
	} {
		if l := LimitOf(c.service, c.operation); l.Burst != c.burst || l.Refill != c.refill || l.Learned {
			t.Errorf("%s %s: %+v, want %v/%v as documented", c.service, c.operation, l, c.burst, c.refill)
		}
	}
	if l := LimitOf("sts", "AssumeRole"); !l.Learned {
		t.Errorf("sts AssumeRole: %+v, want a rate to learn: AWS publishes none", l)
	}
}
