package awscluster

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

// knownBucket is what a process knows of a cluster's bucket since it looked at it.
type knownBucket struct {
	name  string
	state *bucket.State
}

// readerOfBucket tells that nobody here looks at the bucket: what the object says of
// it holds then. Whoever acts looks, and has failures, if none.
func (v *view) readerOfBucket() bool { return v.Bucket == nil && !v.Acting }

// bucketCondition returns what the object says of its bucket.
func (v *view) bucketCondition() conditions.Condition {
	if c, ok := conditions.Stored(v.Cluster, bucket.Area); ok {
		return c
	}
	return conditions.Condition{Type: bucket.Area, Reason: infrav1.S3BucketFailedReason, Severity: clusterv1.ConditionSeverityInfo, Message: "waiting for a look at the bucket"}
}

// bucketPending tells whether the journal's entry of the bucket's creation has to
// stand: until the bucket is seen to carry the cluster's tag.
func (v *view) bucketPending() bool {
	return v.Cluster.Spec.S3Bucket != nil && (v.Bucket == nil || !v.Bucket.Exists || !v.owner().HasOwnedTag(v.Bucket.Tags))
}

// planBucket plans the bucket.
func (v *view) planBucket() plan.Plan {
	in := bucket.Intent{Owner: v.owner(), Spec: v.Cluster.Spec.S3Bucket, Region: v.Cluster.Spec.Region, Account: v.snap.Scope.Account,
		Partition: v.Partition, State: v.Bucket, Ready: meta.IsStatusConditionTrue(v.Cluster.Status.Conditions, bucket.Area)}
	_, in.Made = plan.Find(v.journal(), bucket.CreateKey)
	if in.Partition == "" {
		in.Partition = v.Cluster.Spec.Partition
	}
	switch {
	case in.Spec == nil, v.readerOfBucket():
		return plan.Plan{}
	case !v.Cluster.DeletionTimestamp.IsZero() && in.State == nil:
		var p plan.Plan
		p.Wait(bucket.Area, infrav1.DeletingReason, "a look at bucket "+in.Spec.Name)
		return p
	case !v.Cluster.DeletionTimestamp.IsZero():
		return bucket.PlanDelete(in)
	}
	return bucket.Plan(in)
}

// lookBucket holds the looks at the bucket that failed.
const lookBucket = engine.LookPrefix + "bucket"

// lookAtBucket sees to it that the bucket is known. One look is enough for the life of a
// process: S3 has no listing that would tell for all buckets what changed.
func (w *worker) lookAtBucket(ctx context.Context) {
	spec, holds := w.obj.Spec.S3Bucket, &w.pass.Memory.Holds
	if spec == nil || w.bucket() != nil {
		holds.Release(lookBucket)
		return
	}
	if holds.Held(lookBucket, w.pass.Clock.Now()) {
		return
	}
	state, err := bucket.Look(ctx, w.pass.Session, spec.Name)
	if err != nil {
		w.pass.FailLook(lookBucket, bucket.Area, cloud.Classify(err).Message)
		return
	}
	holds.Release(lookBucket)
	w.setBucket(state)
}

// bucket returns what is known of the object's bucket, or nil.
func (w *worker) bucket() *bucket.State {
	if spec, known := w.obj.Spec.S3Bucket, w.memory.bucket; spec != nil && known.name == spec.Name {
		return known.state
	}
	return nil
}

func (w *worker) setBucket(state *bucket.State) {
	w.memory.bucket = knownBucket{w.obj.Spec.S3Bucket.Name, state}
}

// tookBucket notes what became of the bucket, and tells whether that was all there
// is to say of the action.
func (w *worker) tookBucket(r plan.Result) bool {
	state := w.bucket()
	if r.Action.Area != bucket.Area || state == nil {
		return false
	}
	if r.Err.Code == "BucketNotEmpty" {
		w.setBucket(&bucket.State{})
		w.pass.Event(corev1.EventTypeWarning, infrav1.S3BucketFailedReason,
			"Left bucket "+w.obj.Spec.S3Bucket.Name+" behind, because it isn't empty: what is in it is not the cluster's; delete it if nobody needs it")
		return true
	}
	if r.Settled() {
		w.setBucket(state.After(r.Action))
	}
	return r.Outcome == plan.Existed
}
