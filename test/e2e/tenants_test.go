package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

const (
	victim   = "prod"
	attacker = "bobs"
	// fewestAttacks keeps the table from shrinking unnoticed.
	fewestAttacks = 85
	// attackers is how many of bob's commands run at once.
	attackers = 4
)

// TestTenantsCannotTouchEachOther has bob, who may edit his own namespaces and nothing
// else, name everything of alice's, and of people who have no cluster at all, in every
// field that names something in AWS. All share one account and one identity.
func TestTenantsCannotTouchEachOther(t *testing.T) {
	w := newWorld(t, "--sweep-period=5s", "--instance-sweep-period=5s", "--creation-grace=10s", "--machine-pool-machines")
	w.assumable(account, "alice")
	w.assumable(anotherAccount, "bob")
	x := &tenants{world: w, base: fmt.Sprintf("t%d", time.Now().UnixMilli()%1e7), known: map[string]string{}}
	timed(t, "alice and others have what they have", x.settle)
	if len(attacks) < fewestAttacks {
		t.Errorf("there are %d attacks, want at least %d", len(attacks), fewestAttacks)
	}
	w.waitStill()
	before := w.records()
	for key := range x.others {
		x.others[key] = before[key] // by now it has become what it stays
	}
	w.aws.ClearLog()
	watched := w.witness(x.alice(), notReady, alicesKinds...)

	timed(t, "bob has a cluster of his own", x.settleBob)
	var pending []attack
	timed(t, "bob attacks", func() { pending = x.attack(t) })
	timed(t, "bob's objects say why", func() { x.explain(t, pending) })
	x.look(t)
	timed(t, "bob's objects are gone", func() { x.withdraw(t) })

	t.Run("what was there is as it was", func(t *testing.T) { w.stayed(t, before) })
	t.Run("no call could have changed it", func(t *testing.T) {
		if calls := w.harmed(before); len(calls) > 0 {
			t.Errorf("there were %d:\n%s", len(calls), wrote(calls))
		}
	})
	t.Run("nothing of bob's is left", func(t *testing.T) { w.nothingNew(t, before) })
	t.Run("what alice has was well all the time", func(t *testing.T) {
		for _, wrong := range watched.saw() {
			t.Error(wrong)
		}
	})
	t.Run("alice deletes all she has, and nothing else", x.aliceLeaves)
}

// alicesKinds are those of her objects that stay well whatever bob does.
var alicesKinds = []client.ObjectList{&infrav1.AWSClusterList{}, &infrav1.AWSMachineList{}, &infrav1.AWSMachinePoolList{},
	&clusterv1.ClusterList{}, &clusterv1.MachineList{}}

// tenants are alice, who has a cluster with one of everything, bob, and others in the
// same account who have no cluster.
type tenants struct {
	*world
	base string
	// known are the values of what manifests name.
	known map[string]string
	// others are records of those who have no cluster.
	others records
}

func (x *tenants) bob() string { return x.base }

// alice is a namespace whose name begins with bob's, so that names that are joined of
// namespace and name can be the same.
func (x *tenants) alice() string { return x.base + "-x" }

// more are further namespaces of bob's, for clusters named as alice's.
func (x *tenants) in(suffix string) string {
	if suffix == "" {
		return x.bob()
	}
	return x.base + "-" + suffix
}

// suffixes are those of all of bob's namespaces.
var suffixes = []string{"", "n", "v", "w", "c"}

func (x *tenants) fill(text string) string {
	return os.Expand(text, func(name string) string {
		value, ok := x.known[name]
		if !ok {
			x.t.Fatalf("nothing is known as %q", name)
		}
		return value
	})
}

// settle makes all that is there before bob comes.
func (x *tenants) settle() {
	x.known["base"] = x.base
	for _, ns := range append([]string{x.alice()}, x.namespaces()...) {
		x.kubectl("create", "namespace", ns)
	}
	x.empower()
	x.apply("capa-system", fmt.Sprintf(identitiesOfOthers, x.alice(), x.bob()))
	x.settleOthers()
	x.others = x.records()
	x.apply(x.alice(), everything(victim, "cluster-api-provider-aws-alices-"+x.base))
	x.waitReady(x.alice(), victim)
	for _, m := range machinesOfAllKinds(victim) {
		x.apply(x.alice(), m)
	}
	x.apply(x.alice(), pool(victim, "workers", "t3.large", 1))
	x.waitMachines(x.alice(), kindsOfMachines...)
	x.eventually("alice's pool is there", func(ctx context.Context) error { return x.poolIsReady(ctx, x.alice(), "workers", 1) })
	x.eventually("all that alice has is well", func(ctx context.Context) error {
		machines := &infrav1.AWSMachineList{}
		err := x.client.List(ctx, machines, client.InNamespace(x.alice()))
		if want := len(kindsOfMachines) + 1; err == nil && len(machines.Items) != want { // one is her pool's
			err = fmt.Errorf("there are %d machines, want %d", len(machines.Items), want)
		}
		return errors.Join(err, x.well(ctx, x.alice(), alicesKinds...))
	})
	x.learn()
}

// settleBob makes what bob has by right.
func (x *tenants) settleBob() {
	x.apply(x.bob(), quickStartIn(attacker, region, oneZone))
	x.waitReady(x.bob(), attacker)
	x.apply(x.bob(), machine(attacker, "bobs-w", false))
	x.apply(x.bob(), pool(attacker, "bobs-pool", "t3.large", 1))
	x.waitMachines(x.bob(), "bobs-w")
	x.eventually("bob's pool is there", func(ctx context.Context) error { return x.poolIsReady(ctx, x.bob(), "bobs-pool", 1) })
}

func (x *tenants) namespaces() []string {
	var out []string
	for _, suffix := range suffixes {
		out = append(out, x.in(suffix))
	}
	return out
}

// empower gives bob what people get who may edit a namespace, and Cluster API's kinds.
func (x *tenants) empower() {
	for _, ns := range x.namespaces() {
		x.kubectl("create", "rolebinding", "-n", ns, "bob-edits", "--clusterrole=edit", "--user=bob")
		x.apply(ns, `{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: clusters},
rules: [{apiGroups: [cluster.x-k8s.io], resources: [clusters, machines, machinepools, machinedeployments, machinesets], verbs: ["*"]}]}`)
		x.kubectl("create", "rolebinding", "-n", ns, "bob-has-clusters", "--role=clusters", "--user=bob")
	}
	x.eventually("bob may edit the server's kinds", func(context.Context) error {
		out, err := x.tryKubectl("", "auth", "can-i", "create", "awsmachines.infrastructure.cluster.x-k8s.io", "-n", x.bob(), "--as=bob")
		if err != nil {
			return errors.New(out)
		}
		return nil
	})
}

// identitiesOfOthers are one for alice alone, and one of another account that bob may
// use too.
const identitiesOfOthers = `apiVersion: v1
kind: Secret
metadata: {name: tenants-keys}
stringData: {AccessKeyID: AKIATENANTS, SecretAccessKey: x}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSClusterStaticIdentity
metadata: {name: alices-own}
spec: {secretRef: tenants-keys, allowedNamespaces: {list: [%[1]s]}}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSClusterRoleIdentity
metadata: {name: alices-role}
spec: {roleARN: "arn:aws:iam::123456789012:role/alice.cluster-api-provider-aws.sigs.k8s.io", allowedNamespaces: {list: [%[1]s]}, sourceIdentityRef: {kind: AWSClusterControllerIdentity, name: default}}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSClusterRoleIdentity
metadata: {name: another-account}
spec: {roleARN: "arn:aws:iam::999999999999:role/bob.cluster-api-provider-aws.sigs.k8s.io", allowedNamespaces: {list: [%[2]s]}, sourceIdentityRef: {kind: AWSClusterControllerIdentity, name: default}}
`

// settleOthers makes what people have who don't know of Cluster API.
func (x *tenants) settleOthers() {
	ctx, cloud := context.Background(), x.ec2()
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(region), config.WithBaseEndpoint(x.awsURL),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("AKIATEST", "test", "")))
	must(x.t, err)
	cfg.HTTPClient = emulator.HTTPClient{}
	vpc, err := cloud.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.9.0.0/16"), AmazonProvidedIpv6CidrBlock: aws.Bool(true)})
	must(x.t, err)
	subnet, err := cloud.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String("10.9.1.0/24"), AvailabilityZone: aws.String(region + "a")})
	must(x.t, err)
	egress, err := cloud.CreateEgressOnlyInternetGateway(ctx, &ec2.CreateEgressOnlyInternetGatewayInput{VpcId: vpc.Vpc.VpcId})
	must(x.t, err)
	carrier, err := cloud.CreateCarrierGateway(ctx, &ec2.CreateCarrierGatewayInput{VpcId: vpc.Vpc.VpcId})
	must(x.t, err)
	images, err := cloud.DescribeImages(ctx, &ec2.DescribeImagesInput{Filters: []ec2types.Filter{{Name: aws.String("architecture"), Values: []string{"x86_64"}}}})
	must(x.t, err)
	image := images.Images[0].ImageId
	runs, err := cloud.RunInstances(ctx, &ec2.RunInstancesInput{ImageId: image, InstanceType: "t3.large", SubnetId: subnet.Subnet.SubnetId, MinCount: aws.Int32(1), MaxCount: aws.Int32(1)})
	must(x.t, err)
	template, err := cloud.CreateLaunchTemplate(ctx, &ec2.CreateLaunchTemplateInput{LaunchTemplateName: aws.String("company-template"),
		LaunchTemplateData: &ec2types.RequestLaunchTemplateData{ImageId: image, InstanceType: "t3.large"}})
	must(x.t, err)
	x.settleGroup(subnet.Subnet.SubnetId, template.LaunchTemplate.LaunchTemplateId)
	_, err = secretsmanager.NewFromConfig(cfg).CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("prod/db-0"), SecretString: aws.String("hush")})
	must(x.t, err)
	_, err = ssm.NewFromConfig(cfg).PutParameter(ctx, &ssm.PutParameterInput{Name: aws.String("/prod/db/0"), Value: aws.String("hush"), Type: ssmtypes.ParameterTypeSecureString})
	must(x.t, err)
	x.settleServices(elbv2.NewFromConfig(cfg), vpc.Vpc.VpcId, subnet.Subnet.SubnetId)
	x.settleNames(aws.ToString(runs.Instances[0].InstanceId))
	x.settleBucket(s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }))
	for name, value := range map[string]*string{"strangersVPC": vpc.Vpc.VpcId, "stranger": runs.Instances[0].InstanceId, "strangersEgress": egress.EgressOnlyInternetGateway.EgressOnlyInternetGatewayId,
		"strangersCarrier": carrier.CarrierGateway.CarrierGatewayId, "strangersTemplate": template.LaunchTemplate.LaunchTemplateId, "strangersSubnet": subnet.Subnet.SubnetId} {
		x.known[name] = aws.ToString(value)
	}
}

// settleGroup makes a group with one instance.
func (x *tenants) settleGroup(subnet, template *string) {
	name := "company-group"
	_, err := x.scaling(x.t).CreateAutoScalingGroup(context.Background(), &autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: &name,
		MinSize: aws.Int32(1), MaxSize: aws.Int32(2), VPCZoneIdentifier: subnet,
		LaunchTemplate: &astypes.LaunchTemplateSpecification{LaunchTemplateId: template, Version: aws.String("$Latest")}})
	must(x.t, err)
	x.eventually("others have a group with an instance", func(ctx context.Context) error {
		groups, err := x.scaling(x.t).DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}})
		if err != nil {
			return err
		}
		if members := groups.AutoScalingGroups[0].Instances; len(members) != 1 || members[0].LifecycleState != astypes.LifecycleStateInService {
			return fmt.Errorf("its instances are %s", pretty(members))
		}
		member := groups.AutoScalingGroups[0].Instances[0]
		x.known["strangersMember"] = *member.InstanceId
		x.known["strangersMemberID"] = "aws:///" + *member.AvailabilityZone + "/" + *member.InstanceId
		return nil
	})
}

// settleServices makes what the Services of a cluster have that isn't Cluster API's.
func (x *tenants) settleServices(balancers *elbv2.Client, vpc, subnet *string) {
	ctx := context.Background()
	tags := []elbv2types.Tag{{Key: aws.String("kubernetes.io/cluster/eksprod"), Value: aws.String("owned")}}
	_, err := balancers.CreateLoadBalancer(ctx, &elbv2.CreateLoadBalancerInput{Name: aws.String("eksprod-service"), Type: elbv2types.LoadBalancerTypeEnumNetwork,
		Scheme: elbv2types.LoadBalancerSchemeEnumInternal, Subnets: []string{*subnet}, Tags: tags})
	must(x.t, err)
	_, err = balancers.CreateTargetGroup(ctx, &elbv2.CreateTargetGroupInput{Name: aws.String("eksprod-service"), VpcId: vpc, Protocol: elbv2types.ProtocolEnumTcp, Port: aws.Int32(80), Tags: tags})
	must(x.t, err)
	group, err := x.ec2().CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{VpcId: vpc, GroupName: aws.String("k8s-elb-eksprod"), Description: aws.String("of a Service")})
	must(x.t, err)
	x.tag(*group.GroupId, map[string]string{"kubernetes.io/cluster/eksprod": "owned"})
}

// settleNames makes what carries the names of clusters that live elsewhere, or of alice's,
// whoever wrote them.
func (x *tenants) settleNames(instance string) {
	ctx := context.Background()
	of := func(cluster string) string { return names.TagOwnedPrefix + cluster }
	for cluster, namespace := range map[string]string{"next": x.alice(), "moved": x.bob()} {
		vpc, err := x.ec2().CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.8.0.0/16")})
		must(x.t, err)
		x.known[cluster+"VPC"] = *vpc.Vpc.VpcId
		x.tag(*vpc.Vpc.VpcId, map[string]string{of(cluster): names.Owned, names.TagUID: "of-" + cluster, names.TagNamespace: namespace})
	}
	address, err := x.ec2().AllocateAddress(ctx, &ec2.AllocateAddressInput{})
	must(x.t, err)
	x.eventually("an instance has an address", func(ctx context.Context) error {
		_, err := x.ec2().AssociateAddress(ctx, &ec2.AssociateAddressInput{AllocationId: address.AllocationId, InstanceId: aws.String(instance)})
		return err
	})
	x.tag(*address.AllocationId, map[string]string{of(victim): names.Owned, names.TagRole: names.RoleCommon})
}

func (x *tenants) tag(id string, tags map[string]string) {
	var list []ec2types.Tag
	for _, key := range names.SortedKeys(tags) {
		list = append(list, ec2types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
	}
	_, err := x.ec2().CreateTags(context.Background(), &ec2.CreateTagsInput{Resources: []string{id}, Tags: list})
	must(x.t, err)
}

// settleBucket makes a bucket with a policy and tags, and nothing in it.
func (x *tenants) settleBucket(c *s3.Client) {
	ctx, name := context.Background(), aws.String("cluster-api-provider-aws-backups")
	_, err := c.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: name})
	must(x.t, err)
	_, err = c.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: name, Policy: aws.String(`{"Version": "2012-10-17", "Statement": [{"Sid": "own", "Effect": "Allow",
"Principal": {"AWS": "arn:aws:iam::123456789012:role/nodes.cluster-api-provider-aws.sigs.k8s.io"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::cluster-api-provider-aws-backups/*"}]}`)})
	must(x.t, err)
	_, err = c.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: name, Tagging: &s3types.Tagging{TagSet: []s3types.Tag{{Key: aws.String("team"), Value: aws.String("backup")}}}})
	must(x.t, err)
}

// learn finds the ids of what alice has.
func (x *tenants) learn() {
	ctx := context.Background()
	c, err := x.storedCluster(ctx, x.alice(), victim)
	must(x.t, err)
	vpc := c.Spec.Network.VPC
	x.known["vpc"], x.known["igw"], x.known["uid"] = vpc.ID, aws.ToString(vpc.InternetGatewayID), string(c.UID)
	for _, s := range c.Spec.Network.Subnets {
		kind := "private"
		if s.IsPublic {
			kind = "public"
			x.known["nat"] = aws.ToString(s.NatGatewayID)
		}
		x.known[kind], x.known[kind+"Table"], x.known[kind+"Cidr"] = s.ResourceID, aws.ToString(s.RouteTableID), s.CidrBlock
	}
	for role, group := range c.Status.NetworkStatus.SecurityGroups {
		x.known["group-"+string(role)] = group.ID
	}
	x.known["endpoint"], x.known["balancer"] = c.Spec.ControlPlaneEndpoint.Host, c.Status.NetworkStatus.APIServerELB.Name
	x.known["bastion"] = c.Status.Bastion.ID
	for _, name := range kindsOfMachines {
		m := x.storedMachine(ctx, x.alice(), name)
		x.known[name] = instanceID(m)
		if m.Spec.CloudInit != nil {
			x.known[name+"-secret"] = m.Spec.CloudInit.SecretPrefix
		}
		if m.Status.DedicatedHost != nil {
			x.known["host"] = aws.ToString(m.Status.DedicatedHost.ID)
		}
	}
	p := &infrav1.AWSMachinePool{}
	must(x.t, x.client.Get(ctx, client.ObjectKey{Namespace: x.alice(), Name: "workers"}, p))
	x.known["group"], x.known["template"] = p.Spec.ProviderID, p.Status.LaunchTemplateID
	member := p.Spec.ProviderIDList[0]
	x.known["member"], x.known["memberID"] = member[strings.LastIndex(member, "/")+1:], member
	x.known["eni"] = x.records().of("network-interface", x.known["w-pool"])[0]
	for name, value := range x.known {
		if value == "" {
			x.t.Fatalf("alice has no %s: %s", name, pretty(c))
		}
	}
}

// attack has bob do all of it, some at a time, and returns what has to be explained
// later on.
func (x *tenants) attack(t *testing.T) []attack {
	var pending []attack
	var mu sync.Mutex
	var all sync.WaitGroup
	todo := make(chan attack)
	for range attackers {
		all.Go(func() {
			for a := range todo {
				if err := x.try(a); err != nil {
					t.Errorf("%s: %v", a.name, err)
				} else if a.refused == "" {
					mu.Lock()
					pending = append(pending, a)
					mu.Unlock()
				}
			}
		})
	}
	for _, a := range attacks {
		a.manifest, a.command, a.patch, a.says = x.fill(a.manifest), x.fill(a.command), x.fill(a.patch), x.fill(a.says)
		todo <- a
	}
	close(todo)
	all.Wait()
	return pending
}

// try has bob do it once, and tells whether it was refused as it has to be.
func (x *tenants) try(a attack) error {
	args := []string{"apply", "-f", "-"}
	if a.command != "" {
		args = strings.Fields(a.command)
	}
	if a.patch != "" {
		args = append(args, "--type=merge", "-p", a.patch)
	}
	out, err := x.tryKubectl(a.manifest, append(args, "-n", x.in(a.in), "--as=bob", "--request-timeout=20s")...)
	switch {
	case a.refused == "" && err != nil:
		return fmt.Errorf("kubectl says %s, want it accepted", out)
	case a.refused != "" && err == nil:
		return fmt.Errorf("kubectl says %s, want it refused with %q", out, a.refused)
	case a.refused != "" && !regexp.MustCompile(a.refused).MatchString(out):
		return fmt.Errorf("kubectl says %s, want %q", out, a.refused)
	}
	return nil
}

// explain waits until bob's objects say what there is to say.
func (x *tenants) explain(t *testing.T, pending []attack) {
	deadline := time.Now().Add(patience)
	for {
		said := x.conditions()
		pending = slices.DeleteFunc(pending, func(a attack) bool {
			return a.says == "" || regexp.MustCompile(a.says).MatchString(said[x.in(a.in)+"/"+a.object])
		})
		if len(pending) == 0 {
			return
		}
		if time.Now().After(deadline) {
			for _, a := range pending {
				t.Errorf("%s: %s says\n%swant %s", a.name, a.object, said[x.in(a.in)+"/"+a.object], a.says)
			}
			return
		}
		time.Sleep(time.Second)
	}
}

// conditions are those of all of bob's objects by "namespace/kind/name", a line for each.
func (x *tenants) conditions() map[string]string {
	x.t.Helper()
	ctx, out := context.Background(), map[string]string{}
	for _, ns := range x.namespaces() {
		stored := &client.ListOptions{Namespace: ns, Raw: &metav1.ListOptions{ResourceVersion: "0"}}
		clusters, machines, pools := &infrav1.AWSClusterList{}, &infrav1.AWSMachineList{}, &infrav1.AWSMachinePoolList{}
		must(x.t, errors.Join(x.client.List(ctx, clusters, stored), x.client.List(ctx, machines, stored), x.client.List(ctx, pools, stored)))
		for _, c := range clusters.Items {
			out[ns+"/awscluster/"+c.Name] = lines(c.Status.Conditions)
		}
		for _, m := range machines.Items {
			out[ns+"/awsmachine/"+m.Name] = lines(m.Status.Conditions)
		}
		for _, p := range pools.Items {
			out[ns+"/awsmachinepool/"+p.Name] = lines(p.Status.Conditions)
		}
	}
	return out
}

func lines(conditions []metav1.Condition) string {
	var out strings.Builder
	for _, c := range conditions {
		fmt.Fprintf(&out, "%s=%s %s: %s\n", c.Type, c.Status, c.Reason, c.Message)
	}
	return out.String()
}

// look has bob read all he can of what isn't his.
func (x *tenants) look(t *testing.T) {
	for _, a := range attacks {
		kind, name, _ := strings.Cut(a.object, "/")
		if !a.blank || kind != "awsmachine" {
			continue
		}
		t.Run("bob sees nothing by "+a.name, func(t *testing.T) {
			ns := x.in(a.in)
			out, err := x.tryKubectl("", "get", "awsmachine", "-n", ns, name, "--as=bob", "-o", "jsonpath={.status.addresses}{.status.instanceState}{.status.failureDomain}")
			if err == nil && out != "" {
				t.Errorf("its status is %s", out)
			}
			out, err = x.tryKubectl("", "get", "--as=bob", "--raw", "/apis/infrastructure.cluster.x-k8s.io/v2beta1/namespaces/"+ns+"/awsmachines/"+name+"/console")
			if err == nil {
				t.Errorf("its console says %s", out)
			}
		})
	}
	t.Run("bob sees nothing of alice's own objects", func(t *testing.T) {
		for _, path := range []string{"awsmachines/cp-0/console", "awsmachines/cp-0", "awsclusters"} {
			if out, err := x.tryKubectl("", "get", "--as=bob", "--raw", "/apis/infrastructure.cluster.x-k8s.io/v2beta1/namespaces/"+x.alice()+"/"+path); err == nil {
				t.Errorf("%s is %s", path, out)
			}
		}
	})
}

// withdraw has bob delete all that he has made, and what he had before.
func (x *tenants) withdraw(t *testing.T) {
	for _, kinds := range []string{"machines,machinepools", "awsmachines,awsmachinepools", "clusters", "awsclusters"} {
		for _, ns := range x.namespaces() {
			if out, err := x.tryKubectl("", "delete", kinds, "-n", ns, "--all", "--as=bob", "--wait=false"); err != nil {
				t.Errorf("bob can't delete his %s: %s", kinds, out)
			}
		}
	}
	x.within(2*patience, "bob's objects are gone", func(context.Context) error {
		if said := x.conditions(); len(said) > 0 {
			return fmt.Errorf("there are %s", pretty(said))
		}
		return nil
	})
}

// aliceLeaves has alice delete her cluster, after which only what others have is left.
func (x *tenants) aliceLeaves(t *testing.T) {
	x.kubectl("delete", "cluster", "-n", x.alice(), victim, "--wait=false")
	x.eventually("only what others have is left", func(context.Context) error {
		for key := range x.records() {
			if _, there := x.others[key]; !there {
				return fmt.Errorf("%s is left", key)
			}
		}
		return nil
	})
	x.stayed(t, x.others)
}
