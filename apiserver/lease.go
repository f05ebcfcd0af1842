package apiserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/manager"
)

const (
	leaderLease = "capa-apiserver"
	// leaseTimeout bounds a request for the Lease.
	leaseTimeout = 5 * time.Second
	// storePrefix begins the holders that are stores.
	storePrefix = "store-"
	// storeTerm is for ever: that a store wasn't there for a while is no reason to serve
	// another one in its place.
	storeTerm = 10 * 365 * 24 * time.Hour
	// storePeriod is how soon a change of the Lease is noticed.
	storePeriod = 5 * time.Second
	// storeReport is how often the log says that the Lease is another store's.
	storeReport = time.Minute
)

// lease is the Lease of the installation. With a common etcd it says who of the replicas
// acts. An embedded etcd is a store of its own, and two of them behind one Service make
// Kubernetes' garbage collector delete what belongs to objects that it doesn't see in the
// other one. So there it says which store the installation has, by what tells stores
// apart and not processes, and no other one ever serves unless somebody deletes the Lease.
// Servers with different watch filters share a common etcd, and each filter has a Lease.
type lease struct {
	resourcelock.Interface
	name string
	// store is empty with a common etcd.
	store string
	// lost is told the reason when another store has taken the place of this one.
	lost func(error)

	mu       sync.Mutex
	seen     bool
	held     bool
	other    error
	reported time.Time
}

var _ resourcelock.Interface = (*lease)(nil)

// newLease is the lease for this process, or nil if nobody else may be there.
func newLease(extra *Extra, lost func(error)) (*lease, error) {
	o := extra.options
	name := leaderLease
	var identity string
	l := &lease{lost: lost}
	switch {
	case extra.etcd != nil:
		l.store = storePrefix + extra.etcd.ID()
		identity = l.store
	case o.LeaderElect:
		host, err := os.Hostname()
		if err != nil {
			return nil, err
		}
		identity = host + "_" + uuid.NewString()
		if o.WatchFilter != "" { // who acts on other objects is another matter
			name += "-" + o.WatchFilter
		}
	default:
		return nil, nil
	}
	l.name = o.Namespace + "/" + name
	config := rest.CopyConfig(extra.host)
	config.Timeout = leaseTimeout
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	l.Interface, err = resourcelock.New(resourcelock.LeasesResourceLock, o.Namespace, name, kube.CoreV1(), kube.CoordinationV1(),
		resourcelock.ResourceLockConfig{Identity: identity})
	return l, err
}

// elect has the manager act only with the lease.
func (l *lease) elect(o *manager.Options) {
	o.LeaderElection, o.LeaderElectionResourceLockInterface = true, l
	if l.store == "" {
		o.LeaderElectionReleaseOnCancel = true
		return
	}
	o.LeaseDuration, o.RenewDeadline, o.RetryPeriod = new(storeTerm), new(storeTerm/2), new(storePeriod)
}

// Get notes whose the lease is.
func (l *lease) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := l.Interface.Get(ctx)
	if err == nil {
		l.note(ctx, record.HolderIdentity)
	}
	return record, raw, err
}

// Create notes that the lease is this process's.
func (l *lease) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	err := l.Interface.Create(ctx, record)
	if err == nil {
		l.note(ctx, record.HolderIdentity)
	}
	return err
}

// Update does so too.
func (l *lease) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	err := l.Interface.Update(ctx, record)
	if err == nil {
		l.note(ctx, record.HolderIdentity)
	}
	return err
}

func (l *lease) note(ctx context.Context, holder string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = true
	l.held = l.held || l.store != "" && holder == l.store
	if l.other = l.conflict(holder); l.other == nil {
		return
	}
	if l.held {
		l.lost(l.other)
		return
	}
	if now := time.Now(); now.Sub(l.reported) > storeReport {
		l.reported = now
		klog.FromContext(ctx).Error(l.other, "Nothing is served from this store")
	}
}

// conflict tells why this process must not serve while somebody holds the lease.
func (l *lease) conflict(holder string) error {
	const cure = "serve that one, or, if it is gone for good or was copied here, let this one take its place with: kubectl delete lease -n %s %s"
	namespace, name, _ := strings.Cut(l.name, "/")
	switch {
	case l.store != "" && holder != "" && holder != l.store:
		return fmt.Errorf("the Lease %s says that this installation has another store (%s, and this one is %s): "+cure, l.name, holder, l.store, namespace, name)
	case l.store == "" && strings.HasPrefix(holder, storePrefix):
		return fmt.Errorf("the Lease %s says that this installation has a store of its own (%s) and not the one in --etcd-servers: "+cure, l.name, holder, namespace, name)
	}
	return nil
}

// ready is nil while this process may serve.
func (l *lease) ready() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.seen {
		return errors.New("the Lease " + l.name + " was not read yet")
	}
	return l.other
}
