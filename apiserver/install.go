package apiserver

import (
	"net"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	genericregistry "k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/registry/rest"
	genericapiserver "k8s.io/apiserver/pkg/server"

	"github.com/capa-apiserver/capa-apiserver/registry/generic"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure/awsmachine"
)

var loopbackIPs = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}

// install puts every kind's storage into the server, all versions of a kind over
// the same storage.
func install(server *genericapiserver.GenericAPIServer, opts genericregistry.RESTOptionsGetter, b *background) error {
	groups := map[string]*genericapiserver.APIGroupInfo{}
	var order []*genericapiserver.APIGroupInfo
	for _, kind := range Kinds() {
		store, status, err := generic.NewREST(Scheme, kind, opts, b.live[kind.Plural])
		if err != nil {
			return err
		}
		group := groups[kind.Group]
		if group == nil {
			info := genericapiserver.NewDefaultAPIGroupInfo(kind.Group, Scheme, metav1.ParameterCodec, Codecs)
			info.NegotiatedSerializer = textCodecs{Codecs}
			group = &info
			groups[kind.Group] = group
			order = append(order, group)
		}
		for _, version := range kind.Served {
			if group.VersionedResourcesStorageMap[version] == nil {
				group.VersionedResourcesStorageMap[version] = map[string]rest.Storage{}
			}
			group.VersionedResourcesStorageMap[version][kind.Plural] = store
			if status != nil {
				group.VersionedResourcesStorageMap[version][kind.Plural+"/status"] = status
			}
			for name, storage := range b.subresources(kind.Plural, store) {
				group.VersionedResourcesStorageMap[version][kind.Plural+"/"+name] = storage
			}
		}
	}
	return server.InstallAPIGroups(order...)
}

// subresources are those of a kind that only it has.
func (b *background) subresources(plural string, store rest.Getter) map[string]rest.Storage {
	if plural == "awsmachines" {
		return map[string]rest.Storage{"console": awsmachine.NewConsoleREST(store, b.consoles)}
	}
	return nil
}
