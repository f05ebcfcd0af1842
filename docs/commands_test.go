package docs

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/capa-apiserver/capa-apiserver/apiserver"
	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/cli"
)

// followed are the pages whose commands somebody types one after the other.
var followed = []string{"../README.md", "getting-started.md", "install.md", "iam.md", "from-capa.md", "operations.md", "../manifests/README.md"}

var (
	shell     = regexp.MustCompile("(?ms)^```sh\n(.*?)^```")
	comment   = regexp.MustCompile(`(?m)(^|\s)#.*$`)
	pieces    = regexp.MustCompile(`\n|\||&&|;|\$\(|\)`)
	variables = regexp.MustCompile(`\$\{([A-Z_0-9]+)\}`)
	exported  = regexp.MustCompile(`\b([A-Z][A-Z_0-9]+)=`)
)

// commands are those of a text, without pipes and what is around them.
func commands(text string) [][]string {
	text = strings.ReplaceAll(comment.ReplaceAllString(text, ""), "\\\n", " ")
	var all [][]string
	for _, piece := range pieces.Split(text, -1) {
		if words := strings.Fields(piece); len(words) > 0 {
			all = append(all, words)
		}
	}
	return all
}

func TestCommandsOfThePagesAreWhatThereIs(t *testing.T) {
	makefile := read(t, "../Makefile")
	known := resources()
	for _, page := range followed {
		for _, block := range shell.FindAllStringSubmatch(read(t, page), -1) {
			for _, words := range commands(block[1]) {
				var wrong string
				switch words[0] {
				case "make":
					if !regexp.MustCompile(`(?m)^` + words[1] + `:`).MatchString(makefile) {
						wrong = "no target of the Makefile"
					}
				case "clusterawsadm":
					wrong = refused(words[1:])
				case "kubectl":
					wrong = unknown(words[1:], known)
				case "go":
					if _, err := os.Stat(filepath.Join("..", words[len(words)-1])); err != nil {
						wrong = err.Error()
					}
				case "clusterctl":
					wrong = unfilled(t, words, block[1])
				}
				if wrong != "" {
					t.Errorf("%s: %s: %s", page, strings.Join(words, " "), wrong)
				}
			}
		}
	}
}

// refused says why clusterawsadm doesn't take arguments.
func refused(args []string) string {
	command, rest, err := cli.New(strings.NewReader("")).Find(args)
	if err == nil {
		err = command.ParseFlags(rest)
	}
	switch {
	case err != nil:
		return err.Error()
	case command.HasSubCommands():
		return "there is no such command"
	}
	return ""
}

// resources are the names by which kubectl knows our kinds, and Cluster API's that the pages name.
func resources() []string {
	names := []string{"cluster", "clusters", "machines", "machinedeployment", "machinepool", "configmap", "secret", "lease", "namespace", "nodes", "pods", "statefulset",
		"apiservice", "crd", "mutatingwebhookconfiguration", "validatingwebhookconfiguration", "validatingadmissionpolicy", "validatingadmissionpolicybinding",
		"deployment", "clusterrole", "clusterrolebinding", "serviceaccount", "service", "pod", "persistentvolumeclaim"}
	for _, k := range apiserver.Kinds() {
		names = append(append(names, k.Plural, k.Singular), k.ShortNames...)
	}
	return names
}

// unknown says which resource of a command nobody has.
func unknown(args, known []string) string {
	verb := slices.IndexFunc(args, func(a string) bool {
		return slices.Contains([]string{"get", "describe", "delete", "scale", "wait", "annotate", "explain"}, a)
	})
	if verb < 0 || slices.Contains(args, "--raw") || slices.Contains(args, "-f") {
		return ""
	}
	for _, a := range args[verb+1:] {
		if strings.HasPrefix(a, "-") {
			continue
		}
		for _, name := range strings.Split(a, ",") {
			name, _, _ = strings.Cut(name, "/")
			if name, _, _ = strings.Cut(name, "."); !slices.Contains(known, name) {
				return "nobody has a resource " + name
			}
		}
		return ""
	}
	return ""
}

// unfilled says which variables of a flavor a block neither exports nor gives by flags.
func unfilled(t *testing.T, words []string, block string) string {
	t.Helper()
	if len(words) < 3 || words[1] != "generate" {
		return ""
	}
	flavor := "default"
	if i := slices.Index(words, "--flavor"); i > 0 {
		flavor = words[i+1]
	}
	given := map[string]bool{"CLUSTER_NAME": true}
	for flag, name := range map[string]string{"--kubernetes-version": "KUBERNETES_VERSION", "--control-plane-machine-count": "CONTROL_PLANE_MACHINE_COUNT", "--worker-machine-count": "WORKER_MACHINE_COUNT"} {
		given[name] = slices.Contains(words, flag)
	}
	for _, m := range exported.FindAllStringSubmatch(block, -1) {
		given[m[1]] = true
	}
	wanted := map[string]bool{}
	wants(t, filepath.Join("../manifests/templates/flavors", flavor), wanted)
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if !given[name] {
			return "flavor " + flavor + " wants " + name
		}
	}
	return ""
}

// wants adds the variables without default of a kustomization.
func wants(t *testing.T, folder string, into map[string]bool) {
	t.Helper()
	files, err := fs.Glob(os.DirFS(folder), "*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v", folder, err)
	}
	for _, file := range files {
		text := read(t, filepath.Join(folder, file))
		for _, m := range variables.FindAllStringSubmatch(text, -1) {
			into[m[1]] = true
		}
		if file != "kustomization.yaml" {
			continue
		}
		var k struct{ Resources, Components []string }
		if err := yaml.Unmarshal([]byte(text), &k); err != nil {
			t.Fatal(err)
		}
		for _, further := range append(k.Resources, k.Components...) {
			if filepath.Ext(further) == "" {
				wants(t, filepath.Join(folder, further), into)
			}
		}
	}
}
