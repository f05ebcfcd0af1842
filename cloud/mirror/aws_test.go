package mirror_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"k8s.io/utils/clock"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// account is an emulated account and region, and a mirror of it.
type account struct {
	*emulator.Emulator
	t       *testing.T
	session *cloud.Session
	mirror  *mirror.Mirror
}

func newAccount(t *testing.T, change ...func(*emulator.Config)) *account {
	t.Helper()
	config := emulator.DefaultConfig()
	for _, f := range change {
		f(&config)
	}
	e := emulator.New(emulator.Options{Config: &config, Seed: 1})
	url, stop, err := e.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	scope := cloud.Scope{Account: emulator.DefaultAccount, Region: "us-east-1"}
	unlimited := func(string, string) cloud.Limit { return cloud.Limit{Burst: 1e6, Refill: 1e6} }
	cfg := aws.Config{BaseEndpoint: aws.String(url), Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")}
	session := cloud.NewSession(cfg, cloud.NewLimiter(clock.RealClock{}, unlimited), scope, "aws", "controller")
	// So small a grace and hold that a test doesn't wait for them.
	m := mirror.New(mirror.Options{CreationGrace: 1, WriteHold: 1, RetryAfter: 1})
	m.Want("test", session)
	return &account{Emulator: e, t: t, session: session, mirror: m}
}

func (a *account) refresh(kinds ...mirror.Kind) *mirror.Snapshot {
	a.t.Helper()
	if err := a.mirror.Refresh(a.t.Context(), a.session.Scope, 0, kinds...); err != nil {
		a.t.Fatal(err)
	}
	return a.mirror.Snapshot(a.session.Scope)
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func owned(resource ec2types.ResourceType) []ec2types.TagSpecification {
	return []ec2types.TagSpecification{{ResourceType: resource, Tags: []ec2types.Tag{
		{Key: aws.String(mirror.OwnedTagPrefix + "c1"), Value: aws.String("owned")},
	}}}
}

func (a *account) vpc() string {
	out := must[*ec2.CreateVpcOutput](a.t)(a.session.EC2.CreateVpc(a.t.Context(), &ec2.CreateVpcInput{
		CidrBlock: aws.String("10.0.0.0/16"), TagSpecifications: owned(ec2types.ResourceTypeVpc),
	}))
	return aws.ToString(out.Vpc.VpcId)
}

// network makes one of each EC2 resource of a network and returns the ids of
// what was made, by table.
func (a *account) network() map[mirror.Kind]string {
	ctx, c, vpc := a.t.Context(), a.session.EC2, a.vpc()
	subnet := must[*ec2.CreateSubnetOutput](a.t)(c.CreateSubnet(ctx, &ec2.CreateSubnetInput{
		VpcId: &vpc, CidrBlock: aws.String("10.0.0.0/24"), TagSpecifications: owned(ec2types.ResourceTypeSubnet)}))
	gateway := must[*ec2.CreateInternetGatewayOutput](a.t)(c.CreateInternetGateway(ctx, &ec2.CreateInternetGatewayInput{
		TagSpecifications: owned(ec2types.ResourceTypeInternetGateway)}))
	must[*ec2.AttachInternetGatewayOutput](a.t)(c.AttachInternetGateway(ctx, &ec2.AttachInternetGatewayInput{
		VpcId: &vpc, InternetGatewayId: gateway.InternetGateway.InternetGatewayId}))
	egress := must[*ec2.CreateEgressOnlyInternetGatewayOutput](a.t)(c.CreateEgressOnlyInternetGateway(ctx,
		&ec2.CreateEgressOnlyInternetGatewayInput{VpcId: &vpc}))
	address := must[*ec2.AllocateAddressOutput](a.t)(c.AllocateAddress(ctx, &ec2.AllocateAddressInput{
		Domain: ec2types.DomainTypeVpc, TagSpecifications: owned(ec2types.ResourceTypeElasticIp)}))
	nat := must[*ec2.CreateNatGatewayOutput](a.t)(c.CreateNatGateway(ctx, &ec2.CreateNatGatewayInput{
		SubnetId: subnet.Subnet.SubnetId, AllocationId: address.AllocationId, TagSpecifications: owned(ec2types.ResourceTypeNatgateway)}))
	table := must[*ec2.CreateRouteTableOutput](a.t)(c.CreateRouteTable(ctx, &ec2.CreateRouteTableInput{
		VpcId: &vpc, TagSpecifications: owned(ec2types.ResourceTypeRouteTable)}))
	group := must[*ec2.CreateSecurityGroupOutput](a.t)(c.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
		VpcId: &vpc, GroupName: aws.String("c1-node"), Description: aws.String("nodes"),
		TagSpecifications: owned(ec2types.ResourceTypeSecurityGroup)}))
	return map[mirror.Kind]string{
		mirror.VPCs.Kind: vpc, mirror.Subnets.Kind: aws.ToString(subnet.Subnet.SubnetId),
		mirror.InternetGateways.Kind:           aws.ToString(gateway.InternetGateway.InternetGatewayId),
		mirror.EgressOnlyInternetGateways.Kind: aws.ToString(egress.EgressOnlyInternetGateway.EgressOnlyInternetGatewayId),
		mirror.NATGateways.Kind:                aws.ToString(nat.NatGateway.NatGatewayId),
		mirror.Addresses.Kind:                  aws.ToString(address.AllocationId),
		mirror.RouteTables.Kind:                aws.ToString(table.RouteTable.RouteTableId),
		mirror.SecurityGroups.Kind:             aws.ToString(group.GroupId),
	}
}

// shown tells whether a snapshot shows the row, and whether it was in the VPC.
func shown[T any](s *mirror.Snapshot, t *mirror.Table[T], ids map[mirror.Kind]string) (found, inVPC bool) {
	row, ok := mirror.Get(s, t, ids[t.Kind])
	return ok, ok && t.VPC(row) == ids[mirror.VPCs.Kind]
}

var ec2Kinds = []mirror.Kind{
	mirror.AvailabilityZones.Kind, mirror.Regions.Kind,
	mirror.VPCs.Kind, mirror.Subnets.Kind, mirror.InternetGateways.Kind, mirror.EgressOnlyInternetGateways.Kind,
	mirror.NATGateways.Kind, mirror.Addresses.Kind, mirror.RouteTables.Kind, mirror.SecurityGroups.Kind,
}

func TestEachTableOfEC2ShowsWhatAWSHas(t *testing.T) {
	a := newAccount(t)
	ids := a.network()
	s := a.refresh(ec2Kinds...)
	check := func(kind mirror.Kind, found, inVPC, wantVPC bool) {
		if !found || inVPC != wantVPC {
			t.Errorf("%s %s: found %v, in its VPC %v", kind, ids[kind], found, inVPC)
		}
	}
	found, inVPC := shown(s, mirror.VPCs, ids)
	check(mirror.VPCs.Kind, found, inVPC, true)
	found, inVPC = shown(s, mirror.Subnets, ids)
	check(mirror.Subnets.Kind, found, inVPC, true)
	found, inVPC = shown(s, mirror.InternetGateways, ids)
	check(mirror.InternetGateways.Kind, found, inVPC, true)
	found, inVPC = shown(s, mirror.EgressOnlyInternetGateways, ids)
	check(mirror.EgressOnlyInternetGateways.Kind, found, inVPC, true)
	found, inVPC = shown(s, mirror.NATGateways, ids)
	check(mirror.NATGateways.Kind, found, inVPC, true)
	found, inVPC = shown(s, mirror.Addresses, ids)
	check(mirror.Addresses.Kind, found, inVPC, false)
	found, inVPC = shown(s, mirror.RouteTables, ids)
	check(mirror.RouteTables.Kind, found, inVPC, true)
	found, inVPC = shown(s, mirror.SecurityGroups, ids)
	check(mirror.SecurityGroups.Kind, found, inVPC, true)

	if tagged := mirror.Tagged(s, mirror.Subnets, mirror.OwnedTagPrefix+"c1", "owned"); len(tagged) != 1 {
		t.Errorf("%d subnets are owned, want 1", len(tagged))
	}
	if len(mirror.Select(s, mirror.AvailabilityZones, nil)) == 0 || len(mirror.Select(s, mirror.Regions, nil)) == 0 {
		t.Error("no zones or no regions")
	}
	vpc, _ := mirror.Get(s, mirror.VPCs, ids[mirror.VPCs.Kind])
	if aws.ToBool(vpc.DNSHostnames) || !aws.ToBool(vpc.DNSSupport) {
		t.Errorf("attributes of the VPC: hostnames %v, support %v, want AWS's defaults", vpc.DNSHostnames, vpc.DNSSupport)
	}
}

func TestListingsHaveAllPages(t *testing.T) {
	a := newAccount(t, func(c *emulator.Config) { c.MaxPageSize = 2 })
	vpc := a.vpc()
	var want []string
	for i := range 5 {
		out := must[*ec2.CreateSecurityGroupOutput](t)(a.session.EC2.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{
			VpcId: &vpc, GroupName: aws.String("g" + string(rune('a'+i))), Description: aws.String("d")}))
		want = append(want, aws.ToString(out.GroupId))
	}
	s := a.refresh(mirror.SecurityGroups.Kind)
	for _, id := range want {
		if _, ok := mirror.Get(s, mirror.SecurityGroups, id); !ok {
			t.Errorf("group %s is missing", id)
		}
	}
	if n := a.Counts()["ec2.DescribeSecurityGroups"]; n < 3 {
		t.Errorf("%d pages read, want at least 3: this test should see several", n)
	}
}

func TestPageThatAWSFailsVoidsTheListingsAbsences(t *testing.T) {
	a := newAccount(t, func(c *emulator.Config) { c.MaxPageSize = 2 })
	vpc := a.vpc()
	var ids []string
	for i := range 6 {
		out := must[*ec2.CreateSecurityGroupOutput](t)(a.session.EC2.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{
			VpcId: &vpc, GroupName: aws.String("g" + string(rune('a'+i))), Description: aws.String("d")}))
		ids = append(ids, aws.ToString(out.GroupId))
	}
	a.refresh(mirror.SecurityGroups.Kind)
	a.Faults().Set(emulator.Fault{Operation: "DescribeSecurityGroups", Page: 2, Mode: emulator.ErrorBefore, Code: "InternalError", Status: 500})
	for range 3 {
		time.Sleep(time.Microsecond)
		if err := a.mirror.Refresh(t.Context(), a.session.Scope, 0, mirror.SecurityGroups.Kind); err == nil {
			t.Fatal("a listing without its second page succeeded")
		}
	}
	s := a.mirror.Snapshot(a.session.Scope)
	for _, id := range ids {
		if _, ok := mirror.Get(s, mirror.SecurityGroups, id); !ok {
			t.Errorf("group %s vanished with the page", id)
		}
	}
	if err := s.Err(mirror.SecurityGroups.Kind); err == nil || !strings.Contains(err.Error(), "ec2/security-group") {
		t.Errorf("the snapshot's error is %v, want one that names the table", err)
	}
}

func TestResourceDeletedByHandIsGoneAtTheNextRead(t *testing.T) {
	a := newAccount(t)
	ids := a.network()
	a.refresh(mirror.SecurityGroups.Kind, mirror.EgressOnlyInternetGateways.Kind)
	must[*ec2.DeleteSecurityGroupOutput](t)(a.session.EC2.DeleteSecurityGroup(t.Context(),
		&ec2.DeleteSecurityGroupInput{GroupId: aws.String(ids[mirror.SecurityGroups.Kind])}))
	s := a.refresh(mirror.SecurityGroups.Kind)
	if found, _ := shown(s, mirror.SecurityGroups, ids); found {
		t.Error("the group is still shown")
	}
}

func TestLookupLeavesOutWhatDoesNotExist(t *testing.T) {
	a := newAccount(t)
	ids := a.network()
	unknown := map[mirror.Kind]string{
		mirror.VPCs.Kind: "vpc-", mirror.Subnets.Kind: "subnet-", mirror.InternetGateways.Kind: "igw-",
		mirror.EgressOnlyInternetGateways.Kind: "eigw-", mirror.NATGateways.Kind: "nat-", mirror.Addresses.Kind: "eipalloc-",
		mirror.RouteTables.Kind: "rtb-", mirror.SecurityGroups.Kind: "sg-",
	}
	for kind, id := range ids {
		if err := a.mirror.RefreshOf(t.Context(), a.session.Scope, 0, mirror.Interest{Kind: kind, IDs: []string{unknown[kind] + "0123456789abcdef0", id}}); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	s := a.mirror.Snapshot(a.session.Scope)
	if found, _ := shown(s, mirror.NATGateways, ids); !found || s.Seen(mirror.NATGateways.Kind) {
		t.Errorf("NAT gateway found %v, table seen %v: want the row, and no more", found, s.Seen(mirror.NATGateways.Kind))
	}
	if n := len(mirror.Select(s, mirror.Subnets, nil)); n != 1 {
		t.Errorf("%d subnets, want the one that exists", n)
	}
}

func TestNetworkKindsAreTables(t *testing.T) {
	if len(slices.Compact(slices.Sorted(slices.Values(mirror.NetworkKinds)))) != len(mirror.NetworkTables)-2 {
		t.Error("NetworkKinds are not the tables of a network without zones and regions")
	}
}
