package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
)

// eksCluster is an EKS cluster with what runs behind its endpoint, and on its nodes.
type eksCluster struct{ *joinedCluster }

// newEKSCluster has the account's control planes run.
func (w *world) newEKSCluster(cluster string) *eksCluster {
	return &eksCluster{w.newJoinedCluster(w.namespace(), cluster)}
}

// besideKubeadm is a manifest as it has to be written where the kubeadm providers have v1beta2 of their groups.
func besideKubeadm(manifest string) string {
	return strings.NewReplacer("controlplane.cluster.x-k8s.io/v1beta2", "controlplane.cluster.x-k8s.io/v2beta1",
		"bootstrap.cluster.x-k8s.io/v1beta2", "bootstrap.cluster.x-k8s.io/v2beta1").Replace(manifest)
}

func (e *eksCluster) awsControlPlane(ctx context.Context) (*controlplanev1.AWSManagedControlPlane, error) {
	c := &controlplanev1.AWSManagedControlPlane{}
	return c, e.w.client.Get(ctx, client.ObjectKey{Namespace: e.namespace, Name: e.cluster + "-control-plane"}, c)
}

// describe is what the objects say of themselves.
func (e *eksCluster) describe() string {
	out, _ := e.w.tryKubectl("", "get", "cluster,awsmanagedcontrolplane,awsmanagedcluster,machinedeployment,machinepool,awsmachinepool", "-n", e.namespace, "-o",
		`jsonpath={range .items[*]}{.kind}{"\n"}{range .status.conditions[*]}  {.type}={.status} {.reason}: {.message}{"\n"}{end}{end}`)
	return out + e.joinedCluster.describe()
}

func (e *eksCluster) eventually(what string, check func(context.Context) error) {
	e.w.t.Helper()
	e.w.within(patience, what, check, e.describe)
}

func (e *eksCluster) within(what string, check func(context.Context) error) {
	e.w.t.Helper()
	e.w.within(joinPatience, what, check, e.describe)
}

// waitAvailable waits until Cluster API takes the cluster for usable.
func (e *eksCluster) waitAvailable() {
	e.w.t.Helper()
	e.eventually("Cluster "+e.cluster+" is Available", func(context.Context) error {
		for _, c := range e.w.core(e.namespace, e.cluster).Status.Conditions {
			if c.Type == "Available" && c.Status == metav1.ConditionTrue {
				return nil
			}
		}
		return errors.New("it isn't")
	})
}

// waitWell waits until all conditions of the control plane are as they are while nothing happens.
func (e *eksCluster) waitWell() {
	e.w.t.Helper()
	e.w.eventually("all conditions are true", func(ctx context.Context) error {
		cp, err := e.awsControlPlane(ctx)
		if err != nil {
			return err
		}
		return allWell(cp.Status.Conditions)
	})
}

// kubeconfig is the file that the real clusterctl writes.
func (e *eksCluster) kubeconfig() string {
	e.w.t.Helper()
	cmd := exec.Command(filepath.Join(suite.local.Bin, "clusterctl"), "get", "kubeconfig", e.cluster, "-n", e.namespace)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+suite.local.Kubeconfig, "HOME="+e.w.t.TempDir(), "CLUSTERCTL_DISABLE_VERSIONCHECK=true")
	out, err := cmd.Output()
	if err != nil {
		e.w.t.Fatalf("clusterctl get kubeconfig: %v", err)
	}
	return e.keep(out)
}

func (e *eksCluster) keep(config []byte) string {
	path := filepath.Join(e.w.t.TempDir(), "kubeconfig")
	must(e.w.t, os.WriteFile(path, config, 0o600))
	return path
}

// kubectl runs the real one in the workload cluster.
func (e *eksCluster) kubectl(kubeconfig string, args ...string) (string, error) {
	cmd := exec.Command(filepath.Join(suite.local.Bin, "kubectl"), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "HTTPS_PROXY="+suite.proxy.URL)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// checkPods looks at what runs in the workload cluster: on each of its nodes, and somewhere.
func (e *eksCluster) checkPods(kubeconfig string, nodes int) {
	e.w.t.Helper()
	e.w.eventually(fmt.Sprintf("pods run on %d nodes", nodes), func(context.Context) error {
		names, err := e.kubectl(kubeconfig, "get", "nodes", "-o", "name")
		if err != nil || len(strings.Fields(names)) != nodes {
			return fmt.Errorf("kubectl get nodes: %w\n%s", err, names)
		}
		pods, err := e.kubectl(kubeconfig, "get", "pods", "-A", "-o", `jsonpath={range .items[*]}{.metadata.name}{" "}{.spec.nodeName}{"\n"}{end}`)
		if err != nil {
			return fmt.Errorf("kubectl get pods -A: %w\n%s", err, pods)
		}
		for _, on := range strings.Fields(names) {
			on = strings.TrimPrefix(on, "node/")
			for _, daemon := range []string{"aws-node", "kube-proxy"} {
				if !slices.ContainsFunc(strings.Split(pods, "\n"), func(line string) bool { return strings.HasPrefix(line, daemon) && strings.HasSuffix(line, " "+on) }) {
					return fmt.Errorf("no %s on %s:\n%s", daemon, on, pods)
				}
			}
		}
		if nodes > 0 != strings.Contains(pods, "coredns-0 ip-") {
			return fmt.Errorf("with %d nodes coredns is so:\n%s", nodes, pods)
		}
		return nil
	})
}

// single is the form in which one object is both infrastructure and control plane.
const single = `
apiVersion: cluster.x-k8s.io/v1beta2
kind: Cluster
metadata: {name: eks}
spec:
  infrastructureRef: {apiGroup: controlplane.cluster.x-k8s.io, kind: AWSManagedControlPlane, name: eks-control-plane}
  controlPlaneRef: {apiGroup: controlplane.cluster.x-k8s.io, kind: AWSManagedControlPlane, name: eks-control-plane}
---
apiVersion: controlplane.cluster.x-k8s.io/v2beta1
kind: AWSManagedControlPlane
metadata: {name: eks-control-plane}
spec: {region: us-east-1, version: v1.34, controlPlaneAccess: {token: service-account}, vpcCni: {env: [{name: ENABLE_PREFIX_DELEGATION, value: "true"}]},
  iamAuthenticatorConfig: {mapRoles: [{rolearn: "arn:aws:iam::123456789012:role/dev", username: dev, groups: [devs]}]}}
`

// TestEKSCluster takes an EKS cluster to one that is used.
func TestEKSCluster(t *testing.T) {
	w := newWorld(t)
	e := w.newEKSCluster("eks")
	w.apply(e.namespace, single)
	timed(t, "the cluster is available", e.waitAvailable)
	cp, err := e.awsControlPlane(context.Background())
	must(t, err)
	if host := w.core(e.namespace, e.cluster).Spec.ControlPlaneEndpoint.Host; host == "" || host != cp.Spec.ControlPlaneEndpoint.Host {
		t.Errorf("the Cluster's endpoint is %q, the control plane's %q", host, cp.Spec.ControlPlaneEndpoint.Host)
	}
	var kubeconfig string
	timed(t, "kubectl works there", func() {
		kubeconfig = e.kubeconfig()
		e.checkPods(kubeconfig, 0)
	})
	e.eventually("what is wanted is in the cluster", func(context.Context) error {
		out, err := e.kubectl(kubeconfig, "get", "configmap/aws-auth", "daemonset/aws-node", "-n", "kube-system", "-o", "yaml")
		if err != nil || !strings.Contains(out, "role/dev") || !strings.Contains(out, "ENABLE_PREFIX_DELEGATION") {
			return fmt.Errorf("there is, %w:\n%s", err, out)
		}
		return nil
	})
	e.eventually("Cluster API has a token that lasts", func(context.Context) error {
		if out := w.kubectl("get", "secret", "-n", e.namespace, e.cluster+"-kubeconfig", "-o", "jsonpath={.data.token-file}"); strings.HasPrefix(out, "azhzLWF3cy") {
			return errors.New("it is of IAM")
		}
		return nil
	})
	timed(t, "a kubeconfig is given out", e.checkSubresource)
	timed(t, "all is gone", func() { w.deleteCluster(e.namespace, e.cluster) })
}

// TestEKSTemplate takes the published EKS template, with the version that is free beside the kubeadm providers, to a cluster that is used.
func TestEKSTemplate(t *testing.T) {
	liveEKSTemplate(t, besideKubeadm)
}

// TestEKSTemplateUnchanged does so in a management cluster without the kubeadm providers, with the template as it is published.
func TestEKSTemplateUnchanged(t *testing.T) {
	dir, before := t.TempDir(), suite.local
	report, err := devcluster("up", "--dir="+dir, "--without=capa,kubeadm", "--https-proxy="+suite.proxy.URL, "--json")
	must(t, err)
	t.Cleanup(func() {
		suite.local = before
		_, _ = devcluster("down", "--dir="+dir) // it ends with the test's process anyway
	})
	must(t, json.Unmarshal(report, &suite.local))
	liveEKSTemplate(t, func(manifest string) string { return manifest })
}

func liveEKSTemplate(t *testing.T, adapt func(string) string) {
	w := newWorld(t)
	e := w.newEKSCluster("eks")
	manifest := adapt(template{file: "cluster-template-eks.yaml"}.render(t, e.cluster))
	w.apply(e.namespace, manifest)
	timed(t, "the cluster is available", e.waitAvailable)
	cp, err := e.awsControlPlane(context.Background())
	must(t, err)
	if host := w.core(e.namespace, e.cluster).Spec.ControlPlaneEndpoint.Host; host == "" || host != cp.Spec.ControlPlaneEndpoint.Host {
		t.Errorf("the Cluster's endpoint is %q, the control plane's %q", host, cp.Spec.ControlPlaneEndpoint.Host)
	}
	e.waitWell()
	timed(t, "3 machines join", func() { e.waitMachines("t3.large", 0, 3) })
	e.checkPods(e.kubeconfig(), 3)
	before := w.mutations()
	w.apply(e.namespace, manifest)
	if now := w.mutations(); now != before {
		t.Errorf("applying again made %d calls that change AWS", now-before)
	}
	timed(t, "all is gone", func() { w.deleteCluster(e.namespace, e.cluster) })
}

// part is what a template has of some kinds.
func (e *eksCluster) part(file string, kinds ...string) string {
	var kept []string
	for _, part := range strings.Split(besideKubeadm(template{file: file}.render(e.w.t, e.cluster)), "\n---\n") {
		if slices.ContainsFunc(kinds, func(kind string) bool { return strings.Contains("\n"+part+"\n", "\nkind: "+kind+"\n") }) {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "\n---\n")
}

// checkSubresource asks for a kubeconfig of one's own.
func (e *eksCluster) checkSubresource() {
	path := "/apis/controlplane.cluster.x-k8s.io/v2beta1/namespaces/" + e.namespace + "/awsmanagedcontrolplanes/" + e.cluster + "-control-plane/kubeconfig"
	config := e.w.kubectl("create", "--raw", path, "-f", os.DevNull)
	e.checkPods(e.keep([]byte(config)), 0)
	if out, err := e.w.tryKubectl("", "get", "--raw", path); err == nil {
		e.w.t.Errorf("whoever may read gets one: %s", out)
	}
	if out, err := e.w.tryKubectl("", "create", "--raw", path, "-f", os.DevNull, "--as=somebody"); err == nil || !strings.Contains(out, "forbidden") {
		e.w.t.Errorf("who has no right to it gets %s", out)
	}
}
