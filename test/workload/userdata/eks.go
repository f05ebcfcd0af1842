package userdata

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// EKS is what a node is told of the EKS cluster that it joins.
type EKS struct {
	// Cluster is its name in EKS.
	Cluster string
	// Endpoint and Authority are those of its API server; empty where bootstrap.sh asks EKS for them.
	Endpoint  string
	Authority []byte
	// Services is its range for services, or the address of its DNS where bootstrap.sh is told that; empty where it guesses.
	Services string
	// Commands are run before the node joins.
	Commands []string
}

const nodeConfigType = "application/node.eks.aws"

// isMessage tells whether text is a MIME message.
func isMessage(text []byte) bool { return bytes.HasPrefix(text, []byte("MIME-Version:")) }

// part is one of a message, decoded.
type part struct {
	kind    string
	content []byte
}

// parts takes a MIME message apart.
func parts(text []byte) ([]part, error) {
	message, err := mail.ReadMessage(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("user data: %w", err)
	}
	_, parameters, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil {
		return nil, fmt.Errorf("user data: %w", err)
	}
	var all []part
	reader := multipart.NewReader(message.Body, parameters["boundary"])
	for {
		p, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("user data: %w", err)
		}
		kind, _, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if err != nil {
			return nil, fmt.Errorf("user data: %w", err)
		}
		content, err := io.ReadAll(p)
		if err != nil {
			return nil, fmt.Errorf("user data: %w", err)
		}
		// nodeadm reads its part as it is.
		if p.Header.Get("Content-Transfer-Encoding") == "base64" && kind != nodeConfigType {
			if content, err = base64.StdEncoding.DecodeString(strings.ReplaceAll(string(content), "\n", "")); err != nil {
				return nil, fmt.Errorf("user data: %w", err)
			}
		}
		all = append(all, part{kind, content})
	}
}

// nodeConfig is nodeadm's document.
type nodeConfig struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Spec       struct {
		Cluster struct {
			Name      string `json:"name"`
			Endpoint  string `json:"apiServerEndpoint"`
			Authority []byte `json:"certificateAuthority"`
			CIDR      string `json:"cidr"`
		} `json:"cluster"`
		Kubelet struct {
			Config            map[string]any `json:"config"`
			Flags             []string       `json:"flags"`
			MaxPodsExpression string         `json:"maxPodsExpression"`
		} `json:"kubelet"`
		Containerd struct {
			Config          string         `json:"config"`
			BaseRuntimeSpec map[string]any `json:"baseRuntimeSpec"`
		} `json:"containerd"`
		Instance struct {
			LocalStorage struct {
				Strategy       string   `json:"strategy"`
				MountPath      string   `json:"mountPath"`
				DisabledMounts []string `json:"disabledMounts"`
			} `json:"localStorage"`
			Environment map[string]map[string]string `json:"environment"`
		} `json:"instance"`
		FeatureGates map[string]bool `json:"featureGates"`
	} `json:"spec"`
}

// nodeadm reads a message as nodeadm and cloud-init do, each its parts.
func nodeadm(data []byte) (*Config, error) {
	all, err := parts(data)
	if err != nil {
		return nil, err
	}
	c := &Config{EKS: &EKS{}}
	found := false
	for _, p := range all {
		switch p.kind {
		case nodeConfigType:
			if found {
				return nil, errors.New("nodeadm: there are two configurations")
			}
			found = true
			err = c.nodeConfig(p.content)
		case "text/cloud-config":
			c.Files, _, err = cloudInit(p.content)
		case "text/x-shellscript":
			if !bytes.HasPrefix(p.content, []byte("#!")) {
				err = errors.New("cloud-init: the script has no #! at its beginning, so nothing runs it")
			}
			c.EKS.Commands = strings.Split(strings.TrimSpace(string(p.content)), "\n")
		default:
			err = fmt.Errorf("cloud-init: nobody reads a part of type %s", p.kind)
		}
		if err != nil {
			return nil, err
		}
	}
	if !found {
		return nil, fmt.Errorf("nodeadm: no part has the type %s", nodeConfigType)
	}
	return c, nil
}

func (c *Config) nodeConfig(text []byte) error {
	var d nodeConfig
	if err := yaml.UnmarshalStrict(text, &d); err != nil {
		return fmt.Errorf("nodeadm: %w", err)
	}
	at := d.Spec.Cluster
	switch {
	case d.APIVersion != "node.eks.aws/v1alpha1" || d.Kind != "NodeConfig":
		return fmt.Errorf("nodeadm: %s %s is no NodeConfig", d.APIVersion, d.Kind)
	case at.Name == "" || at.Endpoint == "" || len(at.Authority) == 0 || at.CIDR == "":
		return fmt.Errorf("nodeadm: name, apiServerEndpoint, certificateAuthority and cidr of the cluster must be given: %+v", at)
	}
	c.EKS.Cluster, c.EKS.Endpoint, c.EKS.Authority, c.EKS.Services = at.Name, at.Endpoint, at.Authority, at.CIDR
	return c.kubelet(d.Spec.Kubelet.Flags)
}

// kubelet keeps the kubelet's arguments as the registration has them.
func (c *Config) kubelet(flags []string) error {
	arguments := map[string]string{}
	for _, flag := range flags {
		name, value, _ := strings.Cut(flag, "=")
		if !strings.HasPrefix(name, "-") {
			return fmt.Errorf("kubelet: unknown argument %q", flag)
		}
		arguments[strings.TrimLeft(name, "-")] = value
	}
	var err error
	c.registration.Args, err = json.Marshal(arguments)
	return err
}

// Taints are those with which the kubelet registers its node.
func (c *Config) Taints() []corev1.Taint {
	var taints []corev1.Taint
	for _, text := range strings.Split(c.kubeletArgument("register-with-taints"), ",") {
		if pair, effect, ok := strings.Cut(text, ":"); ok {
			key, value, _ := strings.Cut(pair, "=")
			taints = append(taints, corev1.Taint{Key: key, Value: value, Effect: corev1.TaintEffect(effect)})
		}
	}
	return taints
}

const bootstrapScript = "/etc/eks/bootstrap.sh"

// scriptOptions are those that bootstrap.sh knows.
var scriptOptions = []string{"kubelet-extra-args", "container-runtime", "ip-family", "service-ipv6-cidr", "use-max-pods", "aws-api-retry-attempts",
	"pause-container-account", "pause-container-version", "dns-cluster-ip", "docker-config-json", "b64-cluster-ca", "apiserver-endpoint"}

// bootstrapCall reads the commands of a cloud-config that call bootstrap.sh.
func bootstrapCall(commands []string, files map[string]string) (*Config, error) {
	i := slices.IndexFunc(commands, func(command string) bool { return strings.HasPrefix(command, bootstrapScript+" ") })
	c := &Config{Files: files, EKS: &EKS{Commands: commands[:i]}}
	words, err := split(commands[i])
	if err != nil {
		return nil, fmt.Errorf("bootstrap.sh: %w", err)
	}
	options, err := optionsOf(words[1:], &c.EKS.Cluster)
	if err != nil {
		return nil, fmt.Errorf("bootstrap.sh: %w", err)
	}
	c.EKS.Endpoint = options["apiserver-endpoint"]
	if c.EKS.Authority, err = base64.StdEncoding.DecodeString(options["b64-cluster-ca"]); err != nil {
		return nil, fmt.Errorf("bootstrap.sh: --b64-cluster-ca: %w", err)
	}
	for _, name := range []string{"service-ipv6-cidr", "dns-cluster-ip"} {
		if options[name] != "" {
			c.EKS.Services = options[name]
		}
	}
	if options["ip-family"] == "ipv6" && options["service-ipv6-cidr"] == "" {
		return nil, errors.New("bootstrap.sh: --service-ipv6-cidr must be provided when --ip-family is specified as ipv6")
	}
	return c, c.kubelet(strings.Fields(options["kubelet-extra-args"]))
}

func optionsOf(words []string, cluster *string) (map[string]string, error) {
	options := map[string]string{}
	for len(words) > 0 {
		name, isOption := strings.CutPrefix(words[0], "--")
		switch {
		case !isOption && *cluster != "":
			return nil, fmt.Errorf("one name of a cluster is wanted: %q", words[0])
		case !isOption:
			*cluster, words = words[0], words[1:]
		case !slices.Contains(scriptOptions, name) || len(words) < 2:
			return nil, fmt.Errorf("--%s isn't known, or has no value", name)
		default:
			options[name], words = words[1], words[2:]
		}
	}
	if *cluster == "" {
		return nil, errors.New("CLUSTER_NAME is not defined")
	}
	return options, nil
}

// split takes a command apart as a shell does, as far as single quotes and backslashes go.
func split(command string) ([]string, error) {
	var words []string
	word, within, quoted := "", false, false
	for i := 0; i < len(command); i++ {
		switch b := command[i]; {
		case b == '\'':
			quoted, within = !quoted, true
		case quoted:
			word += string(b)
		case b == '\\' && i+1 < len(command):
			i++
			word, within = word+string(command[i]), true
		case b == ' ' || b == '\t' || b == '\n':
			if within {
				words = append(words, word)
			}
			word, within = "", false
		case strings.IndexByte("$`\"|&;<>()", b) >= 0:
			return nil, fmt.Errorf("a shell makes something else of %q", string(b))
		default:
			word, within = word+string(b), true
		}
	}
	if quoted {
		return nil, errors.New("a quote isn't closed")
	}
	if within {
		words = append(words, word)
	}
	return words, nil
}
