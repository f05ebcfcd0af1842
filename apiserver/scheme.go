package apiserver

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	infrastructure "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/install"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

var (
	// Scheme knows every kind in every version that the server speaks.
	Scheme = newScheme()
	// Codecs read and write them.
	Codecs = serializer.NewCodecFactory(Scheme)
)

func newScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	infrastructure.Install(scheme)
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	utilruntime.Must(metav1.AddMetaToScheme(scheme))
	// What the generic machinery answers with besides the kinds.
	scheme.AddUnversionedTypes(schema.GroupVersion{Version: "v1"},
		&metav1.Status{}, &metav1.APIVersions{}, &metav1.APIGroupList{}, &metav1.APIGroup{}, &metav1.APIResourceList{})
	return scheme
}

// openAPIScheme names the published models; see infrastructure.InstallExternal.
func openAPIScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	infrastructure.InstallExternal(scheme)
	return scheme
}

// hubVersions are the stored version of each group.
func hubVersions() []schema.GroupVersion {
	return []schema.GroupVersion{infrav1.SchemeGroupVersion}
}

// storageCodec reads any version and writes the hub.
func storageCodec() runtime.Codec { return Codecs.LegacyCodec(hubVersions()...) }

// textCodecs leave out protobuf, which the stock codecs offer though these types
// can't be written in it: clients such as the namespace controller would ask for
// it and fail.
type textCodecs struct{ runtime.NegotiatedSerializer }

// SupportedMediaTypes are JSON and YAML.
func (c textCodecs) SupportedMediaTypes() []runtime.SerializerInfo {
	var text []runtime.SerializerInfo
	for _, info := range c.NegotiatedSerializer.SupportedMediaTypes() {
		if info.MediaType == runtime.ContentTypeJSON || info.MediaType == runtime.ContentTypeYAML {
			text = append(text, info)
		}
	}
	return text
}
