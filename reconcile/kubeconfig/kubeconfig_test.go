package kubeconfig

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/clientcmd"
	testclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	clientfake "sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
	"github.com/capa-apiserver/capa-apiserver/reconcile/workload"
)

// bench is a host, and the Secrets of one cluster there.
type bench struct {
	*testing.T
	clock   *testclock.FakePassiveClock
	host    client.Client
	session *cloud.Session
	secrets *Secrets
}

func newBench(t *testing.T, objects ...client.Object) *bench {
	b := &bench{T: t, clock: testclock.NewFakePassiveClock(time.Now()), host: clientfake.NewClientBuilder().WithObjects(objects...).Build()}
	keys := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "AKIA1", SecretAccessKey: "x"}, nil
	})
	b.session = cloud.NewSession(aws.Config{Credentials: keys}, cloud.NewLimiter(nil, nil), cloud.Scope{Account: "1", Region: "us-east-1"}, "aws", "controller")
	clusters := workload.NewClusters(b.clock, func(*rest.Config) (workload.Clients, error) {
		typed := fake.NewClientset()
		typed.PrependReactor("create", "serviceaccounts", func(a clienttesting.Action) (bool, runtime.Object, error) {
			request := a.(clienttesting.CreateAction).GetObject().(*authenticationv1.TokenRequest)
			request.Status = authenticationv1.TokenRequestStatus{Token: "day", ExpirationTimestamp: metav1.NewTime(b.clock.Now().Add(24 * time.Hour))}
			return true, request, nil
		})
		return workload.Clients{Dynamic: dynamicfake.NewSimpleDynamicClient(clientgoscheme.Scheme), Typed: typed}, nil
	})
	b.secrets = NewSecrets(b.host, clusters, b.clock)
	return b
}

func intent() *Intent {
	return &Intent{Namespace: "ns", Cluster: "c", Region: "us-east-1", Target: workload.Target{Name: "ns_c-control-plane", Endpoint: "https://c", CA: []byte("ca")},
		Owner: metav1.OwnerReference{APIVersion: "controlplane.cluster.x-k8s.io/v2beta1", Kind: "AWSManagedControlPlane", Name: "cp", UID: "u1", Controller: new(true)}}
}

// converge does what is planned, and returns what was done and is left.
func (b *bench) converge(in *Intent, lasting bool) (done []string, left plan.Plan) {
	b.Helper()
	actor := &plan.Actor{Handlers: plan.NewHandlers(Handlers(b.secrets)), Mirror: mirror.New(mirror.Options{})}
	if _, err := b.secrets.Look(b.Context(), in); err != nil {
		b.Fatal(err)
	}
	for range 5 {
		if left = in.Plan(b.secrets.State(in), lasting); len(left.Ready()) == 0 {
			return done, left
		}
		results, err := actor.Act(b.Context(), b.session, nil, left.Ready())
		if err != nil {
			b.Fatal(err)
		}
		for _, r := range results {
			if r.Outcome != plan.Done {
				b.Fatalf("%s: %+v", r.Action.Summary, r.Err)
			}
			done = append(done, r.Action.Summary)
		}
	}
	b.Fatalf("%q is done and there is always more", done)
	return nil, left
}

func (b *bench) secret(name string) *corev1.Secret {
	b.Helper()
	obj := &corev1.Secret{}
	if err := b.host.Get(b.Context(), client.ObjectKey{Namespace: "ns", Name: name}, obj); err != nil {
		b.Fatal(err)
	}
	return obj
}

func TestSecretsHaveTheFormThatClusterAPIReads(t *testing.T) {
	b, in := newBench(t), intent()
	done, left := b.converge(in, false)
	if len(done) != 2 || !left.Done() {
		t.Fatalf("done %q, left %+v", done, left)
	}
	core := b.secret("c-kubeconfig")
	if core.Type != "cluster.x-k8s.io/secret" || core.Labels["cluster.x-k8s.io/cluster-name"] != "c" || !metav1.IsControlledBy(core, &metav1.ObjectMeta{UID: "u1"}) || len(core.Data) != 3 {
		t.Errorf("the Secret is %+v", core)
	}
	c, err := clientcmd.RESTConfigFromKubeConfig(core.Data["value"])
	if err != nil || c.Host != "https://c" || string(c.CAData) != "ca" || !strings.HasPrefix(c.BearerToken, "k8s-aws-v1.") || c.BearerToken != string(core.Data["token-file"]) {
		t.Errorf("the kubeconfig leads to %+v, %v", c, err)
	}
	if relative, err := clientcmd.Load(core.Data["relative"]); err != nil || relative.AuthInfos["ns_c-control-plane-capi-admin"].TokenFile != "./token-file" {
		t.Errorf("the relative one is %s, %v", core.Data["relative"], err)
	}
	users, err := clientcmd.Load(b.secret("c-user-kubeconfig").Data["value"])
	if err != nil || !slices.Equal(users.AuthInfos["ns_c-control-plane-user"].Exec.Args, []string{"token", "-i", "ns_c-control-plane"}) {
		t.Errorf("that of users is %+v, %v", users, err)
	}
	if !b.secrets.State(in).Ready(in.Target) {
		t.Error("it isn't ready")
	}
}

func TestTokensAreRenewedAtHalfOfTheirLife(t *testing.T) {
	b, in := newBench(t), intent()
	b.converge(in, false)
	if again, err := b.secrets.Look(t.Context(), in); err != nil || again < 7*time.Minute || again > 7*time.Minute+31*time.Second {
		t.Fatalf("it is renewed in %s, %v", again, err)
	}
	first := b.secret("c-kubeconfig")
	b.clock.SetTime(b.clock.Now().Add(7 * time.Minute))
	if done, _ := b.converge(in, false); len(done) != 0 {
		t.Fatalf("too early: %q", done)
	}
	b.clock.SetTime(b.clock.Now().Add(time.Minute))
	// Another process knows nothing but what the Secret says.
	b.secrets.Forget(in)
	done, left := b.converge(in, false)
	if len(done) != 1 || !left.Done() || b.secret("c-kubeconfig").ResourceVersion == first.ResourceVersion {
		t.Errorf("done %q, left %+v", done, left)
	}
}

func TestTheLastingTokenIsAskedForOnceItCanBe(t *testing.T) {
	b, in := newBench(t), intent()
	in.Lasting = true
	b.converge(in, false)
	if token := string(b.secret("c-kubeconfig").Data["token-file"]); !strings.HasPrefix(token, "k8s-aws-v1.") {
		t.Errorf("the first token is %q", token)
	}
	b.converge(in, true)
	if token := string(b.secret("c-kubeconfig").Data["token-file"]); token != "day" || b.secrets.Again(in) < 11*time.Hour {
		t.Errorf("the token is %q, and renewed in %s", token, b.secrets.Again(in))
	}
	if done, _ := b.converge(in, false); len(done) != 0 {
		t.Errorf("while the cluster doesn't answer: %q", done)
	}
}

func TestWhatIsSomebodyElsesIsLeftAlone(t *testing.T) {
	other := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "c-kubeconfig",
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "x/v1", Kind: "KubeadmControlPlane", Name: "k", UID: "u2", Controller: new(true)}}}}
	b := newBench(t, other)
	done, left := b.converge(intent(), false)
	if len(done) != 1 || len(left.Problems) != 1 || !strings.Contains(left.Problems[0].Summary, "KubeadmControlPlane k") {
		t.Errorf("done %q, left %+v", done, left)
	}
}

func TestSecretsOfTheSameControlPlaneAreTakenOver(t *testing.T) {
	moved := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "c-kubeconfig", Labels: map[string]string{"own": "x"},
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "controlplane.cluster.x-k8s.io/v1beta2", Kind: "AWSManagedControlPlane", Name: "cp", UID: "old", Controller: new(true)}}}}
	b := newBench(t, moved)
	_, left := b.converge(intent(), false)
	got := b.secret("c-kubeconfig")
	if !left.Done() || len(got.OwnerReferences) != 1 || got.OwnerReferences[0].UID != "u1" || got.Labels["own"] != "x" {
		t.Errorf("left %+v, the Secret is %+v", left, got.ObjectMeta)
	}
}

func TestAnotherEndpointIsWritten(t *testing.T) {
	b, in := newBench(t), intent()
	b.converge(in, false)
	in.Target.CA = []byte("other")
	in.Method = AWSCLI
	if done, left := b.converge(in, false); len(done) != 2 || !left.Done() {
		t.Errorf("done %q, left %+v", done, left)
	}
	if exec := b.secret("c-user-kubeconfig").Data["value"]; !strings.Contains(string(exec), "get-token") {
		t.Errorf("the kubeconfig of users is %s", exec)
	}
}

func TestNothingIsWrittenBeforeThereIsAnEndpoint(t *testing.T) {
	b, in := newBench(t), intent()
	in.Target = workload.Target{Name: "c"}
	if done, left := b.converge(in, false); len(done) != 0 || len(left.Waits) != 1 {
		t.Errorf("done %q, left %+v", done, left)
	}
}

func TestActionsShowNoToken(t *testing.T) {
	b, in := newBench(t), intent()
	_, _ = b.secrets.Look(t.Context(), in)
	for _, a := range in.Plan(b.secrets.State(in), false).Actions {
		if w := a.Input.(*Write); strings.Contains(a.Summary, "k8s-aws") || w.Target.Name != in.Target.Name {
			t.Errorf("%+v", a)
		}
	}
}
