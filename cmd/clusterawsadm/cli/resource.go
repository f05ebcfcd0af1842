package cli

import (
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
	"github.com/spf13/cobra"
)

type awsResource struct {
	Partition string `json:"partition"`
	Service   string `json:"service"`
	Region    string `json:"region"`
	AccountID string `json:"accountID"`
	Resource  string `json:"resource"`
	ARN       string `json:"arn"`
}

func resource() *cobra.Command {
	return group("resource", "Look at what clusters have in AWS", `Look at what clusters have in AWS.`, listResources())
}

func listResources() *cobra.Command {
	c := command("list", "List what a cluster has in AWS", `
List what is tagged as a cluster's own in AWS (sigs.k8s.io/cluster-api-provider-aws/cluster/NAME = owned), by the Resource Groups Tagging API: it lags
behind some minutes, and doesn't know everything that has tags.`, `
  clusterawsadm resource list --cluster-name prod --region us-east-1 -o json`,
		func(c *cobra.Command) error {
			if err := outputOf(c); err != nil {
				return err
			}
			name := text(c, "cluster-name")
			if name == "" {
				return errors.New("write the cluster's name: --cluster-name NAME")
			}
			account, err := account(c, "")
			if err != nil {
				return err
			}
			list := struct {
				ClusterName  string        `json:"clusterName"`
				AWSResources []awsResource `json:"awsResources"`
			}{name, []awsResource{}}
			pages := resourcegroupstaggingapi.NewGetResourcesPaginator(resourcegroupstaggingapi.NewFromConfig(account), &resourcegroupstaggingapi.GetResourcesInput{
				TagFilters: []types.TagFilter{{Key: aws.String("sigs.k8s.io/cluster-api-provider-aws/cluster/" + name), Values: []string{"owned"}}}})
			for pages.HasMorePages() {
				page, err := pages.NextPage(c.Context())
				if err != nil {
					return fmt.Errorf("%w; the caller needs tag:GetResources", err)
				}
				for _, found := range page.ResourceTagMappingList {
					parts, err := arn.Parse(aws.ToString(found.ResourceARN))
					if err != nil {
						return err
					}
					list.AWSResources = append(list.AWSResources, awsResource{parts.Partition, parts.Service, parts.Region, parts.AccountID, parts.Resource, *found.ResourceARN})
				}
			}
			slices.SortFunc(list.AWSResources, func(a, b awsResource) int { return compare(a.ARN, b.ARN) })
			if len(list.AWSResources) == 0 {
				warnf(c, "There is nothing that is tagged as %s's own in %s\n", name, account.Region)
			}
			return show(c, list, func() {
				var lines [][]string
				for _, x := range list.AWSResources {
					lines = append(lines, []string{x.Partition, x.Service, x.Region, x.AccountID, x.Resource, x.ARN})
				}
				rows(c, []string{"Partition", "Service", "Region", "AccountID", "Resource", "ARN"}, lines)
			})
		})
	addRegion(c, "r")
	c.Flags().StringP("cluster-name", "n", "", "the name of the Cluster, which the tags have; not that of its AWSCluster or AWSManagedControlPlane, nor that in EKS")
	c.Flags().StringP("output", "o", outputTable, outputHelp)
	return c
}
