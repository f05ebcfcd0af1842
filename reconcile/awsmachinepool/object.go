package awsmachinepool

import (
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bootstrap"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

const (
	// roleMachinePool is the folder of the bucket that pools' roles may read.
	roleMachinePool = "machine-pool"
	// objectAge is how old an object may get: the bucket removes those of pools after
	// a day, and instances that come later need them too.
	objectAge = 12 * time.Hour
)

// storedObject is what this process stored in the bucket, and when.
type storedObject struct {
	digest string
	at     time.Time
}

// ignition returns how Ignition gets the bootstrap data. Pools needn't say anything:
// the format of the data does.
func (in *Intent) ignition() *infrav1.Ignition {
	if i := in.Pool.Spec.Ignition; i != nil {
		return i
	}
	return &infrav1.Ignition{StorageType: infrav1.IgnitionStorageClusterObjectStore, Version: infrav1.IgnitionVersion23}
}

// objectKey is one for the pool's life, so that it can be removed without a record:
// new data takes the place of the old, for instances of every version.
func (in *Intent) objectKey() string {
	return bootstrap.ObjectKey(roleMachinePool, in.Pool.Namespace+"/"+in.Pool.Name)
}

// pointer returns user data that points into the bucket, and plans what has to be
// stored there first.
func (v *view) pointer() ([]byte, error) {
	switch {
	case v.Infra.Bucket == nil:
		return nil, fmt.Errorf("the bootstrap data is Ignition, which is kept in the cluster's bucket, and the AWSCluster has none: set its spec.s3Bucket, "+
			"or spec.ignition.storageType %s", infrav1.IgnitionStorageUnencryptedUserData)
	case !v.Infra.BucketReady:
		return nil, fmt.Errorf("the bootstrap data is Ignition, which is kept in the cluster's bucket, and bucket %s isn't ready, or isn't the cluster's: see condition %s of the "+
			"AWSCluster, or set spec.ignition.storageType %s", v.Infra.Bucket.Name, infrav1.S3BucketReadyCondition, infrav1.IgnitionStorageUnencryptedUserData)
	case v.Infra.PresignTime() != 0:
		return nil, fmt.Errorf("the AWSCluster's spec.s3Bucket.presignedURLDuration makes links that end, and instances of a pool come at any time: leave it out "+
			"and give the instances' profile in nodesIAMInstanceProfiles, or set spec.ignition.storageType %s", infrav1.IgnitionStorageUnencryptedUserData)
	}
	bucket := v.Infra.Bucket.Name
	if store := bootstrap.PutObject(areaTemplate, bucket, v.objectKey(), string(v.Pool.UID), v.Bootstrap.Value); v.Stored != bootstrap.Digest(v.Bootstrap.Value) {
		v.storing = true
		v.plan.Add(store)
	}
	return bootstrap.PointTo(fmt.Sprintf("s3://%s/%s", bucket, v.objectKey()), v.ignition())
}

// afterStoring has launch templates made once their data is in the bucket.
func (v *view) afterStoring(actions []plan.Action) []plan.Action {
	for i := range actions {
		if v.storing && actions[i].Verb == plan.Create {
			actions[i].WaitsFor = "the bootstrap data in the cluster's bucket"
		}
	}
	return actions
}

// removeObject removes the data. There is no record of it: it is removed once, when
// no instance needs it any more, whether or not it was stored.
func (v *view) removeObject() {
	if v.group != nil || v.ObjectRemoved || v.Infra == nil || !v.Infra.BucketReady ||
		v.ignition().StorageType != infrav1.IgnitionStorageClusterObjectStore {
		return
	}
	v.plan.Add(bootstrap.DeleteObject(areaTemplate, v.Infra.Bucket.Name, v.objectKey()))
}

// tookObject notes what became of the object, and tells whether a failure is to be
// borne with.
func (w *worker) tookObject(r plan.Result) (borne bool) {
	switch in := r.Action.Input.(type) {
	case *s3.PutObjectInput:
		if data, err := bootstrap.Content(in); err == nil && r.Outcome == plan.Done {
			w.memory.object = storedObject{bootstrap.Digest(data), w.pass.Clock.Now()}
		}
	case *s3.DeleteObjectInput:
		borne = r.Err.Class == cloud.Unauthorized && w.related.infra.BestEffort()
		w.memory.objectRemoved = r.Settled() || borne
	}
	return borne
}

// stored returns the digest of what is in the bucket, "" when it isn't known or has
// to be stored anew.
func (w *worker) storedDigest() string {
	if w.pass.Clock.Since(w.memory.object.at) >= objectAge {
		return ""
	}
	return w.memory.object.digest
}
