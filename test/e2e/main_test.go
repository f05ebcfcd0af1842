// Package e2e drives the product as users do: a real kube-apiserver,
// controller-manager and Cluster API, our server as a process of its own, and an
// emulated AWS at the account's edge.
package e2e

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/capa-apiserver/capa-apiserver/test/workload"
)

// suite is what all tests of the package share.
var suite struct {
	// root is the repository, and dir is gone with the tests.
	root, dir string
	// proxy is how the management cluster reaches workload clusters.
	proxy *workload.Proxy
	// local is the management cluster.
	local management
}

// management is a management cluster, as the command that starts it reports it.
type management struct {
	Bin string `json:"bin"`
	// Kubeconfig is an administrator's; ServerKubeconfig has the rights that the
	// manifests give our server.
	Kubeconfig       string `json:"kubeconfig"`
	ServerKubeconfig string `json:"serverKubeconfig"`
	EtcdServer       string `json:"etcdServer"`
	EtcdCA           string `json:"etcdCA"`
	EtcdClientCert   string `json:"etcdClientCert"`
	EtcdClientKey    string `json:"etcdClientKey"`
}

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	flag.Parse()
	root, err := filepath.Abs("../..")
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "capa-e2e-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	suite.root, suite.dir = root, dir
	if _, err := devcluster("build"); err != nil {
		return 0, err
	}
	if suite.proxy, err = workload.NewProxy("127.0.0.1:0"); err != nil {
		return 0, err
	}
	defer suite.proxy.Stop()
	defer devcluster("down", "--dir="+dir)
	// What is compared with our server, whose etcd writes to the disk, does so too.
	fsync := fmt.Sprintf("--fsync=%t", *benchAPI)
	report, err := devcluster("up", "--dir="+dir, "--without=capa", "--https-proxy="+suite.proxy.URL, fsync, "--json")
	if err != nil {
		return 0, err
	}
	if err := json.Unmarshal(report, &suite.local); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// devcluster runs the command of the local management cluster, from its own
// module, and returns what it prints for programs.
func devcluster(args ...string) ([]byte, error) {
	// With KUBECONFIG set it would use that cluster in place of a new one.
	cmd := exec.CommandContext(context.Background(), "go", append([]string{"run", "./cmd/devcluster"}, args...)...)
	cmd.Dir = filepath.Join(suite.root, "hack")
	cmd.Env = append(os.Environ(), "KUBECONFIG=", "AWS_ENDPOINT_URL=", "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("devcluster %v: %w", args, err)
	}
	return out, nil
}

func pretty(v any) string {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}
