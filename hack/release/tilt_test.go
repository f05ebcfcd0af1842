package release

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/capi"
)

// What Cluster API's Tiltfile reads of a provider: what it watches and builds is there, and its kustomization has what it looks for.
func TestClusterAPIsTiltSetUpFindsTheProvider(t *testing.T) {
	const repo = "../.."
	raw, err := os.ReadFile(filepath.Join(repo, "tilt-provider.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var provider struct {
		Name   string
		Config struct {
			Context, Image, Label string
			Main                  string   `json:"go_main"`
			Deps                  []string `json:"live_reload_deps"`
		}
	}
	if err := yaml.UnmarshalStrict(raw, &provider); err != nil {
		t.Fatal(err)
	}
	context := filepath.Join(repo, provider.Config.Context)
	for _, path := range append(provider.Config.Deps, provider.Config.Main) {
		if _, err := os.Stat(filepath.Join(context, path)); err != nil {
			t.Error(err)
		}
	}
	objects, err := capi.RenderFolder(filepath.Join(context, "config", "default"))
	if err != nil {
		t.Fatal(err)
	}
	deployments := 0
	for _, object := range objects {
		if object.GetLabels()["cluster.x-k8s.io/provider"] != "infrastructure-aws" {
			t.Errorf("%s %s is not the provider's", object.GetKind(), object.GetName())
		}
		switch object.GetKind() {
		case "StatefulSet":
			t.Error("a second server would run")
		case "Deployment":
			deployments++
			text, err := object.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{`"name":"manager"`, `"command":["/manager"]`, `"image":"` + provider.Config.Image + `"`} {
				if !bytes.Contains(text, []byte(want)) {
					t.Errorf("the Deployment has no %s", want)
				}
			}
		}
	}
	if deployments != 1 || provider.Name != "aws" || strings.TrimSpace(provider.Config.Label) == "" {
		t.Errorf("%d Deployments, provider %+v", deployments, provider)
	}
}
