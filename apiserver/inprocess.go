package apiserver

import (
	"sync"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	genericregistry "k8s.io/apiserver/pkg/registry/generic"
	genericoptions "k8s.io/apiserver/pkg/server/options"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/cacher"
	"k8s.io/apiserver/pkg/storage/etcd3"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/apiserver/pkg/storage/storagebackend/factory"
	"k8s.io/apiserver/pkg/storage/value/encrypt/identity"
	"k8s.io/client-go/tools/cache"

	"github.com/capa-apiserver/capa-apiserver/apiserver/etcd"
)

// inProcess has the kinds that have a watch cache, which are all by default, stored in the embedded etcd by calls within
// the process: over its socket a read takes five times the processor time, and a write twice.
type inProcess struct {
	genericregistry.RESTOptionsGetter
	etcd    *etcd.Server
	options *genericoptions.EtcdOptions
}

// GetRESTOptions says how a kind is stored.
func (p inProcess) GetRESTOptions(resource schema.GroupResource, example runtime.Object) (genericregistry.RESTOptions, error) {
	options, err := p.RESTOptionsGetter.GetRESTOptions(resource, example)
	if err != nil || !p.options.EnableWatchCache {
		return options, err
	}
	sizes, err := genericoptions.ParseWatchCacheSizes(p.options.WatchCacheSizes)
	if size, told := sizes[resource]; !told || size > 0 {
		options.Decorator = p.cached
	}
	return options, err
}

// cached is a genericregistry.StorageDecorator: the store of a kind behind its watch cache.
func (p inProcess) cached(config *storagebackend.ConfigForResource, prefix string, key func(runtime.Object) (string, error),
	newObject, newList func() runtime.Object, attributes storage.AttrFunc, triggers storage.IndexerFuncs, indexers *cache.Indexers,
) (storage.Interface, factory.DestroyFunc, error) {
	store, destroy, err := p.store(config, prefix, newObject, newList)
	if err != nil {
		return nil, nil, err
	}
	watched, err := cacher.NewCacherFromConfig(cacher.Config{
		Storage: store, Versioner: storage.APIObjectVersioner{}, Codec: config.Codec, GroupResource: config.GroupResource,
		EventsHistoryWindow: config.EventsHistoryWindow, ResourcePrefix: prefix, KeyFunc: key, NewFunc: newObject, NewListFunc: newList,
		GetAttrsFunc: attributes, IndexerFuncs: triggers, Indexers: indexers,
	})
	if err != nil {
		destroy()
		return nil, nil, err
	}
	delegator := cacher.NewCacheDelegator(watched, store)
	// Subresources share the store, and each destroys it.
	return delegator, sync.OnceFunc(func() {
		delegator.Stop()
		watched.Stop()
		destroy()
	}), nil
}

// store is what the library's factory makes of a config, but for how etcd is reached.
func (p inProcess) store(config *storagebackend.ConfigForResource, prefix string, newObject, newList func() runtime.Object) (storage.Interface, factory.DestroyFunc, error) {
	client, err := p.etcd.Client()
	if err != nil {
		return nil, nil, err
	}
	client.KV = etcd3.NewETCDLatencyTracker(client.KV)
	transformer := config.Transformer
	if transformer == nil {
		transformer = identity.NewEncryptCheckTransformer()
	}
	versioner := storage.APIObjectVersioner{}
	compactor := etcd3.StartCompactorPerEndpoint(client.Client, config.CompactionInterval)
	store, err := etcd3.New(client, compactor, config.Codec, newObject, newList, config.Prefix, prefix, config.GroupResource, transformer,
		config.LeaseManagerConfig, etcd3.NewDefaultDecoder(config.Codec, versioner), versioner)
	if err != nil {
		_ = client.Close()
		return nil, nil, err
	}
	return store, func() {
		store.Close()
		_ = client.Close()
	}, nil
}
