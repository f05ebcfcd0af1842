package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// user is who the server runs as, the same as in the manifests.
const user = 65532

// command is the product's, and where it lies in the image.
const (
	command    = "./cmd/capa-apiserver"
	entrypoint = "/usr/local/bin/capa-apiserver"
)

// platformImage is the image of one platform.
type platformImage struct {
	v1.Image

	platform v1.Platform
	// sbom lists what the server is made of, in SPDX.
	sbom []byte
}

// file is one of the image's.
type file struct {
	path    string
	mode    int64
	content []byte
}

func (s *source) image(ctx context.Context, platform v1.Platform) (platformImage, error) {
	scratch, err := os.MkdirTemp("", "capa-image-")
	if err != nil {
		return platformImage{}, err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	binary := filepath.Join(scratch, path.Base(entrypoint))
	if err := s.compile(ctx, command, platform, binary); err != nil {
		return platformImage{}, err
	}
	sbom, err := s.bill(binary)
	if err != nil {
		return platformImage{}, err
	}
	server, err := os.ReadFile(binary)
	if err != nil {
		return platformImage{}, err
	}
	// What changes least comes first: registries and nodes keep layers that they know.
	base, err := layer(s.date, baseFiles())
	if err != nil {
		return platformImage{}, err
	}
	top, err := layer(s.date, []file{{entrypoint, 0o755, server}, {"/usr/share/doc/capa-apiserver/sbom.spdx.json", 0o644, sbom}})
	if err != nil {
		return platformImage{}, err
	}
	image, err := mutate.AppendLayers(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON), base, top)
	if err != nil {
		return platformImage{}, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return platformImage{}, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Variant, config.Created = platform.OS, platform.Architecture, platform.Variant, v1.Time{Time: s.date}
	config.Config = v1.Config{User: fmt.Sprintf("%d:%d", user, user), Entrypoint: []string{entrypoint}, WorkingDir: "/", Labels: s.labels(),
		Env: []string{"PATH=/usr/local/bin", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"}}
	if image, err = mutate.ConfigFile(image, config); err != nil {
		return platformImage{}, err
	}
	return platformImage{image, platform, sbom}, nil
}

func (s *source) labels() map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":    "capa-apiserver",
		"org.opencontainers.image.version":  s.version,
		"org.opencontainers.image.revision": s.commit,
		"org.opencontainers.image.created":  s.date.Format(time.RFC3339),
		"org.opencontainers.image.source":   "https://github.com/capa-apiserver/capa-apiserver",
		"org.opencontainers.image.licenses": "Apache-2.0",
	}
}

// baseFiles are what a static program needs besides itself: who it runs as, whom it trusts, and where volumes go.
func baseFiles() []file {
	var roots bytes.Buffer
	for root := range bundle.Roots() {
		// Writing to a buffer doesn't fail. Roots that only some of their certificates are trusted of are for programs that know how.
		if root.Constraint == nil {
			_ = pem.Encode(&roots, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate})
		}
	}
	return []file{
		{"/etc/passwd", 0o644, fmt.Appendf(nil, "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:%d:%d:nonroot:/:/sbin/nologin\n", user, user)},
		{"/etc/group", 0o644, fmt.Appendf(nil, "root:x:0:\nnonroot:x:%d:\n", user)},
		{"/etc/nsswitch.conf", 0o644, []byte("hosts: files dns\n")},
		{"/etc/ssl/certs/ca-certificates.crt", 0o644, roots.Bytes()},
		{"/tmp/", 0o1777, nil},
		{"/var/lib/capa-apiserver/", 0o700, nil},
	}
}

// layer is made of nothing but its files: everything has the same date and belongs to root, but for the folder of the data.
func layer(date time.Time, files []file) (v1.Layer, error) {
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	made := map[string]bool{"/": true, ".": true}
	for _, f := range files {
		if err := writeFolders(writer, date, made, path.Dir(path.Clean(f.path))); err != nil {
			return nil, err
		}
		header := &tar.Header{Name: f.path[1:], Mode: f.mode, Size: int64(len(f.content)), ModTime: date, Typeflag: tar.TypeReg, Format: tar.FormatPAX}
		if f.content == nil {
			header.Typeflag, made[path.Clean(f.path)] = tar.TypeDir, true
			header.Uid, header.Gid = owner(f.path), owner(f.path)
		}
		if err := writer.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := writer.Write(f.content); err != nil {
			return nil, err
		}
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buffer.Bytes())), nil },
		tarball.WithMediaType(types.OCILayer))
}

func owner(folder string) int {
	if folder == "/var/lib/capa-apiserver/" {
		return user
	}
	return 0
}

func writeFolders(writer *tar.Writer, date time.Time, made map[string]bool, folder string) error {
	if made[folder] {
		return nil
	}
	if err := writeFolders(writer, date, made, path.Dir(folder)); err != nil {
		return err
	}
	made[folder] = true
	return writer.WriteHeader(&tar.Header{Name: folder[1:] + "/", Mode: 0o755, ModTime: date, Typeflag: tar.TypeDir, Format: tar.FormatPAX})
}

func emptyIndex() v1.ImageIndex {
	return mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
}

// join makes one image of those of all platforms.
func join(images []platformImage) v1.ImageIndex {
	index := emptyIndex()
	for _, p := range images {
		platform := p.platform
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: p.Image, Descriptor: v1.Descriptor{Platform: &platform}})
	}
	return index
}
