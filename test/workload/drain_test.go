package workload

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// rotate has EKS replace the nodes of a node group, and returns what it says of the update.
func (b *eksBench) rotate(force bool) func() *ekstypes.Update {
	b.Helper()
	client := awseks.NewFromConfig(b.config)
	var out *awseks.UpdateNodegroupVersionOutput
	b.eventually("EKS takes the update", func() (err error) {
		out, err = client.UpdateNodegroupVersion(b.Context(), &awseks.UpdateNodegroupVersionInput{ClusterName: b.cluster.Name, NodegroupName: aws.String("g"), Force: force})
		return err
	})
	return func() *ekstypes.Update {
		b.Helper()
		u, err := client.DescribeUpdate(b.Context(), &awseks.DescribeUpdateInput{Name: b.cluster.Name, NodegroupName: aws.String("g"), UpdateId: out.Update.Id})
		b.must(err)
		return u.Update
	}
}

func TestABudgetHoldsTheRotationOfANodegroupUp(t *testing.T) {
	b := newEKSBench(t, nil)
	evictionDelay := func(d time.Duration) { b.aws.Configure(func(c *emulator.Config) { c.EvictionDelay = d }) }
	_, err := awseks.NewFromConfig(b.config).CreateNodegroup(t.Context(), &awseks.CreateNodegroupInput{ClusterName: b.cluster.Name, NodegroupName: aws.String("g"), Subnets: b.cluster.ResourcesVpcConfig.SubnetIds,
		NodeRole:      aws.String("arn:aws:iam::" + emulator.DefaultAccount + ":role/eks-nodegroup.cluster-api-provider-aws.sigs.k8s.io"),
		ScalingConfig: &ekstypes.NodegroupScalingConfig{MinSize: aws.Int32(1), MaxSize: aws.Int32(3), DesiredSize: aws.Int32(2)}})
	b.must(err)
	api := b.client(b.token(b.config.Credentials, clusterName))
	nodes := func() []string {
		list, err := api.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
		b.must(err)
		var names []string
		for _, n := range list.Items {
			names = append(names, n.Name)
		}
		return slices.Sorted(slices.Values(names))
	}
	runs := func() error {
		for _, name := range []string{"coredns-0", "coredns-1"} {
			if p, err := api.CoreV1().Pods("kube-system").Get(t.Context(), name, metav1.GetOptions{}); err != nil || p.Status.Phase != corev1.PodRunning || !slices.Contains(nodes(), p.Spec.NodeName) {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	}
	b.eventually("coredns runs on two nodes", func() error {
		if n := nodes(); len(n) != 2 {
			return fmt.Errorf("nodes are %v", n)
		}
		return runs()
	})
	two := intstr.FromInt32(2)
	_, err = api.PolicyV1().PodDisruptionBudgets("kube-system").Create(t.Context(), &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: "coredns"},
		Spec: policyv1.PodDisruptionBudgetSpec{MinAvailable: &two, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"k8s-app": "coredns"}}}}, metav1.CreateOptions{})
	b.must(err)
	before := nodes()

	evictionDelay(time.Second)
	update := b.rotate(false)
	b.eventually("the update fails", func() error {
		if u := update(); u.Status != ekstypes.UpdateStatusFailed || u.Errors[0].ErrorCode != ekstypes.ErrorCodePodEvictionFailure || len(u.Errors[0].ResourceIds) == 0 {
			return fmt.Errorf("it is %s, %+v", u.Status, u.Errors)
		}
		return nil
	})
	b.eventually("its nodes take pods again", func() error {
		list, err := api.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
		if err != nil || slices.ContainsFunc(list.Items, func(n corev1.Node) bool { return n.Spec.Unschedulable }) {
			return fmt.Errorf("nodes are %+v, %w", list.Items, err)
		}
		return nil
	})
	for _, old := range before {
		p, err := api.CoreV1().Pods("kube-system").List(t.Context(), metav1.ListOptions{FieldSelector: "spec.nodeName=" + old})
		if err != nil || !slices.Contains(nodes(), old) {
			t.Errorf("node %s went, though its pods may not leave: %v, %v", old, p, err)
		}
	}

	evictionDelay(time.Hour)
	update = b.rotate(false)
	b.eventually("a node takes no more pods", func() error {
		list, err := api.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
		if err != nil || !slices.ContainsFunc(list.Items, func(n corev1.Node) bool { return n.Spec.Unschedulable }) {
			return fmt.Errorf("all do, %w", err)
		}
		return nil
	})
	if u := update(); u.Status != ekstypes.UpdateStatusInProgress || !slices.Equal(nodes(), before) {
		t.Errorf("the update is %s, the nodes are %v and were %v", u.Status, nodes(), before)
	}
	b.must(api.PolicyV1().PodDisruptionBudgets("kube-system").Delete(t.Context(), "coredns", metav1.DeleteOptions{}))
	replaced := func() error {
		u, now := update(), nodes()
		if u.Status != ekstypes.UpdateStatusSuccessful || len(now) != 2 || slices.ContainsFunc(now, func(n string) bool { return slices.Contains(before, n) }) {
			return fmt.Errorf("the update is %s, the nodes are %s: %s", u.Status, strings.Join(now, ", "), b.instances.Problems())
		}
		return runs()
	}
	b.eventually("without the budget the nodes are replaced", replaced)

	_, err = api.PolicyV1().PodDisruptionBudgets("kube-system").Create(t.Context(), &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: "coredns"},
		Spec: policyv1.PodDisruptionBudgetSpec{MinAvailable: &two, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"k8s-app": "coredns"}}}}, metav1.CreateOptions{})
	b.must(err)
	evictionDelay(time.Second)
	before, update = nodes(), b.rotate(true)
	b.eventually("with force they are replaced all the same", replaced)
}
