package eks

import (
	"maps"

	sdk "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

const mostAssociations = 1000

// podRole checks a role that pods are to have.
func podRole(r *core.Request, arn *string) error {
	x, err := role(r, arn)
	if err == nil && !x.Trusts("pods.eks.amazonaws.com") {
		return invalid("Trust policy of role %s must allow pods.eks.amazonaws.com to perform sts:AssumeRole and sts:TagSession", *arn)
	}
	return err
}

// putAssociation completes an association with what EKS gives it.
func (c *cluster) putAssociation(r *core.Request, x *types.PodIdentityAssociation) *types.PodIdentityAssociation {
	id := "a-" + r.Hex(17)
	x.AssociationId, x.ClusterName, x.CreatedAt, x.ModifiedAt = &id, c.Name, core.Ptr(r.Now()), core.Ptr(r.Now())
	x.AssociationArn = core.Ptr(r.ARN("eks", "podidentityassociation/"+*c.Name+"/"+id))
	if x.TargetRoleArn != nil {
		x.ExternalId = core.Ptr(uuid(r.Region))
	}
	c.associations.Put(id, x, r.Now())
	r.Touch(id, *x.AssociationArn)
	return x
}

func createPodIdentityAssociation(r *core.Request, in *sdk.CreatePodIdentityAssociationInput) (*sdk.CreatePodIdentityAssociationOutput, error) {
	c, err := running(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	id, err := core.Once(r, in, in.ClientRequestToken, func() (string, error) {
		if err := c.associationProblem(r, in); err != nil {
			return "", err
		}
		return *c.putAssociation(r, &types.PodIdentityAssociation{Namespace: in.Namespace, ServiceAccount: in.ServiceAccount, RoleArn: in.RoleArn, TargetRoleArn: in.TargetRoleArn,
			DisableSessionTags: core.Ptr(core.Val(in.DisableSessionTags)), Policy: in.Policy, Tags: maps.Clone(in.Tags)}).AssociationId, nil
	})
	if err != nil {
		return nil, err
	}
	x, err := c.association(r, &id)
	return &sdk.CreatePodIdentityAssociationOutput{Association: x}, err
}

func (c *cluster) associationProblem(r *core.Request, in *sdk.CreatePodIdentityAssociationInput) error {
	for _, x := range c.associations.All() {
		if *x.Namespace == core.Val(in.Namespace) && *x.ServiceAccount == core.Val(in.ServiceAccount) {
			return inUse(*c.Name, "Association already exists: %s", *x.AssociationId)
		}
	}
	if c.associations.Len() >= r.Config.Quota("podIdentityAssociations", mostAssociations) {
		return refuse("ResourceLimitExceededException", 400, "Pod identity association limit exceeded for cluster %s", *c.Name)
	}
	if core.Val(in.Namespace) == "" || core.Val(in.ServiceAccount) == "" {
		return invalid("namespace and serviceAccount must be given")
	}
	if in.Policy != nil && !core.Val(in.DisableSessionTags) {
		return invalid("A policy can only be given with disableSessionTags")
	}
	if err := podRole(r, in.RoleArn); err != nil {
		return err
	}
	return tagsProblem(in.Tags)
}

// association looks up one as answers have it.
func (c *cluster) association(r *core.Request, id *string) (*types.PodIdentityAssociation, error) {
	x := c.associations.Get(core.Val(id))
	if x == nil {
		return nil, notFound("No association found with id: %s", core.Val(id))
	}
	r.Touch(*x.AssociationId, *x.AssociationArn)
	out := *x
	out.Tags = maps.Clone(x.Tags)
	return &out, nil
}

func describePodIdentityAssociation(r *core.Request, in *sdk.DescribePodIdentityAssociationInput) (*sdk.DescribePodIdentityAssociationOutput, error) {
	c, err := find(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	x, err := c.association(r, in.AssociationId)
	return &sdk.DescribePodIdentityAssociationOutput{Association: x}, err
}

func listPodIdentityAssociations(r *core.Request, in *sdk.ListPodIdentityAssociationsInput) (*sdk.ListPodIdentityAssociationsOutput, error) {
	c, err := find(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	all := []types.PodIdentityAssociationSummary{}
	for _, x := range c.associations.All() {
		if in.Namespace != nil && *in.Namespace != *x.Namespace || in.ServiceAccount != nil && *in.ServiceAccount != *x.ServiceAccount {
			continue
		}
		all = append(all, types.PodIdentityAssociationSummary{AssociationArn: x.AssociationArn, AssociationId: x.AssociationId, ClusterName: x.ClusterName, Namespace: x.Namespace,
			OwnerArn: x.OwnerArn, ServiceAccount: x.ServiceAccount})
	}
	items, next, err := core.PaginateList(r, all, core.Val(in.NextToken), int(core.Val(in.MaxResults)), mostResults)
	return &sdk.ListPodIdentityAssociationsOutput{Associations: items, NextToken: core.Next(next)}, err
}

func updatePodIdentityAssociation(r *core.Request, in *sdk.UpdatePodIdentityAssociationInput) (*sdk.UpdatePodIdentityAssociationOutput, error) {
	c, err := find(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	x := c.associations.Get(core.Val(in.AssociationId))
	if x == nil {
		_, err := c.association(r, in.AssociationId)
		return nil, err
	}
	if in.RoleArn != nil {
		if err := podRole(r, in.RoleArn); err != nil {
			return nil, err
		}
		x.RoleArn = in.RoleArn
	}
	if in.TargetRoleArn != nil {
		x.TargetRoleArn = in.TargetRoleArn
	}
	if in.DisableSessionTags != nil {
		x.DisableSessionTags = in.DisableSessionTags
	}
	if in.Policy != nil {
		x.Policy = in.Policy
	}
	x.ModifiedAt = core.Ptr(r.Now())
	out, err := c.association(r, in.AssociationId)
	return &sdk.UpdatePodIdentityAssociationOutput{Association: out}, err
}

func deletePodIdentityAssociation(r *core.Request, in *sdk.DeletePodIdentityAssociationInput) (*sdk.DeletePodIdentityAssociationOutput, error) {
	c, err := find(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	x, err := c.association(r, in.AssociationId)
	if err != nil {
		return nil, err
	}
	c.associations.Delete(*x.AssociationId)
	return &sdk.DeletePodIdentityAssociationOutput{Association: x}, nil
}
