package cli

import (
	"bytes"
	"context"
	"encoding/base64"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/capa-apiserver/capa-apiserver/cloud/transport"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

var update = flag.Bool("update", false, "write the files of testdata instead of comparing with them")

// emulated is an AWS account in which commands run.
func emulated(t *testing.T, change ...func(*emulator.Config)) *emulator.Emulator {
	t.Helper()
	config := emulator.DefaultConfig()
	config.StackDelay = time.Millisecond
	for _, f := range change {
		f(&config)
	}
	e := emulator.New(emulator.Options{Config: &config, Seed: 1})
	url, stop, err := e.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	every = time.Millisecond
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": url, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_CONFIG_FILE": "/nowhere", "AWS_SHARED_CREDENTIALS_FILE": "/nowhere", "AWS_EC2_METADATA_DISABLED": "true"} {
		t.Setenv(name, value)
	}
	return e
}

func run(stdin string, args ...string) (stdout, stderr string, err error) {
	var out, errs bytes.Buffer
	c := New(strings.NewReader(stdin))
	c.SetOut(&out)
	c.SetErr(&errs)
	c.SetArgs(args)
	err = c.ExecuteContext(context.Background())
	return out.String(), errs.String(), err
}

// runs fails the test if the command fails.
func runs(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	stdout, stderr, err := run("", args...)
	if err != nil {
		t.Fatalf("%q: %v\n%s", args, err, stderr)
	}
	return stdout, stderr
}

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s differs (go test ./cmd/clusterawsadm/cli -update writes it):\n%s", path, got)
	}
}

func iamOf(t *testing.T) *iam.Client {
	t.Helper()
	return iam.NewFromConfig(aws.Config{Region: "us-east-1", BaseEndpoint: aws.String(os.Getenv("AWS_ENDPOINT_URL")), Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")})
}

func TestTheStackHasElevenResourcesAndTellsHowTheyAre(t *testing.T) {
	e := emulated(t)
	stdout, stderr := runs(t, "bootstrap", "iam", "create-cloudformation-stack")
	var got []string
	for _, line := range regexp.MustCompile(`(?m)^(AWS::\S+) *\|(\S+) *\|(\S+)$`).FindAllStringSubmatch(stdout, -1) {
		got = append(got, line[1]+" "+line[2][strings.LastIndex(line[2], "/")+1:]+" "+line[3])
	}
	const suffix = ".cluster-api-provider-aws.sigs.k8s.io"
	var want []string
	for kind, names := range map[string][]string{
		"AWS::IAM::InstanceProfile": {"control-plane", "controllers", "nodes"},
		"AWS::IAM::ManagedPolicy":   {"control-plane", "nodes", "controllers", "controllers-eks"},
		"AWS::IAM::Role":            {"control-plane", "controllers", "eks-controlplane", "nodes"},
	} {
		for _, name := range names {
			want = append(want, kind+" "+name+suffix+" CREATE_COMPLETE")
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("it has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, said := range []string{"Attempting to create AWS CloudFormation stack cluster-api-provider-aws-sigs-k8s-io", "CREATE_IN_PROGRESS    AWS::IAM::Role", "AWSIAMRoleNodes  nodes" + suffix} {
		if !strings.Contains(stderr, said) {
			t.Errorf("it doesn't tell %q:\n%s", said, stderr)
		}
	}
	if _, stderr = runs(t, "bootstrap", "iam", "update-cloudformation-stack"); !strings.Contains(stderr, "as the template says already") {
		t.Errorf("again it tells %s", stderr)
	}
	attached, err := iamOf(t).ListAttachedRolePolicies(t.Context(), &iam.ListAttachedRolePoliciesInput{RoleName: aws.String("controllers" + suffix)})
	if err != nil || len(attached.AttachedPolicies) != 2 {
		t.Errorf("controllers have %v, %v", attached, err)
	}
	runs(t, "bootstrap", "iam", "delete-cloudformation-stack")
	if left := e.Resources("", ""); len(left) != 0 {
		t.Errorf("left is %+v", left)
	}
	if _, stderr = runs(t, "bootstrap", "iam", "delete-cloudformation-stack"); !strings.Contains(stderr, "There is no AWS CloudFormation stack") {
		t.Errorf("again it tells %s", stderr)
	}
}

func TestAResourceThatCantBeMadeIsNamedWithItsReasonAndCure(t *testing.T) {
	e := emulated(t)
	const name = "nodes.cluster-api-provider-aws.sigs.k8s.io"
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	if _, err := iamOf(t).CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String(name), AssumeRolePolicyDocument: &trust}); err != nil {
		t.Fatal(err)
	}
	stdout, _, err := run("", "bootstrap", "iam", "create-cloudformation-stack")
	if err == nil || stdout != "" {
		t.Fatalf("it ends with %v and prints %s", err, stdout)
	}
	for _, said := range []string{"is ROLLBACK_COMPLETE", "AWSIAMRoleNodes (AWS::IAM::Role) CREATE_FAILED", "Role with name " + name + " already exists", "nameSuffix in --config"} {
		if !strings.Contains(err.Error(), said) {
			t.Errorf("it doesn't say %q:\n%v", said, err)
		}
	}
	// Once the cause is gone the same command does it.
	if _, err := iamOf(t).DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: aws.String(name)}); err != nil {
		t.Fatal(err)
	}
	if _, stderr := runs(t, "bootstrap", "iam", "create-cloudformation-stack"); !strings.Contains(stderr, "it can only be deleted, which comes first") {
		t.Errorf("it tells %s", stderr)
	}
	if n := len(e.Resources("", "")); n != 12 {
		t.Errorf("there are %d resources and the stack", n)
	}
}

const full = `
apiVersion: bootstrap.aws.infrastructure.cluster.x-k8s.io/v1beta1
kind: AWSIAMConfiguration
spec:
  namePrefix: my-
  nameSuffix: .example.com
  stackName: mine
  stackTags: {team: platform}
  region: eu-west-1
  partition: aws
  secureSecretBackends: [secrets-manager, ssm-parameter-store]
  allowAssumeRole: true
  s3Buckets: {enable: true, namePrefix: my-buckets-}
  eventBridge: {enable: true}
  bootstrapUser:
    enable: true
    extraPolicyAttachments: [arn:aws:iam::aws:policy/ReadOnlyAccess]
    extraStatements: [{Effect: Allow, Action: ["s3:GetObject"], Resource: ["*"]}]
    tags: {a: b}
  controlPlane:
    path: /team/
    permissionsBoundary: arn:aws:iam::aws:policy/PowerUserAccess
    extraPolicyAttachments: [arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore]
    extraStatements: [{Effect: Allow, Action: "ec2:DescribeVolumes", Resource: "*"}]
    enableCSIPolicy: true
    disableClusterAPIControllerPolicyAttachment: true
    tags: {z: "1", a: "2"}
  clusterAPIControllers:
    allowedEC2InstanceProfiles: ["*.example.com", "team-*"]
    trustStatements: [{Effect: Allow, Action: "sts:AssumeRole", Principal: {AWS: "arn:aws:iam::123456789012:root"}}]
  nodes: {ec2ContainerRegistryReadOnly: true}
  eks:
    iamRoleCreation: true
    enableUserEKSConsolePolicy: true
    kmsAliasPrefix: mine-*
    managedMachinePool: {disable: false}
    fargate: {tags: {c: d}}
`

func TestPrintedTemplates(t *testing.T) {
	emulated(t)
	for name, config := range map[string]string{"default": "", "full": full,
		"without-eks": "apiVersion: bootstrap.aws.infrastructure.cluster.x-k8s.io/v1beta1\nkind: AWSIAMConfiguration\nspec: {eks: {disable: true}, nodes: {disableCloudProviderPolicy: true}}\n"} {
		t.Run(name, func(t *testing.T) {
			args := []string{"bootstrap", "iam", "print-cloudformation-template"}
			if config != "" {
				args = append(args, "--config", "-")
			}
			stdout, _, err := run(config, args...)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "template-"+name+".yaml", stdout)
		})
	}
}

func TestAFullConfigurationIsMadeAndUnmade(t *testing.T) {
	e := emulated(t)
	stdout, stderr, err := run(full, "bootstrap", "iam", "create-cloudformation-stack", "--config", "-", "--region", "eu-west-1")
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	for _, said := range []string{"AWS::IAM::User", "AWS::IAM::Group", "my-csi.example.com", "my-eks-console.example.com", "eks-fargate.cluster-api-provider-aws.sigs.k8s.io"} {
		if !strings.Contains(stdout, said) {
			t.Errorf("it lacks %s:\n%s", said, stdout)
		}
	}
	// An option less is a resource less.
	less := strings.Replace(full, "enableCSIPolicy: true", "enableCSIPolicy: false", 1)
	if stdout, stderr, err = run(less, "bootstrap", "iam", "create-cloudformation-stack", "--config", "-", "--region", "eu-west-1"); err != nil || strings.Contains(stdout, "my-csi") {
		t.Errorf("%v\n%s\n%s", err, stderr, stdout)
	}
	if _, stderr, err = run(less, "bootstrap", "iam", "delete-cloudformation-stack", "--config", "-", "--region", "eu-west-1"); err != nil {
		t.Errorf("%v\n%s", err, stderr)
	}
	if left := e.Resources("", ""); len(left) != 0 {
		t.Errorf("left is %+v", left)
	}
}

func TestPrintedPoliciesAndConfiguration(t *testing.T) {
	emulated(t)
	for _, name := range []string{"AWSIAMManagedPolicyControllers", "AWSIAMManagedPolicyControllersEKS"} {
		stdout, _ := runs(t, "bootstrap", "iam", "print-policy", "--document", name)
		golden(t, name+".json", stdout)
	}
	if stdout, _ := runs(t, "bootstrap", "iam", "print-policy", "--document", "AWSEBSCSIPolicyController", "-v", "4"); !strings.Contains(stdout, "ec2:CreateSnapshot") {
		t.Errorf("of a policy that the configuration doesn't make it prints %s", stdout)
	}
	all, _ := runs(t, "bootstrap", "iam", "print-policy")
	for _, name := range []string{"Controllers", "ControllersEKS", "CloudProviderControlPlane", "CloudProviderNodes"} {
		one, _ := runs(t, "bootstrap", "iam", "print-policy", "--document", "AWSIAMManagedPolicy"+name)
		if !strings.Contains(all, "PolicyName: AWSIAMManagedPolicy"+name+"\n"+one) {
			t.Errorf("without a name it lacks %s:\n%s", name, all)
		}
	}
	if strings.Count(all, "PolicyName: ") != 4 {
		t.Errorf("without a name it prints %s", all)
	}
	stdout, _ := runs(t, "bootstrap", "iam", "print-config")
	golden(t, "config-default.yaml", stdout)
	again, _, err := run(stdout, "bootstrap", "iam", "print-config", "--config", "-")
	// Where EKS is spoken of, nodes may read ECR: as CAPA does.
	if want := strings.Replace(stdout, "ec2ContainerRegistryReadOnly: false", "ec2ContainerRegistryReadOnly: true", 1); err != nil || again != want {
		t.Errorf("read again it is %s, %v", again, err)
	}
	for enable, disable := range map[string]string{"true": "disable: false", "false": "disable: true"} {
		stdout, _, err := run("apiVersion: bootstrap.aws.infrastructure.cluster.x-k8s.io/v1alpha1\nkind: AWSIAMConfiguration\nspec: {eks: {enable: "+enable+"}}\n", "bootstrap", "iam", "print-config", "--config", "-")
		if _, eks, _ := strings.Cut(stdout, "\n  eks:\n"); err != nil || !strings.Contains(stdout, "v1beta1") || !strings.Contains(eks, "\n    "+disable) {
			t.Errorf("enable: %s is %s, %v", enable, stdout, err)
		}
	}
}

func TestWrongInputIsRefusedWithWhatToWrite(t *testing.T) {
	emulated(t)
	head := "apiVersion: bootstrap.aws.infrastructure.cluster.x-k8s.io/v1beta1\nkind: AWSIAMConfiguration\n"
	config := []string{"bootstrap", "iam", "print-config", "--config", "-"}
	for name, x := range map[string]struct {
		stdin string
		args  []string
		says  string
	}{
		"no command":       {"", []string{"bootstrap", "iam", "create"}, "clusterawsadm bootstrap iam has check, create-cloudformation-stack, delete-cloudformation-stack"},
		"a document":       {"", []string{"bootstrap", "iam", "print-policy", "--document", "x"}, "write one of AWSIAMManagedPolicyControllers, "},
		"no file":          {"", []string{"bootstrap", "iam", "print-config", "--config", "/nowhere"}, "print-config prints one to begin with"},
		"another kind":     {"kind: Pod", config, "write kind: AWSIAMConfiguration"},
		"another version":  {"kind: AWSIAMConfiguration\napiVersion: x/v1", config, "write apiVersion: bootstrap.aws.infrastructure.cluster.x-k8s.io/v1beta1"},
		"an unknown field": {head + "spec: {nodes: {colour: red}}", config, `unknown field "spec.nodes.colour"`},
		"mixed versions":   {strings.Replace(head, "v1beta1", "v1alpha1", 1) + "spec: {eks: {disable: true}}", config, "in v1alpha1 write spec.eks.enable"},
		"a backend":        {head + "spec: {secureSecretBackends: [vault]}", config, "write secrets-manager or ssm-parameter-store"},
		"a suffix":         {head + "spec: {nameSuffix: ' x'}", config, "letters, digits and +=,.@_- only"},
		"a long suffix":    {head + "spec: {nameSuffix: " + strings.Repeat("x", 60) + "}", config, "IAM takes 64"},
		"a stack name":     {head + "spec: {stackName: 1x}", config, "spec.stackName"},
		"a partition":      {head + "spec: {partition: mars}", config, "write aws, aws-cn or aws-us-gov"},
		"a path":           {head + "spec: {nodes: {path: team}}", config, "begin and end it with /"},
		"a boundary":       {head + "spec: {nodes: {permissionsBoundary: x}}", config, "write a policy's ARN"},
		"an attachment":    {head + "spec: {eks: {fargate: {extraPolicyAttachments: [x]}}}", config, "spec.eks.fargate.extraPolicyAttachments[0]"},
		"an encoding":      {"", []string{"bootstrap", "credentials", "encode-as-profile", "--output", "x"}, "write rawSharedConfig or base64SharedConfig"},
		"a version's form": {"", []string{"version", "-o", "x"}, "write yaml, json or short"},
		"an argument":      {"", []string{"version", "x"}, "unknown command"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := run(x.stdin, x.args...); err == nil || !strings.Contains(err.Error(), x.says) {
				t.Errorf("it says %v, want %q", err, x.says)
			}
		})
	}
	t.Run("a policy that doesn't fit", func(t *testing.T) {
		names := strings.Repeat("a-role-of-a-team-with-a-long-name, ", 60)
		_, _, err := run(head+"spec: {clusterAPIControllers: {allowedEC2InstanceProfiles: ["+names+"x]}}", "bootstrap", "iam", "create-cloudformation-stack", "--config", "-")
		if err == nil || !strings.Contains(err.Error(), "IAM takes 6144: give fewer allowedEC2InstanceProfiles") {
			t.Error(err)
		}
	})
	t.Run("no credentials", func(t *testing.T) {
		t.Setenv("AWS_ACCESS_KEY_ID", "")
		t.Setenv("AWS_SECRET_ACCESS_KEY", "")
		if _, _, err := run("", "bootstrap", "iam", "create-cloudformation-stack"); err == nil || !strings.Contains(err.Error(), "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY") {
			t.Error(err)
		}
	})
	t.Run("no region", func(t *testing.T) {
		t.Setenv("AWS_REGION", "")
		if _, _, err := run("", "bootstrap", "iam", "create-cloudformation-stack"); err == nil || !strings.Contains(err.Error(), "use --region, for example --region us-east-1, or set AWS_REGION") {
			t.Error(err)
		}
	})
}

func TestCredentialsAreEncodedForClusterctl(t *testing.T) {
	emulated(t)
	raw, stderr := runs(t, "bootstrap", "credentials", "encode-as-profile", "--output", "rawSharedConfig")
	if raw != "[default]\naws_access_key_id = AKIATEST\naws_secret_access_key = secret\nregion = us-east-1\n\n\n" || !strings.Contains(stderr, "should only be used for bootstrapping") {
		t.Errorf("it is %q, %s", raw, stderr)
	}
	t.Setenv("AWS_SESSION_TOKEN", "token")
	t.Setenv("AWS_REGION", "")
	encoded, stderr := runs(t, "bootstrap", "credentials", "encode-as-profile", "--region", "eu-west-1")
	plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil || !strings.Contains(string(plain), "region = eu-west-1\n\naws_session_token = token\n") || !strings.Contains(stderr, "credentials of a session") {
		t.Errorf("it is %s, %s, %v", plain, stderr, err)
	}
}

// TestEveryCommandExplainsItself: --help has an introduction, and an example where a command does something.
func TestEveryCommandExplainsItself(t *testing.T) {
	root := New(strings.NewReader(""))
	for list := root.Commands(); len(list) > 0; list = list[1:] {
		c := list[0]
		list = append(list, c.Commands()...)
		if c.Name() == "help" {
			continue
		}
		if c.Short == "" || len(c.Long) < 30 || !c.HasSubCommands() && !strings.Contains(c.Example, "clusterawsadm ") && !strings.Contains(c.Example, "| ") {
			t.Errorf("%s doesn't explain itself", c.CommandPath())
		}
	}
}

// instant has nothing take long.
func instant(c *emulator.Config) {
	c.ClusterDelay, c.AddonDelay, c.ClusterUpdateDelay, c.ClusterUpdateLag = time.Millisecond, time.Millisecond, time.Millisecond, 0
}

// TestCallsAreMadeOverTheTransportThatLosesNoAnswers: the SDK's own closes connections with answers still on their way.
func TestCallsAreMadeOverTheTransportThatLosesNoAnswers(t *testing.T) {
	command := listImages()
	command.SetContext(t.Context())
	got, err := account(command, "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	if own := reflect.TypeOf(transport.Shared(nil)); reflect.TypeOf(got.HTTPClient) != own {
		t.Errorf("the client is %T, want %s", got.HTTPClient, own)
	}
}
