package bootstrapconfig

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/docs"
)

// world is a management cluster with one EKS cluster c1 that is up, and a configuration x.
type world struct {
	*testing.T
	kube   client.Client
	events *record.FakeRecorder
	filter string
	result ctrl.Result
}

func named(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "default", Name: name, UID: types.UID("uid-of-" + name), Generation: 1}
}

func secret(name string, data map[string]string) *corev1.Secret {
	out := &corev1.Secret{ObjectMeta: named(name), Data: map[string][]byte{}}
	for key, value := range data {
		out.Data[key] = []byte(value)
	}
	return out
}

func kubeconfig(server string) *corev1.Secret {
	return secret("c1-kubeconfig", map[string]string{"value": fmt.Sprintf(`
apiVersion: v1
kind: Config
current-context: a
contexts: [{name: a, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: %q, certificate-authority-data: %s}}]
users: [{name: u, user: {token: t}}]
`, server, base64.StdEncoding.EncodeToString([]byte("certificates")))})
}

func cluster() *clusterv1.Cluster {
	yes := true
	return &clusterv1.Cluster{ObjectMeta: named("c1"),
		Spec:   clusterv1.ClusterSpec{ControlPlaneRef: clusterv1.ContractVersionedObjectReference{APIGroup: controlplanev1.GroupName, Kind: "AWSManagedControlPlane", Name: "c1-control-plane"}},
		Status: clusterv1.ClusterStatus{Initialization: clusterv1.ClusterInitializationStatus{InfrastructureProvisioned: &yes, ControlPlaneInitialized: &yes}}}
}

func machine() *clusterv1.Machine {
	return &clusterv1.Machine{ObjectMeta: named("m1"), Spec: clusterv1.MachineSpec{ClusterName: "c1", Version: "v1.32.4"}}
}

func pool() *clusterv1.MachinePool {
	p := &clusterv1.MachinePool{ObjectMeta: named("p1"), Spec: clusterv1.MachinePoolSpec{ClusterName: "c1"}}
	p.Spec.Template.Spec.Version = "v1.34.1"
	p.Spec.Template.Spec.Bootstrap.ConfigRef = clusterv1.ContractVersionedObjectReference{APIGroup: bootstrapv1.GroupName, Kind: "NodeadmConfig", Name: "x"}
	return p
}

func ownedBy(kind, name string) metav1.ObjectMeta {
	m := named("x")
	m.Labels = map[string]string{clusterv1.ClusterNameLabel: "c1"}
	m.OwnerReferences = []metav1.OwnerReference{{APIVersion: clusterv1.GroupVersion.String(), Kind: kind, Name: name, UID: types.UID("uid-of-" + name)}}
	return m
}

// newWorld has the objects in place of, or besides, the usual ones.
func newWorld(t *testing.T, objects ...client.Object) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{bootstrapv1.AddToScheme, controlplanev1.AddToScheme, clusterv1.AddToScheme, corev1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	all := map[string]client.Object{}
	for _, obj := range append([]client.Object{cluster(), machine(), pool(), kubeconfig("https://ABC.eks.amazonaws.com"),
		&controlplanev1.AWSManagedControlPlane{ObjectMeta: named("c1-control-plane"), Status: controlplanev1.AWSManagedControlPlaneStatus{ServiceCIDR: "172.20.0.0/16"}}}, objects...) {
		all[fmt.Sprintf("%T %s", obj, obj.GetName())] = obj
	}
	b := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&bootstrapv1.NodeadmConfig{}, &bootstrapv1.EKSConfig{})
	for _, obj := range all {
		b = b.WithObjects(obj)
	}
	return &world{T: t, kube: b.Build(), events: record.NewFakeRecorder(100)}
}

func (w *world) options() Options {
	return Options{Client: w.kube, Host: w.kube, Events: w.events, WatchFilter: w.filter}
}

func (w *world) reconcile(r reconcile.Reconciler) {
	w.Helper()
	var err error
	if w.result, err = r.Reconcile(w.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: "default", Name: "x"}}); err != nil {
		w.Fatal(err)
	}
}

// nodeadm has the NodeadmConfig reconciled.
func (w *world) nodeadm() *bootstrapv1.NodeadmConfig {
	w.Helper()
	w.reconcile(NewNodeadm(w.options()))
	obj := &bootstrapv1.NodeadmConfig{}
	w.get("x", obj)
	return obj
}

func (w *world) eks() *bootstrapv1.EKSConfig {
	w.Helper()
	w.reconcile(NewEKS(w.options()))
	obj := &bootstrapv1.EKSConfig{}
	w.get("x", obj)
	return obj
}

func (w *world) get(name string, obj client.Object) {
	w.Helper()
	if err := w.kube.Get(context.Background(), client.ObjectKey{Namespace: "default", Name: name}, obj); err != nil {
		w.Fatal(err)
	}
	if config, ok := obj.(Config); ok {
		for _, c := range config.GetConditions() {
			if !docs.Explains(c.Type, c.Reason) {
				w.Errorf("docs/troubleshooting.md doesn't say what %s means in %s", c.Reason, c.Type)
			}
		}
	}
}

func (w *world) update(obj client.Object) {
	w.Helper()
	if err := w.kube.Update(context.Background(), obj); err != nil {
		w.Fatal(err)
	}
}

// data is the content of the Secret; "" without one.
func (w *world) data() string {
	w.Helper()
	s := &corev1.Secret{}
	err := w.kube.Get(context.Background(), client.ObjectKey{Namespace: "default", Name: "x"}, s)
	if err != nil && !apierrors.IsNotFound(err) {
		w.Fatal(err)
	}
	return string(s.Data["value"])
}

// says fails unless the condition DataSecretAvailable says it.
func (w *world) says(obj Config, status metav1.ConditionStatus, reason, text string) {
	w.Helper()
	c := meta.FindStatusCondition(obj.GetConditions(), bootstrapv1.DataSecretAvailableCondition)
	if c == nil || c.Status != status || c.Reason != reason || !strings.Contains(c.Message, text) {
		w.Errorf("the condition is %+v, want %s, %s, %q", c, status, reason, text)
	}
	ready := meta.FindStatusCondition(obj.GetConditions(), infrav1.ReadyCondition)
	if ready == nil || ready.Status != status || ready.LastTransitionTime.IsZero() {
		w.Errorf("Ready is %+v, want %s", ready, status)
	}
	if d := obj.ConfigStatus().Deprecated; d == nil || d.V1Beta1 == nil || len(d.V1Beta1.Conditions) < 2 || d.V1Beta1.FailureMessage != nil || d.V1Beta1.FailureReason != nil {
		w.Errorf("the older form says %+v", d)
	}
}

func (w *world) available(obj Config) {
	w.Helper()
	w.says(obj, metav1.ConditionTrue, "Ready", "")
	s := obj.ConfigStatus()
	if !s.Ready || !created(obj) || s.DataSecretName == nil || *s.DataSecretName != "x" || s.ObservedGeneration != 1 {
		w.Errorf("the status is %+v", s)
	}
}

func TestAMachineGetsItsDataOnce(t *testing.T) {
	w := newWorld(t, &bootstrapv1.NodeadmConfig{ObjectMeta: ownedBy("Machine", "m1")})
	w.available(w.nodeadm())
	s := &corev1.Secret{}
	w.get("x", s)
	if s.Type != "cluster.x-k8s.io/secret" || s.Labels[clusterv1.ClusterNameLabel] != "c1" || len(s.Data) != 1 {
		t.Errorf("the Secret is %+v", s)
	}
	if ref := metav1.GetControllerOf(s); ref == nil || ref.UID != "uid-of-x" || ref.Kind != "NodeadmConfig" || ref.APIVersion != "bootstrap.cluster.x-k8s.io/v2beta1" {
		t.Errorf("the owner is %+v", ref)
	}
	for _, want := range []string{"name: default_c1-control-plane", "apiServerEndpoint: https://ABC.eks.amazonaws.com", "certificateAuthority: Y2VydGlmaWNhdGVz", "cidr: 172.20.0.0/16"} {
		if !strings.Contains(w.data(), want) {
			t.Errorf("the data lacks %q:\n%s", want, w.data())
		}
	}
	before := w.data()
	changed := w.nodeadm()
	changed.Spec.PreNodeadmCommands = []string{"echo later"}
	w.update(changed)
	w.available(w.nodeadm())
	if w.data() != before || w.result.RequeueAfter != 0 {
		t.Errorf("the data was made again:\n%s", w.data())
	}
}

func TestAPoolsDataFollowsItsConfiguration(t *testing.T) {
	w := newWorld(t, &bootstrapv1.NodeadmConfig{ObjectMeta: ownedBy("MachinePool", "p1")})
	config := w.nodeadm()
	w.available(config)
	config.Spec.PreNodeadmCommands = []string{"echo later"}
	w.update(config)
	w.available(w.nodeadm())
	if !strings.Contains(w.data(), "echo later") || w.result.RequeueAfter != lookAgain {
		t.Errorf("%v, and the data is\n%s", w.result, w.data())
	}
	version := &corev1.Secret{}
	w.get("x", version)
	w.available(w.nodeadm())
	again := &corev1.Secret{}
	if w.get("x", again); again.ResourceVersion != version.ResourceVersion {
		t.Error("what stayed the same was written")
	}
	if len(w.events.Events) != 2 {
		t.Errorf("there are %d Events", len(w.events.Events))
	}
}

func TestWhatIsWaitedForIsSaid(t *testing.T) {
	without := func(change func(*clusterv1.Cluster)) *clusterv1.Cluster {
		c := cluster()
		change(c)
		return c
	}
	for name, x := range map[string]struct {
		meta         metav1.ObjectMeta
		objects      []client.Object
		reason, text string
	}{
		"an owner":           {meta: named("x"), reason: "WaitingForOwner", text: "a Machine or MachinePool"},
		"the owner's object": {meta: ownedBy("Machine", "m2"), reason: "WaitingForOwner", text: "Machine m2"},
		"the Cluster": {meta: ownedBy("Machine", "m1"), reason: "WaitingForOwner", text: "Cluster c2", objects: []client.Object{
			&clusterv1.Machine{ObjectMeta: named("m1"), Spec: clusterv1.MachineSpec{ClusterName: "c2"}}}},
		"the infrastructure": {meta: ownedBy("Machine", "m1"), reason: "WaitingForClusterInfrastructure", text: "Cluster c1",
			objects: []client.Object{without(func(c *clusterv1.Cluster) { c.Status.Initialization.InfrastructureProvisioned = nil })}},
		"the control plane": {meta: ownedBy("MachinePool", "p1"), reason: "WaitingForControlPlaneInitialization", text: "Cluster c1",
			objects: []client.Object{without(func(c *clusterv1.Cluster) { c.Status.Initialization.ControlPlaneInitialized = nil })}},
		"the control plane's object": {meta: ownedBy("Machine", "m1"), reason: "DataSecretGenerationFailed", text: "AWSManagedControlPlane c2-control-plane, to which Cluster c1 refers, doesn't exist",
			objects: []client.Object{without(func(c *clusterv1.Cluster) { c.Spec.ControlPlaneRef.Name = "c2-control-plane" })}},
		"another kind of control plane": {meta: ownedBy("Machine", "m1"), reason: "DataSecretGenerationFailed", text: "has a KubeadmControlPlane",
			objects: []client.Object{without(func(c *clusterv1.Cluster) { c.Spec.ControlPlaneRef.Kind = "KubeadmControlPlane" })}},
		"a kubeconfig that can be read": {meta: ownedBy("Machine", "m1"), reason: "DataSecretGenerationFailed", text: "holds no kubeconfig",
			objects: []client.Object{secret("c1-kubeconfig", map[string]string{"value": "{"})}},
		"a kubeconfig with a cluster": {meta: ownedBy("Machine", "m1"), reason: "DataSecretGenerationFailed", text: "names no cluster",
			objects: []client.Object{secret("c1-kubeconfig", map[string]string{"value": "kind: Config"})}},
		"the kubeconfig's key": {meta: ownedBy("Machine", "m1"), reason: "DataSecretGenerationFailed", text: "has no key value",
			objects: []client.Object{secret("c1-kubeconfig", nil)}},
		"an endpoint": {meta: ownedBy("Machine", "m1"), reason: "DataSecretGenerationFailed", text: "no endpoint", objects: []client.Object{kubeconfig("")}},
		"a Secret of the name": {meta: ownedBy("Machine", "m1"), reason: "DataSecretGenerationFailed", text: "is somebody else's and stays as it is",
			objects: []client.Object{secret("x", map[string]string{"value": "mine"})}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, append(x.objects, &bootstrapv1.NodeadmConfig{ObjectMeta: x.meta})...)
			obj := w.nodeadm()
			w.says(obj, metav1.ConditionFalse, x.reason, x.text)
			if d := w.data(); d != "" && d != "mine" || obj.Status.Ready || obj.Status.DataSecretName != nil {
				t.Errorf("there is data %q, and the status is %+v", d, obj.Status)
			}
			if failed := x.reason == "DataSecretGenerationFailed"; failed != (w.result.RequeueAfter == tryAgain) || w.result.RequeueAfter == 0 {
				t.Errorf("it is looked at again after %s", w.result.RequeueAfter)
			}
			before := obj.ResourceVersion
			if w.nodeadm().ResourceVersion != before {
				t.Error("what stayed the same was written")
			}
		})
	}
}

func TestContentComesFromSecrets(t *testing.T) {
	config := &bootstrapv1.EKSConfig{ObjectMeta: ownedBy("Machine", "m1")}
	config.Spec.Files = []bootstrapv1.File{{Path: "/etc/motd", ContentFrom: &bootstrapv1.SecretSource{Secret: bootstrapv1.SecretKey{Name: "files", Key: "motd"}}}}
	config.Spec.Users = []bootstrapv1.User{{Name: "ops", PasswdFrom: &bootstrapv1.SecretSource{Secret: bootstrapv1.SecretKey{Name: "passwords", Key: "ops"}}}}
	w := newWorld(t, config)
	w.says(w.eks(), metav1.ConditionFalse, "DataSecretGenerationFailed", "Secret files doesn't exist in namespace default: create it with the key motd")
	if err := w.kube.Create(t.Context(), secret("files", map[string]string{"motd": "hello"})); err != nil {
		t.Fatal(err)
	}
	passwords := secret("passwords", nil)
	if err := w.kube.Create(t.Context(), passwords); err != nil {
		t.Fatal(err)
	}
	w.says(w.eks(), metav1.ConditionFalse, "DataSecretGenerationFailed", "Secret passwords has no key ops")
	passwords.Data = map[string][]byte{"ops": []byte("$6$x")}
	w.update(passwords)
	obj := w.eks()
	w.available(obj)
	for _, want := range []string{"content: hello", "passwd: $6$x", "/etc/eks/bootstrap.sh default_c1-control-plane"} {
		if !strings.Contains(w.data(), want) {
			t.Errorf("the data lacks %q:\n%s", want, w.data())
		}
	}
	if obj.Spec.Files[0].ContentFrom == nil || obj.Spec.Files[0].Content != "" {
		t.Errorf("the spec was changed: %+v", obj.Spec)
	}
}

// TestOneSecretManyTimesIsNotReadWithoutEnd: a spec of a few lines must not fill the server's memory.
func TestOneSecretManyTimesIsNotReadWithoutEnd(t *testing.T) {
	config := &bootstrapv1.EKSConfig{ObjectMeta: ownedBy("Machine", "m1")}
	for i := range 200 {
		config.Spec.Files = append(config.Spec.Files, bootstrapv1.File{Path: fmt.Sprintf("/%d", i), ContentFrom: &bootstrapv1.SecretSource{Secret: bootstrapv1.SecretKey{Name: "large", Key: "a"}}})
	}
	w := newWorld(t, config, secret("large", map[string]string{"a": strings.Repeat("x", 900_000)}))
	reads := 0
	w.kube = interceptor.NewClient(w.kube.(client.WithWatch), interceptor.Funcs{Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
		if key.Name == "large" {
			reads++
		}
		return c.Get(ctx, key, obj, opts...)
	}})
	w.says(w.eks(), metav1.ConditionFalse, "DataSecretGenerationFailed", "takes from Secrets has more than")
	if reads != 2 {
		t.Errorf("it was read %d times", reads)
	}
}

func TestBootstrapScriptEndsWithAmazonLinux2(t *testing.T) {
	for version, refused := range map[string]bool{"": false, "v1.32.9": false, "v1.32.9-eks-cb19647": false, "v1.33.0": true, "1.34": true, "v2.0.0": true, "latest": false} {
		m := machine()
		m.Spec.Version = version
		w := newWorld(t, m, &bootstrapv1.EKSConfig{ObjectMeta: ownedBy("Machine", "m1")})
		if obj := w.eks(); refused {
			w.says(obj, metav1.ConditionFalse, "DataSecretGenerationFailed", "refer to a NodeadmConfig")
		} else {
			w.available(obj)
		}
	}
}

func TestWhatWasMadeStaysWhileNothingNewCanBeMade(t *testing.T) {
	w := newWorld(t, &bootstrapv1.NodeadmConfig{ObjectMeta: ownedBy("MachinePool", "p1")})
	config := w.nodeadm()
	before := w.data()
	config.Spec.Files = []bootstrapv1.File{{Path: "/a", ContentFrom: &bootstrapv1.SecretSource{Secret: bootstrapv1.SecretKey{Name: "files", Key: "a"}}}}
	w.update(config)
	obj := w.nodeadm()
	w.says(obj, metav1.ConditionFalse, "DataSecretGenerationFailed", "new nodes get the data that was made before")
	if !obj.Status.Ready || !created(obj) || obj.Status.DataSecretName == nil || w.data() != before {
		t.Errorf("the status is %+v", obj.Status)
	}
}

func TestNothingIsDoneWhilePaused(t *testing.T) {
	yes := true
	paused := cluster()
	paused.Spec.Paused = &yes
	annotated := ownedBy("Machine", "m1")
	annotated.Annotations = map[string]string{clusterv1.PausedAnnotation: ""}
	for name, objects := range map[string][]client.Object{
		"the Cluster": {paused, &bootstrapv1.NodeadmConfig{ObjectMeta: ownedBy("Machine", "m1")}},
		"the object":  {&bootstrapv1.NodeadmConfig{ObjectMeta: annotated}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, objects...)
			obj := w.nodeadm()
			if !meta.IsStatusConditionTrue(obj.Status.Conditions, infrav1.PausedCondition) || w.data() != "" || len(obj.Status.Conditions) != 1 {
				t.Errorf("the conditions are %+v, the data %q", obj.Status.Conditions, w.data())
			}
		})
	}
}

func TestOnlyWhatTheFilterNamesIsReconciled(t *testing.T) {
	mine := ownedBy("Machine", "m1")
	mine.Labels[clusterv1.WatchLabel] = "a"
	for filter, reconciled := range map[string]bool{"": true, "a": true, "b": false} {
		w := newWorld(t, &bootstrapv1.NodeadmConfig{ObjectMeta: mine})
		w.filter = filter
		if w.nodeadm(); (w.data() != "") != reconciled {
			t.Errorf("the filter %q lets it be %q", filter, w.data())
		}
	}
}

// TestAMovedConfigurationTakesItsSecretAlong has the Secret, which moves too, belong to the
// object's former UID, and no status, which doesn't.
func TestAMovedConfigurationTakesItsSecretAlong(t *testing.T) {
	moved := secret("x", map[string]string{"value": "what the instance has"})
	moved.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(&bootstrapv1.NodeadmConfig{ObjectMeta: metav1.ObjectMeta{Name: "x", UID: "former"}},
		bootstrapv1.SchemeGroupVersion.WithKind("NodeadmConfig"))}
	w := newWorld(t, moved, &bootstrapv1.NodeadmConfig{ObjectMeta: ownedBy("Machine", "m1")})
	w.available(w.nodeadm())
	s := &corev1.Secret{}
	w.get("x", s)
	if ref := metav1.GetControllerOf(s); w.data() != "what the instance has" || ref == nil || ref.UID != "uid-of-x" || s.Labels[clusterv1.ClusterNameLabel] != "c1" {
		t.Errorf("the Secret is %+v", s)
	}
}

func TestAnOwnerThatIsLostChangesNothing(t *testing.T) {
	w := newWorld(t, &bootstrapv1.NodeadmConfig{ObjectMeta: ownedBy("Machine", "m1")})
	obj := w.nodeadm()
	obj.OwnerReferences = nil
	w.update(obj)
	w.available(w.nodeadm())
}

func TestASecretThatIsLostIsMadeAgain(t *testing.T) {
	w := newWorld(t, &bootstrapv1.NodeadmConfig{ObjectMeta: ownedBy("Machine", "m1")})
	w.nodeadm()
	if err := w.kube.Delete(t.Context(), secret("x", nil)); err != nil {
		t.Fatal(err)
	}
	w.available(w.nodeadm())
	if w.data() == "" {
		t.Error("there is no data")
	}
}

func TestAnObjectThatGoesIsLeftAlone(t *testing.T) {
	going := ownedBy("Machine", "m1")
	now := metav1.NewTime(time.Now())
	going.DeletionTimestamp, going.Finalizers = &now, []string{"somebody.example.com/else"}
	w := newWorld(t, &bootstrapv1.NodeadmConfig{ObjectMeta: going})
	if w.nodeadm(); w.data() != "" {
		t.Error("it got data")
	}
}

func TestTheRangeForServicesIsTheOneThatEKSTells(t *testing.T) {
	w := newWorld(t, &bootstrapv1.NodeadmConfig{ObjectMeta: ownedBy("Machine", "m1")},
		&controlplanev1.AWSManagedControlPlane{ObjectMeta: named("c1-control-plane"), Status: controlplanev1.AWSManagedControlPlaneStatus{ServiceCIDR: "10.100.0.0/16"}})
	if w.nodeadm(); !strings.Contains(w.data(), "cidr: 10.100.0.0/16") {
		t.Errorf("the data are\n%s", w.data())
	}
	w = newWorld(t, &bootstrapv1.NodeadmConfig{ObjectMeta: ownedBy("Machine", "m1")}, &controlplanev1.AWSManagedControlPlane{ObjectMeta: named("c1-control-plane")})
	if w.nodeadm(); w.data() != "" {
		t.Errorf("before it is known the data are\n%s", w.data())
	}
}

func TestChangesOfClustersAndPoolsReachTheirConfigurations(t *testing.T) {
	w := newWorld(t, &bootstrapv1.NodeadmConfig{ObjectMeta: ownedBy("MachinePool", "p1")})
	r, e := NewNodeadm(w.options()), NewEKS(w.options())
	if got := r.ofCluster(t.Context(), cluster()); len(got) != 1 || got[0].Name != "x" {
		t.Errorf("the Cluster's are %v", got)
	}
	if got := r.ofPool(t.Context(), pool()); len(got) != 1 || got[0].Name != "x" {
		t.Errorf("the pool's are %v", got)
	}
	user := machine()
	user.Spec.Bootstrap.ConfigRef = pool().Spec.Template.Spec.Bootstrap.ConfigRef
	if got := r.ofMachine(t.Context(), user); len(got) != 1 || got[0].Name != "x" {
		t.Errorf("the Machine's are %v", got)
	}
	if got := e.ofPool(t.Context(), pool()); len(got) != 0 {
		t.Errorf("the pool's of another kind are %v", got)
	}
}
