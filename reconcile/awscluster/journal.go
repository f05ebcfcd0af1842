package awscluster

import (
	"cmp"
	"context"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// journal keeps a pass's journal in the object's status.
type journal pass

var _ plan.Journal = (*journal)(nil)

// Begin writes entries for the actions in one update, and with the first of them in
// which account they are done.
func (j *journal) Begin(ctx context.Context, actions []plan.Action) error {
	now := metav1.NewMicroTime(j.Clock.Now())
	next := j.obj.DeepCopy()
	next.Status.AccountID = cmp.Or(next.Status.AccountID, j.session.Scope.Account)
	for _, a := range actions {
		delete(j.ended, a.Key)
		entry := infrav1.PendingCreation{Key: a.Key, Operation: a.Operation, Since: now}
		next.Status.PendingCreations = slices.DeleteFunc(next.Status.PendingCreations, func(e infrav1.PendingCreation) bool { return e.Key == a.Key })
		next.Status.PendingCreations = append(next.Status.PendingCreations, entry)
	}
	if err := (*pass)(j).updateStatus(ctx, next); err != nil {
		return err
	}
	*j.obj = *next
	return nil
}

// End notes which calls did nothing; the next write of the status removes their
// entries.
func (j *journal) End(_ context.Context, keys []string) {
	for _, key := range keys {
		j.ended[key] = true
	}
}
