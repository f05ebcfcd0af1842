package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// unpack writes the files of a layout's image for this machine's architecture into a new folder, as a container engine would.
func unpack(from, to string) error {
	image, err := imageFor(from, v1.Platform{OS: "linux", Architecture: runtime.GOARCH})
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o755); err != nil {
		return fmt.Errorf("--unpack: %w", err)
	}
	stream := mutate.Extract(image)
	defer func() { _ = stream.Close() }()
	root, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	for files := tar.NewReader(stream); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := unpackFile(root, header, files); err != nil {
			return fmt.Errorf("%s: %w", header.Name, err)
		}
	}
}

func unpackFile(root *os.Root, header *tar.Header, content io.Reader) error {
	name, mode := filepath.Clean(header.Name), header.FileInfo().Mode()
	switch header.Typeflag {
	case tar.TypeDir:
		if err := root.MkdirAll(name, 0o755); err != nil {
			return err
		}
	case tar.TypeReg:
		file, err := root.Create(name)
		if err != nil {
			return err
		}
		if _, err := io.Copy(file, content); err != nil {
			return errors.Join(err, file.Close())
		}
		if err := file.Close(); err != nil {
			return err
		}
	default:
		return fmt.Errorf("an image of ours holds no entries of type %q", header.Typeflag)
	}
	// Only root gives files away; for others they are their own.
	if os.Geteuid() == 0 {
		if err := root.Lchown(name, header.Uid, header.Gid); err != nil {
			return err
		}
	}
	return root.Chmod(name, mode)
}

// imageFor finds a platform's image in a layout.
func imageFor(folder string, platform v1.Platform) (v1.Image, error) {
	outer, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		return nil, err
	}
	manifest, err := outer.IndexManifest()
	if err != nil {
		return nil, err
	}
	for _, entry := range manifest.Manifests {
		index, err := outer.ImageIndex(entry.Digest)
		if err != nil {
			return nil, err
		}
		images, err := index.IndexManifest()
		if err != nil {
			return nil, err
		}
		for _, one := range images.Manifests {
			if one.Platform.OS == platform.OS && one.Platform.Architecture == platform.Architecture {
				return index.Image(one.Digest)
			}
		}
	}
	return nil, fmt.Errorf("%s holds no image for %s", folder, platform)
}
