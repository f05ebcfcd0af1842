package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/apis/infrastructure/install"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/iamconfig"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

const (
	account = "123456789012"
	region  = "us-east-1"
	// patience is how long anything may take that should take seconds, on a slow
	// and busy machine.
	patience = 5 * time.Minute
)

// world is an emulated AWS and our server beside a management cluster.
type world struct {
	t      *testing.T
	local  management
	aws    *emulator.Emulator
	awsURL string
	// endAWS closes AWS's listener and all of its connections.
	endAWS    func()
	client    client.Client
	discovery discovery.DiscoveryInterface
	config    *rest.Config

	dataDir       string
	port, webhook int
	// services are the balancers before the server, if there are some.
	services []*balancer
	process  *exec.Cmd
	ended    chan error
	flags    []string
	// environment is added to the server's.
	environment []string
	// key is the access key that the server's process has.
	key string
	// program is the server's, and kubeconfig gives its rights in the host.
	program, kubeconfig string
}

// newWorld starts an empty AWS and a server with an empty etcd. Flags are added
// to the server's.
func newWorld(t *testing.T, flags ...string) *world {
	t.Helper()
	w := newStoppedWorld(t, flags...)
	w.startServer()
	t.Cleanup(w.stopServer)
	return w
}

// newStoppedWorld is a world whose server has yet to be started.
func newStoppedWorld(t *testing.T, flags ...string) *world {
	t.Helper()
	w := &world{t: t, aws: emulator.New(emulator.Options{}), flags: flags, key: ownKey}
	w.startAWS("127.0.0.1:0")
	t.Cleanup(func() { w.endAWS() })
	// The server has the rights that clusterawsadm's stack gives it, and tests, whose keys are others, have all.
	must(t, enginetest.Restrict(w.aws, w.awsURL, enginetest.Stack()))
	t.Cleanup(func() {
		for _, right := range enginetest.Denied(w.aws.Log()) {
			t.Errorf("AWS refused %s, which the stack's policies don't allow", right)
		}
	})
	_, stopDNS, err := w.aws.StartDNS("127.0.0.1:0")
	must(t, err)
	t.Cleanup(stopDNS)
	w.beside(suite.local)
	return w
}

// beside has the server run, when it is started, beside a management cluster.
func (w *world) beside(local management) {
	w.t.Helper()
	w.local, w.dataDir, w.port, w.webhook = local, w.t.TempDir(), freePort(w.t), freePort(w.t)
	w.program, w.kubeconfig = filepath.Join(local.Bin, "capa-apiserver"), local.ServerKubeconfig
	var err error
	w.config, err = clientcmd.BuildConfigFromFlags("", local.Kubeconfig)
	must(w.t, err)
	w.config.QPS, w.config.Burst = 200, 400
	w.client, err = client.New(w.config, client.Options{Scheme: clientScheme(w.t)})
	must(w.t, err)
	w.discovery, err = discovery.NewDiscoveryClientForConfig(w.config)
	must(w.t, err)
	// Each test has a store of its own, and that of the one before is gone for good.
	must(w.t, client.IgnoreNotFound(w.client.Delete(context.Background(), &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: "capa-system", Name: "capa-apiserver"}})))
}

// assumable makes a role of an account, which the server may assume by the end of its name, with the rights that it has itself.
func (w *world) assumable(account, name string) {
	w.t.Helper()
	key, name := "AKIA"+account, name+iamconfig.Suffix
	w.aws.Configure(func(c *emulator.Config) { c.AccessKeys[key] = account })
	config := w.awsConfig()
	config.Credentials = credentials.NewStaticCredentialsProvider(key, "x", "")
	client := iam.NewFromConfig(config)
	_, err := client.CreateRole(w.t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole"}]}`)})
	must(w.t, err)
	must(w.t, enginetest.Grant(client, name, enginetest.Stack()))
}

// startAWS has AWS listen at an address.
func (w *world) startAWS(address string) {
	w.t.Helper()
	var err error
	w.awsURL, w.endAWS, err = w.aws.Start(address)
	must(w.t, err)
}

func clientScheme(t *testing.T) *runtime.Scheme {
	scheme := runtime.NewScheme()
	must(t, clientgoscheme.AddToScheme(scheme))
	must(t, clusterv1.AddToScheme(scheme))
	must(t, infrav1.AddToScheme(scheme))
	must(t, controlplanev1.AddToScheme(scheme))
	return scheme
}

// startServer starts the server's process and returns when its kinds are
// reached through kube-apiserver.
func (w *world) startServer() {
	w.t.Helper()
	w.launch()
	w.waitServed()
}

// waitServed waits until kube-apiserver reaches the server, for each group and version on its own: it probes them one by
// one, refuses what was not probed yet, and looks anew only once a minute at the kinds of one that did not answer.
func (w *world) waitServed() {
	w.t.Helper()
	w.eventually("our kinds are served through kube-apiserver", func(ctx context.Context) error {
		select {
		case err := <-w.ended:
			w.ended <- err
			w.t.Fatalf("the server ended: %v\n%s", err, w.serverLog(40))
		default:
		}
		for _, version := range served() {
			if err := w.discovery.RESTClient().Get().AbsPath("/apis", version.Group, version.Version).Do(ctx).Error(); err != nil {
				return err
			}
		}
		if _, _, err := w.discovery.ServerGroupsAndResources(); err != nil {
			return err
		}
		return w.client.List(ctx, &infrav1.AWSClusterList{}, client.Limit(1))
	})
}

// served are the versions that the server always has, also beside the kubeadm providers.
func served() []schema.GroupVersion {
	versions := []schema.GroupVersion{controlplanev1.SchemeGroupVersion, bootstrapv1.SchemeGroupVersion}
	for _, version := range install.Group.Versions("AWSCluster") {
		versions = append(versions, schema.GroupVersion{Group: install.Group.Name(), Version: version})
	}
	return versions
}

// launch starts the process without waiting for anything.
func (w *world) launch() {
	w.t.Helper()
	log, err := os.OpenFile(w.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(w.t, err)
	defer log.Close()
	args := append([]string{
		"--kubeconfig=" + w.kubeconfig, "--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", w.port),
		"--data-dir=" + filepath.Join(w.dataDir, "etcd"),
		"--service-external-name=localhost", fmt.Sprintf("--service-port=%d", w.port),
		"--webhook-bind-address=127.0.0.1", fmt.Sprintf("--webhook-port=%d", w.webhook),
		fmt.Sprintf("--webhook-url=https://127.0.0.1:%d", w.webhook),
		"--dns-server=" + w.aws.DNSAddr(),
		// There is nobody to learn that it ends.
		"--shutdown-delay-duration=0s",
	}, w.flags...)
	w.process = exec.Command(w.program, args...)
	w.process.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+w.awsURL, "AWS_REGION="+region,
		"AWS_ACCESS_KEY_ID="+w.key, "AWS_SECRET_ACCESS_KEY=test", "AWS_EC2_METADATA_DISABLED=true",
		// The names of workload clusters are known to no DNS server.
		"HTTPS_PROXY="+suite.proxy.URL)
	w.process.Env = append(w.process.Env, w.environment...)
	w.process.Stdout, w.process.Stderr = log, log
	must(w.t, w.process.Start())
	ended := make(chan error, 1)
	w.ended = ended
	go func(p *exec.Cmd) { ended <- p.Wait() }(w.process)
}

// kill ends the server without a chance to say goodbye.
func (w *world) kill() {
	w.t.Helper()
	must(w.t, w.process.Process.Signal(syscall.SIGKILL))
	<-w.ended
	w.process = nil
}

// stopServer ends the server politely.
func (w *world) stopServer() {
	if w.process == nil {
		return
	}
	_ = w.process.Process.Signal(syscall.SIGTERM)
	select {
	case <-w.ended:
	case <-time.After(patience):
		w.t.Errorf("the server didn't end within %s of SIGTERM", patience)
		// Go's runtime ends with what each goroutine waits for.
		_ = w.process.Process.Signal(syscall.SIGQUIT)
		<-w.ended
		w.t.Logf("the server's log:\n%s", w.serverLog(5000))
	}
	w.process = nil
	if w.t.Failed() {
		w.t.Logf("the server's last words:\n%s", w.serverLog(60))
	}
}

func (w *world) logPath() string { return filepath.Join(w.dataDir, "server.log") }

func (w *world) serverLog(lines int) string {
	text, err := os.ReadFile(w.logPath())
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// namespace makes one of the test's own, which is gone with the test.
func (w *world) namespace() string {
	w.t.Helper()
	name := fmt.Sprintf("e2e-%d", time.Now().UnixNano())
	w.kubectl("create", "namespace", name)
	return name
}

// kubectl runs the real one and fails the test when it fails.
func (w *world) kubectl(args ...string) string {
	w.t.Helper()
	out, err := w.tryKubectl("", args...)
	if err != nil {
		w.t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// tryKubectl runs the real one with the input and returns all it says.
func (w *world) tryKubectl(input string, args ...string) (string, error) {
	cmd := exec.Command(filepath.Join(w.local.Bin, "kubectl"), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+w.local.Kubeconfig)
	cmd.Stdin = strings.NewReader(input)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// apply applies a manifest in a namespace, as users do.
func (w *world) apply(namespace, manifest string, flags ...string) string {
	w.t.Helper()
	out, err := w.tryKubectl(manifest, append([]string{"apply", "-n", namespace, "-f", "-"}, flags...)...)
	if err != nil {
		w.t.Fatalf("kubectl apply: %v\n%s", err, out)
	}
	return out
}

// cluster reads an AWSCluster the way kubectl does: with live facts.
func (w *world) cluster(ctx context.Context, namespace, name string) (*infrav1.AWSCluster, error) {
	c := &infrav1.AWSCluster{}
	return c, w.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, c)
}

// waitReady waits, by informer-like reads that cost no call to AWS, until the
// cluster is ready.
func (w *world) waitReady(namespace, name string) *infrav1.AWSCluster {
	w.t.Helper()
	var c *infrav1.AWSCluster
	w.eventually("AWSCluster "+name+" is ready", func(ctx context.Context) error {
		var err error
		if c, err = w.storedCluster(ctx, namespace, name); err != nil {
			return err
		}
		for _, condition := range c.Status.Conditions {
			if condition.Type == infrav1.ReadyCondition && condition.Status == metav1.ConditionTrue && c.Provisioned() {
				return nil
			}
		}
		return fmt.Errorf("conditions are %s", pretty(c.Status.Conditions))
	})
	return c
}

// storedCluster reads an AWSCluster the way informers do; it is empty while there is none.
func (w *world) storedCluster(ctx context.Context, namespace, name string) (*infrav1.AWSCluster, error) {
	c := &infrav1.AWSCluster{}
	return c, w.stored(ctx, namespace, name, c)
}

// stored reads an object the way informers do. The watch cache may be older than the object,
// however long ago its creation was answered: then there is none yet, which is no error.
func (w *world) stored(ctx context.Context, namespace, name string, into client.Object) error {
	return client.IgnoreNotFound(w.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, into,
		&client.GetOptions{Raw: &metav1.GetOptions{ResourceVersion: "0"}}))
}

// deleteCluster deletes the Cluster and waits until it and everything in AWS is gone.
func (w *world) deleteCluster(namespace, name string) {
	w.t.Helper()
	w.kubectl("delete", "cluster", "-n", namespace, name, "--wait=false")
	w.awsIsEmpty()
	w.clusterEnds(namespace, name)
}

// clusterEnds waits until a Cluster that is being deleted is gone.
func (w *world) clusterEnds(namespace, name string) {
	w.t.Helper()
	w.eventually("the Cluster ends", func(context.Context) error {
		if out, err := w.tryKubectl("", "get", "cluster", "-n", namespace, name); err == nil {
			return fmt.Errorf("still there: %s", out)
		}
		return nil
	})
}

// awsIsEmpty waits until nothing is left of anything in the account.
func (w *world) awsIsEmpty() {
	w.t.Helper()
	w.eventually("the account is empty", func(context.Context) error {
		if left := w.aws.Resources(account, region); len(left) > 0 {
			return fmt.Errorf("%d resources are left: %s", len(left), pretty(left))
		}
		return nil
	})
}

// eventually repeats a check until it holds.
func (w *world) eventually(what string, check func(context.Context) error) {
	w.t.Helper()
	w.within(patience, what, check)
}

// within repeats a check until it holds, for something that takes long. What else there is to say of one that never
// held is found out then.
func (w *world) within(patience time.Duration, what string, check func(context.Context) error, more ...func() string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var err error
	for {
		began := time.Now()
		if err = check(ctx); err == nil {
			return
		}
		// A check that is work, like a kubectl, isn't to keep from working what it waits for.
		pause := min(max(200*time.Millisecond, 2*time.Since(began)), 5*time.Second)
		select {
		case <-ctx.Done():
			var said []string
			for _, say := range append(more, w.statuses, func() string { return w.serverLog(60) }) {
				said = append(said, say())
			}
			w.t.Fatalf("not within %s: %s: %v\n%s", patience, what, err, strings.Join(said, "\n"))
		case <-time.After(pause):
		}
	}
}

// statuses shows what AWSClusters and AWSMachines say of themselves.
func (w *world) statuses() string {
	out, err := w.tryKubectl("", "get", "awsclusters,awsmachines", "-A", "-o",
		`jsonpath={range .items[*]}{.metadata.name}{"\n"}{.status.pendingCreations}{"\n"}{range .status.conditions[*]}  {.type}={.status} {.reason}: {.message}{"\n"}{end}{end}`)
	if err != nil {
		return err.Error()
	}
	return out
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
