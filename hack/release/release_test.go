package release

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func options(t *testing.T) Options {
	t.Helper()
	return Options{Repo: "../..", Out: t.TempDir(), Version: "v0.1.0", Image: "registry.example.com/capa-apiserver"}
}

func TestRepositoryHasWhatClusterctlReads(t *testing.T) {
	o := options(t)
	folder, err := Write(o)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(o.Out, "infrastructure-aws", "v0.1.0"); folder != want {
		t.Errorf("written to %s, want %s", folder, want)
	}
	if config, err := os.ReadFile(filepath.Join(o.Out, "clusterctl.yaml")); err != nil || !strings.Contains(string(config), "url: file://"+folder+"/infrastructure-components.yaml\n") {
		t.Errorf("clusterctl's configuration: %v\n%s", err, config)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	want := []string{"cluster-template.yaml", "clusterclass-eks.yaml", "clusterclass-multi-tenancy.yaml", "clusterclass-quick-start.yaml", "infrastructure-components-external-etcd.yaml", "infrastructure-components.yaml", "metadata.yaml"}
	for _, flavor := range []string{
		"dualstack-ipv4-primary", "dualstack-ipv6-primary", "eks", "eks-clusterclass", "eks-fargate", "eks-ipv6", "eks-machinepool", "eks-managedmachinepool",
		"eks-managedmachinepool-gpu", "eks-managedmachinepool-vpccni", "flatcar", "flatcar-machinepool", "ipv6", "machinepool", "multitenancy-clusterclass", "simple-clusterclass",
	} {
		want = append(want, "cluster-template-"+flavor+".yaml")
	}
	slices.Sort(want)
	slices.Sort(names)
	if !slices.Equal(names, want) {
		t.Errorf("it has\n%v, want\n%v", names, want)
	}
}

func TestComponentsNameTheImageAndKeepTheVariables(t *testing.T) {
	folder, err := Write(options(t))
	if err != nil {
		t.Fatal(err)
	}
	for file, also := range map[string]string{"infrastructure-components.yaml": "--data-dir=/var/lib/capa-apiserver\n", "infrastructure-components-external-etcd.yaml": "servers: ${CAPA_ETCD_SERVERS}\n"} {
		t.Run(file, func(t *testing.T) { componentsHave(t, filepath.Join(folder, file), also) })
	}
}

func componentsHave(t *testing.T, file, also string) {
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		also,
		"image: registry.example.com/capa-apiserver:v0.1.0\n", "credentials: ${AWS_B64ENCODED_CREDENTIALS}\n", "--v=${CAPA_LOGLEVEL:=0}\n", "key: ${K8S_CP_LABEL:=node-role.kubernetes.io/control-plane}",
		"--machine-pool-machines=${EXP_MACHINE_POOL_MACHINES:=false}\n", "${EXP_MACHINE_POOL:=nothing}", "${AWS_CONTROLLER_IAM_ROLE/#arn/eks.amazonaws.com/role-arn: arn}\n",
	} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("no %q", want)
		}
	}
	// clusterctl upgrade scales Deployments of a provider to nothing before it asks the API server for all that there is.
	if strings.Contains(string(raw), "kind: Deployment\n") {
		t.Error("the server would be scaled down by an upgrade")
	}
	// clusterctl moves them into the provider's namespace, where what they refer to isn't.
	for _, document := range bytes.Split(raw, []byte("\n---\n")) {
		if namespace := regexp.MustCompile(`(?m)^  namespace: (.*)$`).FindSubmatch(document); len(namespace) == 2 && string(namespace[1]) != "capa-system" {
			t.Errorf("this is in another namespace:\n%s", document)
		}
	}
}

func TestAConfigurationThatIsNoReleasesOwnStays(t *testing.T) {
	const folder = "/releases/infrastructure-aws/v0.2.0"
	ours := "providers:\n  - name: aws\n    type: InfrastructureProvider\n    url: file://" + folder + "/infrastructure-components.yaml\n"
	for name, c := range map[string]struct{ before, after, says string }{
		"there is none":           {"", ours, ""},
		"of an earlier release":   {strings.Replace(ours, "v0.2.0", "v0.1.0", 1), ours, ""},
		"with credentials":        {"AWS_B64ENCODED_CREDENTIALS: secret\n", "AWS_B64ENCODED_CREDENTIALS: secret\n", "stays as it is; add to it:\n" + ours},
		"ours, with more in it":   {ours + "GITHUB_TOKEN: secret\n", ours + "GITHUB_TOKEN: secret\n", "add to it:\n" + ours},
		"ours, with a second one": {ours + "  - name: x\n", ours + "  - name: x\n", "add to it:\n" + ours},
	} {
		t.Run(name, func(t *testing.T) {
			said := &bytes.Buffer{}
			o := Options{Out: t.TempDir()}
			path := filepath.Join(o.Out, "clusterctl.yaml")
			if c.before != "" {
				if err := os.WriteFile(path, []byte(c.before), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := o.clusterctl(folder, said); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(path); err != nil || string(got) != c.after {
				t.Errorf("it is %q, %v", got, err)
			}
			if !strings.Contains(said.String(), c.says) || c.says == "" && said.Len() > 0 {
				t.Errorf("it says %q", said)
			}
		})
	}
}

func TestMistakesSayWhatToWrite(t *testing.T) {
	for want, change := range map[string]func(*Options){
		"--out is needed":        func(o *Options) { o.Out = "" },
		"write it like v0.1.0":   func(o *Options) { o.Version = "latest" },
		"has no series 7.3":      func(o *Options) { o.Version = "v7.3.0" },
		"registry.example.com/":  func(o *Options) { o.Image = "capa-apiserver" },
		"write it without a tag": func(o *Options) { o.Image = "registry.example.com/capa-apiserver:v0.1.0" },
	} {
		o := options(t)
		change(&o)
		if _, err := Write(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want it to say %q", err, want)
		}
	}
}
