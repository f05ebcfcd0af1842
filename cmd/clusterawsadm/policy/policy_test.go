package policy

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/iamconfig"
)

var update = flag.Bool("update", false, "write the table of docs/iam.md instead of comparing with it")

// everything is a configuration with all that makes policies longer.
func everything() *iamconfig.Spec {
	spec := &iamconfig.Default().Spec
	spec.EKS.AllowIAMRoleCreation, spec.EKS.EnableUserEKSConsolePolicy = true, true
	spec.ControlPlane.EnableCSIPolicy, spec.S3Buckets.Enable, spec.EventBridge.Enable, spec.AllowAssumeRole = true, true, true, true
	spec.SecureSecretsBackends = []string{iamconfig.SecretsManager, iamconfig.ParameterStore}
	return spec
}

// clients have a method for every operation of their services.
var clients = map[string][]any{
	"autoscaling": {&autoscaling.Client{}}, "ec2": {&ec2.Client{}}, "eks": {&eks.Client{}}, "elasticloadbalancing": {&elb.Client{}, &elbv2.Client{}}, "events": {&eventbridge.Client{}},
	"iam": {&iam.Client{}}, "s3": {&s3.Client{}}, "secretsmanager": {&secretsmanager.Client{}}, "servicequotas": {&servicequotas.Client{}}, "sqs": {&sqs.Client{}}, "ssm": {&ssm.Client{}},
	"sts": {&sts.Client{}},
}

// withoutOperation are actions that aren't named as an operation, or whose service has no client here ("Actions, resources, and condition keys
// for AWS services").
var withoutOperation = []string{
	"iam:PassRole", "sts:TagSession", "s3:ListBucket", "s3:GetLifecycleConfiguration", "s3:PutLifecycleConfiguration", "s3:GetEncryptionConfiguration", "eks:AccessKubernetesApi",
	"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:DescribeRepositories", "ecr:GetAuthorizationToken", "ecr:GetDownloadUrlForLayer", "ecr:GetRepositoryPolicy", "ecr:ListImages",
	"kms:CreateGrant", "kms:DescribeKey", "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
	"ssm:UpdateInstanceInformation", "ec2:CreateTags", "tag:GetResources",
}

func known(service, action string) bool {
	if slices.Contains(withoutOperation, service+":"+action) {
		return true
	}
	for _, client := range clients[service] {
		if _, ok := reflect.TypeOf(client).MethodByName(action); ok {
			return true
		}
	}
	return false
}

func TestPoliciesAreIAMsGrammarWithActionsThatAWSHas(t *testing.T) {
	for kind, spec := range map[string]*iamconfig.Spec{"default": &iamconfig.Default().Spec, "everything": everything()} {
		for name, document := range Policies(spec) {
			for _, problem := range Lint(document, known) {
				t.Errorf("%s, %s: %s", kind, name, problem)
			}
		}
	}
	for _, action := range withoutOperation {
		service, name, _ := strings.Cut(action, ":")
		for _, client := range clients[service] {
			if _, ok := reflect.TypeOf(client).MethodByName(name); ok && action != "ec2:CreateTags" {
				t.Errorf("%s is an operation", action)
			}
		}
	}
}

// TestWhatAConfigurationAllowsBoundsRoles: an empty list allows what none allows.
func TestWhatAConfigurationAllowsBoundsRoles(t *testing.T) {
	statements := func(action, key, holds string, change func(*iamconfig.Spec)) (found []Statement) {
		spec := everything()
		change(spec)
		for _, document := range Policies(spec) {
			for _, s := range document.Statement {
				if slices.Contains(s.Action, action) && (key == "" && s.Condition == nil || strings.Contains(text(s.Condition), `"`+key+`":`) && strings.Contains(text(s.Condition), holds)) {
					found = append(found, s)
				}
			}
		}
		return found
	}
	if all := statements("iam:AttachRolePolicy", "", "", func(*iamconfig.Spec) {}); all != nil {
		t.Errorf("any policy may be attached: %+v", all)
	}
	for name, c := range map[string]struct {
		change func(*iamconfig.Spec)
		want   List
	}{
		"pods, by default":            {func(*iamconfig.Spec) {}, List{"*"}},
		"pods, of an empty list":      {func(s *iamconfig.Spec) { s.EKS.AllowedPodIdentityRoles = []string{} }, List{"*"}},
		"pods, where roles are named": {func(s *iamconfig.Spec) { s.EKS.AllowedPodIdentityRoles = []string{"pods-*", "dns"} }, List{"arn:*:iam::*:role/pods-*", "arn:*:iam::*:role/dns"}},
	} {
		if got := statements("iam:PassRole", "iam:PassedToService", "pods.eks.amazonaws.com", c.change); len(got) != 1 || !slices.Equal(got[0].Resource, c.want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	own := statements("iam:AttachRolePolicy", "iam:PolicyARN", "policy/nodes-*", func(s *iamconfig.Spec) {
		s.EKS.AllowedRolePolicies = []string{"arn:aws:iam::123456789012:policy/nodes-*"}
	})
	if len(own) != 1 || !strings.Contains(text(own[0].Condition), "policy/AmazonEKS*") || !slices.Equal(own[0].Action, List{"iam:AttachRolePolicy"}) {
		t.Errorf("attached may be %+v", own)
	}
	machines := statements("iam:PassRole", "", "", func(s *iamconfig.Spec) { s.ClusterAPIControllers.AllowedEC2InstanceProfiles = []string{} })
	if len(machines) != 1 || !slices.Equal(machines[0].Resource, List{"arn:*:iam::*:role/*.cluster-api-provider-aws.sigs.k8s.io"}) {
		t.Errorf("machines may get %+v", machines)
	}
}

func TestTheLinterFindsWhatIAMRefuses(t *testing.T) {
	good := Allow([]string{"ec2:DescribeVpcs"}, []string{"*"}, nil)
	with := func(change func(*Statement)) Document {
		s := good
		change(&s)
		return Document{Version: Version, Statement: []Statement{s}}
	}
	if problems := Lint(with(func(*Statement) {}), known); problems != nil {
		t.Errorf("a good one is said to have %q", problems)
	}
	for says, d := range map[string]Document{
		"Version is":               {Version: "2008-10-17", Statement: []Statement{good}},
		"no statement":             {Version: Version},
		"Allow or Deny":            with(func(s *Statement) { s.Effect = "Permit" }),
		"no action of AWS's":       with(func(s *Statement) { s.Action = List{"ec2:DescribeVpcz"} }),
		"it is service:Action":     with(func(s *Statement) { s.Action = List{"DescribeVpcs"} }),
		"twice":                    with(func(s *Statement) { s.Action = List{"ec2:DescribeVpcs", "ec2:DescribeVpcs"} }),
		"there is no action":       with(func(s *Statement) { s.Action = nil }),
		"there is no resource":     with(func(s *Statement) { s.Resource = nil }),
		"is no ARN":                with(func(s *Statement) { s.Resource = List{"arn:aws:ec2"} }),
		"have a region or none":    with(func(s *Statement) { s.Resource = List{"arn:aws:iam:us-east-1:*:role/x"} }),
		"is no condition operator": with(func(s *Statement) { s.Condition = Condition{"StringIs": {"a:b": "c"}} }),
		"is no condition key":      with(func(s *Statement) { s.Condition = Condition{"StringEquals": {"b": "c"}} }),
		"trust has no resource":    with(func(s *Statement) { s.Principal = map[string]List{"Service": {"ec2.amazonaws.com"}} }),
		"no kind of principal":     with(func(s *Statement) { s.Principal = map[string]List{"Services": {"ec2.amazonaws.com"}} }),
		"is no principal":          with(func(s *Statement) { s.Principal = map[string]List{"Service": {"ec2"}} }),
		"other characters":         with(func(s *Statement) { s.Sid = "a b" }),
		"a managed policy has":     with(func(s *Statement) { s.Resource = slices.Repeat(List{"arn:aws:iam::*:role/a"}, 300) }),
	} {
		if problems := strings.Join(Lint(d, known), "\n"); !strings.Contains(problems, says) {
			t.Errorf("it says %q, want %q", problems, says)
		}
	}
}

func TestNoRightIsGrantedTwice(t *testing.T) {
	seen := map[string]string{}
	for _, f := range Features {
		for _, g := range f.Under(everything()) {
			for _, action := range g.Actions {
				where := action + " on " + strings.Join(g.resources(), ",") + text(g.Condition)
				if before, ok := seen[where]; ok {
					t.Errorf("%s is for %q and for %q", where, before, f.For)
				}
				seen[where] = f.For
			}
		}
	}
}

// capas are what CAPA's own tool grants its controllers: its two policies, and what options add.
type capas struct {
	Controllers Document `json:"controllers"`
	EKS         Document `json:"controllers-eks"`
	Options     map[string][]Statement
}

func readCAPAs(t *testing.T) capas {
	t.Helper()
	var out capas
	content, err := os.ReadFile("testdata/capa-v2.13.0.json")
	if err == nil {
		err = json.Unmarshal(content, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// misplaced are actions that CAPA's policy grants on clusters only, and EKS wants on what they are about.
var misplaced = []string{"eks:DescribeIdentityProviderConfig", "eks:DisassociateIdentityProviderConfig"}

func has(list []Statement, action string) bool {
	return !slices.Contains(misplaced, action) && slices.ContainsFunc(list, func(s Statement) bool { return slices.Contains(s.Action, action) })
}

// column says what CAPA's policies have of a feature.
func (c capas) column(f Feature) string {
	where := map[string][]string{}
	for _, action := range f.Actions() {
		in := "no"
		for name, list := range c.Options {
			if has(list, action) {
				in = "with its `" + name + "`"
			}
		}
		if has(c.EKS.Statement, action) {
			in = "in that for EKS"
		}
		if has(c.Controllers.Statement, action) {
			in = "yes"
		}
		where[in] = append(where[in], "`"+action+"`")
	}
	most := "no"
	for in := range where {
		if in != "no" && (most == "no" || len(where[in]) > len(where[most])) {
			most = in
		}
	}
	out := most
	if most != "yes" && most != "no" {
		out = "yes, " + most
	}
	for _, in := range []string{"yes", "in that for EKS", "no"} {
		if in != most && len(where[in]) > 0 {
			out += map[string]string{"no": "; not ", "yes": "; in both: ", "in that for EKS": "; in that for EKS "}[in] + strings.Join(where[in], ", ")
		}
	}
	return out
}

const begin, end = "<!-- rights: begin -->\n", "<!-- rights: end -->\n"

func table(c capas) string {
	out := &strings.Builder{}
	for _, name := range []Name{Controllers, ControllersEKS} {
		_, _ = fmt.Fprintf(out, "\n### %s\n\n| For | Rights | Without them | In CAPA's policy |\n|---|---|---|---|\n", name)
		for _, f := range Features {
			if f.In != name {
				continue
			}
			what, without := f.For, f.Without
			if f.Option != "" {
				what += " (option `" + f.Option + "`)"
			}
			if f.Optional {
				without = "optional: " + without
			}
			var rights []string
			for _, action := range f.Actions() {
				rights = append(rights, "`"+action+"`")
			}
			_, _ = fmt.Fprintf(out, "| %s | %s | %s | %s |\n", what, strings.Join(rights, ", "), without, c.column(f))
		}
	}
	return out.String() + "\n"
}

func TestTheDocumentedRightsAreTheseOnes(t *testing.T) {
	const path = "../../../docs/iam.md"
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := bytes.Cut(content, []byte(begin))
	_, after, closed := bytes.Cut(rest, []byte(end))
	if !ok || !closed {
		t.Fatalf("%s lacks the marks of its table", path)
	}
	want := string(before) + begin + table(readCAPAs(t)) + end + string(after)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(content) != want {
		t.Errorf("%s is out of date: go test ./cmd/clusterawsadm/policy -update writes it", path)
	}
}

func TestEveryFeatureSaysWhatItIsForAndWhatIsLostWithoutIt(t *testing.T) {
	for i, f := range Features {
		if f.For == "" || f.Without == "" || f.In == "" || len(f.Actions()) == 0 || (f.Option == "") != (f.If == nil || f.Wanted(&iamconfig.Default().Spec)) {
			t.Errorf("feature %d, %q, isn't complete", i, f.For)
		}
	}
}
