// Package network plans a cluster's network: what stands in the spec, beside
// what a snapshot shows, gives the mutations that are still to be made. All of
// it is pure: no clock, no calls.
package network

import (
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// The areas of a network: each is the condition type that reports on it.
const (
	AreaVPC               = infrav1.VpcReadyCondition
	AreaSecondaryCIDRs    = infrav1.SecondaryCidrsReadyCondition
	AreaSubnets           = infrav1.SubnetsReadyCondition
	AreaInternetGateway   = infrav1.InternetGatewayReadyCondition
	AreaEgressOnlyGateway = infrav1.EgressOnlyInternetGatewayReadyCondition
	AreaCarrierGateway    = infrav1.CarrierGatewayReadyCondition
	AreaNATGateways       = infrav1.NatGatewaysReadyCondition
	AreaRouteTables       = infrav1.RouteTablesReadyCondition
	AreaVPCEndpoints      = infrav1.VpcEndpointsReadyCondition
	AreaSecurityGroups    = infrav1.ClusterSecurityGroupsReadyCondition
)

// ReasonWaitingForObservation stands while something has to be seen in AWS
// before anything is done: a table was never listed, or a creation may be under
// way that isn't visible yet.
const ReasonWaitingForObservation = "WaitingForObservation"

// FailedReason gives the reason of an area's condition while something there
// still differs from what is wanted.
var FailedReason = map[string]string{
	AreaVPC:               infrav1.VpcReconciliationFailedReason,
	AreaSecondaryCIDRs:    infrav1.SecondaryCidrReconciliationFailedReason,
	AreaSubnets:           infrav1.SubnetsReconciliationFailedReason,
	AreaInternetGateway:   infrav1.InternetGatewayFailedReason,
	AreaEgressOnlyGateway: infrav1.EgressOnlyInternetGatewayFailedReason,
	AreaCarrierGateway:    infrav1.CarrierGatewayFailedReason,
	AreaNATGateways:       infrav1.NatGatewaysReconciliationFailedReason,
	AreaRouteTables:       infrav1.RouteTableReconciliationFailedReason,
	AreaVPCEndpoints:      infrav1.VpcEndpointsReconciliationFailedReason,
	AreaSecurityGroups:    infrav1.SecurityGroupReconciliationFailedReason,
}

const (
	waitVPC         = "the VPC"
	defaultVPCBlock = "10.0.0.0/16"
	anyIPv4         = "0.0.0.0/0"
	anyIPv6         = "::/0"
	// nat64Block is the range that DNS64 maps IPv4 addresses into (RFC 6052).
	nat64Block       = "64:ff9b::/96"
	defaultZoneLimit = 3
	// ipamNetmaskIPv4 and ipamNetmaskIPv6 are the sizes of ranges taken from IPAM
	// pools unless the spec says otherwise.
	ipamNetmaskIPv4 int32 = 16
	ipamNetmaskIPv6 int32 = 56
)
