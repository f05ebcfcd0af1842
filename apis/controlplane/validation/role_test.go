package validation

import (
	"testing"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
)

func TestTheRoleOfAClusterThatIsThereIsKept(t *testing.T) {
	roles := func(name string, initialized bool) *controlplanev1.AWSManagedControlPlane {
		c := &controlplanev1.AWSManagedControlPlane{}
		if name != "" {
			c.Spec.RoleName = &name
		}
		c.Status.Initialization = &controlplanev1.Initialization{ControlPlaneInitialized: &initialized}
		return c
	}
	for name, c := range map[string]struct {
		before, after string
		there         bool
		want          string
	}{
		"another role":                   {"one", "other", true, "spec.roleName: Invalid value: \"other\": EKS can't change the role of a cluster: write one, or create a new cluster"},
		"before there is a cluster":      {"one", "other", false, ""},
		"the same role":                  {"one", "one", true, ""},
		"left out, and recorded again":   {"one", "", true, ""},
		"recorded after it was left out": {"", "one", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var got string
			if errs := validateRoleKept(roles(c.after, c.there), roles(c.before, c.there)); len(errs) > 0 {
				got = errs.ToAggregate().Error()
			}
			if got != c.want {
				t.Errorf("it says %q, want %q", got, c.want)
			}
		})
	}
}
