package devcluster

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os/exec"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/build"
)

//go:embed demo/quickstart.yaml
var quickstart []byte

// quickstartName is the name of the Cluster and the AWSCluster in quickstart.yaml, which is nowhere else in it.
const quickstartName = "quickstart"

// demoTimeout leaves room for emulated NAT gateways and load balancers, which take their time as real ones do.
const demoTimeout = 5 * time.Minute

var awsClusters = schema.GroupVersionResource{Group: "infrastructure.cluster.x-k8s.io", Version: "v2beta1", Resource: "awsclusters"}

func listAWSClusters(ctx context.Context, client dynamic.Interface) error {
	_, err := client.Resource(awsClusters).List(ctx, metav1.ListOptions{Limit: 1})
	return err
}

// runDemo applies the quick-start cluster as a user would and waits until it is ready.
func (l *launch) runDemo(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, demoTimeout)
	defer cancel()
	client, err := l.client()
	if err != nil {
		return "", err
	}
	if err := l.state.firstCluster(l.AWSEndpointURL != ""); err != nil {
		return "", err
	}
	name := l.state.FirstCluster
	if l.state.Demonstrated {
		_, err := client.Resource(awsClusters).Namespace(metav1.NamespaceDefault).Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			l.undemonstrated = true
			return "AWSCluster " + name + " was deleted, and is not made again", nil
		}
	}
	if err := l.applyQuickstart(ctx); err != nil {
		return "", err
	}
	if err := l.state.demonstrate(); err != nil {
		return "", err
	}
	var shown string
	for {
		current, err := client.Resource(awsClusters).Namespace(metav1.NamespaceDefault).Get(ctx, name, metav1.GetOptions{})
		ready, progress := false, ""
		if err != nil {
			progress = firstLine(err)
		} else {
			ready, progress = describeReady(current)
		}
		if ready {
			break
		}
		if progress != shown {
			l.out.line("  %-32s %s", demo, progress)
			shown = progress
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("AWSCluster %s is not ready after %s (%s); see %s", name, demoTimeout, shown, l.layout.log(build.Server))
		case <-time.After(200 * time.Millisecond):
		}
	}
	table, err := l.kubectl(ctx, nil, "get", "awsclusters")
	if err != nil {
		return "", err
	}
	l.out.line("\n%s", strings.TrimRight(table, "\n"))
	return "AWSCluster " + name + " is ready", nil
}

// applyQuickstart repeats the application while the cluster's parts are still finding each other.
func (l *launch) applyQuickstart(ctx context.Context) error {
	const patience = 20 * time.Second
	deadline := time.Now().Add(patience)
	for {
		_, err := l.kubectl(ctx, bytes.ReplaceAll(quickstart, []byte(quickstartName), []byte(l.state.FirstCluster)), "apply", "-f", "-")
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
