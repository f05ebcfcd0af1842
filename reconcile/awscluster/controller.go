package awscluster

import (
	"context"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/annotations"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bucket"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/reconcile/loadbalancer"
	"github.com/capa-apiserver/capa-apiserver/reconcile/network"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

const (
	// lookAgain is when something that is waited for is looked at again, should
	// no change of the mirror have told before.
	lookAgain = 30 * time.Second
	// seeAgain is when AWS is asked again that couldn't be seen.
	seeAgain = 15 * time.Second
	// journalAge is how old tables may be that decide on the journal's entries.
	journalAge = 5 * time.Second
	// firstSweep is when tables are swept first that nobody had to see before: what
	// others change in a network that was just made is noticed as soon as in others.
	firstSweep = time.Minute
	// observeTimeout bounds the wait for the first listing of the tables.
	observeTimeout = 30 * time.Second
)

// Reconciler makes AWS match AWSClusters.
type Reconciler struct {
	Options
	actor *plan.Actor
	index *index
	// started is when this process began to act, as begin says once. It may have
	// looked at AWS for long before, as a standby.
	started time.Time
	begin   sync.Once

	mu sync.Mutex
	// latest are the objects as last written here: the cache may be older.
	latest map[client.ObjectKey]*infrav1.AWSCluster
	dns    map[client.ObjectKey]int
	// memories are what is known of objects beyond what they say.
	memories map[client.ObjectKey]*memory
	// buckets are the S3 buckets as they were seen here.
	buckets map[client.ObjectKey]knownBucket
}

var _ reconcile.Reconciler = (*Reconciler)(nil)

// New makes a reconciler.
func New(o Options) *Reconciler {
	o = o.withDefaults()
	r := &Reconciler{Options: o, index: newIndex(),
		latest: map[client.ObjectKey]*infrav1.AWSCluster{}, dns: map[client.ObjectKey]int{},
		memories: map[client.ObjectKey]*memory{}, buckets: map[client.ObjectKey]knownBucket{}}
	r.actor = &plan.Actor{Mirror: o.Mirror, Handlers: plan.NewHandlers(network.Handlers(), loadbalancer.Handlers(), bucket.Handlers(),
		instance.LifeHandlers(instance.NewTerminator()))}
	o.Mirror.Subscribe(r.index.changed)
	return r
}

// Reconcile brings one AWSCluster closer to what it says.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	r.begin.Do(func() { r.started = r.Clock.Now() })
	obj, err := r.get(ctx, req.NamespacedName)
	if apierrors.IsNotFound(err) {
		r.forget(req.NamespacedName)
		return ctrl.Result{}, nil
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	owner, err := r.ownerOf(ctx, obj)
	gone := client.IgnoreNotFound(err) == nil && !obj.DeletionTimestamp.IsZero()
	switch {
	case err != nil && !gone:
		return ctrl.Result{}, fmt.Errorf("reading the Cluster that owns AWSCluster %s: %w", req, err)
	case owner == nil && obj.DeletionTimestamp.IsZero():
		log.FromContext(ctx).Info("Waiting for the Cluster controller to set the owner reference")
		return ctrl.Result{}, nil
	case annotations.IsExternallyManaged(obj):
		return ctrl.Result{}, nil
	}
	result, err := r.reconcile(ctx, obj, owner)
	if apierrors.IsConflict(err) {
		// Somebody else wrote the object. Until the cache shows that, what was
		// written here last stays the newest known: it holds the journal.
		return ctrl.Result{RequeueAfter: time.Second}, nil
	}
	if trouble, ok := cloud.AsIdentityError(err); ok {
		log.FromContext(ctx).Info("Waiting for the identity to give a session", "reason", trouble.Error())
		return ctrl.Result{RequeueAfter: identityRetry}, nil
	}
	return result, err
}

func (r *Reconciler) reconcile(ctx context.Context, obj *infrav1.AWSCluster, owner *clusterv1.Cluster) (ctrl.Result, error) {
	if paused := annotations.HasPaused(obj) || owner != nil && annotations.IsPaused(owner, obj); paused {
		return ctrl.Result{}, r.setPaused(ctx, obj, true)
	}
	if obj.DeletionTimestamp.IsZero() {
		if controllerutil.AddFinalizer(obj, infrav1.ClusterFinalizer) {
			if err := r.update(ctx, obj); err != nil {
				return ctrl.Result{}, err
			}
		}
	} else if !controllerutil.ContainsFinalizer(obj, infrav1.ClusterFinalizer) {
		return ctrl.Result{}, nil
	}
	if err := r.setPaused(ctx, obj, false); err != nil {
		return ctrl.Result{}, err
	}
	p := &pass{Reconciler: r, obj: obj, owner: owner, memory: r.memoryOf(obj), failures: map[string][]string{}, ended: map[string]bool{}}
	return p.run(ctx)
}

// ownerOf returns the Cluster that the object belongs to, nil while none says so.
func (r *Reconciler) ownerOf(ctx context.Context, obj *infrav1.AWSCluster) (*clusterv1.Cluster, error) {
	for _, ref := range obj.OwnerReferences {
		if group, _ := schema.ParseGroupVersion(ref.APIVersion); ref.Kind != clusterv1.ClusterKind || group.Group != clusterv1.GroupVersion.Group {
			continue
		}
		owner := &clusterv1.Cluster{}
		if err := r.Host.Get(ctx, client.ObjectKey{Namespace: obj.Namespace, Name: ref.Name}, owner); err != nil {
			return nil, err
		}
		return owner, nil
	}
	return nil, nil
}

// get returns the object as the cache has it, or as it was written here if that
// is newer: a journal that the cache doesn't show yet must not be overlooked.
func (r *Reconciler) get(ctx context.Context, key client.ObjectKey) (*infrav1.AWSCluster, error) {
	obj := &infrav1.AWSCluster{}
	if err := r.Client.Get(ctx, key, obj); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if mine := r.latest[key]; mine != nil {
		if mine.UID == obj.UID && newer(mine.ResourceVersion, obj.ResourceVersion) {
			return mine.DeepCopy(), nil
		}
		delete(r.latest, key)
	}
	return obj, nil
}

// newer tells whether a resourceVersion comes after another one.
func newer(a, b string) bool { return len(a) > len(b) || len(a) == len(b) && a > b }

// memory is what a process knows of an object from one pass to the next.
type memory struct {
	uid types.UID
	// holds keep what failed, or was done a moment ago, from being done again at once.
	holds plan.Holds
	// deleting is when the object was first seen to be deleted. (Its own time is by
	// another clock, and in whole seconds.)
	deleting time.Time
	// named is the generation whose named resources were looked for.
	named int64
}

// memoryOf returns the memory of an object. One object is reconciled once at a time,
// so that nobody else uses it.
func (r *Reconciler) memoryOf(obj *infrav1.AWSCluster) *memory {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.memories[client.ObjectKeyFromObject(obj)]
	if m == nil || m.uid != obj.UID {
		m = &memory{uid: obj.UID, named: -1}
		r.memories[client.ObjectKeyFromObject(obj)] = m
	}
	m.holds.Renew(obj.Generation)
	if m.deleting.IsZero() && !obj.DeletionTimestamp.IsZero() {
		m.deleting = r.Clock.Now()
	}
	return m
}

func (r *Reconciler) remember(obj *infrav1.AWSCluster) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.latest[client.ObjectKeyFromObject(obj)] = obj.DeepCopy()
}

func (r *Reconciler) forget(key client.ObjectKey) {
	r.index.remove(key)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.latest, key)
	delete(r.dns, key)
	delete(r.memories, key)
	delete(r.buckets, key)
}

// update writes spec and metadata. The status of obj stays what it is.
func (r *Reconciler) update(ctx context.Context, obj *infrav1.AWSCluster) error {
	status := obj.Status.DeepCopy()
	if err := r.Client.Update(ctx, obj); err != nil {
		return err
	}
	obj.Status = *status
	r.remember(obj)
	return nil
}

func (r *Reconciler) updateStatus(ctx context.Context, obj *infrav1.AWSCluster) error {
	obj.Status.Observation = nil
	if err := r.Client.Status().Update(ctx, obj); err != nil {
		return err
	}
	r.remember(obj)
	return nil
}
