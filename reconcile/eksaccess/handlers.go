package eksaccess

import (
	"cmp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Handlers carry out the actions of this package, but for tags.
func Handlers() []plan.Handler {
	return []plan.Handler{
		plan.About(plan.Call("CreateEKSAccessEntry", (*eks.Client).CreateAccessEntry, func(w *plan.Writer, in *eks.CreateAccessEntryInput, out *eks.CreateAccessEntryOutput) {
			if out.AccessEntry == nil {
				return
			}
			row := mirror.EKSAccessEntry{AccessEntry: *out.AccessEntry}
			if mirror.HasAccessPolicies(aws.ToString(in.Type)) {
				row.Policies = []ekstypes.AssociatedAccessPolicy{}
			}
			plan.Put(w, mirror.EKSAccessEntries, row)
		}), func(in *eks.CreateAccessEntryInput) mirror.Interest { return rowOf(in.ClusterName, in.PrincipalArn) }),
		plan.About(plan.Call("UpdateEKSAccessEntry", (*eks.Client).UpdateAccessEntry, func(w *plan.Writer, in *eks.UpdateAccessEntryInput, _ *eks.UpdateAccessEntryOutput) {
			modify(w, in.ClusterName, in.PrincipalArn, func(e *mirror.EKSAccessEntry) {
				e.Username = cmp.Or(in.Username, e.Username)
				if in.KubernetesGroups != nil {
					e.KubernetesGroups = in.KubernetesGroups
				}
			})
		}), func(in *eks.UpdateAccessEntryInput) mirror.Interest { return rowOf(in.ClusterName, in.PrincipalArn) }),
		plan.About(plan.Call("DeleteEKSAccessEntry", (*eks.Client).DeleteAccessEntry, func(w *plan.Writer, in *eks.DeleteAccessEntryInput, _ *eks.DeleteAccessEntryOutput) {
			plan.Drop(w, mirror.EKSAccessEntries, mirror.NameIn(aws.ToString(in.ClusterName), aws.ToString(in.PrincipalArn)))
		}), func(in *eks.DeleteAccessEntryInput) mirror.Interest { return rowOf(in.ClusterName, in.PrincipalArn) }),
		plan.About(plan.Call("AssociateEKSAccessPolicy", (*eks.Client).AssociateAccessPolicy,
			func(w *plan.Writer, in *eks.AssociateAccessPolicyInput, _ *eks.AssociateAccessPolicyOutput) {
				modify(w, in.ClusterName, in.PrincipalArn, func(e *mirror.EKSAccessEntry) {
					e.Policies = append(without(e.Policies, in.PolicyArn), ekstypes.AssociatedAccessPolicy{PolicyArn: in.PolicyArn, AccessScope: in.AccessScope})
				})
			}), func(in *eks.AssociateAccessPolicyInput) mirror.Interest {
			return rowOf(in.ClusterName, in.PrincipalArn)
		}),
		plan.About(plan.Call("DisassociateEKSAccessPolicy", (*eks.Client).DisassociateAccessPolicy,
			func(w *plan.Writer, in *eks.DisassociateAccessPolicyInput, _ *eks.DisassociateAccessPolicyOutput) {
				modify(w, in.ClusterName, in.PrincipalArn, func(e *mirror.EKSAccessEntry) { e.Policies = without(e.Policies, in.PolicyArn) })
			}), func(in *eks.DisassociateAccessPolicyInput) mirror.Interest {
			return rowOf(in.ClusterName, in.PrincipalArn)
		}),
	}
}

func rowOf(cluster, principal *string) mirror.Interest {
	return mirror.Interest{Kind: mirror.EKSAccessEntries.Kind, Parent: aws.ToString(cluster), IDs: []string{aws.ToString(principal)}}
}

func modify(w *plan.Writer, cluster, principal *string, change func(*mirror.EKSAccessEntry)) {
	plan.Modify(w, mirror.EKSAccessEntries, mirror.NameIn(aws.ToString(cluster), aws.ToString(principal)), change)
}

// without never returns nil: that would stand for an entry that has no policies at all.
func without(policies []ekstypes.AssociatedAccessPolicy, arn *string) []ekstypes.AssociatedAccessPolicy {
	rest := make([]ekstypes.AssociatedAccessPolicy, 0, len(policies)+1)
	return append(rest, slices.DeleteFunc(slices.Clone(policies), func(p ekstypes.AssociatedAccessPolicy) bool {
		return aws.ToString(p.PolicyArn) == aws.ToString(arn)
	})...)
}
