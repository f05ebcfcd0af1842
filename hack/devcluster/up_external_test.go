package devcluster

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/build"
)

const twoContexts = `apiVersion: v1
kind: Config
current-context: mine
clusters:
  - {name: mine, cluster: {server: "https://mine", certificate-authority: ca.crt}}
  - {name: other, cluster: {server: "https://other"}}
users:
  - {name: me, user: {token: secret}}
contexts:
  - {name: mine, context: {cluster: mine, user: me}}
  - {name: other, context: {cluster: other, user: me}}
`

func TestKubeconfigOfAnExistingClusterIsCopiedWhole(t *testing.T) {
	dir := t.TempDir()
	given, copied := filepath.Join(dir, "given"), filepath.Join(t.TempDir(), "copied")
	for name, text := range map[string]string{"given": twoContexts, "ca.crt": "PEM"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// A KUBECONFIG may list several files, some of which aren't there.
	if err := copyKubeconfig(filepath.Join(dir, "missing")+string(filepath.ListSeparator)+given, copied); err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.LoadFromFile(copied)
	if err != nil {
		t.Fatal(err)
	}
	if len(config.Clusters) != 1 || config.Clusters["mine"] == nil || string(config.Clusters["mine"].CertificateAuthorityData) != "PEM" {
		t.Fatalf("clusters: %+v", config.Clusters)
	}
}

func TestUnusableKubeconfigIsRefusedWithAReason(t *testing.T) {
	noCurrent := filepath.Join(t.TempDir(), "no-current")
	if err := os.WriteFile(noCurrent, []byte(strings.Replace(twoContexts, "current-context: mine\n", "", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string]string{"/nowhere/at/all": "is the path right", noCurrent: "use-context"} {
		if err := copyKubeconfig(given, filepath.Join(t.TempDir(), "copied")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", given, err)
		}
	}
}

func TestClusterNeverChangesItsControlPlane(t *testing.T) {
	files := layout{dir: t.TempDir()}
	own := &launch{layout: files, Options: Options{Kubeconfig: "/another/kubeconfig"}, chosen: map[string]bool{},
		state: &state{Processes: []record{{Name: build.KubeAPIServer}}}}
	if err := own.chooseControlPlane(); err == nil || !strings.Contains(err.Error(), "devcluster down") {
		t.Errorf("a cluster with its own control plane took another's: %v", err)
	}
	own.Kubeconfig = files.kubeconfig()
	if err := own.chooseControlPlane(); err != nil || own.state.External {
		t.Errorf("its own kubeconfig in KUBECONFIG: %v, external %v", err, own.state.External)
	}
	guest := &launch{layout: files, chosen: map[string]bool{build.Etcd: true, build.CoreManager: true, build.Server: true}, state: &state{External: true}}
	if err := guest.chooseControlPlane(); err != nil || len(guest.chosen) != 1 || !guest.chosen[build.Server] {
		t.Errorf("a guest without KUBECONFIG set any more: %v, starts %v", err, guest.chosen)
	}
}

// TestAnExistingClusterThatHasTheServerIsRefused looks at clusters with Cluster API, with this server and without.
func TestAnExistingClusterThatHasTheServerIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		statefulSet int
		server      bool
		refused     bool
		renewed     time.Duration // before now; 0 where there is no Lease
	}{
		"no server is there":              {http.StatusNotFound, true, false, 0},
		"a server is there":               {http.StatusOK, true, true, 0},
		"nobody may say whether":          {http.StatusForbidden, true, true, 0},
		"a server is there, none wanted":  {http.StatusOK, false, false, 0},
		"one runs outside of the cluster": {http.StatusNotFound, true, true, time.Second},
		"one ran there":                   {http.StatusNotFound, true, false, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if r.URL.Path == "/apis/apps/v1/namespaces/capa-system/statefulsets/capa-apiserver" {
					w.WriteHeader(c.statefulSet)
					fmt.Fprintf(w, `{"kind": "Status", "apiVersion": "v1", "code": %d, "reason": %q}`, c.statefulSet,
						strings.ReplaceAll(http.StatusText(c.statefulSet), " ", ""))
					return
				}
				if strings.Contains(r.URL.Path, "/leases/") {
					if c.renewed == 0 {
						w.WriteHeader(http.StatusNotFound)
						fmt.Fprint(w, `{"kind": "Status", "apiVersion": "v1", "code": 404, "reason": "NotFound"}`)
						return
					}
					fmt.Fprintf(w, `{"kind": "Lease", "apiVersion": "coordination.k8s.io/v1", "metadata": {"name": "capa-apiserver"}, "spec": {"renewTime": %q}}`,
						time.Now().Add(-c.renewed).UTC().Format(metav1.RFC3339Micro))
					return
				}
				fmt.Fprint(w, `{"kind": "ClusterList", "apiVersion": "cluster.x-k8s.io/v1beta2", "metadata": {}, "items": []}`)
			}))
			defer host.Close()
			l := &launch{layout: layout{dir: t.TempDir()}, Options: Options{Kubeconfig: "/of/somebody"}, chosen: map[string]bool{build.Server: c.server}, state: &state{External: true}}
			text := strings.ReplaceAll(twoContexts, `server: "https://mine", certificate-authority: ca.crt`, "server: "+host.URL)
			if err := os.WriteFile(l.layout.kubeconfig(), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := l.judgeExternal(t.Context()); c.refused != (err != nil) || err != nil && !strings.Contains(err.Error(), "capa-apiserver") {
				t.Errorf("error %v", err)
			}
			if _, err := os.Stat(l.layout.kubeconfig()); c.refused != os.IsNotExist(err) {
				t.Errorf("what is remembered of it: %v", err)
			}
		})
	}
}
