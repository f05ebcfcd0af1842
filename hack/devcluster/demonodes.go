package devcluster

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/build"
	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/capi"
)

// firstTemplate is the cluster template of the demo, the one that users get without naming a flavour.
var firstTemplate = filepath.Join("manifests", "templates", "self-managed")

// firstNodes are the variables of the demo's template. Its machines are 3 and 3.
var firstNodes = []string{
	"KUBERNETES_VERSION=v1.34.2", "CONTROL_PLANE_MACHINE_COUNT=3", "WORKER_MACHINE_COUNT=3", "AWS_REGION=" + emulatedRegion, "AWS_SSH_KEY_NAME=default",
	"AWS_CONTROL_PLANE_MACHINE_TYPE=t3.large", "AWS_NODE_MACHINE_TYPE=t3.large",
}

// healthCheck has workers replaced that AWS lost.
//
//go:embed demo/healthcheck.yaml
var healthCheck []byte

// firstMachines is how many they are together.
const firstMachines = 6

var (
	clusterMachines = schema.GroupVersionResource{Group: "cluster.x-k8s.io", Version: "v1beta2", Resource: "machines"}
	secrets         = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
)

// generateCluster fills the template as users do, with clusterctl.
func (l *launch) generateCluster(ctx context.Context) ([]byte, error) {
	template, err := capi.RenderText(filepath.Join(l.Repo, firstTemplate))
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, l.layout.binary(build.Clusterctl), "generate", "yaml")
	cmd.Stdin = bytes.NewReader(template)
	cmd.Env = append(os.Environ(), firstNodes...)
	cmd.Env = append(cmd.Env, "CLUSTER_NAME="+l.state.FirstCluster, "CLUSTERCTL_DISABLE_VERSIONCHECK=true")
	var problems bytes.Buffer
	cmd.Stderr = &problems
	manifest, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("clusterctl generate yaml: %w\n%s", err, &problems)
	}
	return append(manifest, bytes.ReplaceAll(healthCheck, []byte(quickstartName), []byte(l.state.FirstCluster))...), nil
}

// awaitNodes waits until all machines of the demo's cluster are nodes, and leaves the user the way to it.
func (l *launch) awaitNodes(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, demoTimeout)
	defer cancel()
	client, err := l.client()
	if err != nil {
		return "", err
	}
	name, objects := l.state.FirstCluster, client.Resource(capi.Clusters).Namespace(metav1.NamespaceDefault)
	if _, err := objects.Get(ctx, name, metav1.GetOptions{}); apierrors.IsNotFound(err) {
		return "its cluster was deleted", nil
	}
	if err := l.awaitMachines(ctx, client, name, objects); err != nil {
		return "", err
	}
	if err := l.writeWorkloadKubeconfig(ctx, client, name); err != nil {
		return "", err
	}
	table, err := l.kubectl(ctx, nil, "--kubeconfig="+l.layout.userKubeconfig(name), "get", "nodes")
	if err != nil {
		return "", err
	}
	l.out.line("\n%s", strings.TrimRight(table, "\n"))
	l.clusters.addWorkload(l.layout.userKubeconfig(name))
	return "all machines of " + name + " are nodes", nil
}

// awaitMachines shows how far the machines are until the cluster says that it and all of them are available.
func (l *launch) awaitMachines(ctx context.Context, client dynamic.Interface, name string, objects dynamic.ResourceInterface) error {
	var shown string
	for {
		progress, err := machinesProgress(ctx, client, name, objects)
		if err != nil {
			progress = firstLine(err)
		} else if progress == "" {
			return nil
		}
		if progress != shown {
			l.out.line("  %-32s %s", demoNodes, progress)
			shown = progress
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s has no nodes after %s (%s); \"clusterctl describe cluster %s\" says more, and %s", name, demoTimeout, shown, name, l.layout.log(build.Instances))
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// machinesProgress is empty once all is there.
func machinesProgress(ctx context.Context, client dynamic.Interface, name string, objects dynamic.ResourceInterface) (string, error) {
	cluster, err := objects.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	machines, err := client.Resource(clusterMachines).Namespace(metav1.NamespaceDefault).List(ctx, metav1.ListOptions{LabelSelector: "cluster.x-k8s.io/cluster-name=" + name})
	if err != nil {
		return "", err
	}
	joined := 0
	for i := range machines.Items {
		if node, _, _ := unstructured.NestedString(machines.Items[i].Object, "status", "nodeRef", "name"); node != "" {
			joined++
		}
	}
	// Control planes are made one after the other, so that all machines that there are may be nodes before the last ones are made.
	wanted, known := desiredMachines(cluster)
	if !known {
		wanted = firstMachines
	}
	if wanted = max(wanted, len(machines.Items)); joined < wanted || joined == 0 {
		return fmt.Sprintf("%d of %d machines are nodes", joined, wanted), nil
	}
	for _, object := range append(machines.Items, *cluster) {
		if !isTrue(&object, "Available") {
			return fmt.Sprintf("%d machines are nodes, and %s %s is not available yet", joined, object.GetKind(), object.GetName()), nil
		}
	}
	return "", nil
}

// desiredMachines is how many machines a Cluster says that it wants, if it does yet.
func desiredMachines(cluster *unstructured.Unstructured) (n int, known bool) {
	ofControlPlane, known, _ := unstructured.NestedInt64(cluster.Object, "status", "controlPlane", "desiredReplicas")
	ofWorkers, knownToo, _ := unstructured.NestedInt64(cluster.Object, "status", "workers", "desiredReplicas")
	return int(ofControlPlane + ofWorkers), known && knownToo
}

// isTrue tells whether a condition of an object is.
func isTrue(object *unstructured.Unstructured, kind string) bool {
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, entry := range conditions {
		if condition, ok := entry.(map[string]any); ok && condition["type"] == kind {
			return condition["status"] == "True"
		}
	}
	return false
}

// writeWorkloadKubeconfig writes the cluster's kubeconfig with the proxy that leads there.
func (l *launch) writeWorkloadKubeconfig(ctx context.Context, client dynamic.Interface, name string) error {
	secret, err := client.Resource(secrets).Namespace(metav1.NamespaceDefault).Get(ctx, name+"-kubeconfig", metav1.GetOptions{})
	if err != nil {
		return err
	}
	encoded, found, err := unstructured.NestedString(secret.Object, "data", "value")
	if err != nil || !found {
		return errors.Join(fmt.Errorf("the Secret %s-kubeconfig has no kubeconfig", name), err)
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return err
	}
	config, err := clientcmd.Load(raw)
	if err != nil {
		return err
	}
	for _, cluster := range config.Clusters {
		cluster.ProxyURL = l.HTTPSProxy
	}
	return clientcmd.WriteToFile(*config, l.layout.userKubeconfig(name))
}
