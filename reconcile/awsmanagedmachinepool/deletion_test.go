package awsmanagedmachinepool

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	gocmp "github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsfargateprofile"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsmachinepool"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
	"github.com/capa-apiserver/capa-apiserver/reconcile/iamrole"
)

// estate is an EKS cluster with a pool of each kind, a Fargate profile and one of each that hangs below a cluster, what
// Services made in its network, and what others have in the account.
type estate struct {
	*world
	profiles *awsfargateprofile.Reconciler
	ownPools *awsmachinepool.Reconciler
	// others is what the account had before.
	others map[string]any
}

const (
	profile = "apps"
	ownPool = "own"
)

func newEstate(t *testing.T, annotations map[string]string) *estate {
	t.Helper()
	w := &estate{world: newWorld(t, true, newPool(testName))}
	w.profiles = awsfargateprofile.New(awsfargateprofile.Options{Options: w.Options(w.Process), MakeRoles: true})
	w.Make(&infrav1.AWSFargateProfile{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: profile, UID: "uid-of-apps", Generation: 1,
		CreationTimestamp: metav1.Now(), Labels: map[string]string{clusterv1.ClusterNameLabel: enginetest.ClusterName}},
		Spec: infrav1.AWSFargateProfileSpec{ClusterName: enginetest.ClusterName, ProfileName: "default_apps", Selectors: []infrav1.FargateSelector{{Namespace: "apps"}}}})
	cluster := enginetest.Get(w.World, &clusterv1.Cluster{}, enginetest.ClusterName)
	cluster.Spec.InfrastructureRef = cluster.Spec.ControlPlaneRef
	w.Must(w.Kube.Update(t.Context(), cluster))
	w.ownPools = awsmachinepool.New(awsmachinepool.Options{Options: w.Options(w.Process)})
	w.anOwnPool()
	theirs, err := w.Session().EC2.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.9.0.0/16")})
	w.Must(err)
	subnet, err := w.Session().EC2.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: theirs.Vpc.VpcId, CidrBlock: aws.String("10.9.0.0/24")})
	w.Must(err)
	pods := w.aRole("pods", "pods.eks.amazonaws.com")
	w.aRole("bystander", "ec2.amazonaws.com")
	// The names are those of the cluster, the network isn't.
	w.service(*theirs.Vpc.VpcId, *subnet.Subnet.SubnetId, "theirs")
	w.Pass(time.Minute)
	w.others = w.records()
	c := w.controlPlane()
	c.Annotations = annotations
	c.Spec.AccessConfig = &controlplanev1.AccessConfig{AuthenticationMode: controlplanev1.EKSAuthenticationModeAPIAndConfigMap}
	c.Spec.Addons = []controlplanev1.Addon{{Name: "vpc-cni", Version: "latest"}, {Name: "eks-pod-identity-agent"}}
	c.Spec.AssociateOIDCProvider = true
	c.Spec.PodIdentityAssociations = []controlplanev1.PodIdentityAssociation{{Namespace: "app", ServiceAccount: "web", RoleARN: pods}}
	w.Must(w.Kube.Update(t.Context(), c))
	w.turnUntil("all is there", func() bool {
		have := w.Resources()
		return w.ready(testName)() && have["addon"] == 2 && have["fargate-profile"] == 1 && have["pod-identity-association"] == 1 && have["instance"] == 4 && w.hasProvider()
	})
	var public string
	for _, s := range w.controlPlane().Spec.Network.Subnets {
		if s.IsPublic {
			public = s.ResourceID
		}
	}
	w.service(w.vpc(), public, "ours")
	return w
}

func (w *estate) controlPlane() *controlplanev1.AWSManagedControlPlane {
	w.T.Helper()
	return enginetest.Get(w.World, &controlplanev1.AWSManagedControlPlane{}, controlPlane)
}

// anOwnPool makes an AWSMachinePool of two instances.
func (w *estate) anOwnPool() {
	w.T.Helper()
	labels := map[string]string{clusterv1.ClusterNameLabel: enginetest.ClusterName}
	m := &clusterv1.MachinePool{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: ownPool, UID: "owner-of-own", Labels: labels},
		Spec: clusterv1.MachinePoolSpec{ClusterName: enginetest.ClusterName, Replicas: aws.Int32(2)}}
	m.Spec.Template.Spec = clusterv1.MachineSpec{ClusterName: enginetest.ClusterName, Version: testVersion, Bootstrap: clusterv1.Bootstrap{DataSecretName: aws.String(ownPool)},
		InfrastructureRef: clusterv1.ContractVersionedObjectReference{Kind: "AWSMachinePool", Name: ownPool, APIGroup: infrav1.GroupName}}
	p := &infrav1.AWSMachinePool{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: ownPool, UID: "uid-of-own", Labels: labels, CreationTimestamp: metav1.NewTime(w.Now.Now()),
		OwnerReferences: []metav1.OwnerReference{{APIVersion: clusterv1.GroupVersion.String(), Kind: "MachinePool", Name: ownPool, UID: m.UID}}},
		Spec: infrav1.AWSMachinePoolSpec{MinSize: aws.Int32(1), MaxSize: aws.Int32(5), AWSLaunchTemplate: infrav1.AWSLaunchTemplate{InstanceType: "m5.large",
			IamInstanceProfile: "nodes.cluster-api-provider-aws.sigs.k8s.io", AMI: infrav1.AMIReference{EKSOptimizedLookupType: new(infrav1.EKSAMILookupAmazonLinux2023)}}}}
	infrav1.SetObjectDefaults_AWSMachinePool(p)
	w.Make(m, p, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: ownPool}, Data: map[string][]byte{"value": []byte("#cloud-config\n")}})
}

// workers are the objects that a user, or Cluster API, deletes before the control plane.
func (w *estate) workers() []client.Object {
	w.T.Helper()
	return []client.Object{w.get(testName), enginetest.Get(w.World, &infrav1.AWSMachinePool{}, ownPool), enginetest.Get(w.World, &infrav1.AWSFargateProfile{}, profile)}
}

func (w *estate) vpc() string { return w.controlPlane().Spec.Network.VPC.ID }

// aRole makes a role of the account that a service may assume.
func (w *estate) aRole(name, service string) string {
	w.T.Helper()
	out, err := w.Session().IAM.CreateRole(w.T.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(iamrole.TrustPolicy(service))})
	w.Must(err)
	return *out.Role.Arn
}

// service is what the controllers of a cluster make for Services.
func (w *estate) service(vpc, subnet, name string) {
	w.T.Helper()
	ctx, s := w.T.Context(), w.Session()
	key := aws.String("kubernetes.io/cluster/" + eksName)
	v2 := []elbv2types.Tag{{Key: key, Value: aws.String("owned")}, {Key: aws.String("kubernetes.io/service-name"), Value: aws.String("default/web")}}
	_, err := s.EC2.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{GroupName: aws.String("k8s-elb-" + name), Description: aws.String("web"), VpcId: &vpc,
		TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeSecurityGroup, Tags: []ec2types.Tag{{Key: key, Value: aws.String("owned")}}}}})
	w.Must(err)
	_, err = s.ELB.CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{LoadBalancerName: aws.String(name), Subnets: []string{subnet}, Scheme: aws.String("internal"),
		Listeners: []elbtypes.Listener{{Protocol: aws.String("TCP"), LoadBalancerPort: 80, InstancePort: aws.Int32(30080)}},
		Tags:      []elbtypes.Tag{{Key: key, Value: aws.String("owned")}}})
	w.Must(err)
	_, err = s.ELBv2.CreateLoadBalancer(ctx, &elbv2.CreateLoadBalancerInput{Name: aws.String(name + "2"), Subnets: []string{subnet}, Type: elbv2types.LoadBalancerTypeEnumNetwork, Scheme: elbv2types.LoadBalancerSchemeEnumInternal, Tags: v2})
	w.Must(err)
	_, err = s.ELBv2.CreateTargetGroup(ctx, &elbv2.CreateTargetGroupInput{Name: aws.String(name + "2"), VpcId: &vpc, Port: aws.Int32(30080), Protocol: elbv2types.ProtocolEnumTcp, Tags: v2})
	w.Must(err)
}

// records are what AWS keeps of everything.
func (w *estate) records() map[string]any {
	found := map[string]any{}
	for _, r := range w.AWS.Records("", "") {
		if r.Service == "iam" && r.Implied || r.State == "terminated" {
			continue // every account has these roles, and shows instances for a while after their end
		}
		found[r.Key()] = r.Content
	}
	return found
}

// hasProvider tells whether there is an OIDC provider, which is of no region.
func (w *estate) hasProvider() bool {
	out, err := w.Session().IAM.ListOpenIDConnectProviders(w.T.Context(), &iam.ListOpenIDConnectProvidersInput{})
	w.Must(err)
	return len(out.OpenIDConnectProviderList) == 1
}

// turn has every reconciler look once, and a moment pass.
func (w *estate) turn() {
	_, _ = enginetest.Reconcile(w.ofCluster, controlPlane)
	_, _ = enginetest.Reconcile(w.pools, testName)
	_, _ = enginetest.Reconcile(w.ownPools, ownPool)
	_, _ = enginetest.Reconcile(w.profiles, profile)
	w.Pass(3 * time.Second)
}

func (w *estate) turnUntil(what string, done func() bool) {
	w.T.Helper()
	for range 400 {
		if done() {
			return
		}
		w.turn()
	}
	w.T.Fatalf("not in 400 turns: %s\n%s\n%s\n%s\n%v", what, w.Describe(&controlplanev1.AWSManagedControlPlane{}, controlPlane), w.Describe(&infrav1.AWSManagedMachinePool{}, testName),
		w.Describe(&infrav1.AWSMachinePool{}, ownPool), w.Resources())
}

// says tells whether a condition of the control plane says all of it.
func (w *estate) says(all ...string) func() bool {
	return func() bool {
		var said strings.Builder
		for _, c := range w.controlPlane().Status.Conditions {
			said.WriteString(c.Message + "\n")
		}
		return !slices.ContainsFunc(all, func(text string) bool { return !strings.Contains(said.String(), text) })
	}
}

func (w *estate) delete(obj client.Object) {
	w.T.Helper()
	w.Must(w.Kube.Delete(context.Background(), obj))
}

func (w *estate) goneWith(obj client.Object, name string) func() bool {
	return func() bool { return w.Gone(obj, name) }
}

// deletions are the calls that delete something, in their order.
func (w *estate) deletions() (all []string) {
	for _, e := range w.AWS.Log() {
		if strings.HasPrefix(e.Operation, "Delete") || strings.HasPrefix(e.Operation, "Terminate") {
			all = append(all, e.Service+"."+e.Operation)
		}
	}
	return all
}

// onlyOthers fails unless what others have is as it was, and nothing else is left.
func (w *estate) onlyOthers() {
	w.T.Helper()
	if difference := gocmp.Diff(w.others, w.records()); difference != "" {
		w.T.Errorf("what is left isn't what others have (-want +have):\n%s", difference)
	}
}

func TestAWholeEKSClusterGoesInOrderAndLeavesWhatIsOfOthers(t *testing.T) {
	w := newEstate(t, nil)
	w.delete(w.controlPlane())
	w.turnUntil("what the control plane waits for is named", w.says("AWSManagedMachinePool "+testName, "AWSMachinePool "+ownPool, "AWSFargateProfile "+profile))
	for range 20 {
		w.turn()
	}
	// The profile, which belongs to no MachinePool, goes by itself.
	if all := w.deletions(); !slices.Equal(all, []string{"eks.DeleteFargateProfile", "iam.DeleteRole"}) {
		t.Fatalf("before the pools are gone there was %q", all)
	}
	w.delete(w.get(testName))
	w.turnUntil("the pool is gone", w.gone(testName))
	w.turnUntil("the other one is waited for", func() bool { return !w.says("AWSManagedMachinePool")() && w.says("AWSMachinePool "+ownPool)() })
	if slices.Contains(w.deletions(), "eks.DeleteCluster") {
		t.Error("the cluster goes before a pool's nodes")
	}
	w.delete(enginetest.Get(w.World, &infrav1.AWSMachinePool{}, ownPool))
	w.turnUntil("the control plane is gone", w.goneWith(&controlplanev1.AWSManagedControlPlane{}, controlPlane))
	w.onlyOthers()
	all := w.deletions()
	for _, order := range [][2]string{{"eks.DeleteNodegroup", "eks.DeleteCluster"}, {"eks.DeleteFargateProfile", "eks.DeleteCluster"}, {"autoscaling.DeleteAutoScalingGroup", "eks.DeleteCluster"}, {"eks.DeleteCluster", "ec2.DeleteVpc"},
		{"elb.DeleteLoadBalancer", "ec2.DeleteVpc"}, {"elbv2.DeleteLoadBalancer", "ec2.DeleteVpc"}, {"ec2.DeleteSubnet", "ec2.DeleteVpc"}} {
		before, after := slices.Index(all, order[0]), slices.Index(all, order[1])
		if before < 0 || after < before {
			t.Errorf("%s isn't before %s: %q", order[0], order[1], all)
		}
	}
}

// TestWhatIsKeptForServicesHoldsTheNetworkOfAnEKSClusterAndIsNamed deletes a cluster whose user cleans up himself.
func TestWhatIsKeptForServicesHoldsTheNetworkOfAnEKSClusterAndIsNamed(t *testing.T) {
	const gc, tasks = "aws.cluster.x-k8s.io/external-resource-gc", "aws.cluster.x-k8s.io/external-resource-tasks-gc"
	for _, c := range []struct {
		annotation, value string
		kept, named       []string
	}{
		{gc, "false", []string{"classic-load-balancer", "load-balancer", "security-group", "target-group"}, []string{"in use by network interface eni-", "ours"}},
		{tasks, "target-group,security-group", []string{"classic-load-balancer", "load-balancer"}, []string{"in use by network interface eni-", "ours"}},
		{tasks, "load-balancer,target-group", []string{"security-group"}, []string{"security group sg-", "k8s-elb-ours"}},
		{tasks, "load-balancer,security-group", []string{"target-group"}, nil},
	} {
		t.Run(fmt.Sprintf("%s=%s", c.annotation, c.value), func(t *testing.T) {
			w := newEstate(t, map[string]string{c.annotation: c.value})
			vpc := w.vpc()
			for _, obj := range append(w.workers(), w.controlPlane()) {
				w.delete(obj)
			}
			gone := w.goneWith(&controlplanev1.AWSManagedControlPlane{}, controlPlane)
			if len(c.named) > 0 {
				w.turnUntil(fmt.Sprintf("%q is named", c.named), w.says(c.named...))
				for range 20 {
					w.turn()
				}
				if gone() {
					t.Fatal("it is gone, and its VPC isn't")
				}
			} else {
				w.turnUntil("it is gone", gone)
			}
			others := map[string]int{"vpc": 1}
			for _, kind := range c.kept {
				others[kind] = 1
			}
			for _, kind := range []string{"classic-load-balancer", "load-balancer", "target-group"} {
				if n := w.Resources()[kind] - 1; n != others[kind] {
					t.Errorf("%d of %s are left, want %d", n, kind, others[kind])
				}
			}
			w.cleanUp(vpc)
			w.turnUntil("it is gone after the user cleaned up", gone)
			w.onlyOthers()
		})
	}
}

// cleanUp deletes what Services made in the VPC, as the user does who keeps it.
func (w *estate) cleanUp(vpc string) {
	w.T.Helper()
	ctx, s := w.T.Context(), w.Session()
	_, _ = s.ELB.DeleteLoadBalancer(ctx, &elb.DeleteLoadBalancerInput{LoadBalancerName: aws.String("ours")})
	balancers, err := s.ELBv2.DescribeLoadBalancers(ctx, &elbv2.DescribeLoadBalancersInput{})
	w.Must(err)
	for _, b := range balancers.LoadBalancers {
		if aws.ToString(b.LoadBalancerName) == "ours2" {
			_, err := s.ELBv2.DeleteLoadBalancer(ctx, &elbv2.DeleteLoadBalancerInput{LoadBalancerArn: b.LoadBalancerArn})
			w.Must(err)
		}
	}
	w.Pass(time.Minute)
	groups, err := s.ELBv2.DescribeTargetGroups(ctx, &elbv2.DescribeTargetGroupsInput{})
	w.Must(err)
	for _, g := range groups.TargetGroups {
		if aws.ToString(g.TargetGroupName) == "ours2" {
			_, err := s.ELBv2.DeleteTargetGroup(ctx, &elbv2.DeleteTargetGroupInput{TargetGroupArn: g.TargetGroupArn})
			w.Must(err)
		}
	}
	security, err := s.EC2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: []ec2types.Filter{
		{Name: aws.String("vpc-id"), Values: []string{vpc}}, {Name: aws.String("group-name"), Values: []string{"k8s-elb-ours"}}}})
	w.Must(err)
	for _, g := range security.SecurityGroups {
		_, err := s.EC2.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: g.GroupId})
		w.Must(err)
	}
}

// TestWhatSomebodyElseHasInTheNetworkIsNamedAndLeft has others' things in the way: an entry of EKS goes with its cluster,
// a load balancer doesn't.
func TestWhatSomebodyElseHasInTheNetworkIsNamedAndLeft(t *testing.T) {
	w := newEstate(t, nil)
	var subnet string
	for _, s := range w.controlPlane().Spec.Network.Subnets {
		if s.IsPublic {
			subnet = s.ResourceID
		}
	}
	_, err := w.Session().EKS.CreateAddon(t.Context(), &awseks.CreateAddonInput{ClusterName: aws.String(eksName), AddonName: aws.String("aws-ebs-csi-driver")})
	w.Must(err)
	_, err = w.Session().ELB.CreateLoadBalancer(t.Context(), &elb.CreateLoadBalancerInput{LoadBalancerName: aws.String("stranger"), Subnets: []string{subnet},
		Listeners: []elbtypes.Listener{{Protocol: aws.String("TCP"), LoadBalancerPort: 80, InstancePort: aws.Int32(30080)}}})
	w.Must(err)
	for _, obj := range append(w.workers(), w.controlPlane()) {
		w.delete(obj)
	}
	w.turnUntil("the stranger is named", w.says("in use by network interface eni-", "stranger"))
	for range 20 {
		w.turn()
	}
	have := w.Resources()
	if have["classic-load-balancer"] != 2 || have["cluster"] != 0 || have["vpc"] != 2 {
		t.Errorf("there are %v, want the stranger's load balancer, its VPC, and what others have", have)
	}
	_, err = w.Session().ELB.DeleteLoadBalancer(t.Context(), &elb.DeleteLoadBalancerInput{LoadBalancerName: aws.String("stranger")})
	w.Must(err)
	w.turnUntil("it is gone without it", w.goneWith(&controlplanev1.AWSManagedControlPlane{}, controlPlane))
	w.onlyOthers()
}
