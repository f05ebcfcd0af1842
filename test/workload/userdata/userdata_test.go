package userdata

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSourceOfUserData(t *testing.T) {
	hook := func(prefix, last string) string {
		return "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"b\"\n\n--b\nContent-Type: text/cloud-boothook\n\n#!/bin/bash\nprefix='" + prefix +
			"'\nlast=" + last + "\n\n--b\nContent-Type: text/x-include-url\n\nfile:///x\n\n--b--\n"
	}
	for name, c := range map[string]struct {
		text string
		want Source
	}{
		"a boot hook of secrets":       {hook("aws.cluster.x-k8s.io/1", "1"), Source{Secrets: []string{"aws.cluster.x-k8s.io/1-0", "aws.cluster.x-k8s.io/1-1"}}},
		"a boot hook of parameters":    {hook("/cluster.x-k8s.io/1", "0"), Source{Secrets: []string{"/cluster.x-k8s.io/1/0"}}},
		"Ignition 2 takes in a config": {`{"ignition":{"version":"2.3.0","config":{"append":[{"source":"s3://b/k"}]}}}`, Source{URL: "s3://b/k"}},
		"Ignition 3 takes in a config": {`{"ignition":{"version":"3.1.0","config":{"merge":[{"source":"https://b/k"}]}}}`, Source{URL: "https://b/k"}},
		"a cloud-config is the data":   {"#cloud-config\n", Source{}},
		"an Ignition config is too":    {`{"ignition":{"version":"3.1.0"}}`, Source{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := SourceOf([]byte(c.text))
			if err != nil || !cmp.Equal(got, c.want) {
				t.Errorf("got %+v, %v, want %+v", got, err, c.want)
			}
		})
	}
	if _, err := SourceOf([]byte(strings.ReplaceAll(hook("x", "0"), "boothook", "config"))); err == nil {
		t.Error("user data without a boot hook must be an error")
	}
}

const initDocuments = `---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
clusterName: c
controlPlaneEndpoint: lb:6443
kubernetesVersion: v1.34.2
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
nodeRegistration:
  kubeletExtraArgs: [{name: node-labels, value: "a=1,b=2"}]
`

const joinDocument = `apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
controlPlane: {}
discovery:
  bootstrapToken: {apiServerEndpoint: "lb:6443", token: abc.def, caCertHashes: ["sha256:1"]}
nodeRegistration:
  kubeletExtraArgs: {node-labels: a=1}
`

func cloudConfig(path, content string) string {
	return "## template: jinja\n#cloud-config\nwrite_files:\n- path: " + path + "\n  encoding: base64\n  content: " +
		base64.StdEncoding.EncodeToString([]byte(content)) + "\nruncmd:\n- 'kubeadm init'\n"
}

func TestParseReadsKubeadmsConfiguration(t *testing.T) {
	initial, err := Parse([]byte(cloudConfig("/run/kubeadm/kubeadm.yaml", initDocuments)))
	if err != nil {
		t.Fatal(err)
	}
	if want := (&Init{ControlPlaneEndpoint: "lb:6443", ClusterName: "c", KubernetesVersion: "v1.34.2"}); !cmp.Equal(initial.Init, want) || initial.Join != nil {
		t.Errorf("got %+v and %+v, want %+v", initial.Init, initial.Join, want)
	}
	if want := map[string]string{"a": "1", "b": "2"}; !cmp.Equal(initial.Labels(), want) {
		t.Errorf("labels are %v, want %v", initial.Labels(), want)
	}
	if !strings.HasPrefix(initial.ClusterConfiguration, "apiVersion:") {
		t.Errorf("the ClusterConfiguration is %q", initial.ClusterConfiguration)
	}
	ignition := `{"ignition":{"version":"2.3.0"},"systemd":{"units":[{"name":"kubeadm.service","enabled":true}]},` +
		`"storage":{"files":[{"path":"/etc/kubeadm.yml","contents":{"source":"data:;base64,` + base64.StdEncoding.EncodeToString([]byte(joinDocument)) + `"}}]}}`
	join, err := Parse([]byte(ignition))
	if err != nil {
		t.Fatal(err)
	}
	want := &Join{Endpoint: "lb:6443", Token: "abc.def", CAHashes: []string{"sha256:1"}, ControlPlane: true}
	if !cmp.Equal(join.Join, want) || join.Init != nil || join.Labels()["a"] != "1" {
		t.Errorf("got %+v and %+v with labels %v, want %+v", join.Join, join.Init, join.Labels(), want)
	}
}

func TestParseRefusesWhatStartsNoNode(t *testing.T) {
	for name, data := range map[string]string{
		"a script":                        "#!/bin/bash\n",
		"nothing for kubeadm":             cloudConfig("/etc/motd", "hello"),
		"a file that isn't base64":        strings.Replace(cloudConfig("/run/kubeadm/x", ""), "content: ", "content: '!'", 1),
		"Ignition without a kubeadm unit": `{"ignition":{"version":"2.3.0"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse([]byte(data)); err == nil {
				t.Error("it was taken")
			}
		})
	}
}
