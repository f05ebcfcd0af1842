package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// The releases that are built: clusterctl installs the first and upgrades to the second.
const (
	oldRelease = "v0.1.0"
	newRelease = "v0.1.1"
)

// TestProviderRepository has the real clusterctl install the product from a provider repository, make a cluster up to nodes, upgrade the product
// and delete it. There are no nodes in the management cluster: what stands in for a kubelet and the cluster's network is nodeless. Cluster API's
// own providers run beside it as processes; of these clusterctl installs names only.
func TestProviderRepository(t *testing.T) {
	w := newStoppedWorld(t)
	p := newProvider(w)
	p.clusterctl("init", "--core=cluster-api", "--bootstrap=kubeadm", "--control-plane=kubeadm", "--infrastructure=aws:"+oldRelease)
	w.waitServed()
	t.Run("variables without effect are taken, and it is said", func(t *testing.T) {
		if said := w.kubectl("get", "configmap", "-n", hostNamespace, "capa-apiserver-variables-without-effect", "-o", "jsonpath={.data.EXP_MACHINE_POOL}"); !strings.HasPrefix(said, "set to 'true'") {
			t.Errorf("EXP_MACHINE_POOL: %s", said)
		}
	})
	t.Run("every flavor is accepted", p.flavors)

	f := w.newJoinedCluster(w.namespace(), "released")
	w.apply(f.namespace, p.generate(f.cluster, f.namespace, ""))
	timed(t, "a control plane and a worker join", func() { f.waitMachines("t3.large", 1, 1) })
	before := p.everything(f)

	t.Run("an upgrade loses nothing and does nothing in AWS", func(t *testing.T) {
		if plan := p.clusterctl("upgrade", "plan"); !strings.Contains(plan, newRelease) {
			t.Errorf("the plan has no %s:\n%s", newRelease, plan)
		}
		w.eventually("bootstrap data that nobody needs any more are gone", func(context.Context) error {
			for _, r := range w.aws.Resources(account, region) {
				if r.Service == "secretsmanager" {
					return fmt.Errorf("%s is there", r.ID)
				}
			}
			return nil
		})
		w.aws.ClearLog()
		reading := w.read(2)
		p.clusterctl("upgrade", "apply", "--infrastructure="+hostNamespace+"/aws:"+newRelease)
		p.waitVersion(newRelease)
		w.waitServed()
		reading.stop()
		t.Logf("%d reads, answered %v", reading.reads.Load(), reading.answers)
		// Clients wait 503 out, but take 404 for deletion.
		if reading.answers[http.StatusNotFound] > 0 || reading.answers[http.StatusOK] == 0 {
			t.Errorf("reads were answered %v", reading.answers)
		}
		if difference := gocmp.Diff(before, p.everything(f)); difference != "" {
			t.Errorf("the objects are others (-before +after):\n%s", difference)
		}
		// What was deleted within the creation grace is deleted once more by a new process: AWS doesn't tell whether it was there.
		calls := slices.DeleteFunc(w.aws.Changes(), func(c emulator.Entry) bool { return c.Key() == "secretsmanager.DeleteSecret" })
		if len(calls) > 0 {
			t.Errorf("it did %s", pretty(calls))
		}
	})
	t.Run("deleting the provider leaves AWS alone, and installing it again finds everything", func(t *testing.T) {
		w.aws.ClearLog()
		resources := len(w.aws.Resources(account, region))
		p.clusterctl("delete", "--infrastructure=aws")
		p.waitGone()
		if left := len(w.aws.Resources(account, region)); left != resources || len(w.aws.Changes()) > 0 {
			t.Errorf("of %d resources %d are left, after %s", resources, left, pretty(w.aws.Changes()))
		}
		// As docs/install.md says: while the host has registrations without a server, clusterctl waits in vain for all kinds to be known.
		w.kubectl("delete", "apiservice", "-l", "app.kubernetes.io/managed-by=capa-apiserver")
		p.clusterctl("init", "--infrastructure=aws:"+newRelease)
		w.waitServed()
		if difference := gocmp.Diff(before, p.everything(f)); difference != "" {
			t.Errorf("the objects are others (-before +after):\n%s", difference)
		}
	})
	timed(t, "all is gone", func() { w.deleteCluster(f.namespace, f.cluster) })
}

// hostNamespace is where the product is installed.
const hostNamespace = "capa-system"

// provider is a provider repository, and what clusterctl needs to use it.
type provider struct {
	*world
	folder, config string
	kubelet        *nodeless
}

func newProvider(w *world) *provider {
	w.t.Helper()
	p := &provider{world: w, folder: w.t.TempDir()}
	p.config = filepath.Join(p.folder, "clusterctl.yaml")
	binaries := map[string]string{}
	for _, version := range []string{oldRelease, newRelease} {
		p.run(filepath.Join(suite.root, "hack"), "go", "run", "./cmd/release", "--repo="+suite.root, "--out="+p.folder, "--version="+version, "--image=registry.example.com/capa-apiserver")
		binaries[version] = filepath.Join(p.folder, "capa-apiserver-"+version)
		p.run(suite.root, "go", "build", "-ldflags=-s -w -X k8s.io/component-base/version.gitVersion="+version, "-o", binaries[version], "./cmd/capa-apiserver")
	}
	p.writeConfig()
	p.certManager()
	p.kubelet = w.startNodeless(binaries)
	w.t.Cleanup(p.restore)
	return p
}

func (p *provider) run(dir, command string, args ...string) {
	p.t.Helper()
	cmd := exec.Command(command, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("%s %v: %v\n%s", command, args, err, out)
	}
}

// writeConfig names our provider, and in the place of Cluster API's, which run already, one Namespace each.
func (p *provider) writeConfig() {
	p.t.Helper()
	const version = "v1.14.2"
	type entry struct {
		Name string `json:"name"`
		Type string `json:"type"`
		URL  string `json:"url"`
	}
	entries := []entry{{"aws", "InfrastructureProvider", "file://" + filepath.Join(p.folder, "infrastructure-aws", oldRelease, "infrastructure-components.yaml")}}
	for _, own := range []struct{ name, kind, label, file, namespace string }{
		{"cluster-api", "CoreProvider", "cluster-api", "core-components.yaml", "capi-system"},
		{"kubeadm", "BootstrapProvider", "bootstrap-kubeadm", "bootstrap-components.yaml", "capi-kubeadm-bootstrap-system"},
		{"kubeadm", "ControlPlaneProvider", "control-plane-kubeadm", "control-plane-components.yaml", "capi-kubeadm-control-plane-system"},
	} {
		dir := filepath.Join(p.folder, own.label, version)
		must(p.t, os.MkdirAll(dir, 0o755))
		must(p.t, os.WriteFile(filepath.Join(dir, own.file), []byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: "+own.namespace+"}\n"), 0o644))
		must(p.t, os.WriteFile(filepath.Join(dir, "metadata.yaml"), []byte("apiVersion: clusterctl.cluster.x-k8s.io/v1alpha3\nkind: Metadata\nreleaseSeries: [{major: 1, minor: 14, contract: v1beta2}]\n"), 0o644))
		entries = append(entries, entry{own.name, own.kind, "file://" + filepath.Join(dir, own.file)})
	}
	text, err := yaml.Marshal(map[string]any{"providers": entries, "cert-manager": map[string]any{"externallyProvisioned": true}})
	must(p.t, err)
	must(p.t, os.WriteFile(p.config, text, 0o600))
}

// certManager has the kinds be there that clusterctl looks for; nothing of ours uses them.
func (p *provider) certManager() {
	for kind, plural := range map[string]string{"Certificate": "certificates", "Issuer": "issuers"} {
		p.apply("default", fmt.Sprintf(`apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %[2]s.cert-manager.io}
spec:
  group: cert-manager.io
  names: {kind: %[1]s, plural: %[2]s}
  scope: Namespaced
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
`, kind, plural))
	}
}

// restore leaves the management cluster to the other tests as it was.
func (p *provider) restore() {
	p.kubectl("delete", "crd", "--ignore-not-found", "certificates.cert-manager.io", "issuers.cert-manager.io", "providers.clusterctl.cluster.x-k8s.io")
	p.kubectl("delete", "-n", hostNamespace, "--ignore-not-found", "statefulset/capa-apiserver", "service/capa-apiserver", "configmap/capa-apiserver-variables-without-effect",
		"secret/capa-manager-bootstrap-credentials")
	p.kubelet.stop()
	p.kubectl("apply", "-k", filepath.Join(suite.root, "manifests/overlays/outside"))
}

// variables are what users have set.
var variables = map[string]string{
	"AWS_B64ENCODED_CREDENTIALS": "W2RlZmF1bHRdCg==", "EXP_MACHINE_POOL": "true", "CAPA_LOGLEVEL": "1", "AWS_CONTROLLER_IAM_ROLE": "arn:aws:iam::123456789012:role/controller",
	"AWS_REGION": region, "AWS_SSH_KEY_NAME": "default", "AWS_CONTROL_PLANE_MACHINE_TYPE": "t3.large", "AWS_NODE_MACHINE_TYPE": "t3.large",
	"AWS_AVAILABILITY_ZONE": region + "a", "AWS_S3_BUCKET_NAME": "cluster-api-provider-aws-flavors", "VPC_ADDON_VERSION": "v1.20.4-eksbuild.1",
	"COREDNS_ADDON_VERSION": "v1.12.3-eksbuild.1", "KUBE_PROXY_ADDON_VERSION": "v1.34.0-eksbuild.2",
	"MULTI_TENANCY_JUMP_IDENTITY_NAME": "jump", "MULTI_TENANCY_JUMP_ROLE_ARN": "arn:aws:iam::111122223333:role/jump",
	"MULTI_TENANCY_NESTED_IDENTITY_NAME": "nested", "MULTI_TENANCY_NESTED_ROLE_ARN": "arn:aws:iam::444455556666:role/nested",
}

func (p *provider) clusterctl(args ...string) string {
	p.t.Helper()
	out, err := p.tryClusterctl(args...)
	if err != nil {
		p.t.Fatalf("clusterctl %s: %v\n%s\n%s", strings.Join(args, " "), err, out, p.kubelet.log(40))
	}
	return out
}

func (p *provider) tryClusterctl(args ...string) (string, error) {
	cmd := exec.Command(filepath.Join(suite.local.Bin, "clusterctl"), append(args, "--config="+p.config)...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+suite.local.Kubeconfig, "CLUSTERCTL_DISABLE_VERSIONCHECK=true", "HOME="+p.folder)
	for name, value := range variables {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		return string(out) + problems.String(), err
	}
	return string(out), nil
}

// generate fills the template of a flavor for a cluster with one control plane and one worker.
func (p *provider) generate(name, namespace, flavor string) string {
	p.t.Helper()
	return p.clusterctl("generate", "cluster", name, "--kubernetes-version="+kubernetesVersion, "--control-plane-machine-count=1", "--worker-machine-count=1",
		"--target-namespace="+namespace, "--infrastructure=aws:"+oldRelease, "--flavor="+flavor)
}

// flavors has the API servers judge what each flavor makes, without keeping it. Classes are kept, because clusters of them are judged by them.
func (p *provider) flavors(t *testing.T) {
	namespace := p.namespace()
	files, err := filepath.Glob(filepath.Join(p.folder, "infrastructure-aws", oldRelease, "cluster-template*.yaml"))
	must(t, err)
	for _, file := range files {
		flavor := strings.Trim(strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "cluster-template"), ".yaml"), "-")
		t.Run("flavor "+flavor, func(t *testing.T) {
			manifest := p.generate("fl", namespace, flavor)
			if strings.Contains(manifest, "kind: ClusterClass") {
				class, rest := splitClass(manifest)
				p.apply(namespace, class)
				manifest = rest
			}
			p.eventually("the flavor "+flavor+" is accepted", func(context.Context) error {
				out, err := p.tryKubectl(manifest, "apply", "-n", namespace, "--dry-run=server", "-f", "-")
				if err != nil {
					return errors.New(out)
				}
				return nil
			})
		})
	}
	p.kubectl("delete", "clusterclass", "-n", namespace, "--all")
}

// splitClass parts the objects of a class from the others.
func splitClass(manifest string) (class, rest string) {
	for _, document := range strings.Split(manifest, "\n---\n") {
		ofCluster := strings.Contains(document, "kind: Cluster\n") || strings.Contains(document, "Identity\nmetadata") || strings.Contains(document, "kind: ClusterResourceSet\n") ||
			strings.Contains(document, "kind: ConfigMap\n")
		if ofCluster {
			rest += document + "\n---\n"
		} else {
			class += document + "\n---\n"
		}
	}
	return class, rest
}

// everything is what must not change: who the cluster's objects are, and what they want.
func (p *provider) everything(f *joinedCluster) map[string]any {
	p.t.Helper()
	all := map[string]any{}
	cluster := &infrav1.AWSCluster{}
	must(p.t, p.client.Get(context.Background(), client.ObjectKey{Namespace: f.namespace, Name: f.cluster}, cluster))
	all[string(cluster.UID)] = cluster.Spec
	machines := &infrav1.AWSMachineList{}
	must(p.t, p.client.List(context.Background(), machines, client.InNamespace(f.namespace)))
	for _, m := range machines.Items {
		all[string(m.UID)] = m.Spec
	}
	return maps.Clone(all)
}

func (p *provider) waitVersion(version string) {
	p.t.Helper()
	p.eventually("the server is "+version, func(context.Context) error {
		raw, err := p.ownGet("/version")
		if err == nil && !strings.Contains(raw, `"`+version+`"`) {
			err = errors.New(raw)
		}
		return err
	})
}

// waitGone waits until no server runs any more.
func (p *provider) waitGone() {
	p.t.Helper()
	p.eventually("the server is gone", func(ctx context.Context) error {
		if running := p.kubelet.running(); running > 0 {
			return fmt.Errorf("%d run", running)
		}
		out, err := p.tryKubectl("", "get", "statefulset", "-n", hostNamespace, "capa-apiserver")
		if err == nil || !strings.Contains(out, string("NotFound")) {
			return fmt.Errorf("%s", out)
		}
		return nil
	})
}
