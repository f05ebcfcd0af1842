package mirror_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"k8s.io/utils/clock"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// callsUntil waits until the emulator has counted that many calls.
func (a *account) callsUntil(n int) {
	a.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		total := a.total()
		if total >= n {
			return
		}
		if time.Now().After(deadline) {
			a.t.Fatalf("%d calls, want %d", total, n)
		}
	}
}

func (a *account) total() (n int) {
	for _, calls := range a.Counts() {
		n += calls
	}
	return n
}

func TestAWSIsNotCalledOnceTheLastObjectOfTwoScopesIsGone(t *testing.T) {
	a := newAccount(t)
	a.network()
	limiter := cloud.NewLimiter(clock.RealClock{}, func(string, string) cloud.Limit { return cloud.Limit{Burst: 1e6, Refill: 1e6} })
	ireland := cloud.NewSession(aws.Config{BaseEndpoint: a.session.EC2.Options().BaseEndpoint,
		Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")},
		limiter, cloud.Scope{Account: emulator.DefaultAccount, Region: "eu-west-1"}, "aws", "controller")
	m := mirror.New(mirror.Options{Rest: 50 * time.Millisecond, CreationGrace: 100 * time.Millisecond})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); m.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })

	a.ResetCounts()
	m.Want("cluster-1", a.session, mirror.Whole(mirror.NetworkKinds...)...)
	m.Want("cluster-2", ireland, mirror.Whole(mirror.NetworkKinds...)...)
	a.callsUntil(4 * len(mirror.NetworkKinds))
	m.LetGo("cluster-1")
	m.LetGo("cluster-2")
	for len(m.Scopes()) > 0 { // what was under way ends, and then all is forgotten
		time.Sleep(10 * time.Millisecond)
	}
	a.ResetCounts()
	time.Sleep(20 * 50 * time.Millisecond) // twenty periods
	if n := a.total(); n != 0 {
		t.Errorf("%d calls for nobody: %v", n, a.Counts())
	}
}
