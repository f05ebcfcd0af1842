package awsmachine

import (
	"context"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// journal keeps a pass's journal in the object's status: of public addresses, which
// AWS can't be asked for only once. All else carries tokens or unique names.
type journal pass

var _ plan.Journal = (*journal)(nil)

// Begin writes entries for the actions in one update. It fails where somebody wrote
// the object since it was read, so that two processes don't both go on.
func (j *journal) Begin(ctx context.Context, actions []plan.Action) error {
	now := metav1.NewMicroTime(j.Clock.Now())
	status := *j.obj.Status.DeepCopy()
	for _, a := range actions {
		delete(j.ended, a.Key)
		status.PendingCreations = slices.DeleteFunc(status.PendingCreations, func(e infrav1.PendingCreation) bool { return e.Key == a.Key })
		status.PendingCreations = append(status.PendingCreations, infrav1.PendingCreation{Key: a.Key, Operation: a.Operation, Since: now})
	}
	return j.writeStatus(ctx, j.obj, j.stored, status)
}

// End notes which calls did nothing; the next write of the status removes their
// entries.
func (j *journal) End(_ context.Context, keys []string) {
	for _, key := range keys {
		j.ended[key] = true
	}
}
