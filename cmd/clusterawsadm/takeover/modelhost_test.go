package takeover

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/client-go/rest"

	"github.com/capa-apiserver/capa-apiserver/apis/takeover"
)

// modelHost is a management cluster with CAPA and the server as far as a takeover sees it, in
// memory and without a moment's delay: CRDs and what they keep, the server's store, who serves
// which version, the policy. After each write it is judged as Cluster API and the garbage
// collector see it.
type modelHost struct {
	mu sync.Mutex
	// kept is never changed in place, so that a copy of the map is a copy of the host.
	kept    map[at]*unstructured.Unstructured
	version int
	// kinds are what CRDs of CAPA's are for, and others all that is served besides.
	kinds, others map[schema.GroupResource]served
	// missed are the owners that the garbage collector once didn't find: it never asks again.
	missed sets.Set[missedOwner]
	// beforeWrite is called before each request that writes.
	beforeWrite func(what string)
	// refuse is a webhook, and afterList is called when something was listed.
	refuse    func(verb string, o *unstructured.Unstructured) error
	afterList func(resource string)
	// beforeDelete refuses a deletion.
	beforeDelete func(k at, o *unstructured.Unstructured) error
	// unread is why a resource can't be listed.
	unread func(gvr schema.GroupVersionResource) error
	broken []string
}

// at is where something is kept: by the host, or by the server.
type at struct {
	byServer                         bool
	group, resource, namespace, name string
}

type served struct {
	schema.GroupVersionKind
	namespaced bool
}

type missedOwner struct {
	apiVersion, kind, namespace, name string
	uid                               types.UID
}

func (h *modelHost) clone() *modelHost {
	return &modelHost{kept: maps.Clone(h.kept), version: h.version, kinds: h.kinds, others: h.others, missed: h.missed.Clone()}
}

func (h *modelHost) config() *rest.Config {
	return &rest.Config{Host: "http://host", Transport: h, ContentConfig: rest.ContentConfig{ContentType: runtime.ContentTypeJSON}}
}

// RoundTrip answers as an API server.
func (h *modelHost) RoundTrip(req *http.Request) (*http.Response, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	answer, err := h.answer(req, body)
	code := http.StatusOK
	if err != nil {
		status := apierrors.APIStatus(apierrors.NewInternalError(err))
		errors.As(err, &status)
		s := status.Status()
		s.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
		answer, code = s, int(s.Code)
	}
	text, err := json.Marshal(answer)
	return &http.Response{StatusCode: code, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(text)), Request: req}, err
}

var requests = request.RequestInfoFactory{APIPrefixes: sets.NewString("api", "apis"), GrouplessAPIPrefixes: sets.NewString("api")}

func (h *modelHost) answer(req *http.Request, body []byte) (any, error) {
	info, err := requests.NewRequestInfo(req)
	if err != nil {
		return nil, err
	}
	switch {
	case !info.IsResourceRequest:
		return h.discovery(strings.Split(strings.Trim(info.Path, "/"), "/"))
	case info.Resource == "selfsubjectaccessreviews":
		return map[string]any{"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "status": map[string]any{"allowed": true}}, nil
	case info.Resource == "selfsubjectreviews":
		return map[string]any{"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview", "status": map[string]any{"userInfo": map[string]any{"username": "admin"}}}, nil
	}
	byServer, err := h.route(schema.GroupVersionResource{Group: info.APIGroup, Version: info.APIVersion, Resource: info.Resource})
	if err != nil {
		return nil, err
	}
	k := at{byServer, info.APIGroup, info.Resource, info.Namespace, info.Name}
	partial := strings.Contains(req.Header.Get("Accept"), "as=PartialObjectMetadata")
	if info.Verb == "list" {
		if h.unread != nil {
			if err := h.unread(schema.GroupVersionResource{Group: info.APIGroup, Version: info.APIVersion, Resource: info.Resource}); err != nil {
				return nil, err
			}
		}
		list, err := h.list(info, k, partial)
		if h.afterList != nil {
			h.afterList(info.Resource)
		}
		return list, err
	}
	o := h.kept[k]
	if info.Verb != "get" {
		dry := req.URL.Query().Get("dryRun") != ""
		if !dry && h.beforeWrite != nil {
			h.beforeWrite(strings.TrimSpace(strings.Join([]string{info.Verb, info.Resource, info.Namespace + "/" + info.Name, info.Subresource}, " ")))
		}
		if o, err = h.write(info, k, body, dry); err != nil {
			return nil, err
		}
		if o == nil {
			return metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusSuccess}, nil
		}
	}
	if o == nil {
		return nil, notFound(info)
	}
	return shown(o, info.APIVersion, partial)
}

// route tells who serves a resource at a version.
func (h *modelHost) route(gvr schema.GroupVersionResource) (byServer bool, err error) {
	kind, isKind := h.kinds[gvr.GroupResource()]
	_, isOther := h.others[gvr.GroupResource()]
	switch {
	case isOther:
		return false, nil
	case isKind && known(gvr.Group, kind.Kind) && (gvr.Version == ours || gvr.Version == theirs && h.routed(gvr.GroupVersion())):
		return true, nil
	case isKind && !h.routed(gvr.GroupVersion()) && slices.ContainsFunc(h.crd(gvr.GroupResource()).Spec.Versions, func(v apiextensionsv1.CustomResourceDefinitionVersion) bool {
		return v.Name == gvr.Version && v.Served
	}):
		return false, nil
	}
	return false, apierrors.NewGenericServerResponse(http.StatusNotFound, "get", gvr.GroupResource(), "", "the server could not find the requested resource", 0, true)
}

// routed tells whether an APIService has a version come from the server.
func (h *modelHost) routed(gv schema.GroupVersion) bool {
	service := h.kept[at{group: services.Group, resource: services.Resource, name: gv.Version + "." + gv.Group}]
	if service == nil {
		return false
	}
	_, found, _ := unstructured.NestedMap(service.Object, "spec", "service")
	return found
}

// conversions are remembered, because what is kept is never changed in place.
var (
	conversions sync.Map
	modelCodec  = newCodec()
)

type conversion struct {
	of *unstructured.Unstructured
	to string
}

// shown is an object as a client gets it.
func shown(o *unstructured.Unstructured, version string, partial bool) (*unstructured.Unstructured, error) {
	if gvk := o.GroupVersionKind(); known(gvk.Group, gvk.Kind) && gvk.Version != version {
		converted, found := conversions.Load(conversion{o, version})
		if !found {
			var err error
			if converted, err = modelCodec.convert(o, version); err != nil {
				return nil, err
			}
			conversions.Store(conversion{o, version}, converted)
		}
		o = converted.(*unstructured.Unstructured)
	}
	if partial {
		return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": o.Object["metadata"]}}, nil
	}
	return o, nil
}

func (h *modelHost) list(info *request.RequestInfo, k at, partial bool) (any, error) {
	selector, err := metav1.ParseToLabelSelector(info.LabelSelector)
	if err != nil {
		return nil, err
	}
	matches, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return nil, err
	}
	items := []any{}
	of := slices.DeleteFunc(slices.Collect(maps.Keys(h.kept)), func(key at) bool {
		return key.byServer != k.byServer || key.group != k.group || key.resource != k.resource || k.namespace != "" && key.namespace != k.namespace ||
			info.LabelSelector != "" && !matches.Matches(labels.Set(h.kept[key].GetLabels()))
	})
	slices.SortFunc(of, func(a, b at) int {
		return cmp.Or(strings.Compare(a.namespace, b.namespace), strings.Compare(a.name, b.name))
	})
	for _, key := range of {
		item, err := shown(h.kept[key], info.APIVersion, partial)
		if err != nil {
			return nil, err
		}
		items = append(items, item.Object)
	}
	gr := schema.GroupResource{Group: k.group, Resource: k.resource}
	kind := h.others[gr].Kind + h.kinds[gr].Kind
	gv := schema.GroupVersion{Group: k.group, Version: info.APIVersion}.String()
	if partial {
		gv, kind = "meta.k8s.io/v1", "PartialObjectMetadata"
	}
	return map[string]any{"apiVersion": gv, "kind": kind + "List", "metadata": map[string]any{"resourceVersion": strconv.Itoa(h.version)}, "items": items}, nil
}

// discovery is what is served: /api, /apis, or one version.
func (h *modelHost) discovery(path []string) (any, error) {
	versions := map[schema.GroupVersion][]metav1.APIResource{}
	for _, all := range []map[schema.GroupResource]served{h.kinds, h.others} {
		for gr, k := range all {
			for _, version := range sets.New(k.Version, theirs, ours).UnsortedList() {
				byServer, err := h.route(gr.WithVersion(version))
				if err != nil || all[gr] == h.others[gr] && version != k.Version {
					continue
				}
				gv := schema.GroupVersion{Group: gr.Group, Version: version}
				versions[gv] = append(versions[gv], metav1.APIResource{Name: gr.Resource, Kind: k.Kind, Namespaced: k.namespaced, Verbs: metav1.Verbs{"list", "patch"}})
				if byServer {
					versions[gv] = append(versions[gv], metav1.APIResource{Name: gr.Resource + "/" + takeover.Subresource, Kind: k.Kind, Namespaced: k.namespaced, Verbs: metav1.Verbs{"create"}})
				}
			}
		}
	}
	switch {
	case len(path) == 1 && path[0] == "api":
		return metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions", APIVersion: "v1"}, Versions: []string{"v1"}}, nil
	case len(path) == 1:
		list := metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}}
		groups := map[string]*metav1.APIGroup{}
		for _, gv := range slices.SortedFunc(maps.Keys(versions), func(a, b schema.GroupVersion) int { return strings.Compare(a.String(), b.String()) }) {
			if gv.Group == "" {
				continue
			}
			version := metav1.GroupVersionForDiscovery{GroupVersion: gv.String(), Version: gv.Version}
			if groups[gv.Group] == nil {
				groups[gv.Group] = &metav1.APIGroup{Name: gv.Group, PreferredVersion: version}
			}
			groups[gv.Group].Versions = append(groups[gv.Group].Versions, version)
		}
		for _, name := range slices.Sorted(maps.Keys(groups)) {
			list.Groups = append(list.Groups, *groups[name])
		}
		return list, nil
	}
	gv, err := schema.ParseGroupVersion(strings.Join(path[1:], "/"))
	if err != nil || len(versions[gv]) == 0 {
		return nil, apierrors.NewGenericServerResponse(http.StatusNotFound, "get", schema.GroupResource{}, "", "the server could not find the requested resource", 0, true)
	}
	return metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: gv.String(), APIResources: versions[gv]}, nil
}

// write changes what is kept as a request says, unless that is only tried.
func (h *modelHost) write(info *request.RequestInfo, k at, body []byte, dry bool) (is *unstructured.Unstructured, err error) {
	sent := &unstructured.Unstructured{}
	was := h.kept[k]
	if bytes.HasPrefix(body, []byte("[")) {
		if body, err = asMergePatch(info, was, body); err != nil {
			return nil, err
		}
	}
	if len(body) > 0 && info.Verb != "delete" {
		if err := utiljson.Unmarshal(body, &sent.Object); err != nil {
			return nil, err
		}
	}
	switch {
	case info.Verb == "create" && info.Subresource == takeover.Subresource:
		is, err = taken(info, was, sent)
	case info.Verb == "create":
		k.name = sent.GetName()
		if h.kept[k] != nil {
			return nil, apierrors.NewAlreadyExists(groupResource(info), k.name)
		}
		is = h.fresh(info, sent)
	case was == nil:
		return nil, notFound(info)
	case info.Verb == "delete":
		is, err = deleted(info, was, body)
	default:
		is, err = changed(info, was, sent)
	}
	if err == nil {
		err = h.admit(info, k, is)
	}
	if err == nil && h.beforeDelete != nil && info.Verb == "delete" {
		err = h.beforeDelete(k, was)
	}
	if err == nil && h.refuse != nil && is != nil {
		err = h.refuse(info.Verb, is)
	}
	if err == nil && k.resource == crds.Resource {
		is, err = judgedCRD(is)
	}
	if err != nil || dry {
		return is, err
	}
	h.keep(k, is)
	if k.resource == crds.Resource || k.resource == services.Resource {
		h.act()
	}
	h.judge(info.Verb + " " + k.resource + " " + k.namespace + "/" + k.name)
	return is, nil
}

// keep stores an object, or ends it.
func (h *modelHost) keep(k at, o *unstructured.Unstructured) {
	if o == nil || o.GetDeletionTimestamp() != nil && len(o.GetFinalizers()) == 0 {
		delete(h.kept, k)
		return
	}
	h.version++
	o.SetResourceVersion(strconv.Itoa(h.version))
	h.kept[k] = o
}

// taken is what the server's subresource makes of an object.
func taken(info *request.RequestInfo, was, sent *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if was != nil && was.GetUID() != sent.GetUID() {
		return nil, apierrors.NewConflict(groupResource(info), info.Name, errors.New("another object of that name is here already"))
	}
	annotations := sent.GetAnnotations()
	var managed []metav1.ManagedFieldsEntry
	if err := json.Unmarshal([]byte(annotations[takeover.ManagedFieldsAnnotation]), &managed); err != nil {
		return nil, err
	}
	delete(annotations, takeover.ManagedFieldsAnnotation)
	sent.SetAnnotations(annotations)
	withoutEmpty(sent)
	sent.SetManagedFields(managed)
	return sent, nil
}

func (h *modelHost) fresh(info *request.RequestInfo, sent *unstructured.Unstructured) *unstructured.Unstructured {
	sent.SetUID(types.UID(fmt.Sprintf("new-%d", h.version)))
	sent.SetCreationTimestamp(metav1.Unix(1_800_000_000, 0))
	if h.hasStatus(info) {
		unstructured.RemoveNestedField(sent.Object, "status")
	}
	return sent
}

func deleted(info *request.RequestInfo, was *unstructured.Unstructured, body []byte) (*unstructured.Unstructured, error) {
	var options metav1.DeleteOptions
	if len(body) > 0 {
		if err := json.Unmarshal(body, &options); err != nil {
			return nil, err
		}
	}
	if p := options.Preconditions; p != nil && p.UID != nil && *p.UID != was.GetUID() {
		return nil, apierrors.NewConflict(groupResource(info), info.Name, errors.New("the UID is another one"))
	}
	if len(was.GetFinalizers()) == 0 {
		return nil, nil
	}
	is, now := was.DeepCopy(), metav1.Unix(1_800_000_001, 0)
	is.SetDeletionTimestamp(&now)
	return is, nil
}

func changed(info *request.RequestInfo, was, sent *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if is := sent.GetResourceVersion(); is != "" && is != was.GetResourceVersion() {
		return nil, apierrors.NewConflict(groupResource(info), info.Name, errors.New("it has been changed"))
	}
	if gvk := was.GroupVersionKind(); known(gvk.Group, gvk.Kind) && gvk.Version != info.APIVersion {
		return nil, fmt.Errorf("the model changes %s at %s only", gvk.Kind, gvk.Version)
	}
	is := was.DeepCopy()
	status, hadStatus := is.Object["status"]
	if info.Verb == "update" {
		is = sent
	} else {
		merge(is.Object, sent.Object)
	}
	switch {
	case info.Subresource == "status":
		status := is.Object["status"]
		is = was.DeepCopy()
		is.Object["status"] = status
	case hadStatus:
		is.Object["status"] = status
	default:
		delete(is.Object, "status")
	}
	withoutEmpty(is)
	return is, nil
}

// asMergePatch is a JSON patch that tests owner references and replaces them.
func asMergePatch(info *request.RequestInfo, was *unstructured.Unstructured, body []byte) ([]byte, error) {
	var operations []struct {
		Op, Path string
		Value    any
	}
	if err := json.Unmarshal(body, &operations); err != nil {
		return nil, err
	}
	if len(operations) != 2 || operations[0].Op != "test" || operations[1].Op != "replace" || operations[0].Path != "/metadata/ownerReferences" || operations[1].Path != operations[0].Path {
		return nil, fmt.Errorf("the model has no patch %s", body)
	}
	if was == nil {
		return nil, notFound(info)
	}
	owners, _, _ := unstructured.NestedSlice(was.Object, "metadata", "ownerReferences")
	is, _ := json.Marshal(owners)
	tested, _ := json.Marshal(operations[0].Value)
	if !bytes.Equal(is, tested) {
		return nil, apierrors.NewGenericServerResponse(http.StatusUnprocessableEntity, "patch", groupResource(info), info.Name, "the server rejected our request due to an error in our request", 0, false)
	}
	return json.Marshal(map[string]any{"metadata": map[string]any{"ownerReferences": operations[1].Value}})
}

// withoutEmpty leaves out of metadata what is empty, as typed objects do.
func withoutEmpty(o *unstructured.Unstructured) {
	metadata, _ := o.Object["metadata"].(map[string]any)
	for field, value := range metadata {
		asMap, isMap := value.(map[string]any)
		asList, isList := value.([]any)
		if isMap && len(asMap) == 0 || isList && len(asList) == 0 {
			delete(metadata, field)
		}
	}
}

// merge is a JSON merge patch.
func merge(into, patch map[string]any) {
	for name, value := range patch {
		deeper, isMap := value.(map[string]any)
		existing, hasMap := into[name].(map[string]any)
		switch {
		case value == nil:
			delete(into, name)
		case isMap:
			if !hasMap {
				existing = map[string]any{}
				into[name] = existing
			}
			merge(existing, deeper)
		default:
			into[name] = value
		}
	}
}

// admit asks, as the host does, mutating webhooks, the policy, and validating webhooks.
func (h *modelHost) admit(info *request.RequestInfo, k at, o *unstructured.Unstructured) error {
	resource := info.Resource
	if info.Subresource != "" {
		resource += "/" + info.Subresource
	}
	operation := map[string]admissionregistrationv1.OperationType{"create": admissionregistrationv1.Create, "delete": admissionregistrationv1.Delete}[info.Verb]
	if operation == "" {
		operation = admissionregistrationv1.Update
	}
	if operation == admissionregistrationv1.Delete {
		o = nil
	}
	gv := schema.GroupVersion{Group: info.APIGroup, Version: info.APIVersion}
	if err := h.call(mutatingWebhooks, "capa-mutating-webhook-configuration", gv, k, resource, operation); err != nil {
		return err
	}
	if policy := h.policyAt(gv, resource, operation); policy != nil && !allows(policy, "admin", operation, o) {
		return apierrors.NewForbidden(groupResource(info), info.Name, errors.New(policy.Spec.Validations[0].Message))
	}
	return h.call(validatingWebhooks, "capa-validating-webhook-configuration", gv, k, resource, operation)
}

// call asks a webhook of CAPA's, which nobody answers while CAPA is stopped. The server asks none of them.
func (h *modelHost) call(resource, name string, gv schema.GroupVersion, of at, called string, operation admissionregistrationv1.OperationType) error {
	o := h.kept[at{group: "admissionregistration.k8s.io", resource: resource, name: name}]
	capa := h.kept[at{group: "apps", resource: "deployments", namespace: "capa-system", name: "capa-controller-manager"}]
	if o == nil || capa == nil || of.byServer || gv.Version != theirs || strings.Contains(called, "/") {
		return nil
	}
	if replicas, _, _ := unstructured.NestedInt64(capa.Object, "spec", "replicas"); replicas > 0 {
		return nil
	}
	configuration := &admissionregistrationv1.ValidatingWebhookConfiguration{} // the other kind's fields are the same
	if err := decode(o, configuration); err != nil {
		return err
	}
	for _, w := range configuration.Webhooks {
		for _, rule := range w.Rules {
			if slices.Contains(rule.APIGroups, gv.Group) && slices.Contains(rule.Operations, operation) {
				return fmt.Errorf("failed calling webhook %q: no endpoints available for service \"capa-webhook-service\"", w.Name)
			}
		}
	}
	return nil
}

var (
	celOnce  sync.Once
	celEnv   *cel.Env
	programs sync.Map
)

// allows tells what the policy says of what somebody writes.
func allows(policy *admissionregistrationv1.ValidatingAdmissionPolicy, user string, operation admissionregistrationv1.OperationType, o *unstructured.Unstructured) bool {
	celOnce.Do(func() {
		var err error
		if celEnv, err = cel.NewEnv(cel.Variable("object", cel.DynType), cel.Variable("request", cel.DynType)); err != nil {
			panic(err)
		}
	})
	expression := policy.Spec.Validations[0].Expression
	program, found := programs.Load(expression)
	if !found {
		ast, issues := celEnv.Compile(expression)
		if issues.Err() != nil {
			panic(issues.Err())
		}
		var err error
		if program, err = celEnv.Program(ast); err != nil {
			panic(err)
		}
		programs.Store(expression, program)
	}
	values := map[string]any{"object": nil, "request": map[string]any{"operation": string(operation), "userInfo": map[string]any{"username": user}}}
	if o != nil {
		values["object"] = o.Object
	}
	out, _, err := program.(cel.Program).Eval(values)
	return err == nil && out.Value() == true
}

// policyAt is the policy if it is in force for a resource.
func (h *modelHost) policyAt(gv schema.GroupVersion, resource string, operation admissionregistrationv1.OperationType) *admissionregistrationv1.ValidatingAdmissionPolicy {
	o := h.kept[at{group: "admissionregistration.k8s.io", resource: "validatingadmissionpolicies", name: name}]
	if o == nil || h.kept[at{group: "admissionregistration.k8s.io", resource: "validatingadmissionpolicybindings", name: name}] == nil {
		return nil
	}
	policy := &admissionregistrationv1.ValidatingAdmissionPolicy{}
	if err := decode(o, policy); err != nil {
		panic(err)
	}
	for _, rule := range policy.Spec.MatchConstraints.ResourceRules {
		if slices.Contains(rule.APIGroups, gv.Group) && slices.Contains(rule.APIVersions, gv.Version) && slices.Contains(rule.Resources, resource) && slices.Contains(rule.Operations, operation) {
			return policy
		}
	}
	return nil
}

func (h *modelHost) hasStatus(info *request.RequestInfo) bool {
	_, isKind := h.kinds[groupResource(info)]
	return isKind || info.Resource == crds.Resource
}

func groupResource(info *request.RequestInfo) schema.GroupResource {
	return schema.GroupResource{Group: info.APIGroup, Resource: info.Resource}
}

func notFound(info *request.RequestInfo) error {
	return apierrors.NewNotFound(groupResource(info), info.Name)
}
