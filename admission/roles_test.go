package admission

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
)

func TestSpecsGiveRolesOnlyThePoliciesThatTheOperatorAllows(t *testing.T) {
	const admin, own, ssm = "arn:aws:iam::aws:policy/AdministratorAccess", "arn:aws:iam::123456789012:policy/own", "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
	of := map[string]func(...string) client.Object{
		"a control plane": func(p ...string) client.Object {
			c := &controlplanev1.AWSManagedControlPlane{}
			c.Spec.RoleAdditionalPolicies = p
			return c
		},
		"a pool": func(p ...string) client.Object {
			c := &infrav1.AWSManagedMachinePool{}
			c.Spec.RoleAdditionalPolicies = p
			return c
		},
		"a template of control planes": func(p ...string) client.Object {
			c := &controlplanev1.AWSManagedControlPlaneTemplate{}
			c.Spec.Template.Spec.RoleAdditionalPolicies = p
			return c
		},
		"a template of pools": func(p ...string) client.Object {
			c := &infrav1.AWSManagedMachinePoolTemplate{}
			c.Spec.Template.Spec.RoleAdditionalPolicies = p
			return c
		},
	}
	judged := map[string]func(Options) Rules{"a control plane": ControlPlanes, "a pool": Nodegroups, "a template of control planes": ControlPlaneTemplates, "a template of pools": NodegroupTemplates}
	for kind, make := range of {
		for name, c := range map[string]struct {
			options Options
			updated client.Object
			old     client.Object
			want    string
		}{
			"AWS's for nodes":                {Options{MakeRoles: true}, make(ssm), nil, ""},
			"the administrator's":            {Options{MakeRoles: true}, make(ssm, admin), nil, "roleAdditionalPolicies[1]: Forbidden: " + admin + " is none of the policies that roles may have: leave it out, or have the operator of this server allow it with the flag --iam-role-policies=" + admin},
			"one of the account's own":       {Options{MakeRoles: true}, make(own), nil, "--iam-role-policies=" + own},
			"one that the operator allows":   {Options{MakeRoles: true, RolePolicies: cloud.RolePolicies{"arn:aws:iam::123456789012:policy/*"}}, make(own), nil, ""},
			"one that was there before":      {Options{MakeRoles: true}, make(ssm, admin), make(admin), ""},
			"any, where no roles are made":   {Options{}, make(admin), nil, ""},
			"one more beside one before":     {Options{MakeRoles: true}, make(admin, own), make(admin), "roleAdditionalPolicies[1]: Forbidden: " + own},
			"one that stands in another one": {Options{MakeRoles: true}, make("arn:aws:iam::123456789012:policy/AmazonEKSClusterPolicy"), nil, "Forbidden"},
		} {
			var warnings []string
			var errs field.ErrorList
			for _, rule := range judged[kind](c.options).Validate {
				w, e := rule(t.Context(), Request{Object: c.updated, Old: c.old})
				warnings, errs = append(warnings, w...), append(errs, e...)
			}
			template := strings.Contains(kind, "template")
			got := strings.Join(warnings, "; ")
			if !template && len(errs) > 0 {
				got = errs.ToAggregate().Error()
			}
			if !strings.Contains(got, c.want) || c.want == "" && got != "" || template && len(errs) > 0 {
				t.Errorf("%s, %s: %q", kind, name, got)
			}
		}
	}
}
