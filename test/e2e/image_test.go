package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// imageVersion is what the image is built as.
const imageVersion = "v0.1.0"

// contained runs the server as a container engine would: in a root of its own that can't be written but where the manifest mounts volumes,
// as the manifest's user. It needs root.
const contained = `#!/bin/sh
# The mounts are this process's own, and gone with it.
exec unshare --mount sh -e -c '
root=$1 data=$2 token=$3; shift 3
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount --bind "$data" "$root/var/lib/capa-apiserver"
mount -t tmpfs tmpfs "$root/var/run/secrets"
mkdir -p "$root/var/run/secrets/kubernetes.io/serviceaccount"
cp "$token"/* "$root/var/run/secrets/kubernetes.io/serviceaccount"
# Once it is another user than root, it has no capabilities, and no way to any.
exec setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setuid,+setgid chroot --userspec=%[4]d:%[4]d --groups=%[4]d "$root" %[5]s "$@"
' contained %[1]s %[2]s %[3]s "$@"
`

// TestImage builds the image, unpacks it and runs its server as the manifests have it run, but for what there is no cluster network for.
func TestImage(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a process another root folder")
	}
	root := unpackImage(t, suite.root)
	server := manifestServer(t)
	w := newStoppedWorld(t)
	w.program = w.contain(root, server)
	w.flags = append(slices.Clone(server.Args), "--kubeconfig=", fmt.Sprintf("--secure-port=%d", w.port), fmt.Sprintf("--webhook-port=%d", w.webhook))
	agents := w.userAgents()
	w.startServer()
	t.Cleanup(w.stopServer)

	t.Run("it says its version", func(t *testing.T) { w.checkVersion(t, filepath.Join(root, "usr/local/bin/capa-apiserver")) })
	ns, name := w.namespace(), "contained"
	w.apply(ns, quickStart(name))
	w.waitReady(ns, name)
	t.Run("AWS sees its version", func(t *testing.T) {
		seen := 0
		agents.Range(func(agent, _ any) bool {
			seen++
			if !strings.Contains(fmt.Sprint(agent), "capa-apiserver/"+imageVersion) {
				t.Errorf("a call's User-Agent is %s", agent)
			}
			return true
		})
		if seen == 0 {
			t.Error("AWS was never called")
		}
	})
	w.deleteCluster(ns, name)
	t.Run("another build elsewhere has its digest", func(t *testing.T) {
		again := unpackImage(t, elsewhere(t))
		for _, file := range []string{"../image/index.json", "usr/local/bin/capa-apiserver"} {
			first, err := os.ReadFile(filepath.Join(root, file))
			must(t, err)
			second, err := os.ReadFile(filepath.Join(again, file))
			must(t, err)
			if !bytes.Equal(first, second) {
				t.Errorf("%s is another one", file)
			}
		}
	})
}

// elsewhere is a copy of the repository as it is here, in another folder.
func elsewhere(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	cmd := exec.Command("sh", "-ec", `git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$0" && cp -a .git "$0"`, folder)
	cmd.Dir = suite.root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("copy the repository: %v\n%s", err, out)
	}
	return folder
}

// unpackImage makes the image of this machine's architecture from a repository and returns the folder with its files.
func unpackImage(t *testing.T, repo string) string {
	t.Helper()
	folder := t.TempDir()
	root := filepath.Join(folder, "root")
	cmd := exec.Command("go", "run", "./image", "--repo="+repo, "--version="+imageVersion, "--out="+filepath.Join(folder, "image"), "--unpack="+root,
		"--platforms=linux/"+runtime.GOARCH)
	cmd.Dir = filepath.Join(suite.root, "hack", "tools")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make the image: %v\n%s", err, out)
	}
	// A container engine makes the folders of mounts.
	must(t, os.MkdirAll(filepath.Join(root, "var/run/secrets"), 0o755))
	// The test's folders are for root alone.
	for dir := root; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		must(t, os.Chmod(dir, 0o755))
	}
	return root
}

// manifestServer is the server's container in the default manifests.
func manifestServer(t *testing.T) corev1.Container {
	t.Helper()
	out, err := exec.Command(filepath.Join(suite.local.Bin, "kubectl"), "kustomize", filepath.Join(suite.root, "manifests/overlays/default")).Output()
	must(t, err)
	for _, document := range strings.Split(string(out), "\n---\n") {
		set := &appsv1.StatefulSet{}
		if yaml.Unmarshal([]byte(document), set) != nil || set.Kind != "StatefulSet" {
			continue
		}
		container, pod := set.Spec.Template.Spec.Containers[0], set.Spec.Template.Spec.SecurityContext
		if !*pod.RunAsNonRoot || *pod.RunAsUser != containedUser || !*container.SecurityContext.ReadOnlyRootFilesystem || *container.SecurityContext.AllowPrivilegeEscalation {
			t.Fatalf("the manifest runs it in another way than this test: %s %s", pretty(pod), pretty(container.SecurityContext))
		}
		return container
	}
	t.Fatal("the manifests have no StatefulSet")
	return corev1.Container{}
}

// containedUser is who the server is in the manifests.
const containedUser = 65532

// contain writes the program that stands for the container, with the token of the manifests' service account and the addresses that a kubelet
// tells.
func (w *world) contain(root string, server corev1.Container) string {
	w.t.Helper()
	scratch := w.t.TempDir()
	data, token, program := filepath.Join(scratch, "data"), filepath.Join(scratch, "token"), filepath.Join(scratch, "contained")
	must(w.t, os.Mkdir(data, 0o700))
	must(w.t, os.Chown(data, containedUser, containedUser))
	must(w.t, os.Mkdir(token, 0o755))
	must(w.t, os.WriteFile(filepath.Join(token, "token"), []byte(strings.TrimSpace(w.kubectl("create", "token", "capa-apiserver", "-n", "capa-system", "--duration=1h"))), 0o644))
	must(w.t, os.WriteFile(filepath.Join(token, "ca.crt"), w.config.CAData, 0o644))
	must(w.t, os.WriteFile(filepath.Join(token, "namespace"), []byte("capa-system"), 0o644))
	must(w.t, os.WriteFile(program, fmt.Appendf(nil, contained, root, data, token, containedUser, "/usr/local/bin/capa-apiserver"), 0o755))
	host := regexp.MustCompile(`^https://(.*):(\d+)$`).FindStringSubmatch(w.config.Host)
	w.environment = append(w.environment, "KUBERNETES_SERVICE_HOST="+host[1], "KUBERNETES_SERVICE_PORT="+host[2])
	for _, variable := range server.Env {
		w.environment = append(w.environment, variable.Name+"="+variable.Value)
	}
	return program
}

func (w *world) checkVersion(t *testing.T, binary string) {
	out, err := exec.Command(binary, "--version").CombinedOutput()
	if err != nil || !strings.Contains(string(out), imageVersion) {
		t.Errorf("--version: %v, %s", err, out)
	}
	raw, err := w.ownGet("/version")
	must(t, err)
	var version struct{ GitVersion, GitCommit string }
	must(t, json.Unmarshal([]byte(raw), &version))
	if version.GitVersion != imageVersion || len(version.GitCommit) != 40 {
		t.Errorf("/version: %s", raw)
	}
}

// userAgents has all calls of the server pass through where its User-Agents are kept.
func (w *world) userAgents() *sync.Map {
	w.t.Helper()
	there, err := url.Parse(w.awsURL)
	must(w.t, err)
	agents, forward := &sync.Map{}, httputil.NewSingleHostReverseProxy(there)
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		agents.Store(r.UserAgent(), true)
		forward.ServeHTTP(out, r)
	}))
	w.t.Cleanup(server.Close)
	w.awsURL = server.URL
	return agents
}
