package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const kubernetesVersion = "v1.34.2"

// template is what users have in Git: a file that clusterctl fills.
type template struct {
	name string
	file string
	// os is part of the names of the images that its machines boot.
	os string
	// controlPlanes are how many it begins with; workers are always 3.
	controlPlanes int
	// live is what its cluster goes through before it is deleted.
	live func(*joinedCluster, template)
}

var templates = []template{
	{name: "default", file: "cluster-template.yaml", os: "ubuntu-24.04", controlPlanes: 3, live: liveMachines},
	{name: "flatcar", file: "cluster-template-flatcar.yaml", os: "flatcar-stable", controlPlanes: 3, live: joinMachines},
	{name: "machinepool", file: "cluster-template-machinepool.yaml", os: "ubuntu-24.04", controlPlanes: 1, live: livePool},
}

// render fills a template with the real clusterctl: the published one where the checkout has it beside it, otherwise ours.
func (tpl template) render(t *testing.T, cluster string) string {
	t.Helper()
	path := filepath.Join(corpus(), tpl.file)
	if _, err := os.Stat(path); err != nil {
		path = filepath.Join("testdata", "templates", tpl.file)
	}
	t.Logf("from %s", path)
	cmd := exec.Command(filepath.Join(suite.local.Bin, "clusterctl"), "generate", "yaml", "--from", path)
	cmd.Env = append(os.Environ(), "CLUSTER_NAME="+cluster, "KUBERNETES_VERSION="+kubernetesVersion, "AWS_REGION="+region, "AWS_SSH_KEY_NAME=default",
		fmt.Sprintf("CONTROL_PLANE_MACHINE_COUNT=%d", tpl.controlPlanes), "WORKER_MACHINE_COUNT=3", "AWS_CONTROL_PLANE_MACHINE_TYPE=t3.large",
		"AWS_NODE_MACHINE_TYPE=t3.large", "AWS_AVAILABILITY_ZONE="+region+"a", "AWS_S3_BUCKET_NAME=cluster-api-provider-aws-"+cluster,
		"HOME="+t.TempDir(), "CLUSTERCTL_DISABLE_VERSIONCHECK=true")
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("clusterctl generate yaml: %v\n%s", err, &problems)
	}
	return string(out)
}

// TestTemplates takes clusters of the published templates through their life, up to joined nodes.
func TestTemplates(t *testing.T) {
	for _, tpl := range templates {
		t.Run(tpl.name, func(t *testing.T) { liveTemplate(t, tpl) })
	}
}

func liveTemplate(t *testing.T, tpl template) {
	w := newWorld(t)
	f := w.newJoinedCluster(w.namespace(), tpl.name)
	w.apply(f.namespace, tpl.render(t, f.cluster))
	tpl.live(f, tpl)
	timed(t, "all is gone", func() { w.deleteCluster(f.namespace, f.cluster) })
}

func joinMachines(f *joinedCluster, tpl template) {
	timed(f.w.t, "3 control planes and 3 workers join", func() { f.waitMachines("t3.large", 3, 3) })
	f.check(tpl)
}

// liveMachines has machines come, be lost, be replaced by those of other templates, and go.
func liveMachines(f *joinedCluster, tpl template) {
	w, t := f.w, f.w.t
	joinMachines(f, tpl)
	timed(t, "a 4th worker joins", func() {
		w.kubectl("scale", "machinedeployment", "-n", f.namespace, f.workers(), "--replicas=4")
		f.waitMachines("t3.large", 3, 4)
	})
	timed(t, "a worker that AWS lost is replaced", func() {
		f.loseWorker()
		f.waitMachines("t3.large", 3, 4)
	})
	timed(t, "all machines are replaced by those of new templates", func() {
		f.rollOut("t3.xlarge")
		f.waitMachines("t3.xlarge", 3, 4)
	})
	f.check(tpl)
	timed(t, "1 control plane and 1 worker stay", func() {
		w.kubectl("scale", "machinedeployment", "-n", f.namespace, f.workers(), "--replicas=1")
		w.kubectl("scale", "kubeadmcontrolplane", "-n", f.namespace, f.controlPlane(), "--replicas=1")
		f.waitMachines("t3.xlarge", 1, 1)
	})
}

// timed says how long a step took. Nothing is judged by it.
func timed(t *testing.T, what string, step func()) {
	t.Helper()
	start := time.Now()
	step()
	t.Logf("%s: %s", what, time.Since(start).Round(time.Second))
}

// rollOut gives both groups of machines templates with another instance type.
func (f *joinedCluster) rollOut(instanceType string) {
	f.w.t.Helper()
	for _, name := range []string{f.controlPlane(), f.workers()} {
		text := f.w.kubectl("get", "awsmachinetemplate.v1beta2.infrastructure.cluster.x-k8s.io", "-n", f.namespace, name, "-o",
			`jsonpath={.spec}`)
		f.w.apply(f.namespace, fmt.Sprintf("apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSMachineTemplate\nmetadata: {name: %s-2}\nspec: %s\n",
			name, replaceType(f.w.t, text, instanceType)))
	}
	f.w.kubectl("patch", "machinedeployment", "-n", f.namespace, f.workers(), "--type=merge",
		"-p", fmt.Sprintf(`{"spec":{"template":{"spec":{"infrastructureRef":{"name":"%s-2"}}}}}`, f.workers()))
	f.w.kubectl("patch", "kubeadmcontrolplane", "-n", f.namespace, f.controlPlane(), "--type=merge",
		"-p", fmt.Sprintf(`{"spec":{"machineTemplate":{"spec":{"infrastructureRef":{"name":"%s-2"}}}}}`, f.controlPlane()))
}

// loseWorker ends a worker's instance behind everybody's back. Its node goes with it, and the health check has the
// Machine replaced.
func (f *joinedCluster) loseWorker() {
	f.w.t.Helper()
	f.w.apply(f.namespace, fmt.Sprintf(`apiVersion: cluster.x-k8s.io/v1beta2
kind: MachineHealthCheck
metadata: {name: %[1]s}
spec:
  clusterName: %[1]s
  selector: {matchLabels: {cluster.x-k8s.io/deployment-name: %[2]s}}
  checks:
    nodeStartupTimeoutSeconds: 600
    unhealthyNodeConditions: [{type: Ready, status: Unknown, timeoutSeconds: 30}]
`, f.cluster, f.workers()))
	before := f.machines()
	lost := before[slices.IndexFunc(before, func(m member) bool { return !m.controlPlane })]
	_, err := f.w.ec2().TerminateInstances(context.Background(), &ec2.TerminateInstancesInput{InstanceIds: []string{lost.instance}})
	must(f.w.t, err)
	f.within("Machine "+lost.machine+" is gone", func(context.Context) error {
		if slices.ContainsFunc(f.machines(), func(m member) bool { return m.machine == lost.machine }) {
			return errors.New("still there")
		}
		return nil
	})
}

// bootstrapSecret returns the data that a Machine's bootstrap provider made.
func (f *joinedCluster) bootstrapSecret(name string) []byte {
	f.w.t.Helper()
	secret := &corev1.Secret{}
	must(f.w.t, f.w.client.Get(context.Background(), client.ObjectKey{Namespace: f.namespace, Name: name}, secret))
	return secret.Data["value"]
}
