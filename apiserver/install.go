package apiserver

import (
	"net"
	"reflect"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	genericregistry "k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/registry/rest"
	genericapiserver "k8s.io/apiserver/pkg/server"

	"github.com/capa-apiserver/capa-apiserver/apis/group"
	"github.com/capa-apiserver/capa-apiserver/apis/takeover"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
)

var loopbackIPs = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}

// install puts every kind's storage into the server, all versions of a kind over
// the same storage, and tells the server's own caches of it.
func (t *Table) install(server *genericapiserver.GenericAPIServer, opts genericregistry.RESTOptionsGetter, p Parts, own stored) error {
	var infos []*genericapiserver.APIGroupInfo
	for _, g := range t.Groups() {
		info := t.info(g)
		for _, row := range t.Rows {
			if row.Group != g {
				continue
			}
			storage, err := row.storage(t.Scheme, opts, p, own)
			if err != nil {
				return err
			}
			for _, version := range row.Served {
				if info.VersionedResourcesStorageMap[version] == nil {
					info.VersionedResourcesStorageMap[version] = map[string]rest.Storage{}
				}
				for path, s := range storage {
					info.VersionedResourcesStorageMap[version][path] = s
				}
			}
		}
		infos = append(infos, info)
	}
	return server.InstallAPIGroups(infos...)
}

// info is a group without its storage. The library's codecs write lists item by item, so that
// no list is in memory as a whole text.
func (t *Table) info(g *group.Group) *genericapiserver.APIGroupInfo {
	info := genericapiserver.NewDefaultAPIGroupInfo(g.Name(), t.Scheme, metav1.ParameterCodec, t.Codecs)
	info.NegotiatedSerializer = textCodecs{info.NegotiatedSerializer}
	return &info
}

// storage is that of a kind and its subresources, by path.
func (r Row) storage(scheme *runtime.Scheme, opts genericregistry.RESTOptionsGetter, p Parts, own stored) (map[string]rest.Storage, error) {
	var live generic.Live
	if r.Live != nil {
		live = r.Live(p)
	}
	store, status, err := generic.NewREST(scheme, r.Kind, opts, live)
	if err != nil {
		return nil, err
	}
	own[reflect.TypeOf(r.New())] = store.Store
	all := map[string]rest.Storage{r.Plural: store, r.Plural + "/" + takeover.Subresource: generic.NewTakeoverREST(store, p.Authorizer)}
	if status != nil {
		all[r.Plural+"/status"] = status
	}
	for name, subresource := range r.Subresources {
		all[r.Plural+"/"+name] = subresource(p, store)
	}
	return all, nil
}

// textCodecs leave out protobuf, which the stock codecs offer though these types
// can't be written in it: clients such as the namespace controller would ask for
// it and fail. They know what misspelt fields should be called.
type textCodecs struct{ runtime.NegotiatedSerializer }

// SupportedMediaTypes are JSON and YAML.
func (c textCodecs) SupportedMediaTypes() []runtime.SerializerInfo {
	var text []runtime.SerializerInfo
	for _, info := range c.NegotiatedSerializer.SupportedMediaTypes() {
		if info.MediaType == runtime.ContentTypeJSON || info.MediaType == runtime.ContentTypeYAML {
			info.StrictSerializer = advising{info.StrictSerializer}
			text = append(text, info)
		}
	}
	return text
}
