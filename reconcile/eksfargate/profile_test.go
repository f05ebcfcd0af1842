package eksfargate

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ekschild"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

type row = ekstypes.FargateProfile

func intent(change func(*Intent)) Intent {
	in := Intent{Parent: ekschild.Parent{Cluster: "default_c1", Owner: ownership.Owner{Kind: "AWSFargateProfile", Name: "fp",
		Living: ownership.Fixed{{Kind: "AWSFargateProfile", Namespace: "default", Name: "other", UID: "uid-of-other"}},
		Owner:  names.Owner{Cluster: "c1", UID: "uid-1", Namespace: "default"}}}, Name: "fp", RoleARN: "arn:role", Subnets: []string{"subnet-1", "subnet-2"},
		Selectors: []ekstypes.FargateProfileSelector{{Namespace: aws.String("b")}, {Namespace: aws.String("a"), Labels: map[string]string{"x": "y"}}}}
	if change != nil {
		change(&in)
	}
	return in
}

func profile(change func(*row)) row {
	p := row{ClusterName: aws.String("default_c1"), FargateProfileName: aws.String("fp"), FargateProfileArn: aws.String("arn:fp"), PodExecutionRoleArn: aws.String("arn:role"),
		Subnets: []string{"subnet-2", "subnet-1"}, Status: ekstypes.FargateProfileStatusActive, Tags: map[string]string{"kubernetes.io/cluster/c1": "owned"},
		Selectors: []ekstypes.FargateProfileSelector{{Namespace: aws.String("a"), Labels: map[string]string{"x": "y"}}, {Namespace: aws.String("b")}}}
	if change != nil {
		change(&p)
	}
	return p
}

func in(status ekstypes.FargateProfileStatus) row { return profile(func(p *row) { p.Status = status }) }

func other(status ekstypes.FargateProfileStatus) row {
	return profile(func(p *row) { p.FargateProfileName, p.Status = aws.String("zz"), status })
}

func told(p plan.Plan) string {
	var parts []string
	for _, a := range p.Actions {
		part := strings.TrimPrefix(a.Operation, "eks.")
		if a.WaitsFor != "" {
			part += " waits for " + a.WaitsFor
		}
		parts = append(parts, part)
	}
	for _, w := range p.Waits {
		parts = append(parts, w.Reason)
	}
	for _, x := range p.Problems {
		parts = append(parts, x.Summary)
	}
	return strings.Join(parts, "; ")
}

func TestAProfileIsMadeAndNothingButItsTagsIsChanged(t *testing.T) {
	for name, x := range map[string]struct {
		in   func(*Intent)
		rows []row
		want string
	}{
		"made":                        {nil, nil, "CreateFargateProfile"},
		"once the role is there":      {func(in *Intent) { in.WaitsFor = "the role" }, nil, "CreateFargateProfile waits for the role"},
		"while another one is made":   {nil, []row{other("CREATING")}, "CreateFargateProfile waits for Fargate profile zz of the cluster, which is CREATING"},
		"while another one is there":  {nil, []row{other("ACTIVE")}, "CreateFargateProfile"},
		"as wanted, in another order": {nil, []row{profile(nil)}, ""},
		"being made":                  {nil, []row{in("CREATING")}, "Creating"},
		"on its way out":              {nil, []row{in("DELETING")}, "Deleting"},
		"failed": {nil, []row{profile(func(p *row) {
			p.Status, p.Health = "CREATE_FAILED", &ekstypes.FargateProfileHealth{Issues: []ekstypes.FargateProfileIssue{{Code: "PodExecutionRoleAlreadyInUse", Message: aws.String("taken")}}}
		})}, "DeleteFargateProfile; Fargate profile fp is CREATE_FAILED: PodExecutionRoleAlreadyInUse: taken"},
		"another tag":                  {func(in *Intent) { in.OwnTags = map[string]string{"team": "a"} }, []row{profile(nil)}, "TagResource"},
		"a tag that is wanted no more": {func(in *Intent) { in.Removed = []string{"team"} }, []row{profile(func(p *row) { p.Tags["team"] = "a" })}, "UntagResource"},
		"other subnets, chosen for it": {func(in *Intent) { in.Subnets, in.Chosen = []string{"subnet-3"}, true }, []row{profile(nil)}, ""},
		"what can't be changed": {func(in *Intent) { in.Subnets, in.Selectors = []string{"subnet-3"}, nil }, []row{profile(nil)},
			"Fargate profile fp has another subnets, selectors than spec says, which EKS can't change; delete this object and make another one, or say what there is"},
		"somebody else's": {nil, []row{profile(func(p *row) { p.Tags = nil })},
			"Fargate profile fp of EKS cluster default_c1 is of somebody who made it without the tag kubernetes.io/cluster/c1 = owned; give another name in spec.profileName, or, " +
				"to have it managed: aws eks tag-resource --resource-arn arn:fp --tags kubernetes.io/cluster/c1=owned"},
		"another object's": {nil, []row{profile(func(p *row) { p.Tags[names.TagUID] = "uid-of-other" })},
			"Fargate profile fp of EKS cluster default_c1 is of AWSFargateProfile default/other; give another name in spec.profileName, or, " +
				"to have it managed: aws eks tag-resource --resource-arn arn:fp --tags kubernetes.io/cluster/c1=owned"},
	} {
		s := Observe(intent(x.in), mirror.With(mirror.NewSnapshot(cloud.Scope{}), mirror.EKSFargateProfiles, time.Now(), x.rows...))
		if got := told(s.Plan()); got != x.want || told(s.Plan()) != got {
			t.Errorf("%s: the plan is %q, want %q", name, got, x.want)
		}
	}
}

func TestAProfileGoesIfItIsTheOwners(t *testing.T) {
	for name, x := range map[string]struct {
		row  row
		want string
	}{
		"ours":             {profile(nil), "DeleteFargateProfile"},
		"failed":           {in("DELETE_FAILED"), "DeleteFargateProfile"},
		"being made":       {in("CREATING"), "Deleting"},
		"on its way out":   {in("DELETING"), "Deleting"},
		"somebody else's":  {profile(func(p *row) { p.Tags = nil }), ""},
		"another object's": {profile(func(p *row) { p.Tags[names.TagUID] = "uid-of-other" }), ""},
	} {
		s := Observe(intent(nil), mirror.With(mirror.NewSnapshot(cloud.Scope{}), mirror.EKSFargateProfiles, time.Now(), x.row))
		if got := told(s.PlanDelete()); got != x.want {
			t.Errorf("%s: the plan is %q, want %q", name, got, x.want)
		}
	}
	snap := mirror.With(mirror.NewSnapshot(cloud.Scope{}), mirror.EKSFargateProfiles, time.Now(), profile(nil), other("DELETING"))
	if got := told(Observe(intent(nil), snap).PlanDelete()); got != "DeleteFargateProfile waits for Fargate profile zz of the cluster, which is DELETING" {
		t.Errorf("while another one goes: the plan is %q", got)
	}
}
