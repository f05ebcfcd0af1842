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

// regionsTimeout bounds the one call that lists regions.
const regionsTimeout = time.Minute

// regions tells which regions AWS has, from what the mirror has seen of any account.
// Each account is asked once; from then on the mirror's sweeps keep its answer.
type regions struct {
	mirror   *mirror.Mirror
	sessions *cloud.Sessions

	mu    sync.Mutex
	asked map[string]bool // by account
}

var _ admission.Regions = (*regions)(nil)

func newRegions(m *mirror.Mirror, s *cloud.Sessions) *regions {
	return &regions{mirror: m, sessions: s, asked: map[string]bool{}}
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
	r.mirror.Watch(session)
	r.ask(session.Scope)
	return nil
}

// ask has the regions of the scope's account listed, unless they were before.
func (r *regions) ask(scope cloud.Scope) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asked[scope.Account] {
		return
	}
	r.asked[scope.Account] = true
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), regionsTimeout)
		defer cancel()
		_ = r.mirror.Refresh(ctx, scope, regionsTimeout, mirror.Regions.Kind) // sweeps repeat what failed
	}()
}

// Known returns the regions and whether they may be used. All accounts see the
// same names; where their opt-in differs, or may, it is left open.
func (r *regions) Known(context.Context, *infrav1.AWSIdentityReference, string) (map[string]string, bool) {
	known := map[string]string{}
	for _, scope := range r.mirror.Scopes() {
		r.ask(scope)
		snap := r.mirror.Snapshot(scope)
		for _, region := range mirror.Select(snap, mirror.Regions, nil) {
			name, status := aws.ToString(region.RegionName), aws.ToString(region.OptInStatus)
			if before, seen := known[name]; seen && before != status {
				status = ""
			}
			known[name] = status
		}
	}
	return known, len(known) > 0
}
