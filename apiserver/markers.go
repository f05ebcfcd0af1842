package apiserver

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	genericregistry "k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/storagebackend/factory"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// markersPrefix is where markers are kept, beside the kinds.
const markersPrefix = "/markers"

// markers are what was done once for all, kept where the objects are: a new storage
// has none, and a restored one has those of its time.
type markers struct{ storage storage.Interface }

// newMarkers keeps markers as empty objects of a kind that the storage can write.
func newMarkers(opts genericregistry.RESTOptionsGetter) (*markers, error) {
	kind := func() runtime.Object { return &infrav1.AWSClusterControllerIdentity{} }
	config, err := opts.GetRESTOptions(schema.GroupResource{Group: infrav1.GroupName, Resource: "awsclustercontrolleridentities"}, kind())
	if err != nil {
		return nil, err
	}
	store, _, err := factory.Create(*config.StorageConfig, kind,
		func() runtime.Object { return &infrav1.AWSClusterControllerIdentityList{} }, markersPrefix)
	if err != nil {
		return nil, err
	}
	return &markers{store}, nil
}

// once does something unless its marker says that it was done, and sets the marker.
func (m *markers) once(ctx context.Context, marker string, do func(context.Context) error) error {
	key := markersPrefix + "/" + marker
	err := m.storage.Get(ctx, key, storage.GetOptions{}, &infrav1.AWSClusterControllerIdentity{})
	if !storage.IsNotFound(err) {
		return err
	}
	if err := do(ctx); err != nil {
		return err
	}
	object := &infrav1.AWSClusterControllerIdentity{ObjectMeta: metav1.ObjectMeta{Name: marker}}
	if err := m.storage.Create(ctx, key, object, nil, 0); err != nil && !storage.IsExist(err) {
		return err
	}
	return nil
}
