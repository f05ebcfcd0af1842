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

// "up" ends well only when the cluster of the demo is ready, so what is left to see is where it was built.
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
	stdout, stderr, err := c.run("up", "--json")
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
	response, err := http.Get(url + "/_emulator/counts")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var counts map[string]int
	if err := json.NewDecoder(response.Body).Decode(&counts); err != nil {
		t.Fatal(err)
	}
	if counts["ec2.CreateVpc"] != 2 || counts["eks.CreateCluster"] != 1 {
		t.Errorf("the stand-in was asked for %v", counts)
	}
}
