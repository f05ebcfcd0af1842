package elbv2

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	sdk "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/ec2"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/internal/balancing"
)

type balancer struct {
	types.LoadBalancer
	asked      sdk.CreateLoadBalancerInput
	faces      []balancing.Face
	attributes map[string]string
}

func (b *balancer) public() bool  { return b.Scheme == types.LoadBalancerSchemeEnumInternetFacing }
func (b *balancer) network() bool { return b.Type == types.LoadBalancerTypeEnumNetwork }

func (b *balancer) gateway() bool { return b.Type == types.LoadBalancerTypeEnumGateway }

// path is the middle of the ARN and of the interfaces' descriptions: "net/name/id".
func (b *balancer) path() string {
	_, path, _ := strings.Cut(*b.LoadBalancerArn, "loadbalancer/")
	return path
}

// createLoadBalancer returns the load balancer that is there if it was made with the same settings.
func createLoadBalancer(r *core.Request, in *sdk.CreateLoadBalancerInput) (*sdk.CreateLoadBalancerOutput, error) {
	s := of(r.Region)
	if err := balancing.CheckName("Load balancer", core.Val(in.Name)); err != nil {
		return nil, err
	}
	settings := *in
	settings.Tags = nil
	for _, b := range s.balancers.All() {
		if *b.LoadBalancerName != *in.Name {
			continue
		}
		if reflect.DeepEqual(b.asked, settings) {
			return &sdk.CreateLoadBalancerOutput{LoadBalancers: []types.LoadBalancer{b.LoadBalancer}}, nil
		}
		return nil, refuse("DuplicateLoadBalancerName", "A load balancer with the same name '%s' exists, but with different settings", *in.Name)
	}
	if err := balancing.CheckTags(plainTags(in.Tags)); err != nil {
		return nil, err
	}
	if err := withinQuota(r, s.balancers.Len(), "loadBalancers", generous, "TooManyLoadBalancers", "load balancers"); err != nil {
		return nil, err
	}
	b, err := newBalancer(r, in)
	if err != nil {
		return nil, err
	}
	b.asked = settings
	arn := *b.LoadBalancerArn
	s.balancers.Put(arn, b, r.Now())
	if err := s.tags.Add(plainTags(in.Tags), arn); err != nil {
		return nil, err
	}
	r.After(r.Config.LoadBalancerDelay, func() { b.State = &types.LoadBalancerState{Code: types.LoadBalancerStateEnumActive} })
	r.Touch(arn)
	return &sdk.CreateLoadBalancerOutput{LoadBalancers: []types.LoadBalancer{b.LoadBalancer}}, nil
}

// becomeGateway completes a gateway load balancer, which has no scheme, no security groups and no DNS name.
func (b *balancer) becomeGateway(r *core.Request, in *sdk.CreateLoadBalancerInput) error {
	switch {
	case b.Scheme != "":
		return refuse("ValidationError", "Scheme '%s' is not supported for load balancers of type 'gateway'", b.Scheme)
	case len(in.SecurityGroups) > 0:
		return refuse("InvalidConfigurationRequest", "Security groups are not supported for load balancers of type 'gateway'")
	}
	if b.IpAddressType == "" {
		b.IpAddressType = types.IpAddressTypeIpv4
	}
	placement, faces, vpc, err := b.place(r, in.Subnets, in.SubnetMappings, nil)
	if err != nil {
		return err
	}
	b.VpcId, b.faces = &vpc, faces
	b.LoadBalancerArn = core.Ptr(r.ARN("elasticloadbalancing", fmt.Sprintf("loadbalancer/gwy/%s/%s", *b.LoadBalancerName, r.Hex(16))))
	b.attributes = map[string]string{deletionProtection: "false", "load_balancing.cross_zone.enabled": "false"}
	b.showZones()
	return balancing.OpenAll(r, b.faces, "ELB "+b.path(), b.interfaceType(), placement)
}

func newBalancer(r *core.Request, in *sdk.CreateLoadBalancerInput) (*balancer, error) {
	b := &balancer{LoadBalancer: types.LoadBalancer{
		LoadBalancerName: in.Name, Scheme: in.Scheme, Type: in.Type, IpAddressType: in.IpAddressType, SecurityGroups: in.SecurityGroups,
		CreatedTime: core.Ptr(r.Now()), State: &types.LoadBalancerState{Code: types.LoadBalancerStateEnumProvisioning},
		CanonicalHostedZoneId: core.Ptr("Z" + strings.ToUpper(r.Hex(13))),
	}}
	if b.gateway() {
		return b, b.becomeGateway(r, in)
	}
	if b.Scheme == "" {
		b.Scheme = types.LoadBalancerSchemeEnumInternetFacing
	}
	if b.Type == "" {
		b.Type = types.LoadBalancerTypeEnumApplication
	}
	if b.IpAddressType == "" {
		b.IpAddressType = types.IpAddressTypeIpv4
	}
	placement, faces, vpc, err := b.place(r, in.Subnets, in.SubnetMappings, in.SecurityGroups)
	if err != nil {
		return nil, err
	}
	b.VpcId, b.faces = &vpc, faces
	if !b.network() && len(b.SecurityGroups) == 0 {
		b.SecurityGroups = []string{ec2.Of(r.Region).DefaultGroup(vpc)}
		placement.Groups = b.SecurityGroups
	}
	b.name(r)
	b.attributes = defaultAttributes(b.network())
	b.showZones()
	return b, balancing.OpenAll(r, b.faces, "ELB "+b.path(), b.interfaceType(), placement)
}

// place reads Subnets or SubnetMappings, of which exactly one is given.
func (b *balancer) place(r *core.Request, subnets []string, mappings []types.SubnetMapping, groups []string) (balancing.Placement, []balancing.Face, string, error) {
	placement := balancing.Placement{Subnets: append([]string{}, subnets...), Groups: groups, Public: b.public()}
	if len(subnets) > 0 && len(mappings) > 0 {
		return placement, nil, "", refuse("ValidationError", "Subnets and SubnetMappings cannot be specified together")
	}
	for _, mapping := range mappings {
		placement.Subnets = append(placement.Subnets, core.Val(mapping.SubnetId))
	}
	if len(placement.Subnets) == 0 {
		return placement, nil, "", refuse("ValidationError", "At least one subnet must be specified")
	}
	vpc, faces, err := placement.Check(r)
	if err != nil {
		return placement, nil, "", err
	}
	if b.Type == types.LoadBalancerTypeEnumApplication && len(faces) < 2 {
		return placement, nil, "", refuse("ValidationError", "At least two subnets in two different Availability Zones must be specified")
	}
	for i, mapping := range mappings {
		faces[i].AllocationID = core.Val(mapping.AllocationId)
	}
	return placement, faces, vpc, nil
}

func (b *balancer) interfaceType() ec2types.NetworkInterfaceType {
	switch {
	case b.network():
		return ec2types.NetworkInterfaceTypeNetworkLoadBalancer
	case b.gateway():
		return ec2types.NetworkInterfaceTypeGatewayLoadBalancer
	}
	return ec2types.NetworkInterfaceTypeInterface
}

// name gives ARN and DNS name in the forms of the two types.
func (b *balancer) name(r *core.Request) {
	id := r.Hex(16)
	if b.network() {
		b.LoadBalancerArn = core.Ptr(r.ARN("elasticloadbalancing", fmt.Sprintf("loadbalancer/net/%s/%s", *b.LoadBalancerName, id)))
		b.DNSName = core.Ptr(fmt.Sprintf("%s-%s.elb.%s.amazonaws.com", *b.LoadBalancerName, id, r.Region.Name))
		return
	}
	internal := ""
	if !b.public() {
		internal = "internal-"
	}
	b.LoadBalancerArn = core.Ptr(r.ARN("elasticloadbalancing", fmt.Sprintf("loadbalancer/app/%s/%s", *b.LoadBalancerName, id)))
	b.DNSName = core.Ptr(fmt.Sprintf("%s%s-%d.%s.elb.amazonaws.com", internal, *b.LoadBalancerName, 1_000_000_000+r.Random(1_000_000_000), r.Region.Name))
}

func (b *balancer) showZones() {
	b.AvailabilityZones = []types.AvailabilityZone{}
	for _, face := range b.faces {
		zone := types.AvailabilityZone{ZoneName: core.Ptr(face.Zone), SubnetId: core.Ptr(face.SubnetID), LoadBalancerAddresses: []types.LoadBalancerAddress{}}
		if face.AllocationID != "" {
			zone.LoadBalancerAddresses = append(zone.LoadBalancerAddresses, types.LoadBalancerAddress{AllocationId: core.Ptr(face.AllocationID)})
		}
		b.AvailabilityZones = append(b.AvailabilityZones, zone)
	}
}

func describeLoadBalancers(r *core.Request, in *sdk.DescribeLoadBalancersInput) (*sdk.DescribeLoadBalancersOutput, error) {
	if len(in.LoadBalancerArns) > 0 && len(in.Names) > 0 {
		return nil, refuse("ValidationError", "Load balancer names and load balancer ARNs cannot be specified at the same time")
	}
	rows, err := choose(r, &of(r.Region).balancers, in.LoadBalancerArns, in.Names,
		func(b *balancer) string { return *b.LoadBalancerName }, "LoadBalancerNotFound", "load balancers")
	if err != nil {
		return nil, err
	}
	page, err := balancing.Paginate(r, rows, in.Marker, in.PageSize)
	out := &sdk.DescribeLoadBalancersOutput{LoadBalancers: []types.LoadBalancer{}, NextMarker: core.Next(page.Next)}
	for _, b := range page.Items {
		out.LoadBalancers = append(out.LoadBalancers, b.LoadBalancer)
	}
	return out, err
}

func find(r *core.Request, arn *string) (*balancer, error) {
	return byARN(r, &of(r.Region).balancers, arn, "LoadBalancerNotFound", "load balancers")
}

// deleteLoadBalancer succeeds for one that isn't there. Listeners go with the load balancer; its interfaces a little later.
func deleteLoadBalancer(r *core.Request, in *sdk.DeleteLoadBalancerInput) (*sdk.DeleteLoadBalancerOutput, error) {
	s := of(r.Region)
	b := s.balancers.Get(core.Val(in.LoadBalancerArn))
	if b == nil {
		return nil, nil
	}
	if b.attributes[deletionProtection] == "true" {
		return nil, refuse("OperationNotPermitted", "Load balancer '%s' cannot be deleted because deletion protection is enabled", *b.LoadBalancerArn)
	}
	for _, row := range s.listeners.Rows() {
		if *row.Value.LoadBalancerArn == *b.LoadBalancerArn {
			s.listeners.Delete(row.ID)
			s.tags.Forget(row.ID)
		}
	}
	s.balancers.Delete(*b.LoadBalancerArn)
	s.tags.Forget(*b.LoadBalancerArn)
	balancing.Close(r, b.faces)
	return nil, nil
}

// setSecurityGroups replaces the groups. A network load balancer that was made without any stays without.
func setSecurityGroups(r *core.Request, in *sdk.SetSecurityGroupsInput) (*sdk.SetSecurityGroupsOutput, error) {
	b, err := find(r, in.LoadBalancerArn)
	if err != nil {
		return nil, err
	}
	if b.network() && len(b.asked.SecurityGroups) == 0 {
		return nil, refuse("InvalidConfigurationRequest", "You cannot set security groups on network load balancer '%s', which was created without any",
			*b.LoadBalancerArn)
	}
	if b.gateway() {
		return nil, refuse("InvalidConfigurationRequest", "Security groups are not supported for load balancers of type 'gateway'")
	}
	if len(in.SecurityGroups) == 0 {
		return nil, refuse("ValidationError", "At least one security group must be specified")
	}
	if err := balancing.CheckGroups(r, *b.VpcId, in.SecurityGroups); err != nil {
		return nil, err
	}
	b.SecurityGroups = in.SecurityGroups
	for _, face := range b.faces {
		ec2.Of(r.Region).SetInterfaceGroups(face.InterfaceID, in.SecurityGroups)
	}
	return &sdk.SetSecurityGroupsOutput{SecurityGroupIds: in.SecurityGroups,
		EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic: in.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic}, nil
}

// setSubnets makes the given subnets the load balancer's only ones.
func setSubnets(r *core.Request, in *sdk.SetSubnetsInput) (*sdk.SetSubnetsOutput, error) {
	b, err := find(r, in.LoadBalancerArn)
	if err != nil {
		return nil, err
	}
	placement, faces, vpc, err := b.place(r, in.Subnets, in.SubnetMappings, b.SecurityGroups)
	if err != nil {
		return nil, err
	}
	if vpc != *b.VpcId {
		return nil, refuse("InvalidSubnet", "The subnets must be in VPC %s", *b.VpcId)
	}
	if err := b.move(r, faces, placement); err != nil {
		return nil, err
	}
	return &sdk.SetSubnetsOutput{AvailabilityZones: b.AvailabilityZones, IpAddressType: b.IpAddressType}, nil
}

// move keeps the faces whose subnets stay, opens the new ones and closes the others; if one can't be opened nothing changes.
func (b *balancer) move(r *core.Request, faces []balancing.Face, placement balancing.Placement) error {
	var kept, added, gone []balancing.Face
	for _, have := range b.faces {
		if slices.ContainsFunc(faces, func(f balancing.Face) bool { return f.SubnetID == have.SubnetID }) {
			kept = append(kept, have)
		} else {
			gone = append(gone, have)
		}
	}
	for _, wanted := range faces {
		if !slices.ContainsFunc(kept, func(f balancing.Face) bool { return f.SubnetID == wanted.SubnetID }) {
			added = append(added, wanted)
		}
	}
	if err := balancing.OpenAll(r, added, "ELB "+b.path(), b.interfaceType(), placement); err != nil {
		return err
	}
	balancing.Close(r, gone)
	b.faces = slices.Concat(kept, added)
	b.showZones()
	return nil
}
