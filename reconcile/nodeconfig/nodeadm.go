package nodeconfig

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"mime/multipart"
	"net/textproto"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bootstrap"
)

// nodeConfig is nodeadm's configuration, as far as configurations have it.
// https://awslabs.github.io/amazon-eks-ami/nodeadm/doc/api/
type nodeConfig struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Spec       nodeConfigSpec `json:"spec"`
}

type nodeConfigSpec struct {
	Cluster      clusterDetails  `json:"cluster"`
	FeatureGates map[string]bool `json:"featureGates,omitempty"`
	Kubelet      kubelet         `json:"kubelet,omitzero"`
	Containerd   containerd      `json:"containerd,omitzero"`
	Instance     instanceOptions `json:"instance,omitzero"`
}

type clusterDetails struct {
	Name      string `json:"name"`
	Endpoint  string `json:"apiServerEndpoint"`
	Authority []byte `json:"certificateAuthority"`
	CIDR      string `json:"cidr"`
}

type kubelet struct {
	Config            json.RawMessage `json:"config,omitempty"`
	Flags             []string        `json:"flags,omitempty"`
	MaxPodsExpression string          `json:"maxPodsExpression,omitempty"`
}

func (k kubelet) IsZero() bool {
	return len(k.Config) == 0 && len(k.Flags) == 0 && k.MaxPodsExpression == ""
}

type containerd struct {
	Config          string          `json:"config,omitempty"`
	BaseRuntimeSpec json.RawMessage `json:"baseRuntimeSpec,omitempty"`
}

func (c containerd) IsZero() bool { return c.Config == "" && len(c.BaseRuntimeSpec) == 0 }

type instanceOptions struct {
	LocalStorage *localStorage                `json:"localStorage,omitempty"`
	Environment  map[string]map[string]string `json:"environment,omitempty"`
}

func (i instanceOptions) IsZero() bool { return i.LocalStorage == nil && len(i.Environment) == 0 }

type localStorage struct {
	Strategy       string   `json:"strategy"`
	MountPath      string   `json:"mountPath,omitempty"`
	DisabledMounts []string `json:"disabledMounts,omitempty"`
}

// part is one of a message: its headers, and its content.
type part struct {
	contentType, filename string
	content               []byte
}

// Nodeadm returns a MIME message: a script of the commands that are run before, the
// configuration of nodeadm, and a cloud-config. Secrets that the spec refers to must have been
// filled in. The error says what is missing, or too long.
func Nodeadm(spec *bootstrapv1.NodeadmConfigSpec, c Cluster) ([]byte, error) {
	config, err := nodeConfigOf(spec, c)
	if err != nil {
		return nil, err
	}
	var parts []part
	if len(spec.PreNodeadmCommands) > 0 {
		parts = append(parts, part{`text/x-shellscript; charset="us-ascii"`, "commands.sh", script(spec.PreNodeadmCommands)})
	}
	parts = append(parts, part{"application/node.eks.aws", "", config})
	cloud, err := cloudConfigOf(&spec.CloudInit, nil)
	if err != nil {
		return nil, err
	}
	if len(cloud) > 0 {
		parts = append(parts, part{"text/cloud-config", "cloud-config.yaml", cloud})
	}
	data, err := message(parts)
	if err != nil {
		return nil, err
	}
	// nodeadm reads user data alone, and so nothing that is kept elsewhere.
	if bootstrap.Fits(bootstrap.Compress(data)) != nil {
		return nil, errors.New("the bootstrap data is longer than user data of EC2 may be, compressed: have spec.preNodeadmCommands fetch what is large, or put it into the image")
	}
	return data, nil
}

// script ends with the first command that fails, as existing tools' do.
func script(commands []string) []byte {
	return []byte("#!/bin/bash\nset -o errexit\nset -o pipefail\nset -o nounset\n" + strings.Join(commands, "\n") + "\n")
}

func nodeConfigOf(spec *bootstrapv1.NodeadmConfigSpec, c Cluster) ([]byte, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	services, _, err := c.serviceRange()
	if err != nil {
		return nil, err
	}
	out := nodeConfig{APIVersion: "node.eks.aws/v1alpha1", Kind: "NodeConfig", Spec: nodeConfigSpec{
		Cluster:      clusterDetails{Name: c.Name, Endpoint: c.Endpoint, Authority: c.CA, CIDR: services.String()},
		FeatureGates: spec.FeatureGates,
	}}
	if k := spec.Kubelet; k != nil {
		out.Spec.Kubelet = kubelet{Config: raw(k.Config), Flags: k.Flags, MaxPodsExpression: k.MaxPodsExpression}
	}
	if c := spec.Containerd; c != nil {
		out.Spec.Containerd = containerd{Config: c.Config, BaseRuntimeSpec: raw(c.BaseRuntimeSpec)}
	}
	if i := spec.Instance; i != nil {
		out.Spec.Instance.Environment = i.Environment
		if s := i.LocalStorage; s != nil {
			out.Spec.Instance.LocalStorage = &localStorage{Strategy: string(s.Strategy), MountPath: s.MountPath}
			for _, m := range s.DisabledMounts {
				out.Spec.Instance.LocalStorage.DisabledMounts = append(out.Spec.Instance.LocalStorage.DisabledMounts, string(m))
			}
		}
	}
	text, err := yaml.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("the configuration of nodeadm: %w", err)
	}
	return append([]byte("---\n"), text...), nil
}

// raw is an object that users wrote; nothing for none, and for an empty one.
func raw(x *runtime.RawExtension) json.RawMessage {
	if x == nil {
		return nil
	}
	text := bytes.TrimSpace(x.Raw)
	if s := string(text); s == "" || s == "{}" || s == "null" {
		return nil
	}
	return text
}

// usualBoundary is the one that existing tools write.
const usualBoundary = "//"

// message puts the parts together. A part that cloud-init reads is text of ASCII there, and
// others come in base64; nodeadm reads its part as it is.
func message(parts []part) ([]byte, error) {
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	if err := w.SetBoundary(boundaryOf(parts)); err != nil {
		return nil, err
	}
	fmt.Fprintf(&out, "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=%q\r\n\r\n", w.Boundary())
	for _, p := range parts {
		headers, content := textproto.MIMEHeader{"Content-Type": {p.contentType}}, p.content
		if p.filename != "" {
			encoding := "7bit"
			if !isASCII(content) {
				encoding, content = "base64", lines(base64.StdEncoding.EncodeToString(content))
			}
			headers.Set("MIME-Version", "1.0")
			headers.Set("Content-Transfer-Encoding", encoding)
			headers.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", p.filename))
		}
		body, err := w.CreatePart(headers)
		if err != nil {
			return nil, err
		}
		if _, err := body.Write(content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// boundaryOf is a boundary that no part contains.
func boundaryOf(parts []part) string {
	hash, taken := sha256.New(), false
	for _, p := range parts {
		hash.Write(p.content)
		taken = taken || bytes.Contains(p.content, []byte("--"+usualBoundary))
	}
	if !taken {
		return usualBoundary
	}
	return hex.EncodeToString(hash.Sum(nil)[:16])
}

// lines breaks base64 where mail does.
func lines(text string) []byte {
	const length = 76
	var out bytes.Buffer
	for len(text) > length {
		out.WriteString(text[:length] + "\n")
		text = text[length:]
	}
	out.WriteString(text + "\n")
	return out.Bytes()
}
