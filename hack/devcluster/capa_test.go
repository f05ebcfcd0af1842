package devcluster

import (
	"bytes"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/build"
)

func TestAWSVariablesPointAtTheStandIn(t *testing.T) {
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAOFTHEUSER0000000")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_ENDPOINT_URL_EC2", "http://ec2")
	ports := &state{Ports: map[string]int{build.Emulator: 4566}}
	cases := []struct {
		name   string
		launch *launch
		want   []string
	}{
		{"the emulator, with keys that open nothing else", &launch{state: ports, chosen: map[string]bool{build.Emulator: true}}, []string{
			"AWS_ACCESS_KEY_ID=" + emulatedAccessKey, "AWS_DEFAULT_REGION=us-east-1",
			"AWS_ENDPOINT_URL=http://127.0.0.1:4566", "AWS_REGION=us-east-1", "AWS_SECRET_ACCESS_KEY=" + emulatedSecretKey}},
		{"a given one, with what the user has set", &launch{state: ports, Options: Options{AWSEndpointURL: "http://stand-in"}}, []string{
			"AWS_ACCESS_KEY_ID=AKIAOFTHEUSER0000000", "AWS_DEFAULT_REGION=eu-west-1",
			"AWS_ENDPOINT_URL=http://stand-in", "AWS_ENDPOINT_URL_EC2=http://ec2", "AWS_REGION=eu-west-1", "AWS_SECRET_ACCESS_KEY=secret"}},
		{"neither: what the user has set", &launch{state: ports}, []string{
			"AWS_ACCESS_KEY_ID=AKIAOFTHEUSER0000000", "AWS_ENDPOINT_URL_EC2=http://ec2", "AWS_REGION=eu-west-1", "AWS_SECRET_ACCESS_KEY=secret"}},
	}
	for _, c := range cases {
		if got := c.launch.awsVariables(); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v", c.name, got)
		}
	}
}

func TestNothingIsCreatedInARealAccountByAccident(t *testing.T) {
	all := []string{build.Emulator, build.Instances, build.Server, demo, demoNodes}
	cases := []struct {
		name  string
		url   string
		built []string
		asked []string
		want  []string
	}{
		{"everything is there", "", []string{build.Emulator, build.Instances, build.Server, build.Clusterctl}, all, all},
		{"no emulator to start: no server either", "", []string{build.Instances, build.Server}, all, nil},
		{"a stand-in given: no emulator needed", "http://stand-in", []string{build.Instances, build.Server, build.Clusterctl}, all, []string{build.Instances, build.Server, demo, demoNodes}},
		{"nothing to run on instances: no nodes", "", []string{build.Emulator, build.Server, build.Clusterctl}, all, []string{build.Emulator, build.Server, demo}},
		{"nothing to fill templates with: no nodes", "", []string{build.Emulator, build.Instances, build.Server}, all, []string{build.Emulator, build.Instances, build.Server, demo}},
		{"the user wants AWS itself: no demo", "", []string{build.Emulator, build.Instances, build.Server}, []string{build.Instances, build.Server, demo, demoNodes}, []string{build.Server}},
		{"no server yet: the emulator alone", "", []string{build.Emulator}, []string{build.Emulator, build.Server, demo}, []string{build.Emulator}},
	}
	for _, c := range cases {
		l := &launch{Options: Options{AWSEndpointURL: c.url}, layout: layout{bin: t.TempDir()}, out: &printer{out: &bytes.Buffer{}},
			state: &state{Ports: map[string]int{}}, chosen: map[string]bool{}}
		for _, name := range c.asked {
			l.chosen[name] = true
		}
		for _, name := range c.built {
			if err := os.WriteFile(l.layout.binary(name), nil, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		l.dropUnbuilt()
		if got := slices.Sorted(maps.Keys(l.chosen)); !slices.Equal(got, slices.Sorted(slices.Values(c.want))) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestOnlyAnEmulatorsInstancesBoot(t *testing.T) {
	emulator := http.NewServeMux()
	emulator.HandleFunc("/_emulator/counts", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"ec2.CreateVpc":2}`)) })
	for name, c := range map[string]struct {
		there http.Handler
		want  bool
	}{"an aws-emulator": {emulator, true}, "another stand-in": {http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }), false}} {
		server := httptest.NewServer(c.there)
		l := &launch{Options: Options{AWSEndpointURL: server.URL + "/"}, state: &state{Ports: map[string]int{}}, out: &printer{out: &bytes.Buffer{}},
			chosen: map[string]bool{build.Server: true, build.Instances: true, demoNodes: true}}
		err := l.chooseAWS(t.Context())
		server.Close()
		if err != nil || l.chosen[build.Instances] != c.want || l.chosen[demoNodes] != c.want {
			t.Errorf("%s: %v, chosen are %v", name, err, l.chosen)
		}
	}
}

func TestQuickstartIsAClusterAndItsAWSCluster(t *testing.T) {
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(quickstart), 4096)
	var seen []string
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(&object.Object); err != nil {
			break
		}
		seen = append(seen, object.GetAPIVersion()+" "+object.GetKind()+" "+object.GetName())
	}
	want := []string{"cluster.x-k8s.io/v1beta2 Cluster " + quickstartName, "infrastructure.cluster.x-k8s.io/v1beta2 AWSCluster " + quickstartName}
	if !slices.Equal(seen, want) {
		t.Fatalf("it holds %v", seen)
	}
}

func TestProgressNamesWhatStandsInTheWay(t *testing.T) {
	condition := func(kind, status, reason string) any {
		return map[string]any{"type": kind, "status": status, "reason": reason}
	}
	telling := map[string]any{"type": "NatGatewaysReady", "status": "False", "reason": "NatGatewaysCreationStarted", "message": "waiting for NAT gateway nat-1"}
	cases := []struct {
		name       string
		conditions []any
		ready      bool
		progress   string
	}{
		{"ready", []any{condition("VPCReady", "True", "Ready"), condition("Ready", "True", "Ready")}, true, ""},
		{"not yet looked at", nil, false, "first conditions"},
		{"waiting", []any{condition("Ready", "False", "NotReady"), condition("NatGatewaysReady", "False", "Pending")}, false, "NatGatewaysReady: Pending"},
		{"with its message", []any{condition("Ready", "False", "NotReady"), condition("Paused", "False", "NotPaused"), telling}, false, "NatGatewaysReady: waiting for NAT gateway nat-1"},
		{"another condition is true", []any{condition("VPCReady", "True", "Ready")}, false, "waiting"},
	}
	for _, c := range cases {
		object := &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"conditions": c.conditions}}}
		ready, progress := describeReady(object)
		if ready != c.ready || !strings.Contains(progress, c.progress) || strings.Contains(progress, "Paused") {
			t.Errorf("%s: ready %v, %q", c.name, ready, progress)
		}
	}
}
