package devcluster

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/build"
)

func TestOwnEmulatorsURLInTheEnvironmentChangesNothing(t *testing.T) {
	stranger := httptest.NewServer(http.NotFoundHandler())
	defer stranger.Close()
	for url, want := range map[string]struct {
		given    string
		standIn  bool
		emulator string
	}{
		"":                       {"", false, "http://127.0.0.1:4566"},
		"http://127.0.0.1:4566":  {"", false, "http://127.0.0.1:4566"},
		"http://127.0.0.1:4566/": {"", false, "http://127.0.0.1:4566"},
		stranger.URL:             {stranger.URL, true, stranger.URL},
	} {
		l := &launch{Options: Options{AWSEndpointURL: url}, state: &state{Ports: map[string]int{build.Emulator: 4566}},
			chosen: map[string]bool{build.Emulator: true, build.StandInDNS: true, build.Server: true}}
		if err := l.chooseAWS(t.Context()); err != nil {
			t.Fatalf("%s: %v", url, err)
		}
		if l.AWSEndpointURL != want.given || l.chosen[build.StandInDNS] != want.standIn || l.awsEndpointURL() != want.emulator {
			t.Errorf("%q: given %q, stand-in DNS %v, AWS at %q", url, l.AWSEndpointURL, l.chosen[build.StandInDNS], l.awsEndpointURL())
		}
	}
}

func TestDeadStandInIsNamedBeforeAnythingStarts(t *testing.T) {
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	l := &launch{Options: Options{AWSEndpointURL: dead.URL}, state: &state{Ports: map[string]int{}}, chosen: map[string]bool{build.Server: true}}
	if err := l.chooseAWS(t.Context()); err == nil || !strings.Contains(err.Error(), "unset AWS_ENDPOINT_URL") {
		t.Errorf("error %v", err)
	}
}

func TestAdviceNamesOnlyWhatIsThere(t *testing.T) {
	bin := t.TempDir()
	c := Cluster{Kubeconfig: "/k", Bin: bin, Logs: "/logs", Down: downCommand("/repo/_run", "/repo"), PIDs: map[string]int{build.Server: 1}}
	if text := c.Advice(); strings.Contains(text, "clusterctl") || strings.Contains(text, "aws") && !strings.Contains(text, "awsclusters") ||
		!strings.Contains(text, "make -C /repo down") {
		t.Errorf("without demo, AWS and clusterctl:\n%s", text)
	}
	if err := os.WriteFile(filepath.Join(bin, build.Clusterctl), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	c.Clusters, c.AWSEndpointURL, c.AWSEnv = []string{"quickstart"}, "http://127.0.0.1:1", "/aws.env"
	t.Setenv("PATH", t.TempDir())
	if text := c.Advice(); !strings.Contains(text, "clusterctl describe cluster quickstart") || !strings.Contains(text, ". /aws.env") ||
		strings.Contains(text, "aws ec2") || strings.Contains(text, "get nodes") || strings.Contains(text, "scale") {
		t.Errorf("with demo and AWS, without nodes and AWS's tool:\n%s", text)
	}
	c.WorkloadKubeconfig = "/k/quickstart.kubeconfig"
	if text := c.Advice(); !strings.Contains(text, "--kubeconfig=/k/quickstart.kubeconfig get nodes") || !strings.Contains(text, "scale machinedeployment quickstart-md-0") ||
		strings.Contains(text, "terminate") || strings.Contains(text, "curl") {
		t.Errorf("with nodes, without a tool that ends an instance:\n%s", text)
	}
}
