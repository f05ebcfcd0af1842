package devcluster

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/build"
)

// quickstart is the self-managed cluster of the demo, where it is to have no nodes.
//
//go:embed demo/quickstart.yaml
var quickstart []byte

// quickstartEKS is its EKS cluster.
//
//go:embed demo/eks.yaml
var quickstartEKS []byte

// quickstartName is with what the names of the clusters in the demo's manifests begin, which is nowhere else in them.
const quickstartName = "quickstart"

// The components that are not processes but clusters, and the machines of one.
const (
	demo      = "demo"
	demoNodes = "demo-nodes"
	demoEKS   = "demo-eks"
)

// A demonstration is a component that is a cluster in AWS.
type demonstration struct {
	component string
	manifest  []byte
	// suffix follows the name of the first cluster in this one's.
	suffix string
	// resource is of the object that says how far the cluster is.
	resource schema.GroupVersionResource
}

var demonstrations = []demonstration{
	{component: demo, manifest: quickstart, resource: awsClusters},
	{component: demoEKS, manifest: quickstartEKS, suffix: "-eks", resource: awsManagedControlPlanes},
}

// demoTimeout leaves room for emulated NAT gateways and load balancers, which take their time as real ones do.
const demoTimeout = 5 * time.Minute

var (
	awsClusters             = schema.GroupVersionResource{Group: "infrastructure.cluster.x-k8s.io", Version: "v2beta1", Resource: "awsclusters"}
	awsManagedControlPlanes = schema.GroupVersionResource{Group: "controlplane.cluster.x-k8s.io", Version: "v2beta1", Resource: "awsmanagedcontrolplanes"}
)

func listAWSClusters(ctx context.Context, client dynamic.Interface) error {
	_, err := client.Resource(awsClusters).List(ctx, metav1.ListOptions{Limit: 1})
	return err
}

// readyClusters are those that the demos found or made.
type readyClusters struct {
	mu    sync.Mutex
	names []string
	// workload is the kubeconfig of the one whose machines are nodes.
	workload string
}

func (c *readyClusters) addWorkload(kubeconfig string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.workload = kubeconfig
}

func (c *readyClusters) add(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.names = append(c.names, name)
}

func (c *readyClusters) sorted() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(slices.Values(c.names))
}

// demoSteps make the clusters.
func (l *launch) demoSteps() []step {
	var steps []step
	for _, d := range demonstrations {
		steps = append(steps, step{name: d.component, after: []string{build.Server, build.KubeControllerManager, clusterAPIAccepts},
			run: func(ctx context.Context) (string, error) { return l.demonstrate(ctx, d) }})
	}
	return append(steps, step{name: demoNodes, after: []string{demo, build.Instances}, run: l.awaitNodes})
}

// demonstrate applies a cluster as a user would and waits until it is ready.
func (l *launch) demonstrate(ctx context.Context, d demonstration) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, demoTimeout)
	defer cancel()
	client, err := l.client()
	if err != nil {
		return "", err
	}
	if err := l.state.firstCluster(l.AWSEndpointURL != ""); err != nil {
		return "", err
	}
	name, objects := l.state.FirstCluster+d.suffix, client.Resource(d.resource).Namespace(metav1.NamespaceDefault)
	if l.state.demonstrated(d.component) {
		_, err := objects.Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return name + " was deleted, and is not made again", nil
		}
	}
	if err := l.makeCluster(ctx, d); err != nil {
		return "", err
	}
	if err := l.awaitReady(ctx, d.component, name, objects); err != nil {
		return "", err
	}
	table, err := l.kubectl(ctx, nil, "get", d.resource.Resource+"."+d.resource.Group)
	if err != nil {
		return "", err
	}
	l.out.line("\n%s", strings.TrimRight(table, "\n"))
	l.clusters.add(name)
	return "cluster " + name + " is ready", nil
}

// makeCluster applies the manifest of a cluster. One that has nodes keeps them.
func (l *launch) makeCluster(ctx context.Context, d demonstration) error {
	nodes := d.component == demo && l.chosen[demoNodes]
	if l.state.demonstrated(d.component) && (!nodes || l.state.demonstrated(demoNodes)) {
		return nil
	}
	manifest, made := bytes.ReplaceAll(d.manifest, []byte(quickstartName), []byte(l.state.FirstCluster)), []string{d.component}
	if nodes {
		var err error
		if manifest, err = l.generateCluster(ctx); err != nil {
			return err
		}
		made = append(made, demoNodes)
	}
	if err := l.applyManifest(ctx, manifest); err != nil {
		return err
	}
	return l.state.demonstrate(made...)
}

// awaitReady shows what an object waits for until it is ready.
func (l *launch) awaitReady(ctx context.Context, component, name string, objects dynamic.ResourceInterface) error {
	var shown string
	for {
		current, err := objects.Get(ctx, name, metav1.GetOptions{})
		ready, progress := false, ""
		if err != nil {
			progress = firstLine(err)
		} else {
			ready, progress = describeReady(current)
		}
		if ready {
			return nil
		}
		if progress != shown {
			l.out.line("  %-32s %s", component, progress)
			shown = progress
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready after %s (%s); see %s", name, demoTimeout, shown, l.layout.log(build.Server))
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// applyManifest repeats the application while the management cluster's parts are still finding each other.
func (l *launch) applyManifest(ctx context.Context, manifest []byte) error {
	const patience = 20 * time.Second
	deadline := time.Now().Add(patience)
	for {
		_, err := l.kubectl(ctx, manifest, "apply", "-f", "-")
		if err == nil || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// describeReady reads the Ready condition, and if it isn't true the conditions that stand in its way. Of Paused, false is how it should be.
func describeReady(object *unstructured.Unstructured) (ready bool, progress string) {
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	var waiting []string
	var summary string
	for _, entry := range conditions {
		condition, ok := entry.(map[string]any)
		if !ok {
			continue
		}
		if condition["type"] == "Ready" && condition["status"] == "True" {
			return true, ""
		}
		if condition["status"] != "False" || condition["type"] == "Paused" {
			continue
		}
		why := condition["message"]
		if why == nil || why == "" {
			why = condition["reason"]
		}
		if condition["type"] == "Ready" {
			summary = fmt.Sprint(why)
			continue // the others say it one by one
		}
		waiting = append(waiting, fmt.Sprintf("%v: %v", condition["type"], why))
	}
	switch {
	case len(waiting) == 0 && summary != "":
		return false, summary
	case len(waiting) == 0:
		return false, "waiting for the first conditions"
	}
	return false, strings.Join(waiting, ", ")
}

func (l *launch) kubectl(ctx context.Context, input []byte, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, l.layout.binary(build.Kubectl), append([]string{"--kubeconfig=" + l.layout.kubeconfig()}, args...)...)
	cmd.Stdin = bytes.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}
