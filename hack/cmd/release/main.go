// Command release writes a provider repository for clusterctl.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/capa-apiserver/capa-apiserver/hack/release"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	var o release.Options
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.StringVar(&o.Repo, "repo", "..", "root of the repository")
	flags.StringVar(&o.Out, "out", "", "`folder` of the provider repository; other versions in it stay")
	flags.StringVar(&o.Version, "version", "", "`version` of the release, for example v0.1.0")
	flags.StringVar(&o.Image, "image", "", "`name` of the image without its tag, for example registry.example.com/capa-apiserver; the tag is the version")
	if err := flags.Parse(args); err != nil {
		return err
	}
	folder, err := release.Write(o)
	if err != nil {
		return err
	}
	fmt.Printf("%s is written. clusterctl takes it with --config=%s/clusterctl.yaml, or with what that says of the provider in a configuration of yours.\n", folder, o.Out)
	return nil
}
