package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
	apimachineryversion "k8s.io/apimachinery/pkg/version"
	componentversion "k8s.io/component-base/version"
	"sigs.k8s.io/yaml"
)

func version() *cobra.Command {
	c := command("version", "Print the version", `Print the version of clusterawsadm.`, `
  clusterawsadm version -o short`,
		func(c *cobra.Command) error {
			is := struct {
				ClusterAWSADM apimachineryversion.Info `json:"awsProviderVersion"`
			}{componentversion.Get()}
			switch output := text(c, "output"); output {
			case "":
				printf(c, "clusterawsadm version: %#v\n", is.ClusterAWSADM)
			case "short":
				printf(c, "%s\n", is.ClusterAWSADM.GitVersion)
			case "yaml":
				out, err := yaml.Marshal(is)
				printf(c, "%s", out)
				return err
			case "json":
				out, err := json.MarshalIndent(is, "", "  ")
				printf(c, "%s\n", out)
				return err
			default:
				return fmt.Errorf("--output is %q; write yaml, json or short, or leave it out", output)
			}
			return nil
		})
	c.Flags().StringP("output", "o", "", "the form: yaml, json or short")
	return c
}
