package eks

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

// lag is how long a cluster may say that it is ACTIVE though an update has begun.
const lag = 30 * time.Second

// observeUpdate finds the latest update: the one that the object knows, or a newer one that
// this process began.
func (s *State) observeUpdate() {
	if s.Last != nil {
		u := *s.Last
		s.Current = &u
	}
	// Not mirror.Below: what was just begun nobody wants yet.
	for _, row := range mirror.Select(s.snap, mirror.EKSUpdates, func(u *mirror.EKSUpdate) bool { return u.Cluster == s.Name }) {
		if s.Current == nil || aws.ToString(row.Id) != s.Current.ID && aws.ToTime(row.CreatedAt).After(s.Current.Started) {
			s.Current = s.begun(row)
		}
	}
	if s.Current != nil && !s.Current.ended() {
		s.follow(s.Current)
	}
}

// mostFailed is how many updates are remembered that failed.
const mostFailed = 5

// begun is an update that the object doesn't know of yet.
func (s *State) begun(row *mirror.EKSUpdate) *Update {
	u := &Update{ID: aws.ToString(row.Id), Type: string(row.Type), Status: ekstypes.UpdateStatusInProgress, Wanted: row.Wanted, Generation: s.Generation, Started: aws.ToTime(row.CreatedAt)}
	if last := s.Last; last != nil && last.Generation == s.Generation {
		u.Failed, u.Message = last.Failed, last.Message
		if last.failed() {
			u.Failed = append([]string{last.Wanted}, last.Failed[:min(len(last.Failed), mostFailed-1)]...)
		}
	}
	return u
}

// follow tells what became of an update that was in progress. It has ended once the cluster
// was read afterwards: until then the cluster may look as if nothing had been done.
func (s *State) follow(u *Update) {
	row, there := mirror.Get(s.snap, mirror.EKSUpdates, mirror.NameIn(s.Name, u.ID))
	switch {
	case there && row.Status == ekstypes.UpdateStatusInProgress, !there && !s.snap.SeenOf(s.update(u.ID)):
		s.askCluster(u)
	case s.Settled != u.ID:
		s.Ending = u.ID
	case there:
		if u.Status = row.Status; u.failed() {
			u.Message = strings.TrimSuffix(messages(row)+"; "+u.Message, "; ")
		}
	default: // AWS doesn't know it any more
		u.Status = ekstypes.UpdateStatusSuccessful
	}
}

// askCluster has the cluster's own status tell when an update is over that may not be read:
// from some time after it began.
func (s *State) askCluster(u *Update) {
	err := s.snap.ErrOf(s.update(u.ID))
	switch {
	case !cloud.IsUnauthorized(err):
	case s.Row != nil && s.Row.Status == ekstypes.ClusterStatusActive && s.snap.ObservedOf(s.cluster()).After(u.Started.Add(lag)):
		u.Status = ekstypes.UpdateStatusSuccessful
	default:
		s.Denied = err
	}
}

// messages are AWS's words on a failure.
func messages(u *mirror.EKSUpdate) string {
	var all []string
	for _, e := range u.Errors {
		text := string(e.ErrorCode)
		if m := aws.ToString(e.ErrorMessage); m != "" {
			text += ": " + m
		}
		if len(e.ResourceIds) > 0 {
			text += " (" + strings.Join(e.ResourceIds, ", ") + ")"
		}
		all = append(all, text)
	}
	if len(all) == 0 && (u.Status == ekstypes.UpdateStatusFailed || u.Status == ekstypes.UpdateStatusCancelled) {
		return fmt.Sprintf("the update was %s", strings.ToLower(string(u.Status)))
	}
	return strings.Join(all, "; ")
}
