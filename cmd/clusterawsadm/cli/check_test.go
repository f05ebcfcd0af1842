package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

const controllersRole = "controllers.cluster-api-provider-aws.sigs.k8s.io"

func TestTheStacksRoleHasAllRightsThatItsConfigurationAsksFor(t *testing.T) {
	emulated(t)
	runs(t, "bootstrap", "iam", "create-cloudformation-stack")
	stdout, _ := runs(t, "bootstrap", "iam", "check", "--role", controllersRole)
	if !strings.HasPrefix(stdout, "Rights of arn:aws:iam::123456789012:role/"+controllersRole+":\n") || strings.Contains(stdout, "MISSING") || strings.Contains(stdout, "less") {
		t.Errorf("it says %s", stdout)
	}
	stdout, _, err := run("", "bootstrap", "iam", "check", "--role", controllersRole, "--all")
	if err == nil || !strings.Contains(err.Error(), "update-cloudformation-stack grants them") {
		t.Errorf("it ends with %v", err)
	}
	golden(t, "check-all.txt", stdout)
	runs(t, "bootstrap", "iam", "delete-cloudformation-stack") // the roles of EKS have fixed names
	if _, stderr, err := run(full, "bootstrap", "iam", "update-cloudformation-stack", "--config", "-"); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	if stdout, _, err := run(full, "bootstrap", "iam", "check", "--config", "-", "--role", "my-controllers.example.com"); err != nil {
		t.Errorf("%v\n%s", err, stdout)
	}
}

func TestTheCallersRoleIsChecked(t *testing.T) {
	emulated(t, func(c *emulator.Config) {
		c.RoleKeys = map[string]string{"AKIATEST": "nodes.cluster-api-provider-aws.sigs.k8s.io"}
	})
	stdout, _, err := run("", "bootstrap", "iam", "check", "-o", "json")
	var found []finding
	if err == nil || json.Unmarshal([]byte(stdout), &found) != nil || len(found) < 20 || len(found[0].Missing) == 0 || !strings.Contains(err.Error(), ":role/nodes.") {
		t.Errorf("it says %v, %s", err, stdout)
	}
	t.Run("a user may do everything here", func(t *testing.T) {
		t.Setenv("AWS_ACCESS_KEY_ID", "AKIAUSER")
		runs(t, "bootstrap", "iam", "check", "--all", "-o", "yaml")
	})
	for says, args := range map[string][]string{"role none": {"--role", "none"}, "write table, json or yaml": {"-o", "xml"}} {
		if _, _, err := run("", append([]string{"bootstrap", "iam", "check"}, args...)...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("it says %v, want %q", err, says)
		}
	}
}
