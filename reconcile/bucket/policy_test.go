package bucket

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

func TestPolicyLetsEachRoleReadItsFolder(t *testing.T) {
	profiles := infrav1.S3Bucket{Name: "b", ControlPlaneIAMInstanceProfile: "cp", NodesIAMInstanceProfiles: []string{"n.x", "nx"},
		AdditionalIAMRoles: []infrav1.S3BucketIAMRole{{Name: "extra", Prefix: "more/"}}}
	links := profiles
	links.PresignedURLDuration = aws.String("1h")
	for name, c := range map[string]struct {
		spec infrav1.S3Bucket
		// want are roles with what they may read, in order.
		want []string
	}{
		"with instance profiles": {profiles, []string{"cp b/control-plane/*", "n.x b/node/*", "n.x b/machine-pool/*", "nx b/node/*", "nx b/machine-pool/*", "extra b/more/*"}},
		"with links":             {links, []string{"extra b/more/*"}},
	} {
		t.Run(name, func(t *testing.T) {
			in := Intent{Spec: &c.spec, Account: "123456789012", Partition: "aws-cn"}
			var doc policyDocument
			if err := json.Unmarshal([]byte(in.policy()), &doc); err != nil {
				t.Fatal(err)
			}
			var have []string
			sids := map[string]bool{}
			for _, s := range doc.Statement {
				if sids[s.Sid] || !regexp.MustCompile(`^[A-Za-z0-9]+$`).MatchString(s.Sid) {
					t.Errorf("sid %q isn't unique, or has more than letters and digits", s.Sid)
				}
				sids[s.Sid] = true
				if s.Effect == "Deny" {
					continue
				}
				role := s.Principal.(map[string]any)["AWS"].(string)
				have = append(have, strings.TrimPrefix(role, "arn:aws-cn:iam::123456789012:role/")+" "+strings.TrimPrefix(s.Resource[0], "arn:aws-cn:s3:::"))
			}
			if strings.Join(have, ", ") != strings.Join(c.want, ", ") {
				t.Errorf("the policy allows %q, want %q", have, c.want)
			}
			if doc.Statement[0].Effect != "Deny" || doc.Statement[0].Condition["Bool"]["aws:SecureTransport"] != "false" {
				t.Errorf("the first statement is %+v, want one that refuses what comes without TLS", doc.Statement[0])
			}
		})
	}
}

func TestPoliciesAreComparedByWhatTheySay(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{`{"a": 1, "b": 2}`, `{"b":2,"a":1}`, true}, {`{"a": 1}`, `{"a": 2}`, false}, {"", "{}", false}, {"", "", true}} {
		if sameJSON(c.a, c.b) != c.want {
			t.Errorf("sameJSON(%q, %q) is %t", c.a, c.b, !c.want)
		}
	}
}
