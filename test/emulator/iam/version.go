package iam

import (
	"fmt"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/internal/policy"
)

// mostVersions of a managed policy can be kept ("IAM and AWS STS quotas").
const mostVersions = 5

// version of a managed policy.
type version struct {
	id, document string
	created      time.Time
}

// own looks up a policy that the account may change.
func (s *state) own(r *core.Request, id *string) (*customerPolicy, error) {
	p := s.policies.Get(core.Val(id))
	if p == nil {
		return nil, noSuch("Policy %s was not found.", core.Val(id))
	}
	r.Touch(*p.PolicyName, *p.Arn)
	return p, nil
}

func (p *customerPolicy) version(id string) int {
	return slices.IndexFunc(p.versions, func(v version) bool { return v.id == id })
}

// use makes a version the one that counts.
func (p *customerPolicy) use(v version) { p.DefaultVersionId, p.document = &v.id, v.document }

func createPolicyVersion(r *core.Request, in *sdk.CreatePolicyVersionInput) (*sdk.CreatePolicyVersionOutput, error) {
	p, err := of(r.Region).own(r, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	document := core.Val(in.PolicyDocument)
	if _, err := policy.Parse(document); err != nil {
		return nil, malformed(err)
	}
	switch {
	case written(document) > longestPolicy:
		return nil, limit("PolicySize", longestPolicy)
	case len(p.versions) >= mostVersions:
		return nil, refuse("LimitExceeded", 409, "A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", mostVersions)
	}
	p.made++
	v := version{fmt.Sprintf("v%d", p.made), document, r.Now()}
	p.versions = append(p.versions, v)
	if in.SetAsDefault {
		p.use(v)
	}
	p.UpdateDate = core.Ptr(r.Now())
	return &sdk.CreatePolicyVersionOutput{PolicyVersion: &types.PolicyVersion{VersionId: &v.id, CreateDate: &v.created, IsDefaultVersion: in.SetAsDefault}}, nil
}

func deletePolicyVersion(r *core.Request, in *sdk.DeletePolicyVersionInput) (*sdk.DeletePolicyVersionOutput, error) {
	p, err := of(r.Region).own(r, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	i := p.version(core.Val(in.VersionId))
	switch {
	case i < 0:
		return nil, noSuch("Policy %s version %s does not exist or is not attachable.", *p.Arn, core.Val(in.VersionId))
	case *p.DefaultVersionId == *in.VersionId:
		return nil, conflict("Cannot delete the default version of a policy.")
	}
	p.versions = slices.Delete(p.versions, i, i+1)
	return nil, nil
}

func setDefaultPolicyVersion(r *core.Request, in *sdk.SetDefaultPolicyVersionInput) (*sdk.SetDefaultPolicyVersionOutput, error) {
	p, err := of(r.Region).own(r, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	i := p.version(core.Val(in.VersionId))
	if i < 0 {
		return nil, noSuch("Policy %s version %s does not exist or is not attachable.", *p.Arn, core.Val(in.VersionId))
	}
	p.use(p.versions[i])
	return nil, nil
}

func listPolicyVersions(r *core.Request, in *sdk.ListPolicyVersionsInput) (*sdk.ListPolicyVersionsOutput, error) {
	p, err := of(r.Region).policyOf(r, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	out := &sdk.ListPolicyVersionsOutput{Versions: []types.PolicyVersion{}}
	for _, v := range slices.Backward(p.versions) {
		out.Versions = append(out.Versions, types.PolicyVersion{VersionId: core.Ptr(v.id), CreateDate: core.Ptr(v.created), IsDefaultVersion: *p.DefaultVersionId == v.id})
	}
	return out, nil
}

// createServiceLinkedRole makes the role of a service under the path and name that "AWS services that work with IAM" gives.
func createServiceLinkedRole(r *core.Request, in *sdk.CreateServiceLinkedRoleInput) (*sdk.CreateServiceLinkedRoleOutput, error) {
	s, service := of(r.Region), core.Val(in.AWSServiceName)
	name, ok := linkedRoles[service]
	if !ok {
		return nil, refuse("InvalidInput", 400, "The specified service principal is not supported: %s", service)
	}
	if s.roles.Get(key(name)) != nil {
		return nil, refuse("InvalidInput", 400, "Service role name %s has been taken in this account, please try a different suffix.", name)
	}
	path := "/aws-service-role/" + service + "/"
	x := &role{Role: types.Role{RoleName: &name, Path: &path, Arn: arn(r.Region, "role", path, name), RoleId: newID(r.Region, "AROA"), CreateDate: core.Ptr(r.Now()),
		AssumeRolePolicyDocument: core.Ptr(`{"Version":"2012-10-17","Statement":[{"Action":["sts:AssumeRole"],"Effect":"Allow","Principal":{"Service":["` + service + `"]}}]}`),
		MaxSessionDuration:       core.Ptr(int32(3600)), Description: in.Description}}
	x.changed(r.Now())
	s.roles.Put(key(name), x, r.Now())
	r.Touch(name, *x.Arn)
	return &sdk.CreateServiceLinkedRoleOutput{Role: x.show()}, nil
}

var linkedRoles = map[string]string{
	"autoscaling.amazonaws.com": "AWSServiceRoleForAutoScaling", "elasticloadbalancing.amazonaws.com": "AWSServiceRoleForElasticLoadBalancing",
	"spot.amazonaws.com": "AWSServiceRoleForEC2Spot", "eks.amazonaws.com": "AWSServiceRoleForAmazonEKS",
	"eks-nodegroup.amazonaws.com": "AWSServiceRoleForAmazonEKSNodegroup", "eks-fargate.amazonaws.com": "AWSServiceRoleForAmazonEKSForFargate",
}

// linked says whether a role is a service's own, which the account doesn't miss when it lists what was made.
func (x *role) linked() bool { return strings.HasPrefix(*x.Path, "/aws-service-role/") }

// simulatePrincipalPolicy tells what a role's policies allow. Users may do everything here.
func simulatePrincipalPolicy(r *core.Request, in *sdk.SimulatePrincipalPolicyInput) (*sdk.SimulatePrincipalPolicyOutput, error) {
	s, source := of(r.Region), core.Val(in.PolicySourceArn)
	x := s.roles.Get(key(lastPart(source)))
	if strings.Contains(source, ":role/") && (x == nil || *x.Arn != source) {
		return nil, noSuch("The role with name %s cannot be found.", lastPart(source))
	}
	if !strings.Contains(source, ":role/") && !strings.Contains(source, ":user/") && !strings.Contains(source, ":group/") {
		return nil, refuse("InvalidInput", 400, "Invalid Entity Arn: %s does not clearly define entity type and name.", source)
	}
	resources := in.ResourceArns
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	context := map[string]string{}
	for _, entry := range in.ContextEntries {
		if len(entry.ContextKeyValues) > 0 {
			context[core.Val(entry.ContextKeyName)] = entry.ContextKeyValues[0]
		}
	}
	all := []types.EvaluationResult{}
	for _, action := range in.ActionNames {
		if !strings.Contains(action, ":") {
			return nil, refuse("InvalidInput", 400, "Invalid Action: %s", action)
		}
		for _, resource := range resources {
			decision := types.PolicyEvaluationDecisionTypeAllowed
			if x != nil && !x.may(s, policy.Ask{Action: action, Resource: resource, Context: context}) {
				decision = types.PolicyEvaluationDecisionTypeImplicitDeny
			}
			all = append(all, types.EvaluationResult{EvalActionName: core.Ptr(action), EvalResourceName: core.Ptr(resource), EvalDecision: decision})
		}
	}
	items, next, err := core.PaginateList(r, all, core.Val(in.Marker), int(core.Val(in.MaxItems)), mostResults)
	return &sdk.SimulatePrincipalPolicyOutput{EvaluationResults: items, Marker: core.Next(next), IsTruncated: next != ""}, err
}
