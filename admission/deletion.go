package admission

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
)

type deletionRules struct {
	reader client.Reader
}

// unused: no AWSCluster needs the identity that is being deleted, also through roles
// that are built on it. Without it what the cluster has in AWS could neither be changed
// nor deleted. Roles that no cluster uses are only warned about.
func (rules deletionRules) unused(ctx context.Context, r Request) ([]string, field.ErrorList) {
	if r.Old == nil {
		return nil, nil
	}
	deleted := describeIdentity(r.Old)
	roles, clusters, err := rules.users(ctx, deleted)
	if err != nil {
		return nil, field.ErrorList{field.InternalError(field.NewPath("metadata", "name"), fmt.Errorf("who still uses %s: %w", deleted, err))}
	}
	if len(clusters) > 0 {
		return nil, field.ErrorList{field.Forbidden(field.NewPath("metadata", "name"), fmt.Sprintf(
			"%s is still used by %s: without it what they have in AWS can neither be changed nor deleted. Delete them first, or give them another identity in spec.identityRef",
			deleted, some(clusters)))}
	}
	if len(roles) > 0 {
		return []string{fmt.Sprintf("%s is still the source of %s, which can't be used without it", deleted, some(roles))}, nil
	}
	return nil, nil
}

// some lists the first of many.
func some(names []string) string {
	if len(names) <= maxSuggestions {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:maxSuggestions], ", "), len(names)-maxSuggestions)
}

// uses tells whether a cluster may have something in AWS by its identity. One that nobody
// lets use it, and that never had anything there, keeps no identity from going.
func uses(c *infrav1.AWSCluster) bool {
	return c.Status.AccountID != "" || !meta.IsStatusConditionFalse(c.Status.Conditions, infrav1.PrincipalUsageAllowedCondition)
}

// users returns the roles that are built on an identity, one on the other, and the
// AWSClusters that refer to it or to one of them.
func (rules deletionRules) users(ctx context.Context, of identity) (roles, clusters []string, err error) {
	var all infrav1.AWSClusterRoleIdentityList
	if err := rules.reader.List(ctx, &all); err != nil {
		return nil, nil, err
	}
	deleted := infrav1.AWSIdentityReference{Kind: of.kind, Name: of.name}
	needed := cloud.BuiltOn(all.Items, deleted)
	for ref := range needed {
		if ref != deleted {
			roles = append(roles, string(ref.Kind)+" "+ref.Name)
		}
	}
	var users infrav1.AWSClusterList
	if err := rules.reader.List(ctx, &users); err != nil {
		return nil, nil, err
	}
	for _, c := range users.Items {
		ref := infrav1.AWSIdentityReference{Kind: infrav1.ControllerIdentityKind, Name: infrav1.AWSClusterControllerIdentityName}
		if c.Spec.IdentityRef != nil {
			ref = *c.Spec.IdentityRef
		}
		if needed[ref] && uses(&c) {
			clusters = append(clusters, fmt.Sprintf("AWSCluster %s/%s", c.Namespace, c.Name))
		}
	}
	slices.Sort(roles)
	slices.Sort(clusters)
	return roles, clusters, nil
}
