// Command image makes the product's OCI image with Go alone: no container engine, no base image.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func main() {
	// The process ends with the context, so nothing is left to stop.
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt)
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	repo, version, out, push, unpack string

	platforms []string
}

func run(ctx context.Context, args []string) error {
	var o options
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	flags.StringVar(&o.repo, "repo", "../..", "root of the repository")
	flags.StringVar(&o.version, "version", "", "`version` of the product, for example v0.1.0")
	flags.StringVar(&o.out, "out", "", "`folder` for the image in OCI's layout; what it held is replaced")
	flags.StringVar(&o.push, "push", "", "`reference` to push the image to, for example registry.example.com/capa-apiserver:v0.1.0; credentials are docker's")
	flags.StringVar(&o.unpack, "unpack", "", "new `folder` for the files of the image for this machine's architecture")
	platforms := flags.String("platforms", "linux/amd64,linux/arm64", "platforms to build for")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.version == "" || o.out == "" {
		return fmt.Errorf("--version and --out are needed, for example --version=v0.1.0 --out=_run/image")
	}
	o.platforms = strings.Split(*platforms, ",")
	src, err := newSource(ctx, o.repo, o.version)
	if err != nil {
		return err
	}
	index, err := build(ctx, src, o)
	if err != nil {
		return err
	}
	digest, err := index.Digest()
	if err != nil {
		return err
	}
	fmt.Printf("capa-apiserver %s, %s: %s, in %s\n", o.version, *platforms, digest, o.out)
	if o.unpack != "" {
		if err := unpack(o.out, o.unpack); err != nil {
			return err
		}
	}
	if o.push != "" {
		return push(ctx, index, o.push)
	}
	return nil
}

// build makes the image and writes it as a layout, with each platform's list of what is in it beside it.
func build(ctx context.Context, src *source, o options) (v1.ImageIndex, error) {
	if err := os.RemoveAll(o.out); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return nil, err
	}
	var images []platformImage
	for _, text := range o.platforms {
		platform, err := v1.ParsePlatform(text)
		if err != nil {
			return nil, fmt.Errorf("--platforms: %w", err)
		}
		begin := time.Now()
		p, err := src.image(ctx, *platform)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", text, err)
		}
		fmt.Fprintf(os.Stderr, "  %-14s %5.1fs\n", text, time.Since(begin).Seconds())
		images = append(images, p)
	}
	index := join(images)
	folder, err := layout.Write(o.out, emptyIndex())
	if err != nil {
		return nil, err
	}
	if err := folder.AppendIndex(index, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": o.version})); err != nil {
		return nil, err
	}
	for _, p := range images {
		if err := os.WriteFile(filepath.Join(o.out, "sbom-"+p.platform.Architecture+".spdx.json"), p.sbom, 0o644); err != nil {
			return nil, err
		}
	}
	return index, nil
}

func push(ctx context.Context, index v1.ImageIndex, reference string) error {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return fmt.Errorf("--push: %w", err)
	}
	if err := remote.WriteIndex(ref, index, remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithContext(ctx)); err != nil {
		return fmt.Errorf("push to %s: %w", ref, err)
	}
	fmt.Println("pushed to", ref)
	return nil
}
