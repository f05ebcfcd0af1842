// Package ec2 emulates the part of Amazon EC2 that clusters need: VPCs and what stands in them, instances and what they are made of.
package ec2

import (
	_ "embed"
	"reflect"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/internal/wire"
)

//go:embed wire.json
var wireTable []byte

// Service returns EC2 as the emulator's frame takes it.
func Service() *core.Service {
	return &core.Service{
		Name:        "ec2",
		SigningName: "ec2",
		Protocol: &core.EC2Query{Query: core.Query{
			Table: wire.MustLoad(wireTable), Namespace: "http://ec2.amazonaws.com/doc/2016-11-15/"}},
		Operations: operations(),
		Bucket:     bucket,
		Inventory:  inventory,
		Actions: map[string]func(*core.Region, string) bool{
			"scheduled-change":         func(r *core.Region, id string) bool { return Of(r).Schedule(r, id) },
			"spot-interruption":        func(r *core.Region, id string) bool { return Of(r).Interrupt(r, id) },
			"rebalance-recommendation": func(r *core.Region, id string) bool { return Of(r).Rebalance(r, id) },
		},
	}
}

func operations() []core.Operation {
	return []core.Operation{
		op(describeRegions), op(describeAvailabilityZones), op(modifyAvailabilityZoneGroup),

		op(createVpc), op(describeVpcs), op(describeVpcAttribute), op(modifyVpcAttribute), op(deleteVpc),
		op(associateVpcCidrBlock), op(disassociateVpcCidrBlock),
		op(createSubnet), op(describeSubnets), op(modifySubnetAttribute), op(deleteSubnet),

		op(createInternetGateway), op(describeInternetGateways), op(attachInternetGateway), op(detachInternetGateway), op(deleteInternetGateway),
		op(createEgressOnlyInternetGateway), op(describeEgressOnlyInternetGateways), op(deleteEgressOnlyInternetGateway),
		op(createCarrierGateway), op(describeCarrierGateways), op(deleteCarrierGateway),
		op(allocateAddress), op(describeAddresses), op(associateAddress), op(disassociateAddress), op(releaseAddress),
		op(createNatGateway), op(describeNatGateways), op(deleteNatGateway),

		op(createRouteTable), op(describeRouteTables), op(deleteRouteTable), op(createRoute), op(replaceRoute), op(deleteRoute),
		op(associateRouteTable), op(disassociateRouteTable), op(replaceRouteTableAssociation),

		op(createSecurityGroup), op(describeSecurityGroups), op(deleteSecurityGroup),
		op(authorizeSecurityGroupIngress), op(revokeSecurityGroupIngress), op(authorizeSecurityGroupEgress), op(revokeSecurityGroupEgress),

		op(createNetworkInterface), op(describeNetworkInterfaces), op(deleteNetworkInterface),
		op(createVpcEndpoint), op(describeVpcEndpoints), op(modifyVpcEndpoint), op(deleteVpcEndpoints),
		op(createTags), op(deleteTags), op(describeTags),

		op(runInstances), op(describeInstances), op(describeInstanceStatus), op(terminateInstances), op(stopInstances), op(startInstances),
		op(rebootInstances), op(getConsoleOutput), op(modifyInstanceAttribute), op(describeInstanceAttribute), op(modifyInstanceMetadataOptions),
		op(modifyNetworkInterfaceAttribute), op(describeNetworkInterfaceAttribute), op(describeVolumes), op(deleteVolume),
		op(describeSpotInstanceRequests), op(cancelSpotInstanceRequests),
		op(describeInstanceTypes), op(describeInstanceTypeOfferings), op(describeImages), op(registerImage), op(copyImage), op(deregisterImage),
		op(describeKeyPairs), op(importKeyPair), op(deleteKeyPair),
		op(allocateHosts), op(describeHosts), op(releaseHosts),
		op(createCapacityReservation), op(describeCapacityReservations), op(cancelCapacityReservation),
		op(createPlacementGroup), op(describePlacementGroups), op(deletePlacementGroup),
		op(createLaunchTemplate), op(describeLaunchTemplates), op(deleteLaunchTemplate), op(modifyLaunchTemplate),
		op(createLaunchTemplateVersion), op(describeLaunchTemplateVersions), op(deleteLaunchTemplateVersions),
		op(describeDhcpOptions), op(createDhcpOptions), op(associateDhcpOptions), op(deleteDhcpOptions),
	}
}

// op makes a row whose operation honours DryRun as every EC2 action does.
func op[I, O any](do func(*core.Request, *I) (*O, error)) core.Operation {
	return core.Op(func(r *core.Request, in *I) (*O, error) {
		field := reflect.ValueOf(in).Elem().FieldByName("DryRun")
		if field.IsValid() && !field.IsNil() && field.Elem().Bool() {
			return nil, &core.Error{Code: "DryRunOperation", Message: "Request would have succeeded, but DryRun flag is set.", Status: 412}
		}
		return do(r, in)
	})
}

// Network is what EC2 remembers of one account and region.
type Network struct {
	vpcs        core.Table[vpc]
	subnets     core.Table[types.Subnet]
	gateways    core.Table[types.InternetGateway]
	egress      core.Table[types.EgressOnlyInternetGateway]
	carriers    core.Table[types.CarrierGateway]
	addresses   core.Table[types.Address]
	nats        core.Table[types.NatGateway]
	routeTables core.Table[types.RouteTable]
	groups      core.Table[group]
	interfaces  core.Table[types.NetworkInterface]
	endpoints   core.Table[types.VpcEndpoint]
	tags        map[string][]types.Tag
	zoneGroups  map[string]bool            // opted in
	taken       map[string]map[string]bool // private addresses in use, by subnet
	given       map[string]int             // how far the addresses of a subnet were given, by subnet

	instances    core.Table[instance]
	volumes      core.Table[types.Volume]
	images       core.Table[types.Image]
	keyPairs     core.Table[types.KeyPairInfo]
	spots        core.Table[types.SpotInstanceRequest]
	hosts        core.Table[types.Host]
	reservations core.Table[types.CapacityReservation]
	placements   core.Table[types.PlacementGroup]
	dhcp         core.Table[types.DhcpOptions]
	defaultDHCP  string
	templates    core.Table[template]
}

// Of is the EC2 state of an account and region.
func Of(r *core.Region) *Network { return core.Of[Network](r) }

// smallBucket are reads that AWS limits harder when they are neither filtered nor paginated.
var smallBucket = map[string]bool{
	"DescribeInstances": true, "DescribeInstanceStatus": true, "DescribeNetworkInterfaces": true, "DescribeSecurityGroups": true,
	"DescribeVolumes": true, "DescribeSnapshots": true,
}

// actionBuckets are the actions that AWS lists one by one in "Request throttling for the Amazon EC2 API".
var actionBuckets = map[string]core.Bucket{
	"RunInstances": {Size: 5, Refill: 2}, "StartInstances": {Size: 5, Refill: 2}, "TerminateInstances": {Size: 100, Refill: 5},
	"CreateTags": {Size: 100, Refill: 10}, "DeleteTags": {Size: 100, Refill: 10},
	"CreateLaunchTemplateVersion": {Size: 100, Refill: 5}, "CreateNetworkInterface": {Size: 100, Refill: 5},
	"CreateNatGateway": {Size: 10, Refill: 1}, "DeleteNatGateway": {Size: 10, Refill: 1},
	"CreateVpcEndpoint": {Size: 4, Refill: 0.3},
}

// bucket is an action's request bucket by the EC2 API's documentation of request throttling.
func bucket(operation string, in any) (core.Bucket, bool) {
	if listed, ok := actionBuckets[operation]; ok {
		return listed, true
	}
	switch {
	case smallBucket[operation] && !narrowed(in):
		return core.Bucket{Size: 50, Refill: 10}, true
	case strings.HasPrefix(operation, "Describe") || strings.HasPrefix(operation, "Get"):
		return core.Bucket{Size: 100, Refill: 20}, true
	default:
		return core.Bucket{Size: 50, Refill: 5}, true
	}
}

// narrowed says whether a read has a filter or asks for pages.
func narrowed(in any) bool {
	value := reflect.ValueOf(in).Elem()
	for _, name := range []string{"Filters", "MaxResults"} {
		if field := value.FieldByName(name); field.IsValid() && !field.IsZero() {
			return true
		}
	}
	return false
}
