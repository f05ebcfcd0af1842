// Package manifests holds manifests/ against the server that they install.
package manifests

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/capa-apiserver/capa-apiserver/apiserver"
)

const folder = "../../manifests"

// documents are those of all YAML files below the folder, by file.
func documents(t *testing.T, below string) map[string][]map[string]any {
	t.Helper()
	all := map[string][]map[string]any{}
	err := filepath.WalkDir(below, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(raw), len(raw))
		for {
			var document map[string]any
			if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			all[path] = append(all[path], document)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// arguments are those of the containers of a workload.
func arguments(document map[string]any) []string {
	containers, _, _ := unstructured.NestedSlice(document, "spec", "template", "spec", "containers")
	var args []string
	for _, container := range containers {
		own, _, _ := unstructured.NestedStringSlice(container.(map[string]any), "args")
		args = append(args, own...)
	}
	return args
}

func TestEveryArgumentIsAFlagOfTheServer(t *testing.T) {
	flags := apiserver.NewCommand(t.Context()).Flags()
	seen := 0
	for path, documents := range documents(t, folder) {
		for _, document := range documents {
			for _, arg := range arguments(document) {
				seen++
				name, value, given := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
				flag := flags.Lookup(name)
				if flag == nil {
					t.Errorf("%s: %s: the server has no such flag", path, arg)
				} else if !given && flag.NoOptDefVal == "" {
					t.Errorf("%s: %s: the flag needs a value", path, arg)
				} else if given && value == "" {
					t.Errorf("%s: %s: the value is empty", path, arg)
				}
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d arguments were found", seen)
	}
}

// roles are the ClusterRoles of the base.
func roles(t *testing.T) map[string]rbacv1.ClusterRole {
	t.Helper()
	found := map[string]rbacv1.ClusterRole{}
	for path, documents := range documents(t, filepath.Join(folder, "base")) {
		for _, document := range documents {
			if document["kind"] != "ClusterRole" {
				continue
			}
			var role rbacv1.ClusterRole
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(document, &role); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			found[role.Name] = role
		}
	}
	return found
}

// allows tells whether the rules give the verb for the resource and the name.
func allows(rules []rbacv1.PolicyRule, verb, group, resource, name string) bool {
	return slices.ContainsFunc(rules, func(r rbacv1.PolicyRule) bool {
		return slices.Contains(r.Verbs, verb) && slices.Contains(r.APIGroups, group) && slices.Contains(r.Resources, resource) &&
			(len(r.ResourceNames) == 0 || slices.Contains(r.ResourceNames, name))
	})
}

func TestServerMayRegisterEveryKindThatItServes(t *testing.T) {
	rules := roles(t)["capa-apiserver"].Rules
	for _, kind := range apiserver.Kinds() {
		crd := kind.Plural + "." + kind.Group
		for _, verb := range []string{"create", "patch"} {
			if !allows(rules, verb, "apiextensions.k8s.io", "customresourcedefinitions", crd) {
				t.Errorf("manifests/base/rbac-server.yaml: add %s to the customresourcedefinitions to %s", crd, verb)
			}
		}
		for _, version := range kind.Served {
			name := version + "." + kind.Group
			for _, verb := range []string{"patch", "delete"} {
				if !allows(rules, verb, "apiregistration.k8s.io", "apiservices", name) {
					t.Errorf("manifests/base/rbac-server.yaml: add %s to the apiservices to %s", name, verb)
				}
			}
		}
	}
}

func TestUsersMayUseEveryKindAndOnlyAdministratorsIdentities(t *testing.T) {
	view, edit := roles(t)["capa-apiserver-view"].Rules, roles(t)["capa-apiserver-edit"].Rules
	for _, kind := range apiserver.Kinds() {
		for _, verb := range []string{"get", "list", "watch"} {
			if !allows(view, verb, kind.Group, kind.Plural, "") {
				t.Errorf("manifests/base/rbac-users.yaml: capa-apiserver-view may not %s %s", verb, kind.Plural)
			}
		}
		for _, verb := range []string{"create", "delete", "deletecollection", "patch", "update"} {
			if may := allows(edit, verb, kind.Group, kind.Plural, ""); may != kind.Namespaced {
				t.Errorf("manifests/base/rbac-users.yaml: capa-apiserver-edit may %s %s: %v", verb, kind.Plural, may)
			}
			if allows(edit, verb, kind.Group, kind.Plural+"/status", "") {
				t.Errorf("manifests/base/rbac-users.yaml: users may %s the status of %s, which is the server's", verb, kind.Plural)
			}
		}
	}
}

func TestTheConsoleIsNotForViewers(t *testing.T) {
	const group, console = "infrastructure.cluster.x-k8s.io", "awsmachines/console"
	if allows(roles(t)["capa-apiserver-view"].Rules, "get", group, console, "") {
		t.Error("manifests/base/rbac-users.yaml: capa-apiserver-view may get consoles")
	}
	if !allows(roles(t)["capa-apiserver-edit"].Rules, "get", group, console, "") {
		t.Error("manifests/base/rbac-users.yaml: capa-apiserver-edit may not get consoles")
	}
}

func TestRightsNameNoKindThatIsNotServed(t *testing.T) {
	served := map[string]bool{}
	for _, kind := range apiserver.Kinds() {
		served[kind.Plural], served[kind.Plural+"."+kind.Group] = true, true
	}
	all := roles(t)
	for _, name := range []string{"capa-apiserver-view", "capa-apiserver-edit"} {
		for _, rule := range all[name].Rules {
			for _, resource := range rule.Resources {
				if plural, _, _ := strings.Cut(resource, "/"); !served[plural] {
					t.Errorf("ClusterRole %s names %s, which the server doesn't serve", name, resource)
				}
			}
		}
	}
	for _, rule := range all["capa-apiserver"].Rules {
		for _, name := range rule.ResourceNames {
			if slices.Contains(rule.Resources, "customresourcedefinitions") && !served[name] {
				t.Errorf("ClusterRole capa-apiserver names the CRD %s, which the server doesn't apply", name)
			}
		}
	}
}
