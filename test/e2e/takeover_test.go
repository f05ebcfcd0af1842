package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/takeover"
	"github.com/capa-apiserver/capa-apiserver/test/difference"
)

// TestTakeoverInPlace takes over from CAPA what it leaves of all kinds, gives it back, and takes it
// over again. It is ended before writes of every kind, and run again or given up, while the garbage
// collector looks the owners up.
func TestTakeoverInPlace(t *testing.T) {
	c := newCAPA(t, "inherited")
	timed(t, "a cluster with machines and a pool", c.make)
	timed(t, "it is CAPA's", c.handToCAPA)
	t.Run("beside CAPA each has its own", c.besideCAPA)
	before := c.all("v1beta2", "v1beta2")
	if len(before) < 40 {
		t.Fatalf("there are %d objects", len(before))
	}
	for _, owner := range []string{"AWSCluster/" + c.cluster, "AWSMachinePool/byo-pool", "AWSManagedControlPlane/cp", "EKSConfig/e"} {
		c.makeOwned(before[owner])
	}
	c.aws.ClearLog()
	never := c.watchFor404()
	c.ownersAreFound(t)

	t.Run("a dry run changes nothing", func(t *testing.T) {
		var out bytes.Buffer
		must(t, takeover.Run(t.Context(), c.options(&out, false, nil)))
		t.Log(out.String())
		for _, says := range []string{"AWSMachine ", "nothing is changed", "dry run"} {
			if !strings.Contains(out.String(), says) {
				t.Errorf("it doesn't say %q", says)
			}
		}
		c.same(t, before, c.all("v1beta2", "v1beta2"))
	})
	for _, at := range givenUpAt {
		t.Run("given up before it is to "+at.write, func(t *testing.T) {
			c.giveUp(t, at.write, at.nth)
			c.isCAPAs(t, before)
		})
	}
	t.Run("there", func(t *testing.T) {
		c.untilDone(t, false)
		c.isOurs(t, before)
	})
	timed(t, "all is ready", c.waitAll)
	c.ownersAreFound(t)
	t.Run("another run changes nothing", func(t *testing.T) {
		before := c.all("v1beta2", "v2beta1")
		var out bytes.Buffer
		if err := takeover.Run(t.Context(), c.options(&out, false, yes)); err != nil || !strings.Contains(out.String(), "nothing to do") {
			t.Errorf("%v\n%s", err, &out)
		}
		c.same(t, before, c.all("v1beta2", "v2beta1"))
	})
	t.Run("and back, with what has changed", func(t *testing.T) {
		c.change()
		want := changed(t, before, c.all("v1beta2", "v2beta1"))
		c.untilDone(t, true)
		c.isCAPAs(t, want)
		for name, o := range c.all("v2beta1", "v2beta1") {
			if o.GetAnnotations()["cluster.x-k8s.io/paused"] != "" || len(o.GetFinalizers()) > 0 {
				t.Errorf("the server may still act for %s: %v", name, o.Object["metadata"])
			}
		}
	})
	c.ownersAreFound(t)
	t.Run("there again", func(t *testing.T) {
		before := c.all("v1beta2", "v1beta2")
		var out bytes.Buffer
		if err := takeover.Run(t.Context(), c.options(&out, false, yes)); err != nil {
			t.Fatalf("%v\n%s", err, &out)
		}
		c.isOurs(t, before)
	})
	timed(t, "all is ready again", c.waitAll)
	c.ownersAreFound(t)
	for _, failure := range never() { // who reads all the time keeps the server from being idle
		t.Error(failure)
	}
	c.waitIdle()
	if calls := c.aws.Changes(); len(calls) > 0 {
		t.Errorf("AWS was changed:\n%s", wrote(calls))
	}
	c.forgetPaused()
	c.kubectl("delete", "machines,machinepools", "-n", c.ns, "--all", "--wait=false")
	c.deleteCluster(c.ns, c.cluster)
}

// givenUpAt says before which writes a takeover is ended and given back at once. The package's own
// tests end it before each.
var givenUpAt = []struct {
	write string
	nth   int
}{
	{"copy", 20},
	{"end CRD", 7},
}

// change does what users do after a takeover: something is changed, made and deleted.
func (c *capa) change() {
	c.kubectl("label", "awsmachine", "-n", c.ns, "w-0", "since=takeover")
	c.kubectl("patch", "awsmanagedmachinepool", "-n", c.ns, "managed", "--type=merge", "-p", `{"spec": {"scaling": {"maxSize": 7}}}`)
	c.kubectl("delete", "awsmachinetemplate", "-n", c.ns, "t-4")
	c.apply(c.ns, madeSince)
	c.makeOwned(c.all("v1beta2", "v2beta1")["AWSMachineTemplate/made-since"])
}

const madeSince = `
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSMachineTemplate
metadata: {name: made-since}
spec: {template: {spec: {instanceType: t3.large, iamInstanceProfile: nodes.cluster-api-provider-aws.sigs.k8s.io}}}`

// changed is what CAPA is to have after that: what it had, with the changes, and nothing besides.
func changed(t *testing.T, before, now map[string]*unstructured.Unstructured) map[string]*unstructured.Unstructured {
	t.Helper()
	want := maps.Clone(before)
	delete(want, "AWSMachineTemplate/t-4")
	want["AWSMachineTemplate/made-since"] = now["AWSMachineTemplate/made-since"]
	for _, name := range []string{"AWSMachine/w-0", "AWSManagedMachinePool/managed"} {
		want[name] = want[name].DeepCopy()
	}
	must(t, unstructured.SetNestedField(want["AWSMachine/w-0"].Object, "takeover", "metadata", "labels", "since"))
	must(t, unstructured.SetNestedField(want["AWSManagedMachinePool/managed"].Object, int64(7), "spec", "scaling", "maxSize"))
	return want
}

// waitAll waits for the cluster and its machines.
func (c *capa) waitAll() {
	c.waitReady(c.ns, c.cluster)
	c.waitMachines(c.ns, "cp-0", "w-0")
}

// isOurs tells that the server has all, as CAPA had it.
func (c *capa) isOurs(t *testing.T, before map[string]*unstructured.Unstructured) {
	t.Helper()
	c.served(t, true)
	c.same(t, before, c.all("v1beta2", "v2beta1"))
	c.owned(t, "v2beta1")
}

// isCAPAs tells that CAPA has all again, and as it was.
func (c *capa) isCAPAs(t *testing.T, before map[string]*unstructured.Unstructured) {
	t.Helper()
	c.served(t, false)
	c.sameCRDs(t)
	after := c.all("v1beta2", "v1beta2")
	c.same(t, before, after)
	for name, was := range before {
		if is := after[name]; is != nil {
			if diff := gocmp.Diff(was.Object["spec"], is.Object["spec"]); diff != "" {
				t.Errorf("the spec of %s isn't what it was (-was +is):\n%s", name, diff)
			}
		}
	}
	c.owned(t, "v1beta2")
	deployment := &appsv1.Deployment{}
	must(t, c.client.Get(t.Context(), client.ObjectKey{Namespace: "capa-system", Name: "capa-controller-manager"}, deployment))
	if *deployment.Spec.Replicas != 1 {
		t.Errorf("CAPA has %d replicas", *deployment.Spec.Replicas)
	}
	if out := c.kubectl("get", "validatingwebhookconfigurations", "capa-validating-webhook-configuration", "-o", "name"); out == "" {
		t.Error("CAPA's webhooks aren't back")
	}
	if out := c.kubectl("get", "validatingadmissionpolicies,configmaps", "-n", "capa-system", "-o", "name"); strings.Contains(out, "capa-takeover") {
		t.Errorf("something is left:\n%s", out)
	}
	if out := c.kubectl("get", "cluster", "-n", c.ns, c.cluster, "-o", "jsonpath={.spec.paused}"); out == "true" {
		t.Error("the Cluster is paused")
	}
}

// makeOwned makes a Secret that goes when its owner does.
func (c *capa) makeOwned(owner *unstructured.Unstructured) {
	must(c.t, c.client.Create(c.t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: c.ns, Name: ownedBy(owner),
		Labels:          map[string]string{"owned": ""},
		OwnerReferences: []metav1.OwnerReference{{APIVersion: owner.GetAPIVersion(), Kind: owner.GetKind(), Name: owner.GetName(), UID: owner.GetUID()}}}}))
	c.secrets++
}

func ownedBy(o *unstructured.Unstructured) string {
	return strings.ToLower("owned-by-" + o.GetKind() + "-" + o.GetName())
}

// owned tells that all that is owned is there, with owners that are too.
func (c *capa) owned(t *testing.T, versionOfShared string) {
	t.Helper()
	owners := c.all("v1beta2", versionOfShared)
	list := &corev1.SecretList{}
	must(t, c.client.List(t.Context(), list, client.InNamespace(c.ns), client.HasLabels{"owned"}))
	if len(list.Items) != c.secrets {
		t.Errorf("of %d Secrets that are owned %d are there", c.secrets, len(list.Items))
	}
	for _, secret := range list.Items {
		ref := secret.OwnerReferences[0]
		owner := owners[ref.Kind+"/"+ref.Name]
		if owner == nil || owner.GetUID() != ref.UID || owner.GetAPIVersion() != ref.APIVersion {
			t.Errorf("the Secret %s has the owner %+v, which isn't there", secret.Name, ref)
		}
	}
}

// ownersAreFound has the garbage collector look the owners up: of those that it is shown it takes
// away one that doesn't exist, once it has found the other one. An object without any it deletes.
func (c *capa) ownersAreFound(t *testing.T) {
	t.Helper()
	list := &corev1.SecretList{}
	must(t, c.client.List(t.Context(), list, client.InNamespace(c.ns), client.HasLabels{"owned"}))
	for _, secret := range list.Items {
		at := client.ObjectKeyFromObject(&secret)
		must(t, retry.RetryOnConflict(retry.DefaultRetry, func() error {
			s := &corev1.Secret{}
			if err := c.client.Get(t.Context(), at, s); err != nil {
				return err
			}
			s.OwnerReferences = append(s.OwnerReferences[:1], metav1.OwnerReference{APIVersion: "v1", Kind: "ConfigMap", Name: "never", UID: uuid.NewUUID()})
			return c.client.Update(t.Context(), s)
		}))
	}
	c.eventually("the garbage collector has looked the owners up", func(ctx context.Context) error {
		now := &corev1.SecretList{}
		if err := c.client.List(ctx, now, client.InNamespace(c.ns), client.HasLabels{"owned"}); err != nil {
			return err
		}
		if len(now.Items) != len(list.Items) {
			t.Fatalf("the garbage collector deleted %d Secrets whose owners are there", len(list.Items)-len(now.Items))
		}
		for _, secret := range now.Items {
			if len(secret.OwnerReferences) != 1 {
				return fmt.Errorf("not those of %s", secret.Name)
			}
		}
		return nil
	})
}

// all are the world's objects, by kind and name: those of the group that is CAPA's alone at one
// version, and those of the groups that the kubeadm providers have too at another one.
func (c *capa) all(version, ofShared string) map[string]*unstructured.Unstructured {
	c.t.Helper()
	all := map[string]*unstructured.Unstructured{}
	for _, crd := range c.crds {
		at := version
		if resourceOf(crd, "").Group != "infrastructure.cluster.x-k8s.io" {
			at = ofShared
		}
		list, err := c.dynamic.Resource(resourceOf(crd, at)).List(c.t.Context(), metav1.ListOptions{ResourceVersion: "0"})
		must(c.t, err)
		for _, o := range list.Items {
			if o.GetNamespace() == c.ns || o.GetNamespace() == "" {
				all[o.GetKind()+"/"+o.GetName()] = &o
			}
		}
	}
	return all
}

// same compares objects field by field, status included: only what is documented may differ.
func (c *capa) same(t *testing.T, before, after map[string]*unstructured.Unstructured) {
	t.Helper()
	if diff := gocmp.Diff(slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after))); diff != "" {
		t.Errorf("there aren't the objects that there were (-before +after):\n%s", diff)
	}
	documented, err := difference.Documented(filepath.Join(suite.root, "docs/from-capa.md"), "| Field | What it says afterwards |")
	must(t, err)
	for name, was := range before {
		is := after[name]
		if is == nil {
			continue
		}
		tell := func(path string, was, is any) {
			_, found := documented.Row(path, was)
			madeAgain := strings.HasSuffix(name, "/made-since") && (path == "metadata.uid" || path == "metadata.creationTimestamp")
			// Time passes by itself, and AWS is looked at again.
			passes := strings.HasSuffix(path, ".observation.age") || strings.HasSuffix(path, ".observation.observedTime")
			// It is the server's from its first start on.
			own := name == "AWSClusterControllerIdentity/default" && (path == "metadata.uid" || path == "metadata.creationTimestamp")
			if !found && !madeAgain && !passes && !own {
				t.Errorf("%s: %s is %v, was %v", name, path, is, was)
			}
		}
		if was.GetAPIVersion() == is.GetAPIVersion() {
			difference.Of(was.Object, is.Object, "", tell)
		} else { // the kubeadm providers have CAPA's version
			difference.Of(was.Object["metadata"], is.Object["metadata"], "metadata", tell)
		}
	}
}

// sameCRDs tells that CAPA's CRDs are as they were.
func (c *capa) sameCRDs(t *testing.T) {
	t.Helper()
	told := func(crd *unstructured.Unstructured) map[string]any {
		stored, _, _ := unstructured.NestedSlice(crd.Object, "status", "storedVersions")
		return map[string]any{"labels": crd.GetLabels(), "annotations": len(crd.GetAnnotations()), "spec": crd.Object["spec"], "stored": stored}
	}
	for _, was := range c.crds {
		is, err := c.dynamic.Resource(crdResource).Get(t.Context(), was.GetName(), metav1.GetOptions{})
		must(t, err)
		was = *was.DeepCopy()
		must(t, unstructured.SetNestedSlice(was.Object, []any{"v1beta2"}, "status", "storedVersions"))
		if diff := gocmp.Diff(told(&was), told(is)); diff != "" {
			t.Errorf("the CRD %s isn't as it was (-was +is):\n%s", was.GetName(), diff)
		}
	}
}

// served tells that the server, or the host, serves CAPA's version.
func (c *capa) served(t *testing.T, byServer bool) {
	t.Helper()
	service, err := c.dynamic.Resource(apiServiceResource).Get(t.Context(), "v1beta2.infrastructure.cluster.x-k8s.io", metav1.GetOptions{})
	must(t, err)
	if _, routed, _ := unstructured.NestedMap(service.Object, "spec", "service"); routed != byServer {
		t.Errorf("that the server serves v1beta2 is %t", routed)
	}
}

var errKilled = errors.New("killed")

// yes goes on.
func yes(string) error { return nil }

func (c *capa) options(out *bytes.Buffer, rollback bool, before func(string) error) takeover.Options {
	return takeover.Options{Config: c.config, Namespace: "capa-system", Do: before != nil, Rollback: rollback, Patience: patience, Out: out, Before: before}
}

// killedAt says before which writes of a kind runs end: the first and the eighth. The package's own
// tests end them before each.
var killedAt = []int{1, 8}

// kindOfWrite is what writes have in common that differ by their object only.
func kindOfWrite(what string) string {
	first, rest, _ := strings.Cut(what, " ")
	second, _, _ := strings.Cut(rest, " ")
	if first == "copy" {
		return first
	}
	return first + " " + second
}

// untilDone runs a takeover, or a rollback, again and again: each run ends before the next write at
// which none has ended yet.
func (c *capa) untilDone(t *testing.T, rollback bool) {
	t.Helper()
	made, endedAt, ofKind := map[string]bool{}, map[string]bool{}, map[string]int{}
	for runs := 1; ; runs++ {
		var out bytes.Buffer
		err := takeover.Run(t.Context(), c.options(&out, rollback, func(what string) error {
			if made[what] {
				return nil
			}
			kind := kindOfWrite(what)
			if slices.Contains(killedAt, ofKind[kind]+1) && !endedAt[what] {
				endedAt[what] = true
				return errKilled
			}
			made[what] = true
			ofKind[kind]++
			return nil
		}))
		if err == nil {
			t.Logf("%d runs for %d writes, by kind %v; the last run says:\n%s", runs, len(made), ofKind, &out)
			return
		}
		if !errors.Is(err, errKilled) {
			t.Fatalf("run %d: %v\n%s", runs, err, &out)
		}
	}
}

// giveUp takes over until a write, and gives back.
func (c *capa) giveUp(t *testing.T, write string, nth int) {
	t.Helper()
	var out bytes.Buffer
	count := 0
	err := takeover.Run(t.Context(), c.options(&out, false, func(what string) error {
		if strings.HasPrefix(what, write) {
			count++
		}
		if count == nth {
			return errKilled
		}
		return nil
	}))
	if !errors.Is(err, errKilled) {
		t.Fatalf("it isn't ended: %v\n%s", err, &out)
	}
	out.Reset()
	if err := takeover.Run(t.Context(), c.options(&out, true, yes)); err != nil {
		t.Fatalf("it isn't given back: %v\n%s", err, &out)
	}
}

// forgetPaused has nobody wait for what was never made.
func (c *capa) forgetPaused() {
	for _, crd := range c.crds {
		at := c.dynamic.Resource(resourceOf(crd, "v2beta1")).Namespace(c.ns)
		list, err := at.List(c.t.Context(), metav1.ListOptions{})
		if apierrors.IsNotFound(err) {
			continue
		}
		must(c.t, err)
		for _, o := range list.Items {
			if _, paused := o.GetAnnotations()["cluster.x-k8s.io/paused"]; paused {
				_, err := at.Patch(c.t.Context(), o.GetName(), types.MergePatchType, []byte(`{"metadata": {"finalizers": null}}`), metav1.PatchOptions{})
				must(c.t, err)
			}
		}
	}
}

// watchFor404 reads the AWSCluster, a machine and the pool all the time, at the version that Cluster API takes from the
// CRDs' labels, and tells when one was said not to be there.
func (c *capa) watchFor404() (failures func() []string) {
	ctx, cancel := context.WithCancel(context.Background())
	var found []string
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			for resource, name := range map[string]string{"awsclusters": c.cluster, "awsmachines": "w-0", "awsmachinepools": "workers"} {
				at := schema.GroupVersionResource{Group: "infrastructure.cluster.x-k8s.io", Version: "v1beta2", Resource: resource}
				if crd, err := c.dynamic.Resource(crdResource).Get(ctx, at.GroupResource().String(), metav1.GetOptions{}); err == nil {
					if label := crd.GetLabels()["cluster.x-k8s.io/v1beta2"]; label != "" {
						at.Version = label
					}
				}
				if _, err := c.dynamic.Resource(at).Namespace(c.ns).Get(ctx, name, metav1.GetOptions{ResourceVersion: "0"}); apierrors.IsNotFound(err) {
					found = append(found, fmt.Sprintf("at %s, %s: %v", time.Now().Format(time.TimeOnly), at.Version, err))
				}
				time.Sleep(10 * time.Millisecond)
			}
		}
	}()
	return func() []string { cancel(); <-done; return found }
}
