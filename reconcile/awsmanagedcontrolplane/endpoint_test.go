package awsmanagedcontrolplane

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	clienttesting "k8s.io/client-go/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksaccess"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
	"github.com/capa-apiserver/capa-apiserver/reconcile/kubeconfig"
	"github.com/capa-apiserver/capa-apiserver/reconcile/workload"
)

// inside is an EKS cluster's own API, and the Secrets that lead to it. Writes to both are counted, and one of them may
// go wrong.
type inside struct {
	t       testing.TB
	objects *dynamicfake.FakeDynamicClient
	typed   *fake.Clientset
	// unreachable has nothing answer.
	unreachable bool
	// fails is the number of the write that goes wrong, 0 for none: after its effect or before.
	fails  int32
	after  bool
	writes atomic.Int32
}

func newInside(t testing.TB) *inside {
	node := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "aws-node", ResourceVersion: "1"},
		Spec: appsv1.DaemonSetSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "aws-node"}}}}}}
	proxy := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "kube-proxy", UID: "u", ResourceVersion: "1"}}
	i := &inside{t: t, objects: dynamicfake.NewSimpleDynamicClientWithCustomListKinds(clientgoscheme.Scheme, map[schema.GroupVersionResource]string{}, node, proxy), typed: fake.NewClientset()}
	i.objects.PrependReactor("*", "*", i.react)
	i.typed.PrependReactor("create", "serviceaccounts", func(a clienttesting.Action) (bool, runtime.Object, error) {
		request := a.(clienttesting.CreateAction).GetObject().(*authenticationv1.TokenRequest)
		request.Status = authenticationv1.TokenRequestStatus{Token: "day", ExpirationTimestamp: metav1.NewTime(time.Now().Add(1000 * time.Hour))}
		return true, request, nil
	})
	return i
}

func (i *inside) connect(*rest.Config) (workload.Clients, error) {
	return workload.Clients{Dynamic: i.objects, Typed: i.typed}, nil
}

var errLost = &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")}

func (i *inside) must(err error) {
	if err != nil {
		i.t.Error(err)
	}
}

// wrong counts a write and tells whether it goes wrong.
func (i *inside) wrong() bool {
	return i.writes.Add(1) == i.fails
}

func (i *inside) react(a clienttesting.Action) (bool, runtime.Object, error) {
	if i.unreachable {
		return true, nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("i/o timeout")}
	}
	if create, ok := a.(clienttesting.CreateAction); ok && a.GetVerb() == "create" { // as an API server does
		create.GetObject().(metav1.Object).SetResourceVersion("1")
	}
	if a.GetVerb() == "get" || !i.wrong() {
		return false, nil, nil
	}
	if i.after {
		at, of := a.GetResource(), a.GetNamespace()
		switch a.GetVerb() { // the types of actions don't tell creations from updates
		case "update":
			i.must(i.objects.Tracker().Update(at, a.(clienttesting.UpdateAction).GetObject(), of))
		case "create":
			i.must(i.objects.Tracker().Create(at, a.(clienttesting.CreateAction).GetObject(), of))
		case "delete":
			i.must(i.objects.Tracker().Delete(at, of, a.(clienttesting.DeleteAction).GetName()))
		default:
			i.must(fmt.Errorf("a %s gets lost, of which the effect isn't known", a.GetVerb()))
		}
	}
	return true, nil, errLost
}

// host is the management cluster with writes of Secrets that are counted.
func (i *inside) host(kube client.WithWatch) client.Client {
	lose := func(write func() error) error {
		if !i.wrong() {
			return write()
		}
		if i.after {
			_ = write()
		}
		return errLost
	}
	return interceptor.NewClient(kube, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			return lose(func() error { return c.Create(ctx, obj, opts...) })
		},
		Update: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.UpdateOption) error {
			return lose(func() error { return c.Update(ctx, obj, opts...) })
		},
	})
}

func (i *inside) get(t *testing.T, resource, namespace, name string) *unstructured.Unstructured {
	t.Helper()
	group := ""
	if resource == "daemonsets" {
		group = "apps"
	}
	obj, err := i.objects.Resource(schema.GroupVersionResource{Group: group, Version: "v1", Resource: resource}).Namespace(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return obj
}

func wanting(c *controlplanev1.AWSManagedControlPlane) {
	c.Spec.ControlPlaneAccess = &controlplanev1.ControlPlaneAccess{Token: controlplanev1.ControlPlaneTokenServiceAccount}
	c.Spec.VpcCni.Env = []controlplanev1.EnvVar{{Name: "A", Value: "1"}}
	c.Spec.KubeProxy.Disable = true
	c.Spec.IAMAuthenticatorConfig = &controlplanev1.IAMAuthenticatorConfig{RoleMappings: []controlplanev1.RoleMapping{
		{RoleARN: "arn:aws:iam::123456789012:role/dev", KubernetesMapping: controlplanev1.KubernetesMapping{UserName: "dev", Groups: []string{"devs"}}}}}
}

func within(i *inside) func(*world) { return func(w *world) { w.inside = i } }

// complete tells that all that is wanted is at the endpoint.
func (w *world) complete() bool {
	for _, kind := range endpointAreas {
		if w.condition(kind).Status != metav1.ConditionTrue {
			return false
		}
	}
	return w.isReady() && string(w.secret().Data["token-file"]) == "day"
}

func (w *world) secret() *corev1.Secret {
	w.T.Helper()
	obj := &corev1.Secret{}
	w.Must(w.Kube.Get(context.Background(), enginetest.Key(enginetest.ClusterName+"-kubeconfig"), obj))
	return obj
}

func TestTheClusterHasWhatIsWantedAndIsLeftAlone(t *testing.T) {
	i := newInside(t)
	w := newWorld(t, newControlPlane(wanting), within(i))
	w.settle(func() bool { return w.isReady() && w.complete() })
	writes := i.writes.Load()
	for range 5 {
		_, err := w.reconcile()
		w.Must(err)
		w.Pass(time.Minute)
	}
	w.restart()
	_, err := w.reconcile()
	w.Must(err)
	if i.writes.Load() != writes || writes != 8 {
		t.Errorf("%d writes, then %d; want 8", writes, i.writes.Load())
	}
	for _, event := range []string{"DriftRepaired", "Failed"} {
		if lines := w.Events.With(event); len(lines) > 0 {
			t.Errorf("%q", lines)
		}
	}
	w.Events.Clear()
	w.Pass(13 * time.Hour * 40)
	_, err = w.reconcile()
	w.Must(err)
	if i.writes.Load() != writes+1 || len(w.Events.With("kubeconfig")) > 0 {
		t.Errorf("a token is renewed with %d writes and %q", i.writes.Load()-writes, w.Events.With("kubeconfig"))
	}
}

// TestEveryWriteMayBeLost loses each write at the endpoint, before its effect or after it, and with it the process.
func TestEveryWriteMayBeLost(t *testing.T) {
	for n := int32(1); n <= 8; n++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d, after %v", n, after), func(t *testing.T) {
				i := newInside(t)
				i.fails, i.after = n, after
				w := newWorld(t, newControlPlane(wanting), within(i))
				w.settle(func() bool { return i.writes.Load() >= n })
				w.restart()
				w.settle(func() bool { return w.isReady() && w.complete() })
				roles, _, _ := unstructured.NestedString(i.get(t, "configmaps", "kube-system", "aws-auth").Object, "data", "mapRoles")
				if strings.Count(roles, "rolearn") != 1 || strings.Count(roles, "devs") != 1 {
					t.Errorf("aws-auth has\n%s", roles)
				}
				if env := fmt.Sprint(i.get(t, "daemonsets", "kube-system", "aws-node").Object["spec"]); strings.Count(env, "name:A") != 1 {
					t.Errorf("aws-node has %s", env)
				}
			})
		}
	}
}

func TestAnEndpointThatCannotBeReachedStopsNothingElse(t *testing.T) {
	i := newInside(t)
	i.unreachable = true
	private := func(c *controlplanev1.AWSManagedControlPlane) {
		yes, no := true, false
		c.Spec.EndpointAccess.Private, c.Spec.EndpointAccess.Public = &yes, &no
	}
	w := newWorld(t, newControlPlane(wanting, private), within(i))
	w.create()
	c := w.get()
	if !c.Provisioned() || !c.Initialized() {
		t.Errorf("the status is %+v", c.Status.Initialization)
	}
	if x := w.condition(workload.Area); x.Status != metav1.ConditionFalse || x.Reason != workload.PrivateUnreachableReason {
		t.Errorf("%+v", x)
	}
	if x := w.condition(kubeconfig.Area); x.Status != metav1.ConditionTrue {
		t.Errorf("%+v", x)
	}
	w.change(func(c *controlplanev1.AWSManagedControlPlane) { c.Spec.AdditionalTags = infrav1.Tags{"team": "a"} })
	w.settle(func() bool { return w.count("eks.TagResource") > 0 })
	i.unreachable = false
	w.settle(w.complete)
	i.unreachable = true
	w.delete()
}

func TestNobodyIsLetIntoAClusterThatIsAnothers(t *testing.T) {
	w := newWorld(t, newControlPlane())
	o := enginetest.Observer(w.World, Kind(Options{}))
	if _, err := AccessOf(t.Context(), o, w.get()); !errors.Is(err, ErrNoEndpoint) {
		t.Errorf("before there is one: %v", err)
	}
	w.create()
	at, err := AccessOf(t.Context(), o, w.get())
	if err != nil || !at.Target.Known() || at.Target.Name != "default_"+testName {
		t.Fatalf("%+v, %v", at, err)
	}
	other := newControlPlane(func(c *controlplanev1.AWSManagedControlPlane) {
		c.Name, c.UID, c.Spec.EKSClusterName = "other", "uid-of-other", at.Target.Name
		c.OwnerReferences[0].Name = "other"
	})
	if at, err := AccessOf(t.Context(), o, other); !errors.Is(err, ErrForeignCluster) {
		t.Errorf("who names another's gets %+v, %v", at, err)
	}
}

func TestWhoHasNotLookedSaysWhatWasSaid(t *testing.T) {
	i := newInside(t)
	w := newWorld(t, newControlPlane(wanting), within(i))
	w.settle(func() bool { return w.isReady() && w.complete() })
	c := w.get()
	c.Annotations = map[string]string{"cluster.x-k8s.io/paused": ""}
	w.Must(w.Kube.Update(t.Context(), c))
	w.restart()
	_, err := w.reconcile()
	w.Must(err)
	if !w.complete() {
		t.Errorf("once paused it says\n%s", w.Describe(w.get(), testName))
	}
}

const nodesProfile = "nodes.cluster-api-provider-aws.sigs.k8s.io"

// newMachine is one whose instance has the usual profile.
func newMachine() *infrav1.AWSMachine {
	return &infrav1.AWSMachine{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "m", Labels: map[string]string{"cluster.x-k8s.io/cluster-name": enginetest.ClusterName}},
		Spec: infrav1.AWSMachineSpec{IAMInstanceProfile: nodesProfile}}
}

func (i *inside) mapRoles(t *testing.T) string {
	t.Helper()
	roles, _, _ := unstructured.NestedString(i.get(t, "configmaps", "kube-system", "aws-auth").Object, "data", "mapRoles")
	return roles
}

func TestNodesOfMachinesAreLetInUntilTheLastOneIsGone(t *testing.T) {
	i, machine := newInside(t), newMachine()
	w := newWorld(t, newControlPlane(wanting), within(i))
	w.Make(machine)
	w.settle(func() bool {
		return w.isReady() && w.condition(workload.AreaAuthenticator).Status == metav1.ConditionTrue
	})
	if roles := i.mapRoles(t); !strings.Contains(roles, "arn:aws:iam::123456789012:role/"+nodesProfile) || !strings.Contains(roles, "system:nodes") {
		t.Errorf("aws-auth has\n%s", roles)
	}
	w.Must(w.Kube.Delete(t.Context(), machine))
	w.settle(func() bool { return !strings.Contains(i.mapRoles(t), nodesProfile) })
	if roles := i.mapRoles(t); !strings.Contains(roles, "role/dev") {
		t.Errorf("what the spec names has gone, too:\n%s", roles)
	}
	w.change(func(c *controlplanev1.AWSManagedControlPlane) { c.Spec.IAMAuthenticatorConfig = nil })
	w.settle(func() bool { return !strings.Contains(i.mapRoles(t), "role/dev") })
}

func TestNodesHaveAccessEntriesWhereTheClusterTakesThem(t *testing.T) {
	i, machine := newInside(t), newMachine()
	w := newWorld(t, newControlPlane(func(c *controlplanev1.AWSManagedControlPlane) {
		c.Spec.AccessConfig = &controlplanev1.AccessConfig{AuthenticationMode: controlplanev1.EKSAuthenticationModeAPIAndConfigMap}
	}), within(i))
	w.Make(machine)
	entries := func() []string {
		out, err := w.Session().EKS.ListAccessEntries(t.Context(), &awseks.ListAccessEntriesInput{ClusterName: aws.String(eksName)})
		w.Must(err)
		return slices.DeleteFunc(out.AccessEntries, func(arn string) bool { return !strings.HasSuffix(arn, nodesProfile) })
	}
	w.settle(func() bool { return w.isReady() && len(entries()) == 1 })
	w.settle(func() bool { return w.condition(eksaccess.Area).Status == metav1.ConditionTrue })
	w.Must(w.Kube.Delete(t.Context(), machine))
	w.settle(func() bool { return len(entries()) == 0 })
}
