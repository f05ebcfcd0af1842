package admission

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

type deletionRules struct {
	reader client.Reader
}

// warnOfUsers lists who still refers to an identity that is being deleted. It
// never refuses: an operator may want just that.
func (rules deletionRules) warnOfUsers(ctx context.Context, r Request) ([]string, field.ErrorList) {
	if r.Old == nil {
		return nil, nil
	}
	deleted := describeIdentity(r.Old)
	users, err := rules.users(ctx, deleted)
	if err != nil {
		return []string{fmt.Sprintf("%s: could not find out who still uses it: %v", deleted, err)}, nil
	}
	if len(users) == 0 {
		return nil, nil
	}
	shown, more := users, ""
	if len(users) > maxSuggestions {
		shown, more = users[:maxSuggestions], fmt.Sprintf(" and %d more", len(users)-maxSuggestions)
	}
	return []string{fmt.Sprintf("%s is still used by %s%s: they can neither be changed nor deleted in AWS without it", deleted, strings.Join(shown, ", "), more)}, nil
}

func (rules deletionRules) users(ctx context.Context, of identity) ([]string, error) {
	refers := func(ref *infrav1.AWSIdentityReference) bool {
		return ref != nil && ref.Kind == of.kind && ref.Name == of.name
	}
	var users []string
	var clusters infrav1.AWSClusterList
	if err := rules.reader.List(ctx, &clusters); err != nil {
		return nil, err
	}
	for _, c := range clusters.Items {
		if refers(c.Spec.IdentityRef) {
			users = append(users, fmt.Sprintf("AWSCluster %s/%s", c.Namespace, c.Name))
		}
	}
	var roles infrav1.AWSClusterRoleIdentityList
	if err := rules.reader.List(ctx, &roles); err != nil {
		return nil, err
	}
	for _, role := range roles.Items {
		if refers(role.Spec.SourceIdentityRef) {
			users = append(users, "AWSClusterRoleIdentity "+role.Name)
		}
	}
	slices.Sort(users)
	return users, nil
}
