package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	gocmp "github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/iamconfig"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// The releases that are built: clusterctl installs the first and upgrades to the second.
const (
	oldRelease = "v0.1.0"
	newRelease = "v0.1.1"
)

// TestProviderRepository prepares an account, has the real clusterctl install the product from a provider repository, makes a cluster up to nodes,
// moves it to another management cluster and back, upgrades the product and deletes it, all with the rights of the account's stack. There are no
// nodes in the management clusters: what stands in for a kubelet and the cluster's network is nodeless. Cluster API's own providers run beside it
// as processes; of these clusterctl installs names only.
func TestProviderRepository(t *testing.T) {
	w := newStoppedWorld(t)
	p := newProvider(w, singleReplica)
	p.prepareAccount()
	p.init(oldRelease)
	if said := p.kubelet.log(1000); strings.Contains(said, "already queried") {
		t.Errorf("the server takes its libraries for others than they are:\n%s", said)
	}
	t.Run("variables without effect are taken, and it is said", func(t *testing.T) {
		if said := w.kubectl("get", "configmap", "-n", hostNamespace, "capa-apiserver-variables-without-effect", "-o", "jsonpath={.data.EXP_MACHINE_POOL}"); !strings.HasPrefix(said, "set to 'true'") {
			t.Errorf("EXP_MACHINE_POOL: %s", said)
		}
	})
	t.Run("every flavor is accepted", p.flavors)

	f := w.newJoinedCluster(w.namespace(), "released")
	w.apply(f.namespace, p.generate(f.cluster, f.namespace, ""))
	timed(t, "a control plane and a worker join", func() { p.waitWell(f) })
	w.eventually("bootstrap data that nobody needs any more are gone", func(context.Context) error {
		for _, r := range w.aws.Resources(account, region) {
			if r.Service == "secretsmanager" {
				return fmt.Errorf("%s is there", r.ID)
			}
		}
		return nil
	})
	t.Run("a move to another management cluster and back does nothing in AWS", func(t *testing.T) {
		other := p.elsewhere()
		there := *f
		there.w = other.world
		timed(t, "there", func() { p.move(t, other, &there) })
		timed(t, "and back", func() { other.move(t, p, f) })
		other.clusterctl("delete", "--infrastructure=aws")
		other.waitGone()
	})
	before := p.everything(f)
	t.Run("an upgrade loses nothing and does nothing in AWS", func(t *testing.T) {
		if plan := p.clusterctl("upgrade", "plan"); !strings.Contains(plan, newRelease) {
			t.Errorf("the plan has no %s:\n%s", newRelease, plan)
		}
		w.aws.ClearLog()
		reading := w.read(2)
		p.upgrade()
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
		p.changedNothing(t)
	})
	t.Run("deleting the provider leaves AWS alone, and installing it again finds everything", func(t *testing.T) {
		w.aws.ClearLog()
		resources := len(w.aws.Resources(account, region))
		if _, said, err := p.tryClusterctl("delete", "--infrastructure=aws"); err != nil || !strings.Contains(said, "all clusters stay in AWS") {
			t.Fatalf("clusterctl delete says nothing of what is left: %v\n%s", err, said)
		}
		p.waitGone()
		if listed := p.clusterawsadm(adminKey, "resource", "list", "--cluster-name="+f.cluster); !strings.Contains(listed, "vpc/") {
			t.Errorf("what is left is said to be:\n%s", listed)
		}
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
	timed(t, "all is gone", func() {
		w.kubectl("delete", "cluster", "-n", f.namespace, f.cluster, "--timeout="+patience.String())
		p.clusterawsadm(adminKey, "bootstrap", "iam", "delete-cloudformation-stack")
		w.awsIsEmpty()
	})
}

// TestAnUpgradeByClusterctlFailsNoRead upgrades three replicas over a common etcd under continuous reads.
func TestAnUpgradeByClusterctlFailsNoRead(t *testing.T) {
	w := newStoppedWorld(t)
	p := newProvider(w, threeReplicas)
	p.init(oldRelease)
	p.rolledOut(oldRelease)
	ns := w.namespace()
	w.apply(ns, quickStart("upgraded"))
	w.waitReady(ns, "upgraded")
	w.waitStill()
	w.aws.ClearLog()
	reading := w.read(4)
	p.upgrade()
	reading.stop()
	t.Logf("%d reads, answered %v", reading.reads.Load(), reading.answers)
	for _, err := range reading.failures {
		t.Error(err)
	}
	if n := reading.refusals(); n > 0 {
		t.Errorf("%d answers were to be waited out", n)
	}
	p.changedNothing(t)
	w.deleteCluster(ns, "upgraded")
	p.clusterctl("delete", "--infrastructure=aws")
	p.waitGone()
}

const (
	// hostNamespace is where the product is installed.
	hostNamespace = "capa-system"
	// adminKey is a key of the account's administrator.
	adminKey = "AKIAADMIN"
	// A provider repository has two files to choose from.
	singleReplica = "infrastructure-components.yaml"
	threeReplicas = "infrastructure-components-external-etcd.yaml"
)

// provider is a provider repository, and what clusterctl needs to use it.
type provider struct {
	*world
	// folder has the repository, and home what is written for clusterctl.
	folder, home string
	kubelet      *nodeless
	// credentials are what clusterawsadm made of the controllers' keys.
	credentials string
}

// releases makes a folder once, with a provider repository, a binary of each version and clusterawsadm.
var releases = sync.OnceValues(func() (string, error) {
	folder := filepath.Join(suite.dir, "releases")
	run := func(dir string, args ...string) error {
		cmd := exec.Command("go", args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go %v: %w\n%s", args, err, out)
		}
		return nil
	}
	for _, version := range []string{oldRelease, newRelease} {
		if err := run(filepath.Join(suite.root, "hack"), "run", "./cmd/release", "--repo="+suite.root, "--out="+folder, "--version="+version, "--image=registry.example.com/capa-apiserver"); err != nil {
			return "", err
		}
		if err := run(suite.root, "build", "-ldflags=-s -w -X k8s.io/component-base/version.gitVersion="+version, "-o", filepath.Join(folder, "capa-apiserver-"+version), "./cmd/capa-apiserver"); err != nil {
			return "", err
		}
	}
	return folder, run(suite.root, "build", "-ldflags=-s -w", "-o", filepath.Join(folder, "clusterawsadm"), "./cmd/clusterawsadm")
})

// newProvider is a repository of which clusterctl takes one file of components.
func newProvider(w *world, components string) *provider {
	w.t.Helper()
	folder, err := releases()
	must(w.t, err)
	p := &provider{world: w, folder: folder, home: w.t.TempDir(), credentials: base64.StdEncoding.EncodeToString([]byte("[default]\naws_access_key_id = " + ownKey + "\naws_secret_access_key = test\n"))}
	p.writeConfig(components)
	p.startNodes()
	w.t.Cleanup(p.restore)
	return p
}

// startNodes has the management cluster have what clusterctl finds in others.
func (p *provider) startNodes() {
	p.certManager()
	binaries := map[string]string{}
	for _, version := range []string{oldRelease, newRelease} {
		binaries[version] = filepath.Join(p.folder, "capa-apiserver-"+version)
	}
	p.kubelet = p.startNodeless(binaries)
}

func (p *provider) init(version string) {
	p.t.Helper()
	p.clusterctl("init", "--core=cluster-api", "--bootstrap=kubeadm", "--control-plane=kubeadm", "--infrastructure=aws:"+version)
	p.waitServed()
	p.waitKept()
}

// waitKept waits until clusterctl wouldn't delete any more what the server is reached by.
func (p *provider) waitKept() {
	p.t.Helper()
	p.eventually("an upgrade would delete nothing that the server is reached by", func(context.Context) error {
		if labelled := p.kubectl("get", "statefulset,service,serviceaccount", "-n", hostNamespace, "-l", "clusterctl.cluster.x-k8s.io", "-o", "name"); labelled != "" {
			return errors.New(labelled)
		}
		return nil
	})
}

// upgrade has clusterctl upgrade the product, in place.
func (p *provider) upgrade() {
	p.t.Helper()
	uids := func() string {
		return p.kubectl("get", "statefulset,service,serviceaccount", "-n", hostNamespace, "-l", "app.kubernetes.io/name=capa-apiserver", "-o", `jsonpath={range .items[*]}{.kind} {.metadata.uid}{"\n"}{end}`)
	}
	before := uids()
	p.clusterctl("upgrade", "apply", "--infrastructure="+hostNamespace+"/aws:"+newRelease)
	p.rolledOut(newRelease)
	if after := uids(); after != before {
		p.t.Errorf("what the server is reached by was\n%sand is\n%s", before, after)
	}
	p.waitKept()
}

// rolledOut waits until all replicas are of a version.
func (p *provider) rolledOut(version string) {
	p.t.Helper()
	p.kubectl("rollout", "status", "-n", hostNamespace, "statefulset/capa-apiserver", "--timeout="+patience.String())
	p.eventually("the server is "+version, func(context.Context) error {
		raw, err := p.ownGet("/version")
		if err == nil && !strings.Contains(raw, `"`+version+`"`) {
			err = errors.New(raw)
		}
		return err
	})
}

// changedNothing fails for each change of AWS since the log was cleared but UID tags.
func (p *provider) changedNothing(t *testing.T) {
	t.Helper()
	calls := slices.DeleteFunc(p.aws.Changes(), func(e emulator.Entry) bool {
		// What was deleted within the creation grace is deleted once more by a new process: AWS doesn't tell whether it was there.
		return writesUIDTag(e) || e.Key() == "secretsmanager.DeleteSecret"
	})
	if len(calls) > 0 {
		t.Errorf("it did\n%s", wrote(calls))
	}
}

// prepareAccount does what docs/iam.md says: a stack, and keys of its role for the server.
func (p *provider) prepareAccount() {
	p.t.Helper()
	table := p.clusterawsadm(adminKey, "bootstrap", "iam", "create-cloudformation-stack")
	if made := strings.Count(table, "CREATE_COMPLETE"); made != 11 {
		p.t.Errorf("the stack has %d resources, want 11:\n%s", made, table)
	}
	p.credentials = strings.TrimSpace(p.clusterawsadm(ownKey, "bootstrap", "credentials", "encode-as-profile"))
	inline, err := iam.NewFromConfig(p.awsConfig()).ListRolePolicies(p.t.Context(), &iam.ListRolePoliciesInput{RoleName: aws.String("controllers" + iamconfig.Suffix)})
	must(p.t, err)
	if len(inline.PolicyNames) > 0 {
		p.t.Errorf("the server's role has rights besides the stack's policies: %v", inline.PolicyNames)
	}
}

// clusterawsadm runs it with somebody's key.
func (p *provider) clusterawsadm(key string, args ...string) string {
	p.t.Helper()
	cmd := exec.Command(filepath.Join(p.folder, "clusterawsadm"), args...)
	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+p.awsURL, "AWS_REGION="+region, "AWS_ACCESS_KEY_ID="+key, "AWS_SECRET_ACCESS_KEY=test", "HOME="+p.home)
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		p.t.Fatalf("clusterawsadm %s: %v\n%s%s", strings.Join(args, " "), err, out, &problems)
	}
	return string(out)
}

// elsewhere installs the product in another management cluster, with the same AWS.
func (p *provider) elsewhere() *provider {
	p.t.Helper()
	dir := p.t.TempDir()
	report, err := devcluster("up", "--dir="+dir, "--without=capa", "--https-proxy="+suite.proxy.URL, "--json")
	must(p.t, err)
	p.t.Cleanup(func() { _, _ = devcluster("down", "--dir="+dir) }) // it ends with the test's process anyway
	var local management
	must(p.t, json.Unmarshal(report, &local))
	w, other := *p.world, *p
	w.beside(local)
	other.world = &w
	other.startNodes()
	other.init(oldRelease)
	return &other
}

// move has clusterctl move a cluster, which is well there afterwards, and whose AWS nobody changed.
func (p *provider) move(t *testing.T, to *provider, there *joinedCluster) {
	t.Helper()
	p.aws.ClearLog()
	p.clusterctl("move", "--namespace="+there.namespace, "--to-kubeconfig="+to.local.Kubeconfig)
	to.waitWell(there)
	(&moved{world: to.world}).waitQuiet()
	p.changedNothing(t)
}

// waitWell waits until a cluster of one control plane and one worker is all that it can be.
func (p *provider) waitWell(f *joinedCluster) {
	p.t.Helper()
	f.waitMachines("t3.large", 1, 1)
	p.eventually("clusterctl describes everything as well", func(context.Context) error {
		out, said, err := p.tryClusterctl("describe", "cluster", f.cluster, "--namespace="+f.namespace)
		if err == nil && (strings.Contains(out, "False") || strings.Contains(out, "Unknown") || !strings.Contains(out, "AWSCluster ")) {
			err = errors.New("not yet")
		}
		if err != nil {
			return fmt.Errorf("%w\n%s%s", err, out, said)
		}
		return nil
	})
}

// writeConfig names our provider, and in the place of Cluster API's, which run already, one Namespace each.
func (p *provider) writeConfig(components string) {
	p.t.Helper()
	const version = "v1.14.2"
	type entry struct {
		Name string `json:"name"`
		Type string `json:"type"`
		URL  string `json:"url"`
	}
	entries := []entry{{"aws", "InfrastructureProvider", "file://" + filepath.Join(p.folder, "infrastructure-aws", oldRelease, components)}}
	for _, own := range []struct{ name, kind, label, file, namespace string }{
		{"cluster-api", "CoreProvider", "cluster-api", "core-components.yaml", "capi-system"},
		{"kubeadm", "BootstrapProvider", "bootstrap-kubeadm", "bootstrap-components.yaml", "capi-kubeadm-bootstrap-system"},
		{"kubeadm", "ControlPlaneProvider", "control-plane-kubeadm", "control-plane-components.yaml", "capi-kubeadm-control-plane-system"},
	} {
		dir := filepath.Join(p.home, own.label, version)
		must(p.t, os.MkdirAll(dir, 0o755))
		must(p.t, os.WriteFile(filepath.Join(dir, own.file), []byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: "+own.namespace+"}\n"), 0o644))
		must(p.t, os.WriteFile(filepath.Join(dir, "metadata.yaml"), []byte("apiVersion: clusterctl.cluster.x-k8s.io/v1alpha3\nkind: Metadata\nreleaseSeries: [{major: 1, minor: 14, contract: v1beta2}]\n"), 0o644))
		entries = append(entries, entry{own.name, own.kind, "file://" + filepath.Join(dir, own.file)})
	}
	text, err := yaml.Marshal(map[string]any{"providers": entries, "cert-manager": map[string]any{"externallyProvisioned": true}})
	must(p.t, err)
	must(p.t, os.WriteFile(p.config(), text, 0o600))
}

func (p *provider) config() string { return filepath.Join(p.home, "clusterctl.yaml") }

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
	p.kubectl("delete", "-n", hostNamespace, "--ignore-not-found", "statefulset/capa-apiserver", "service/capa-apiserver", "serviceaccount/capa-apiserver",
		"configmap/capa-apiserver-variables-without-effect", "secret/capa-manager-bootstrap-credentials", "role/capa-apiserver-kept", "rolebinding/capa-apiserver-kept",
		"validatingadmissionpolicy/capa-apiserver", "validatingadmissionpolicybinding/capa-apiserver")
	p.kubelet.stop()
	p.kubectl("apply", "-k", filepath.Join(suite.root, "manifests/overlays/outside"))
}

// variables are what users have set.
var variables = map[string]string{
	"CAPA_ETCD_SERVERS": "https://etcd-0.etcd:2379", "EXP_MACHINE_POOL": "true", "CAPA_LOGLEVEL": "1", "AWS_CONTROLLER_IAM_ROLE": "arn:aws:iam::123456789012:role/controller",
	"AWS_REGION": region, "AWS_SSH_KEY_NAME": "default", "AWS_CONTROL_PLANE_MACHINE_TYPE": "t3.large", "AWS_NODE_MACHINE_TYPE": "t3.large",
	"AWS_AVAILABILITY_ZONE": region + "a", "AWS_S3_BUCKET_NAME": "cluster-api-provider-aws-flavors", "VPC_ADDON_VERSION": "v1.20.4-eksbuild.1",
	"COREDNS_ADDON_VERSION": "v1.12.3-eksbuild.1", "KUBE_PROXY_ADDON_VERSION": "v1.34.0-eksbuild.2",
	"MULTI_TENANCY_JUMP_IDENTITY_NAME": "jump", "MULTI_TENANCY_JUMP_ROLE_ARN": "arn:aws:iam::111122223333:role/jump",
	"MULTI_TENANCY_NESTED_IDENTITY_NAME": "nested", "MULTI_TENANCY_NESTED_ROLE_ARN": "arn:aws:iam::444455556666:role/nested",
}

func (p *provider) clusterctl(args ...string) string {
	p.t.Helper()
	out, said, err := p.tryClusterctl(args...)
	if err != nil {
		p.t.Fatalf("clusterctl %s: %v\n%s%s\n%s", strings.Join(args, " "), err, out, said, p.kubelet.log(40))
	}
	return out
}

// tryClusterctl returns what it prints, and what it says besides.
func (p *provider) tryClusterctl(args ...string) (string, string, error) {
	cmd := exec.Command(filepath.Join(p.local.Bin, "clusterctl"), append(args, "--config="+p.config())...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+p.local.Kubeconfig, "CLUSTERCTL_DISABLE_VERSIONCHECK=true", "HOME="+p.home, "AWS_B64ENCODED_CREDENTIALS="+p.credentials)
	for name, value := range variables {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var out, said strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	return out.String(), said.String(), err
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

// waitGone waits until no server runs any more, and nothing is left of it in its namespace but its volume.
func (p *provider) waitGone() {
	p.t.Helper()
	p.eventually("the server is gone", func(ctx context.Context) error {
		if running := p.kubelet.running(); running > 0 {
			return fmt.Errorf("%d run", running)
		}
		if left := p.kubectl("get", "statefulset,service,serviceaccount,role,rolebinding,configmap,poddisruptionbudget", "-n", hostNamespace, "-l", "app.kubernetes.io/name=capa-apiserver", "-o", "name"); left != "" {
			return errors.New(left)
		}
		return nil
	})
}
