package foundation

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bucket"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// readerOfBucket tells that nobody here looks at the bucket: what the object says of
// it holds then. Whoever acts looks, and has failures, if none.
func (s *State) readerOfBucket() bool { return s.Bucket == nil && !s.Acting }

// bucketCondition returns what the object says of its bucket.
func (s *State) bucketCondition() conditions.Condition {
	if c, ok := conditions.Stored(s.Object, bucket.Area); ok {
		return c
	}
	return conditions.Condition{Type: bucket.Area, Reason: infrav1.S3BucketFailedReason, Severity: clusterv1.ConditionSeverityInfo, Message: "waiting for a look at the bucket"}
}

// bucketPending tells whether the journal's entry of the bucket's creation has to
// stand: until the bucket is seen to carry the cluster's tag.
func (s *State) bucketPending() bool {
	return s.S3Bucket != nil && (s.Bucket == nil || !s.Bucket.Exists || !s.Owner.HasOwnedTag(s.Bucket.Tags))
}

// planBucket plans the bucket.
func (s *State) planBucket() plan.Plan {
	in := bucket.Intent{Owner: s.Owner, Spec: s.S3Bucket, Region: s.Owner.Region, Account: s.snap.Scope.Account,
		Partition: s.Partition, State: s.Bucket, Ready: meta.IsStatusConditionTrue(s.Object.GetConditions(), bucket.Area)}
	_, in.Made = plan.Find(s.journal(), bucket.CreateKey)
	switch {
	case in.Spec == nil, s.readerOfBucket():
		return plan.Plan{}
	case s.Deleting() && in.State == nil:
		var p plan.Plan
		p.Wait(bucket.Area, infrav1.DeletingReason, "a look at bucket "+in.Spec.Name)
		return p
	case s.Deleting():
		return bucket.PlanDelete(in)
	}
	return bucket.Plan(in)
}

// lookBucket holds the looks at the bucket that failed.
const lookBucket = engine.LookPrefix + "bucket"

// lookAtBucket sees to it that the bucket is known. One look is enough for the life of a
// process: S3 has no listing that would tell for all buckets what changed.
func (w *Worker[T]) lookAtBucket(ctx context.Context) {
	spec := w.state().S3Bucket
	w.look(lookBucket, spec != nil && w.memory.of(spec) == nil, func() {
		state, err := bucket.Look(ctx, w.pass.Session, spec.Name)
		if err != nil {
			w.pass.FailLook(lookBucket, bucket.Area, cloud.Classify(err).Message)
			return
		}
		w.pass.Memory.Holds.Release(lookBucket)
		w.memory.name, w.memory.bucket = spec.Name, state
	})
}

// of returns what is known of a bucket, or nil.
func (m *Memory) of(spec *infrav1.S3Bucket) *bucket.State {
	if spec != nil && m.name == spec.Name {
		return m.bucket
	}
	return nil
}

// tookBucket notes what became of the bucket, and tells whether that was all there
// is to say of the action.
func (w *Worker[T]) tookBucket(r plan.Result) bool {
	state := w.memory.of(w.state().S3Bucket)
	if r.Action.Area != bucket.Area || state == nil {
		return false
	}
	if r.Err.Code == "BucketNotEmpty" {
		w.memory.bucket = &bucket.State{}
		w.pass.Event(corev1.EventTypeWarning, infrav1.S3BucketFailedReason,
			"Left bucket "+w.memory.name+" behind, because it isn't empty: what is in it is not the cluster's; delete it if nobody needs it")
		return true
	}
	if r.Settled() {
		w.memory.bucket = state.After(r.Action)
	}
	return r.Outcome == plan.Existed
}
