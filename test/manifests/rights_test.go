package manifests

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/policy"
)

// inputs are the SDK's parameters, without which no operation is called.
var inputs = regexp.MustCompile(`\b(ec2|eks|elb|elbv2|autoscaling|secretsmanager|ssm|s3|sqs|eventbridge|iam|servicequotas|sts)\.([A-Z]\w+)Input\b`)

// prefixes are the names of services in rights, where they differ from the SDK's.
var prefixes = map[string]string{"elb": "elasticloadbalancing", "elbv2": "elasticloadbalancing", "eventbridge": "events"}

// renamed are the rights that have another name than the operation, "" for one that
// needs none.
var renamed = map[string]string{
	"s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration", "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
	"s3:ListObjectsV2": "s3:ListBucket", "s3:HeadBucket": "s3:ListBucket", "s3:HeadObject": "s3:GetObject",
	"sqs:DeleteMessageBatch": "sqs:DeleteMessage", "sts:GetCallerIdentity": "",
}

// beside are the rights that AWS asks for beside that of an operation: for tags given
// with it, and for roles.
var beside = map[string][]string{
	"secretsmanager:CreateSecret": {"secretsmanager:TagResource"}, "ssm:PutParameter": {"ssm:AddTagsToResource"},
	"sqs:CreateQueue": {"sqs:TagQueue"}, "events:PutRule": {"events:TagResource"},
	"ec2:RunInstances": {"iam:PassRole"}, "autoscaling:CreateAutoScalingGroup": {"iam:CreateServiceLinkedRole"},
	"sts:GetCallerIdentity": {"sts:AssumeRole"},
}

// called lists the rights for all that the code can call.
func called(t *testing.T) []string {
	t.Helper()
	rights := map[string]bool{}
	for _, room := range []string{"cloud", "reconcile", "apiserver", "admission"} {
		err := filepath.WalkDir(filepath.Join("..", "..", room), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "enginetest") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, match := range inputs.FindAllStringSubmatch(string(text), -1) {
				service := match[1]
				if other, ok := prefixes[service]; ok {
					service = other
				}
				operation := service + ":" + match[2]
				for _, right := range beside[operation] {
					rights[right] = true
				}
				right, ok := renamed[operation]
				if !ok {
					right = operation
				}
				rights[right] = right != ""
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var all []string
	for right, needed := range rights {
		if needed {
			all = append(all, right)
		}
	}
	slices.Sort(all)
	return all
}

// comeWith are actions that AWS asks for beside those that the code calls.
var comeWith = []string{"kms:CreateGrant", "kms:DescribeKey"}

func TestThePoliciesHaveWhatTheCodeCanCall(t *testing.T) {
	var granted []string
	for _, f := range policy.Features {
		granted = append(granted, f.Actions()...)
	}
	want := called(t)
	for _, right := range want {
		if !slices.Contains(granted, right) {
			t.Errorf("cmd/clusterawsadm/policy/rights.go lacks %s: give it to a feature, and run go test ./cmd/clusterawsadm/policy -update", right)
		}
	}
	for _, right := range granted {
		if !slices.Contains(want, right) && !slices.Contains(comeWith, right) {
			t.Errorf("cmd/clusterawsadm/policy/rights.go has %s, which nothing needs", right)
		}
	}
}
