package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/takeover"
)

func convertMoved() *cobra.Command {
	c := command("convert-moved FOLDER", "Convert a folder that clusterctl move wrote, from CAPA or back to it", `
Bring the objects of a folder that "clusterctl move --to-directory" wrote to the version of the management cluster that
"clusterctl move --from-directory" is to make them in: v2beta1 where this server is, beside the kubeadm providers too, and
v1beta2 where CAPA is. Owner references and ClusterClasses, which name versions, follow. clusterctl itself writes objects at
the version that they were stored at, which the other side may not have.

Fields that the other side doesn't know are told, on standard error, and left out. Nothing is written unless all of the
folder can be converted. A second time nothing changes.`, `
  # From CAPA to this server
  clusterctl move --to-directory=moved --namespace=prod
  clusterawsadm convert-moved moved
  clusterctl move --from-directory=moved --to-kubeconfig=other

  # Back to CAPA
  clusterawsadm convert-moved moved --to v1beta2`, nil)
	c.Args = cobra.ExactArgs(1)
	c.RunE = func(c *cobra.Command, args []string) error { return convertFolder(c, args[0], text(c, "to")) }
	c.Flags().String("to", takeover.VersionOfServer, "the version: "+takeover.VersionOfServer+" for this server, "+takeover.VersionOfCAPA+" for CAPA")
	return c
}

func convertFolder(c *cobra.Command, folder, to string) error {
	moved, err := takeover.NewMoved(to)
	if err != nil {
		return err
	}
	// What a run that was ended left is none of clusterctl's.
	left, err := filepath.Glob(filepath.Join(folder, "*"+unfinished))
	if err != nil {
		return err
	}
	for _, file := range left {
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("%s has no files: name the folder that clusterctl move --to-directory wrote", folder)
	}
	converted := map[string][]byte{}
	var problems []error
	for _, file := range files {
		content, lost, err := convertedFile(moved, file)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", file, err))
			continue
		}
		converted[file] = content
		for _, path := range lost {
			warnf(c, "%s: %s is left out: the other side doesn't know it\n", file, path)
		}
	}
	if len(problems) > 0 {
		return fmt.Errorf("nothing was written: %w", errors.Join(problems...))
	}
	for _, file := range files {
		if err := replace(file, converted[file]); err != nil {
			return err
		}
	}
	printf(c, "%s: %d objects are as a management cluster with %s takes them\n", folder, len(files), to)
	return nil
}

func convertedFile(moved *takeover.Moved, file string) ([]byte, []string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	var o unstructured.Unstructured
	if err := o.UnmarshalJSON(content); err != nil {
		return nil, nil, fmt.Errorf("it isn't as clusterctl writes it, one object in JSON: %w", err)
	}
	converted, lost, err := moved.Convert(&o)
	if err != nil {
		return nil, nil, err
	}
	text, err := converted.MarshalJSON()
	return text, lost, err
}

// unfinished ends the name of a file until it takes another one's place.
const unfinished = ".converted"

// replace exchanges a file for another one; whoever reads it meanwhile, or ends here, has one of the two.
func replace(file string, content []byte) error {
	other := file + unfinished
	err := os.WriteFile(other, content, 0o600)
	if err == nil {
		err = os.Rename(other, file)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(other))
	}
	return nil
}
