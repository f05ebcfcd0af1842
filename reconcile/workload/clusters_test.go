package workload

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	clienttesting "k8s.io/client-go/testing"
	testclock "k8s.io/utils/clock/testing"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

var target = Target{Name: "c1", Endpoint: "https://c1.example.com", CA: []byte("ca")}

// bench is one workload cluster, and what is known of it.
type bench struct {
	*testing.T
	clock    *testclock.FakePassiveClock
	session  *cloud.Session
	clusters *Clusters
	objects  *dynamicfake.FakeDynamicClient
	typed    *fake.Clientset
}

func newBench(t *testing.T, objects ...runtime.Object) *bench {
	b := &bench{T: t, clock: testclock.NewFakePassiveClock(time.Now()), session: &cloud.Session{Scope: cloud.Scope{Account: "1", Region: "us-east-1"}}, typed: fake.NewClientset()}
	b.objects = dynamicfake.NewSimpleDynamicClientWithCustomListKinds(clientgoscheme.Scheme, map[schema.GroupVersionResource]string{eniConfig("x").resource(): "ENIConfigList"}, objects...)
	b.clusters = NewClusters(b.clock, func(*rest.Config) (Clients, error) { return Clients{b.objects, b.typed}, nil })
	return b
}

// converge looks and acts until nothing is left to do, and returns what was done.
func (b *bench) converge(in *Intent) (done []string, left plan.Plan) {
	b.Helper()
	actor := &plan.Actor{Handlers: plan.NewHandlers(Handlers(b.clusters)), Mirror: mirror.New(mirror.Options{})}
	if _, err := b.clusters.Look(b.Context(), b.session, in); err != nil {
		b.Fatal(err)
	}
	for range 10 {
		left = in.Plan(b.clusters.Facts(b.session, in.Target))
		if len(left.Ready()) == 0 {
			return done, left
		}
		results, err := actor.Act(b.Context(), b.session, nil, left.Ready())
		if err != nil {
			b.Fatal(err)
		}
		for _, r := range results {
			if !r.Settled() {
				b.Fatalf("%s: %+v", r.Action.Summary, r.Err)
			}
			done = append(done, r.Action.Summary)
		}
	}
	b.Fatalf("%q is done and there is always more", done)
	return nil, left
}

func cni() []runtime.Object {
	meta := metav1.ObjectMeta{Namespace: "kube-system", Name: "aws-node", UID: "u1", ResourceVersion: "1"}
	return []runtime.Object{
		&appsv1.DaemonSet{ObjectMeta: meta, Spec: appsv1.DaemonSetSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{
			{Name: "aws-eks-nodeagent"}, {Name: "aws-node", Image: "cni:1", Env: []corev1.EnvVar{{Name: "A", Value: "1"}, {Name: "OWN", Value: "x"}}}}}}}},
		&corev1.ServiceAccount{ObjectMeta: meta},
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "aws-node", Labels: map[string]string{PreventDeletion: "true"}}},
		&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "aws-node"}},
	}
}

func TestAllIsWrittenOnceAndThenLeftAlone(t *testing.T) {
	b := newBench(t, cni()...)
	in := &Intent{Target: target, Roles: []Mapping{NodeRole("arn:aws:iam::1:role/nodes")}, Users: []Mapping{{ARN: "arn:aws:iam::1:user/u", Username: "u"}},
		CNI: CNI{Env: []corev1.EnvVar{{Name: "A", Value: "2"}, {Name: "NODE", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "spec.nodeName"}}}},
			Subnets: []PodSubnet{{"us-east-1a", "subnet-1"}, {"us-east-1b", "subnet-2"}}, SecurityGroups: []string{"sg-1"}},
		TrustPolicy: `{"a": 1}`, LastingAccess: true}
	done, left := b.converge(in)
	if !left.Done() || len(done) != 7 {
		t.Fatalf("done %q, left %+v", done, left)
	}
	if i := slices.IndexFunc(done, func(s string) bool {
		return strings.HasPrefix(s, "set A, NODE, AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG, ENI_CONFIG_LABEL_DEF in DaemonSet")
	}); i < 6 {
		t.Errorf("the DaemonSet isn't the last of %q", done)
	}
	set, err := b.objects.Resource(awsNode.resource()).Namespace(system).Get(t.Context(), "aws-node", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	typed := &appsv1.DaemonSet{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(set.Object, typed); err != nil {
		t.Fatal(err)
	}
	if c := typed.Spec.Template.Spec.Containers[1]; c.Image != "cni:1" || len(c.Env) != 5 || c.Env[0].Value != "2" || c.Env[1].Value != "x" {
		t.Errorf("the container is %+v", c)
	}
	b.clock.SetTime(b.clock.Now().Add(time.Hour))
	in.TrustPolicy = `{"a":1}` // another form of the same
	if done, left = b.converge(in); len(done) != 0 || !left.Done() {
		t.Errorf("done again: %q, left %+v", done, left)
	}
}

func TestOnlyLinesThatWereWrittenHereGo(t *testing.T) {
	const ours, theirs = "arn:aws:iam::1:role/ours", "arn:aws:iam::1:role/theirs"
	b := newBench(t, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "aws-auth", ResourceVersion: "1"}, Data: map[string]string{"mapRoles": "- {rolearn: '" + theirs + "', username: x}\n"}})
	in := &Intent{Target: target, Roles: []Mapping{NodeRole(ours), {ARN: theirs, Username: "x"}}}
	if _, err := b.clusters.Look(t.Context(), b.session, in); err != nil {
		t.Fatal(err)
	}
	in.Lines = in.Written(b.clusters.Facts(b.session, target))
	if !slices.Equal(in.Lines, []string{ours}) {
		t.Fatalf("before the first write it remembers %q", in.Lines)
	}
	b.converge(in)
	in.Roles = nil
	if lines := in.Written(b.clusters.Facts(b.session, target)); !slices.Equal(lines, []string{ours}) {
		t.Errorf("while the line is there it remembers %q", lines)
	}
	if done, left := b.converge(in); len(done) != 1 || !left.Done() {
		t.Errorf("done %q, left %+v", done, left)
	}
	if lines := in.Written(b.clusters.Facts(b.session, target)); len(lines) > 0 {
		t.Errorf("afterwards it remembers %q", lines)
	}
	obj, err := b.objects.Resource(awsAuth.resource()).Namespace(system).Get(t.Context(), "aws-auth", metav1.GetOptions{})
	if text := fmt.Sprint(obj); err != nil || !strings.Contains(text, theirs) || strings.Contains(text, ours) {
		t.Errorf("%v, %v", text, err)
	}
}

func TestWhatIsNotWantedGoesUnlessItIsKept(t *testing.T) {
	b := newBench(t, append(cni(), &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "kube-proxy"}})...)
	in := &Intent{Target: target, CNI: CNI{Disable: true}, WithoutKubeProxy: true}
	done, left := b.converge(in)
	want := []string{"delete DaemonSet kube-system/aws-node of the cluster", "delete ServiceAccount kube-system/aws-node of the cluster",
		"delete ClusterRoleBinding aws-node of the cluster", "delete DaemonSet kube-system/kube-proxy of the cluster"}
	if !slices.Equal(done, want) || !left.Done() {
		t.Errorf("done %q, left %+v", done, left)
	}
}

func TestWhatCannotBeReadIsNotWritten(t *testing.T) {
	b := newBench(t, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "aws-auth"}, Data: map[string]string{"mapRoles": "x: y"}})
	done, left := b.converge(&Intent{Target: target, Roles: []Mapping{NodeRole("arn:aws:iam::1:role/nodes")}})
	if len(done) != 0 || len(left.Problems) != 1 || left.Problems[0].Reason != UnreadableReason {
		t.Errorf("done %q, left %+v", done, left)
	}
}

func TestTheCNIIsWaitedFor(t *testing.T) {
	b := newBench(t)
	in := &Intent{Target: target, CNI: CNI{Env: []corev1.EnvVar{{Name: "A"}}}}
	if _, left := b.converge(in); len(left.Waits) != 1 || left.Waits[0].Reason != WaitingForAddonReason {
		t.Fatalf("left %+v", left)
	}
	if again, _ := b.clusters.Look(t.Context(), b.session, in); again != soonPeriod {
		t.Errorf("it is looked at again after %s", again)
	}
}

func TestAClusterThatDoesNotAnswerIsOneProblemAndLeftAlone(t *testing.T) {
	for _, c := range []struct {
		name    string
		err     error
		private bool
		reason  string
	}{
		{"public", &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}, false, UnreachableReason},
		{"private", context.DeadlineExceeded, true, PrivateUnreachableReason},
		{"stranger", apierrors.NewUnauthorized("no"), false, UnauthorizedReason},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, asked := newBench(t), 0
			b.objects.PrependReactor("*", "*", func(clienttesting.Action) (bool, runtime.Object, error) { asked++; return true, nil, c.err })
			in := &Intent{Target: target, Private: c.private, TrustPolicy: "{}", LastingAccess: true, WithoutKubeProxy: true}
			_, left := b.converge(in)
			if len(left.Problems) != 1 || left.Problems[0].Reason != c.reason || left.Problems[0].Area != Area || len(left.Actions) != 0 {
				t.Fatalf("left %+v", left)
			}
			var pauses []time.Duration
			for range 8 {
				again, err := b.clusters.Look(t.Context(), b.session, in)
				if err != nil || again <= 0 {
					t.Fatal(again, err)
				}
				pauses = append(pauses, again)
				b.clock.SetTime(b.clock.Now().Add(again))
				_, _ = b.clusters.Look(t.Context(), b.session, in)
			}
			if asked != 9 || pauses[0] != firstPause || pauses[7] != lastPause {
				t.Errorf("asked %d times, with pauses %v", asked, pauses)
			}
		})
	}
}

func TestAWriteThatSomebodyElseWasFasterAtIsNoFailure(t *testing.T) {
	b := newBench(t)
	in := &Intent{Target: target, TrustPolicy: "{}"}
	if _, err := b.clusters.Look(t.Context(), b.session, in); err != nil {
		t.Fatal(err)
	}
	b.objects.PrependReactor("create", "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewConflict(schema.GroupResource{Resource: "configmaps"}, "x", errors.New("newer"))
	})
	actor := &plan.Actor{Handlers: plan.NewHandlers(Handlers(b.clusters)), Mirror: mirror.New(mirror.Options{})}
	results, err := actor.Act(t.Context(), b.session, nil, in.Plan(b.clusters.Facts(b.session, target)).Actions)
	if err != nil || len(results) != 1 || results[0].Outcome != plan.Busy {
		t.Fatalf("%+v, %v", results, err)
	}
	if b.clusters.Facts(b.session, target).seen(in.refs()) {
		t.Error("what turned out to be different isn't looked at again")
	}
}

func TestTokensOfTheLastingAccessLiveADay(t *testing.T) {
	b := newBench(t)
	b.typed.PrependReactor("create", "serviceaccounts", func(a clienttesting.Action) (bool, runtime.Object, error) {
		request := a.(clienttesting.CreateAction).GetObject().(*authenticationv1.TokenRequest)
		request.Status.Token = "t"
		request.Status.ExpirationTimestamp = metav1.NewTime(b.clock.Now().Add(time.Duration(*request.Spec.ExpirationSeconds) * time.Second))
		return a.GetSubresource() == "token", request, nil
	})
	token, err := b.clusters.AccessToken(t.Context(), b.session, target)
	if err != nil || token.Value != "t" || token.Life < 24*time.Hour-time.Second {
		t.Errorf("%+v, %v", token, err)
	}
}
