package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// nodeless is scheduler, kubelet and network of a management cluster that has no nodes: it runs the product's pods as processes, with the
// binary that their image's tag names, their arguments, a token of their service account and, for each pod's name, a folder that stays, as its
// volume does. The controllers of the cluster make and end the pods. Only addresses differ from what the pods say, and the Service leads to
// this machine, to the pods that are ready.
type nodeless struct {
	w        *world
	clients  kubernetes.Interface
	binaries map[string]string
	dir      string
	stop     func()

	mu        sync.Mutex
	processes map[string]*podProcess
}

// podProcess is what runs of a pod, by the pod's UID.
type podProcess struct {
	cmd           *exec.Cmd
	ended         chan struct{}
	port, webhook int
	// ready is what the pod's status says.
	ready bool
	// asked tells that it was asked to end; a second time would end it at once.
	asked bool
}

// nodelessNode is the node that pods are bound to: such that aren't are deleted without a grace period.
const nodelessNode = "nodeless"

func (w *world) startNodeless(binaries map[string]string) *nodeless {
	w.t.Helper()
	clients, err := kubernetes.NewForConfig(w.config)
	must(w.t, err)
	n := &nodeless{w: w, clients: clients, binaries: binaries, dir: w.t.TempDir(), processes: map[string]*podProcess{}}
	w.port = newBalancer(w.t, n.ready(func(p *podProcess) int { return p.port })).port
	w.webhook = newBalancer(w.t, n.ready(func(p *podProcess) int { return p.webhook })).port
	ctx, cancel := context.WithCancel(context.Background())
	_, err = clients.CoreV1().Nodes().Create(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: nodelessNode}}, metav1.CreateOptions{})
	must(w.t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			n.step(ctx)
			time.Sleep(50 * time.Millisecond)
		}
	}()
	n.stop = sync.OnceFunc(func() {
		// Pods that are going away are let go first.
		for deadline := time.Now().Add(time.Minute); n.running() > 0 && time.Now().Before(deadline); {
			time.Sleep(100 * time.Millisecond)
		}
		cancel()
		<-done
		n.killAll()
		_ = clients.CoreV1().Nodes().Delete(context.Background(), nodelessNode, metav1.DeleteOptions{})
	})
	w.t.Cleanup(n.stop)
	return n
}

// ready are the ports that target gives for the pods that take connections.
func (n *nodeless) ready(target func(*podProcess) int) func() []int {
	return func() []int {
		n.mu.Lock()
		defer n.mu.Unlock()
		var ports []int
		for _, p := range n.processes {
			if p.ready && !p.asked {
				ports = append(ports, target(p))
			}
		}
		return ports
	}
}

// step looks once. What fails is done at the next look.
func (n *nodeless) step(ctx context.Context) {
	n.route(ctx)
	pods, err := n.clients.CoreV1().Pods(hostNamespace).List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=capa-apiserver"})
	if err != nil {
		return
	}
	seen := map[string]bool{}
	for i := range pods.Items {
		pod := &pods.Items[i]
		seen[string(pod.UID)] = true
		switch {
		case pod.Spec.NodeName == "":
			_ = n.clients.CoreV1().Pods(hostNamespace).Bind(ctx, &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: pod.Name}, Target: corev1.ObjectReference{Kind: "Node", Name: nodelessNode}}, metav1.CreateOptions{})
		case pod.DeletionTimestamp != nil:
			if n.end(string(pod.UID)) {
				_ = n.clients.CoreV1().Pods(hostNamespace).Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))})
			}
		default:
			if err := n.start(ctx, pod); err == nil {
				n.report(ctx, pod)
			}
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for uid, p := range n.processes {
		if !seen[uid] {
			_ = p.cmd.Process.Kill()
			delete(n.processes, uid)
		}
	}
}

// route leads the manifests' Service to this machine.
func (n *nodeless) route(ctx context.Context) {
	service, err := n.clients.CoreV1().Services(hostNamespace).Get(ctx, "capa-apiserver", metav1.GetOptions{})
	if err != nil || service.Spec.Type == corev1.ServiceTypeExternalName {
		return
	}
	service.Spec.Type, service.Spec.ExternalName = corev1.ServiceTypeExternalName, "localhost"
	service.Spec.ClusterIP, service.Spec.ClusterIPs = "", nil
	_, _ = n.clients.CoreV1().Services(hostNamespace).Update(ctx, service, metav1.UpdateOptions{})
}

// start has the pod's process run, anew if it ended.
func (n *nodeless) start(ctx context.Context, pod *corev1.Pod) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if p := n.processes[string(pod.UID)]; p != nil {
		select {
		case <-p.ended:
		default:
			return nil
		}
	}
	container := pod.Spec.Containers[0]
	kubeconfig, err := n.kubeconfig(ctx, pod)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(n.w.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	w, p := n.w, &podProcess{ended: make(chan struct{}), port: freePort(n.w.t), webhook: freePort(n.w.t)}
	cmd := exec.Command(n.binaries[container.Image[strings.LastIndex(container.Image, ":")+1:]], append(arguments(container),
		"--kubeconfig="+kubeconfig, "--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", p.port), fmt.Sprintf("--service-port=%d", w.port),
		"--data-dir="+filepath.Join(n.dir, pod.Name, "etcd"), "--cert-dir="+filepath.Join(n.dir, string(pod.UID)),
		"--webhook-bind-address=127.0.0.1", fmt.Sprintf("--webhook-port=%d", p.webhook), fmt.Sprintf("--webhook-url=https://127.0.0.1:%d", w.webhook),
		"--dns-server="+w.aws.DNSAddr())...)
	profile, err := n.profile(ctx, pod)
	if err != nil {
		return err
	}
	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+w.awsURL, "AWS_SHARED_CREDENTIALS_FILE="+profile, "AWS_EC2_METADATA_DISABLED=true", "HTTPS_PROXY="+suite.proxy.URL)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	p.cmd = cmd
	n.processes[string(pod.UID)] = p
	go func() {
		_ = cmd.Wait()
		close(p.ended)
	}()
	return nil
}

// arguments are a container's, with the suite's etcd for the one that it names.
func arguments(container corev1.Container) []string {
	var args []string
	external := false
	for _, arg := range container.Args {
		if strings.HasPrefix(arg, "--etcd-") {
			external = true
			continue
		}
		args = append(args, arg)
	}
	if external {
		etcd := suite.local
		args = append(args, "--etcd-servers="+etcd.EtcdServer, "--etcd-cafile="+etcd.EtcdCA, "--etcd-certfile="+etcd.EtcdClientCert, "--etcd-keyfile="+etcd.EtcdClientKey)
	}
	return args
}

// profile is the credentials file that the pod's volume has.
func (n *nodeless) profile(ctx context.Context, pod *corev1.Pod) (string, error) {
	path := filepath.Join(n.dir, string(pod.UID)+".credentials")
	secret, err := n.clients.CoreV1().Secrets(hostNamespace).Get(ctx, "capa-manager-bootstrap-credentials", metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	return path, os.WriteFile(path, secret.Data["credentials"], 0o600)
}

// kubeconfig is what a pod finds in its folder of secrets: a token of its service account, which is no longer one once that is deleted.
func (n *nodeless) kubeconfig(ctx context.Context, pod *corev1.Pod) (string, error) {
	token, err := n.clients.CoreV1().ServiceAccounts(hostNamespace).CreateToken(ctx, pod.Spec.ServiceAccountName, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["host"] = &clientcmdapi.Cluster{Server: n.w.config.Host, CertificateAuthorityData: n.w.config.CAData}
	config.AuthInfos["pod"] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	config.Contexts["host"] = &clientcmdapi.Context{Cluster: "host", AuthInfo: "pod"}
	config.CurrentContext = "host"
	path := filepath.Join(n.dir, string(pod.UID)+".kubeconfig")
	return path, clientcmd.WriteToFile(*config, path)
}

// report says whether the pod is ready.
func (n *nodeless) report(ctx context.Context, pod *corev1.Pod) {
	n.mu.Lock()
	p := n.processes[string(pod.UID)]
	n.mu.Unlock()
	is := readyz(p.port) == nil
	n.mu.Lock()
	p.ready = is
	n.mu.Unlock()
	ready := corev1.ConditionFalse
	if is {
		ready = corev1.ConditionTrue
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady && condition.Status == ready {
			return
		}
	}
	pod.Status.Phase = corev1.PodRunning
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}, {Type: corev1.ContainersReady, Status: ready}}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: pod.Spec.Containers[0].Name, Image: pod.Spec.Containers[0].Image, Ready: ready == corev1.ConditionTrue,
		State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}
	if _, err := n.clients.CoreV1().Pods(hostNamespace).UpdateStatus(ctx, pod, metav1.UpdateOptions{}); err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
		n.w.t.Logf("the status of pod %s: %v", pod.Name, err)
	}
}

// end asks the pod's process to end, once, and tells whether it has.
func (n *nodeless) end(uid string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.processes[uid]
	if p == nil {
		return true
	}
	select {
	case <-p.ended:
		delete(n.processes, uid)
		return true
	default:
		if !p.asked {
			p.asked = true
			_ = p.cmd.Process.Signal(syscall.SIGTERM)
		}
		return false
	}
}

func (n *nodeless) running() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.processes)
}

func (n *nodeless) killAll() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for uid, p := range n.processes {
		_ = p.cmd.Process.Kill()
		<-p.ended
		delete(n.processes, uid)
	}
}

// log is the end of what the servers wrote.
func (n *nodeless) log(lines int) string {
	text, err := os.ReadFile(n.w.logPath())
	if err != nil {
		return err.Error()
	}
	all := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return string(bytes.Join(all[max(0, len(all)-lines):], []byte("\n")))
}
