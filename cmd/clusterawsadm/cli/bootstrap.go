package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/iamconfig"
	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/policy"
	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/stack"
)

func bootstrap() *cobra.Command {
	return group("bootstrap", "Prepare an account: IAM, and credentials for clusterctl", `
Prepare an account: what clusters need in IAM, and credentials for "clusterctl init".`, bootstrapIAM(), bootstrapCredentials())
}

func bootstrapIAM() *cobra.Command {
	return group("iam", "Make what clusters need in IAM", `
Make what clusters need in IAM: roles and instance profiles of nodes, policies of the controllers, as one CloudFormation stack.

Every command takes --config, an AWSIAMConfiguration, which says what else to make and under which names;
"print-config" prints the default one. docs/iam.md has what every right is for.`,
		printPolicy(), printConfig(), printTemplate(), createStack(), deleteStack(), check())
}

func addConfig(c *cobra.Command) {
	c.Flags().String("config", "", "an AWSIAMConfiguration (YAML), - for standard input; by default all is as print-config prints it")
}

func configuration(c *cobra.Command) (*iamconfig.Configuration, error) {
	return iamconfig.Read(text(c, "config"), c.InOrStdin())
}

func printPolicy() *cobra.Command {
	names := make([]string, 0, len(policy.Names))
	for _, name := range policy.Names {
		names = append(names, string(name))
	}
	c := command("print-policy", "Print IAM policies", `
Print policies of the stack as JSON, for those who make their roles otherwise: the one that is named, also where the
configuration has the stack make none of it, or without a name all that it makes.`, `
  # What the controllers need, but for EKS
  clusterawsadm bootstrap iam print-policy --document AWSIAMManagedPolicyControllers

  # The same with what a configuration changes
  clusterawsadm bootstrap iam print-policy --document AWSIAMManagedPolicyControllers --config iam.yaml`,
		func(c *cobra.Command) error {
			conf, err := configuration(c)
			if err != nil {
				return err
			}
			name := text(c, "document")
			if name == "" {
				return printPolicies(c, &conf.Spec)
			}
			if !slices.Contains(names, name) {
				return fmt.Errorf("--document is %q; write one of %s", name, strings.Join(names, ", "))
			}
			return printDocument(c, policy.Named(&conf.Spec, policy.Name(name)))
		})
	c.Flags().String("document", "", "which policy, by default all that the configuration has the stack make: "+strings.Join(names, ", "))
	addConfig(c)
	return c
}

// printPolicies prints those of a configuration, each after its name.
func printPolicies(c *cobra.Command, spec *iamconfig.Spec) error {
	made := policy.Policies(spec)
	for _, name := range policy.Names {
		document, ok := made[name]
		if !ok {
			continue
		}
		printf(c, "PolicyName: %s\n", name)
		if err := printDocument(c, document); err != nil {
			return err
		}
	}
	return nil
}

func printDocument(c *cobra.Command, document policy.Document) error {
	out, err := json.MarshalIndent(document, "", "  ")
	printf(c, "%s\n", out)
	return err
}

func printConfig() *cobra.Command {
	c := command("print-config", "Print the configuration, with its defaults", `
Print the AWSIAMConfiguration, completed with its defaults, in version v1beta1: to begin with, or to bring one of v1alpha1 up to date.`, `
  clusterawsadm bootstrap iam print-config > iam.yaml`,
		func(c *cobra.Command) error {
			conf, err := configuration(c)
			if err != nil {
				return err
			}
			out, err := yaml.Marshal(conf)
			printf(c, "%s", out)
			return err
		})
	addConfig(c)
	return c
}

func printTemplate() *cobra.Command {
	c := command("print-cloudformation-template", "Print the stack's CloudFormation template", `
Print the CloudFormation template of the stack, for those who make stacks otherwise: with the console, Terraform, or a pipeline.`, `
  clusterawsadm bootstrap iam print-cloudformation-template > stack.yaml
  aws cloudformation deploy --stack-name cluster-api-provider-aws-sigs-k8s-io --template-file stack.yaml --capabilities CAPABILITY_NAMED_IAM`,
		func(c *cobra.Command) error {
			conf, err := configuration(c)
			if err != nil {
				return err
			}
			out, err := stack.New(&conf.Spec).YAML()
			printf(c, "%s", out)
			return err
		})
	addConfig(c)
	return c
}

// stackOf is the stack of a command's account.
func stackOf(c *cobra.Command, conf *iamconfig.Configuration) (stack.Stack, error) {
	account, err := account(c, conf.Spec.Region)
	if err != nil {
		return stack.Stack{}, err
	}
	if _, err := credentialsOf(c, account); err != nil {
		return stack.Stack{}, err
	}
	return stack.Stack{Client: cloudformation.NewFromConfig(account), Progress: c.ErrOrStderr(), Every: every}, nil
}

// every is how often a stack is looked at while it changes: its events come at a pace of some a second.
var every = 2 * time.Second

func createStack() *cobra.Command {
	c := command("create-cloudformation-stack", "Create the stack, or bring it up to date", `
Create the CloudFormation stack, or bring the one that is there up to date, wait for the end of it, and print its resources.

What happens is told on standard error while it does. Where a resource can't be made, CloudFormation takes back what was,
and the command says which and why, and fails.

IAM is one for all regions: make the stack in one region only.`, `
  # Everything as usual
  clusterawsadm bootstrap iam create-cloudformation-stack --region us-east-1

  # The same for a second installation in the account
  clusterawsadm bootstrap iam create-cloudformation-stack --config - <<EOF
  apiVersion: bootstrap.aws.infrastructure.cluster.x-k8s.io/v1beta1
  kind: AWSIAMConfiguration
  spec:
    stackName: second
    nameSuffix: .second.example.com
    eks: {defaultControlPlaneRole: {disable: true}}
  EOF`,
		func(c *cobra.Command) error {
			conf, err := configuration(c)
			if err != nil {
				return err
			}
			s, err := stackOf(c, conf)
			if err != nil {
				return err
			}
			if err := s.Changed(c.Context(), &conf.Spec); err != nil {
				return err
			}
			return s.Show(c.Context(), conf.Spec.StackName, c.OutOrStdout())
		})
	c.Aliases = []string{"update-cloudformation-stack"}
	addConfig(c)
	addRegion(c, "")
	addProfile(c)
	return c
}

func deleteStack() *cobra.Command {
	c := command("delete-cloudformation-stack", "Delete the stack", `
Delete the CloudFormation stack, and wait for the end of it. Clusters that use its roles stop working: delete them first.`, `
  clusterawsadm bootstrap iam delete-cloudformation-stack --region us-east-1`,
		func(c *cobra.Command) error {
			conf, err := configuration(c)
			if err != nil {
				return err
			}
			s, err := stackOf(c, conf)
			if err != nil {
				return err
			}
			return s.Deleted(c.Context(), conf.Spec.StackName)
		})
	addConfig(c)
	addRegion(c, "")
	addProfile(c)
	return c
}
