package eks

import (
	"maps"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/ec2"
)

// profile says which pods run on Fargate.
type profile struct{ types.FargateProfile }

// Limits of "View and manage Amazon EKS and Fargate service quotas".
const (
	mostFargateProfiles = 10
	mostSelectors       = 5
	mostLabels          = 5
)

func (p *profile) show() *types.FargateProfile {
	out := p.FargateProfile
	out.Tags = maps.Clone(p.Tags)
	return &out
}

func (c *cluster) profile(r *core.Request, name *string) (*profile, error) {
	row := c.profiles.Row(core.Val(name))
	if row == nil || r.Hidden(row.Created) {
		return nil, notFound("No Fargate Profile found with name: %s.", core.Val(name))
	}
	r.Touch(row.ID, *row.Value.FargateProfileArn)
	return row.Value, nil
}

// moving is a profile that comes or goes: a cluster takes one such change at a time.
func (c *cluster) moving() *profile {
	all := c.profiles.Where(func(p *profile) bool {
		return p.Status == types.FargateProfileStatusCreating || p.Status == types.FargateProfileStatusDeleting
	})
	if len(all) == 0 {
		return nil
	}
	return all[0]
}

func createFargateProfile(r *core.Request, in *sdk.CreateFargateProfileInput) (*sdk.CreateFargateProfileOutput, error) {
	c, err := running(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	name, err := core.Once(r, in, in.ClientRequestToken, func() (string, error) {
		p, err := c.newProfile(r, in)
		if err != nil {
			return "", err
		}
		c.profiles.Put(*p.FargateProfileName, p, r.Now())
		failing := c.failNextProfile
		c.failNextProfile = false
		r.After(r.Config.FargateDelay, func() { c.profileComes(r, p, failing) })
		return *p.FargateProfileName, nil
	})
	if err != nil {
		return nil, err
	}
	p := c.profiles.Get(name)
	if p == nil { // made under this token, and deleted since
		_, err := c.profile(r, &name)
		return nil, err
	}
	r.Touch(name, *p.FargateProfileArn)
	return &sdk.CreateFargateProfileOutput{FargateProfile: p.show()}, nil
}

func (c *cluster) profileComes(r *core.Request, p *profile, failing bool) {
	switch {
	case p.Status != types.FargateProfileStatusCreating:
	case failing:
		p.Status = types.FargateProfileStatusCreateFailed
		p.Health = &types.FargateProfileHealth{Issues: []types.FargateProfileIssue{{Code: types.FargateProfileIssueCodeInternalFailure,
			Message: core.Ptr("The Fargate profile could not be created."), ResourceIds: []string{}}}}
	default:
		p.Status = types.FargateProfileStatusActive
		c.letRoleIn(r, *p.PodExecutionRoleArn, "FARGATE_LINUX")
	}
}

// letRoleIn makes the entry of a role whose nodes EKS starts.
func (c *cluster) letRoleIn(r *core.Request, arn, kind string) {
	if c.AccessConfig.AuthenticationMode != types.AuthenticationModeConfigMap && c.entries.Get(arn) == nil {
		c.addEntry(r, arn, kind, "", nil, nil)
	}
}

func (c *cluster) newProfile(r *core.Request, in *sdk.CreateFargateProfileInput) (*profile, error) {
	name := core.Val(in.FargateProfileName)
	switch moving := c.moving(); {
	case !nameForm.MatchString(name):
		return nil, invalid("The Fargate profile name is invalid: %s", name)
	case c.profiles.Get(name) != nil:
		return nil, inUse(*c.Name, "A Fargate Profile already exists with this name in this cluster.")
	case moving != nil:
		return nil, inUse(*c.Name, "Cannot create Fargate Profile %s because cluster %s currently has Fargate profile %s in status %s", name, *c.Name, *moving.FargateProfileName, moving.Status)
	case c.profiles.Len() >= r.Config.Quota("fargateProfiles", mostFargateProfiles):
		return nil, refuse("ResourceLimitExceededException", 400, "Fargate profile limit exceeded for cluster %s", *c.Name)
	}
	x, err := role(r, in.PodExecutionRoleArn)
	switch {
	case err != nil:
		return nil, err
	case !x.Trusts("eks-fargate-pods.amazonaws.com"):
		return nil, invalid("Misconfigured PodExecutionRole Trust Policy; Please add the eks-fargate-pods.amazonaws.com Service Principal")
	}
	if err := selectorsProblem(in.Selectors); err != nil {
		return nil, err
	}
	subnets, err := c.fargateSubnets(r, in.Subnets)
	if err != nil {
		return nil, err
	}
	if err := tagsProblem(in.Tags); err != nil {
		return nil, err
	}
	return &profile{types.FargateProfile{ClusterName: c.Name, FargateProfileName: &name, FargateProfileArn: core.Ptr(r.ARN("eks", "fargateprofile/"+*c.Name+"/"+name+"/"+uuid(r.Region))),
		PodExecutionRoleArn: in.PodExecutionRoleArn, Selectors: slices.Clone(in.Selectors), Subnets: subnets, Status: types.FargateProfileStatusCreating, CreatedAt: core.Ptr(r.Now()),
		Health: &types.FargateProfileHealth{Issues: []types.FargateProfileIssue{}}, Tags: maps.Clone(in.Tags)}}, nil
}

func selectorsProblem(selectors []types.FargateProfileSelector) error {
	if len(selectors) == 0 || len(selectors) > mostSelectors {
		return invalid("Fargate profiles have 1 to %d selectors", mostSelectors)
	}
	for _, s := range selectors {
		if core.Val(s.Namespace) == "" || len(s.Labels) > mostLabels {
			return invalid("A selector has a namespace and at most %d labels", mostLabels)
		}
	}
	return nil
}

// fargateSubnets are those given, or the cluster's private ones.
func (c *cluster) fargateSubnets(r *core.Request, given []string) ([]string, error) {
	n, out := ec2.Of(r.Region), []string{}
	if len(given) == 0 {
		for _, id := range c.ResourcesVpcConfig.SubnetIds {
			if !n.IsPublic(id) {
				out = append(out, id)
			}
		}
		if len(out) == 0 {
			return nil, invalid("No subnets provided, and the cluster has no private subnets")
		}
		return out, nil
	}
	for _, id := range given {
		subnet, err := n.Subnet(r, id)
		switch {
		case err != nil || *subnet.VpcId != *c.ResourcesVpcConfig.VpcId:
			return nil, invalid("The subnet ID '%s' does not exist in %s", id, *c.ResourcesVpcConfig.VpcId)
		case n.IsPublic(id):
			return nil, invalid("Subnet %s provided in Fargate Profile is not a private subnet", id)
		}
	}
	return slices.Clone(given), nil
}

func describeFargateProfile(r *core.Request, in *sdk.DescribeFargateProfileInput) (*sdk.DescribeFargateProfileOutput, error) {
	c, err := find(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	p, err := c.profile(r, in.FargateProfileName)
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeFargateProfileOutput{FargateProfile: p.show()}, nil
}

func listFargateProfiles(r *core.Request, in *sdk.ListFargateProfilesInput) (*sdk.ListFargateProfilesOutput, error) {
	c, err := find(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	list, next, err := names(r, c.profiles.Rows(), in.NextToken, in.MaxResults, func(p *profile) string { return *p.FargateProfileName })
	return &sdk.ListFargateProfilesOutput{FargateProfileNames: list, NextToken: next}, err
}

func deleteFargateProfile(r *core.Request, in *sdk.DeleteFargateProfileInput) (*sdk.DeleteFargateProfileOutput, error) {
	c, err := find(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	p, err := c.profile(r, in.FargateProfileName)
	if err != nil {
		return nil, err
	}
	if moving := c.moving(); moving != nil {
		return nil, inUse(*c.Name, "Cannot delete Fargate Profile %s because cluster %s currently has Fargate profile %s in status %s", *p.FargateProfileName, *c.Name, *moving.FargateProfileName, moving.Status)
	}
	p.Status = types.FargateProfileStatusDeleting
	r.After(r.Config.FargateDelay, func() { c.profiles.Delete(*p.FargateProfileName) })
	return &sdk.DeleteFargateProfileOutput{FargateProfile: p.show()}, nil
}
