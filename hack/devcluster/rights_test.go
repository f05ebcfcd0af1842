package devcluster

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/build"
)

// unexercised are rights that the life of one cluster doesn't use, with the reason for which the server has them.
var unexercised = map[string]string{
	"create customresourcedefinitions.apiextensions.k8s.io":               "asked for beside patch when an apply creates",
	"create mutatingwebhookconfigurations.admissionregistration.k8s.io":   "asked for beside patch when an apply creates",
	"create validatingwebhookconfigurations.admissionregistration.k8s.io": "asked for beside patch when an apply creates",
	"patch apiservices.apiregistration.k8s.io":                            "the authority of the serving certificate changes",
	"delete apiservices.apiregistration.k8s.io":                           "somebody else comes to serve the group-version",
	"get namespaces":                      "an identity is for namespaces with a label; a namespace is too new for the cache",
	"patch machinepools.cluster.x-k8s.io": "somebody else scales the pool",
	"delete machines.cluster.x-k8s.io":    "an instance leaves a pool, with --machine-pool-machines",
	"patch events":                        "an Event is repeated",
	"update secrets":                      "the serving certificate is renewed",
	"update configmaps":                   "the registrar decides anew",
	"update services":                     "the address outside the cluster changes",
	"update resourcequotas/status":        "a namespace has a quota of these kinds",
}

// A watch starts with a list inside it where the host can do so; before Kubernetes 1.34 it asks for lists.
const inWatches = "list "

// request is what an audit line says about a request to the host.
type request struct {
	verb, resource, name string
}

// audited reads the requests of the server, and those that were refused.
func audited(t *testing.T, path string) (seen map[request]bool, refused []string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	seen = map[request]bool{}
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, len(raw)+1)
	for lines.Scan() {
		var line struct {
			Verb, RequestURI string
			ObjectRef        struct{ Resource, APIGroup, Name string }
			ResponseStatus   struct{ Code int }
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("%v: %s", err, lines.Text())
		}
		resource := strings.TrimSuffix(line.ObjectRef.Resource+"."+line.ObjectRef.APIGroup, ".")
		seen[request{line.Verb, resource, line.ObjectRef.Name}] = true
		seen[request{line.Verb, resource, ""}] = true
		if line.ResponseStatus.Code == 403 {
			refused = append(refused, line.Verb+" "+line.RequestURI)
		}
	}
	return seen, refused
}

// granted lists the rights of the server's own roles; a right to any name has none.
func granted(t *testing.T) []request {
	objects := rendered(t, "overlays/outside")
	bound := serverRoles(t, objects)
	var rules []rbacv1.PolicyRule
	for _, role := range typed[rbacv1.ClusterRole](t, objects, "ClusterRole") {
		if bound["ClusterRole "+role.Name] {
			rules = append(rules, role.Rules...)
		}
	}
	for _, role := range typed[rbacv1.Role](t, objects, "Role") {
		rules = append(rules, role.Rules...)
	}
	var all []request
	for _, rule := range rules {
		names := rule.ResourceNames
		if len(names) == 0 {
			names = []string{""}
		}
		for _, verb := range rule.Verbs {
			for _, resource := range rule.Resources {
				for _, name := range names {
					all = append(all, request{verb, strings.TrimSuffix(resource+"."+rule.APIGroups[0], "."), name})
				}
			}
		}
	}
	return all
}

// The whole local cluster, in which the server has the rights of manifests/ and no others.
func TestServerHasTheRightsItNeedsAndNoMore(t *testing.T) {
	c := newCommand(t)
	t.Cleanup(c.down)
	stdout, stderr, err := c.run("up", "--json")
	if err != nil {
		t.Fatalf("devcluster up: %v\n%s", err, stderr)
	}
	t.Log("\n" + stderr)
	var cluster Cluster
	if err := json.Unmarshal([]byte(stdout), &cluster); err != nil {
		t.Fatal(err)
	}
	usersRights(t, cluster)
	if out, err := kubectl(t, cluster, "", "delete", "cluster", quickstartName, "--timeout=2m"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := kubectl(t, cluster, "", "get", "awsclusters", "-A", "-o=name"); err != nil || out != "" {
		t.Errorf("left over: %q, %v", out, err)
	}

	seen, refused := audited(t, cluster.ServerAudit)
	if len(seen) == 0 {
		t.Fatal("no request of the server was written down")
	}
	if len(refused) > 0 {
		t.Errorf("the server was refused:\n%s", strings.Join(refused, "\n"))
	}
	serverLog, err := os.ReadFile(filepath.Join(cluster.Logs, build.Server+".log"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(serverLog, []byte("forbidden")) {
		t.Error("the server was refused something; see its log")
	}
	for _, unused := range needless(granted(t), seen) {
		t.Errorf("the server may %s and never does", unused)
	}
}

// usersRights: the kinds are in the cluster's own roles for people.
func usersRights(t *testing.T, cluster Cluster) {
	for user, role := range map[string]string{"an-editor": "edit", "a-viewer": "view"} {
		if out, err := kubectl(t, cluster, "", "create", "rolebinding", user, "--clusterrole="+role, "--user="+user); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	cases := []struct {
		user, verb, resource, want string
	}{
		{"an-editor", "create", "awsclusters", "yes"},
		{"an-editor", "get", "awsclusters", "yes"},
		{"an-editor", "update", "awsclusters/status", "no"},
		{"an-editor", "create", "awsclusterroleidentities", "no"},
		{"an-editor", "get", "awsmachines/console", "yes"},
		{"a-viewer", "get", "awsclusters", "yes"},
		{"a-viewer", "get", "awsmachines/console", "no"},
		{"a-viewer", "create", "awsclusters", "no"},
		{"nobody", "get", "awsclusters", "no"},
	}
	for _, c := range cases {
		// kubectl fails when the answer is no, so only the answer counts.
		resource, subresource, _ := strings.Cut(c.resource, "/")
		out, _ := kubectl(t, cluster, "", "auth", "can-i", c.verb, resource, "--subresource="+subresource, "--as="+c.user, "--as-group=system:authenticated")
		if lines := strings.Split(strings.TrimSpace(out), "\n"); lines[len(lines)-1] != c.want {
			t.Errorf("may %s %s %s: %s", c.user, c.verb, c.resource, out)
		}
	}
}

// needless lists rights that were neither used nor are known to be needed some other time.
func needless(rights []request, seen map[request]bool) []string {
	var list []string
	for _, right := range rights {
		what := right.verb + " " + right.resource
		inWatch := strings.HasPrefix(what, inWatches) && seen[request{"watch", right.resource, ""}]
		if seen[right] || unexercised[what] != "" || inWatch {
			continue
		}
		list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s", what, right.name)))
	}
	slices.Sort(list)
	return list
}

func TestRightNobodyUsesIsFound(t *testing.T) {
	seen := map[request]bool{
		{"watch", "clusters.cluster.x-k8s.io", ""}: true,
		{"get", "secrets", ""}:                     true,
		{"get", "configmaps", "mine"}:              true,
	}
	rights := []request{
		{"watch", "clusters.cluster.x-k8s.io", ""}, {"list", "clusters.cluster.x-k8s.io", ""}, {"get", "clusters.cluster.x-k8s.io", ""},
		{"get", "secrets", ""}, {"list", "secrets", ""}, {"get", "configmaps", "mine"}, {"get", "configmaps", "another's"}, {"update", "secrets", "mine"},
	}
	got := needless(rights, seen)
	want := []string{"get clusters.cluster.x-k8s.io", "get configmaps another's", "list secrets"}
	if !slices.Equal(got, want) {
		t.Errorf("found %q", got)
	}
}
