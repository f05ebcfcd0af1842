package workload

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/nodeconfig"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// launch runs an instance with the bootstrap data of a NodeadmConfig, and returns its id and name.
func (b *eksBench) launch(told nodeconfig.Cluster, image string) (id, name string) {
	b.Helper()
	data, err := nodeconfig.Nodeadm(&bootstrapv1.NodeadmConfigSpec{Kubelet: &bootstrapv1.KubeletOptions{Flags: []string{"--node-labels=role=web", "--register-with-taints=a=b:NoSchedule"}}}, told)
	b.must(err)
	return b.launchWith(data, image)
}

// launchWith runs an instance with user data.
func (b *eksBench) launchWith(data []byte, image string) (id, name string) {
	b.Helper()
	client := ec2.NewFromConfig(b.config)
	images, err := client.DescribeImages(b.Context(), &ec2.DescribeImagesInput{Filters: []ec2types.Filter{{Name: aws.String("name"), Values: []string{image}}}})
	b.must(err)
	if len(images.Images) == 0 {
		b.Fatalf("there is no image %s", image)
	}
	subnets, err := client.DescribeSubnets(b.Context(), &ec2.DescribeSubnetsInput{})
	b.must(err)
	out, err := client.RunInstances(b.Context(), &ec2.RunInstancesInput{ImageId: images.Images[0].ImageId, InstanceType: "m5.large", MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		SubnetId: subnets.Subnets[0].SubnetId, UserData: aws.String(base64.StdEncoding.EncodeToString(data)),
		IamInstanceProfile: &ec2types.IamInstanceProfileSpecification{Name: aws.String("nodes.cluster-api-provider-aws.sigs.k8s.io")}})
	b.must(err)
	return *out.Instances[0].InstanceId, aws.ToString(out.Instances[0].PrivateDnsName)
}

// told is what a node is told of the cluster.
func (b *eksBench) told() nodeconfig.Cluster {
	b.Helper()
	ca, err := base64.StdEncoding.DecodeString(aws.ToString(b.cluster.CertificateAuthority.Data))
	b.must(err)
	return nodeconfig.Cluster{Name: clusterName, Endpoint: *b.cluster.Endpoint, CA: ca, ServiceCIDR: "10.7.0.0/16"}
}

func TestNodesOfRolesThatAreLetInJoin(t *testing.T) {
	b := newEKSBench(t, func(in *awseks.CreateClusterInput) {
		in.AccessConfig = &ekstypes.CreateAccessConfigRequest{AuthenticationMode: ekstypes.AuthenticationModeApi}
	})
	id, name := b.launch(b.told(), "amazon-eks-node-al2023-x86_64-standard-1.33-v*")
	b.eventually("the role is unknown", func() error { return b.waitsFor(id, "unauthorized") })
	_, err := awseks.NewFromConfig(b.config).CreateAccessEntry(t.Context(), &awseks.CreateAccessEntryInput{ClusterName: b.cluster.Name, Type: aws.String("EC2_LINUX"),
		PrincipalArn: aws.String("arn:aws:iam::" + emulator.DefaultAccount + ":role/nodes.cluster-api-provider-aws.sigs.k8s.io")})
	b.must(err)
	api := b.client(b.token(b.config.Credentials, clusterName)).CoreV1().Nodes()
	b.eventually("it is a node", func() error {
		n, err := api.Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if n.Labels["role"] != "web" || len(n.Spec.Taints) != 1 || !strings.HasSuffix(n.Spec.ProviderID, "/"+id) || !strings.HasPrefix(n.Status.NodeInfo.KubeletVersion, "v1.33.3-eks-") {
			t.Fatalf("the node is %+v", n)
		}
		return nil
	})
	b.eventually("its pods run on it", func() error {
		for _, pod := range []string{"aws-node-" + short(name), "kube-proxy-" + short(name)} {
			if p, err := b.client(b.token(b.config.Credentials, clusterName)).CoreV1().Pods("kube-system").Get(t.Context(), pod, metav1.GetOptions{}); err != nil || p.Spec.NodeName != name {
				return fmt.Errorf("pod %s is %+v, %w", pod, p, err)
			}
		}
		return nil
	})
	_, later := b.launch(b.told(), "amazon-eks-node-al2023-x86_64-standard-1.33-v*")
	b.eventually("so they do on one that comes later", func() error {
		_, err := b.client(b.token(b.config.Credentials, clusterName)).CoreV1().Pods("kube-system").Get(t.Context(), "aws-node-"+short(later), metav1.GetOptions{})
		return err
	})
	_, err = ec2.NewFromConfig(b.config).TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{id}})
	b.must(err)
	b.eventually("the node goes with its instance", func() error {
		if _, err := api.Get(t.Context(), name, metav1.GetOptions{}); err == nil {
			return fmt.Errorf("it is still there")
		}
		return nil
	})
}

func TestPodsRunOnEveryNodeThoughSomebodyPatchesNodes(t *testing.T) {
	b := newEKSBench(t, func(in *awseks.CreateClusterInput) {
		in.AccessConfig = &ekstypes.CreateAccessConfigRequest{AuthenticationMode: ekstypes.AuthenticationModeApi}
	})
	_, err := awseks.NewFromConfig(b.config).CreateAccessEntry(t.Context(), &awseks.CreateAccessEntryInput{ClusterName: b.cluster.Name, Type: aws.String("EC2_LINUX"),
		PrincipalArn: aws.String("arn:aws:iam::" + emulator.DefaultAccount + ":role/nodes.cluster-api-provider-aws.sigs.k8s.io")})
	b.must(err)
	api := b.client(b.token(b.config.Credentials, clusterName)).CoreV1()
	for range 2 {
		var names []string
		for range 3 {
			_, name := b.launch(b.told(), "amazon-eks-node-al2023-x86_64-standard-1.33-v*")
			names = append(names, name)
		}
		b.eventually("all nodes run their pods", func() error {
			for _, name := range names {
				for _, daemon := range []string{"aws-node-", "kube-proxy-"} {
					if p, err := api.Pods("kube-system").Get(t.Context(), daemon+short(name), metav1.GetOptions{}); err != nil || p.Spec.NodeName != name {
						return fmt.Errorf("pod %s%s is on %q, %w: %s", daemon, name, p.Spec.NodeName, err, b.instances.Problems())
					}
				}
			}
			return nil
		})
		// So Cluster API does with the nodes of its machines.
		for _, name := range names {
			_, err := api.Nodes().Patch(t.Context(), name, types.MergePatchType, []byte(`{"metadata":{"labels":{"patched":"true"}}}`), metav1.PatchOptions{})
			b.must(err)
		}
	}
}

func TestNodesThatAreToldSomethingElseDoNotJoin(t *testing.T) {
	b := newEKSBench(t, nil)
	for want, change := range map[string]func(*nodeconfig.Cluster){
		"no EKS cluster":    func(c *nodeconfig.Cluster) { c.Endpoint = "https://example.com" },
		"a token for other": func(c *nodeconfig.Cluster) { c.Name = "other" },
		"unknown authority": func(c *nodeconfig.Cluster) { c.CA = []byte("other") },
		"lets arn:aws:iam":  func(*nodeconfig.Cluster) {},
	} {
		told := b.told()
		change(&told)
		id, _ := b.launch(told, "amazon-eks-node-al2023-x86_64-standard-1.33-v*")
		b.eventually(want, func() error { return b.waitsFor(id, want) })
	}
}

// waitsFor fails unless the boot of an instance waits for it.
func (b *eksBench) waitsFor(id, what string) error {
	for line := range strings.SplitSeq(b.instances.Problems(), "\n") {
		if strings.Contains(line, id) && strings.Contains(line, what) {
			return nil
		}
	}
	return fmt.Errorf("it waits for %s", b.instances.Problems())
}

func TestNodesOfManagedGroupsJoinByThemselves(t *testing.T) {
	b := newEKSBench(t, nil)
	groups := awseks.NewFromConfig(b.config)
	_, err := groups.CreateNodegroup(t.Context(), &awseks.CreateNodegroupInput{ClusterName: b.cluster.Name, NodegroupName: aws.String("g"), Subnets: b.cluster.ResourcesVpcConfig.SubnetIds,
		NodeRole: aws.String("arn:aws:iam::" + emulator.DefaultAccount + ":role/eks-nodegroup.cluster-api-provider-aws.sigs.k8s.io"), Labels: map[string]string{"role": "web"},
		ScalingConfig: &ekstypes.NodegroupScalingConfig{MinSize: aws.Int32(1), MaxSize: aws.Int32(3), DesiredSize: aws.Int32(2)}})
	b.must(err)
	api := b.client(b.token(b.config.Credentials, clusterName)).CoreV1()
	b.eventually("both are nodes, with labels", func() error {
		list, err := api.Nodes().List(t.Context(), metav1.ListOptions{LabelSelector: "role=web,eks.amazonaws.com/nodegroup=g"})
		if err != nil || len(list.Items) != 2 {
			return fmt.Errorf("%d nodes, %w: %s", len(list.Items), err, b.instances.Problems())
		}
		return nil
	})
	b.eventually("they follow the group's taints", func() error {
		if _, err := groups.UpdateNodegroupConfig(t.Context(), &awseks.UpdateNodegroupConfigInput{ClusterName: b.cluster.Name, NodegroupName: aws.String("g"),
			Taints: &ekstypes.UpdateTaintsPayload{AddOrUpdateTaints: []ekstypes.Taint{{Key: aws.String("a"), Effect: ekstypes.TaintEffectNoSchedule}}}}); err != nil && !strings.Contains(err.Error(), "ResourceInUse") {
			return err
		}
		list, err := api.Nodes().List(t.Context(), metav1.ListOptions{})
		for _, n := range list.Items {
			if len(n.Spec.Taints) != 1 {
				return fmt.Errorf("node %s has %+v, %w", n.Name, n.Spec.Taints, err)
			}
		}
		return err
	})
}

// evict asks for room, as a drain does.
func (b *eksBench) evict(name string) error {
	return b.client(b.token(b.config.Credentials, clusterName)).PolicyV1().Evictions("kube-system").Evict(b.Context(), &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: name}})
}

func TestABudgetHoldsADrainUp(t *testing.T) {
	b := newEKSBench(t, func(in *awseks.CreateClusterInput) {
		in.AccessConfig = &ekstypes.CreateAccessConfigRequest{AuthenticationMode: ekstypes.AuthenticationModeApi}
	})
	_, err := awseks.NewFromConfig(b.config).CreateAccessEntry(t.Context(), &awseks.CreateAccessEntryInput{ClusterName: b.cluster.Name, Type: aws.String("EC2_LINUX"),
		PrincipalArn: aws.String("arn:aws:iam::" + emulator.DefaultAccount + ":role/nodes.cluster-api-provider-aws.sigs.k8s.io")})
	b.must(err)
	told := b.told()
	data, err := nodeconfig.Nodeadm(&bootstrapv1.NodeadmConfigSpec{}, told)
	b.must(err)
	b.launchWith(data, "amazon-eks-node-al2023-x86_64-standard-1.33-v*")
	api := b.client(b.token(b.config.Credentials, clusterName))
	runs := func() error {
		for _, name := range []string{"coredns-0", "coredns-1"} {
			if p, err := api.CoreV1().Pods("kube-system").Get(t.Context(), name, metav1.GetOptions{}); err != nil || p.Status.Phase != corev1.PodRunning {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	}
	b.eventually("coredns runs", runs)
	two := intstr.FromInt32(2)
	_, err = api.PolicyV1().PodDisruptionBudgets("kube-system").Create(t.Context(), &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: "coredns"},
		Spec: policyv1.PodDisruptionBudgetSpec{MinAvailable: &two, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"k8s-app": "coredns"}}}}, metav1.CreateOptions{})
	b.must(err)
	if err := b.evict("coredns-0"); !apierrors.IsTooManyRequests(err) {
		t.Errorf("with a budget that allows none: %v", err)
	}
	b.must(api.PolicyV1().PodDisruptionBudgets("kube-system").Delete(t.Context(), "coredns", metav1.DeleteOptions{}))
	b.must(b.evict("coredns-0"))
	b.eventually("it runs again", runs)
}

func TestPodsThatAProfileSelectsRunOnFargate(t *testing.T) {
	b := newEKSBench(t, nil)
	_, err := awseks.NewFromConfig(b.config).CreateFargateProfile(t.Context(), &awseks.CreateFargateProfileInput{ClusterName: b.cluster.Name, FargateProfileName: aws.String("p"),
		PodExecutionRoleArn: aws.String("arn:aws:iam::" + emulator.DefaultAccount + ":role/eks-fargate.cluster-api-provider-aws.sigs.k8s.io"),
		Selectors:           []ekstypes.FargateProfileSelector{{Namespace: aws.String("default")}}})
	b.must(err)
	api := b.client(b.token(b.config.Credentials, clusterName)).CoreV1()
	b.eventually("a pod is made", func() error {
		_, err := api.Pods("default").Create(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "i"}}}}, metav1.CreateOptions{})
		return err
	})
	b.eventually("it runs on a node of its own", func() error {
		pod, err := api.Pods("default").Get(t.Context(), "web", metav1.GetOptions{})
		if err != nil || !strings.HasPrefix(pod.Spec.NodeName, "fargate-ip-") {
			return fmt.Errorf("on %q, %w", pod.Spec.NodeName, err)
		}
		return nil
	})
	b.must(api.Pods("default").Delete(t.Context(), "web", metav1.DeleteOptions{}))
	b.eventually("the node goes with it", func() error {
		if list, err := api.Nodes().List(t.Context(), metav1.ListOptions{}); err != nil || len(list.Items) > 0 {
			return fmt.Errorf("%d nodes, %w", len(list.Items), err)
		}
		return nil
	})
}
