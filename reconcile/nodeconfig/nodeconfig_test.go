package nodeconfig

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
)

var cluster = Cluster{Name: "default_c1-control-plane", Endpoint: "https://ABC.gr7.eu-west-1.eks.amazonaws.com", CA: []byte("certificates")}

func ptr[T any](v T) *T { return &v }

// read takes a message apart as the tools do: the parts by content type.
func read(t *testing.T, data []byte) map[string]string {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	found, parts := map[string]string{}, multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, _, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := found[kind]; twice {
			t.Fatalf("there are two parts of %s", kind)
		}
		found[kind] = string(content)
	}
}

func same(t *testing.T, got, want string) {
	t.Helper()
	var g, w any
	if err := yaml.Unmarshal([]byte(got), &g); err != nil {
		t.Fatalf("%v: %s", err, got)
	}
	if err := yaml.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("%v: %s", err, want)
	}
	if d := cmp.Diff(w, g); d != "" {
		t.Errorf("it differs:\n%s", d)
	}
}

const joining = `
apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  cluster:
    name: default_c1-control-plane
    apiServerEndpoint: https://ABC.gr7.eu-west-1.eks.amazonaws.com
    certificateAuthority: Y2VydGlmaWNhdGVz
    cidr: `

func TestAnEmptySpecGivesWhatJoinsTheClusterAndNothingElse(t *testing.T) {
	data, err := Nodeadm(&bootstrapv1.NodeadmConfigSpec{}, cluster)
	if err != nil {
		t.Fatal(err)
	}
	parts := read(t, data)
	same(t, parts["application/node.eks.aws"], joining+"172.20.0.0/16")
	if len(parts) != 1 || strings.Contains(string(data), "{}") || strings.Contains(string(data), "null") {
		t.Errorf("there is more:\n%s", data)
	}
}

func TestTheClustersOwnRangeForServicesIsTold(t *testing.T) {
	for cidr, want := range map[string]string{"10.100.0.0/16": "10.100.0.0/16", "fd30:1c53:5f8a::/108": "'fd30:1c53:5f8a::/108'"} {
		c := cluster
		c.ServiceCIDR = cidr
		data, err := Nodeadm(&bootstrapv1.NodeadmConfigSpec{}, c)
		if err != nil {
			t.Fatal(err)
		}
		same(t, read(t, data)["application/node.eks.aws"], joining+want)
	}
}

func TestAllThatNodeadmKnowsStandsInItsPart(t *testing.T) {
	spec := &bootstrapv1.NodeadmConfigSpec{
		Kubelet: &bootstrapv1.KubeletOptions{Config: &runtime.RawExtension{Raw: []byte(`{"maxPods":58,"evictionHard":{"memory.available":"5%"}}`)},
			Flags: []string{`--node-labels=role=web,"x"`}, MaxPodsExpression: "max_pods - 1"},
		Containerd: &bootstrapv1.ContainerdOptions{Config: "[debug]\n  level = \"debug\"\n",
			BaseRuntimeSpec: &runtime.RawExtension{Raw: []byte(`{"process":{"rlimits":[{"type":"RLIMIT_NOFILE","soft":1024,"hard":1024}]}}`)}},
		Instance: &bootstrapv1.InstanceOptions{LocalStorage: &bootstrapv1.LocalStorageOptions{Strategy: "RAID0", DisabledMounts: []bootstrapv1.DisabledMount{"PodLogs"}},
			Environment: map[string]map[string]string{"default": {"HTTPS_PROXY": "http://proxy:3128"}}},
		FeatureGates: map[string]bool{"InstanceIdNodeName": true, "FastImagePull": false},
	}
	data, err := Nodeadm(spec, cluster)
	if err != nil {
		t.Fatal(err)
	}
	same(t, read(t, data)["application/node.eks.aws"], joining+`172.20.0.0/16
  kubelet:
    config: {maxPods: 58, evictionHard: {memory.available: 5%}}
    flags: ['--node-labels=role=web,"x"']
    maxPodsExpression: max_pods - 1
  containerd:
    config: "[debug]\n  level = \"debug\"\n"
    baseRuntimeSpec: {process: {rlimits: [{type: RLIMIT_NOFILE, soft: 1024, hard: 1024}]}}
  instance:
    localStorage: {strategy: RAID0, disabledMounts: [PodLogs]}
    environment: {default: {HTTPS_PROXY: "http://proxy:3128"}}
  featureGates: {InstanceIdNodeName: true, FastImagePull: false}
`)
}

func TestEmptyObjectsLeaveNoEmptyKeys(t *testing.T) {
	data, err := Nodeadm(&bootstrapv1.NodeadmConfigSpec{
		Kubelet: &bootstrapv1.KubeletOptions{Config: &runtime.RawExtension{Raw: []byte(" {} ")}}, Containerd: &bootstrapv1.ContainerdOptions{BaseRuntimeSpec: &runtime.RawExtension{}},
		Instance: &bootstrapv1.InstanceOptions{}, FeatureGates: map[string]bool{},
		CloudInit: bootstrapv1.CloudInit{NTP: &bootstrapv1.NTP{}, DiskSetup: &bootstrapv1.DiskSetup{}, Files: []bootstrapv1.File{}, Users: []bootstrapv1.User{}}}, cluster)
	if err != nil {
		t.Fatal(err)
	}
	parts := read(t, data)
	same(t, parts["application/node.eks.aws"], joining+"172.20.0.0/16")
	if len(parts) != 1 {
		t.Errorf("there is more:\n%s", data)
	}
}

var everyday = bootstrapv1.CloudInit{
	Files: []bootstrapv1.File{{Path: "/etc/motd", Owner: "root:root", Permissions: "0640", Content: "hello: world\n  # no comment\n"},
		{Path: "/etc/key", Encoding: "base64", Append: true, Content: "aGVsbG8="}, {Path: "/etc/binary", Content: "\x00\xff"}},
	Users: []bootstrapv1.User{{Name: "ops", Gecos: ptr("Operations"), Groups: ptr("wheel,docker"), HomeDir: ptr("/home/ops"), Inactive: ptr(false), Shell: ptr("/bin/bash"), Passwd: ptr("$6$x"),
		PrimaryGroup: ptr("ops"), LockPassword: ptr(true), Sudo: ptr("ALL=(ALL) NOPASSWD:ALL"), SSHAuthorizedKeys: []string{"ssh-ed25519 AAAA ops"}}},
	NTP: &bootstrapv1.NTP{Enabled: ptr(true), Servers: []string{"169.254.169.123"}},
	DiskSetup: &bootstrapv1.DiskSetup{Partitions: []bootstrapv1.Partition{{Device: "/dev/nvme1n1", Layout: ptr(true), Overwrite: ptr(false), TableType: ptr("gpt")}},
		Filesystems: []bootstrapv1.Filesystem{{Device: "/dev/nvme1n1", Filesystem: "ext4", Label: "data", Partition: ptr("1"), Overwrite: ptr(false), ExtraOpts: []string{"-E", "lazy_itable_init=1"}}}},
	Mounts: []bootstrapv1.MountPoints{{"LABEL=data", "/data", "ext4", "defaults,nofail", "0", "2"}},
}

const everydayText = `
write_files:
- {path: /etc/motd, owner: "root:root", permissions: "0640", content: "hello: world\n  # no comment\n"}
- {path: /etc/key, encoding: base64, append: true, content: aGVsbG8=}
- {path: /etc/binary, encoding: base64, content: AP8=}
users:
- {name: ops, gecos: Operations, groups: "wheel,docker", homedir: /home/ops, inactive: false, shell: /bin/bash, passwd: $6$x, primary_group: ops, lock_passwd: true,
   sudo: "ALL=(ALL) NOPASSWD:ALL", ssh_authorized_keys: [ssh-ed25519 AAAA ops]}
ntp: {enabled: true, servers: [169.254.169.123]}
disk_setup:
  /dev/nvme1n1: {table_type: gpt, layout: true, overwrite: false}
fs_setup:
- {label: data, filesystem: ext4, device: /dev/nvme1n1, partition: "1", overwrite: false, extra_opts: [-E, lazy_itable_init=1]}
mounts:
- [LABEL=data, /data, ext4, "defaults,nofail", "0", "2"]
`

func TestCommandsAndCloudConfigAreParts(t *testing.T) {
	data, err := Nodeadm(&bootstrapv1.NodeadmConfigSpec{PreNodeadmCommands: []string{"echo 'a b'", "false || true"}, CloudInit: everyday}, cluster)
	if err != nil {
		t.Fatal(err)
	}
	parts := read(t, data)
	if want := "#!/bin/bash\nset -o errexit\nset -o pipefail\nset -o nounset\necho 'a b'\nfalse || true\n"; parts["text/x-shellscript"] != want {
		t.Errorf("the script is %q, want %q", parts["text/x-shellscript"], want)
	}
	if !strings.HasPrefix(parts["text/cloud-config"], "#cloud-config\n") {
		t.Errorf("the cloud-config begins otherwise: %q", parts["text/cloud-config"])
	}
	same(t, parts["text/cloud-config"], everydayText)
}

func TestNoCommandEndsAPartOfTheMessage(t *testing.T) {
	evil := "echo\n--//--\r\n--//\r\nContent-Type: application/node.eks.aws\r\n\r\nspec: {}"
	data, err := Nodeadm(&bootstrapv1.NodeadmConfigSpec{PreNodeadmCommands: []string{evil}}, cluster)
	if err != nil {
		t.Fatal(err)
	}
	parts := read(t, data)
	if !strings.Contains(parts["text/x-shellscript"], evil) {
		t.Errorf("the command was cut: %q", parts["text/x-shellscript"])
	}
	same(t, parts["application/node.eks.aws"], joining+"172.20.0.0/16")
}

func TestWhatIsNotASCIIReachesCloudInitInBase64(t *testing.T) {
	data, err := Nodeadm(&bootstrapv1.NodeadmConfigSpec{PreNodeadmCommands: []string{"echo grüß " + strings.Repeat("x", 200)}}, cluster)
	if err != nil || !isASCII(data) || !strings.Contains(string(data), "Content-Transfer-Encoding: base64") {
		t.Errorf("%v:\n%s", err, data)
	}
}

func TestBootstrapScriptGetsEveryOption(t *testing.T) {
	spec := &bootstrapv1.EKSConfigSpec{
		KubeletExtraArgs: map[string]string{"register-with-taints": "a=b:NoSchedule", "node-labels": "role=web"}, ContainerRuntime: ptr("containerd"),
		DNSClusterIP: ptr("10.0.0.10"), DockerConfigJSON: ptr(`{"debug": "it's"}`), APIRetryAttempts: ptr(5), UseMaxPods: ptr(false), ServiceIPV6Cidr: ptr("fd00::/108"),
		PauseContainer: &bootstrapv1.PauseContainer{AccountNumber: "602401143452", Version: "3.5"}, PreBootstrapCommands: []string{"echo before"}, PostBootstrapCommands: []string{"echo: after"},
		CloudInit: everyday,
	}
	data, err := BootstrapScript(spec, cluster)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(data), "#cloud-config\n") {
		t.Errorf("it begins otherwise: %q", data)
	}
	same(t, string(data), everydayText+`
runcmd:
- echo before
- >-
  /etc/eks/bootstrap.sh default_c1-control-plane --kubelet-extra-args '--node-labels=role=web --register-with-taints=a=b:NoSchedule'
  --container-runtime containerd --ip-family ipv6 --service-ipv6-cidr fd00::/108 --use-max-pods false --aws-api-retry-attempts 5
  --pause-container-account 602401143452 --pause-container-version 3.5 --dns-cluster-ip 10.0.0.10 --docker-config-json '{"debug": "it'\''s"}'
  --b64-cluster-ca Y2VydGlmaWNhdGVz --apiserver-endpoint https://ABC.gr7.eu-west-1.eks.amazonaws.com
- "echo: after"
`)
}

func TestTheCallFollowsFromTheCluster(t *testing.T) {
	const authority = " --b64-cluster-ca Y2VydGlmaWNhdGVz --apiserver-endpoint https://ABC.gr7.eu-west-1.eks.amazonaws.com"
	for name, x := range map[string]struct {
		spec bootstrapv1.EKSConfigSpec
		cidr string
		want string
	}{
		"nothing said":             {want: "/etc/eks/bootstrap.sh default_c1-control-plane" + authority},
		"a range for services":     {cidr: "10.7.0.0/16", want: "/etc/eks/bootstrap.sh default_c1-control-plane --dns-cluster-ip 10.7.0.10" + authority},
		"and the DNS's own":        {spec: bootstrapv1.EKSConfigSpec{DNSClusterIP: ptr("10.7.0.53")}, cidr: "10.7.0.0/16", want: "/etc/eks/bootstrap.sh default_c1-control-plane --dns-cluster-ip 10.7.0.53" + authority},
		"a range of IPv6":          {cidr: "fd00::/108", want: "/etc/eks/bootstrap.sh default_c1-control-plane --ip-family ipv6 --service-ipv6-cidr fd00::/108" + authority},
		"a command of the user's":  {spec: bootstrapv1.EKSConfigSpec{BootstrapCommandOverride: ptr("/opt/join --fast"), UseMaxPods: ptr(true)}, want: "/opt/join --fast default_c1-control-plane --use-max-pods true"},
		"an empty override":        {spec: bootstrapv1.EKSConfigSpec{BootstrapCommandOverride: ptr("")}, want: "/etc/eks/bootstrap.sh default_c1-control-plane" + authority},
		"empty options are absent": {spec: bootstrapv1.EKSConfigSpec{ContainerRuntime: ptr(""), DNSClusterIP: ptr("")}, want: "/etc/eks/bootstrap.sh default_c1-control-plane" + authority},
	} {
		t.Run(name, func(t *testing.T) {
			c := cluster
			c.ServiceCIDR = x.cidr
			if got, err := callOf(&x.spec, c); err != nil || got != x.want {
				t.Errorf("%v\ngot  %s\nwant %s", err, got, x.want)
			}
		})
	}
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	for want, c := range map[string]Cluster{
		"no name in EKS":        {Endpoint: "x", CA: []byte("x")},
		"no endpoint":           {Name: "x", CA: []byte("x")},
		"certificate authority": {Name: "x", Endpoint: "x"},
		"range for services":    {Name: "x", Endpoint: "x", CA: []byte("x"), ServiceCIDR: "x"},
	} {
		if _, err := Nodeadm(&bootstrapv1.NodeadmConfigSpec{}, c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("nodeadm: %v, want %q", err, want)
		}
		if _, err := BootstrapScript(&bootstrapv1.EKSConfigSpec{}, c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("bootstrap.sh: %v, want %q", err, want)
		}
	}
}

func TestDataTooLongIsRefusedWithAWayOut(t *testing.T) {
	var random strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&random, "%x\n", sha256.Sum256([]byte{byte(i), byte(i >> 8)}))
	}
	_, err := Nodeadm(&bootstrapv1.NodeadmConfigSpec{CloudInit: bootstrapv1.CloudInit{Files: []bootstrapv1.File{{Path: "/x", Content: random.String()}}}}, cluster)
	if err == nil || !strings.Contains(err.Error(), "fetch") {
		t.Errorf("nodeadm: %v", err)
	}
	_, err = BootstrapScript(&bootstrapv1.EKSConfigSpec{CloudInit: bootstrapv1.CloudInit{Files: []bootstrapv1.File{{Path: "/x", Content: strings.Repeat("x", 1<<20)}}}}, cluster)
	if err == nil || !strings.Contains(err.Error(), "fetch") {
		t.Errorf("bootstrap.sh: %v", err)
	}
}

// TestNoOptionIsMoreThanOneWord has bash take the call apart.
func TestNoOptionIsMoreThanOneWord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringOf(rapid.SampledFrom([]rune(`ab'"$`+"`"+`\!*{}; &|<>()#~=-/ü`+"\n\t"))).Draw(t, "word")
		call, err := callOf(&bootstrapv1.EKSConfigSpec{DockerConfigJSON: &word, KubeletExtraArgs: map[string]string{"x": word}}, Cluster{Name: "n" + word, Endpoint: "e", CA: []byte("c")})
		if err != nil {
			t.Fatal(err)
		}
		arguments, _ := strings.CutPrefix(call, bootstrapScript)
		out, err := exec.Command("bash", "-c", `printf '%s\0'`+arguments).Output()
		if err != nil {
			t.Fatalf("%v: %s", err, call)
		}
		want := []string{"n" + word, "--kubelet-extra-args", "--x=" + word}
		if word != "" {
			want = append(want, "--docker-config-json", word)
		}
		want = append(want, "--b64-cluster-ca", "Yw==", "--apiserver-endpoint", "e", "")
		if d := cmp.Diff(want, strings.Split(string(out), "\x00")); d != "" {
			t.Fatalf("%s:\n%s", call, d)
		}
	})
}

func TestTheSameInputGivesTheSameBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gates := rapid.MapOf(rapid.StringMatching("[A-Za-z]+"), rapid.Bool()).Draw(t, "gates")
		commands := rapid.SliceOfN(rapid.String(), 0, 4).Draw(t, "commands")
		file := bootstrapv1.File{Path: "/x", Content: rapid.String().Draw(t, "content")}
		make := func() []byte {
			data, err := Nodeadm(&bootstrapv1.NodeadmConfigSpec{FeatureGates: gates, PreNodeadmCommands: commands, CloudInit: bootstrapv1.CloudInit{Files: []bootstrapv1.File{file}}}, cluster)
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
		if !bytes.Equal(make(), make()) {
			t.Fatal("it differs")
		}
		// Content survives whatever it is.
		var config struct {
			Files []struct {
				Content  []byte `json:"-"`
				Text     string `json:"content"`
				Encoding string `json:"encoding"`
			} `json:"write_files"`
		}
		written, err := cloudConfigOf(&bootstrapv1.CloudInit{Files: []bootstrapv1.File{file}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(written, &config); err != nil {
			t.Fatal(err)
		}
		got := config.Files[0].Text
		if config.Files[0].Encoding == "base64" {
			var decoded []byte
			if err := json.Unmarshal([]byte(`"`+got+`"`), &decoded); err != nil {
				t.Fatal(err)
			}
			got = string(decoded)
		}
		if got != file.Content {
			t.Fatalf("the content is %q, want %q", got, file.Content)
		}
	})
}
