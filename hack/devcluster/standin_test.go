package devcluster

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/build"
)

// standIn runs an emulator that the local cluster knows nothing of but its URL.
func standIn(t *testing.T, bin string) string {
	t.Helper()
	env := filepath.Join(t.TempDir(), "env")
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, build.Emulator), "--listen=127.0.0.1:0", "--env-file="+env)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		raw, _ := os.ReadFile(env) // absent until it listens
		for line := range strings.Lines(string(raw)) {
			line = strings.TrimPrefix(strings.TrimSpace(line), "export ")
			if url, found := strings.CutPrefix(line, "AWS_ENDPOINT_URL="); found && strings.HasSuffix(string(raw), "\n") {
				return strings.Trim(url, `'"`)
			}
		}
	}
	t.Fatal("the stand-in doesn't say where it listens")
	return ""
}

// "up" ends well only when the machines of the demo are nodes, so what is left to see is where they are, and that what it says can be
// tried.
func TestGivenStandInForAWSGetsTheFirstClusters(t *testing.T) {
	c := newCommand(t)
	t.Cleanup(c.down)
	if _, stderr, err := c.run("build"); err != nil {
		t.Fatalf("devcluster build: %v\n%s", err, stderr)
	}
	bin, err := filepath.Abs("../../_run/bin")
	if err != nil {
		t.Fatal(err)
	}
	url := standIn(t, bin)
	c.env = []string{"AWS_ENDPOINT_URL=" + url}
	// Who built before there was need of it has no such binary.
	if err := os.Remove(filepath.Join(bin, build.StandInDNS)); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, err := c.run("up", "--json", "--skip-build")
	if err != nil {
		t.Fatalf("devcluster up: %v\n%s", err, stderr)
	}
	var cluster Cluster
	if err := json.Unmarshal([]byte(stdout), &cluster); err != nil {
		t.Fatal(err)
	}
	if cluster.AWSEndpointURL != url || cluster.PIDs[build.Emulator] != 0 || cluster.PIDs[build.StandInDNS] == 0 {
		t.Errorf("AWS is at %q, of the cluster run %v", cluster.AWSEndpointURL, cluster.PIDs)
	}
	if len(cluster.Clusters) == 0 || !strings.HasPrefix(cluster.Clusters[0], quickstartName+"-") {
		t.Errorf("the clusters in an account that others use too are called %q", cluster.Clusters)
	}
	counts := func() (counts map[string]int) {
		response, err := http.Get(url + "/_emulator/counts")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		if err := json.NewDecoder(response.Body).Decode(&counts); err != nil {
			t.Fatal(err)
		}
		return counts
	}
	if counts := counts(); counts["ec2.CreateVpc"] != 2 || counts["eks.CreateCluster"] != 1 || counts["ec2.RunInstances"] != firstMachines {
		t.Errorf("the stand-in was asked for %v", counts)
	}
	said := takeAdvice(t, cluster)
	if strings.Count(said, ".ec2.internal") < firstMachines {
		t.Errorf("the advice leads to:\n%s", said)
	}
	if strings.Contains(strings.ToLower(cluster.Advice()), "terminate") {
		awaitReplaced(t, cluster, counts)
	}
	awaitDescribedWell(t, cluster)
	leavesNothing(t, c, cluster, len(cluster.PIDs))
}

// awaitDescribedWell waits until clusterctl says False or Unknown of nothing.
func awaitDescribedWell(t *testing.T, cluster Cluster) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Second) {
		out, err := exec.CommandContext(t.Context(), filepath.Join(cluster.Bin, build.Clusterctl), "describe", "cluster", cluster.Clusters[0], "--kubeconfig="+cluster.Kubeconfig).CombinedOutput()
		if err == nil && !strings.Contains(string(out), "False") && !strings.Contains(string(out), "Unknown") && strings.Contains(string(out), "KubeadmControlPlane") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("clusterctl describe: %v\n%s", err, out)
		}
	}
}

// takeAdvice does what a person is told to try, but for what watches without an end.
func takeAdvice(t *testing.T, cluster Cluster) string {
	t.Helper()
	script := "set -e\n"
	for line := range strings.Lines(cluster.Advice()) {
		if command, found := strings.CutPrefix(line, "  "); found && !strings.Contains(command, " -w") && !strings.Contains(command, "FILE") {
			script += command
		}
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s\n%v\n%s", script, err, out)
	}
	return string(out)
}

// awaitReplaced waits for one worker more, and one in the place of the one that AWS lost.
func awaitReplaced(t *testing.T, cluster Cluster, counts func() map[string]int) {
	t.Helper()
	const want = firstMachines + 1
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(time.Second) {
		out, err := kubectl(t, cluster, "", "get", "machines", "-o", `jsonpath={range .items[*]}{.status.conditions[?(@.type=="Available")].status}{" "}{end}`)
		if err == nil && strings.Count(out, "True") == want && !strings.Contains(out, "False") && counts()["ec2.RunInstances"] == want+1 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("machines are available: %s (%v), the stand-in was asked for %v", out, err, counts())
		}
	}
}
