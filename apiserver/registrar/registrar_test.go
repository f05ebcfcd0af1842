package registrar

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensionsfake "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset/fake"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/record"
	"k8s.io/component-base/metrics/testutil"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	aggregatorfake "k8s.io/kube-aggregator/pkg/client/clientset_generated/clientset/fake"
)

// world is a host of fakes with one registrar at work in it.
type world struct {
	t      *testing.T
	kube   *fake.Clientset
	crds   *apiextensionsfake.Clientset
	apis   *aggregatorfake.Clientset
	events *record.FakeRecorder
	bundle atomic.Value
	leader atomic.Bool
	reg    *Registrar
}

func newWorld(t *testing.T, change func(*Options), objects ...runtime.Object) *world {
	t.Helper()
	w := &world{t: t, kube: fake.NewClientset(), crds: apiextensionsfake.NewSimpleClientset(), apis: aggregatorfake.NewClientset(), events: record.NewFakeRecorder(1000)}
	for _, o := range objects {
		var err error
		switch o.(type) {
		case *apiregistrationv1.APIService:
			err = w.apis.Tracker().Add(o)
		case *corev1.Service:
			err = w.kube.Tracker().Add(o)
		default:
			err = w.crds.Tracker().Add(o)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	w.crds.PrependReactor("patch", "customresourcedefinitions", w.applyCRD)
	w.bundle.Store("bundle")
	w.leader.Store(true)
	opts := Options{
		Mode: ModeAuto, Resources: testKinds, Service: ourService, Recorder: w.events,
		CABundle: func() []byte { return []byte(w.bundle.Load().(string)) }, IsLeader: w.leader.Load,
		Kubernetes: w.kube, APIExtensions: w.crds, Aggregator: w.apis,
	}
	if change != nil {
		change(&opts)
	}
	reg, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	w.reg = reg
	return w
}

// applyCRD stands in for server-side apply, which the fake has no schema for:
// the applied object becomes the stored one.
func (w *world) applyCRD(action clienttesting.Action) (bool, runtime.Object, error) {
	patch := action.(clienttesting.PatchActionImpl)
	if patch.GetPatchType() != types.ApplyPatchType || patch.PatchOptions.FieldManager == "" {
		return true, nil, fmt.Errorf("patch of type %s by %q, want an apply with a field manager", patch.GetPatchType(), patch.PatchOptions.FieldManager)
	}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := json.Unmarshal(patch.GetPatch(), crd); err != nil {
		return true, nil, err
	}
	resource := action.GetResource()
	if _, err := w.crds.Tracker().Get(resource, "", crd.Name); err == nil {
		return true, crd, w.crds.Tracker().Update(resource, crd, "")
	}
	return true, crd, w.crds.Tracker().Create(resource, crd, "")
}

// start runs the registrar until the test ends. It may write only once it
// watches: the fakes, unlike a real host, lose what happens between the list
// and the watch.
func (w *world) start() *world {
	w.t.Helper()
	var watches atomic.Int32
	w.crds.PrependWatchReactor("*", watchOf(w.crds.Tracker(), &watches))
	w.apis.PrependWatchReactor("*", watchOf(w.apis.Tracker(), &watches))
	w.leader.Store(false)
	defer func() {
		w.eventually("the watches", func() error {
			if watches.Load() < 2 {
				return errors.New("not both established")
			}
			return nil
		})
		w.leader.Store(true)
		w.reg.Enqueue()
	}()
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = w.reg.Start(ctx) }()
	w.t.Cleanup(func() { cancel(); <-done })
	return w
}

func watchOf(tracker clienttesting.ObjectTracker, established *atomic.Int32) clienttesting.WatchReactionFunc {
	return func(action clienttesting.Action) (bool, watch.Interface, error) {
		w, err := tracker.Watch(action.GetResource(), action.GetNamespace())
		established.Add(1)
		return true, w, err
	}
}

func (w *world) eventually(what string, ok func() error) {
	w.t.Helper()
	deadline := time.After(20 * time.Second)
	for err := ok(); err != nil; err = ok() {
		select {
		case <-deadline:
			w.t.Fatalf("waited in vain for %s: %v", what, err)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func (w *world) apiService(gv schema.GroupVersion) (*apiregistrationv1.APIService, error) {
	return w.apis.ApiregistrationV1().APIServices().Get(w.t.Context(), apiServiceName(gv), metav1.GetOptions{})
}

func (w *world) status(key string) string {
	cm, err := w.kube.CoreV1().ConfigMaps(ourService.Namespace).Get(w.t.Context(), StatusConfigMap, metav1.GetOptions{})
	if err != nil {
		return err.Error()
	}
	return cm.Data[key]
}

func (w *world) becomesReady() {
	w.t.Helper()
	w.eventually("readiness", w.reg.Ready)
}

func TestEmptyHostGetsShadowsAndRegistrations(t *testing.T) {
	w := newWorld(t, nil).start()
	w.becomesReady()
	for _, gv := range groupVersions(testKinds) {
		a, err := w.apiService(gv)
		if err != nil {
			t.Fatal(err)
		}
		if a.Labels[automanagedLabel] != "false" || a.Spec.GroupPriorityMinimum != 1000 || a.Spec.VersionPriority != 15 ||
			a.Spec.InsecureSkipTLSVerify || string(a.Spec.CABundle) != "bundle" || *a.Spec.Service.Port != 443 {
			t.Errorf("%s: %+v", a.Name, a)
		}
	}
	for _, r := range testKinds[:4] {
		crd, err := w.crds.ApiextensionsV1().CustomResourceDefinitions().Get(t.Context(), r.shadowName(), metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if !shadowInStep(crd, ShadowCRD(r)) {
			t.Errorf("%s: the CRD in the host differs from the one wanted", crd.Name)
		}
	}
	if got := w.status("v1beta2." + infra); !strings.HasPrefix(got, "claimed: ") {
		t.Errorf("status line %q", got)
	}
}

func TestSteadyHostIsNotWrittenTo(t *testing.T) {
	w := newWorld(t, nil).start()
	w.becomesReady()
	w.eventually("the shadows to be seen", func() error {
		host, _ := w.reg.observe()
		if len(host.CRDs) != 4 {
			return fmt.Errorf("%d CRDs", len(host.CRDs))
		}
		return nil
	})
	count := func() int { return writes(w.kube.Actions()) + writes(w.crds.Actions()) + writes(w.apis.Actions()) }
	before := count()
	if err := w.reg.reconcile(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := count(); after != before {
		t.Errorf("%d writes to a host that is in step", after-before)
	}
}

func writes(actions []clienttesting.Action) int {
	n := 0
	for _, a := range actions {
		switch a.GetVerb() {
		case "create", "update", "patch", "delete":
			n++
		}
	}
	return n
}

func TestClaimIsGivenBackWhenAForeignCRDAppears(t *testing.T) {
	w := newWorld(t, nil).start()
	w.becomesReady()
	crd := servedCRD(controlPlane, "KubeadmControlPlane", "v1beta2")
	if _, err := w.crds.ApiextensionsV1().CustomResourceDefinitions().Create(t.Context(), crd, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	w.eventually("the status line", func() error {
		if got := w.status(apiServiceName(kcpLegacy)); !strings.Contains(got, "not claimed: served by CRD kubeadmcontrolplanes") {
			return errors.New(got)
		}
		return nil
	})
	if _, err := w.apiService(kcpLegacy); err == nil {
		t.Error("our APIService still hides the foreign CRD")
	}
	if _, err := w.apiService(schema.GroupVersion{Group: controlPlane, Version: NativeVersion}); err != nil {
		t.Errorf("the native version went with it: %v", err)
	}
	// The Event is the last of what a claim's change makes.
	var events []string
	w.eventually("an Event about it", func() error {
		events = append(events, eventsWith(w.events, "not claimed: served by CRD")...)
		if len(events) == 0 {
			return errors.New("none yet")
		}
		return nil
	})
	if len(events) != 1 {
		t.Errorf("Events about it are %q, want one", events)
	}
}

func eventsWith(recorder *record.FakeRecorder, text string) []string {
	var found []string
	for {
		select {
		case e := <-recorder.Events:
			if strings.Contains(e, text) {
				found = append(found, e)
			}
		default:
			return found
		}
	}
}

func TestForeignObjectsAreNeverWritten(t *testing.T) {
	capa := servedCRD(infra, "AWSCluster", "v1beta2")
	theirs := foreign(kcpLegacy)
	for _, mode := range []Mode{ModeAuto, ModeNative, ModeAll} {
		t.Run(string(mode), func(t *testing.T) {
			w := newWorld(t, func(o *Options) { o.Mode = mode }, capa.DeepCopy(), theirs.DeepCopy()).start()
			w.becomesReady()
			w.eventually("the decision about CAPA's CRD", func() error {
				if got := w.status(capa.Name); !strings.Contains(got, "left alone") {
					return errors.New(got)
				}
				return nil
			})
			crd, err := w.crds.ApiextensionsV1().CustomResourceDefinitions().Get(t.Context(), capa.Name, metav1.GetOptions{})
			if err != nil || len(crd.Labels) != 0 {
				t.Errorf("CAPA's CRD was changed: %v %v", crd.Labels, err)
			}
			a, err := w.apiService(kcpLegacy)
			if err != nil || a.Spec.Service.Name != "server" {
				t.Errorf("a foreign APIService was changed: %+v %v", a, err)
			}
		})
	}
}

func TestModeAllTakesOverInOnePatch(t *testing.T) {
	kcp := servedCRD(controlPlane, "KubeadmControlPlane", "v1beta2")
	w := newWorld(t, func(o *Options) { o.Mode = ModeAll }, kcp, local(kcpLegacy, "true")).start()
	w.becomesReady()
	a, err := w.apiService(kcpLegacy)
	if err != nil {
		t.Fatal(err)
	}
	if a.Spec.Service == nil || a.Spec.Service.Name != ourService.Name || a.Labels[automanagedLabel] != "false" || a.Spec.VersionPriority != 15 {
		t.Errorf("not taken over: %+v", a)
	}
	patches := 0
	for _, action := range w.apis.Actions() {
		p, ok := action.(clienttesting.PatchAction)
		if !ok || p.GetName() != a.Name {
			continue
		}
		patches++
		if body := string(p.GetPatch()); !strings.Contains(body, `"service":{`) || !strings.Contains(body, `automanaged":"false"`) {
			t.Errorf("patch %s lacks the spec or the label: the host reverts what lies between two patches", body)
		}
	}
	if patches == 0 {
		t.Error("taken over without a patch")
	}
}

func TestBundleIsKeptInStep(t *testing.T) {
	w := newWorld(t, nil).start()
	w.becomesReady()
	w.bundle.Store("renewed")
	w.reg.Enqueue()
	for _, gv := range groupVersions(testKinds) {
		w.eventually("the new bundle in "+apiServiceName(gv), func() error {
			a, err := w.apiService(gv)
			if err == nil && string(a.Spec.CABundle) != "renewed" {
				err = fmt.Errorf("bundle %q", a.Spec.CABundle)
			}
			return err
		})
	}
}

func TestNothingIsRegisteredWithoutABundle(t *testing.T) {
	w := newWorld(t, nil)
	w.bundle.Store("")
	err := w.reg.reconcile(t.Context())
	if err == nil || !strings.Contains(err.Error(), "no CA bundle yet") {
		t.Errorf("error %v", err)
	}
	if n := writes(w.apis.Actions()); n != 0 {
		t.Errorf("%d writes to APIServices", n)
	}
}

func TestOnlyTheLeaderWrites(t *testing.T) {
	w := newWorld(t, nil)
	w.leader.Store(false)
	if err := w.reg.reconcile(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := writes(w.kube.Actions()) + writes(w.crds.Actions()) + writes(w.apis.Actions()); n != 0 {
		t.Errorf("%d writes by a replica that is not the leader", n)
	}
	if err := w.reg.Ready(); err == nil || !strings.Contains(err.Error(), "not registered yet") {
		t.Errorf("ready: %v, want the missing registrations", err)
	}
}

func TestServiceForLoopbackIsCreatedOnce(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Service.ExternalName = "localhost" })
	for range 2 {
		if err := w.reg.ensureService(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s, err := w.kube.CoreV1().Services("capa-system").Get(t.Context(), "capa-apiserver", metav1.GetOptions{})
	if err != nil || s.Spec.Type != corev1.ServiceTypeExternalName || s.Spec.ExternalName != "localhost" {
		t.Errorf("Service %+v, %v", s, err)
	}
	if n := writes(w.kube.Actions()); n != 2 {
		t.Errorf("%d writes, want one Namespace and one Service", n)
	}
}

func TestForeignServiceIsNotRedirected(t *testing.T) {
	theirs := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: ourService.Namespace, Name: ourService.Name}}
	w := newWorld(t, func(o *Options) { o.Service.ExternalName = "localhost" }, theirs)
	if err := w.reg.ensureService(t.Context()); err == nil || !strings.Contains(err.Error(), "choose another name") {
		t.Errorf("error %v", err)
	}
}

func TestNotReadyWhileANativeVersionIsTakenByOthers(t *testing.T) {
	w := newWorld(t, nil, foreign(infraNative)).start()
	w.eventually("the reason", func() error {
		if err := w.reg.Ready(); err == nil || !strings.Contains(err.Error(), "Service other/server") || strings.Contains(err.Error(), "not registered yet") {
			return fmt.Errorf("the wrong reason: %w", cmp.Or(err, errors.New("ready")))
		}
		return nil
	})
}

func TestDecisionsAreCounted(t *testing.T) {
	w := newWorld(t, nil, servedCRD(controlPlane, "KubeadmControlPlane", "v1beta2")).start()
	w.becomesReady()
	for claimed, want := range map[string]float64{"true": 0, "false": 1} {
		got, err := testutil.GetGaugeMetricValue(claimsMetric.WithLabelValues(controlPlane, LegacyVersion, claimed))
		if err != nil || got != want {
			t.Errorf("claimed=%s: %v %v, want %v", claimed, got, err, want)
		}
	}
}

func TestOptionsThatCannotWorkAreRefused(t *testing.T) {
	cases := map[string]func(*Options){
		"claim mode":             func(o *Options) { o.Mode = "some" },
		"out of range":           func(o *Options) { o.Service.Port = 0 },
		"no name of a Service":   func(o *Options) { o.Service.Name = "A_B" },
		"no name of a Namespace": func(o *Options) { o.Service.Namespace = "" },
		"all needed":             func(o *Options) { o.CABundle = nil },
	}
	for want, change := range cases {
		opts := newWorld(t, nil).reg.opts
		change(&opts)
		if _, err := New(opts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
