// Package build makes the binaries of the local management cluster out of this module's own tool dependencies, so that
// go.mod alone decides their versions, and skips what is up to date.
package build

import (
	"fmt"
	"strings"
)

// Names of the binaries, which are also the names of their processes.
const (
	Etcd                  = "etcd"
	KubeAPIServer         = "kube-apiserver"
	KubeControllerManager = "kube-controller-manager"
	Kubectl               = "kubectl"
	CoreManager           = "capi-core"
	ControlPlaneManager   = "capi-kubeadm-control-plane"
	BootstrapManager      = "capi-kubeadm-bootstrap"
	Clusterctl            = "clusterctl"
	Server                = "capa-apiserver"
	Emulator              = "aws-emulator"
	Instances             = "aws-instances"
	StandInDNS            = "standin-dns"
	DebugServer           = "capa-apiserver-debug"
	Delve                 = "dlv"
)

// target is one binary.
type target struct {
	name string
	// module is the folder of its module below the repository; tools need none.
	module  string
	pkg     string
	ldflags func(versions) string
	// gcflags are for the compiler.
	gcflags string
	// asked says that it is built only for who asks for it by name.
	asked bool
	// asset says that a binary of this name in KUBEBUILDER_ASSETS may stand in for it.
	asset bool
}

// versions are the module versions that go.mod selects.
type versions struct {
	kubernetes string
	clusterAPI string
}

// tools are built from this module's tool dependencies, in the order of their compile times' sharing: what comes
// first compiles the packages that the next ones reuse.
var tools = []target{
	{name: Etcd, pkg: "go.etcd.io/etcd/server/v3", ldflags: plainFlags, asset: true},
	{name: KubeAPIServer, pkg: "k8s.io/kubernetes/cmd/kube-apiserver", ldflags: kubernetesFlags, asset: true},
	{name: KubeControllerManager, pkg: "k8s.io/kubernetes/cmd/kube-controller-manager", ldflags: kubernetesFlags, asset: true},
	{name: Kubectl, pkg: "k8s.io/kubernetes/cmd/kubectl", ldflags: kubernetesFlags, asset: true},
	{name: CoreManager, pkg: "sigs.k8s.io/cluster-api/core", ldflags: clusterAPIFlags},
	{name: ControlPlaneManager, pkg: "sigs.k8s.io/cluster-api/controlplane/kubeadm", ldflags: clusterAPIFlags},
	{name: BootstrapManager, pkg: "sigs.k8s.io/cluster-api/bootstrap/kubeadm", ldflags: clusterAPIFlags},
	{name: Clusterctl, pkg: "sigs.k8s.io/cluster-api/cmd/clusterctl", ldflags: clusterAPIFlags},
}

// ours are built from the repository, where their packages are there.
var ours = []target{
	// Without debug information, which is a third of the time that linking takes; stack traces don't need it.
	{name: Server, pkg: "./cmd/capa-apiserver", ldflags: plainFlags},
	{name: Emulator, pkg: "./test/emulator/cmd/aws-emulator", ldflags: plainFlags},
	{name: Instances, pkg: "./test/workload/cmd/aws-instances", ldflags: plainFlags},
	{name: StandInDNS, module: "hack", pkg: "./cmd/standin-dns", ldflags: plainFlags},
	// With debug information, and our own packages without optimizations, so that a debugger finds every line and variable.
	{name: DebugServer, pkg: "./cmd/capa-apiserver", ldflags: noFlags, gcflags: "github.com/capa-apiserver/capa-apiserver/...=-N -l", asked: true},
	{name: Delve, module: "hack/tools", pkg: "github.com/go-delve/delve/cmd/dlv", ldflags: plainFlags, asked: true},
}

func noFlags(versions) string { return "" }

func plainFlags(versions) string { return "-s -w" }

// kubernetesFlags stamps the version in: clients parse it from /version, and Cluster API refuses to start against a
// server that doesn't tell a real one.
func kubernetesFlags(v versions) string {
	return stamp("k8s.io/component-base/version", v.kubernetes)
}

func clusterAPIFlags(v versions) string {
	return stamp("sigs.k8s.io/cluster-api/version", v.clusterAPI)
}

func stamp(pkg, version string) string {
	flags := []string{"-s", "-w", fmt.Sprintf("-X %s.gitVersion=%s", pkg, version), fmt.Sprintf("-X %s.gitTreeState=clean", pkg)}
	if parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3); len(parts) == 3 {
		flags = append(flags, fmt.Sprintf("-X %s.gitMajor=%s", pkg, parts[0]), fmt.Sprintf("-X %s.gitMinor=%s", pkg, parts[1]))
	}
	return strings.Join(flags, " ")
}
