package awsmanagedmachinepool

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
	"github.com/capa-apiserver/capa-apiserver/reconcile/nodegroup"
)

func TestAPoolWaitsForItsControlPlaneComesAndGoesWithItsRole(t *testing.T) {
	w := newWorld(t, true, newPool(testName))
	_, err := enginetest.Reconcile(w.pools, testName)
	w.Must(err)
	if c := w.condition(testName, nodegroup.Area); c.Reason != infrav1.WaitingForEKSControlPlaneReason {
		t.Errorf("before the control plane is there: %+v", c)
	}
	w.buildCluster()
	before := w.Resources()
	w.settle(testName, w.ready(testName))
	p, row := w.get(testName), w.describe(testName)
	if p.Spec.RoleName != p.GeneratedRoleName(eksName) || !strings.HasSuffix(*row.NodeRole, "/"+p.Spec.RoleName) || len(row.Subnets) != 3 {
		t.Errorf("the role is %q and the node group %+v", p.Spec.RoleName, row)
	}
	if len(p.Spec.ProviderIDList) != 2 || !strings.HasPrefix(p.Spec.ProviderIDList[0], "aws:///us-east-1") || !aws.ToBool(p.Status.Initialization.Provisioned) {
		t.Errorf("instances %v, status %+v", p.Spec.ProviderIDList, p.Status)
	}
	if row.AmiType != "AL2023_x86_64_STANDARD" || aws.ToString(row.Version) != "1.33" || *row.ScalingConfig.DesiredSize != 2 {
		t.Errorf("the node group is %+v", row)
	}

	w.Must(w.Kube.Delete(context.Background(), w.get(testName)))
	w.settle(testName, w.gone(testName))
	after := w.Resources()
	if after["nodegroup"] != 0 || after["instance"] != before["instance"] || w.count("eks.CreateNodegroup") != 1 || w.count("eks.DeleteNodegroup") != 1 {
		t.Errorf("left are %v after %d creations, before there were %v", after, w.count("eks.CreateNodegroup"), before)
	}
	if _, err := w.Session().IAM.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String(p.Spec.RoleName)}); err == nil {
		t.Error("the role is left")
	}
}

// TestAPoolThatCanNeverBeSaysAtOnceWhatIsWrongWithIt: neither field can be changed.
func TestAPoolThatCanNeverBeSaysAtOnceWhatIsWrongWithIt(t *testing.T) {
	w := newWorld(t, true, newPool(testName, func(p *infrav1.AWSManagedMachinePool) {
		p.Spec.SubnetIDs, p.Spec.InstanceTypes = []string{"subnet-0123456789abcdef0"}, []string{"m5.large", "m5.larg", "c5.huge"}
	}))
	w.buildCluster()
	w.settle(testName, func() bool {
		message := w.condition(testName, nodegroup.Area).Message
		return strings.Contains(message, "subnet subnet-0123456789abcdef0 doesn't exist in us-east-1: spec.subnetIDs can't be changed, so make another AWSManagedMachinePool") &&
			strings.Contains(message, "the instance type m5.larg, c5.huge isn't offered in us-east-1")
	})
}

// updates is how many changes of node groups AWS began.
func (w *world) updates(op string) int { return w.count("eks." + op) }

// quiet tells that a pool is ready, and that nothing is left to do for it.
func (w *world) quiet(name string) func() bool {
	return func() bool {
		return w.ready(name)() && w.condition(name, nodegroup.AreaUpdating).Reason == "updated" && (w.get(name).Status.Update == nil || w.get(name).Status.Update.State != "InProgress")
	}
}

func TestSettingsAreChangedTogetherAndNodesAreNotReplaced(t *testing.T) {
	w := newWorld(t, true, newPool(testName))
	w.buildCluster()
	w.settle(testName, w.ready(testName))
	nodes := w.get(testName).Spec.ProviderIDList
	w.change(testName, func(p *infrav1.AWSManagedMachinePool) {
		p.Spec.Labels = map[string]string{"tier": "web"}
		p.Spec.Taints = infrav1.Taints{{Key: "only", Value: "web", Effect: infrav1.TaintEffectNoSchedule}}
		p.Spec.UpdateConfig = &infrav1.UpdateConfig{MaxUnavailablePercentage: aws.Int(50), UpdateStrategy: infrav1.NodegroupUpdateStrategyMinimal}
		p.Spec.NodeRepairConfig = &infrav1.NodeRepairConfig{Enabled: aws.Bool(true)}
		p.Spec.AdditionalTags = infrav1.Tags{"team": "a"}
	})
	w.settle(testName, func() bool { return w.quiet(testName)() && w.describe(testName).Labels["tier"] == "web" })
	g := w.describe(testName)
	if len(g.Taints) != 1 || *g.UpdateConfig.MaxUnavailablePercentage != 50 || !*g.NodeRepairConfig.Enabled || g.Tags["team"] != "a" {
		t.Errorf("the node group is %+v", g)
	}
	if n := w.updates("UpdateNodegroupConfig"); n != 1 || w.updates("UpdateNodegroupVersion") != 0 || !slices.Equal(nodes, w.get(testName).Spec.ProviderIDList) {
		t.Errorf("%d changes of settings, and the nodes are %v instead of %v", n, w.get(testName).Spec.ProviderIDList, nodes)
	}
	if tags := w.groupTags(g); tags["team"] != "a" {
		t.Errorf("the Auto Scaling group has tags %v", tags)
	}

	w.change(testName, func(p *infrav1.AWSManagedMachinePool) {
		p.Spec.Labels, p.Spec.Taints, p.Spec.NodeRepairConfig, p.Spec.AdditionalTags = nil, nil, nil, nil
	})
	w.settle(testName, func() bool {
		g := w.describe(testName)
		return w.quiet(testName)() && len(g.Labels)+len(g.Taints) == 0 && !*g.NodeRepairConfig.Enabled && g.Tags["team"] == "" && w.groupTags(g)["team"] == ""
	})
}

// groupTags are those of a node group's Auto Scaling group.
func (w *world) groupTags(g *ekstypes.Nodegroup) map[string]string {
	w.T.Helper()
	out, err := w.Session().AutoScaling.DescribeAutoScalingGroups(w.T.Context(), &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{*g.Resources.AutoScalingGroups[0].Name}})
	w.Must(err)
	tags := map[string]string{}
	for _, tag := range out.AutoScalingGroups[0].Tags {
		tags[*tag.Key] = *tag.Value
	}
	return tags
}

func TestReplicasAreTheMachinePoolsUnlessSomebodyElseScales(t *testing.T) {
	w := newWorld(t, true, newPool(testName, func(p *infrav1.AWSManagedMachinePool) {
		p.Spec.Scaling = &infrav1.ManagedMachinePoolScaling{MinSize: aws.Int32(1), MaxSize: aws.Int32(5)}
	}))
	w.buildCluster()
	w.settle(testName, w.ready(testName))
	w.changeOwner(testName, func(m *clusterv1.MachinePool) { m.Spec.Replicas = aws.Int32(4) })
	w.settle(testName, func() bool { return w.quiet(testName)() && len(w.get(testName).Spec.ProviderIDList) == 4 })
	w.changeOwner(testName, func(m *clusterv1.MachinePool) { m.Spec.Replicas = aws.Int32(9) })
	w.settle(testName, func() bool {
		return strings.Contains(w.condition(testName, nodegroup.Area).Message, "the MachinePool wants 9 replicas, which spec.scaling of the AWSManagedMachinePool doesn't allow (at least 1, at most 5)")
	})
	if n := *w.describe(testName).ScalingConfig.DesiredSize; n != 4 {
		t.Errorf("%d nodes are wanted, want the 4 of before", n)
	}

	// An autoscaler takes over: its number is kept, and the MachinePool follows it.
	w.changeOwner(testName, func(m *clusterv1.MachinePool) {
		m.Spec.Replicas = aws.Int32(4)
		m.Annotations = map[string]string{clusterv1.ReplicasManagedByAnnotation: "cluster-autoscaler"}
	})
	group := w.describe(testName).Resources.AutoScalingGroups[0].Name
	_, err := w.Session().AutoScaling.SetDesiredCapacity(t.Context(), &autoscaling.SetDesiredCapacityInput{AutoScalingGroupName: group, DesiredCapacity: aws.Int32(3)})
	w.Must(err)
	w.settle(testName, func() bool { return w.quiet(testName)() && *w.owner(testName).Spec.Replicas == 3 })
	before := w.updates("UpdateNodegroupConfig")
	w.change(testName, func(p *infrav1.AWSManagedMachinePool) { p.Spec.Scaling.MaxSize = aws.Int32(8) })
	w.settle(testName, func() bool { return w.quiet(testName)() && *w.describe(testName).ScalingConfig.MaxSize == 8 })
	if g := w.describe(testName); *g.ScalingConfig.DesiredSize != 3 || w.updates("UpdateNodegroupConfig") != before+1 {
		t.Errorf("the sizes are %+v after %d changes more", g.ScalingConfig, w.updates("UpdateNodegroupConfig")-before)
	}
	w.change(testName, func(p *infrav1.AWSManagedMachinePool) { p.Spec.Scaling.MinSize = aws.Int32(5) })
	w.settle(testName, func() bool {
		return w.quiet(testName)() && *w.owner(testName).Spec.Replicas == 5 && len(w.get(testName).Spec.ProviderIDList) == 5
	})
}

func TestANodegroupThatSomebodyDeletedIsMadeAgain(t *testing.T) {
	w := newWorld(t, true, newPool(testName))
	w.buildCluster()
	w.settle(testName, w.ready(testName))
	before := w.get(testName).Spec.ProviderIDList
	_, err := w.Session().EKS.DeleteNodegroup(t.Context(), &awseks.DeleteNodegroupInput{ClusterName: aws.String(eksName), NodegroupName: aws.String("default_" + testName)})
	w.Must(err)
	w.settle(testName, func() bool { return w.count("eks.CreateNodegroup") == 2 && w.ready(testName)() })
	if now := w.get(testName).Spec.ProviderIDList; len(now) != 2 || slices.Equal(now, before) {
		t.Errorf("the nodes are %v, and were %v", now, before)
	}
}

func TestAMissingAutoScalingGroupIsToldAndNothingPanics(t *testing.T) {
	w := newWorld(t, true, newPool(testName))
	w.buildCluster()
	w.settle(testName, w.ready(testName))
	group := w.describe(testName).Resources.AutoScalingGroups[0].Name
	_, err := w.Session().AutoScaling.DeleteAutoScalingGroup(t.Context(), &autoscaling.DeleteAutoScalingGroupInput{AutoScalingGroupName: group, ForceDelete: aws.Bool(true)})
	w.Must(err)
	w.settle(testName, func() bool {
		c := w.condition(testName, nodegroup.Area)
		return c.Reason == infrav1.EKSNodegroupDegradedReason && strings.Contains(c.Message, "AutoScalingGroupNotFound: We couldn't find the Auto Scaling group")
	})
	p := w.get(testName)
	w.settle(testName, func() bool { return len(w.get(testName).Spec.ProviderIDList) == 0 })
	if len(p.Status.Nodegroup.Issues) != 1 || p.Status.Nodegroup.Issues[0].Code != "AutoScalingGroupNotFound" {
		t.Errorf("issues are %+v", p.Status.Nodegroup)
	}
	w.change(testName, func(p *infrav1.AWSManagedMachinePool) { p.Spec.Labels = map[string]string{"a": "b"} })
	for range 10 {
		w.Pass(3e9)
		_, err := enginetest.Reconcile(w.pools, testName)
		w.Must(err)
	}
	if n := w.updates("UpdateNodegroupConfig"); n != 0 {
		t.Errorf("EKS was asked %d times for what it refuses", n)
	}
	w.Must(w.Kube.Delete(context.Background(), w.get(testName)))
	w.settle(testName, w.gone(testName))
}

func TestANodegroupOfSomebodyElseIsLeftAlone(t *testing.T) {
	w := newWorld(t, true, newPool("first"), newPool(testName))
	w.buildCluster()
	w.settle("first", w.ready("first"))
	g := w.describe("first")
	_, err := w.Session().EKS.CreateNodegroup(t.Context(), &awseks.CreateNodegroupInput{ClusterName: aws.String(eksName), NodegroupName: aws.String("default_" + testName),
		NodeRole: g.NodeRole, Subnets: g.Subnets})
	w.Must(err)
	w.settle(testName, func() bool {
		return strings.Contains(w.condition(testName, nodegroup.Area).Message, "node group default_pool of EKS cluster "+eksName+" is of somebody who made it")
	})
	w.change(testName, func(p *infrav1.AWSManagedMachinePool) { p.Spec.Labels = map[string]string{"a": "b"} })
	for range 5 {
		w.Pass(3e9)
		_, err := enginetest.Reconcile(w.pools, testName)
		w.Must(err)
	}
	w.Must(w.Kube.Delete(context.Background(), w.get(testName)))
	w.settle(testName, w.gone(testName))
	if got := w.describe(testName); got.Status != "ACTIVE" && got.Status != "CREATING" || len(got.Labels)+len(got.Tags) != 0 || w.count("eks.DeleteNodegroup") != 0 {
		t.Errorf("theirs is %+v", got)
	}
	// One that carries the name of another pool of the cluster is that one's.
	third := newPool("third", func(p *infrav1.AWSManagedMachinePool) { p.Spec.EKSNodegroupName = "default_first" })
	w.Make(third, machinePool(third))
	w.settle("third", func() bool {
		return strings.Contains(w.condition("third", nodegroup.Area).Message, "is of AWSManagedMachinePool default/first")
	})
}
