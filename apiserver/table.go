package apiserver

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/kube-openapi/pkg/common"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capa-apiserver/capa-apiserver/admission"
	"github.com/capa-apiserver/capa-apiserver/apis/group"
	"github.com/capa-apiserver/capa-apiserver/apiserver/registrar"
	"github.com/capa-apiserver/capa-apiserver/apiserver/templateimmutable"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
)

// Row is all that the server knows of one kind; nothing else names it. Only the Kind is
// needed.
type Row struct {
	generic.Kind
	// Admission are the rules that need another object or AWS.
	Admission func(admission.Options) admission.Rules
	// Live makes reads as fresh as AWS.
	Live func(Parts) generic.Live
	// Subresources are what is served below the objects besides their status, by name.
	// Who may edit the objects may use them.
	Subresources map[string]Subresource
}

// Subresource makes the storage of a subresource from that of its objects.
type Subresource func(p Parts, objects rest.Getter) rest.Storage

// Parts are what live reads and subresources are made from.
type Parts struct {
	Promise  Promise
	Sessions *cloud.Sessions
	Mirror   *mirror.Mirror
	// Living are the objects that own AWS resources.
	Living ownership.Living
	// MakeRoles tells that IAM roles may be made, with RolePolicies.
	MakeRoles    bool
	RolePolicies cloud.RolePolicies
	// Ours are the kinds of the table, and Host those of the host: the caches themselves,
	// which are asked for each object of each read.
	Ours, Host client.Reader
	// Authorizer knows what callers may do besides what they ask for.
	Authorizer authorizer.Authorizer
}

// Table is what the server serves. Scheme, schemas, storage, admission, live reads,
// discovery, shadow CRDs, the registrar's claims and the rights in manifests follow from it.
type Table struct {
	Rows []Row
	// Scheme knows every kind in every version that the server speaks.
	Scheme *runtime.Scheme
	// Codecs read and write them.
	Codecs serializer.CodecFactory
}

// NewTable is the table with these rows.
func NewTable(rows ...Row) *Table {
	t := &Table{Rows: rows, Scheme: runtime.NewScheme()}
	for _, g := range t.Groups() {
		g.Install(t.Scheme)
	}
	metav1.AddToGroupVersion(t.Scheme, schema.GroupVersion{Version: "v1"})
	utilruntime.Must(metav1.AddMetaToScheme(t.Scheme))
	// What the generic machinery answers with besides the kinds.
	t.Scheme.AddUnversionedTypes(schema.GroupVersion{Version: "v1"},
		&metav1.Status{}, &metav1.APIVersions{}, &metav1.APIGroupList{}, &metav1.APIGroup{}, &metav1.APIResourceList{})
	t.Codecs = serializer.NewCodecFactory(t.Scheme)
	return t
}

// Groups are the groups of the rows, in their order.
func (t *Table) Groups() []*group.Group {
	var all []*group.Group
	for _, row := range t.Rows {
		if !slices.Contains(all, row.Group) {
			all = append(all, row.Group)
		}
	}
	return all
}

// external is a scheme with the versions that clients see; see group.InstallExternal.
func (t *Table) external() *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, g := range t.Groups() {
		g.InstallExternal(scheme)
	}
	return scheme
}

// openAPI has the models of all groups.
func (t *Table) openAPI(ref common.ReferenceCallback) map[string]common.OpenAPIDefinition {
	all := map[string]common.OpenAPIDefinition{}
	for _, g := range t.Groups() {
		for name, definition := range g.OpenAPI(ref) {
			all[name] = definition
		}
	}
	return all
}

// hubVersions are the stored version of each group.
func (t *Table) hubVersions() []schema.GroupVersion {
	var hubs []schema.GroupVersion
	for _, g := range t.Groups() {
		hubs = append(hubs, g.Hub.GroupVersion)
	}
	return hubs
}

// storageCodec reads any version and writes the hub.
func (t *Table) storageCodec() runtime.Codec { return t.Codecs.LegacyCodec(t.hubVersions()...) }

// resources is the table as the registrar needs it.
func (t *Table) resources() []registrar.Resource {
	var all []registrar.Resource
	for _, k := range t.Rows {
		all = append(all, registrar.Resource{
			Group: k.Group.Name(), Kind: k.Name, Plural: k.Plural, Singular: k.Singular,
			ShortNames: k.ShortNames, Categories: k.Categories, Namespaced: k.Namespaced,
			Versions: k.Served, ShadowLabels: k.Labels,
		})
	}
	return all
}

// judged is the table as the webhooks need it.
func (t *Table) judged() []admission.Kind {
	var all []admission.Kind
	for _, k := range t.Rows {
		if k.Admission != nil {
			all = append(all, admission.Kind{
				GroupVersionKind: k.Group.Hub.WithKind(k.Name), Resource: k.Plural, Namespaced: k.Namespaced,
				New: k.New, Rules: k.Admission,
			})
		}
	}
	return all
}

// templates are the kinds whose spec can't be changed.
func (t *Table) templates() templateimmutable.Templates {
	all := templateimmutable.Templates{}
	for _, k := range t.Rows {
		if k.Template != nil {
			all[k.GroupKind()] = k.Template.Allowing
		}
	}
	return all
}

// mapper knows the kinds without asking for them: caches are set up before anything is
// served.
func (t *Table) mapper() meta.RESTMapper {
	m := meta.NewDefaultRESTMapper(nil)
	for _, k := range t.Rows {
		scope := meta.RESTScopeRoot
		if k.Namespaced {
			scope = meta.RESTScopeNamespace
		}
		for _, version := range k.Served {
			gv := schema.GroupVersion{Group: k.Group.Name(), Version: version}
			m.AddSpecific(gv.WithKind(k.Name), gv.WithResource(k.Plural), gv.WithResource(k.Singular), scope)
		}
	}
	return m
}
