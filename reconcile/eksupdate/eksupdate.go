// Package eksupdate follows the changes that EKS takes its time for: of a cluster and of each
// of its node groups it makes one at a time, and tells in a row of its own how it went. What
// is being changed shows late that it is, so that the update is asked, and not what it
// changes. All of it is pure.
package eksupdate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

const (
	// RetryFailed is when an update that failed is tried again though nobody changed the
	// spec: what keeps it from going through is mostly for people to put right.
	RetryFailed = time.Hour
	// lag is how long what is changed may say that it is at rest though an update has begun.
	lag = 30 * time.Second
	// mostFailed is how many updates are remembered that failed.
	mostFailed = 5
)

// Update is a change that AWS takes its time for, as the object keeps it: while one is in
// progress nothing else can be changed, and one that failed isn't tried again at once.
type Update struct {
	ID string
	// Type is AWS's, as "LoggingUpdate".
	Type   string
	Status ekstypes.UpdateStatus
	// Message is AWS's word on a failure.
	Message string
	// Wanted tells changes apart; Generation is that of the spec which wanted it.
	Wanted, Generation string
	// Failed are those of the same spec that failed before it; Message has AWS's words on
	// them, too.
	Failed  []string
	Started time.Time
}

// Stored is an update as an object's status keeps it.
type Stored struct {
	ID, Type, State, Message, ParamsHash string
	Since                                metav1.MicroTime
}

// Of is the update that a status keeps.
func Of(s Stored) *Update {
	hashes, generation, _ := strings.Cut(s.ParamsHash, "@")
	wanted, failed, _ := strings.Cut(hashes, ",")
	before := strings.FieldsFunc(failed, func(c rune) bool { return c == ',' })
	return &Update{ID: s.ID, Type: s.Type, Status: ekstypes.UpdateStatus(s.State), Message: s.Message, Wanted: wanted, Generation: generation, Failed: before, Started: s.Since.Time}
}

// Stored is what a status keeps of the update.
func (u *Update) Stored() Stored {
	return Stored{ID: u.ID, Type: u.Type, State: string(u.Status), Message: u.Message,
		ParamsHash: strings.Join(append([]string{u.Wanted}, u.Failed...), ",") + "@" + u.Generation, Since: metav1.NewMicroTime(u.Started)}
}

// InProgress tells that AWS is at it.
func (u *Update) InProgress() bool { return u != nil && u.Status == ekstypes.UpdateStatusInProgress }

// ended tells that nothing more becomes of it.
func (u *Update) ended() bool { return u != nil && !u.InProgress() }

// failed tells that nothing came of it.
func (u *Update) failed() bool { return u.ended() && u.Status != ekstypes.UpdateStatusSuccessful }

// Key tells what comes after the update apart from what came before it; "" for none.
func (u *Update) Key() string {
	if u == nil {
		return ""
	}
	return u.ID
}

// Intent is whose updates are followed, and what is known of them.
type Intent struct {
	// Cluster is the EKS cluster, Nodegroup the node group of it that is changed; "" where
	// that is the cluster itself.
	Cluster, Nodegroup string
	// Last is the latest update that the object knows of, nil for none.
	Last *Update
	// Settled is the update of which what it changed was read after its end, "" for none.
	Settled string
	// RetryFailed tells that enough time went by for another try of what failed.
	RetryFailed bool
	// Generation tells the spec apart from others.
	Generation string
}

// State is the updates as a snapshot shows them.
type State struct {
	// Current is the latest update that is known, nil for none.
	Current *Update
	// Ending is the id of an update that ended since what it changed was read; until that was
	// done, it counts as in progress. "" for none.
	Ending string
	// Denied is why Current can't be read, nil where it can.
	Denied error

	in   Intent
	snap *mirror.Snapshot
}

// Observe finds the latest update: the one that the object knows, or a newer one that this
// process began. restedAt says when what is changed was read last and was at rest; zero while
// it isn't. That tells of the end where updates may not be read, and isn't asked otherwise.
func Observe(in Intent, snap *mirror.Snapshot, restedAt func() time.Time) *State {
	s := &State{in: in, snap: snap}
	if in.Last != nil {
		u := *in.Last
		s.Current = &u
	}
	// Not mirror.Below: what was just begun nobody wants yet.
	of := func(u *mirror.EKSUpdate) bool { return u.Cluster == in.Cluster && u.Nodegroup == in.Nodegroup }
	for _, row := range mirror.Select(snap, mirror.EKSUpdates, of) {
		if s.Current == nil || aws.ToString(row.Id) != s.Current.ID && aws.ToTime(row.CreatedAt).After(s.Current.Started) {
			s.Current = in.begun(row)
		}
	}
	if s.Current.InProgress() {
		s.follow(s.Current, restedAt)
	}
	return s
}

// begun is an update that the object doesn't know of yet.
func (in *Intent) begun(row *mirror.EKSUpdate) *Update {
	u := &Update{ID: aws.ToString(row.Id), Type: string(row.Type), Status: ekstypes.UpdateStatusInProgress, Wanted: row.Wanted, Generation: in.Generation, Started: aws.ToTime(row.CreatedAt)}
	if last := in.Last; last != nil && last.Generation == in.Generation {
		u.Failed, u.Message = last.Failed, last.Message
		if last.failed() {
			u.Failed = append([]string{last.Wanted}, last.Failed[:min(len(last.Failed), mostFailed-1)]...)
		}
	}
	return u
}

// follow tells what became of an update that was in progress. It has ended once what it
// changed was read afterwards: until then that may look as if nothing had been done.
func (s *State) follow(u *Update, restedAt func() time.Time) {
	row, there := mirror.Get(s.snap, mirror.EKSUpdates, mirror.NameIn(mirror.EKSUpdateParent(s.in.Cluster, s.in.Nodegroup), u.ID))
	switch {
	case there && row.Status == ekstypes.UpdateStatusInProgress, !there && !s.snap.SeenOf(s.row(u)):
		s.askWhatChanges(u, restedAt)
	case s.in.Settled != u.ID:
		s.Ending = u.ID
	case there:
		if u.Status = row.Status; u.failed() {
			u.Message = strings.TrimSuffix(messages(row)+"; "+u.Message, "; ")
		}
	default: // AWS doesn't know it any more
		u.Status = ekstypes.UpdateStatusSuccessful
	}
}

// askWhatChanges has what is changed tell when an update is over that may not be read: from
// some time after it began.
func (s *State) askWhatChanges(u *Update, restedAt func() time.Time) {
	err := s.snap.ErrOf(s.row(u))
	switch {
	case !cloud.IsUnauthorized(err):
	case restedAt().After(u.Started.Add(lag)):
		u.Status = ekstypes.UpdateStatusSuccessful
	default:
		s.Denied = err
	}
}

func (s *State) row(u *Update) mirror.Interest {
	return mirror.Interest{Kind: mirror.EKSUpdates.Kind, Parent: mirror.EKSUpdateParent(s.in.Cluster, s.in.Nodegroup), IDs: []string{u.ID}}
}

// Wants is the row of the update that is in progress.
func (s *State) Wants() []mirror.Interest {
	if !s.Current.InProgress() {
		return nil
	}
	return []mirror.Interest{s.row(s.Current)}
}

// Unrecorded tells that the object doesn't say yet how the latest update ended: a new one
// would have that forgotten.
func (s *State) Unrecorded() bool { return s.Current.ended() && !s.in.Last.ended() }

// Event is what there is to tell of the end of an update.
type Event struct{ Type, Reason, Message string }

// News is the end of an update of what is called name that the object doesn't say yet, nil
// for nothing new.
func (s *State) News(name string) *Event {
	u := s.Current
	switch {
	case !s.Unrecorded():
		return nil
	case u.failed():
		return &Event{corev1.EventTypeWarning, "EKSUpdateFailed", fmt.Sprintf("Update %s (%s) of %s is %s: AWS says: %s", u.ID, u.Type, name, u.Status, cmp.Or(u.Message, "nothing more"))}
	}
	return &Event{corev1.EventTypeNormal, "EKSUpdateDone", fmt.Sprintf("Update %s (%s) of %s is done", u.ID, u.Type, name)}
}

// Locked tells what keeps what is called name from being changed, "" for nothing that is
// known here.
func (s *State) Locked(name string) string {
	switch {
	case s.Current.InProgress():
		return fmt.Sprintf("update %s (%s) of %s", s.Current.ID, s.Current.Type, name)
	case s.Unrecorded():
		return fmt.Sprintf("update %s to be noted", s.Current.ID)
	}
	return ""
}

// FailedBefore tells that just this was tried for this spec, and failed.
func (s *State) FailedBefore(wanted string) bool {
	u := s.Current
	return u != nil && u.Generation == s.in.Generation && !s.in.RetryFailed && (u.failed() && u.Wanted == wanted || slices.Contains(u.Failed, wanted))
}

// Again is when an update that failed is tried again; zero where there is none.
func (s *State) Again() time.Time {
	if u := s.Current; u != nil && u.Status == ekstypes.UpdateStatusFailed {
		return u.Started.Add(RetryFailed)
	}
	return time.Time{}
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

// Fingerprint tells changes apart by what they ask for, whatever their tokens are.
func Fingerprint(input any) string {
	bare := reflect.New(reflect.TypeOf(input).Elem())
	bare.Elem().Set(reflect.ValueOf(input).Elem())
	bare.Elem().FieldByName("ClientRequestToken").SetZero()
	text, err := json.Marshal(bare.Interface())
	if err != nil {
		panic(err) // plain data always marshals
	}
	return names.Token(fmt.Sprintf("%T", input), string(text))[:16]
}

// Operation is AWS's name of the call that an input is for.
func Operation(input any) string {
	name := fmt.Sprintf("%T", input)
	return "eks." + strings.TrimSuffix(name[strings.LastIndex(name, ".")+1:], "Input")
}

// Began notes that an update has begun.
func Began(w *plan.Writer, cluster, nodegroup, wanted string, u *ekstypes.Update) {
	if u != nil && u.Id != nil {
		plan.Put(w, mirror.EKSUpdates, mirror.EKSUpdate{Update: *u, Cluster: cluster, Nodegroup: nodegroup, Wanted: wanted})
	}
}
