package apiserver

import (
	"context"
	"errors"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
	genericregistry "k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/storage/storagebackend"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/apiserver/etcd"
)

// A new maker of markers is what a restarted process is.
func TestWhatIsDoneOnceIsNotDoneAtTheNextStart(t *testing.T) {
	server, err := etcd.Start(t.Context(), etcd.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	config := storagebackend.NewDefaultConfig(etcd.Prefix, NewTable(Kinds()...).storageCodec())
	config.Transport.ServerList = []string{server.Endpoint()}
	opts := genericregistry.RESTOptions{StorageConfig: config.ForResource(schema.GroupResource{Group: infrav1.GroupName, Resource: "awsclustercontrolleridentities"})}
	done, failure := 0, errors.New("not yet")
	start := func() error {
		m, err := newMarkers(opts)
		if err != nil {
			t.Fatal(err)
		}
		return m.once(t.Context(), defaultIdentityMade, func(context.Context) error {
			if failure == nil {
				done++
			}
			return failure
		})
	}
	if err := start(); !errors.Is(err, failure) {
		t.Errorf("a failure is answered %v", err)
	}
	failure = nil
	for range 3 {
		if err := start(); err != nil {
			t.Fatal(err)
		}
	}
	if done != 1 {
		t.Errorf("done %d times", done)
	}
}
