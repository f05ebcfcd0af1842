package userdata

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"sigs.k8s.io/yaml"
)

// Config is what a machine's kubeadm is told, or what has it join an EKS cluster.
type Config struct {
	// Files are those written before, by path.
	Files map[string]string
	// Init or Join is set.
	Init *Init
	Join *Join
	// ClusterConfiguration is kubeadm's document of that kind; only with Init.
	ClusterConfiguration string
	// EKS is set for nodes of EKS clusters, in place of Init and Join.
	EKS          *EKS
	registration registration
}

// Init is what kubeadm init needs of its ClusterConfiguration.
type Init struct {
	ControlPlaneEndpoint string `json:"controlPlaneEndpoint"`
	ClusterName          string `json:"clusterName"`
	KubernetesVersion    string `json:"kubernetesVersion"`
}

// Join is what kubeadm join needs.
type Join struct {
	Endpoint     string
	Token        string
	CAHashes     []string
	ControlPlane bool
}

// registration is how the kubelet registers the node. The arguments are a map or, in newer versions of kubeadm's API, a list.
type registration struct {
	Name string          `json:"name"`
	Args json.RawMessage `json:"kubeletExtraArgs"`
}

// Labels are those that the kubelet gives its node.
func (c *Config) Labels() map[string]string {
	labels := map[string]string{}
	for _, pair := range strings.Split(c.kubeletArgument("node-labels"), ",") {
		if name, value, ok := strings.Cut(pair, "="); ok {
			labels[name] = value
		}
	}
	return labels
}

func (c *Config) kubeletArgument(name string) string {
	var arguments map[string]string
	if json.Unmarshal(c.registration.Args, &arguments) == nil {
		return arguments[name]
	}
	var list []struct{ Name, Value string }
	_ = json.Unmarshal(c.registration.Args, &list) // no arguments are none
	for _, argument := range list {
		if argument.Name == name {
			return argument.Value
		}
	}
	return ""
}

// Parse reads bootstrap data in any format.
func Parse(data []byte) (*Config, error) {
	if isMessage(data) {
		return nodeadm(data)
	}
	var files map[string]string
	var err error
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		files, err = ignitionFiles(data)
	} else {
		var commands []string
		if files, commands, err = cloudInit(data); err == nil {
			joined := strings.Join(commands, "\n")
			switch {
			case strings.Contains(joined, "kubeadm"):
			case strings.Contains("\n"+joined, "\n"+bootstrapScript+" "):
				return bootstrapCall(commands, files)
			default:
				err = fmt.Errorf("cloud-config: no command runs kubeadm or bootstrap.sh: %v", commands)
			}
		}
	}
	if err != nil {
		return nil, err
	}
	c := &Config{Files: files}
	for path, content := range files {
		if !strings.Contains(path, "kubeadm") {
			continue
		}
		for _, document := range strings.Split("\n"+content, "\n---\n") {
			if err := c.read(document); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
		}
	}
	if (c.Init == nil) == (c.Join == nil) {
		return nil, errors.New("the bootstrap data must hold a ClusterConfiguration or a JoinConfiguration of kubeadm, and not both")
	}
	return c, nil
}

// read takes in one of kubeadm's documents.
func (c *Config) read(document string) error {
	var d struct {
		Kind         string       `json:"kind"`
		Registration registration `json:"nodeRegistration"`
		ControlPlane *struct{}    `json:"controlPlane"`
		Discovery    struct {
			BootstrapToken struct {
				APIServerEndpoint string   `json:"apiServerEndpoint"`
				Token             string   `json:"token"`
				CACertHashes      []string `json:"caCertHashes"`
			} `json:"bootstrapToken"`
		} `json:"discovery"`
		Init `json:",inline"`
	}
	// A document that isn't kubeadm's, such as a script, has no kind.
	if err := yaml.Unmarshal([]byte(document), &d); err != nil && strings.Contains(document, "kubeadm.k8s.io") {
		return err
	}
	switch d.Kind {
	case "ClusterConfiguration":
		c.Init, c.ClusterConfiguration = &d.Init, strings.TrimSpace(document)+"\n"
	case "InitConfiguration":
		c.registration = d.Registration
	case "JoinConfiguration":
		token := d.Discovery.BootstrapToken
		c.registration = d.Registration
		c.Join = &Join{Endpoint: token.APIServerEndpoint, Token: token.Token, CAHashes: token.CACertHashes, ControlPlane: d.ControlPlane != nil}
	}
	return nil
}

// cloudInit reads the files and commands of a cloud-config. A command that is a list is its words.
func cloudInit(data []byte) (map[string]string, []string, error) {
	if !bytes.Contains(data, []byte("#cloud-config")) {
		return nil, nil, errors.New("the bootstrap data is neither a #cloud-config nor an Ignition configuration")
	}
	var config struct {
		Files []struct {
			Path, Content, Encoding string
		} `json:"write_files"`
		Commands []any `json:"runcmd"`
	}
	if err := yaml.Unmarshal(data, &config); err != nil {
		return nil, nil, fmt.Errorf("cloud-config: %w", err)
	}
	var commands []string
	for _, command := range config.Commands {
		commands = append(commands, fmt.Sprint(command))
	}
	files := map[string]string{}
	for _, f := range config.Files {
		content := []byte(f.Content)
		var err error
		if strings.Contains(f.Encoding, "base64") {
			if content, err = base64.StdEncoding.DecodeString(f.Content); err != nil {
				return nil, nil, fmt.Errorf("cloud-config: %s: %w", f.Path, err)
			}
		}
		if strings.Contains(f.Encoding, "gzip") {
			reader, err := gzip.NewReader(bytes.NewReader(content))
			if err != nil {
				return nil, nil, fmt.Errorf("cloud-config: %s: %w", f.Path, err)
			}
			if content, err = io.ReadAll(reader); err != nil {
				return nil, nil, fmt.Errorf("cloud-config: %s: %w", f.Path, err)
			}
		}
		files[f.Path] = string(content)
	}
	return files, commands, nil
}

func ignitionFiles(data []byte) (map[string]string, error) {
	var config struct {
		Ignition struct{ Version string } `json:"ignition"`
		Storage  struct {
			Files []struct {
				Path     string
				Contents struct{ Source string }
			}
		} `json:"storage"`
		Systemd struct {
			Units []struct {
				Name    string
				Enabled bool
			}
		} `json:"systemd"`
	}
	if err := json.Unmarshal(data, &config); err != nil {
		return nil, fmt.Errorf("ignition: %w", err)
	}
	enabled := false
	for _, unit := range config.Systemd.Units {
		enabled = enabled || unit.Name == "kubeadm.service" && unit.Enabled
	}
	if !enabled {
		return nil, errors.New("ignition: kubeadm.service isn't enabled")
	}
	files := map[string]string{}
	for _, f := range config.Storage.Files {
		content, err := dataURL(f.Contents.Source)
		if err != nil {
			return nil, fmt.Errorf("ignition: %s: %w", f.Path, err)
		}
		files[f.Path] = content
	}
	return files, nil
}

// dataURL decodes "data:[type][;base64],text".
func dataURL(source string) (string, error) {
	head, body, ok := strings.Cut(source, ",")
	if !ok || !strings.HasPrefix(head, "data:") {
		return "", fmt.Errorf("%.40q is no data URL", source)
	}
	if strings.HasSuffix(head, ";base64") {
		decoded, err := base64.StdEncoding.DecodeString(body)
		return string(decoded), err
	}
	return url.PathUnescape(body)
}
