package elb

import (
	"fmt"
	"reflect"
	"strings"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	sdk "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/ec2"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/internal/balancing"
)

type balancer struct {
	types.LoadBalancerDescription
	asked      sdk.CreateLoadBalancerInput
	faces      []balancing.Face
	attributes types.LoadBalancerAttributes
}

func (b *balancer) public() bool { return *b.Scheme == "internet-facing" }

func (b *balancer) placement(subnets []string) balancing.Placement {
	return balancing.Placement{Subnets: subnets, Groups: b.SecurityGroups, Public: b.public()}
}

// createLoadBalancer returns the DNS name of the load balancer that is there if it was made with the same settings.
func createLoadBalancer(r *core.Request, in *sdk.CreateLoadBalancerInput) (*sdk.CreateLoadBalancerOutput, error) {
	s, name := of(r.Region), core.Val(in.LoadBalancerName)
	if err := balancing.CheckName("Load balancer", name); err != nil {
		return nil, err
	}
	settings := *in
	settings.Tags = nil
	if b := s.balancers.Get(name); b != nil {
		if reflect.DeepEqual(b.asked, settings) {
			return &sdk.CreateLoadBalancerOutput{DNSName: b.DNSName}, nil
		}
		return nil, refuse("DuplicateLoadBalancerName", "The specified load balancer name already exists for this account: '%s'", name)
	}
	if err := balancing.CheckTags(plainTags(in.Tags)); err != nil {
		return nil, err
	}
	if s.balancers.Len() >= r.Config.Quota("classicLoadBalancers", 1000) {
		return nil, refuse("TooManyLoadBalancers", "Exceeded quota of account %s", r.Account)
	}
	b, err := newBalancer(r, in)
	if err != nil {
		return nil, err
	}
	b.asked = settings
	s.balancers.Put(name, b, r.Now())
	r.Touch(name)
	return &sdk.CreateLoadBalancerOutput{DNSName: b.DNSName}, s.tags.Add(plainTags(in.Tags), name)
}

func newBalancer(r *core.Request, in *sdk.CreateLoadBalancerInput) (*balancer, error) {
	if len(in.Subnets) == 0 {
		return nil, refuse("ValidationError", "Subnets must be specified; the emulator has no default VPC for AvailabilityZones")
	}
	b := &balancer{LoadBalancerDescription: types.LoadBalancerDescription{
		LoadBalancerName: in.LoadBalancerName, Scheme: core.Ptr("internet-facing"), CreatedTime: core.Ptr(r.Now()), SecurityGroups: in.SecurityGroups,
		Instances: []types.Instance{}, BackendServerDescriptions: []types.BackendServerDescription{}, Policies: &types.Policies{},
		CanonicalHostedZoneNameID: core.Ptr("Z" + strings.ToUpper(r.Hex(13))),
	}}
	switch core.Val(in.Scheme) {
	case "", "internet-facing":
	case "internal":
		b.Scheme = core.Ptr("internal")
	default:
		return nil, refuse("InvalidScheme", "The scheme '%s' is not valid; it can be internet-facing or internal", *in.Scheme)
	}
	vpc, faces, err := b.placement(in.Subnets).Check(r)
	if err != nil {
		return nil, err
	}
	if len(b.SecurityGroups) == 0 {
		b.SecurityGroups = []string{ec2.Of(r.Region).DefaultGroup(vpc)}
	}
	if len(in.Listeners) == 0 {
		return nil, refuse("ValidationError", "At least one listener must be specified")
	}
	for _, listener := range in.Listeners {
		if err := b.addListener(listener); err != nil {
			return nil, err
		}
	}
	b.VPCId, b.faces = &vpc, faces
	b.SourceSecurityGroup = &types.SourceSecurityGroup{OwnerAlias: core.Ptr(r.Account), GroupName: core.Ptr(b.SecurityGroups[0])}
	b.HealthCheck = &types.HealthCheck{Target: core.Ptr(fmt.Sprintf("TCP:%d", core.Val(in.Listeners[0].InstancePort))), Interval: core.Ptr(int32(30)),
		Timeout: core.Ptr(int32(5)), HealthyThreshold: core.Ptr(int32(10)), UnhealthyThreshold: core.Ptr(int32(2))}
	b.attributes = defaultAttributes()
	b.setDNSName(r)
	b.showSubnets()
	return b, balancing.OpenAll(r, b.faces, "ELB "+*b.LoadBalancerName, ec2types.NetworkInterfaceTypeInterface, b.placement(in.Subnets))
}

func (b *balancer) setDNSName(r *core.Request) {
	internal := ""
	if !b.public() {
		internal = "internal-"
	}
	b.DNSName = core.Ptr(fmt.Sprintf("%s%s-%d.%s.elb.amazonaws.com", internal, *b.LoadBalancerName, 1_000_000_000+r.Random(1_000_000_000), r.Region.Name))
	if b.public() {
		b.CanonicalHostedZoneName = b.DNSName
	}
}

func (b *balancer) showSubnets() {
	b.Subnets, b.AvailabilityZones = []string{}, []string{}
	for _, face := range b.faces {
		b.Subnets = append(b.Subnets, face.SubnetID)
		b.AvailabilityZones = append(b.AvailabilityZones, face.Zone)
	}
}

func describeLoadBalancers(r *core.Request, in *sdk.DescribeLoadBalancersInput) (*sdk.DescribeLoadBalancersOutput, error) {
	var rows []*core.Row[balancer]
	for _, name := range in.LoadBalancerNames {
		if _, err := find(r, &name); err != nil {
			return nil, err
		}
	}
	for _, row := range of(r.Region).balancers.Rows() {
		if !r.Hidden(row.Created) && (len(in.LoadBalancerNames) == 0 || contains(in.LoadBalancerNames, row.ID)) {
			rows = append(rows, row)
		}
	}
	page, err := balancing.Paginate(r, rows, in.Marker, in.PageSize)
	out := &sdk.DescribeLoadBalancersOutput{LoadBalancerDescriptions: []types.LoadBalancerDescription{}, NextMarker: core.Next(page.Next)}
	for _, b := range page.Items {
		out.LoadBalancerDescriptions = append(out.LoadBalancerDescriptions, b.LoadBalancerDescription)
	}
	return out, err
}

func contains(list []string, wanted string) bool {
	for _, value := range list {
		if value == wanted {
			return true
		}
	}
	return false
}

// deleteLoadBalancer succeeds for one that isn't there. The interfaces go a little later.
func deleteLoadBalancer(r *core.Request, in *sdk.DeleteLoadBalancerInput) (*sdk.DeleteLoadBalancerOutput, error) {
	s, name := of(r.Region), core.Val(in.LoadBalancerName)
	if b := s.balancers.Get(name); b != nil {
		s.balancers.Delete(name)
		s.tags.Forget(name)
		balancing.Close(r, b.faces)
	}
	return nil, nil
}

func applySecurityGroupsToLoadBalancer(r *core.Request, in *sdk.ApplySecurityGroupsToLoadBalancerInput) (*sdk.ApplySecurityGroupsToLoadBalancerOutput, error) {
	b, err := find(r, in.LoadBalancerName)
	if err != nil {
		return nil, err
	}
	if len(in.SecurityGroups) == 0 {
		return nil, refuse("ValidationError", "At least one security group must be specified")
	}
	if err := balancing.CheckGroups(r, *b.VPCId, in.SecurityGroups); err != nil {
		return nil, err
	}
	b.SecurityGroups = in.SecurityGroups
	for _, face := range b.faces {
		ec2.Of(r.Region).SetInterfaceGroups(face.InterfaceID, in.SecurityGroups)
	}
	return &sdk.ApplySecurityGroupsToLoadBalancerOutput{SecurityGroups: b.SecurityGroups}, nil
}

func attachLoadBalancerToSubnets(r *core.Request, in *sdk.AttachLoadBalancerToSubnetsInput) (*sdk.AttachLoadBalancerToSubnetsOutput, error) {
	b, err := find(r, in.LoadBalancerName)
	if err != nil {
		return nil, err
	}
	wanted := append([]string{}, b.Subnets...)
	for _, id := range in.Subnets {
		if !contains(wanted, id) {
			wanted = append(wanted, id)
		}
	}
	placement := b.placement(wanted)
	_, faces, err := placement.Check(r)
	if err != nil {
		return nil, err
	}
	added := faces[len(b.faces):]
	if err := balancing.OpenAll(r, added, "ELB "+*b.LoadBalancerName, ec2types.NetworkInterfaceTypeInterface, placement); err != nil {
		return nil, err
	}
	b.faces = append(b.faces, added...)
	b.showSubnets()
	return &sdk.AttachLoadBalancerToSubnetsOutput{Subnets: b.Subnets}, nil
}

func detachLoadBalancerFromSubnets(r *core.Request, in *sdk.DetachLoadBalancerFromSubnetsInput) (*sdk.DetachLoadBalancerFromSubnetsOutput, error) {
	b, err := find(r, in.LoadBalancerName)
	if err != nil {
		return nil, err
	}
	var kept, gone []balancing.Face
	for _, face := range b.faces {
		if contains(in.Subnets, face.SubnetID) {
			gone = append(gone, face)
		} else {
			kept = append(kept, face)
		}
	}
	if len(kept) == 0 {
		return nil, refuse("InvalidConfigurationRequest", "A load balancer must keep at least one subnet")
	}
	b.faces = kept
	b.showSubnets()
	balancing.Close(r, gone)
	return &sdk.DetachLoadBalancerFromSubnetsOutput{Subnets: b.Subnets}, nil
}
