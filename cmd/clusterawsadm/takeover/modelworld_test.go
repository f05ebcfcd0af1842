package takeover

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"

	"github.com/capa-apiserver/capa-apiserver/apis/group"
	"github.com/capa-apiserver/capa-apiserver/apiserver/registrar"
)

// otherKinds are what the model serves besides CAPA's kinds.
var otherKinds = map[string]served{
	"customresourcedefinitions":         {apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinition"), false},
	"apiservices":                       {apiregistrationv1.SchemeGroupVersion.WithKind("APIService"), false},
	"configmaps":                        {schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}, true},
	"leases":                            {schema.GroupVersionKind{Group: "coordination.k8s.io", Version: "v1", Kind: "Lease"}, true},
	"secrets":                           {schema.GroupVersionKind{Version: "v1", Kind: "Secret"}, true},
	"namespaces":                        {schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}, false},
	"pods":                              {schema.GroupVersionKind{Version: "v1", Kind: "Pod"}, true},
	"deployments":                       {schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}, true},
	"mutatingwebhookconfigurations":     {schema.GroupVersionKind{Group: "admissionregistration.k8s.io", Version: "v1", Kind: "MutatingWebhookConfiguration"}, false},
	"validatingwebhookconfigurations":   {schema.GroupVersionKind{Group: "admissionregistration.k8s.io", Version: "v1", Kind: "ValidatingWebhookConfiguration"}, false},
	"validatingadmissionpolicies":       {schema.GroupVersionKind{Group: "admissionregistration.k8s.io", Version: "v1", Kind: "ValidatingAdmissionPolicy"}, false},
	"validatingadmissionpolicybindings": {schema.GroupVersionKind{Group: "admissionregistration.k8s.io", Version: "v1", Kind: "ValidatingAdmissionPolicyBinding"}, false},
	"clusters":                          {schema.GroupVersionKind{Group: "cluster.x-k8s.io", Version: "v1beta2", Kind: "Cluster"}, true},
	"machines":                          {schema.GroupVersionKind{Group: "cluster.x-k8s.io", Version: "v1beta2", Kind: "Machine"}, true},
	"kubeadmconfigs":                    {schema.GroupVersionKind{Group: "bootstrap.cluster.x-k8s.io", Version: "v1beta2", Kind: "KubeadmConfig"}, true},
	"kubeadmcontrolplanes":              {schema.GroupVersionKind{Group: "controlplane.cluster.x-k8s.io", Version: "v1beta2", Kind: "KubeadmControlPlane"}, true},
}

// besides is what is there besides CAPA's objects and CRDs.
const besides = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: capa-controller-manager, namespace: capa-system, labels: {cluster.x-k8s.io/provider: infrastructure-aws}}
spec: {replicas: 2, selector: {matchLabels: {control-plane: capa-controller-manager}}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: capa-validating-webhook-configuration, labels: {cluster.x-k8s.io/provider: infrastructure-aws}}
webhooks: [{name: validation.awscluster, clientConfig: {service: {namespace: capa-system, name: capa-webhook-service}}, rules: [{apiGroups: [infrastructure.cluster.x-k8s.io], apiVersions: [v1beta2], operations: [CREATE, UPDATE], resources: ["*"]}]}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: capa-mutating-webhook-configuration, labels: {cluster.x-k8s.io/provider: infrastructure-aws}}
webhooks: [{name: default.awscluster, clientConfig: {service: {namespace: capa-system, name: capa-webhook-service}}, rules: [{apiGroups: [infrastructure.cluster.x-k8s.io], apiVersions: [v1beta2], operations: [CREATE, UPDATE], resources: ["*"]}]}]
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: capa-apiserver, namespace: capa-system}
spec: {holderIdentity: store-1}
---
apiVersion: cluster.x-k8s.io/v1beta2
kind: Cluster
metadata: {name: byo, namespace: a}
spec: {paused: false, infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: AWSCluster, name: byo}}
---
apiVersion: cluster.x-k8s.io/v1beta2
kind: Cluster
metadata: {name: paused-before, namespace: a}
spec: {paused: true, controlPlaneRef: {apiGroup: controlplane.cluster.x-k8s.io, kind: AWSManagedControlPlane, name: cp}}
---
apiVersion: cluster.x-k8s.io/v1beta2
kind: Cluster
metadata: {name: of-another-provider, namespace: a}
spec: {infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: DockerCluster, name: d}}
---
apiVersion: cluster.x-k8s.io/v1beta2
kind: Machine
metadata: {name: byo-0, namespace: a}
---
apiVersion: bootstrap.cluster.x-k8s.io/v1beta2
kind: KubeadmConfig
metadata: {name: k, namespace: a}
`

// newModelHost is a management cluster that runs CAPA, with objects of all kinds, and the server beside.
func newModelHost(t *testing.T) *modelHost {
	t.Helper()
	h := &modelHost{kept: map[at]*unstructured.Unstructured{}, kinds: map[schema.GroupResource]served{}, others: map[schema.GroupResource]served{}, missed: sets.New[missedOwner]()}
	for plural, k := range otherKinds {
		h.others[schema.GroupResource{Group: k.Group, Resource: plural}] = k
	}
	for _, g := range groups {
		for _, object := range g.Hub.Kinds() {
			if kind := group.KindName(object); known(g.Name(), kind) && !strings.HasSuffix(kind, "List") {
				h.addKind(t, g.Name(), kind)
			}
		}
		h.put(t, false, fmt.Sprintf("{apiVersion: apiregistration.k8s.io/v1, kind: APIService, metadata: {name: v2beta1.%[1]s, labels: {app.kubernetes.io/managed-by: capa-apiserver}},"+
			" spec: {group: %[1]s, version: v2beta1, service: {namespace: capa-system, name: capa-apiserver}}, status: {conditions: [{type: Available, status: 'True'}]}}", g.Name()))
	}
	h.addKind(t, "infrastructure.cluster.x-k8s.io", "ROSANetwork")
	// Others have a version of two of the groups.
	h.put(t, false, crdOf("bootstrap.cluster.x-k8s.io", "kubeadmconfigs", "KubeadmConfig", "bootstrap-kubeadm"))
	h.put(t, false, crdOf("controlplane.cluster.x-k8s.io", "kubeadmcontrolplanes", "KubeadmControlPlane", "control-plane-kubeadm"))
	for _, document := range strings.Split(besides, "\n---\n") {
		h.put(t, false, document)
	}
	text, err := os.ReadFile("../../../test/e2e/testdata/capa/objects.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, document := range strings.Split(string(text), "\n---\n") {
		h.put(t, false, document)
	}
	for i := range 3 {
		h.put(t, false, fmt.Sprintf("{apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSMachine, metadata: {name: besides-%d}, spec: {instanceType: t3.large}}", i))
	}
	const identity = "{apiVersion: infrastructure.cluster.x-k8s.io/%s, kind: AWSClusterControllerIdentity, metadata: {name: default}, spec: {allowedNamespaces: {}}}"
	h.put(t, false, fmt.Sprintf(identity, theirs))
	h.put(t, true, fmt.Sprintf(identity, ours))
	h.own(t, "AWSMachine/pooled", "AWSMachinePool/byo-pool")
	h.own(t, "AWSMachine/byo-0", "Machine/byo-0")
	h.own(t, "AWSCluster/byo", "Cluster/byo")
	h.own(t, "AWSFargateProfile/f", "AWSManagedControlPlane/cp")
	for _, owner := range []string{"AWSCluster/byo", "AWSMachinePool/byo-pool", "AWSManagedControlPlane/cp", "EKSConfig/e", "Cluster/byo"} {
		secret := "owned-by-" + strings.ToLower(strings.ReplaceAll(owner, "/", "-"))
		h.put(t, false, fmt.Sprintf("{apiVersion: v1, kind: Secret, metadata: {name: %s, namespace: a}}", secret))
		h.own(t, "Secret/"+secret, owner)
	}
	h.act()
	h.judge("the beginning")
	if len(h.broken) > 0 {
		t.Fatal(h.broken)
	}
	return h
}

func crdOf(groupName, plural, kind, provider string) string {
	scope := "Namespaced"
	if strings.HasSuffix(kind, "Identity") {
		scope = "Cluster"
	}
	return fmt.Sprintf(`{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition,
  metadata: {name: %[2]s.%[1]s, labels: {cluster.x-k8s.io/provider: %[4]s, cluster.x-k8s.io/v1beta1: v1beta1_v1beta2, clusterctl.cluster.x-k8s.io: ""}},
  spec: {group: %[1]s, scope: %[5]s, names: {kind: %[3]s, plural: %[2]s},
    conversion: {strategy: Webhook, webhook: {conversionReviewVersions: [v1], clientConfig: {service: {namespace: capa-system, name: capa-webhook-service}}}},
    versions: [{name: v1beta1, served: false, storage: false}, {name: v1beta2, served: true, storage: true}]},
  status: {storedVersions: [v1beta2]}}`, groupName, plural, kind, provider, scope)
}

func (h *modelHost) addKind(t *testing.T, groupName, kind string) {
	t.Helper()
	gvk := schema.GroupVersionKind{Group: groupName, Version: theirs, Kind: kind}
	plural, _ := meta.UnsafeGuessKindToResource(gvk)
	h.kinds[plural.GroupResource()] = served{gvk, !strings.HasSuffix(kind, "Identity")}
	h.put(t, false, crdOf(groupName, plural.Resource, kind, provider))
}

// put keeps what is written, with what every object has.
func (h *modelHost) put(t *testing.T, byServer bool, text string) {
	t.Helper()
	asJSON, err := parse(t, text).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	o := &unstructured.Unstructured{}
	if err := o.UnmarshalJSON(asJSON); err != nil { // as a client's, whose numbers are integers
		t.Fatal(err)
	}
	gvk := o.GroupVersionKind()
	for _, all := range []map[schema.GroupResource]served{h.kinds, h.others} {
		for gr, k := range all {
			if gr.Group != gvk.Group || k.Kind != gvk.Kind {
				continue
			}
			if k.namespaced && o.GetNamespace() == "" {
				o.SetNamespace("a")
			}
			o.SetUID(types.UID(fmt.Sprintf("uid-%d", h.version)))
			o.SetCreationTimestamp(metav1.Unix(1_700_000_000, 0))
			o.SetGeneration(3)
			o.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "kubectl", Operation: "Update", APIVersion: gvk.GroupVersion().String()}})
			h.keep(at{byServer, gr.Group, gr.Resource, o.GetNamespace(), o.GetName()}, o)
			return
		}
	}
	t.Fatalf("the model has no %s", gvk)
}

// find is an object of the host's by kind and name.
func (h *modelHost) find(t *testing.T, kindAndName string) (at, *unstructured.Unstructured) {
	t.Helper()
	for k, o := range h.kept {
		if !k.byServer && o.GetKind()+"/"+o.GetName() == kindAndName {
			return k, o
		}
	}
	t.Fatalf("there is no %s", kindAndName)
	return at{}, nil
}

func (h *modelHost) own(t *testing.T, owned, owner string) {
	t.Helper()
	_, by := h.find(t, owner)
	k, o := h.find(t, owned)
	o.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: by.GetAPIVersion(), Kind: by.GetKind(), Name: by.GetName(), UID: by.GetUID()}})
	h.keep(k, o)
}

// decoded CRDs are remembered as conversions are.
var decodedCRDs sync.Map

func crdFrom(o *unstructured.Unstructured) *apiextensionsv1.CustomResourceDefinition {
	if crd, found := decodedCRDs.Load(o); found {
		return crd.(*apiextensionsv1.CustomResourceDefinition)
	}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := decode(o, crd); err != nil {
		panic(err)
	}
	decodedCRDs.Store(o, crd)
	return crd
}

func (h *modelHost) crd(gr schema.GroupResource) *apiextensionsv1.CustomResourceDefinition {
	return crdFrom(h.kept[at{group: crds.Group, resource: crds.Resource, name: gr.String()}])
}

// judgedCRD refuses what the host refuses of a CRD, and notes in what it stores.
func judgedCRD(o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	crd := crdFrom(o)
	stored := sets.New(crd.Status.StoredVersions...)
	count, names := 0, sets.New[string]()
	for _, v := range crd.Spec.Versions {
		names.Insert(v.Name)
		if v.Storage {
			count++
			stored.Insert(v.Name)
		}
	}
	if count != 1 || len(names) != len(crd.Spec.Versions) || !names.IsSuperset(stored) {
		return nil, fmt.Errorf("CRD %s: %d storage versions, of %v stored %v", crd.Name, count, sets.List(names), sets.List(stored))
	}
	return o, unstructured.SetNestedStringSlice(o.Object, sets.List(stored), "status", "storedVersions")
}

var location = registrar.ServiceLocation{Namespace: "capa-system", Name: server, Port: 443}

// act does what the host's and the server's controllers do: CRDs' versions are registered, and the
// server claims what it may.
func (h *modelHost) act() {
	var state registrar.HostState
	locals := map[string]schema.GroupVersion{}
	for k, o := range h.kept {
		if k.resource != crds.Resource {
			continue
		}
		crd := crdFrom(o)
		state.CRDs = append(state.CRDs, crd)
		for _, v := range crd.Spec.Versions {
			if v.Served {
				gv := schema.GroupVersion{Group: crd.Spec.Group, Version: v.Name}
				locals[gv.Version+"."+gv.Group] = gv
			}
		}
	}
	for name, gv := range locals {
		if k := (at{group: services.Group, resource: services.Resource, name: name}); h.kept[k] == nil {
			h.keepService(k, &apiregistrationv1.APIService{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"kube-aggregator.kubernetes.io/automanaged": "true"}},
				Spec: apiregistrationv1.APIServiceSpec{Group: gv.Group, Version: gv.Version}})
		}
	}
	for k, o := range h.kept {
		if k.resource != services.Resource {
			continue
		}
		service := &apiregistrationv1.APIService{}
		if err := decode(o, service); err != nil {
			panic(err)
		}
		if _, isServed := locals[k.name]; service.Labels["kube-aggregator.kubernetes.io/automanaged"] == "true" && !isServed {
			delete(h.kept, k)
			continue
		}
		state.APIServices = append(state.APIServices, service)
	}
	for _, d := range registrar.Decide(registrar.ModeAuto, h.serverResources(), location, state) {
		k := at{group: services.Group, resource: services.Resource, name: d.GroupVersion.Version + "." + d.GroupVersion.Group}
		switch {
		case d.Action == registrar.ActionRelease:
			delete(h.kept, k)
		case d.Action != registrar.ActionLeave && !h.routed(d.GroupVersion):
			service := registrar.APIServiceFor(d.GroupVersion, location, nil)
			service.Status.Conditions = []apiregistrationv1.APIServiceCondition{{Type: apiregistrationv1.Available, Status: apiregistrationv1.ConditionTrue}}
			h.keepService(k, service)
		}
	}
}

func (h *modelHost) serverResources() []registrar.Resource {
	var all []registrar.Resource
	for gr, k := range h.kinds {
		if known(gr.Group, k.Kind) {
			all = append(all, registrar.Resource{Group: gr.Group, Kind: k.Kind, Plural: gr.Resource, Namespaced: k.namespaced, Versions: []string{ours, theirs}})
		}
	}
	return all
}

func (h *modelHost) keepService(k at, service *apiregistrationv1.APIService) {
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(service)
	if err != nil {
		panic(err)
	}
	o := &unstructured.Unstructured{Object: object}
	o.SetGroupVersionKind(otherKinds["apiservices"].GroupVersionKind)
	h.keep(k, o)
}

// judge tells what Cluster API and the garbage collector would break on as it is now.
func (h *modelHost) judge(after string) {
	for k, o := range h.kept {
		owners := o.GetOwnerReferences()
		if len(owners) == 0 || !h.visible(k, o) {
			continue
		}
		found := false
		for _, owner := range owners {
			found = h.isThere(k.namespace, owner) || found
		}
		if !found && h.policyAt(o.GroupVersionKind().GroupVersion(), k.resource, admissionregistrationv1.Delete) == nil {
			h.broken = append(h.broken, fmt.Sprintf("after %s the garbage collector deletes %s, of whose owners it finds none: %+v", after, called(o), owners))
		}
	}
	if h.unjudged() {
		h.broken = append(h.broken, fmt.Sprintf("after %s anybody may change an AWSCluster of CAPA's, and nobody judges that", after))
	}
	if err := h.readAsCore(); err != nil {
		h.broken = append(h.broken, fmt.Sprintf("after %s Cluster API doesn't find the AWSCluster: %v", after, err))
	}
}

// unjudged tells whether CAPA's objects may be changed by a tenant although neither CAPA's webhooks nor the policy say no.
func (h *modelHost) unjudged() bool {
	gvr := schema.GroupVersionResource{Group: "infrastructure.cluster.x-k8s.io", Version: theirs, Resource: "awsclusters"}
	byServer, err := h.route(gvr)
	webhook := h.kept[at{group: "admissionregistration.k8s.io", resource: validatingWebhooks, name: "capa-validating-webhook-configuration"}]
	policy := h.policyAt(gvr.GroupVersion(), gvr.Resource, admissionregistrationv1.Update)
	return err == nil && !byServer && webhook == nil && (policy == nil || allows(policy, "tenant", admissionregistrationv1.Update, h.kept[at{group: gvr.Group, resource: gvr.Resource, namespace: "a", name: "byo"}]))
}

// visible tells whether clients see an object at the version that it is kept in.
func (h *modelHost) visible(k at, o *unstructured.Unstructured) bool {
	byServer, err := h.route(schema.GroupVersionResource{Group: k.group, Version: o.GroupVersionKind().Version, Resource: k.resource})
	return err == nil && byServer == k.byServer
}

// isThere tells whether the garbage collector finds an owner.
func (h *modelHost) isThere(namespace string, owner metav1.OwnerReference) bool {
	missed := missedOwner{owner.APIVersion, owner.Kind, namespace, owner.Name, owner.UID}
	if h.missed.Has(missed) {
		return false
	}
	gv, _ := schema.ParseGroupVersion(owner.APIVersion)
	for _, all := range []map[schema.GroupResource]served{h.kinds, h.others} {
		for gr, k := range all {
			if gr.Group != gv.Group || k.Kind != owner.Kind {
				continue
			}
			if !k.namespaced {
				namespace = ""
			}
			byServer, err := h.route(gr.WithVersion(gv.Version))
			if o := h.kept[at{byServer, gr.Group, gr.Resource, namespace, owner.Name}]; err == nil && o != nil && o.GetUID() == owner.UID {
				return true
			}
		}
	}
	h.missed.Insert(missed)
	return false
}

// readAsCore reads the AWSCluster at the version that the CRD's labels say.
func (h *modelHost) readAsCore() error {
	gr := schema.GroupResource{Group: "infrastructure.cluster.x-k8s.io", Resource: "awsclusters"}
	label := h.crd(gr).Labels[contract]
	if label == "" {
		label = h.crd(gr).Labels["cluster.x-k8s.io/v1beta1"]
	}
	versions := strings.Split(label, "_")
	byServer, err := h.route(gr.WithVersion(versions[len(versions)-1]))
	if err != nil {
		return err
	}
	o := h.kept[at{byServer, gr.Group, gr.Resource, "a", "byo"}]
	if o == nil {
		return errors.New("it isn't there")
	}
	if region, _, _ := unstructured.NestedString(o.Object, "spec", "region"); region != "us-east-1" {
		return fmt.Errorf("it is %v", o.Object)
	}
	return nil
}

// state is all that is kept, but for what says how often it was written.
func (h *modelHost) state(keep func(at) bool) map[string]any {
	out := map[string]any{}
	for k, o := range h.kept {
		if !keep(k) {
			continue
		}
		o = o.DeepCopy()
		o.SetResourceVersion("")
		if strings.HasPrefix(string(o.GetUID()), "new-") {
			o.SetUID("new")
		}
		owners := o.GetOwnerReferences()
		for i := range owners {
			if strings.HasPrefix(string(owners[i].UID), "new-") {
				owners[i].UID = "new"
			}
		}
		if len(owners) > 0 {
			o.SetOwnerReferences(owners)
		}
		if slices.Contains(webhookResources, k.resource) { // they are deleted and made again
			o.SetUID("")
			o.SetCreationTimestamp(metav1.Time{})
			o.SetManagedFields(nil)
		}
		if k.resource == services.Resource {
			unstructured.RemoveNestedField(o.Object, "status")
			unstructured.RemoveNestedField(o.Object, "spec", "versionPriority")
			unstructured.RemoveNestedField(o.Object, "spec", "groupPriorityMinimum")
		}
		out[fmt.Sprintf("%+v", k)] = o.Object
	}
	return out
}
