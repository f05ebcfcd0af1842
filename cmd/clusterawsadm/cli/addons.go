package cli

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/spf13/cobra"
)

type availableAddon struct {
	Name            string          `json:"name"`
	Type            string          `json:"type"`
	Version         string          `json:"version"`
	Architecture    []string        `json:"architecture"`
	Compatibilities []compatibility `json:"compatibilities"`
}

type compatibility struct {
	ClusterVersion   string   `json:"clusterVersion"`
	DefaultVersion   bool     `json:"defaultVersion"`
	PlatformVersions []string `json:"platformVersions"`
}

func (c compatibility) String() string {
	return fmt.Sprintf("Cluster version: %s, default: %t, platform versions: %q", c.ClusterVersion, c.DefaultVersion, c.PlatformVersions)
}

type installedAddon struct {
	Name         string
	Version      string
	AddonARN     string
	RoleARN      *string
	Status       string
	Tags         map[string]string
	HealthIssues []issue
	CreatedAt    time.Time
	ModifiedAt   time.Time
}

type issue struct {
	Code        string
	Message     string
	ResourceIDs []string
}

func eksCommands() *cobra.Command {
	return group("eks", "Look at EKS", `Look at what EKS has for clusters, and in them.`,
		group("addons", "List add-ons of EKS", `List the add-ons that EKS has for a cluster, or those that a cluster has.`, listAvailable(), listInstalled()))
}

func addEKS(c *cobra.Command) {
	addRegion(c, "r")
	c.Flags().StringP("cluster-name", "n", "", "the cluster's name in EKS")
	c.Flags().StringP("output", "o", outputTable, outputHelp)
}

// whereNames says where the name stands that EKS has for a cluster.
const whereNames = "it is in spec.eksClusterName of the AWSManagedControlPlane, and NAMESPACE_NAME where nobody wrote another"

// unfound says which name is wanted, where EKS has no cluster of the given one.
func unfound(name *string, err error) error {
	if missing := (*ekstypes.ResourceNotFoundException)(nil); errors.As(err, &missing) {
		return fmt.Errorf("EKS has no cluster %s in this account and region; write its name in EKS: %s", *name, whereNames)
	}
	return fmt.Errorf("the cluster %s: %w", *name, err)
}

// eksOf is EKS and the cluster that a command is about.
func eksOf(c *cobra.Command) (*eks.Client, *string, error) {
	if err := outputOf(c); err != nil {
		return nil, nil, err
	}
	name := text(c, "cluster-name")
	if name == "" {
		return nil, nil, errors.New("write the cluster's name in EKS: --cluster-name NAME; " + whereNames)
	}
	account, err := account(c, "")
	return eks.NewFromConfig(account), &name, err
}

// rows prints a table as kubectl does.
func rows(c *cobra.Command, head []string, lines [][]string) {
	w := tabwriter.NewWriter(c.OutOrStdout(), 6, 4, 3, ' ', 0)
	_, _ = fmt.Fprintln(w, strings.ToUpper(strings.Join(head, "\t")))
	for _, line := range lines {
		_, _ = fmt.Fprintln(w, strings.Join(line, "\t"))
	}
	_ = w.Flush()
}

func listAvailable() *cobra.Command {
	c := command("list-available", "List the add-ons that EKS has for a cluster", `
List the add-ons and their versions that EKS has for the Kubernetes version of a cluster.`, `
  clusterawsadm eks addons list-available --cluster-name default_prod-control-plane --region us-east-1`,
		func(c *cobra.Command) error {
			client, name, err := eksOf(c)
			if err != nil {
				return err
			}
			cluster, err := client.DescribeCluster(c.Context(), &eks.DescribeClusterInput{Name: name})
			if err != nil {
				return unfound(name, err)
			}
			list := struct {
				Cluster string           `json:"cluster"`
				Addons  []availableAddon `json:"addons"`
			}{*name, []availableAddon{}}
			pages := eks.NewDescribeAddonVersionsPaginator(client, &eks.DescribeAddonVersionsInput{KubernetesVersion: cluster.Cluster.Version})
			for pages.HasMorePages() {
				page, err := pages.NextPage(c.Context())
				if err != nil {
					return err
				}
				for _, addon := range page.Addons {
					for _, version := range addon.AddonVersions {
						x := availableAddon{Name: aws.ToString(addon.AddonName), Type: aws.ToString(addon.Type), Version: aws.ToString(version.AddonVersion), Architecture: version.Architecture}
						for _, fits := range version.Compatibilities {
							x.Compatibilities = append(x.Compatibilities, compatibility{aws.ToString(fits.ClusterVersion), fits.DefaultVersion, fits.PlatformVersions})
						}
						list.Addons = append(list.Addons, x)
					}
				}
			}
			return show(c, list, func() {
				var lines [][]string
				for _, x := range list.Addons {
					lines = append(lines, []string{x.Name, x.Type, x.Version, fmt.Sprint(x.Architecture), fmt.Sprint(x.Compatibilities)})
				}
				rows(c, []string{"Name", "Type", "Version", "Architectures", "Compatibilities"}, lines)
			})
		})
	addEKS(c)
	return c
}

func listInstalled() *cobra.Command {
	c := command("list-installed", "List the add-ons that a cluster has", `
List the add-ons that a cluster has, and how they are.`, `
  clusterawsadm eks addons list-installed --cluster-name default_prod-control-plane --region us-east-1 -o yaml`,
		func(c *cobra.Command) error {
			client, name, err := eksOf(c)
			if err != nil {
				return err
			}
			list := struct {
				Cluster string           `json:"cluster"`
				Addons  []installedAddon `json:"addons"`
			}{*name, []installedAddon{}}
			pages := eks.NewListAddonsPaginator(client, &eks.ListAddonsInput{ClusterName: name})
			for pages.HasMorePages() {
				page, err := pages.NextPage(c.Context())
				if err != nil {
					return unfound(name, err)
				}
				for _, addon := range page.Addons {
					x, err := installed(c, client, name, addon)
					if err != nil {
						return err
					}
					list.Addons = append(list.Addons, x)
				}
			}
			return show(c, list, func() {
				var lines [][]string
				for _, x := range list.Addons {
					lines = append(lines, []string{x.Name, x.Version, x.Status, x.CreatedAt.UTC().Format(time.RFC3339), x.ModifiedAt.UTC().Format(time.RFC3339), aws.ToString(x.RoleARN), fmt.Sprint(len(x.HealthIssues))})
				}
				rows(c, []string{"Name", "Version", "Status", "Created", "Modified", "SA ARN", "Issues"}, lines)
			})
		})
	addEKS(c)
	return c
}

func installed(c *cobra.Command, client *eks.Client, cluster *string, name string) (installedAddon, error) {
	out, err := client.DescribeAddon(c.Context(), &eks.DescribeAddonInput{ClusterName: cluster, AddonName: &name})
	if err != nil {
		return installedAddon{}, fmt.Errorf("the add-on %s: %w", name, err)
	}
	a := out.Addon
	x := installedAddon{Name: name, Version: aws.ToString(a.AddonVersion), AddonARN: aws.ToString(a.AddonArn), RoleARN: a.ServiceAccountRoleArn, Status: string(a.Status), Tags: a.Tags,
		HealthIssues: []issue{}, CreatedAt: aws.ToTime(a.CreatedAt), ModifiedAt: aws.ToTime(a.ModifiedAt)}
	if a.Health != nil {
		for _, i := range a.Health.Issues {
			x.HealthIssues = append(x.HealthIssues, issue{string(i.Code), aws.ToString(i.Message), i.ResourceIds})
		}
	}
	return x, nil
}
