package devcluster

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/build"
	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/controlplane"
)

// layout knows where things are in a cluster's folder.
type layout struct {
	dir string
	bin string
}

func newLayout(dir, bin string) (layout, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return layout{}, err
	}
	if bin == "" {
		return layout{dir: absolute}, nil
	}
	absoluteBin, err := filepath.Abs(bin)
	return layout{dir: absolute, bin: absoluteBin}, err
}

func (l layout) binary(name string) string { return filepath.Join(l.bin, name) }
func (l layout) kubeconfig() string        { return filepath.Join(l.dir, "kubeconfig") }
func (l layout) awsEnv() string            { return filepath.Join(l.dir, "aws.env") }
func (l layout) logs() string              { return filepath.Join(l.dir, "logs") }
func (l layout) log(name string) string    { return filepath.Join(l.logs(), name+".log") }
func (l layout) pki() string               { return filepath.Join(l.dir, "pki") }
func (l layout) data(name string) string   { return filepath.Join(l.dir, "data", name) }
func (l layout) state() string             { return filepath.Join(l.dir, "state.json") }
func (l layout) auditPolicy() string {
	return filepath.Join(l.data(build.KubeAPIServer), "audit-policy.yaml")
}

// audit is about the requests that kube-apiserver gets from capa-apiserver.
func (l layout) audit() controlplane.Audit {
	return controlplane.Audit{Policy: l.auditPolicy(), Log: l.log(build.Server + "-audit")}
}

func (l layout) lock() string { return filepath.Join(l.dir, ".lock") }

// userKubeconfig is that of one of the cluster's own components.
func (l layout) userKubeconfig(name string) string {
	return filepath.Join(l.dir, "kubeconfigs", name+".kubeconfig")
}

// clear removes everything that belongs to the cluster that was, and keeps the binaries and the logs.
func (l layout) clear() error {
	for _, path := range []string{l.kubeconfig(), l.awsEnv(), l.pki(), filepath.Join(l.dir, "data"), filepath.Join(l.dir, "kubeconfigs"), l.state()} {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("remove what the cluster left: %w", err)
		}
	}
	return nil
}

// FindRepository walks up from a folder to the root of this repository, whose hack folder holds this module.
func FindRepository(from string) (string, error) {
	absolute, err := filepath.Abs(from)
	if err != nil {
		return "", err
	}
	for dir := absolute; ; dir = filepath.Dir(dir) {
		_, modErr := os.Stat(filepath.Join(dir, "hack", "go.mod"))
		_, selfErr := os.Stat(filepath.Join(dir, "hack", "devcluster"))
		if modErr == nil && selfErr == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%s is not inside the capa-apiserver repository: change into it or give --repo", absolute)
		}
	}
}
