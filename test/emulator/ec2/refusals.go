package ec2

import "github.com/capa-apiserver/capa-apiserver/test/emulator/core"

// The codes are those of "Error codes for the Amazon EC2 API".

type refusal func(id string) error

func notFound(code, what string) refusal {
	return func(id string) error { return core.Refuse(code, "The %s '%s' does not exist", what, id) }
}

var (
	noVPC          = notFound("InvalidVpcID.NotFound", "vpc ID")
	noSubnet       = notFound("InvalidSubnetID.NotFound", "subnet ID")
	noGroup        = notFound("InvalidGroup.NotFound", "security group")
	noRouteTable   = notFound("InvalidRouteTableID.NotFound", "routeTable ID")
	noGateway      = notFound("InvalidInternetGatewayID.NotFound", "internetGateway ID")
	noEgress       = notFound("InvalidGatewayID.NotFound", "egressOnlyInternetGateway ID")
	noCarrier      = notFound("InvalidCarrierGatewayID.NotFound", "carrier gateway ID")
	noNAT          = notFound("NatGatewayNotFound", "NAT gateway")
	noAllocation   = notFound("InvalidAllocationID.NotFound", "allocation ID")
	noPublicIP     = notFound("InvalidAddress.NotFound", "address")
	noInterface    = notFound("InvalidNetworkInterfaceID.NotFound", "networkInterface ID")
	noEndpoint     = notFound("InvalidVpcEndpointId.NotFound", "Vpc Endpoint Id")
	noAssociation  = notFound("InvalidAssociationID.NotFound", "association ID")
	noCIDRAssoc    = notFound("InvalidVpcCidrBlockAssociationID.NotFound", "vpc CIDR block association ID")
	noInstance     = notFound("InvalidInstanceID.NotFound", "instance ID")
	noSecurityRule = notFound("InvalidSecurityGroupRuleId.NotFound", "security group rule ID")
	noImage        = notFound("InvalidAMIID.NotFound", "image id")
	noVolume       = notFound("InvalidVolume.NotFound", "volume")
	noHost         = notFound("InvalidHostID.NotFound", "host ID")
	noKeyPair      = notFound("InvalidKeyPair.NotFound", "key pair")
	noReservation  = notFound("InvalidCapacityReservationId.NotFound", "capacity reservation ID")
	noPlacement    = notFound("InvalidPlacementGroup.Unknown", "placement group")
	noDHCP         = notFound("InvalidDhcpOptionID.NotFound", "dhcpOptions ID")
	noSpot         = notFound("InvalidSpotInstanceRequestID.NotFound", "spot instance request ID")
	noResource     = notFound("InvalidID", "ID")
)

func hasDependencies(what, id string) error {
	return core.Refuse("DependencyViolation", "The %s '%s' has dependencies and cannot be deleted.", what, id)
}

func invalid(format string, args ...any) error {
	return core.Refuse("InvalidParameterValue", format, args...)
}

// find looks a resource up by a required id parameter. One that is hidden from this request is not found.
func find[T any](r *core.Request, table *core.Table[T], id *string, parameter string, missing refusal) (*T, error) {
	if id == nil || *id == "" {
		return nil, core.Missing(parameter)
	}
	row := table.Row(*id)
	if row == nil || r.Hidden(row.Created) {
		return nil, missing(*id)
	}
	return row.Value, nil
}

// withinQuota refuses when already have of a limited kind exist.
func withinQuota(r *core.Request, have int, quota string, otherwise int, code, what string) error {
	if limit := r.Config.Quota(quota, otherwise); have >= limit {
		return core.Refuse(code, "The maximum number of %s has been reached.", what)
	}
	return nil
}

// generous is the default of quotas that are far lower in a fresh AWS account; tests lower them by configuration.
const generous = 1000
