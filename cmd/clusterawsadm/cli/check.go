package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/iamconfig"
	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/policy"
)

// finding is how it is with a feature.
type finding struct {
	Feature  string   `json:"feature"`
	Optional bool     `json:"optional,omitempty"`
	Option   string   `json:"option,omitempty"`
	Missing  []string `json:"missing,omitempty"`
	Without  string   `json:"without,omitempty"`
}

func check() *cobra.Command {
	c := command("check", "Tell which rights an identity lacks, and for what", `
Tell which of the rights that clusters need an identity lacks, and what doesn't work without them. IAM is asked what it would
allow (iam:SimulatePrincipalPolicy, which the caller needs); nothing is done.

By default the caller is checked; --role checks a role. Features that the configuration doesn't ask for are left out
(--config, or --all for all of them). The command fails if something is missing that isn't optional.

What IAM's simulation doesn't know: policies of the organization and of sessions.`, `
  # The credentials that clusters would be made with
  clusterawsadm bootstrap iam check

  # The role of the stack
  clusterawsadm bootstrap iam check --role controllers.cluster-api-provider-aws.sigs.k8s.io

  # Whether the role of another account's clusters may do all there is, for a pipeline
  clusterawsadm bootstrap iam check --role arn:aws:iam::111122223333:role/fleet --all -o json`, runCheck)
	c.Flags().String("role", "", "the role to check, by its name or ARN; by default the caller")
	c.Flags().Bool("all", false, "check what the configuration doesn't ask for, too")
	c.Flags().StringP("output", "o", outputTable, outputHelp)
	addConfig(c)
	addRegion(c, "")
	addProfile(c)
	return c
}

func runCheck(c *cobra.Command) error {
	if err := outputOf(c); err != nil {
		return err
	}
	conf, err := configuration(c)
	if err != nil {
		return err
	}
	account, err := account(c, anyRegion)
	if err != nil {
		return err
	}
	who, err := principal(c, account)
	if err != nil {
		return err
	}
	everything := text(c, "all") == "true"
	if everything {
		allOf(&conf.Spec)
	}
	parts := strings.SplitN(who, ":", 6)
	found, lacking := []finding{}, 0
	for _, f := range policy.Features {
		if !f.Wanted(&conf.Spec) {
			continue
		}
		missing, err := missing(c.Context(), iam.NewFromConfig(account), who, f.Questions(&conf.Spec, parts[1], parts[4], account.Region))
		if err != nil {
			return err
		}
		x := finding{Feature: f.For, Optional: f.Optional, Option: f.Option, Missing: missing}
		if len(missing) > 0 {
			x.Without = f.Without
			if !f.Optional {
				lacking++
			}
		}
		found = append(found, x)
	}
	if err := show(c, found, func() { findings(c, who, found) }); err != nil {
		return err
	}
	if lacking > 0 {
		return fmt.Errorf("%s lacks rights for %d of %d features; clusterawsadm bootstrap iam update-cloudformation-stack grants them, or see docs/iam.md", who, lacking, len(found))
	}
	return nil
}

// allOf has a configuration ask for all there is.
func allOf(spec *iamconfig.Spec) {
	spec.EKS.Disable, spec.EKS.AllowIAMRoleCreation = false, true
	spec.S3Buckets.Enable, spec.EventBridge.Enable, spec.AllowAssumeRole = true, true, true
	spec.SecureSecretsBackends = []string{iamconfig.SecretsManager, iamconfig.ParameterStore}
}

var session = regexp.MustCompile(`^arn:([^:]+):sts::(\d+):assumed-role/([^/]+)/`)

// principal is the ARN of whom to check: IAM simulates roles and users, not sessions.
func principal(c *cobra.Command, account aws.Config) (string, error) {
	role := text(c, "role")
	if strings.HasPrefix(role, "arn:") {
		return role, nil
	}
	client := iam.NewFromConfig(account)
	if role == "" {
		caller, err := sts.NewFromConfig(account).GetCallerIdentity(c.Context(), &sts.GetCallerIdentityInput{})
		if err != nil {
			return "", fmt.Errorf("who asks isn't known: %w", err)
		}
		assumed := session.FindStringSubmatch(*caller.Arn)
		if assumed == nil {
			if strings.HasSuffix(*caller.Arn, ":root") {
				return "", fmt.Errorf("%s is the account's root user, who may do everything: don't make clusters with it", *caller.Arn)
			}
			return *caller.Arn, nil
		}
		role = assumed[3]
		if out, err := client.GetRole(c.Context(), &iam.GetRoleInput{RoleName: &role}); err == nil {
			return *out.Role.Arn, nil
		}
		return fmt.Sprintf("arn:%s:iam::%s:role/%s", assumed[1], assumed[2], role), nil
	}
	out, err := client.GetRole(c.Context(), &iam.GetRoleInput{RoleName: &role})
	if err != nil {
		return "", fmt.Errorf("role %s: %w; give its ARN if iam:GetRole is what is missing", role, err)
	}
	return *out.Role.Arn, nil
}

// missing are the actions that somebody may not do. IAM answers for many actions on one resource at once.
func missing(ctx context.Context, client *iam.Client, who string, questions []policy.Question) ([]string, error) {
	var out []string
	for len(questions) > 0 {
		first, rest, in := questions[0], []policy.Question(nil), &iam.SimulatePrincipalPolicyInput{PolicySourceArn: &who, ResourceArns: []string{questions[0].Resource}}
		for key, value := range first.Context {
			in.ContextEntries = append(in.ContextEntries, types.ContextEntry{ContextKeyName: aws.String(key), ContextKeyType: types.ContextKeyTypeEnumString, ContextKeyValues: []string{value}})
		}
		for _, q := range questions {
			if q.Resource == first.Resource && maps.Equal(q.Context, first.Context) {
				in.ActionNames = append(in.ActionNames, q.Action)
			} else {
				rest = append(rest, q)
			}
		}
		pages := iam.NewSimulatePrincipalPolicyPaginator(client, in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, fmt.Errorf("IAM can't be asked what %s may do: %w; the caller needs iam:SimulatePrincipalPolicy", who, err)
			}
			for _, r := range page.EvaluationResults {
				if r.EvalDecision != types.PolicyEvaluationDecisionTypeAllowed && !slices.Contains(out, *r.EvalActionName) {
					out = append(out, *r.EvalActionName)
				}
			}
		}
		questions = rest
	}
	return out, nil
}

func findings(c *cobra.Command, who string, found []finding) {
	printf(c, "Rights of %s:\n\n", who)
	w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, x := range found {
		state := "ok"
		if len(x.Missing) > 0 {
			state = map[bool]string{true: "less", false: "MISSING"}[x.Optional]
		}
		feature := x.Feature
		if x.Option != "" {
			feature += " (option " + x.Option + ")"
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\n", state, feature)
		if len(x.Missing) > 0 {
			_, _ = fmt.Fprintf(w, "\t  lacks %s\n\t  without: %s\n", strings.Join(x.Missing, ", "), x.Without)
		}
	}
	_ = w.Flush()
}

// Forms of output.
const (
	outputTable = "table"
	outputHelp  = "the output's form: table, json or yaml"
)

// outputOf checks -o before anything is asked.
func outputOf(c *cobra.Command) error {
	if o := text(c, "output"); !slices.Contains([]string{outputTable, "json", "yaml"}, o) {
		return fmt.Errorf("--output is %q; write table, json or yaml", o)
	}
	return nil
}

// show prints data in the form of -o; table prints it as one.
func show(c *cobra.Command, data any, table func()) error {
	switch text(c, "output") {
	case "json":
		out, err := json.MarshalIndent(data, "", "  ")
		printf(c, "%s\n", out)
		return err
	case "yaml":
		out, err := yaml.Marshal(data)
		printf(c, "%s", out)
		return err
	}
	table()
	return nil
}
