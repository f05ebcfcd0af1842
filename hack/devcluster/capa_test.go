package devcluster

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/build"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

func TestAWSVariablesPointAtTheStandIn(t *testing.T) {
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAOFTHEUSER0000000")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	emulated := &state{Ports: map[string]int{build.Emulator: 4566}}
	cases := []struct {
		name   string
		launch *launch
		want   []string
	}{
		{"the emulator, with keys that open nothing else", &launch{state: emulated, chosen: map[string]bool{build.Emulator: true}}, []string{
			"AWS_ENDPOINT_URL=http://127.0.0.1:4566", "AWS_REGION=us-east-1",
			"AWS_ACCESS_KEY_ID=" + emulatedAccessKey, "AWS_SECRET_ACCESS_KEY=" + emulatedSecretKey}},
		{"a given one, with the user's own keys where set", &launch{state: emulated, Options: Options{AWSEndpointURL: "http://stand-in"}}, []string{
			"AWS_ENDPOINT_URL=http://stand-in", "AWS_REGION=eu-west-1",
			"AWS_ACCESS_KEY_ID=AKIAOFTHEUSER0000000", "AWS_SECRET_ACCESS_KEY=" + emulatedSecretKey}},
		{"neither: the SDK finds its own", &launch{state: emulated}, nil},
	}
	for _, c := range cases {
		if got := c.launch.awsVariables(); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v", c.name, got)
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
	cases := []struct {
		name       string
		conditions []any
		ready      bool
		progress   string
	}{
		{"ready", []any{condition("VPCReady", "True", "Ready"), condition("Ready", "True", "Ready")}, true, ""},
		{"not yet looked at", nil, false, "first conditions"},
		{"waiting", []any{condition("Ready", "False", "NotReady"), condition("NatGatewaysReady", "False", "Pending")}, false, "NatGatewaysReady: Pending"},
		{"another condition is true", []any{condition("VPCReady", "True", "Ready")}, false, "waiting"},
	}
	for _, c := range cases {
		object := &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"conditions": c.conditions}}}
		ready, progress := describeReady(object)
		if ready != c.ready || !strings.Contains(progress, c.progress) {
			t.Errorf("%s: ready %v, %q", c.name, ready, progress)
		}
	}
}
