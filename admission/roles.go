package admission

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// roleRules keep whoever may write a spec from giving a role that is made for it more than the operator lets him.
type roleRules struct {
	makes    bool
	policies cloud.RolePolicies
}

// bounded: a spec adds no policies that roles may not have. Of a template it is only told: its objects are judged.
func (rules roleRules) bounded(_ context.Context, r Request) ([]string, field.ErrorList) {
	if !rules.makes {
		return nil, nil // and so none gets policies
	}
	added, at, template := policiesOf(r.Object)
	had, _, _ := policiesOf(r.Old)
	var warnings []string
	var errs field.ErrorList
	for i, policy := range added {
		if slices.Contains(had, policy) || rules.policies.Allow(policy) {
			continue
		}
		err := field.Forbidden(at.Index(i), fmt.Sprintf("%s is none of the policies that roles may have: leave it out, or have the operator of this server allow it with the flag --iam-role-policies=%s, which takes wildcards", policy, policy))
		if template {
			warnings = append(warnings, err.Error())
		} else {
			errs = append(errs, err)
		}
	}
	return warnings, errs
}

// policiesOf are those that an object's spec adds to a role, and where they stand.
func policiesOf(object client.Object) (policies []string, at *field.Path, template bool) {
	spec, inTemplate := field.NewPath("spec", "roleAdditionalPolicies"), field.NewPath("spec", "template", "spec", "roleAdditionalPolicies")
	switch o := object.(type) {
	case *controlplanev1.AWSManagedControlPlane:
		return o.Spec.RoleAdditionalPolicies, spec, false
	case *infrav1.AWSManagedMachinePool:
		return o.Spec.RoleAdditionalPolicies, spec, false
	case *controlplanev1.AWSManagedControlPlaneTemplate:
		return o.Spec.Template.Spec.RoleAdditionalPolicies, inTemplate, true
	case *infrav1.AWSManagedMachinePoolTemplate:
		return o.Spec.Template.Spec.RoleAdditionalPolicies, inTemplate, true
	}
	return nil, nil, false
}
