package cloud

import (
	"context"
	"math"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"k8s.io/component-base/metrics/testutil"
	"k8s.io/utils/clock"
)

func standInSession(t *testing.T, s *standIn) (*Session, *Limiter) {
	t.Helper()
	return limitedSession(t, s, Limit{Burst: 1000, Refill: 100000})
}

func limitedSession(t *testing.T, s *standIn, limit Limit) (*Session, *Limiter) {
	t.Helper()
	cfg, err := s.config(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l := NewLimiter(clock.RealClock{}, func(string, string) Limit { return limit })
	return NewSession(cfg, l, testScope, "aws", "controller"), l
}

func hangUp(http.ResponseWriter) {
	panic(http.ErrAbortHandler)
}

func TestWhatIsTriedAgain(t *testing.T) {
	read := func(ctx context.Context, s *Session) error {
		_, err := s.EC2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{})
		return err
	}
	write := func(ctx context.Context, s *Session) error {
		_, err := s.EC2.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
		return err
	}
	refuse := func(status int, code string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { fail(w, status, code) }
	}
	for _, c := range []struct {
		name   string
		call   func(context.Context, *Session) error
		action string
		first  func(http.ResponseWriter)
		want   int
		ok     bool
	}{
		{"a read whose answer got lost", read, "DescribeVpcs", hangUp, 2, true},
		{"a read that AWS failed", read, "DescribeVpcs", refuse(500, "InternalError"), 2, true},
		{"a throttled read", read, "DescribeVpcs", refuse(503, "RequestLimitExceeded"), 2, true},
		{"a refused read", read, "DescribeVpcs", refuse(403, "UnauthorizedOperation"), 1, false},
		{"a mutation whose answer got lost", write, "CreateVpc", hangUp, 1, false},
		{"a mutation that AWS failed", write, "CreateVpc", refuse(500, "InternalError"), 1, false},
		{"a mutation that AWS throttled", write, "CreateVpc", refuse(503, "RequestLimitExceeded"), 2, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			aws := newStandIn(t)
			aws.answer = func(w http.ResponseWriter, _ request, nth int) bool {
				if nth > 1 {
					return false
				}
				c.first(w)
				return true
			}
			session, _ := standInSession(t, aws)
			err := c.call(t.Context(), session)
			if (err == nil) != c.ok {
				t.Errorf("the call ends with %v", err)
			}
			if n := len(aws.calls(c.action)); n != c.want {
				t.Errorf("%d attempts, want %d", n, c.want)
			}
		})
	}
}

func TestEachAttemptIsTakenFromTheBudget(t *testing.T) {
	aws := newStandIn(t)
	aws.answer = func(w http.ResponseWriter, _ request, _ int) bool {
		fail(w, 500, "InternalError")
		return true
	}
	session, limiter := limitedSession(t, aws, Limit{Burst: 10, Refill: 1e-9})
	_, _ = session.EC2.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{})
	if left := limiter.bucket(testScope, "ec2", "DescribeVpcs").tokens; math.Round(left) != 7 {
		t.Errorf("%v of 10 requests left after three attempts, want 7", left)
	}
}

func TestThrottlesEndAfterThreeAttempts(t *testing.T) {
	aws := newStandIn(t)
	aws.answer = func(w http.ResponseWriter, _ request, _ int) bool {
		fail(w, 503, "RequestLimitExceeded")
		return true
	}
	session, _ := standInSession(t, aws)
	_, err := session.EC2.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{})
	if !IsThrottled(err) || !Definite(err) {
		t.Errorf("the call ends with %v", err)
	}
	if n := len(aws.calls("DescribeVpcs")); n != 3 {
		t.Errorf("%d attempts, want 3", n)
	}
}

func TestWaitForTheBudgetEndsWithTheContextAndSendsNothing(t *testing.T) {
	stand := newStandIn(t)
	cfg, _ := stand.config(t.Context())
	l := NewLimiter(clock.RealClock{}, func(string, string) Limit { return Limit{Burst: 0.5, Refill: 1e-9} })
	session := NewSession(cfg, l, testScope, "aws", "controller")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		b := l.bucket(testScope, "ec2", "CreateVpc")
		for waiting := false; !waiting; runtime.Gosched() {
			b.mu.Lock()
			waiting = b.next() != nil
			b.mu.Unlock()
		}
	}()
	_, err := session.EC2.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	if err == nil || !Definite(err) || len(stand.calls("CreateVpc")) != 0 {
		t.Errorf("error %v, definite %v, %d calls: want a definite failure and none", err, Definite(err), len(stand.calls("CreateVpc")))
	}
}

func TestRequestsNameTheProgramAndAreCounted(t *testing.T) {
	stand := newStandIn(t)
	session, _ := standInSession(t, stand)
	count := func() float64 {
		n, err := testutil.GetCounterMetricValue(requestsTotal.WithLabelValues(
			"ec2", "DescribeSubnets", testScope.Account, testScope.Region, "200", ""))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := count()
	if _, err := session.EC2.DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{}); err != nil {
		t.Fatal(err)
	}
	if n := count() - before; n != 1 {
		t.Errorf("aws_api_requests_total rose by %v, want 1", n)
	}
	if agent := stand.calls("DescribeSubnets")[0].agent; !strings.Contains(agent, "capa-apiserver/") {
		t.Errorf("user agent %q doesn't name the program", agent)
	}
}
