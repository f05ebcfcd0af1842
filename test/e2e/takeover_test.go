package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

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
}

// TestTakeoverInPlace takes a cluster with machines and a pool over from CAPA, is ended at every
// write and run again.
func TestTakeoverInPlace(t *testing.T) {
	c := &capa{world: newWorld(t, "--sweep-period=3s", "--instance-sweep-period=3s", "--creation-grace=5s"), cluster: "inherited"}
	var err error
	c.dynamic, err = dynamic.NewForConfig(c.config)
	must(t, err)
	c.ns = c.namespace()
	timed(t, "a cluster with machines and a pool", c.make)
	timed(t, "it is CAPA's", c.handToCAPA)
	before, uids := c.all("v1beta2"), c.uidsOfShared(t, "v1beta2")
	if len(uids) != 6 {
		t.Fatalf("of the kinds beside kubeadm's there are %v", uids)
	}
	c.makeOwned("owned", "infrastructure.cluster.x-k8s.io/v1beta2", "AWSCluster", c.cluster, before["AWSCluster/"+c.cluster].GetUID())
	c.makeOwned("owned-by-eks", "controlplane.cluster.x-k8s.io/v1beta2", "AWSManagedControlPlane", "cp", types.UID(uids["AWSManagedControlPlane/cp"]))
	c.aws.ClearLog()
	never := c.watchFor404()

	t.Run("a dry run changes nothing", func(t *testing.T) {
		var out bytes.Buffer
		must(t, takeover.Run(t.Context(), c.options(&out, nil)))
		t.Log(out.String())
		for _, says := range []string{"AWSMachine ", "nothing is changed", "dry run"} {
			if !strings.Contains(out.String(), says) {
				t.Errorf("it doesn't say %q", says)
			}
		}
		c.same(t, before, c.all("v1beta2"))
	})
	t.Run("there", func(t *testing.T) {
		c.untilDone(t)
		c.same(t, before, c.all("v1beta2"))
		c.served(t)
		c.ownedStay(t)
		if diff := gocmp.Diff(uids, c.uidsOfShared(t, "v2beta1")); diff != "" {
			t.Errorf("beside kubeadm's kinds others are there:\n%s", diff)
		}
	})
	c.waitReady(c.ns, c.cluster)
	c.waitMachines(c.ns, "cp-0", "w-0")
	t.Run("it can be changed, and another run changes nothing", func(t *testing.T) {
		c.kubectl("label", "awsmachine", "-n", c.ns, "w-0", "since=takeover")
		c.apply(c.ns, keptTemplate)
		before := c.all("v1beta2")
		var out bytes.Buffer
		if err := takeover.Run(t.Context(), c.options(&out, yes)); err != nil || !strings.Contains(out.String(), "nothing to do") {
			t.Errorf("%v\n%s", err, &out)
		}
		c.same(t, before, c.all("v1beta2"))
		c.ownedStay(t)
	})
	c.waitReady(c.ns, c.cluster)
	c.waitMachines(c.ns, "cp-0", "w-0")
	for _, failure := range never() { // who reads all the time keeps the server from being idle
		t.Error(failure)
	}
	c.waitIdle()
	if calls := c.aws.Changes(); len(calls) > 0 {
		t.Errorf("AWS was changed:\n%s", wrote(calls))
	}
	c.ownedStay(t)
	// Nobody waits for the one that was never made.
	c.kubectl("patch", "awsmanagedcontrolplane.v2beta1.controlplane.cluster.x-k8s.io", "-n", c.ns, "cp", "--type=merge", "-p", `{"metadata": {"finalizers": null}}`)
	c.kubectl("delete", "machines,machinepools", "-n", c.ns, "--all", "--wait=false")
	c.deleteCluster(c.ns, c.cluster)
}

const keptTemplate = `
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSMachineTemplate
metadata: {name: made-since}
spec: {template: {spec: {instanceType: t3.large, iamInstanceProfile: nodes.cluster-api-provider-aws.sigs.k8s.io}}}`

// ofEveryKind are objects without anything in AWS, of the kinds that the cluster doesn't have.
const ofEveryKind = `
{apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSClusterTemplate, metadata: {name: t}, spec: {template: {spec: {region: us-east-1, sshKeyName: default}}}}
---
{apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSMachineTemplate, metadata: {name: t, labels: {a: b}}, spec: {template: {spec: {instanceType: t3.large, rootVolume: {size: 20}}}}}
---
{apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSManagedCluster, metadata: {name: m}, spec: {controlPlaneEndpoint: {host: a.eks.amazonaws.com, port: 443}}}
---
{apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSManagedClusterTemplate, metadata: {name: t}, spec: {template: {spec: {}}}}
---
{apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSFargateProfile, metadata: {name: f}, spec: {clusterName: eks, profileName: p, roleName: r}}
---
{apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSClusterRoleIdentity, metadata: {name: inherited-role},
  spec: {roleARN: "arn:aws:iam::123456789012:role/r", durationSeconds: 900, allowedNamespaces: {list: [a]}, sourceIdentityRef: {kind: AWSClusterControllerIdentity, name: default}}}
---
{apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSClusterStaticIdentity, metadata: {name: inherited-static}, spec: {secretRef: keys, allowedNamespaces: {}}}
---
{apiVersion: controlplane.cluster.x-k8s.io/v1beta2, kind: AWSManagedControlPlane, metadata: {name: cp, finalizers: [awsmanagedcontrolplane.controlplane.cluster.x-k8s.io], annotations: {cluster.x-k8s.io/paused: ""}},
  spec: {region: us-east-1, version: v1.34, eksClusterName: default_cp, roleName: eks-controlplane.cluster-api-provider-aws.sigs.k8s.io}}
---
{apiVersion: controlplane.cluster.x-k8s.io/v1beta2, kind: AWSManagedControlPlaneTemplate, metadata: {name: t}, spec: {template: {spec: {region: us-east-1}}}}
---
{apiVersion: bootstrap.cluster.x-k8s.io/v1beta2, kind: EKSConfig, metadata: {name: e}, spec: {useMaxPods: true}}
---
{apiVersion: bootstrap.cluster.x-k8s.io/v1beta2, kind: EKSConfigTemplate, metadata: {name: t}, spec: {template: {spec: {kubeletExtraArgs: {node-labels: a=b}}}}}
---
{apiVersion: bootstrap.cluster.x-k8s.io/v1beta2, kind: NodeadmConfig, metadata: {name: node}, spec: {featureGates: {InstanceIdNodeName: true}}}
---
{apiVersion: bootstrap.cluster.x-k8s.io/v1beta2, kind: NodeadmConfigTemplate, metadata: {name: t}, spec: {template: {spec: {}}}}
`

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

// makeOwned makes a Secret that goes when its owner does.
func (c *capa) makeOwned(name, version, kind, owner string, uid types.UID) {
	must(c.t, c.client.Create(c.t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: c.ns, Name: name,
		OwnerReferences: []metav1.OwnerReference{{APIVersion: version, Kind: kind, Name: owner, UID: uid}}}}))
}

// ownedStay tells that what is owned is there, with owners at versions that are served.
func (c *capa) ownedStay(t *testing.T) {
	t.Helper()
	for name, version := range map[string]string{"owned": "infrastructure.cluster.x-k8s.io/v1beta2", "owned-by-eks": "controlplane.cluster.x-k8s.io/v2beta1"} {
		if out, err := c.tryKubectl("", "get", "secret", "-n", c.ns, name, "-o", "jsonpath={.metadata.ownerReferences[0].apiVersion}"); err != nil || out != version {
			t.Errorf("the Secret %s has the owner %s (%v), want one at %s", name, out, err, version)
		}
	}
}

// handToCAPA puts the host into the state in which CAPA has it.
func (c *capa) handToCAPA() {
	t, ctx := c.t, c.t.Context()
	shadows, err := c.dynamic.Resource(crdResource).List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/managed-by=capa-apiserver"})
	must(t, err)
	c.crds = shadows.Items
	c.objects = map[string][]unstructured.Unstructured{}
	for _, crd := range c.crds {
		version := "v1beta2"
		if !strings.HasPrefix(crd.GetName(), "aws") || strings.HasSuffix(crd.GetName(), ".controlplane.cluster.x-k8s.io") {
			version = "v2beta1"
		}
		if version != "v1beta2" {
			continue
		}
		list, err := c.dynamic.Resource(resourceOf(crd, version)).List(ctx, metav1.ListOptions{ResourceVersion: "0"})
		if apierrors.IsNotFound(err) {
			continue
		}
		must(t, err)
		for _, o := range list.Items {
			unstructured.RemoveNestedField(o.Object, "status", "v2beta1")
			unstructured.RemoveNestedField(o.Object, "metadata", "resourceVersion")
			c.objects[crd.GetName()] = append(c.objects[crd.GetName()], o)
		}
	}
	c.kubectl("patch", "cluster", "-n", c.ns, c.cluster, "--type=merge", "-p", `{"spec": {"paused": true}}`)
	c.stopServer()
	must(t, os.RemoveAll(filepath.Join(c.dataDir, "etcd")))
	c.forgetStore()
	must(t, c.dynamic.Resource(apiServiceResource).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "app.kubernetes.io/managed-by=capa-apiserver"}))
	c.deleteCRDs()
	c.makeCRDs()
	t.Cleanup(c.deleteCRDs)
	c.store()
	c.apply(c.ns, ofEveryKind)
	c.runCAPA()
	c.launch()
	t.Cleanup(c.stopServer)
	c.eventually("the server serves its version beside CAPA's", func(ctx context.Context) error {
		_, err := c.dynamic.Resource(schema.GroupVersionResource{Group: "infrastructure.cluster.x-k8s.io", Version: "v2beta1", Resource: "awsclusters"}).List(ctx, metav1.ListOptions{})
		return err
	})
	c.kubectl("patch", "cluster", "-n", c.ns, c.cluster, "--type=merge", "-p", `{"spec": {"paused": false}}`)
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
		_, err := etcd.Delete(ctx, "/registry/"+at.Group+"/"+at.Resource+"/", clientv3.WithPrefix())
		must(c.t, err)
		_ = c.dynamic.Resource(crdResource).Delete(ctx, crd.GetName(), metav1.DeleteOptions{})
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
			"spec": map[string]any{"group": resourceOf(shadow, "").Group, "names": names, "scope": scope, "versions": []any{
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

// all are the objects of the world's namespace at a version, by kind and name.
func (c *capa) all(version string) map[string]*unstructured.Unstructured {
	c.t.Helper()
	all := map[string]*unstructured.Unstructured{}
	for _, crd := range c.crds {
		if !strings.HasSuffix(crd.GetName(), ".infrastructure.cluster.x-k8s.io") {
			continue
		}
		list, err := c.dynamic.Resource(resourceOf(crd, version)).List(c.t.Context(), metav1.ListOptions{ResourceVersion: "0"})
		must(c.t, err)
		for _, o := range list.Items {
			if o.GetNamespace() == c.ns {
				all[o.GetKind()+"/"+o.GetName()] = &o
			}
		}
	}
	return all
}

// same compares what an object is: metadata but for what the store says of it, whether it is
// ready, and all that its spec says, to which defaults may come.
func (c *capa) same(t *testing.T, before, after map[string]*unstructured.Unstructured) {
	t.Helper()
	told := func(all map[string]*unstructured.Unstructured) map[string]any {
		out := map[string]any{}
		for name, o := range all {
			o = o.DeepCopy()
			o.SetResourceVersion("")
			o.SetManagedFields(nil)
			o.SetGeneration(0)
			ready, _, _ := unstructured.NestedBool(o.Object, "status", "ready")
			out[name] = map[string]any{"metadata": o.Object["metadata"], "ready": ready}
		}
		return out
	}
	if diff := gocmp.Diff(told(before), told(after)); diff != "" {
		t.Errorf("the objects aren't as before (-before +after):\n%s", diff)
	}
	for name, was := range before {
		if is := after[name]; is != nil {
			unsaid(t, name+" spec", was.Object["spec"], is.Object["spec"])
		}
	}
}

// unsaid fails for what one value says and another one doesn't. An empty value says nothing.
func unsaid(t *testing.T, path string, was, is any) {
	t.Helper()
	switch was := was.(type) {
	case map[string]any:
		is, _ := is.(map[string]any)
		for name, value := range was {
			unsaid(t, path+"."+name, value, is[name])
		}
	case []any:
		is, _ := is.([]any)
		if len(was) != len(is) {
			t.Errorf("%s has %d items, had %d", path, len(is), len(was))
			return
		}
		for i := range was {
			unsaid(t, fmt.Sprintf("%s[%d]", path, i), was[i], is[i])
		}
	default:
		if fmt.Sprint(was) != fmt.Sprint(is) {
			t.Errorf("%s is %v, was %v", path, is, was)
		}
	}
}

// uidsOfShared are those of the objects of the groups that the kubeadm providers have too.
func (c *capa) uidsOfShared(t *testing.T, version string) map[string]string {
	t.Helper()
	uids := map[string]string{}
	for _, crd := range c.crds {
		if strings.HasSuffix(crd.GetName(), ".infrastructure.cluster.x-k8s.io") {
			continue
		}
		list, err := c.dynamic.Resource(resourceOf(crd, version)).Namespace(c.ns).List(t.Context(), metav1.ListOptions{ResourceVersion: "0"})
		must(t, err)
		for _, o := range list.Items {
			uids[o.GetKind()+"/"+o.GetName()] = string(o.GetUID())
		}
	}
	return uids
}

// served tells that the server serves CAPA's version.
func (c *capa) served(t *testing.T) {
	t.Helper()
	service, err := c.dynamic.Resource(apiServiceResource).Get(t.Context(), "v1beta2.infrastructure.cluster.x-k8s.io", metav1.GetOptions{})
	must(t, err)
	if _, routed, _ := unstructured.NestedMap(service.Object, "spec", "service"); !routed {
		t.Error("the server doesn't serve v1beta2")
	}
}

var errKilled = errors.New("killed")

// yes goes on.
func yes(string) error { return nil }

func (c *capa) options(out *bytes.Buffer, before func(string) error) takeover.Options {
	return takeover.Options{Config: c.config, Namespace: "capa-system", Do: before != nil, Patience: patience, Out: out, Before: before}
}

// killsOfAKind is how many writes of one kind, such as the copies of objects, a run ends before.
const killsOfAKind = 2

// untilDone runs the takeover again and again: the first run ends before its second write, the
// next one before the next that none has made before, until there is none.
func (c *capa) untilDone(t *testing.T) {
	t.Helper()
	made, ofKind := map[string]bool{}, map[string]int{}
	for runs := 1; ; runs++ {
		var out bytes.Buffer
		fresh := 0
		err := takeover.Run(t.Context(), c.options(&out, func(what string) error {
			kind := strings.Join(strings.Fields(what)[:2], " ")
			if made[what] {
				return nil
			}
			if ofKind[kind] < killsOfAKind {
				if fresh++; fresh > 1 {
					return errKilled
				}
				ofKind[kind]++
			}
			made[what] = true
			return nil
		}))
		if err == nil {
			t.Logf("%d runs for %d writes, the last of which says:\n%s", runs, len(made), &out)
			return
		}
		if !errors.Is(err, errKilled) {
			t.Fatalf("run %d: %v\n%s", runs, err, &out)
		}
	}
}

// watchFor404 reads the AWSCluster all the time, at the version that Cluster API takes from the
// CRD's labels, and tells when it was said not to be there.
func (c *capa) watchFor404() (failures func() []string) {
	ctx, cancel := context.WithCancel(context.Background())
	var found []string
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			version := "v1beta2"
			if crd, err := c.dynamic.Resource(crdResource).Get(ctx, "awsclusters.infrastructure.cluster.x-k8s.io", metav1.GetOptions{}); err == nil {
				if label := crd.GetLabels()["cluster.x-k8s.io/v1beta2"]; label != "" {
					version = label
				}
			}
			at := schema.GroupVersionResource{Group: "infrastructure.cluster.x-k8s.io", Version: version, Resource: "awsclusters"}
			if _, err := c.dynamic.Resource(at).Namespace(c.ns).Get(ctx, c.cluster, metav1.GetOptions{ResourceVersion: "0"}); apierrors.IsNotFound(err) {
				found = append(found, fmt.Sprintf("at %s, %s: %v", time.Now().Format(time.TimeOnly), version, err))
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	return func() []string { cancel(); <-done; return found }
}
