package apiserver

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"k8s.io/klog/v2"

	"github.com/capa-apiserver/capa-apiserver/admission"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

const (
	// regionsTimeout bounds the one call that lists regions.
	regionsTimeout = time.Minute
	// regionsAge is how long an account isn't asked again.
	regionsAge = time.Minute
	// regionsPatience is how long a request waits for an account that is asked anew.
	regionsPatience = time.Second
)

// regions tells which regions AWS has, from what any account last said. Accounts that
// the mirror knows of are asked when somebody wants to know.
type regions struct {
	mirror   *mirror.Mirror
	sessions *cloud.Sessions

	mu sync.Mutex
	// own is the process's own session, if it has one.
	own   *cloud.Session
	asked map[string]time.Time         // by account
	known map[string]map[string]string // opt-in statuses by region, by account
}

var _ admission.Regions = (*regions)(nil)

func newRegions(m *mirror.Mirror, s *cloud.Sessions) *regions {
	return &regions{mirror: m, sessions: s, asked: map[string]time.Time{}, known: map[string]map[string]string{}}
}

// run asks the process's own account, so that the first cluster's region can be
// judged too. Without a region or credentials of its own it asks nobody.
func (r *regions) run(ctx context.Context) error {
	region := os.Getenv("AWS_REGION")
	if region == "" {
		return nil
	}
	session, err := r.sessions.For(ctx, cloud.Site{Region: region})
	if err != nil {
		klog.FromContext(ctx).Info("The process has no AWS credentials of its own; identities have to bring theirs", "reason", err.Error())
		return nil
	}
	r.mu.Lock()
	r.own = session
	r.mu.Unlock()
	r.ask(session)
	return nil
}

// ask has the regions of the session's account listed, unless they were a moment ago.
// The channel is closed when the answer is there; it is nil where nothing is asked.
func (r *regions) ask(s *cloud.Session) <-chan struct{} {
	account := s.Scope.Account
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.asked[account]) < regionsAge {
		return nil
	}
	r.asked[account] = time.Now()
	done := make(chan struct{})
	go func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(context.Background(), regionsTimeout)
		defer cancel()
		r.mirror.WantFor("regions/"+s.Scope.String(), s, regionsTimeout)
		if err := r.mirror.Refresh(ctx, s.Scope, regionsAge, mirror.Regions.Kind); err != nil {
			klog.FromContext(ctx).V(4).Info("The regions can't be listed", "account", account, "cause", err.Error())
			return
		}
		known := map[string]string{}
		for _, region := range mirror.Select(r.mirror.Snapshot(s.Scope), mirror.Regions, nil) {
			known[aws.ToString(region.RegionName)] = aws.ToString(region.OptInStatus)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.known[account] = known
	}()
	return done
}

// askAll asks the accounts that are due, and waits a little for their answers.
func (r *regions) askAll(ctx context.Context) {
	r.mu.Lock()
	due := []*cloud.Session{r.own}
	r.mu.Unlock()
	for _, scope := range r.mirror.Scopes() {
		if sessions := r.mirror.Sessions(scope); len(sessions) > 0 {
			due = append(due, sessions[0])
		}
	}
	ctx, cancel := context.WithTimeout(ctx, regionsPatience)
	defer cancel()
	for _, s := range due {
		if s == nil {
			continue
		}
		if done := r.ask(s); done != nil {
			select {
			case <-done:
			case <-ctx.Done():
			}
		}
	}
}

// Known returns the regions and whether they may be used. All accounts see the
// same names; where their opt-in differs, or may, it is left open.
func (r *regions) Known(ctx context.Context, _ *infrav1.AWSIdentityReference, _ string) (map[string]string, bool) {
	r.askAll(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	known := map[string]string{}
	for _, statuses := range r.known {
		for name, status := range statuses {
			if before, seen := known[name]; seen && before != status {
				status = ""
			}
			known[name] = status
		}
	}
	return known, len(known) > 0
}
