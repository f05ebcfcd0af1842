package manifests

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
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
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
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

// row is one row of the table of rights.
type row struct {
	rights  []string
	without string
	capa    string
}

func rightsTable(t *testing.T) []row {
	t.Helper()
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Rights in AWS\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var rows []row
	for line := range strings.Lines(section) {
		if cells := strings.Split(line, " | "); len(cells) == 4 && strings.Contains(cells[1], ":") {
			rows = append(rows, row{regexp.MustCompile(`\w+:\w+`).FindAllString(cells[1], -1), cells[2], strings.TrimSpace(strings.Trim(cells[3], "|\n "))})
		}
	}
	return rows
}

func TestTheTableOfRightsIsWhatTheCodeCanCall(t *testing.T) {
	var documented []string
	for _, r := range rightsTable(t) {
		documented = append(documented, r.rights...)
	}
	slices.Sort(documented)
	want := called(t)
	for _, right := range want {
		if !slices.Contains(documented, right) {
			t.Errorf("docs/operations.md: the table of rights lacks %s", right)
		}
	}
	for i, right := range documented {
		if !slices.Contains(want, right) {
			t.Errorf("docs/operations.md: the table of rights has %s, which nothing needs", right)
		}
		if i > 0 && documented[i-1] == right {
			t.Errorf("docs/operations.md: the table of rights has %s twice", right)
		}
	}
}

// The list is of the rights that CAPA's own tool grants without options, and with both
// ways of keeping bootstrap data.
func TestTheTableSaysWhatCAPAsPolicyHas(t *testing.T) {
	text, err := os.ReadFile("testdata/capa-controllers-policy.txt")
	if err != nil {
		t.Fatal(err)
	}
	granted := strings.Fields(string(text))
	for _, r := range rightsTable(t) {
		if r.without == "" || r.capa == "" {
			t.Errorf("%v: the row isn't complete", r.rights)
		}
		for _, right := range r.rights {
			if has := slices.Contains(granted, right); has && r.capa == "no" || !has && r.capa == "yes" {
				t.Errorf("%s is said to be in CAPA's policy: %s", right, r.capa)
			}
		}
	}
}
