// Package e2e drives the product as users do: a real kube-apiserver,
// controller-manager and Cluster API, our server as a process of its own, and an
// emulated AWS at the account's edge.
package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// suite is what all tests of the package share.
var suite struct {
	// root is the repository, bin its built binaries, dir the local cluster's folder.
	root, bin, dir string
	// kubeconfig is an administrator's; the server has one with the rights that the
	// manifests give it.
	kubeconfig, serverKubeconfig string
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
	root, err := filepath.Abs("../..")
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "capa-e2e-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	suite.root, suite.bin, suite.dir = root, filepath.Join(root, "_run", "bin"), dir
	if err := devcluster("build"); err != nil {
		return 0, err
	}
	defer devcluster("down", "--dir="+dir)
	if err := devcluster("up", "--dir="+dir, "--without=capa"); err != nil {
		return 0, err
	}
	suite.kubeconfig = filepath.Join(dir, "kubeconfig")
	suite.serverKubeconfig = filepath.Join(dir, "kubeconfigs", "capa-apiserver.kubeconfig")
	return m.Run(), nil
}

// devcluster runs the command of the local management cluster, from its own module.
func devcluster(args ...string) error {
	// With KUBECONFIG set it would use that cluster in place of a new one.
	cmd := exec.CommandContext(context.Background(), "go", append([]string{"run", "./cmd/devcluster"}, args...)...)
	cmd.Dir = filepath.Join(suite.root, "hack")
	cmd.Env = append(os.Environ(), "KUBECONFIG=", "CGO_ENABLED=0")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("devcluster %v: %w", args, err)
	}
	return nil
}

func pretty(v any) string {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}
