package eks

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// PlanDelete returns what is left until the cluster is gone. inside names it while it is
// there, or is "".
func (s *State) PlanDelete() (p plan.Plan, inside string) {
	d := &State{}
	*d = *s
	d.plan = plan.Plan{}
	switch {
	case !d.Seen():
		d.unseen()
		return d.plan, "EKS cluster " + d.Name
	case d.Row == nil || !d.Claim.Ours():
		return d.plan, "" // somebody else's stays
	}
	d.planDelete()
	return d.plan, "EKS cluster " + d.Name
}

func (s *State) planDelete() {
	switch locked := s.Locked(); {
	case s.Row.Status == ekstypes.ClusterStatusDeleting:
		s.plan.Wait(AreaReady, "Deleting", "the end of EKS cluster "+s.Name)
	case s.Row.Status != ekstypes.ClusterStatusFailed && locked != "":
		s.plan.Wait(AreaReady, "Deleting", locked)
	case aws.ToBool(s.Row.DeletionProtection) && (s.DeletionProtection == nil || *s.DeletionProtection):
		s.problem(AreaReady, "EKS cluster %s is protected from deletion; set spec.deletionProtection to false, if it is to go", s.Name)
	case aws.ToBool(s.Row.DeletionProtection):
		s.plan.Add(plan.Action{Key: "eks-cluster/" + string(ekstypes.UpdateTypeDeletionProtectionUpdate), Area: AreaReady, Verb: plan.Update, Operation: "eks.UpdateClusterConfig",
			Input: &eks.UpdateClusterConfigInput{Name: &s.Name, DeletionProtection: aws.Bool(false),
				ClientRequestToken: aws.String(names.Token(s.Owner.UID, "eks-update", s.Name, "unprotect", s.Updates.Current.Key()))},
			Summary: fmt.Sprintf("switch off the deletion protection of EKS cluster %s", s.Name)})
	default:
		s.plan.Add(plan.Action{Key: "eks-cluster", Area: AreaReady, Verb: plan.Delete, Operation: "eks.DeleteCluster", Input: &eks.DeleteClusterInput{Name: &s.Name},
			Summary: "delete EKS cluster " + s.Name})
	}
}
