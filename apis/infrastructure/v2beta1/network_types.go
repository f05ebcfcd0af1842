package v2beta1

// NetworkSpec describes the network of a cluster.
type NetworkSpec struct {
	// vpc is the VPC of the cluster.
	// +optional
	VPC VPCSpec `json:"vpc,omitzero"`

	// subnets of the cluster. Left empty, the provider plans public and private
	// subnets in the zones it chooses, and writes them here.
	// +optional
	// +listType=map
	// +listMapKey=id
	// +k8s:validation:maxItems=500
	Subnets Subnets `json:"subnets,omitzero"`

	// cni holds the traffic rules that the cluster's CNI plugin needs. Left out,
	// those of Calico are used; write an empty object to have none.
	// +optional
	CNI *CNISpec `json:"cni,omitempty"`

	// securityGroupOverrides gives existing security groups to roles: role to
	// security group id. Only for a VPC that the provider doesn't manage.
	// +optional
	// +k8s:validation:maxProperties=16
	// +k8s:validation:additionalProperties:maxLength=128
	SecurityGroupOverrides map[SecurityGroupRole]string `json:"securityGroupOverrides,omitzero"`

	// additionalControlPlaneIngressRules are added to the security group of the control plane.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=1000
	AdditionalControlPlaneIngressRules []IngressRule `json:"additionalControlPlaneIngressRules,omitzero"`

	// additionalNodeIngressRules are added to the security group of the nodes.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=1000
	AdditionalNodeIngressRules []IngressRule `json:"additionalNodeIngressRules,omitzero"`

	// nodePortIngressRuleCidrBlocks may reach the node ports (30000 to 32767).
	// Left empty, everybody may.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=1000
	// +k8s:validation:items:maxLength=64
	NodePortIngressRuleCidrBlocks []string `json:"nodePortIngressRuleCidrBlocks,omitzero"`
}

// VPCSpec describes the VPC of a cluster.
type VPCSpec struct {
	// id of an existing VPC, for example vpc-0123456789abcdef0. Left empty, the
	// provider creates one and writes its id here. Can't be changed once set.
	// +optional
	// +k8s:validation:maxLength=128
	ID string `json:"id,omitempty"`

	// cidrBlock is the IPv4 range of the VPC. Defaults to 10.0.0.0/16 unless ipamPool is given.
	// +optional
	// +k8s:validation:maxLength=64
	CidrBlock string `json:"cidrBlock,omitempty"`

	// secondaryCidrBlocks are further IPv4 ranges of the VPC.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=50
	SecondaryCidrBlocks []VpcCidrBlock `json:"secondaryCidrBlocks,omitzero"`

	// ipamPool gives the IPv4 range of the VPC. Excludes cidrBlock.
	// +optional
	IPAMPool *IPAMPool `json:"ipamPool,omitempty"`

	// ipv6 makes the VPC dual stack when present; an empty object takes a range from Amazon.
	// +optional
	IPv6 *IPv6 `json:"ipv6,omitempty"`

	// internetGatewayId is written by the provider for a VPC it manages.
	// +optional
	// +k8s:validation:maxLength=128
	// +k8s:validation:pattern="^(igw-[0-9a-z]+)?$"
	InternetGatewayID *string `json:"internetGatewayId,omitempty"`

	// carrierGatewayId is written by the provider when there are public subnets
	// in Wavelength zones, for example cagw-0123456789abcdef0.
	// +optional
	// +k8s:validation:maxLength=128
	// +k8s:validation:pattern="^(cagw-[0-9a-z]+)?$"
	CarrierGatewayID *string `json:"carrierGatewayId,omitempty"`

	// tags of the VPC.
	// +optional
	// +k8s:validation:maxProperties=100
	// +k8s:validation:additionalProperties:maxLength=256
	Tags Tags `json:"tags,omitzero"`

	// availabilityZoneUsageLimit is the number of zones used when subnets are planned by the provider.
	// +optional
	// +default=3
	// +k8s:validation:minimum=1
	AvailabilityZoneUsageLimit *int `json:"availabilityZoneUsageLimit,omitempty"`

	// availabilityZoneSelection says how zones are chosen: the first by name, or at random.
	// +optional
	// +default="Ordered"
	AvailabilityZoneSelection *AZSelectionScheme `json:"availabilityZoneSelection,omitempty"`

	// emptyRoutesDefaultVPCSecurityGroup removes all rules of the VPC's default security group.
	// +optional
	EmptyRoutesDefaultVPCSecurityGroup bool `json:"emptyRoutesDefaultVPCSecurityGroup"`

	// privateDnsHostnameTypeOnLaunch is the kind of host name that instances get.
	// +optional
	PrivateDNSHostnameTypeOnLaunch *HostnameType `json:"privateDnsHostnameTypeOnLaunch,omitempty"`

	// elasticIpPool is the pool that public IPv4 addresses are taken from.
	// +optional
	ElasticIPPool *ElasticIPPool `json:"elasticIpPool,omitempty"`

	// subnetSchema says which subnets get the larger share of the VPC's range.
	// +optional
	// +default="PreferPrivate"
	SubnetSchema *SubnetSchemaType `json:"subnetSchema,omitempty"`
}

// AZSelectionScheme says how availability zones are chosen.
// +enum
type AZSelectionScheme string

// The ways of choosing availability zones.
const (
	AZSelectionSchemeOrdered AZSelectionScheme = "Ordered"
	AZSelectionSchemeRandom  AZSelectionScheme = "Random"
)

// SubnetSchemaType says which subnets get the larger share of the VPC's range.
// +enum
type SubnetSchemaType string

// The ways of dividing the VPC's range.
const (
	SubnetSchemaPreferPrivate SubnetSchemaType = "PreferPrivate"
	SubnetSchemaPreferPublic  SubnetSchemaType = "PreferPublic"
)

// VpcCidrBlock is a further range of a VPC.
type VpcCidrBlock struct {
	// ipv4CidrBlock is the range, for example 100.64.0.0/16.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=64
	IPv4CidrBlock string `json:"ipv4CidrBlock,omitempty"`
}

// IPAMPool is a pool of Amazon VPC IP Address Manager, by id or by name.
type IPAMPool struct {
	// id of the pool, for example ipam-pool-0123456789abcdef0.
	// +optional
	// +k8s:validation:maxLength=128
	ID string `json:"id,omitempty"`

	// name is the Name tag of the pool.
	// +optional
	// +k8s:validation:maxLength=256
	Name string `json:"name,omitempty"`

	// netmaskLength is the prefix length of the range to take: IPv4 defaults to 16, IPv6 to 56.
	// +optional
	NetmaskLength int64 `json:"netmaskLength,omitempty"`
}

// IPv6 describes the IPv6 side of a VPC.
type IPv6 struct {
	// cidrBlock is the IPv6 range, from poolId; left empty, AWS chooses it and the provider writes it here.
	// +optional
	// +k8s:validation:maxLength=64
	CidrBlock string `json:"cidrBlock,omitempty"`

	// poolId is the address pool you brought to AWS that cidrBlock belongs to.
	// +optional
	// +k8s:validation:maxLength=128
	PoolID string `json:"poolId,omitempty"`

	// egressOnlyInternetGatewayId is written by the provider for a VPC it manages.
	// +optional
	// +k8s:validation:maxLength=128
	// +k8s:validation:pattern="^(eigw-[0-9a-z]+)?$"
	EgressOnlyInternetGatewayID *string `json:"egressOnlyInternetGatewayId,omitempty"`

	// ipamPool gives the IPv6 range. Excludes poolId.
	// +optional
	IPAMPool *IPAMPool `json:"ipamPool,omitempty"`
}

// ElasticIPPool is where public IPv4 addresses come from.
type ElasticIPPool struct {
	// publicIpv4Pool is a pool you brought to AWS, for example ipv4pool-ec2-0123456789abcdef0.
	// +optional
	// +k8s:validation:maxLength=30
	PublicIpv4Pool *string `json:"publicIpv4Pool,omitempty"`

	// publicIpv4PoolFallbackOrder says what to do when the pool is used up: take
	// an address of Amazon's (amazon-pool) or fail (none).
	// +optional
	PublicIpv4PoolFallBackOrder *PublicIpv4PoolFallbackOrder `json:"publicIpv4PoolFallbackOrder,omitempty"`
}

// PublicIpv4PoolFallbackOrder says what to do when a public IPv4 pool is used up.
// +enum
type PublicIpv4PoolFallbackOrder string

// What to do when a public IPv4 pool is used up.
const (
	PublicIpv4PoolFallbackOrderAmazonPool PublicIpv4PoolFallbackOrder = "amazon-pool"
	PublicIpv4PoolFallbackOrderNone       PublicIpv4PoolFallbackOrder = "none"
)

// Subnets is a list of subnets with different ids.
type Subnets []SubnetSpec

// SubnetSpec describes one subnet.
type SubnetSpec struct {
	// id is the id of an existing subnet (subnet- and 8 or 17 hexadecimal digits), or
	// any name of your choice for a subnet that the provider creates.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=256
	ID string `json:"id,omitempty"`

	// resourceID is the id of the subnet in AWS, written by the provider when id is a name.
	// +optional
	// +k8s:validation:maxLength=128
	// +k8s:validation:pattern="^(subnet-[0-9a-z]+)?$"
	ResourceID string `json:"resourceID,omitempty"`

	// cidrBlock is the IPv4 range of the subnet.
	// +optional
	// +k8s:validation:maxLength=64
	CidrBlock string `json:"cidrBlock,omitempty"`

	// ipv6CidrBlock is the IPv6 range of the subnet.
	// +optional
	// +k8s:validation:maxLength=64
	IPv6CidrBlock string `json:"ipv6CidrBlock,omitempty"`

	// availabilityZone is the zone of the subnet, for example us-east-1a.
	// +optional
	// +k8s:validation:maxLength=64
	AvailabilityZone string `json:"availabilityZone,omitempty"`

	// isPublic tells whether the subnet's default route leads to an internet gateway.
	// +optional
	IsPublic bool `json:"isPublic"`

	// isIpv6 tells whether the subnet has an IPv6 range.
	// +optional
	IsIPv6 bool `json:"isIpv6"`

	// routeTableId is the route table of the subnet, written by the provider.
	// +optional
	// +k8s:validation:maxLength=128
	// +k8s:validation:pattern="^(rtb-[0-9a-z]+)?$"
	RouteTableID *string `json:"routeTableId,omitempty"`

	// natGatewayId is the NAT gateway of a public subnet, written by the provider.
	// +optional
	// +k8s:validation:maxLength=128
	// +k8s:validation:pattern="^(nat-[0-9a-z]+)?$"
	NatGatewayID *string `json:"natGatewayId,omitempty"`

	// tags of the subnet.
	// +optional
	// +k8s:validation:maxProperties=100
	// +k8s:validation:additionalProperties:maxLength=256
	Tags Tags `json:"tags,omitzero"`

	// zoneType is the type of the zone, written by the provider.
	// +optional
	ZoneType *ZoneType `json:"zoneType,omitempty"`

	// parentZoneName is the availability zone that a local or Wavelength zone
	// belongs to, written by the provider.
	// +optional
	// +k8s:validation:maxLength=64
	ParentZoneName *string `json:"parentZoneName,omitempty"`
}

// IsEdge tells whether the subnet lies in a local or Wavelength zone.
func (s *SubnetSpec) IsEdge() bool {
	return s.ZoneType != nil && (*s.ZoneType == ZoneTypeLocalZone || *s.ZoneType == ZoneTypeWavelengthZone)
}

// ZoneType is the type of a zone.
// +enum
type ZoneType string

// The types of zones.
const (
	ZoneTypeAvailabilityZone ZoneType = "availability-zone"
	ZoneTypeLocalZone        ZoneType = "local-zone"
	ZoneTypeWavelengthZone   ZoneType = "wavelength-zone"
)
