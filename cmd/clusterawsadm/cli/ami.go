package cli

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	semver "k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/yaml"
)

// publisher is the account that publishes Cluster API's images.
const publisher = "819546954734"

// published are the regions in which they are.
var published = []string{"ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1", "eu-central-1", "eu-west-1", "eu-west-2", "eu-west-3",
	"sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2"}

// amiVersion is the apiVersion of what is printed.
const amiVersion = "ami.aws.infrastructure.cluster.x-k8s.io/v1beta1"

type image struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              imageSpec `json:"spec,omitempty"`
}

type imageSpec struct {
	OS                string `json:"os"`
	Region            string `json:"region"`
	ImageID           string `json:"imageID"`
	KubernetesVersion string `json:"kubernetesVersion"`
}

type imageList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []image `json:"items"`
}

func ami() *cobra.Command {
	return group("ami", "List and copy images for machines", `
List the images that Cluster API publishes for machines, and copy them into the account: where they aren't published, and to have them encrypted.`,
		listImages(), copyImages("copy", "Copy an image into the account", false), copyImages("encrypted-copy", "Copy an image into the account, encrypted", true))
}

// name is how images are called: capa-ami-OS-vVERSION-TIME.
var name = regexp.MustCompile(`^capa-ami-(.+?)-v?(\d+\.\d+\.\d+)(-.*)?$`)

// imagesOf are a publisher's in a region, the newest of each system and version.
func imagesOf(ctx context.Context, account aws.Config, region, owner, system, kubernetes string) ([]types.Image, error) {
	client := ec2.NewFromConfig(account, func(o *ec2.Options) { o.Region = region })
	pattern := "capa-ami-*"
	if system != "" {
		pattern = "capa-ami-" + system + "-*"
	}
	newest := map[string]types.Image{}
	pages := ec2.NewDescribeImagesPaginator(client, &ec2.DescribeImagesInput{Owners: []string{owner}, Filters: []types.Filter{
		{Name: aws.String("name"), Values: []string{pattern}}, {Name: aws.String("architecture"), Values: []string{"x86_64"}}, {Name: aws.String("state"), Values: []string{"available"}}}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("images of %s: %w", region, err)
		}
		for _, i := range page.Images {
			parts := name.FindStringSubmatch(aws.ToString(i.Name))
			if len(parts) == 0 || system != "" && parts[1] != system || kubernetes != "" && parts[2] != strings.TrimPrefix(kubernetes, "v") {
				continue
			}
			key := parts[1] + " " + parts[2]
			if now, ok := newest[key]; !ok || aws.ToString(now.CreationDate) < aws.ToString(i.CreationDate) {
				newest[key] = i
			}
		}
	}
	out := make([]types.Image, 0, len(newest))
	for _, i := range newest {
		out = append(out, i)
	}
	return out, nil
}

func shown(region string, i types.Image) image {
	parts := name.FindStringSubmatch(aws.ToString(i.Name))
	return image{TypeMeta: metav1.TypeMeta{APIVersion: amiVersion, Kind: "AWSAMI"}, ObjectMeta: metav1.ObjectMeta{Name: *i.Name},
		Spec: imageSpec{OS: parts[1], Region: region, ImageID: *i.ImageId, KubernetesVersion: "v" + parts[2]}}
}

func listImages() *cobra.Command {
	c := command("list", "List the published images", `
List the images that Cluster API publishes for machines, for x86_64: of the last three minor versions of Kubernetes, in all regions where they are published.`, `
  clusterawsadm ami list --kubernetes-version v1.34.1 --os ubuntu-24.04 --region us-east-1`, runList)
	c.Flags().String("os", "", "the operating system, such as ubuntu-24.04 or flatcar-stable; by default all")
	c.Flags().String("kubernetes-version", "", "the version of Kubernetes, such as v1.34.1; by default those of the last three minor versions")
	c.Flags().String("owner-id", publisher, "the account that publishes the images")
	c.Flags().StringP("output", "o", outputTable, outputHelp)
	addRegion(c, "")
	return c
}

func runList(c *cobra.Command) error {
	if err := outputOf(c); err != nil {
		return err
	}
	account, err := account(c, anyRegion)
	if err != nil {
		return err
	}
	regions := published
	if region := text(c, "region"); region != "" {
		regions = []string{region}
	}
	list := imageList{TypeMeta: metav1.TypeMeta{APIVersion: amiVersion, Kind: "AWSAMIList"}, Items: []image{}}
	for _, region := range regions {
		found, err := imagesOf(c.Context(), account, region, text(c, "owner-id"), text(c, "os"), text(c, "kubernetes-version"))
		if err != nil {
			return err
		}
		for _, i := range found {
			list.Items = append(list.Items, shown(region, i))
		}
	}
	slices.SortFunc(list.Items, func(a, b image) int {
		if later := semver.MustParseSemantic(b.Spec.KubernetesVersion); a.Spec.KubernetesVersion != b.Spec.KubernetesVersion {
			return map[bool]int{true: 1, false: -1}[semver.MustParseSemantic(a.Spec.KubernetesVersion).LessThan(later)]
		}
		return compare(a.Spec.Region+" "+a.Spec.OS, b.Spec.Region+" "+b.Spec.OS)
	})
	if text(c, "kubernetes-version") == "" {
		list.Items = lastMinors(list.Items, 3)
	}
	if len(list.Items) == 0 {
		warnf(c, "No such images were found; see --os, --kubernetes-version, --owner-id and --region\n")
	}
	return show(c, list, func() {
		var lines [][]string
		for _, i := range list.Items {
			lines = append(lines, []string{i.Spec.KubernetesVersion, i.Spec.Region, i.Spec.OS, i.Name, i.Spec.ImageID})
		}
		rows(c, []string{"Kubernetes Version", "Region", "OS", "Name", "AMI ID"}, lines)
	})
}

func compare(a, b string) int { return strings.Compare(a, b) }

// lastMinors are the images of the newest minor versions; they come newest first.
func lastMinors(items []image, most int) []image {
	var minors []string
	return slices.DeleteFunc(items, func(i image) bool {
		minor := strings.Join(strings.Split(i.Spec.KubernetesVersion, ".")[:2], ".")
		if !slices.Contains(minors, minor) {
			minors = append(minors, minor)
		}
		return slices.Index(minors, minor) >= most
	})
}

func copyImages(use, short string, encrypted bool) *cobra.Command {
	more := ""
	if encrypted {
		more = " Its snapshots are encrypted, with the account's own key for EBS or that of --kms-key-id."
	}
	c := command(use, short, short+`: the newest of a system and a version of Kubernetes, from --source-region into --region.`+more+` The copy takes some minutes after the command.
Machines find it with imageLookupOrg and the account's id, or by its id.`, `
  clusterawsadm ami `+use+` --kubernetes-version v1.34.1 --os ubuntu-24.04 --source-region us-east-1 --region eu-north-1`,
		func(c *cobra.Command) error { return runCopy(c, encrypted) })
	c.Flags().String("source-region", "us-east-1", "the region to copy from")
	c.Flags().String("owner-id", publisher, "the account that publishes the image")
	c.Flags().String("os", "", "the operating system, such as ubuntu-24.04")
	c.Flags().String("kubernetes-version", "", "the version of Kubernetes, such as v1.34.1")
	c.Flags().Bool("dry-run", false, "only look whether the image is there and may be copied")
	if encrypted {
		c.Flags().String("kms-key-id", "", "the KMS key of the snapshots; by default the account's for EBS")
	}
	addRegion(c, "")
	return c
}

func runCopy(c *cobra.Command, encrypted bool) error {
	for _, flag := range []string{"os", "kubernetes-version"} {
		if text(c, flag) == "" {
			return fmt.Errorf("write --%s; clusterawsadm ami list shows what there is", flag)
		}
	}
	account, err := account(c, "")
	if err != nil {
		return err
	}
	source := text(c, "source-region")
	found, err := imagesOf(c.Context(), account, source, text(c, "owner-id"), text(c, "os"), text(c, "kubernetes-version"))
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("%s has no image of %s for Kubernetes %s in %s; clusterawsadm ami list shows what there is", text(c, "owner-id"), text(c, "os"), text(c, "kubernetes-version"), source)
	}
	from := found[0]
	in := &ec2.CopyImageInput{Name: from.Name, Description: from.Description, SourceImageId: from.ImageId, SourceRegion: &source, DryRun: aws.Bool(text(c, "dry-run") == "true")}
	if encrypted {
		in.Encrypted = aws.Bool(true)
		if key := text(c, "kms-key-id"); key != "" {
			in.KmsKeyId = &key
		}
	}
	made, err := ec2.NewFromConfig(account).CopyImage(c.Context(), in)
	var refused smithy.APIError
	if errors.As(err, &refused) && refused.ErrorCode() == "DryRunOperation" {
		warnf(c, "%s (%s) can be copied from %s to %s\n", *from.Name, *from.ImageId, source, account.Region)
		return nil
	}
	if err != nil {
		return fmt.Errorf("copy %s: %w", *from.ImageId, err)
	}
	from.ImageId = made.ImageId
	out, err := yaml.Marshal(shown(account.Region, from))
	printf(c, "%s", out)
	return err
}
