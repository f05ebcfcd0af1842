// Package cli is clusterawsadm's commands: flags, and what they print.
package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/spf13/cobra"

	"github.com/capa-apiserver/capa-apiserver/cloud/transport"
	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/takeover"
)

// New makes the command; in is what it reads where files are given as "-".
func New(in io.Reader) *cobra.Command {
	c := group("clusterawsadm", "Prepare AWS accounts for clusters, and help with what is done by hand", `
clusterawsadm makes what clusters need in an AWS account, and helps with what is done by hand.

A first cluster takes four commands:

  export AWS_REGION=us-east-1                                # and credentials of an administrator
  clusterawsadm bootstrap iam create-cloudformation-stack    # roles, instance profiles and policies
  export AWS_B64ENCODED_CREDENTIALS=$(clusterawsadm bootstrap credentials encode-as-profile)
  clusterctl init --infrastructure aws

Credentials are found as the AWS CLI finds them: in the environment, in ~/.aws, or where it runs on AWS in the
instance's or pod's role. AWS_ENDPOINT_URL leads to another endpoint than AWS's.`)
	c.SilenceUsage, c.SilenceErrors = true, true
	c.SetIn(in)
	c.CompletionOptions.HiddenDefaultCmd = true
	c.PersistentFlags().IntP("v", "v", 0, "without effect: what takes long tells its progress anyway (accepted as CAPA's tool does)")
	c.AddCommand(ami(), bootstrap(), controller(), convertManifests(), convertMoved(), eksCommands(), gc(), resource(), takeover.NewCommand(), version())
	return c
}

// group is a command that only has others.
func group(use, short, long string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Long: strings.TrimSpace(long), Args: cobra.ArbitraryArgs, RunE: func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		var names []string
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				names = append(names, sub.Name())
			}
		}
		return fmt.Errorf("there is no command %q; %s has %s", args[0], c.CommandPath(), strings.Join(names, ", "))
	}}
	c.AddCommand(commands...)
	return c
}

// command is one that does something.
func command(use, short, long, example string, run func(c *cobra.Command) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Long: strings.TrimSpace(long), Example: strings.Trim(example, "\n"), Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return run(c) }}
}

// text is a flag's value.
func text(c *cobra.Command, flag string) string { return c.Flag(flag).Value.String() }

func addRegion(c *cobra.Command, short string) {
	c.Flags().StringP("region", short, "", "the AWS region; by default AWS_REGION, DEFAULT_AWS_REGION, or that of the profile")
}

func addProfile(c *cobra.Command) {
	c.Flags().String("profile", "", "the profile of ~/.aws whose credentials to use; by default AWS_PROFILE, or the one called default")
}

// account is the AWS configuration that a command's flags and the environment give; otherwise is the region if they don't say.
func account(c *cobra.Command, otherwise string) (aws.Config, error) {
	region := text(c, "region")
	if region == "" && os.Getenv("AWS_REGION") == "" {
		region = os.Getenv("DEFAULT_AWS_REGION")
	}
	options := []func(*config.LoadOptions) error{config.WithRegion(region)}
	if c.Flag("profile") != nil {
		options = append(options, config.WithSharedConfigProfile(text(c, "profile")))
	}
	out, err := config.LoadDefaultConfig(c.Context(), options...)
	if err != nil {
		return out, fmt.Errorf("%w; see ~/.aws/config, --profile and AWS_PROFILE", err)
	}
	out.HTTPClient = transport.Shared(out.HTTPClient)
	if out.Region == "" {
		out.Region = otherwise
	}
	if out.Region == "" {
		return out, errors.New("no AWS region is given; use --region, for example --region us-east-1, or set AWS_REGION")
	}
	return out, nil
}

// credentialsOf are those that AWS will be asked with; without any, the error says where to put them.
func credentialsOf(c *cobra.Command, account aws.Config) (aws.Credentials, error) {
	got, err := account.Credentials.Retrieve(c.Context())
	if err != nil {
		return got, fmt.Errorf("no AWS credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN, if there is one), or use --profile: %w", err)
	}
	return got, nil
}

func printf(c *cobra.Command, format string, args ...any) {
	_, _ = fmt.Fprintf(c.OutOrStdout(), format, args...)
}

func warnf(c *cobra.Command, format string, args ...any) {
	_, _ = fmt.Fprintf(c.ErrOrStderr(), format, args...)
}
