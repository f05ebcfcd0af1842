// Package devcluster runs a management cluster as plain processes on loopback: etcd, kube-apiserver,
// kube-controller-manager, Cluster API with its kubeadm providers, an emulated AWS and capa-apiserver. Everything a cluster owns lies in one
// folder, so that several can run beside each other.
package devcluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/build"
	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/capi"
	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/process"
)

// Options say what to bring up.
type Options struct {
	// Repo is the root of the repository.
	Repo string
	// Dir is the cluster's folder, Bin that of the binaries.
	Dir string
	Bin string
	// Only and Without choose components, see Selectable.
	Only    []string
	Without []string
	// Kubeconfig is that of an existing cluster to use instead of a control plane of one's own; the value of KUBECONFIG.
	Kubeconfig string
	// AWSEndpointURL is a stand-in for AWS to use instead of the emulator.
	AWSEndpointURL string
	// HTTPSProxy is the URL of a proxy through which Cluster API's managers reach workload clusters whose names no DNS server knows.
	HTTPSProxy string
	// Assets is the folder of prebuilt binaries; the value of KUBEBUILDER_ASSETS.
	Assets string
	// DebugPort is where a debugger of the server listens; 0 means that none runs it.
	DebugPort int
	// Fsync has etcd answer a write when it is on the disk. Without, it needn't be: the data lasts as long as the cluster,
	// which doesn't outlive the machine.
	Fsync bool
	// SkipBuild takes the binaries as they are.
	SkipBuild bool
	// Out receives progress lines.
	Out io.Writer
}

// Up brings a cluster up, or completes one that is half there. What is already running as it should is left alone.
func Up(ctx context.Context, opts Options) (*Cluster, error) {
	begin := time.Now()
	files, err := newLayout(opts.Dir, opts.Bin)
	if err != nil {
		return nil, err
	}
	unlock, err := process.Lock(ctx, files.lock(), func() { fmt.Fprintf(opts.Out, "Waiting for another devcluster command in %s.\n", files.dir) })
	if err != nil {
		return nil, err
	}
	defer unlock()
	l := &launch{Options: opts, layout: files, out: &printer{out: opts.Out}}
	if l.chosen, err = choose(opts.Only, opts.Without); err != nil {
		return nil, err
	}
	if l.state, err = loadState(files.state()); err != nil {
		return nil, err
	}
	if err := l.chooseAWS(ctx); err != nil {
		return nil, err
	}
	if err := l.chooseControlPlane(); err != nil {
		return nil, err
	}
	if err := l.judgeExternal(ctx); err != nil {
		return nil, err
	}
	if err := l.buildBinaries(ctx); err != nil {
		return nil, err
	}
	l.dropUnbuilt()
	if err := l.prepare(); err != nil {
		return nil, err
	}
	if err := runSteps(ctx, l.out, l.steps()); err != nil {
		return nil, fmt.Errorf("%w\nWhat was started goes on running; \"%s\" stops it", err, downCommand(files.dir, opts.Repo))
	}
	cluster := l.report()
	took := time.Since(begin).Round(100 * time.Millisecond)
	if l.started.Load() == 0 {
		l.out.line("The cluster was already running; checked in %s.", took)
	} else {
		l.out.line("Up in %s.", took)
	}
	return cluster, nil
}

// chooseAWS decides between the emulator and a given stand-in, which has to be there. The cluster's own emulator is none: aws.env names
// it, and shells that read that file hand its URL back.
func (l *launch) chooseAWS(ctx context.Context) error {
	if own := l.state.port(build.Emulator); own != 0 && strings.TrimRight(l.AWSEndpointURL, "/") == l.emulatorURL() {
		l.AWSEndpointURL = ""
	}
	if l.AWSEndpointURL == "" || !l.chosen[build.Server] {
		// Only the load balancers of a given stand-in need it.
		delete(l.chosen, build.StandInDNS)
	}
	if l.AWSEndpointURL == "" || !l.chosen[build.Server] {
		return nil
	}
	client := &http.Client{Timeout: 5 * time.Second}
	if err := answers(ctx, client, l.AWSEndpointURL); err != nil {
		return fmt.Errorf("nothing answers at AWS_ENDPOINT_URL=%s (%w): start it first, or unset AWS_ENDPOINT_URL to get the emulated AWS", l.AWSEndpointURL, err)
	}
	if l.chosen[build.Instances] && !isEmulator(ctx, client, l.AWSEndpointURL) {
		l.out.line("  %-32s not started: what runs on the instances of %s is not known, so there will be no nodes", build.Instances, l.AWSEndpointURL)
		l.leaveOut(build.Instances, demoNodes)
	}
	return nil
}

// leaveOut takes back the choice of components.
func (l *launch) leaveOut(names ...string) {
	for _, name := range names {
		delete(l.chosen, name)
	}
}

// chooseControlPlane decides between a control plane of our own and an existing cluster, once for a cluster's life.
func (l *launch) chooseControlPlane() error {
	given := l.Kubeconfig
	if given == l.layout.kubeconfig() {
		given = ""
	}
	if _, own := l.state.find(build.KubeAPIServer); own && given != "" {
		return fmt.Errorf("%s already runs a control plane of its own, but KUBECONFIG=%s asks for another: unset KUBECONFIG, or run \"%s\" first", l.layout.dir, given,
			downCommand(l.layout.dir, l.Repo))
	}
	if given == "" && !l.state.External {
		return nil
	}
	l.state.External = true
	l.leaveOut(groups["control-plane"]...)
	l.leaveOut(groups["capi"]...)
	// Its managers know of no proxy to the clusters that run on emulated instances.
	l.leaveOut(build.Instances, demoNodes)
	if given == "" {
		return nil
	}
	return copyKubeconfig(given, l.layout.kubeconfig())
}

// copyKubeconfig writes the current context of a KUBECONFIG (which may name several files) into one file.
func copyKubeconfig(given, path string) error {
	rules := &clientcmd.ClientConfigLoadingRules{Precedence: filepath.SplitList(given)}
	config, err := rules.Load()
	if err != nil {
		return fmt.Errorf("read KUBECONFIG=%s: %w", given, err)
	}
	if len(config.Contexts) == 0 {
		return fmt.Errorf("KUBECONFIG=%s holds no context: is the path right? Unset it to get a local control plane", given)
	}
	if config.CurrentContext == "" {
		return fmt.Errorf("KUBECONFIG=%s has no current context: choose one with \"kubectl config use-context\"", given)
	}
	if err := clientcmdMinify(config); err != nil {
		return fmt.Errorf("KUBECONFIG=%s: %w", given, err)
	}
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// buildBinaries makes what the chosen components run.
func (l *launch) buildBinaries(ctx context.Context) error {
	if l.SkipBuild {
		return l.buildMissingDNS(ctx)
	}
	// People want kubectl and clusterctl at hand whatever runs.
	wanted := []string{build.Kubectl, build.Clusterctl}
	for name := range l.chosen {
		wanted = append(wanted, name)
	}
	if l.DebugPort != 0 && l.chosen[build.Server] {
		wanted = append(wanted, build.Delve, build.DebugServer)
	}
	return build.Run(ctx, build.Options{Repo: l.Repo, Bin: l.layout.bin, Assets: l.Assets, Only: wanted, Out: l.out})
}

// buildMissingDNS makes the one small binary that only a given stand-in for AWS asks for, so that others who build for this folder may
// not have made it.
func (l *launch) buildMissingDNS(ctx context.Context) error {
	if _, err := os.Stat(l.layout.binary(build.StandInDNS)); !l.chosen[build.StandInDNS] || err == nil {
		return nil
	}
	return build.Run(ctx, build.Options{Repo: l.Repo, Bin: l.layout.bin, Assets: l.Assets, Only: []string{build.StandInDNS}, Out: l.out})
}

// prepare makes everything that needs no running process.
func (l *launch) prepare() error {
	ports := []string{build.Etcd, etcdPeerPort, build.KubeAPIServer, build.KubeControllerManager, build.Emulator, emulatorDNSPort, build.StandInDNS, build.Instances, build.Server, serverWebhookPort}
	for _, provider := range capi.Providers {
		ports = append(ports, webhookPort(provider.Name), healthPort(provider.Name), diagnosticsPort(provider.Name))
	}
	if err := l.state.reservePorts(ports); err != nil {
		return err
	}
	if l.HTTPSProxy == "" && l.chosen[build.Instances] {
		l.HTTPSProxy = l.instancesProxy()
	}
	if !l.state.External {
		if err := l.prepareControlPlane(); err != nil {
			return err
		}
	}
	return l.writeAWSEnv()
}

// judgeExternal looks at an existing cluster before anything is built or kept for it. One that is refused isn't remembered.
func (l *launch) judgeExternal(ctx context.Context) error {
	if !l.state.External {
		return nil
	}
	err := l.checkExternal(ctx)
	if err != nil && l.Kubeconfig != "" {
		err = errors.Join(err, os.Remove(l.layout.kubeconfig()))
	}
	return err
}

// checkExternal sees that the existing cluster has Cluster API, and no server of ours that this one would take the place of.
func (l *launch) checkExternal(ctx context.Context) error {
	client, err := l.client()
	if err != nil {
		return err
	}
	if _, err := client.Resource(capi.Clusters).List(ctx, metav1.ListOptions{Limit: 1}); err != nil {
		return fmt.Errorf("the cluster of KUBECONFIG serves no Cluster API (%w): install it with \"clusterctl init\", or unset KUBECONFIG to get a local control plane", err)
	}
	if !l.chosen[build.Server] {
		return nil
	}
	switch _, err := client.Resource(statefulSets).Namespace(serverNamespace).Get(ctx, build.Server, metav1.GetOptions{}); {
	case err == nil:
		return fmt.Errorf("the cluster of KUBECONFIG has %s installed (StatefulSet %s/%s), whose store another one must not take the place of: name another cluster, or unset KUBECONFIG to get a local control plane",
			build.Server, serverNamespace, build.Server)
	case !apierrors.IsNotFound(err):
		return fmt.Errorf("see whether the cluster of KUBECONFIG has %s installed: %w", build.Server, err)
	}
	return l.checkLease(ctx, client)
}

// checkLease sees that no other server with a store of its own serves in the existing cluster: a new store would take its place.
func (l *launch) checkLease(ctx context.Context, client dynamic.Interface) error {
	if _, err := os.Stat(l.layout.data(build.Server)); err == nil {
		return nil // it is this one's
	}
	lease, err := client.Resource(leases).Namespace(serverNamespace).Get(ctx, serverLease, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("see whether a %s serves in the cluster of KUBECONFIG: %w", build.Server, err)
	}
	renewed, _, _ := unstructured.NestedString(lease.Object, "spec", "renewTime")
	if at, err := time.Parse(time.RFC3339, renewed); err == nil && time.Since(at) < time.Minute {
		return fmt.Errorf("a %s serves in the cluster of KUBECONFIG (Lease %s/%s was renewed at %s), whose store another one must not take the place of: stop it and try again in a minute",
			build.Server, serverNamespace, serverLease, renewed)
	}
	return nil
}

func (l *launch) steps() []step {
	var chosen []step
	for _, s := range l.controlPlaneSteps() {
		if l.chosen[s.name] {
			chosen = append(chosen, s)
		}
	}
	chosen = append(chosen, l.rightsSteps()...)
	return append(append(chosen, l.capiSteps()...), l.capaSteps()...)
}

// dropUnbuilt takes back the choice of what this repository has no package for.
func (l *launch) dropUnbuilt() {
	for _, name := range []string{build.Emulator, build.Instances, build.Server} {
		_, err := os.Stat(l.layout.binary(name))
		if l.chosen[name] && errors.Is(err, os.ErrNotExist) {
			l.out.line("  %-32s not started: %s is not there", name, l.layout.binary(name))
			delete(l.chosen, name)
			if name == build.Emulator && l.AWSEndpointURL == "" {
				// Without it the server would act on a real account that nobody asked for.
				delete(l.chosen, build.Server)
			}
		}
	}
	if l.AWSEndpointURL != "" {
		delete(l.chosen, build.Emulator)
	}
	if l.awsEndpointURL() == "" {
		// The instances of AWS itself run by themselves.
		l.leaveOut(build.Instances)
	}
	// The demos create resources, so they never run against AWS itself.
	if !l.chosen[build.Server] || l.awsEndpointURL() == "" {
		for _, d := range demonstrations {
			l.leaveOut(d.component)
		}
	}
	if _, err := os.Stat(l.layout.binary(build.Clusterctl)); err != nil || !l.chosen[demo] || !l.chosen[build.Instances] {
		l.leaveOut(demoNodes)
	}
}
