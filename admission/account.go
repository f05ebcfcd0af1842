package admission

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// accountRules keep a cluster in the account in which its resources are.
type accountRules struct{ live *Live }

// stays: another identity leads to the account that the cluster's status records. From
// any other one its resources would look as if they were gone.
func (rules accountRules) stays(ctx context.Context, r Request) ([]string, field.ErrorList) {
	updated, _ := r.Object.(cloud.Placed)
	old, _ := r.Old.(cloud.Placed)
	if updated == nil || old == nil || rules.live == nil {
		return nil, nil
	}
	identity, _, _ := updated.Place()
	before, region, account := old.Place()
	if account == "" || equality.Semantic.DeepEqual(identity, before) {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(cloud.WithPriority(ctx, cloud.Interactive), askTime)
	defer cancel()
	at := field.NewPath("spec", "identityRef")
	session, err := rules.live.Sessions.For(ctx, cloud.Site{Identity: identity, Namespace: r.Namespace, Region: region})
	switch {
	case err != nil:
		return []string{fmt.Sprintf("%s: whether it leads to account %s, where the cluster's resources are, could not be found out (%s): until it does, nothing is shown or changed",
			at, account, cloud.Explain(err))}, nil
	case session.Scope.Account != account:
		return nil, field.ErrorList{field.Forbidden(at, fmt.Sprintf(
			"it leads to AWS account %s, and the cluster's resources are in account %s (status.accountID): choose an identity of that account; to move, make another cluster there and delete this one with the identity that it has",
			session.Scope.Account, account))}
	}
	return nil, nil
}
