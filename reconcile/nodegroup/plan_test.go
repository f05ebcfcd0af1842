package nodegroup

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ekschild"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

type row = ekstypes.Nodegroup

func intent(change func(*Intent)) Intent {
	in := Intent{Parent: ekschild.Parent{Cluster: "prod", Owner: ownership.Owner{Kind: ownership.KindManagedPool, Name: "ng", Owner: names.Owner{Cluster: "c1", UID: "uid-1", Namespace: "default"}}},
		Name: "ng", ClusterVersion: "1.34", RoleARN: "arn:role", Subnets: []string{"subnet-1"}, Version: "1.34", UpdateConfig: &ekstypes.NodegroupUpdateConfig{MaxUnavailable: aws.Int32(1)},
		Scaling: Scaling{Min: aws.Int32(1), Max: aws.Int32(3), Desired: aws.Int32(2), Initial: 2}}
	if change != nil {
		change(&in)
	}
	return in
}

func group(change func(*row)) row {
	g := row{ClusterName: aws.String("prod"), NodegroupName: aws.String("ng"), NodegroupArn: aws.String("arn:ng"), NodeRole: aws.String("arn:role"), Subnets: []string{"subnet-1"},
		Status: ekstypes.NodegroupStatusActive, Version: aws.String("1.34"), ReleaseVersion: aws.String("1.34.1-1"), AmiType: ekstypes.AMITypesAl2023X8664Standard,
		ScalingConfig: &ekstypes.NodegroupScalingConfig{MinSize: aws.Int32(1), MaxSize: aws.Int32(3), DesiredSize: aws.Int32(2)},
		UpdateConfig:  &ekstypes.NodegroupUpdateConfig{MaxUnavailable: aws.Int32(1)}, Tags: map[string]string{"kubernetes.io/cluster/c1": "owned"}}
	if change != nil {
		change(&g)
	}
	return g
}

func in(status ekstypes.NodegroupStatus, codes ...ekstypes.NodegroupIssueCode) row {
	return group(func(g *row) {
		g.Status, g.Health = status, &ekstypes.NodegroupHealth{}
		for _, code := range codes {
			g.Health.Issues = append(g.Health.Issues, ekstypes.Issue{Code: code, Message: aws.String("so it is")})
		}
	})
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
		parts = append(parts, x.Reason+": "+x.Summary)
	}
	return strings.Join(parts, "; ")
}

func snapshot(rows ...row) *mirror.Snapshot {
	return mirror.With(mirror.NewSnapshot(cloud.Scope{}), mirror.EKSNodegroups, time.Now(), rows...)
}

func TestANodegroupIsMadeChangedAndToldOf(t *testing.T) {
	for name, x := range map[string]struct {
		in   func(*Intent)
		rows []row
		want string
	}{
		"made":                         {nil, nil, "CreateNodegroup"},
		"once its role is there":       {func(in *Intent) { in.WaitsFor = "the role" }, nil, "CreateNodegroup waits for the role"},
		"once the control plane is":    {func(in *Intent) { in.Version = "1.35" }, nil, "CreateNodegroup waits for EKS cluster prod to be at 1.35: it is at 1.34, and no node may be newer"},
		"as wanted":                    {nil, []row{group(nil)}, ""},
		"being made":                   {func(in *Intent) { in.Labels = map[string]string{"a": "b"} }, []row{in(ekstypes.NodegroupStatusCreating)}, "Creating"},
		"on its way out":               {nil, []row{in(ekstypes.NodegroupStatusDeleting)}, "Deleting"},
		"no capacity":                  {nil, []row{in(ekstypes.NodegroupStatusDegraded, ekstypes.NodegroupIssueCodeAsgInstanceLaunchFailures)}, "EKSNodegroupDegraded: node group ng is DEGRADED: AsgInstanceLaunchFailures: so it is"},
		"no capacity, and other sizes": {func(in *Intent) { in.Scaling.Desired = aws.Int32(1) }, []row{in(ekstypes.NodegroupStatusDegraded, ekstypes.NodegroupIssueCodeAsgInstanceLaunchFailures)}, "UpdateNodegroupConfig; EKSNodegroupDegraded: node group ng is DEGRADED: AsgInstanceLaunchFailures: so it is"},
		"broken, and other sizes": {func(in *Intent) { in.Scaling.Desired = aws.Int32(1) }, []row{in(ekstypes.NodegroupStatusDegraded, ekstypes.NodegroupIssueCodeIamNodeRoleNotFound)},
			"UpdateNodegroupConfig waits for what EKS finds wrong with node group ng to be put right, before which it changes nothing; EKSNodegroupDegraded: node group ng is DEGRADED: IamNodeRoleNotFound: so it is"},
		"failed to come": {nil, []row{in(ekstypes.NodegroupStatusCreateFailed, ekstypes.NodegroupIssueCodeNodeCreationFailure)}, "DeleteNodegroup; EKSNodegroupReconciliationFailed: node group ng is CREATE_FAILED: NodeCreationFailure: so it is"},
		"settings before nodes": {func(in *Intent) { in.Labels, in.Release = map[string]string{"a": "b"}, "1.34.2-2" }, []row{group(nil)},
			"UpdateNodegroupConfig; UpdateNodegroupVersion waits for the update before it"},
		"while somebody else updates": {func(in *Intent) { in.Labels = map[string]string{"a": "b"} }, []row{in(ekstypes.NodegroupStatusUpdating)}, "UpdateNodegroupConfig waits for an update of node group ng that was begun elsewhere"},
		"nodes once all is there":     {func(in *Intent) { in.Release, in.RotationWaitsFor = "1.34.2-2", "the launch template" }, []row{group(nil)}, "UpdateNodegroupVersion waits for the launch template"},
		"never back":                  {func(in *Intent) { in.Version = "1.33" }, []row{group(nil)}, "EKSNodegroupReconciliationFailed: node group ng has nodes of 1.34, and EKS goes back to no older version; set the MachinePool's version to it, or make another pool"},
		"of no version that is said":  {func(in *Intent) { in.Version = "" }, []row{group(func(g *row) { g.Version = aws.String("1.31") })}, ""},
		"what can't be changed": {func(in *Intent) { in.InstanceTypes, in.DiskSize = []string{"m5.large"}, aws.Int32(50) }, []row{group(nil)},
			"EKSNodegroupReconciliationFailed: node group ng has another instance types, disk size than spec says, which EKS can't change; say what there is, or make another object"},
		"an own image's version is nobody's": {func(in *Intent) { in.Version, in.Template = "1.35", &Template{ID: "lt-1", Version: "1", Custom: true} },
			[]row{group(func(g *row) {
				g.AmiType, g.LaunchTemplate = ekstypes.AMITypesCustom, &ekstypes.LaunchTemplateSpecification{Id: aws.String("lt-1"), Version: aws.String("1")}
			})}, ""},
		"scaled by somebody else": {func(in *Intent) { in.Scaling.Desired = nil }, []row{group(func(g *row) { g.ScalingConfig.DesiredSize = aws.Int32(3) })}, ""},
		"a tag that is missing":   {func(in *Intent) { in.OwnTags = map[string]string{"team": "a"} }, []row{group(nil)}, "TagResource"},
		"somebody else's": {nil, []row{group(func(g *row) { g.Tags = nil })}, "EKSNodegroupReconciliationFailed: node group ng of EKS cluster prod is of somebody who made it without the tag kubernetes.io/cluster/c1 = owned; " +
			"give another name in spec.eksNodegroupName of a new object, or, to have it managed: aws eks tag-resource --resource-arn arn:ng --tags kubernetes.io/cluster/c1=owned"},
	} {
		s := Observe(intent(x.in), snapshot(x.rows...))
		if got := told(s.Plan()); got != x.want || told(s.Plan()) != got {
			t.Errorf("%s: the plan is %q, want %q", name, got, x.want)
		}
	}
}

func TestAllThatReplacesNodesIsAskedForAtOnce(t *testing.T) {
	s := Observe(intent(func(in *Intent) {
		in.Version, in.Release, in.Force = "1.34", "1.34.2-2", true
		in.Template = &Template{ID: "lt-1", Version: "2"}
	}), snapshot(group(func(g *row) {
		g.Version, g.LaunchTemplate = aws.String("1.33"), &ekstypes.LaunchTemplateSpecification{Id: aws.String("lt-1"), Version: aws.String("1")}
	})))
	in, ok := s.Plan().Actions[0].Input.(*eks.UpdateNodegroupVersionInput)
	if !ok || *in.Version != "1.34" || *in.ReleaseVersion != "1.34.2-2" || *in.LaunchTemplate.Version != "2" || !in.Force {
		t.Errorf("asked for is %+v", in)
	}
	// Of the template alone: EKS would take the control plane's version, unless one is said.
	s = Observe(intent(func(in *Intent) { in.Version, in.Template = "", &Template{ID: "lt-1", Version: "2"} }), snapshot(group(func(g *row) {
		g.Version, g.LaunchTemplate = aws.String("1.32"), &ekstypes.LaunchTemplateSpecification{Id: aws.String("lt-1"), Version: aws.String("1")}
	})))
	if in := s.Plan().Actions[0].Input.(*eks.UpdateNodegroupVersionInput); *in.Version != "1.32" || in.ReleaseVersion != nil {
		t.Errorf("asked for is %+v", in)
	}
}

func TestTheImageOfNodesFitsTheirProcessors(t *testing.T) {
	for types, want := range map[string]ekstypes.AMITypes{
		"": ekstypes.AMITypesAl2023X8664Standard, "m5.large": ekstypes.AMITypesAl2023X8664Standard, "g5.xlarge": ekstypes.AMITypesAl2023X8664Standard,
		"m7g.large": ekstypes.AMITypesAl2023Arm64Standard, "im4gn.large": ekstypes.AMITypesAl2023Arm64Standard, "a1.large": ekstypes.AMITypesAl2023Arm64Standard,
		"g4dn.xlarge": ekstypes.AMITypesAl2023X8664Standard, "t4g.small": ekstypes.AMITypesAl2023Arm64Standard, "u7i-12tb.224xlarge": ekstypes.AMITypesAl2023X8664Standard,
	} {
		if got := DefaultAMIType(strings.Fields(types)); got != want {
			t.Errorf("%q: %s, want %s", types, got, want)
		}
	}
}
