package devcluster

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/build"
	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/process"
)

// Delve's own client finds the server's sources while it serves, and leaves it running.
func TestDebuggersComeAndGoWhileTheServerServes(t *testing.T) {
	c := newCommand(t)
	t.Cleanup(c.down)
	ports, err := process.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr, err := c.run("up", "--json", "--only=capa-apiserver,aws-emulator", fmt.Sprintf("--debug-port=%d", ports[0]))
	if err != nil {
		t.Fatalf("devcluster up: %v\n%s", err, stderr)
	}
	var cluster Cluster
	if err := json.Unmarshal([]byte(stdout), &cluster); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(cluster.Advice(), "dlv connect "+cluster.Debugger) {
		t.Errorf("nobody is told of it:\n%s", cluster.Advice())
	}
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("break main.main\nbreakpoints\nclearall\nexit -c\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		out, err := exec.CommandContext(t.Context(), filepath.Join(cluster.Bin, build.Delve), "connect", cluster.Debugger, "--init", script).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "cmd/capa-apiserver/main.go:") {
			t.Fatalf("dlv connect: %v\n%s", err, out)
		}
		servesOn(t, cluster)
	}
	server := childOf(t, cluster.PIDs[build.Server])
	c.down()
	for deadline := time.Now().Add(10 * time.Second); server.Alive(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the server goes on without its debugger")
		}
	}
}

// servesOn waits until the host takes the server, which stood still while the debugger attached, for available again.
func servesOn(t *testing.T, cluster Cluster) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Second) {
		out, err := kubectl(t, cluster, "", "get", "awsclusters", "-A")
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server doesn't serve on: %v\n%s", err, out)
		}
	}
}

// childOf finds the program that a debugger runs.
func childOf(t *testing.T, debugger int) process.Identity {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "pgrep", "-P", fmt.Sprint(debugger)).Output()
	if err != nil {
		t.Fatalf("Delve runs nothing: %v", err)
	}
	var pid int
	if _, err := fmt.Sscan(string(out), &pid); err != nil {
		t.Fatal(err)
	}
	id, err := process.Identify(pid)
	if err != nil {
		t.Fatal(err)
	}
	return id
}
