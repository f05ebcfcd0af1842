package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/convert"
)

func convertManifests() *cobra.Command {
	c := command("convert FILE|FOLDER|-...", "Rewrite manifests for a management cluster beside the kubeadm providers", `
Rewrite the apiVersion lines of manifests: where the kubeadm providers are installed too, v1beta2 of the groups
controlplane.cluster.x-k8s.io and bootstrap.cluster.x-k8s.io is theirs, and AWSManagedControlPlane, NodeadmConfig,
EKSConfig and their templates are written at v2beta1. What a ClusterClass refers to or selects follows; references of
other objects stay, because Cluster API finds their versions itself. Kinds of infrastructure.cluster.x-k8s.io are
written at v1beta2, as they are; those at v1beta1 are brought there.

Nothing else is touched: comments, order and layout stay. A second time nothing changes. --to v1beta2 is the way back,
for management clusters without the kubeadm providers, or with CAPA.

Files are rewritten where they are, of folders those that end in .yaml, .yml and .json; links in them to other folders
are told, and not followed. - reads standard input and writes standard output. What changes is told on standard error.`, `
  clusterctl generate cluster prod --flavor eks | clusterawsadm convert - | kubectl apply -f -

  clusterawsadm convert clusters/ apps/prod.yaml

  # For CI: fails and says which files would change
  clusterawsadm convert --check clusters/`, nil)
	c.Args = cobra.MinimumNArgs(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		to := text(c, "to")
		if to != convert.Beside && to != convert.Native {
			return fmt.Errorf("--to is %q; write %s or %s", to, convert.Beside, convert.Native)
		}
		return (&converting{c: c, to: to, check: text(c, "check") == "true"}).all(args)
	}
	c.Flags().Bool("check", false, "change nothing, and fail if something would change")
	c.Flags().String("to", convert.Beside, "the version of what shares its group with the kubeadm providers: "+convert.Beside+", or "+convert.Native+" where these aren't installed")
	return c
}

// converting is one run over files.
type converting struct {
	c       *cobra.Command
	to      string
	check   bool
	changed int
}

func (x *converting) all(paths []string) error {
	var problems []error
	for _, path := range paths {
		if path == "-" {
			problems = append(problems, x.stdin())
			continue
		}
		problems = append(problems, x.below(path))
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	if x.check && x.changed > 0 {
		return fmt.Errorf("%d of these would change; clusterawsadm convert without --check rewrites them", x.changed)
	}
	return nil
}

// below converts a file, or those of a folder.
func (x *converting) below(path string) error {
	if isFolder(path) {
		path += string(filepath.Separator) // leads into it, if this is a link
	}
	var problems []error
	err := filepath.WalkDir(path, func(at string, entry fs.DirEntry, err error) error {
		hidden := at != path && strings.HasPrefix(entry.Name(), ".")
		switch {
		case err != nil:
			return err
		case entry.IsDir() && hidden:
			return filepath.SkipDir
		case entry.Type()&fs.ModeSymlink != 0 && isFolder(at):
			if !hidden {
				warnf(x.c, "%s: the folder that this links to isn't looked into; name it too: clusterawsadm convert %s\n", at, at)
			}
			return nil
		case entry.IsDir() || at != path && !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(at)):
			return nil
		}
		problems = append(problems, x.file(at)) // the others are converted all the same
		return nil
	})
	return errors.Join(append(problems, err)...)
}

// isFolder tells whether a path leads to a folder, by links too.
func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// tell says what changes.
func (x *converting) tell(name string, changes []convert.Change) {
	if len(changes) > 0 {
		x.changed++
	}
	for _, change := range changes {
		note := ""
		if strings.HasSuffix(change.Was, "/v1beta1") {
			note = " (fields of v1beta1 that are no more are refused when it is applied)"
		}
		warnf(x.c, "%s: %s%s\n", name, change, note)
	}
}

func (x *converting) stdin() error {
	in, err := io.ReadAll(x.c.InOrStdin())
	if err != nil {
		return err
	}
	out, changes, err := convert.Text(in, x.to)
	if err != nil {
		return fmt.Errorf("standard input: %w", err)
	}
	x.tell("standard input", changes)
	if !x.check {
		printf(x.c, "%s", out)
	}
	return nil
}

func (x *converting) file(path string) error {
	in, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	_, changes, err := convert.Text(in, x.to)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	x.tell(path, changes)
	if x.check || len(changes) == 0 {
		return nil
	}
	return overwrite(path, changes)
}

// overwrite writes what changes over what stands in a file. Both are equally long: whatever happens meanwhile, all else is still there, and the file keeps its
// owner, its mode and its links.
func overwrite(path string, changes []convert.Change) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	for _, change := range changes {
		if _, err := file.WriteAt([]byte(change.Now), int64(change.At)); err != nil {
			return errors.Join(fmt.Errorf("%w; nothing else of it is lost: run it again", err), file.Close())
		}
	}
	return file.Close()
}
