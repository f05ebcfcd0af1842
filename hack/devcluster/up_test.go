package devcluster

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/build"
	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/process"
)

// command runs the devcluster command itself, as people and other tests do: its processes must outlive it.
type command struct {
	t      *testing.T
	binary string
	dir    string
	env    []string
}

func newCommand(t *testing.T) *command {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "devcluster")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../cmd/devcluster")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the command: %v\n%s", err, out)
	}
	return &command{t: t, binary: binary, dir: filepath.Join(t.TempDir(), "cluster")}
}

// run returns standard output and standard error. The context is not the test's, so that "down" works in a cleanup; the
// limit leaves room for a first build, which compiles Kubernetes.
func (c *command) run(args ...string) (string, string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.binary, append(args, "--dir", c.dir)...)
	cmd.Env = append(os.Environ(), "KUBECONFIG=", "AWS_ENDPOINT_URL=")
	cmd.Env = append(cmd.Env, c.env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	return stdout.String(), stderr.String(), err
}

func (c *command) up(args ...string) (Cluster, string) {
	c.t.Helper()
	stdout, stderr, err := c.run(append([]string{"up", "--json", "--without=capa"}, args...)...)
	if err != nil {
		c.t.Fatalf("devcluster up: %v\n%s", err, stderr)
	}
	var cluster Cluster
	if err := json.Unmarshal([]byte(stdout), &cluster); err != nil {
		c.t.Fatalf("the JSON of devcluster up: %v\n%s", err, stdout)
	}
	return cluster, stderr
}

func (c *command) down() {
	if _, stderr, err := c.run("down"); err != nil {
		c.t.Errorf("devcluster down: %v\n%s", err, stderr)
	}
}

func kubectl(t *testing.T, cluster Cluster, input string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(cluster.Bin, build.Kubectl), append([]string{"--kubeconfig=" + cluster.Kubeconfig}, args...)...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestUpServesClusterAPI(t *testing.T) {
	c := newCommand(t)
	t.Cleanup(c.down)
	cluster, log := c.up()
	t.Log("\n" + log)

	t.Run("Cluster API's webhooks judge Clusters", func(t *testing.T) { webhooksJudge(t, cluster) })
	t.Run("managers have their own users and no more rights than these", func(t *testing.T) { managersRights(t, cluster) })
	t.Run("a second up changes nothing", func(t *testing.T) {
		again, log := c.up()
		if !samePIDs(cluster.PIDs, again.PIDs) || !strings.Contains(log, "already running") {
			t.Errorf("pids were %v, are %v\n%s", cluster.PIDs, again.PIDs, log)
		}
	})
	t.Run("an up repairs what died and nothing else", func(t *testing.T) { cluster = repair(t, c, cluster) })
	t.Run("an existing cluster is used instead", func(t *testing.T) { useExisting(t, c, cluster) })
	t.Run("down leaves no process", func(t *testing.T) { leavesNothing(t, c, cluster, 6) })
}

func webhooksJudge(t *testing.T, cluster Cluster) {
	const header = "apiVersion: cluster.x-k8s.io/v1beta2\nkind: Cluster\nmetadata: {name: c1, namespace: default}\n"
	if out, err := kubectl(t, cluster, header+"spec: {paused: true}", "apply", "-f", "-"); err == nil || !strings.Contains(out, "spec.infrastructureRef or spec.topology must be set") {
		t.Errorf("a Cluster without any reference: %v\n%s", err, out)
	}
	good := header + "spec: {paused: true, infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: AWSCluster, name: c1}}"
	if out, err := kubectl(t, cluster, good, "apply", "-f", "-"); err != nil {
		t.Fatalf("a good Cluster: %v\n%s", err, out)
	}
	// Writing and listing old versions goes through the conversion webhooks of the managers.
	out, err := kubectl(t, cluster, "", "get", "clusters.v1beta2.cluster.x-k8s.io", "c1", "-o=jsonpath={.spec.infrastructureRef.name}")
	if err != nil || out != "c1" {
		t.Errorf("read back: %v, %q", err, out)
	}
	if out, err := kubectl(t, cluster, "", "get", "kubeadmcontrolplanes.v1beta1.controlplane.cluster.x-k8s.io,kubeadmconfigs.v1beta1.bootstrap.cluster.x-k8s.io"); err != nil {
		t.Errorf("the kubeadm kinds: %v\n%s", err, out)
	}
	old := "apiVersion: bootstrap.cluster.x-k8s.io/v1beta1\nkind: KubeadmConfig\nmetadata: {name: k1, namespace: default}\nspec: {}\n"
	if out, err := kubectl(t, cluster, old, "apply", "-f", "-"); err != nil {
		t.Errorf("a KubeadmConfig of the old version: %v\n%s", err, out)
	}
}

func managersRights(t *testing.T, cluster Cluster) {
	cases := []struct {
		user, verb, resource string
		want                 string
	}{
		{"system:serviceaccount:capi-system:capi-manager", "patch", "kubeadmconfigs.bootstrap.cluster.x-k8s.io", "yes"},
		{"system:serviceaccount:capi-system:capi-manager", "delete", "nodes", "no"},
		{"system:serviceaccount:capi-kubeadm-bootstrap-system:capi-kubeadm-bootstrap-manager", "create", "secrets", "yes"},
		{"system:serviceaccount:capi-kubeadm-bootstrap-system:capi-kubeadm-bootstrap-manager", "delete", "customresourcedefinitions", "no"},
	}
	for _, c := range cases {
		// kubectl fails when the answer is no, so only the answer counts.
		out, _ := kubectl(t, cluster, "", "auth", "can-i", c.verb, c.resource, "--as="+c.user, "-A")
		if lines := strings.Split(strings.TrimSpace(out), "\n"); lines[len(lines)-1] != c.want {
			t.Errorf("may %s %s %s: %s", c.user, c.verb, c.resource, out)
		}
	}
	raw, err := os.ReadFile(filepath.Join(cluster.Logs, build.CoreManager+".log"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte("is forbidden")) {
		t.Error("the core manager was refused something; see its log")
	}
}

func samePIDs(a, b map[string]int, except ...string) bool {
	for name, pid := range a {
		if changed := b[name] != pid; changed != slices.Contains(except, name) {
			return false
		}
	}
	return len(a) == len(b)
}

func repair(t *testing.T, c *command, cluster Cluster) Cluster {
	for _, name := range []string{build.Etcd, build.KubeControllerManager} {
		id, err := process.Identify(cluster.PIDs[name])
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(cluster.PIDs[name], syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if err := process.Stop(t.Context(), id, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	if out, _, err := c.run("status"); err == nil || strings.Count(out, "died") != 2 {
		t.Errorf("status: %v\n%s", err, out)
	}
	repaired, log := c.up()
	if !samePIDs(cluster.PIDs, repaired.PIDs, build.Etcd, build.KubeControllerManager) {
		t.Errorf("pids were %v, are %v\n%s", cluster.PIDs, repaired.PIDs, log)
	}
	if out, err := kubectl(t, repaired, "", "get", "cluster", "c1"); err != nil {
		t.Errorf("the Cluster did not survive: %v\n%s", err, out)
	}
	return repaired
}

func useExisting(t *testing.T, owner *command, cluster Cluster) {
	guest := &command{t: t, binary: owner.binary, dir: filepath.Join(t.TempDir(), "guest"), env: []string{"KUBECONFIG=" + cluster.Kubeconfig}}
	used, log := guest.up()
	if len(used.PIDs) != 0 {
		t.Errorf("it started %v\n%s", used.PIDs, log)
	}
	if out, err := kubectl(t, used, "", "get", "cluster", "c1"); err != nil {
		t.Errorf("the existing cluster's objects: %v\n%s", err, out)
	}
	guest.down()
	if out, err := kubectl(t, cluster, "", "get", "cluster", "c1"); err != nil {
		t.Errorf("down of a guest harmed the existing cluster: %v\n%s", err, out)
	}
}

// leavesNothing: "down" ends all processes, as many as there are said to be.
func leavesNothing(t *testing.T, c *command, cluster Cluster, processes int) {
	t.Helper()
	ids := map[string]process.Identity{}
	for name, pid := range cluster.PIDs {
		id, err := process.Identify(pid)
		if err != nil {
			t.Fatal(err)
		}
		ids[name] = id
	}
	if len(ids) != processes {
		t.Errorf("%d processes were running: %v", len(ids), cluster.PIDs)
	}
	c.down()
	for name, id := range ids {
		if id.Alive() {
			t.Errorf("%s (pid %d) is still alive", name, id.PID)
		}
	}
	if _, err := os.Stat(cluster.Kubeconfig); !os.IsNotExist(err) {
		t.Errorf("the kubeconfig is still there: %v", err)
	}
}
