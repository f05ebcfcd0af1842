package takeover

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	bootstrap "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/install"
	controlplane "github.com/capa-apiserver/capa-apiserver/apis/controlplane/install"
	"github.com/capa-apiserver/capa-apiserver/apis/group"
	infrastructure "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/install"
	"github.com/capa-apiserver/capa-apiserver/apis/takeover"
)

const (
	// theirs is the version in which CAPA keeps and serves its objects, ours that of the server.
	theirs, ours = "v1beta2", "v2beta1"

	providerLabel = "cluster.x-k8s.io/provider"
	provider      = "infrastructure-aws"
	managedBy     = "app.kubernetes.io/managed-by"
	server        = "capa-apiserver"
)

var (
	groups   = []*group.Group{infrastructure.Group, controlplane.Group, bootstrap.Group}
	crds     = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	services = schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}
)

// kind is one of CAPA's that the server has too.
type kind struct {
	group, name, plural string
	namespaced          bool
	crd                 *apiextensionsv1.CustomResourceDefinition
}

func (k kind) at(version string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: k.group, Version: version, Resource: k.plural}
}

// known tells whether the server has a kind at CAPA's version.
func known(groupName, name string) bool {
	return hasKinds[schema.GroupKind{Group: groupName, Kind: name}]
}

func isGroup(name string) bool {
	return slices.ContainsFunc(groups, func(g *group.Group) bool { return g.Name() == name })
}

// hasKinds are the kinds that the server has at CAPA's version.
var hasKinds = func() map[schema.GroupKind]bool {
	all := map[schema.GroupKind]bool{}
	for _, g := range groups {
		for _, v := range g.Spokes {
			for _, object := range v.Kinds() {
				if v.Version == theirs {
					all[schema.GroupKind{Group: g.Name(), Kind: group.KindName(object)}] = true
				}
			}
		}
	}
	return all
}()

// kinds are those whose CRDs are CAPA's, or were before they were taken over; others are CAPA's
// CRDs of kinds that the server doesn't have.
func (t *taker) kinds(ctx context.Context) (taken []kind, others []*apiextensionsv1.CustomResourceDefinition, err error) {
	list, err := t.dynamic.Resource(crds).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, nil, err
	}
	for _, item := range list.Items {
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := decode(&item, crd); err != nil {
			return nil, nil, err
		}
		_, wasTaken := crd.Annotations[takeover.CRDAnnotation]
		switch {
		case crd.Labels[managedBy] == server && !wasTaken: // a shadow of the server's own
		case known(crd.Spec.Group, crd.Spec.Names.Kind) && (wasTaken || serves(crd)):
			taken = append(taken, kindOf(crd))
		case crd.Labels[providerLabel] == provider:
			others = append(others, crd)
		}
	}
	return taken, others, nil
}

// all are the kinds, and besides them those of CAPA's that the server doesn't have: as long as
// their CRDs serve CAPA's version of a group, the host has it.
func (t *taker) all(ctx context.Context) ([]kind, error) {
	all, others, err := t.kinds(ctx)
	for _, crd := range others {
		if _, wasTaken := crd.Annotations[takeover.CRDAnnotation]; wasTaken || serves(crd) {
			all = append(all, kindOf(crd))
		}
	}
	return all, err
}

func kindOf(crd *apiextensionsv1.CustomResourceDefinition) kind {
	return kind{crd.Spec.Group, crd.Spec.Names.Kind, crd.Spec.Names.Plural, crd.Spec.Scope == apiextensionsv1.NamespaceScoped, crd}
}

// decode gives an object its type.
func decode(from *unstructured.Unstructured, to any) error {
	text, err := from.MarshalJSON()
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}

// serves tells whether a CRD serves CAPA's version.
func serves(crd *apiextensionsv1.CustomResourceDefinition) bool {
	return slices.ContainsFunc(crd.Spec.Versions, func(v apiextensionsv1.CustomResourceDefinitionVersion) bool {
		return v.Name == theirs && v.Served
	})
}

func (t *taker) objects(ctx context.Context, k kind, version string) ([]unstructured.Unstructured, error) {
	var all []unstructured.Unstructured
	options := metav1.ListOptions{Limit: 500}
	for {
		list, err := t.dynamic.Resource(k.at(version)).List(ctx, options)
		if err != nil {
			return nil, fmt.Errorf("reading %s at %s: %w", k.plural, version, err)
		}
		all = append(all, list.Items...)
		if options.Continue = list.GetContinue(); options.Continue == "" {
			return all, nil
		}
	}
}

// in is where the objects of a kind are read and written.
func (t *taker) in(k kind, version, namespace string) dynamic.ResourceInterface {
	if !k.namespaced {
		return t.dynamic.Resource(k.at(version))
	}
	return t.dynamic.Resource(k.at(version)).Namespace(namespace)
}

func called(o *unstructured.Unstructured) string {
	if o.GetNamespace() == "" {
		return fmt.Sprintf("%s %s", o.GetKind(), o.GetName())
	}
	return fmt.Sprintf("%s %s/%s", o.GetKind(), o.GetNamespace(), o.GetName())
}

func key(o *unstructured.Unstructured) types.NamespacedName {
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
}

// codec converts objects between the versions as the server does.
type codec struct{ codecs serializer.CodecFactory }

func newCodec() codec {
	scheme := runtime.NewScheme()
	for _, g := range groups {
		g.Install(scheme)
	}
	return codec{serializer.NewCodecFactory(scheme)}
}

func (c codec) convert(o *unstructured.Unstructured, version string) (*unstructured.Unstructured, error) {
	text, err := o.MarshalJSON()
	if err != nil {
		return nil, err
	}
	object, err := runtime.Decode(c.codecs.UniversalDecoder(), text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", called(o), err)
	}
	info, _ := runtime.SerializerInfoForMediaType(c.codecs.SupportedMediaTypes(), runtime.ContentTypeJSON)
	to := schema.GroupVersion{Group: o.GroupVersionKind().Group, Version: version}
	out, err := runtime.Encode(c.codecs.EncoderForVersion(info.Serializer, to), object)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", called(o), err)
	}
	converted := &unstructured.Unstructured{}
	return converted, converted.UnmarshalJSON(out)
}

// forStore is an object of CAPA's as the server is to store it.
func (c codec) forStore(o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	converted, err := c.convert(o, ours)
	if err != nil {
		return nil, err
	}
	managed, err := json.Marshal(o.GetManagedFields())
	if err != nil {
		return nil, err
	}
	annotations := converted.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[takeover.ManagedFieldsAnnotation] = string(managed)
	converted.SetAnnotations(annotations)
	converted.SetManagedFields(nil)
	converted.SetResourceVersion("")
	return converted, nil
}

// lost are the fields that an object of CAPA's has and the server can't keep.
func (c codec) lost(o *unstructured.Unstructured) ([]string, error) {
	there, err := c.convert(o, ours)
	if err != nil {
		return nil, err
	}
	back, err := c.convert(there, theirs)
	if err != nil {
		return nil, err
	}
	var all []string
	missing(&all, "", o.Object, back.Object)
	slices.Sort(all)
	return slices.DeleteFunc(all, func(path string) bool { return strings.HasPrefix(path, "metadata.") }), nil
}

// missing notes the paths of what is in one value and not in another. Empty is as good as left out.
func missing(all *[]string, path string, have, kept any) {
	switch have := have.(type) {
	case map[string]any:
		kept, _ := kept.(map[string]any)
		for name, value := range have {
			missing(all, strings.TrimPrefix(path+"."+name, "."), value, kept[name])
		}
	case []any:
		kept, _ := kept.([]any)
		for i, value := range have {
			if i >= len(kept) {
				missing(all, fmt.Sprintf("%s[%d]", path, i), value, nil)
			} else {
				missing(all, fmt.Sprintf("%s[%d]", path, i), value, kept[i])
			}
		}
	case nil:
	default:
		if fmt.Sprint(have) != fmt.Sprint(kept) && have != "" && have != false && fmt.Sprint(have) != "0" {
			*all = append(*all, path)
		}
	}
}
