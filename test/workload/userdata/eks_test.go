package userdata

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/nodeconfig"
)

// published is user data as AWS's documentation and other tools write it.
const published = `MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="//"

--//
Content-Type: text/x-shellscript; charset="us-ascii"

#!/bin/bash
echo hello
--//
Content-Type: application/node.eks.aws

---
apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  cluster:
    name: my-cluster
    apiServerEndpoint: https://example.com
    certificateAuthority: Y2VydGlmaWNhdGVBdXRob3JpdHk=
    cidr: 10.100.0.0/16
  kubelet:
    config:
      maxPods: 17
    flags:
    - --node-labels=role=web,tier=front
    - --register-with-taints=dedicated=gpu:NoSchedule,x:NoExecute
--//
Content-Type: text/cloud-config

#cloud-config
write_files:
- path: /etc/motd
  content: hello
--//--
`

func TestNodeadmsPartIsRead(t *testing.T) {
	c, err := Parse([]byte(published))
	if err != nil {
		t.Fatal(err)
	}
	want := &EKS{Cluster: "my-cluster", Endpoint: "https://example.com", Authority: []byte("certificateAuthority"), Services: "10.100.0.0/16", Commands: []string{"#!/bin/bash", "echo hello"}}
	if d := cmp.Diff(want, c.EKS); d != "" {
		t.Error(d)
	}
	taints := []corev1.Taint{{Key: "dedicated", Value: "gpu", Effect: "NoSchedule"}, {Key: "x", Effect: "NoExecute"}}
	if !cmp.Equal(c.Labels(), map[string]string{"role": "web", "tier": "front"}) || !cmp.Equal(c.Taints(), taints) || c.Files["/etc/motd"] != "hello" {
		t.Errorf("labels %v, taints %v, files %v", c.Labels(), c.Taints(), c.Files)
	}
	if source, err := SourceOf([]byte(published)); err != nil || source.URL != "" || source.Secrets != nil {
		t.Errorf("the data is looked for elsewhere: %+v, %v", source, err)
	}
}

func TestACallOfBootstrapScriptIsRead(t *testing.T) {
	c, err := Parse([]byte(`#cloud-config
runcmd:
- echo before
- "/etc/eks/bootstrap.sh my-cluster --kubelet-extra-args '--node-labels=role=web --v=2' --b64-cluster-ca Y2E= --apiserver-endpoint https://example.com --dns-cluster-ip 10.0.0.10 --docker-config-json '{\"a\": \"it'\\''s\"}'"
`))
	if err != nil {
		t.Fatal(err)
	}
	want := &EKS{Cluster: "my-cluster", Endpoint: "https://example.com", Authority: []byte("ca"), Services: "10.0.0.10", Commands: []string{"echo before"}}
	if d := cmp.Diff(want, c.EKS); d != "" || c.Labels()["role"] != "web" {
		t.Errorf("labels %v\n%s", c.Labels(), d)
	}
}

func TestWhatJoinsNoEKSClusterIsRefused(t *testing.T) {
	call := func(arguments string) string {
		return "#cloud-config\nruncmd:\n- \"/etc/eks/bootstrap.sh " + arguments + "\"\n"
	}
	for name, data := range map[string]string{
		"a field that nodeadm doesn't know": strings.Replace(published, "maxPods: 17", "maxPods: 17\n    podsPerCore: 1", 1),
		"another kind":                      strings.Replace(published, "kind: NodeConfig", "kind: Node", 1),
		"no range for services":             strings.Replace(published, "cidr: 10.100.0.0/16", "", 1),
		"a flag without dashes":             strings.Replace(published, "--node-labels", "node-labels", 1),
		"a part that nobody reads":          strings.Replace(published, "text/cloud-config", "text/plain", 1),
		"no configuration":                  strings.Replace(published, "application/node.eks.aws", "text/cloud-config", 1),
		"no boundary at the end":            strings.TrimSuffix(published, "--//--\n"),
		"a script that isn't one":           strings.Replace(published, "#!/bin/bash", "echo", 1),
		"no name of a cluster":              call("--use-max-pods true"),
		"two names":                         call("a b"),
		"an option that it doesn't know":    call("a --node-labels x"),
		"an option without a value":         call("a --use-max-pods"),
		"an open quote":                     call("a --docker-config-json '{"),
		"a substitution":                    call("a --docker-config-json $(reboot)"),
		"IPv6 without a range":              call("a --ip-family ipv6"),
	} {
		t.Run(name, func(t *testing.T) {
			if c, err := Parse([]byte(data)); err == nil {
				t.Errorf("it was taken: %+v", c.EKS)
			}
		})
	}
}

// TestWhatTheServerWritesIsUnderstood reads what is written for a spec that has everything.
func TestWhatTheServerWritesIsUnderstood(t *testing.T) {
	cluster := nodeconfig.Cluster{Name: "default_c1", Endpoint: "https://example.com", CA: []byte("ca"), ServiceCIDR: "10.7.0.0/16"}
	files := bootstrapv1.CloudInit{Files: []bootstrapv1.File{{Path: "/etc/a", Content: "grüß\n"}, {Path: "/etc/b", Content: "\x00\xff"}}}
	raw := &runtime.RawExtension{Raw: []byte(`{"maxPods":58}`)}
	message, err := nodeconfig.Nodeadm(&bootstrapv1.NodeadmConfigSpec{CloudInit: files, PreNodeadmCommands: []string{"echo grüß", "--//"},
		Kubelet:    &bootstrapv1.KubeletOptions{Config: raw, Flags: []string{"--node-labels=role=web"}, MaxPodsExpression: "max_pods"},
		Containerd: &bootstrapv1.ContainerdOptions{Config: "a = 1", BaseRuntimeSpec: raw}, FeatureGates: map[string]bool{"FastImagePull": true},
		Instance: &bootstrapv1.InstanceOptions{LocalStorage: &bootstrapv1.LocalStorageOptions{Strategy: "RAID0"}, Environment: map[string]map[string]string{"default": {"A": "b"}}}}, cluster)
	if err != nil {
		t.Fatal(err)
	}
	call, err := nodeconfig.BootstrapScript(&bootstrapv1.EKSConfigSpec{CloudInit: files, KubeletExtraArgs: map[string]string{"node-labels": "role=web"}}, cluster)
	if err != nil {
		t.Fatal(err)
	}
	for services, data := range map[string][]byte{"10.7.0.0/16": message, "10.7.0.10": call} {
		c, err := Parse(data)
		if err != nil {
			t.Fatalf("%v:\n%s", err, data)
		}
		want := &EKS{Cluster: "default_c1", Endpoint: "https://example.com", Authority: []byte("ca"), Services: services, Commands: c.EKS.Commands}
		if d := cmp.Diff(want, c.EKS); d != "" {
			t.Error(d)
		}
		if c.Labels()["role"] != "web" || c.Files["/etc/a"] != "grüß\n" || c.Files["/etc/b"] != "\x00\xff" {
			t.Errorf("labels %v, files %q", c.Labels(), c.Files)
		}
	}
}
