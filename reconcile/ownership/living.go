package ownership

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/related"
)

// The kinds of objects that own resources.
const (
	KindCluster = "AWSCluster"
	KindMachine = "AWSMachine"
	KindPool    = "AWSMachinePool"

	KindControlPlane   = "AWSManagedControlPlane"
	KindFargateProfile = "AWSFargateProfile"
	KindManagedPool    = "AWSManagedMachinePool"
)

// rivals tells that objects of both kinds could claim the same by their names: what
// clusters stand on is called alike, whatever their kind, and so are the launch templates of pools.
func rivals(a, b string) bool {
	return a == b || ofCluster(a) && ofCluster(b) || ofPool(a) && ofPool(b)
}

func ofPool(kind string) bool { return kind == KindPool || kind == KindManagedPool }

func ofCluster(kind string) bool { return kind == KindCluster || kind == KindControlPlane }

// Object is a living object, as far as ownership asks.
type Object struct {
	Kind, Namespace, Name, UID string
	Created                    time.Time
	// Cluster is the name of the Cluster it belongs to, which stands in owned tags.
	Cluster string
	// Account and Region are where its resources are, "" where nothing says so.
	Account, Region string
	// Records are the ids, ARNs and names that its spec and status record.
	Records []string
	// Stray tells that its namespace has no Cluster of that name: it may say anything.
	Stray bool
}

// Living knows the objects that live in this server. An error says that it can't be
// told now; then nothing is claimed by it.
type Living interface {
	// ByUID returns the object with a UID, nil if none has it.
	ByUID(uid string) (*Object, error)
	// Recorders returns the objects that record the id of a resource.
	Recorders(id string) ([]Object, error)
	// Namesakes returns the objects that belong to a cluster of this name, of a kind or of
	// one whose objects could claim the same.
	Namesakes(kind, cluster string) ([]Object, error)
}

// Fixed are living objects that are given. The zero Fixed is a server without any.
type Fixed []Object

var _ Living = Fixed(nil)

// ByUID returns the object with a UID, nil if none has it.
func (f Fixed) ByUID(uid string) (*Object, error) {
	for _, x := range f {
		if x.UID == uid {
			return &x, nil
		}
	}
	return nil, nil
}

// Recorders returns the objects that record the id of a resource.
func (f Fixed) Recorders(id string) ([]Object, error) {
	return f.with(func(x Object) bool { return slices.Contains(x.Records, id) }), nil
}

// Namesakes returns the objects of a kind that belong to a cluster of this name.
func (f Fixed) Namesakes(kind, cluster string) ([]Object, error) {
	return f.with(func(x Object) bool { return rivals(x.Kind, kind) && x.Cluster == cluster }), nil
}

func (f Fixed) with(match func(Object) bool) []Object {
	var found []Object
	for _, x := range f {
		if match(x) {
			found = append(found, x)
		}
	}
	return found
}

// The fields by which the cache of objects is indexed.
const (
	fieldUID      = "ownership.uid"
	fieldRecorded = "ownership.recorded"
	fieldCluster  = "ownership.cluster"
)

// Index is the living objects of a cache.
type Index struct {
	reader, host client.Reader
	// version counts what changed; nil while nobody follows the objects.
	version *atomic.Uint64
}

var _ Living = Index{}

// NewIndex returns the living objects that a reader has, which has to be indexed. host
// reads Clusters.
func NewIndex(reader, host client.Reader) Index { return Index{reader: reader, host: host} }

// IndexFields indexes a cache, which must not have been started, for an Index.
func IndexFields(ctx context.Context, fields client.FieldIndexer) error {
	for _, k := range kinds {
		for field, values := range indexedFields {
			if err := fields.IndexField(ctx, k.object(), field, values); err != nil {
				return fmt.Errorf("indexing %s by %s: %w", k.name, field, err)
			}
		}
	}
	return nil
}

var indexedFields = map[string]client.IndexerFunc{
	fieldUID:      func(obj client.Object) []string { return []string{string(obj.GetUID())} },
	fieldRecorded: func(obj client.Object) []string { return objectOf(obj).Records },
	fieldCluster:  func(obj client.Object) []string { return []string{related.ClusterName(obj)} },
}

// ownerKind is a kind of objects that own resources.
type ownerKind struct {
	name   string
	object func() client.Object
	list   func() client.ObjectList
	items  func(client.ObjectList) []Object
}

var kinds = []ownerKind{
	{KindCluster, func() client.Object { return &infrav1.AWSCluster{} }, func() client.ObjectList { return &infrav1.AWSClusterList{} },
		func(l client.ObjectList) []Object {
			return objectsOf[*infrav1.AWSCluster](l.(*infrav1.AWSClusterList).Items)
		}},
	{KindMachine, func() client.Object { return &infrav1.AWSMachine{} }, func() client.ObjectList { return &infrav1.AWSMachineList{} },
		func(l client.ObjectList) []Object {
			return objectsOf[*infrav1.AWSMachine](l.(*infrav1.AWSMachineList).Items)
		}},
	{KindPool, func() client.Object { return &infrav1.AWSMachinePool{} }, func() client.ObjectList { return &infrav1.AWSMachinePoolList{} },
		func(l client.ObjectList) []Object {
			return objectsOf[*infrav1.AWSMachinePool](l.(*infrav1.AWSMachinePoolList).Items)
		}},
	{KindControlPlane, func() client.Object { return &controlplanev1.AWSManagedControlPlane{} }, func() client.ObjectList { return &controlplanev1.AWSManagedControlPlaneList{} },
		func(l client.ObjectList) []Object {
			return objectsOf[*controlplanev1.AWSManagedControlPlane](l.(*controlplanev1.AWSManagedControlPlaneList).Items)
		}},
	{KindFargateProfile, func() client.Object { return &infrav1.AWSFargateProfile{} }, func() client.ObjectList { return &infrav1.AWSFargateProfileList{} },
		func(l client.ObjectList) []Object {
			return objectsOf[*infrav1.AWSFargateProfile](l.(*infrav1.AWSFargateProfileList).Items)
		}},
	{KindManagedPool, func() client.Object { return &infrav1.AWSManagedMachinePool{} }, func() client.ObjectList { return &infrav1.AWSManagedMachinePoolList{} },
		func(l client.ObjectList) []Object {
			return objectsOf[*infrav1.AWSManagedMachinePool](l.(*infrav1.AWSManagedMachinePoolList).Items)
		}},
}

// ByUID returns the object with a UID, nil if none has it.
func (x Index) ByUID(uid string) (*Object, error) {
	for _, k := range kinds {
		found, err := x.list(k.name, fieldUID, uid)
		if err != nil || len(found) > 0 {
			return first(found), err
		}
	}
	return nil, nil
}

func first(objects []Object) *Object {
	if len(objects) == 0 {
		return nil
	}
	return &objects[0]
}

// Recorders returns the objects that record the id of a resource.
func (x Index) Recorders(id string) ([]Object, error) {
	var all []Object
	for _, k := range kinds {
		found, err := x.list(k.name, fieldRecorded, id)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// Namesakes returns the objects of a kind that belong to a cluster of this name.
func (x Index) Namesakes(kind, cluster string) ([]Object, error) {
	var all []Object
	for _, k := range kinds {
		if !rivals(k.name, kind) {
			continue
		}
		found, err := x.list(k.name, fieldCluster, cluster)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// lookTime bounds a look into the cache, which waits only while it is being filled.
const lookTime = time.Second

func (x Index) list(kind, field, value string) ([]Object, error) {
	at := slices.IndexFunc(kinds, func(k ownerKind) bool { return k.name == kind })
	if at < 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookTime)
	defer cancel()
	list := kinds[at].list()
	if err := x.reader.List(ctx, list, client.MatchingFields{field: value}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("looking up %ss: %w", kind, err)
	}
	objects := kinds[at].items(list)
	for i := range objects {
		objects[i].Stray = x.stray(ctx, objects[i])
	}
	return objects, nil
}

// stray tells that an object's namespace has no Cluster of the name that it says.
func (x Index) stray(ctx context.Context, o Object) bool {
	if o.Cluster == "" {
		return true
	}
	err := x.host.Get(ctx, client.ObjectKey{Namespace: o.Namespace, Name: o.Cluster}, &clusterv1.Cluster{}, &client.GetOptions{UnsafeDisableDeepCopy: ptr.To(true)})
	return apierrors.IsNotFound(err)
}

func objectsOf[P interface {
	*T
	client.Object
}, T any](items []T) []Object {
	out := make([]Object, 0, len(items))
	for i := range items {
		out = append(out, objectOf(P(&items[i])))
	}
	return out
}

// objectOf reads from an object what ownership asks.
func objectOf(obj client.Object) Object {
	x := Object{Namespace: obj.GetNamespace(), Name: obj.GetName(), UID: string(obj.GetUID()), Created: obj.GetCreationTimestamp().Time,
		Cluster: related.ClusterName(obj)}
	switch o := obj.(type) {
	case *infrav1.AWSCluster:
		x.Kind, x.Account, x.Region, x.Records = KindCluster, o.Status.AccountID, o.Spec.Region, RecordsOfCluster(o)
	case *infrav1.AWSMachine:
		x.Kind, x.Records = KindMachine, RecordsOfMachine(o)
	case *infrav1.AWSMachinePool:
		x.Kind, x.Records = KindPool, RecordsOfPool(o)
	case *controlplanev1.AWSManagedControlPlane:
		x.Kind, x.Account, x.Region, x.Records = KindControlPlane, o.Status.AccountID, o.Spec.Region, RecordsOfControlPlane(o)
	case *infrav1.AWSFargateProfile:
		x.Kind = KindFargateProfile // it records nothing of AWS's choice
	case *infrav1.AWSManagedMachinePool:
		x.Kind, x.Records = KindManagedPool, RecordsOfManagedPool(o)
	}
	return x
}
