package admission

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	clocktesting "k8s.io/utils/clock/testing"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/facts"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// liveWorld is AWS with a cluster's network, and the rules about machines.
type liveWorld struct {
	t     *testing.T
	aws   *emulator.Emulator
	now   *clocktesting.FakeClock
	kube  client.Client
	ec2   *ec2.Client
	rules machineRules

	vpc, otherVPC, subnet, otherSubnet, group, otherGroup, intel, arm string
}

type ownIdentity struct{ *cloud.Sessions }

func (o ownIdentity) For(ctx context.Context, site cloud.Site) (*cloud.Session, error) {
	if site.Identity != nil && site.Identity.Name == "unreachable" {
		return nil, &cloud.IdentityError{Reason: cloud.PrincipalCredentialRetrievalFailedReason, Identity: site.Identity.Name, Err: context.DeadlineExceeded}
	}
	site.Identity, site.Namespace = nil, ""
	return o.Sessions.For(ctx, site)
}

func newLiveWorld(t *testing.T) *liveWorld {
	t.Helper()
	start := time.Now().Truncate(time.Second)
	awsNow := emulator.NewFakeClock(start)
	w := &liveWorld{t: t, now: clocktesting.NewFakeClock(start), aws: emulator.New(emulator.Options{Clock: awsNow, Seed: 1})}
	url, stop, err := w.aws.Start("127.0.0.1:0")
	w.must(err)
	t.Cleanup(stop)
	w.aws.Configure(func(c *emulator.Config) {
		c.KeyPairs, c.InstanceProfiles = []string{"default", "ops"}, []string{"nodes.example"}
	})
	sessions := cloud.NewSessions(cloud.Options{Limits: func(string, string) cloud.Limit { return cloud.Limit{Burst: 1e6, Refill: 1e6} },
		LoadConfig: func(context.Context) (aws.Config, error) {
			return aws.Config{Region: "us-east-1", BaseEndpoint: aws.String(url), Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")}, nil
		}})
	session, err := sessions.For(t.Context(), cloud.Site{Namespace: "", Region: "us-east-1"})
	w.must(err)
	w.ec2 = session.EC2
	w.network()
	awsNow.Advance(time.Minute)
	scheme := testScheme(t)
	w.must(clusterv1.AddToScheme(scheme))
	infra := &infrav1.AWSCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "c1-infra"}, Spec: infrav1.AWSClusterSpec{Region: "us-east-1"}}
	infra.Spec.Network.VPC.ID = w.vpc
	infra.Spec.Network.Subnets = infrav1.Subnets{{ID: "private-a", ResourceID: w.subnet, AvailabilityZone: "us-east-1a"}}
	owner := &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "c1"}}
	owner.Spec.InfrastructureRef = clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.GroupName, Kind: "AWSCluster", Name: infra.Name}
	placed := &clusterv1.Machine{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "placed"}, Spec: clusterv1.MachineSpec{ClusterName: "c1", FailureDomain: "us-east-1c"}}
	w.kube = fake.NewClientBuilder().WithScheme(scheme).WithObjects(infra, owner, placed).Build()
	m := mirror.New(mirror.Options{Clock: w.now, Tables: slices.Concat(mirror.NetworkTables, mirror.MachineTables, mirror.EKSTables)})
	w.rules = machineRules{live: &Live{Ours: w.kube, Host: w.kube, Sessions: ownIdentity{sessions}, Facts: facts.New(m, cloud.NewImages(w.now), w.now)}}
	w.aws.ResetCounts()
	return w
}

func (w *liveWorld) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *liveWorld) network() {
	w.t.Helper()
	ctx := w.t.Context()
	make := func(cidr, zone string) (vpc, subnet, group string) {
		v, err := w.ec2.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String(cidr + "/16")})
		w.must(err)
		s, err := w.ec2.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: v.Vpc.VpcId, CidrBlock: aws.String(cidr + "/24"), AvailabilityZone: aws.String(zone)})
		w.must(err)
		g, err := w.ec2.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{VpcId: v.Vpc.VpcId, GroupName: aws.String("g"), Description: aws.String("g")})
		w.must(err)
		return *v.Vpc.VpcId, *s.Subnet.SubnetId, *g.GroupId
	}
	w.vpc, w.subnet, w.group = make("10.0.0.0", "us-east-1a")
	w.otherVPC, w.otherSubnet, w.otherGroup = make("10.1.0.0", "us-east-1c")
	image := func(arch ec2types.ArchitectureValues) string {
		out, err := w.ec2.RegisterImage(ctx, &ec2.RegisterImageInput{Name: aws.String("own-" + string(arch)), Architecture: arch})
		w.must(err)
		return *out.ImageId
	}
	w.intel, w.arm = image(ec2types.ArchitectureValuesX8664), image(ec2types.ArchitectureValuesArm64)
}

func liveMachine(change func(*infrav1.AWSMachineSpec)) *infrav1.AWSMachine {
	m := &infrav1.AWSMachine{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "m1", Labels: map[string]string{clusterv1.ClusterNameLabel: "c1"}},
		Spec: infrav1.AWSMachineSpec{InstanceType: "m5.large", SSHKeyName: aws.String("ops"), IAMInstanceProfile: "nodes.example"}}
	change(&m.Spec)
	return m
}

func (w *liveWorld) create(object client.Object) ([]string, field.ErrorList) {
	return w.rules.exists(w.t.Context(), Request{Operation: admissionv1.Create, Namespace: "default", Object: object})
}

func TestMachinesAskOnlyForWhatAWSHas(t *testing.T) {
	w := newLiveWorld(t)
	w.aws.Configure(func(c *emulator.Config) {
		c.NotOffered = []string{"m6g.large/us-east-1a", "c5.large/us-east-1c", "c5.xlarge/us-east-1a"}
	})
	id := func(id string) []infrav1.AWSResourceReference {
		return []infrav1.AWSResourceReference{{ID: aws.String(id)}}
	}
	for name, c := range map[string]struct {
		change func(*infrav1.AWSMachineSpec)
		want   string // empty: accepted
	}{
		"all there": {func(s *infrav1.AWSMachineSpec) {
			s.AMI.ID, s.AdditionalSecurityGroups = aws.String(w.intel), id(w.group)
			s.Subnet = &infrav1.AWSResourceReference{ID: aws.String(w.subnet)}
		}, ""},
		"a slip in the type":      {func(s *infrav1.AWSMachineSpec) { s.InstanceType = "m5.larg" }, `spec.instanceType: Invalid value: "m5.larg": is not offered in us-east-1: did you mean m5.large, `},
		"a size that isn't there": {func(s *infrav1.AWSMachineSpec) { s.InstanceType = "m5.900xlarge" }, "did you mean m5.2xlarge"},
		"a type of nowhere":       {func(s *infrav1.AWSMachineSpec) { s.InstanceType = "quantum.huge" }, "see aws ec2 describe-instance-types"},
		"not in the cluster's zones": {func(s *infrav1.AWSMachineSpec) { s.InstanceType = "c5.xlarge" },
			`"c5.xlarge": is offered in none of the cluster's zones (us-east-1a), only in us-east-1b, us-east-1c`},
		"not in the subnet's zone": {func(s *infrav1.AWSMachineSpec) {
			s.InstanceType, s.Subnet = "c5.large", &infrav1.AWSResourceReference{ID: aws.String(w.otherSubnet)}
		}, `"c5.large": is not offered in us-east-1c, the zone of spec.subnet.id ` + w.otherSubnet + "; it is in us-east-1a, us-east-1b"},
		"no such image": {func(s *infrav1.AWSMachineSpec) { s.AMI.ID = aws.String("ami-0123456789abcdef0") },
			`spec.ami.id: Invalid value: "ami-0123456789abcdef0": there is no such image in us-east-1`},
		"image of another processor": {func(s *infrav1.AWSMachineSpec) { s.AMI.ID = aws.String(w.arm) },
			"the image is for arm64, and m5.large is x86_64: choose an image for x86_64, or an instance type such as m6g.large"},
		"no such key":       {func(s *infrav1.AWSMachineSpec) { s.SSHKeyName = aws.String("op") }, `spec.sshKeyName: Invalid value: "op": there is no such key pair in us-east-1: create it, write "" to have none, or one of: ops, default`},
		"no key":            {func(s *infrav1.AWSMachineSpec) { s.SSHKeyName = aws.String("") }, ""},
		"the default's key": {func(s *infrav1.AWSMachineSpec) { s.SSHKeyName = nil }, ""},
		"no such profile": {func(s *infrav1.AWSMachineSpec) { s.IAMInstanceProfile = "masters" },
			`spec.iamInstanceProfile: Invalid value: "masters": account 123456789012 has no such instance profile: create it`},
		"no such subnet": {func(s *infrav1.AWSMachineSpec) {
			s.Subnet = &infrav1.AWSResourceReference{ID: aws.String("subnet-0123456789abcdef0")}
		}, "there is no such subnet in us-east-1: leave it out to have one of the cluster's, or write one of: " + w.subnet + " (us-east-1a)"},
		"the cluster's name of a subnet": {func(s *infrav1.AWSMachineSpec) {
			s.Subnet = &infrav1.AWSResourceReference{ID: aws.String("private-a")}
		}, ""},
		"no such group": {func(s *infrav1.AWSMachineSpec) { s.AdditionalSecurityGroups = id("sg-0123456789abcdef0") },
			`spec.additionalSecurityGroups[0].id: Invalid value: "sg-0123456789abcdef0": there is no such security group in us-east-1: create it, or write the id of one in VPC ` + w.vpc},
		"group of another VPC": {func(s *infrav1.AWSMachineSpec) { s.AdditionalSecurityGroups = id(w.otherGroup) },
			"the security group is in VPC " + w.otherVPC + ", and the machine will be in " + w.vpc + " (the cluster's)"},
		"group of the subnet's VPC": {func(s *infrav1.AWSMachineSpec) {
			s.AdditionalSecurityGroups, s.Subnet = id(w.otherGroup), &infrav1.AWSResourceReference{ID: aws.String(w.otherSubnet)}
		}, ""},
		"group of another VPC than the subnet": {func(s *infrav1.AWSMachineSpec) {
			s.AdditionalSecurityGroups, s.Subnet = id(w.group), &infrav1.AWSResourceReference{ID: aws.String(w.otherSubnet)}
		}, "that of subnet " + w.otherSubnet},
		"group where filters on VPCs may find the subnet": {func(s *infrav1.AWSMachineSpec) {
			s.AdditionalSecurityGroups = id(w.otherGroup)
			s.Subnet = &infrav1.AWSResourceReference{Filters: []infrav1.Filter{{Name: "vpc-id", Values: []string{w.otherVPC}}}}
		}, ""},
		"group of another VPC where filters find the subnet in the cluster's": {func(s *infrav1.AWSMachineSpec) {
			s.AdditionalSecurityGroups = id(w.otherGroup)
			s.Subnet = &infrav1.AWSResourceReference{Filters: []infrav1.Filter{{Name: "tag:tier", Values: []string{"special"}}}}
		}, "the security group is in VPC " + w.otherVPC},
		"override with no such group": {func(s *infrav1.AWSMachineSpec) {
			s.SecurityGroupOverrides = map[infrav1.SecurityGroupRole]string{"node": "sg-0123456789abcdef0"}
		}, "spec.securityGroupOverrides[node]: Invalid value"},
	} {
		t.Run(name, func(t *testing.T) {
			warnings, errs := w.create(liveMachine(c.change))
			expect(t, errs, c.want)
			if len(warnings) > 0 {
				t.Errorf("warnings: %q", warnings)
			}
		})
	}
	for op := range w.aws.Counts() {
		if _, name, _ := strings.Cut(op, "."); !strings.HasPrefix(name, "Describe") && !strings.HasPrefix(name, "Get") {
			t.Errorf("%s was called", op)
		}
	}
}

func TestTheFailureDomainOfTheMachineCounts(t *testing.T) {
	w := newLiveWorld(t)
	w.aws.Configure(func(c *emulator.Config) { c.NotOffered = []string{"m5.large/us-east-1c"} })
	m := liveMachine(func(*infrav1.AWSMachineSpec) {})
	m.OwnerReferences = []metav1.OwnerReference{{APIVersion: clusterv1.GroupVersion.String(), Kind: "Machine", Name: "placed"}}
	_, errs := w.create(m)
	expect(t, errs, "is not offered in us-east-1c, the failure domain of its Machine; it is in us-east-1a, us-east-1b")
}

func TestSomeZonesWithoutTheTypeAreAWarning(t *testing.T) {
	w := newLiveWorld(t)
	infra := &infrav1.AWSCluster{}
	w.must(w.kube.Get(t.Context(), client.ObjectKey{Namespace: "default", Name: "c1-infra"}, infra))
	infra.Spec.Network.Subnets = append(infra.Spec.Network.Subnets, infrav1.SubnetSpec{ID: "private-c", AvailabilityZone: "us-east-1c"})
	w.must(w.kube.Update(t.Context(), infra))
	w.aws.Configure(func(c *emulator.Config) { c.NotOffered = []string{"m5.large/us-east-1c"} })
	warnings, errs := w.create(liveMachine(func(*infrav1.AWSMachineSpec) {}))
	if len(errs) > 0 || len(warnings) != 1 || !strings.Contains(warnings[0], "spec.instanceType: m5.large is not offered in us-east-1c") {
		t.Errorf("warnings %q, errors %v", warnings, errs)
	}
}

func TestTemplatesAndPoolsAreComparedLikeMachines(t *testing.T) {
	w := newLiveWorld(t)
	labels := map[string]string{clusterv1.ClusterNameLabel: "c1"}
	template := &infrav1.AWSMachineTemplate{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "t", Labels: labels}}
	template.Spec.Template.Spec = liveMachine(func(s *infrav1.AWSMachineSpec) { s.InstanceType = "m5.larg" }).Spec
	_, errs := w.create(template)
	expect(t, errs, `spec.template.spec.instanceType: Invalid value: "m5.larg"`)
	template.Spec.Template.Spec.InstanceType, template.Spec.Template.Spec.IAMInstanceProfile = "m5.large", "arn:aws:iam::123456789012:instance-profile/nodes"
	if warnings, errs := w.create(template); len(warnings)+len(errs) > 0 {
		t.Errorf("an ARN, of which the template's own rules warn: %q, %v", warnings, errs)
	}
	template.Labels = nil
	if warnings, errs := w.create(template); len(warnings)+len(errs) > 0 {
		t.Errorf("a template of no cluster: %q, %v", warnings, errs)
	}
	pool := &infrav1.AWSMachinePool{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "p", Labels: labels}}
	pool.Spec.AWSLaunchTemplate = infrav1.AWSLaunchTemplate{InstanceType: "m5.large", IamInstanceProfile: "masters"}
	_, errs = w.create(pool)
	expect(t, errs, "spec.awsLaunchTemplate.iamInstanceProfile: Invalid value")
	pool.Spec.AWSLaunchTemplate.IamInstanceProfile = ""
	pool.Spec.MixedInstancesPolicy = &infrav1.MixedInstancesPolicy{Overrides: []infrav1.Overrides{{InstanceType: "m5.large"}, {InstanceType: "m5.larg"}}}
	_, errs = w.create(pool)
	expect(t, errs, "spec.mixedInstancesPolicy.overrides[1].instanceType: Invalid value")
}

func TestWhatBelongsToNoKnownClusterPasses(t *testing.T) {
	w := newLiveWorld(t)
	for name, labels := range map[string]map[string]string{"no label": nil, "no Cluster": {clusterv1.ClusterNameLabel: "c2"}} {
		m := liveMachine(func(s *infrav1.AWSMachineSpec) { s.InstanceType = "m5.larg" })
		m.Labels = labels
		if warnings, errs := w.create(m); len(warnings)+len(errs) > 0 {
			t.Errorf("%s: %q, %v", name, warnings, errs)
		}
	}
	if counts := w.aws.Counts(); len(counts) > 0 {
		t.Errorf("AWS was asked: %v", counts)
	}
}

func TestUpdatesThatChangeNothingOfItAreNotComparedAgain(t *testing.T) {
	w := newLiveWorld(t)
	old := liveMachine(func(s *infrav1.AWSMachineSpec) { s.InstanceType, s.IAMInstanceProfile = "m5.larg", "masters" })
	updated := old.DeepCopy()
	updated.Spec.ProviderID, updated.Spec.AdditionalTags = aws.String("aws:///us-east-1a/i-1"), infrav1.Tags{"a": "b"}
	update := Request{Operation: admissionv1.Update, Namespace: "default", Object: updated, Old: old}
	if warnings, errs := w.rules.exists(t.Context(), update); len(warnings)+len(errs) > 0 || len(w.aws.Counts()) > 0 {
		t.Errorf("%q, %v, calls %v", warnings, errs, w.aws.Counts())
	}
	updated.Spec.AdditionalSecurityGroups = []infrav1.AWSResourceReference{{ID: aws.String("sg-0123456789abcdef0")}}
	_, errs := w.rules.exists(t.Context(), update)
	expect(t, errs, "spec.additionalSecurityGroups[0].id")
}

// TestMachinesOfPoolsAreNotCompared has one of an instance that is there, of a type
// that AWS doesn't offer any more.
func TestMachinesOfPoolsAreNotCompared(t *testing.T) {
	w := newLiveWorld(t)
	m := liveMachine(func(s *infrav1.AWSMachineSpec) { s.InstanceType = "m5.larg" })
	m.OwnerReferences = []metav1.OwnerReference{{APIVersion: infrav1.SchemeGroupVersion.String(), Kind: "AWSMachinePool", Name: "workers"}}
	if warnings, errs := w.create(m); len(warnings)+len(errs) > 0 || len(w.aws.Counts()) > 0 {
		t.Errorf("%q, %v, calls %v", warnings, errs, w.aws.Counts())
	}
}

// TestAWSNeverKeepsAnybodyFromWriting looks at each way in which it may not answer.
func TestAWSNeverKeepsAnybodyFromWriting(t *testing.T) {
	wrong := func(s *infrav1.AWSMachineSpec) {
		s.InstanceType, s.SSHKeyName, s.IAMInstanceProfile, s.AMI.ID = "m5.larg", aws.String("op"), "masters", aws.String("ami-0123456789abcdef0")
	}
	for name, c := range map[string]struct {
		trouble func(*liveWorld)
		want    string
	}{
		"denied":    {func(w *liveWorld) { w.fault("UnauthorizedOperation", 403) }, "UnauthorizedOperation"},
		"throttled": {func(w *liveWorld) { w.fault("RequestLimitExceeded", 503) }, "RequestLimitExceeded"},
		"expired":   {func(w *liveWorld) { w.fault("RequestExpired", 400) }, "RequestExpired"},
		"away":      {func(w *liveWorld) { w.aws.Configure(func(c *emulator.Config) { c.Outage = "refuse" }) }, "no answer from AWS"},
		"failing":   {func(w *liveWorld) { w.aws.Configure(func(c *emulator.Config) { c.Outage = "503" }) }, "navailable"},
		"silent":    {func(w *liveWorld) { w.aws.Faults().Set(emulator.Fault{Mode: emulator.Hold}) }, "it took too long"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newLiveWorld(t)
			c.trouble(w)
			t.Cleanup(func() { w.aws.Faults().Clear(); w.aws.Release() })
			warnings, errs := w.create(liveMachine(wrong))
			if text := strings.Join(warnings, "\n"); len(errs) > 0 || !strings.Contains(text, c.want) || !strings.Contains(text, "spec.instanceType") {
				t.Errorf("warnings %q, errors %v, want %q in the warnings", warnings, errs, c.want)
			}
			before := w.aws.Counts()
			for range 50 {
				if _, errs := w.create(liveMachine(wrong)); len(errs) > 0 {
					t.Fatal(errs)
				}
				if name == "silent" {
					break
				}
			}
			if after := w.aws.Counts(); name != "silent" && fmt.Sprint(after) != fmt.Sprint(before) {
				t.Errorf("50 more objects were asked about: before %v, then %v", before, after)
			}
			w.aws.Faults().Clear()
			w.aws.Configure(func(c *emulator.Config) { c.Outage = "" })
			w.aws.Release()
			w.now.Step(time.Minute)
			if name == "silent" {
				return // what was held may still be on its way
			}
			if _, errs := w.create(liveMachine(wrong)); len(errs) != 4 {
				t.Errorf("afterwards: %v", errs)
			}
		})
	}
}

func (w *liveWorld) fault(code string, status int) {
	w.aws.Faults().Set(emulator.Fault{ID: "trouble", Code: code, Status: status})
}

// TestAThousandMachinesCostADozenCalls creates them at the same time.
func TestAThousandMachinesCostADozenCalls(t *testing.T) {
	w := newLiveWorld(t)
	var group sync.WaitGroup
	for i := range 1000 {
		group.Go(func() {
			m := liveMachine(func(s *infrav1.AWSMachineSpec) {
				s.AMI.ID, s.AdditionalSecurityGroups = aws.String(w.intel), []infrav1.AWSResourceReference{{ID: aws.String(w.group)}}
				s.Subnet = &infrav1.AWSResourceReference{ID: aws.String(w.otherSubnet)}
				if i%2 == 0 {
					s.Subnet, s.IAMInstanceProfile = nil, "masters"
				}
			})
			_, _ = w.create(m)
		})
	}
	group.Wait()
	total := 0
	for _, n := range w.aws.Counts() {
		total += n
	}
	if total > 12 {
		t.Errorf("%d calls: %v", total, w.aws.Counts())
	}
	t.Logf("%d calls: %v", total, w.aws.Counts())
}

// TestWhoeverWritesEverOtherNamesDoesNotUseUpTheRequestRate asks for images and
// profiles that don't exist, another one each time.
func TestWhoeverWritesEverOtherNamesDoesNotUseUpTheRequestRate(t *testing.T) {
	w := newLiveWorld(t)
	warned, refused := 0, 0
	ask := func(i int) {
		warnings, errs := w.create(liveMachine(func(s *infrav1.AWSMachineSpec) {
			s.AMI.ID, s.IAMInstanceProfile = aws.String(fmt.Sprintf("ami-%017x", i)), fmt.Sprintf("profile-%d", i)
		}))
		if strings.Contains(strings.Join(warnings, ""), "accepted as written, because AWS could not be asked: too many different things were asked about lately") {
			warned++
		}
		if len(errs) > 0 {
			refused++
		}
	}
	for i := range 100 {
		ask(i)
	}
	total := 0
	for _, n := range w.aws.Counts() {
		total += n
	}
	if total > 30 || warned < 80 || refused == 0 {
		t.Errorf("%d calls, %d warned, %d refused: %v", total, warned, refused, w.aws.Counts())
	}
	warned, refused = 0, 0
	w.now.Step(time.Minute)
	if ask(1000); refused != 1 || warned != 0 {
		t.Error("a minute later AWS isn't asked again")
	}
}

func TestWhatWasJustMadeCountsSoon(t *testing.T) {
	w := newLiveWorld(t)
	m := liveMachine(func(s *infrav1.AWSMachineSpec) { s.SSHKeyName, s.IAMInstanceProfile = aws.String("new"), "new" })
	if _, errs := w.create(m); len(errs) != 2 {
		t.Fatal(errs)
	}
	w.aws.Configure(func(c *emulator.Config) {
		c.KeyPairs, c.InstanceProfiles = append(c.KeyPairs, "new"), append(c.InstanceProfiles, "new")
	})
	w.now.Step(11 * time.Second)
	_, errs := w.create(m)
	expect(t, errs, "")
}

func TestAQuotaThatIsUsedUpIsAWarning(t *testing.T) {
	w := newLiveWorld(t)
	w.aws.Configure(func(c *emulator.Config) { c.Quotas = map[string]int{"vcpus": 5, "spotVcpus": 1} })
	launch := func(n int32) {
		_, err := w.ec2.RunInstances(t.Context(), &ec2.RunInstancesInput{MinCount: aws.Int32(n), MaxCount: aws.Int32(n), ImageId: aws.String(w.intel),
			InstanceType: "m5.large", SubnetId: aws.String(w.subnet)})
		w.must(err)
	}
	launch(1)
	if warnings, errs := w.create(liveMachine(func(*infrav1.AWSMachineSpec) {})); len(warnings)+len(errs) > 0 {
		t.Errorf("with 2 of 5 used: %q, %v", warnings, errs)
	}
	launch(1)
	w.now.Step(2 * time.Minute)
	warnings, errs := w.create(liveMachine(func(*infrav1.AWSMachineSpec) {}))
	want := "spec.instanceType: m5.large needs 2 vCPUs, and of the 5 that account 123456789012 may run in us-east-1 as on-demand Standard (A, C, D, H, I, M, R, T, Z) instances 4 are in use"
	if len(errs) > 0 || len(warnings) != 1 || !strings.HasPrefix(warnings[0], want) || !strings.Contains(warnings[0], "--quota-code L-1216C47A --desired-value 6") {
		t.Errorf("warnings %q, errors %v", warnings, errs)
	}
	warnings, errs = w.create(liveMachine(func(s *infrav1.AWSMachineSpec) { s.SpotMarketOptions = &infrav1.SpotMarketOptions{} }))
	if len(errs) > 0 || len(warnings) != 1 || !strings.Contains(warnings[0], "as spot Standard") {
		t.Errorf("warnings %q, errors %v", warnings, errs)
	}
}

// borrowed lets nothing be used.
type borrowed struct{}

func (borrowed) Subnet(id string) error {
	return errors.New("subnet " + id + " belongs to cluster victim")
}
func (borrowed) Group(id string) error {
	return errors.New("security group " + id + " belongs to cluster victim")
}
func (borrowed) Network(id string) error {
	return errors.New("VPC " + id + " belongs to cluster victim")
}

func TestWhatAnotherClusterHasIsRefusedWhereAWSSaysSo(t *testing.T) {
	w := newLiveWorld(t)
	w.rules.live.Lender = func(c *infrav1.AWSCluster, snap *mirror.Snapshot) Lender {
		if _, there := mirror.Get(snap, mirror.VPCs, w.vpc); c == nil || !there {
			t.Error("it is judged without the VPC")
		}
		return borrowed{}
	}
	_, errs := w.create(liveMachine(func(s *infrav1.AWSMachineSpec) {
		s.Subnet = &infrav1.AWSResourceReference{ID: aws.String(w.otherSubnet)}
		s.SecurityGroupOverrides = map[infrav1.SecurityGroupRole]string{"node": w.otherGroup}
		s.AdditionalSecurityGroups = []infrav1.AWSResourceReference{{ID: aws.String(w.otherGroup)}}
	}))
	for i, want := range []string{"spec.subnet.id: Invalid value", "spec.additionalSecurityGroups[0].id: Invalid value", "spec.securityGroupOverrides[node]: Invalid value"} {
		if len(errs) != 3 || !strings.Contains(errs[i].Error(), want) || !strings.Contains(errs[i].Error(), "belongs to cluster victim") {
			t.Errorf("%v, want %s", errs, want)
		}
	}
	c := &infrav1.AWSCluster{Spec: infrav1.AWSClusterSpec{Region: "us-east-1"}}
	c.Spec.Network.VPC.ID = w.vpc
	warnings, errs := clusterRules{w.rules.live}.exists(t.Context(), Request{Operation: admissionv1.Create, Namespace: "default", Object: c})
	if len(errs) > 0 || len(warnings) != 1 || !strings.Contains(warnings[0], "spec.network.vpc.id: VPC "+w.vpc+" belongs to cluster victim") {
		t.Errorf("a cluster there: %q, %v", warnings, errs)
	}
}
