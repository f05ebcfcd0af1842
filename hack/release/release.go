// Package release writes what clusterctl installs and generates: a provider repository, of this repository's kustomizations.
package release

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/capi"
)

// Provider is the name of the folder in a provider repository.
const Provider = "infrastructure-aws"

// Options say what to write.
type Options struct {
	// Repo is the root of this repository, Out that of the provider repository.
	Repo, Out string
	// Version is the release's. Image is the name of its image, whose tag is the version.
	Version, Image string
}

// defaultFlavor is the template of those who name none.
const defaultFlavor = "default"

var (
	semantic = regexp.MustCompile(`^v(\d+)\.(\d+)\.\d+(-[0-9A-Za-z.-]+)?$`)
	// clusterctl takes no short names.
	canonical = regexp.MustCompile(`^[a-z0-9.-]+(\.[a-z0-9.-]+|:\d+)(/[a-z0-9._-]+)+$`)
)

// Write writes one version and returns its folder.
func Write(o Options) (string, error) {
	if o.Out == "" {
		return "", errors.New("--out is needed: the folder of the provider repository")
	}
	if !canonical.MatchString(o.Image) {
		return "", fmt.Errorf("--image=%s is no name with its registry; write it without a tag, like registry.example.com/capa-apiserver", o.Image)
	}
	metadata, err := o.metadata()
	if err != nil {
		return "", err
	}
	files := map[string][]byte{"metadata.yaml": metadata}
	for name, overlay := range map[string]string{"infrastructure-components.yaml": "clusterctl", "infrastructure-components-external-etcd.yaml": "clusterctl-external-etcd"} {
		if files[name], err = o.components(overlay); err != nil {
			return "", err
		}
	}
	if err := o.templates(files); err != nil {
		return "", err
	}
	folder, err := filepath.Abs(filepath.Join(o.Out, Provider, o.Version))
	if err != nil {
		return "", err
	}
	if err := os.RemoveAll(folder); err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
			return "", err
		}
	}
	return folder, o.clusterctl(folder, os.Stderr)
}

// configuration is clusterctl's, of a release.
const configuration = "providers:\n  - name: aws\n    type: InfrastructureProvider\n    url: file://%s/infrastructure-components.yaml\n"

// ofARelease matches the configuration of any release, with nothing else in it.
var ofARelease = regexp.MustCompile("^" + strings.Replace(configuration, "%s", ".*", 1) + "$")

// clusterctl writes a configuration that names the repository, for who has none. Somebody's own, which may have credentials, stays.
func (o Options) clusterctl(folder string, said io.Writer) error {
	path, text := filepath.Join(o.Out, "clusterctl.yaml"), fmt.Sprintf(configuration, folder)
	was, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && !ofARelease.Match(was) {
		_, err := fmt.Fprintf(said, "%s isn't what a release wrote and stays as it is; add to it:\n%s", path, text)
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// metadata is that of the repository, in which the version's series has to be.
func (o Options) metadata() ([]byte, error) {
	parts := semantic.FindStringSubmatch(o.Version)
	if parts == nil {
		return nil, fmt.Errorf("--version=%s is no semantic version; write it like v0.1.0", o.Version)
	}
	raw, err := os.ReadFile(filepath.Join(o.Repo, "metadata.yaml"))
	if err != nil {
		return nil, err
	}
	var metadata struct {
		ReleaseSeries []struct{ Major, Minor int }
	}
	if err := yaml.Unmarshal(raw, &metadata); err != nil {
		return nil, fmt.Errorf("metadata.yaml: %w", err)
	}
	for _, series := range metadata.ReleaseSeries {
		if strconv.Itoa(series.Major) == parts[1] && strconv.Itoa(series.Minor) == parts[2] {
			return raw, nil
		}
	}
	return nil, fmt.Errorf("metadata.yaml has no series %s.%s, to which %s belongs: add it with its contract", parts[1], parts[2], o.Version)
}

// roleAnnotation is what clusterctl makes of AWS_CONTROLLER_IAM_ROLE: the annotation of a role by service account, or none. No YAML tool can
// write it, because it becomes YAML only then.
const roleAnnotation = "  annotations:\n    ${AWS_CONTROLLER_IAM_ROLE/#arn/eks.amazonaws.com/role-arn: arn}\n"

// components are those of an overlay, with the image.
func (o Options) components(overlay string) ([]byte, error) {
	text, err := capi.RenderText(filepath.Join(o.Repo, "manifests", "overlays", overlay))
	if err != nil {
		return nil, err
	}
	for _, replacement := range []struct{ what, by string }{
		{"image: capa-apiserver\n", "image: " + o.Image + ":" + o.Version + "\n"},
		{"kind: ServiceAccount\nmetadata:\n", "kind: ServiceAccount\nmetadata:\n" + roleAnnotation},
	} {
		if bytes.Count(text, []byte(replacement.what)) != 1 {
			return nil, fmt.Errorf("manifests/overlays/%s has not exactly one %q", overlay, replacement.what)
		}
		text = bytes.ReplaceAll(text, []byte(replacement.what), []byte(replacement.by))
	}
	return text, nil
}

// templates are those of the flavors and classes, each a folder.
func (o Options) templates(files map[string][]byte) error {
	for folder, prefix := range map[string]string{"flavors": "cluster-template", "classes": "clusterclass"} {
		root := filepath.Join(o.Repo, "manifests", "templates", folder)
		entries, err := os.ReadDir(root)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			text, err := capi.RenderText(filepath.Join(root, entry.Name()))
			if err != nil {
				return err
			}
			name := prefix + "-" + entry.Name() + ".yaml"
			if entry.Name() == defaultFlavor {
				name = prefix + ".yaml"
			}
			files[name] = text
		}
	}
	return nil
}
