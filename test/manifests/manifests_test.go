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
			var content any
			if err := decoder.Decode(&content); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			if document, ok := content.(map[string]any); ok { // patches are lists
				all[path] = append(all[path], document)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// arguments are those of the server's containers of a workload.
func arguments(document map[string]any) []string {
	containers, _, _ := unstructured.NestedSlice(document, "spec", "template", "spec", "containers")
	var args []string
	for _, container := range containers {
		if name, _, _ := unstructured.NestedString(container.(map[string]any), "name"); name == "server" {
			own, _, _ := unstructured.NestedStringSlice(container.(map[string]any), "args")
			args = append(args, own...)
		}
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

func TestServerMayRegisterEveryKindThatItServesAndNothingElse(t *testing.T) {
	rules := roles(t)["capa-apiserver"].Rules
	claimed := map[string]bool{}
	for _, kind := range apiserver.Kinds() {
		crd := kind.GroupResource().String()
		claimed["customresourcedefinitions "+crd] = true
		for _, verb := range []string{"create", "patch"} {
			if !allows(rules, verb, "apiextensions.k8s.io", "customresourcedefinitions", crd) {
				t.Errorf("manifests/base/rbac-server.yaml: add %s to the customresourcedefinitions to %s", crd, verb)
			}
		}
		for _, version := range kind.Served {
			name := version + "." + kind.Group.Name()
			claimed["apiservices "+name] = true
			for _, verb := range []string{"patch", "delete"} {
				if !allows(rules, verb, "apiregistration.k8s.io", "apiservices", name) {
					t.Errorf("manifests/base/rbac-server.yaml: add %s to the apiservices to %s", name, verb)
				}
			}
		}
	}
	for _, rule := range rules {
		for _, resource := range rule.Resources {
			for _, name := range rule.ResourceNames {
				if (resource == "customresourcedefinitions" || resource == "apiservices") && !claimed[resource+" "+name] {
					t.Errorf("manifests/base/rbac-server.yaml: take %s out of the %s: no row of the server's table needs it", name, resource)
				}
			}
		}
	}
}

// The rights of users follow from the table: whoever views sees objects and their status,
// whoever edits writes those of namespaces and reads what is below them.
func TestUsersMayUseEveryKindAndOnlyAdministratorsIdentities(t *testing.T) {
	view, edit := roles(t)["capa-apiserver-view"].Rules, roles(t)["capa-apiserver-edit"].Rules
	var reads, writes = []string{"get", "list", "watch"}, []string{"create", "delete", "deletecollection", "patch", "update"}
	expect := func(role string, rules []rbacv1.PolicyRule, group, resource string, want bool, verbs ...string) {
		for _, verb := range verbs {
			if allows(rules, verb, group, resource, "") != want {
				t.Errorf("manifests/base/rbac-users.yaml: whether %s may %s %s.%s should be %v", role, verb, resource, group, want)
			}
		}
	}
	named := map[string]bool{}
	verbOf := map[string]string{"console": "get", "kubeconfig": "create"}
	for _, kind := range apiserver.Kinds() {
		group, status := kind.Group.Name(), kind.Plural+"/status"
		named[group+" "+kind.Plural] = true
		expect("capa-apiserver-view", view, group, kind.Plural, true, reads...)
		expect("capa-apiserver-view", view, group, kind.Plural, false, writes...)
		expect("capa-apiserver-edit", edit, group, kind.Plural, kind.Namespaced, writes...)
		if kind.HasStatus {
			named[group+" "+status] = true
			expect("capa-apiserver-view", view, group, status, true, reads...)
		}
		expect("capa-apiserver-edit", edit, group, status, false, writes...)
		for name := range kind.Subresources {
			resource := kind.Plural + "/" + name
			named[group+" "+resource] = true
			expect("capa-apiserver-view", view, group, resource, false, "get", "create")
			expect("capa-apiserver-edit", edit, group, resource, kind.Namespaced, verbOf[name])
		}
	}
	for _, rule := range append(view, edit...) {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				if !named[group+" "+resource] {
					t.Errorf("manifests/base/rbac-users.yaml: take out %s.%s: no row of the server's table has it", resource, group)
				}
			}
		}
	}
}
