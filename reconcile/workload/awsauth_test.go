package workload

import (
	"strings"
	"testing"
)

const someRoles = `# made by hand
- rolearn: arn:aws:iam::1:role/admins # ours
  username: admin
  groups: [system:masters]
- groups:
  - system:nodes
  rolearn: arn:aws:iam::1:role/nodes
  username: system:node:{{EC2PrivateDNSName}}
  note: keep
`

func TestMergingKeepsWhatOthersWrote(t *testing.T) {
	merged, changes, err := merge(someRoles, "rolearn", []Mapping{NodeRole("arn:aws:iam::1:role/path/nodes"), {ARN: "arn:aws:iam::1:role/dev", Username: "dev", Groups: []string{"a"}}}, nil)
	if err != nil || changes != 2 {
		t.Fatalf("%d changes, %v", changes, err)
	}
	for _, line := range []string{"# made by hand", "- rolearn: arn:aws:iam::1:role/admins # ours", "  note: keep", "    - system:bootstrappers", "- rolearn: arn:aws:iam::1:role/dev"} {
		if !strings.Contains(merged, line+"\n") {
			t.Errorf("no line %q in\n%s", line, merged)
		}
	}
	if n := strings.Count(merged, "role/nodes"); n != 1 {
		t.Errorf("the role is there %d times:\n%s", n, merged)
	}
	again, changes, err := merge(merged, "rolearn", []Mapping{NodeRole("arn:aws:iam::1:role/nodes")}, nil)
	if err != nil || changes != 0 || again != merged {
		t.Errorf("merged again it has %d changes, %v:\n%s", changes, err, again)
	}
}

func TestMergingIntoWhatIsAndWhatIsNot(t *testing.T) {
	for _, c := range []struct {
		name, text string
		changes    int
		refused    bool
	}{
		{"nothing", "", 1, false},
		{"an empty list", "[]\n", 1, false},
		{"null", "null\n", 1, false},
		{"JSON", `[{"rolearn": "arn:x", "username": "x", "groups": ["g"]}]`, 1, false},
		{"what is there already", "- {rolearn: 'arn:dev', username: dev, groups: [other, a]}", 0, false},
		{"another name", "- {rolearn: 'arn:dev', username: old, groups: [a]}", 1, false},
		{"a line without groups", "- {rolearn: 'arn:dev', username: dev}", 1, false},
		{"a mapping", "rolearn: x", 0, true},
		{"a list of words", "- x", 0, true},
		{"no YAML", "- [", 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			merged, changes, err := merge(c.text, "rolearn", []Mapping{{ARN: "arn:dev", Username: "dev", Groups: []string{"a"}}}, nil)
			if changes != c.changes || (err != nil) != c.refused {
				t.Fatalf("%d changes, %v", changes, err)
			}
			if c.refused {
				return
			}
			if _, left, err := merge(merged, "rolearn", []Mapping{{ARN: "arn:dev", Username: "dev", Groups: []string{"a"}}}, nil); err != nil || left != 0 {
				t.Errorf("%d changes are left in %q, %v", left, merged, err)
			}
		})
	}
}

func TestLinesThatAreDroppedGoAloneAndTheLastLeavesNothing(t *testing.T) {
	merged, changes, err := merge(someRoles, "rolearn", nil, []string{"arn:aws:iam::1:role/nodes", "arn:aws:iam::1:role/unknown"})
	if err != nil || changes != 1 || strings.Contains(merged, "role/nodes") || !strings.Contains(merged, "- rolearn: arn:aws:iam::1:role/admins # ours") {
		t.Errorf("%d changes, %v:\n%s", changes, err, merged)
	}
	if merged, changes, err = merge("- {rolearn: x}", "rolearn", nil, []string{"x"}); merged != "" || changes != 1 || err != nil {
		t.Errorf("%d changes, %v:\n%s", changes, err, merged)
	}
}
