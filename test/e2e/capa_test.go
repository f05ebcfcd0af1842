package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/takeover"
)

var (
	crdResource        = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	apiServiceResource = schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}
)

// capa is a management cluster as CAPA leaves it: its CRDs store and serve v1beta2, its objects are
// in the host, with the UIDs that they had when all of it was made, and AWS has what they say.
type capa struct {
	*world
	ns, cluster string
	dynamic     dynamic.Interface
	// crds are CAPA's, and objects what they keep, by plural.group.
	crds    []unstructured.Unstructured
	objects map[string][]unstructured.Unstructured
	// secrets is how many Secrets are owned by them.
	secrets int
}

// newCAPA is the beginning of one, with a server that has made nothing yet.
func newCAPA(t *testing.T, cluster string, flags ...string) *capa {
	t.Helper()
	c := &capa{world: newWorld(t, append([]string{"--sweep-period=3s", "--instance-sweep-period=3s", "--creation-grace=5s"}, flags...)...), cluster: cluster}
	var err error
	c.dynamic, err = dynamic.NewForConfig(c.config)
	must(t, err)
	c.ns = c.namespace()
	return c
}

func (c *capa) make() {
	c.apply(c.ns, quickStartIn(c.cluster, region, oneZone))
	c.waitReady(c.ns, c.cluster)
	c.apply(c.ns, machine(c.cluster, "cp-0", true))
	c.apply(c.ns, machine(c.cluster, "w-0", false))
	c.apply(c.ns, pool(c.cluster, "workers", "t3.large", 1))
	c.waitMachines(c.ns, "cp-0", "w-0")
	c.eventually("the pool is ready", func(ctx context.Context) error { return c.poolIsReady(ctx, c.ns, "workers", 1) })
	c.waitIdle()
}

// handToCAPA puts the host into the state in which CAPA has it, with the server beside it.
func (c *capa) handToCAPA() {
	t := c.t
	c.leaveToCAPA("testdata/capa/objects.yaml")
	c.launch()
	t.Cleanup(c.stopServer)
	c.eventually("the server serves its version beside CAPA's", func(ctx context.Context) error {
		_, err := c.dynamic.Resource(schema.GroupVersionResource{Group: "infrastructure.cluster.x-k8s.io", Version: "v2beta1", Resource: "awsclusters"}).List(ctx, metav1.ListOptions{})
		return err
	})
	c.pause(false)
}

// leaveToCAPA has CAPA have what is in the server, and in files besides, and nobody act for it. Its Clusters are paused.
func (c *capa) leaveToCAPA(files ...string) {
	shadows := c.shadows()
	c.objects = map[string][]unstructured.Unstructured{}
	for _, crd := range shadows {
		c.objects[crd.GetName()] = c.asTheirs(crd)
	}
	c.pause(true)
	c.replaceByCAPA()
	c.t.Cleanup(c.deleteCRDs)
	for _, file := range files {
		c.read(file)
	}
	c.store()
	c.nameTheirs()
	c.runCAPA()
}

// replaceByCAPA takes the server and its store away and puts CAPA's empty CRDs there.
func (c *capa) replaceByCAPA() {
	t := c.t
	c.crds = c.shadows()
	c.stopServer()
	must(t, os.RemoveAll(filepath.Join(c.dataDir, "etcd")))
	c.forgetStore()
	must(t, c.dynamic.Resource(apiServiceResource).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "app.kubernetes.io/managed-by=capa-apiserver"}))
	c.deleteCRDs()
	c.makeCRDs()
}

// shadows are the server's CRDs, by which Cluster API finds its kinds.
func (c *capa) shadows() []unstructured.Unstructured {
	list, err := c.dynamic.Resource(crdResource).List(c.t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/managed-by=capa-apiserver"})
	must(c.t, err)
	return list.Items
}

// asTheirs are the server's objects of a kind as CAPA has them. Those of kinds that the kubeadm providers have a version of are
// without status.
func (c *capa) asTheirs(shadow unstructured.Unstructured) []unstructured.Unstructured {
	version := takeover.VersionOfCAPA
	if resourceOf(shadow, "").Group != "infrastructure.cluster.x-k8s.io" {
		version = takeover.VersionOfServer
	}
	list, err := c.dynamic.Resource(resourceOf(shadow, version)).List(c.t.Context(), metav1.ListOptions{ResourceVersion: "0"})
	if apierrors.IsNotFound(err) {
		return nil
	}
	must(c.t, err)
	moved, err := takeover.NewMoved(takeover.VersionOfCAPA)
	must(c.t, err)
	var out []unstructured.Unstructured
	for _, o := range list.Items {
		if version == takeover.VersionOfServer {
			converted, _, err := moved.Convert(&o)
			must(c.t, err)
			o = *converted
		}
		unstructured.RemoveNestedField(o.Object, "status", "v2beta1")
		unstructured.RemoveNestedField(o.Object, "metadata", "resourceVersion")
		o.SetOwnerReferences(theirOwners(o.GetOwnerReferences()))
		out = append(out, o)
	}
	return out
}

// theirOwners name the version that CAPA's owner references have. clusterctl reads an owner at the version of the first
// reference that it comes across.
func theirOwners(owners []metav1.OwnerReference) []metav1.OwnerReference {
	owners = slices.Clone(owners)
	for i := range owners {
		if group, ours := strings.CutSuffix(owners[i].APIVersion, "/"+takeover.VersionOfServer); ours {
			owners[i].APIVersion = group + "/" + takeover.VersionOfCAPA
		}
	}
	return owners
}

// nameTheirs has Secrets name their owners as CAPA's do.
func (c *capa) nameTheirs() {
	list := &corev1.SecretList{}
	must(c.t, c.client.List(c.t.Context(), list, client.InNamespace(c.ns)))
	for _, secret := range list.Items {
		secret.OwnerReferences = theirOwners(secret.OwnerReferences)
		must(c.t, c.client.Update(c.t.Context(), &secret))
	}
}

// pause pauses all Clusters, or has them go on.
func (c *capa) pause(paused bool) {
	for _, name := range strings.Fields(c.kubectl("get", "clusters", "-n", c.ns, "-o", "name")) {
		c.kubectl("patch", "-n", c.ns, name, "--type=merge", "-p", fmt.Sprintf(`{"spec": {"paused": %t}}`, paused))
	}
}

// read takes objects from a file that CAPA has besides.
func (c *capa) read(file string) {
	text, err := os.ReadFile(file)
	must(c.t, err)
	for _, document := range strings.Split(string(text), "\n---\n") {
		o := unstructured.Unstructured{}
		must(c.t, yaml.Unmarshal([]byte(document), &o.Object))
		at := slices.IndexFunc(c.crds, func(crd unstructured.Unstructured) bool {
			kind, _, _ := unstructured.NestedString(crd.Object, "spec", "names", "kind")
			return kind == o.GetKind() && resourceOf(crd, "").Group == o.GroupVersionKind().Group
		})
		if at < 0 {
			c.t.Fatalf("there is no CRD of %s", o.GetKind())
		}
		if scope, _, _ := unstructured.NestedString(c.crds[at].Object, "spec", "scope"); scope == "Namespaced" {
			o.SetNamespace(c.ns)
		}
		o.SetUID(uuid.NewUUID())
		o.SetCreationTimestamp(metav1.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC))
		o.SetGeneration(1)
		c.objects[c.crds[at].GetName()] = append(c.objects[c.crds[at].GetName()], o)
	}
	pools := c.objects["awsmachinepools.infrastructure.cluster.x-k8s.io"]
	of := pools[slices.IndexFunc(pools, func(o unstructured.Unstructured) bool { return o.GetName() == "byo-pool" })]
	for i, o := range c.objects["awsmachines.infrastructure.cluster.x-k8s.io"] {
		if o.GetName() == "pooled" {
			c.objects["awsmachines.infrastructure.cluster.x-k8s.io"][i].SetOwnerReferences([]metav1.OwnerReference{
				{APIVersion: of.GetAPIVersion(), Kind: of.GetKind(), Name: of.GetName(), UID: of.GetUID()}})
		}
	}
}

func resourceOf(crd unstructured.Unstructured, version string) schema.GroupVersionResource {
	plural, group, _ := strings.Cut(crd.GetName(), ".")
	return schema.GroupVersionResource{Group: group, Version: version, Resource: plural}
}

// deleteCRDs takes CAPA's CRDs away, with what they keep: its objects have finalizers.
func (c *capa) deleteCRDs() {
	ctx := context.Background()
	etcd := c.etcd()
	defer func() { _ = etcd.Close() }()
	for _, crd := range c.crds {
		at := resourceOf(crd, "")
		// Nobody converts what is deleted.
		_, _ = c.dynamic.Resource(crdResource).Patch(ctx, crd.GetName(), types.MergePatchType, []byte(`{"spec": {"conversion": {"strategy": "None", "webhook": null}}}`), metav1.PatchOptions{})
		_, err := etcd.Delete(ctx, "/registry/"+at.Group+"/"+at.Resource+"/", clientv3.WithPrefix())
		must(c.t, err)
		_ = c.dynamic.Resource(crdResource).Delete(ctx, crd.GetName(), metav1.DeleteOptions{})
		// Nothing is left that the host would clean up: while its storage begins anew it tries that at growing intervals.
		_, _ = c.dynamic.Resource(crdResource).Patch(ctx, crd.GetName(), types.MergePatchType, []byte(`{"metadata": {"finalizers": null}}`), metav1.PatchOptions{})
	}
	c.eventually("the CRDs are gone", func(context.Context) error {
		for _, crd := range c.crds {
			if found, err := c.dynamic.Resource(crdResource).Get(ctx, crd.GetName(), metav1.GetOptions{}); err == nil && found.GetUID() == crd.GetUID() {
				return errors.New(crd.GetName() + " is still there")
			}
		}
		return nil
	})
}

// ofAnotherKind is a CRD of CAPA's that the server doesn't have, and nobody uses.
const ofAnotherKind = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: rosanetworks.infrastructure.cluster.x-k8s.io, labels: {cluster.x-k8s.io/provider: infrastructure-aws, cluster.x-k8s.io/v1beta1: v1beta2}}
spec:
  group: infrastructure.cluster.x-k8s.io
  names: {kind: ROSANetwork, listKind: ROSANetworkList, plural: rosanetworks, singular: rosanetwork}
  scope: Namespaced
  versions: [{name: v1beta2, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
`

// asCAPA is how CAPA has its CRDs converted, by a webhook that nobody answers once it is stopped.
var asCAPA = map[string]any{"strategy": "Webhook", "webhook": map[string]any{
	"conversionReviewVersions": []any{"v1", "v1beta1"},
	"clientConfig":             map[string]any{"service": map[string]any{"namespace": "capa-system", "name": "capa-webhook-service", "path": "/convert"}},
}}

// makeCRDs makes CRDs of CAPA's names, versions and labels.
func (c *capa) makeCRDs() {
	c.apply("default", ofAnotherKind)
	for i, shadow := range c.crds {
		names, _, _ := unstructured.NestedMap(shadow.Object, "spec", "names")
		scope, _, _ := unstructured.NestedString(shadow.Object, "spec", "scope")
		open := map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}}
		crd := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
			"metadata": map[string]any{"name": shadow.GetName(), "labels": map[string]any{
				"cluster.x-k8s.io/provider": "infrastructure-aws", "cluster.x-k8s.io/v1beta1": "v1beta1_v1beta2", "clusterctl.cluster.x-k8s.io": ""}},
			"spec": map[string]any{"group": resourceOf(shadow, "").Group, "names": names, "scope": scope, "conversion": asCAPA, "versions": []any{
				map[string]any{"name": "v1beta1", "served": false, "storage": false, "schema": open},
				map[string]any{"name": "v1beta2", "served": true, "storage": true, "schema": open, "subresources": map[string]any{"status": map[string]any{}}},
			}},
		}}
		made, err := c.dynamic.Resource(crdResource).Create(c.t.Context(), crd, metav1.CreateOptions{})
		must(c.t, err)
		c.crds[i] = *made
	}
	c.eventually("the host serves CAPA's kinds", func(ctx context.Context) error {
		for _, crd := range c.crds {
			if _, err := c.dynamic.Resource(resourceOf(crd, "v1beta2")).List(ctx, metav1.ListOptions{}); err != nil {
				return err
			}
		}
		return nil
	})
}

// etcd is the host's.
func (c *capa) etcd() *clientv3.Client {
	tls := transport.TLSInfo{TrustedCAFile: suite.local.EtcdCA, CertFile: suite.local.EtcdClientCert, KeyFile: suite.local.EtcdClientKey}
	config, err := tls.ClientConfig()
	must(c.t, err)
	etcd, err := clientv3.New(clientv3.Config{Endpoints: []string{suite.local.EtcdServer}, TLS: config})
	must(c.t, err)
	return etcd
}

// store writes the objects into the host's etcd: through its API they would get other UIDs.
func (c *capa) store() {
	etcd := c.etcd()
	defer func() { _ = etcd.Close() }()
	for _, crd := range c.crds {
		at := resourceOf(crd, "v1beta2")
		for _, o := range c.objects[crd.GetName()] {
			text, err := o.MarshalJSON()
			must(c.t, err)
			_, err = etcd.Put(c.t.Context(), filepath.Join("/registry", at.Group, at.Resource, o.GetNamespace(), o.GetName()), string(text))
			must(c.t, err)
		}
	}
}

// runCAPA makes CAPA's Deployment, which no node runs, and webhooks that nobody answers any more
// once it is stopped.
func (c *capa) runCAPA() {
	labels := `{cluster.x-k8s.io/provider: infrastructure-aws}`
	c.apply("capa-system", fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: capa-controller-manager, labels: %[1]s}
spec:
  replicas: 1
  selector: {matchLabels: {control-plane: capa-controller-manager}}
  template:
    metadata: {labels: {control-plane: capa-controller-manager}}
    spec: {containers: [{name: manager, image: capa}]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: capa-validating-webhook-configuration, labels: %[1]s}
webhooks:
- name: validation.awscluster.infrastructure.cluster.x-k8s.io
  clientConfig: {service: {namespace: capa-system, name: capa-webhook-service, path: /validate}}
  failurePolicy: Fail
  matchPolicy: Equivalent
  sideEffects: None
  admissionReviewVersions: [v1]
  rules: [{apiGroups: [infrastructure.cluster.x-k8s.io], apiVersions: [v1beta2], operations: [CREATE, UPDATE], resources: [awsclusters]}]
`, labels))
	c.t.Cleanup(func() {
		_, _ = c.tryKubectl("", "delete", "crd", "rosanetworks.infrastructure.cluster.x-k8s.io", "--ignore-not-found")
		_, _ = c.tryKubectl("", "delete", "validatingwebhookconfiguration", "capa-validating-webhook-configuration", "--ignore-not-found")
		_, _ = c.tryKubectl("", "delete", "deployment", "-n", "capa-system", "capa-controller-manager", "--ignore-not-found")
		_, _ = c.tryKubectl("", "delete", "configmap", "-n", "capa-system", "capa-takeover", "--ignore-not-found")
		_, _ = c.tryKubectl("", "delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", "capa-takeover", "--ignore-not-found")
	})
}
