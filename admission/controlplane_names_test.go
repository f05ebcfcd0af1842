package admission

import (
	"strings"
	"testing"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
)

func TestNamesOfTheFormOfAnotherNamespacesAreWarnedOf(t *testing.T) {
	of := func(name string) *controlplanev1.AWSManagedControlPlane {
		return controlPlane(func(s *controlplanev1.AWSManagedControlPlaneSpec) { s.EKSClusterName = name })
	}
	long := of("")
	long.Name = strings.Repeat("c", 120)
	hashed := long.DeepCopy()
	hashed.Spec.EKSClusterName = long.ClusterName()
	for name, c := range map[string]struct {
		updated, old *controlplanev1.AWSManagedControlPlane
		want         string
	}{
		"none":                         {of(""), nil, ""},
		"one of its own":               {of("production"), nil, ""},
		"what it gets anyway":          {of("default_cp"), nil, ""},
		"what it gets anyway, hashed":  {hashed, nil, ""},
		"another one of the namespace": {of("default_other"), nil, ""},
		"another namespace's":          {of("team-a_cp"), nil, "spec.eksClusterName: team-a_cp is a name such as EKS clusters of the namespace team-a get (NAMESPACE_NAME): unless the cluster has it already, write one without _, or leave it out for default_cp"},
		"one that it had before":       {of("team-a_cp"), of("team-a_cp"), ""},
	} {
		r := Request{Namespace: "default", Object: c.updated}
		if c.old != nil {
			r.Old = c.old
		}
		warnings, errs := ownName(t.Context(), r)
		if got := strings.Join(warnings, "; "); got != c.want || len(errs) > 0 {
			t.Errorf("%s: %q, %v", name, got, errs)
		}
	}
}
