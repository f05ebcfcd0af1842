package v2beta1

// SecurityGroupRole is what a security group is for.
type SecurityGroupRole string

// The roles of security groups.
const (
	SecurityGroupBastion           SecurityGroupRole = "bastion"
	SecurityGroupNode              SecurityGroupRole = "node"
	SecurityGroupControlPlane      SecurityGroupRole = "controlplane"
	SecurityGroupAPIServerLB       SecurityGroupRole = "apiserver-lb"
	SecurityGroupLB                SecurityGroupRole = "lb"
	SecurityGroupEKSNodeAdditional SecurityGroupRole = "node-eks-additional"

	// SecurityGroupCluster is the group that EKS makes itself. It is only seen in status.
	SecurityGroupCluster SecurityGroupRole = "cluster"
)

// SecurityGroupProtocol is the protocol of a rule.
// +enum
type SecurityGroupProtocol string

// The protocols of rules.
const (
	SecurityGroupProtocolAll    SecurityGroupProtocol = "-1"
	SecurityGroupProtocolIPinIP SecurityGroupProtocol = "4"
	SecurityGroupProtocolTCP    SecurityGroupProtocol = "tcp"
	SecurityGroupProtocolUDP    SecurityGroupProtocol = "udp"
	SecurityGroupProtocolICMP   SecurityGroupProtocol = "icmp"
	SecurityGroupProtocolICMPv6 SecurityGroupProtocol = "58"
	SecurityGroupProtocolESP    SecurityGroupProtocol = "50"
)

// CNISpec holds the traffic rules that a CNI plugin needs.
type CNISpec struct {
	// cniIngressRules are added to the security groups of the control plane and
	// the nodes, with both of them as sources.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=1000
	CNIIngressRules []CNIIngressRule `json:"cniIngressRules,omitzero"`
}

// CNIIngressRule is one traffic rule of a CNI plugin.
type CNIIngressRule struct {
	// description of the rule, shown in AWS.
	// +required
	// +k8s:validation:maxLength=255
	Description string `json:"description"`

	// protocol of the rule: tcp, udp, icmp, or a number of IANA's list such as 4
	// for IP-in-IP; -1 means all.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=16
	Protocol string `json:"protocol,omitempty"`

	// fromPort is the first port.
	// +required
	FromPort *int64 `json:"fromPort,omitempty"`

	// toPort is the last port.
	// +required
	ToPort *int64 `json:"toPort,omitempty"`
}

// IngressRule is one rule of a security group. The ports are sent to AWS for
// tcp, udp, icmp and ICMPv6 (58) only.
type IngressRule struct {
	// description of the rule, shown in AWS.
	// +required
	// +k8s:validation:maxLength=255
	Description string `json:"description"`

	// protocol of the rule: -1 means all, 4 IP-in-IP, 58 ICMPv6, 50 ESP.
	// +required
	Protocol SecurityGroupProtocol `json:"protocol,omitempty"`

	// fromPort is the first port, or the ICMP type.
	// +required
	FromPort *int64 `json:"fromPort,omitempty"`

	// toPort is the last port, or the ICMP code.
	// +required
	ToPort *int64 `json:"toPort,omitempty"`

	// cidrBlocks are IPv4 sources. Excludes security groups as sources.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=1000
	// +k8s:validation:items:maxLength=64
	CidrBlocks []string `json:"cidrBlocks,omitzero"`

	// ipv6CidrBlocks are IPv6 sources. Excludes security groups as sources.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=1000
	// +k8s:validation:items:maxLength=64
	IPv6CidrBlocks []string `json:"ipv6CidrBlocks,omitzero"`

	// sourceSecurityGroupIds are security groups as sources, by id.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=1000
	// +k8s:validation:items:maxLength=128
	SourceSecurityGroupIDs []string `json:"sourceSecurityGroupIds,omitzero"`

	// sourceSecurityGroupRoles are security groups of this cluster as sources, by
	// role: bastion, node, controlplane, apiserver-lb, lb, node-eks-additional.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=16
	// +k8s:validation:items:maxLength=64
	SourceSecurityGroupRoles []SecurityGroupRole `json:"sourceSecurityGroupRoles,omitzero"`

	// natGatewaysIPsSource takes the public addresses of the cluster's NAT
	// gateways as sources. Excludes all other sources.
	// +optional
	NatGatewaysIPsSource bool `json:"natGatewaysIPsSource"`
}

// SecurityGroup is a security group as seen in AWS.
type SecurityGroup struct {
	// id of the security group.
	// +required
	ID string `json:"id"`

	// name of the security group.
	// +required
	Name string `json:"name"`

	// ingressRule holds the rules of the security group.
	// +optional
	// +listType=atomic
	IngressRules []IngressRule `json:"ingressRule,omitempty"`

	// tags of the security group.
	// +optional
	Tags Tags `json:"tags,omitempty"`
}

// NetworkStatus is the network as seen in AWS.
type NetworkStatus struct {
	// securityGroups by role.
	// +optional
	SecurityGroups map[SecurityGroupRole]SecurityGroup `json:"securityGroups,omitempty"`

	// apiServerElb is the load balancer of the API server.
	// +optional
	APIServerELB LoadBalancer `json:"apiServerElb,omitzero"`

	// secondaryAPIServerELB is the second load balancer of the API server.
	// +optional
	SecondaryAPIServerELB LoadBalancer `json:"secondaryAPIServerELB,omitzero"`

	// natGatewaysIPs are the public addresses of the NAT gateways.
	// +optional
	// +listType=atomic
	NatGatewaysIPs []string `json:"natGatewaysIPs,omitempty"`
}
