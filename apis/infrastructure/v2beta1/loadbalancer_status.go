package v2beta1

import "time"

// LoadBalancer is a load balancer as seen in AWS.
type LoadBalancer struct {
	// arn of the load balancer; classic ones have none.
	// +optional
	ARN string `json:"arn,omitempty"`

	// name of the load balancer.
	// +optional
	Name string `json:"name,omitempty"`

	// dnsName of the load balancer.
	// +optional
	DNSName string `json:"dnsName,omitempty"`

	// scheme of the load balancer.
	// +optional
	Scheme ELBScheme `json:"scheme,omitempty"`

	// availabilityZones served.
	// +optional
	// +listType=atomic
	AvailabilityZones []string `json:"availabilityZones,omitempty"`

	// subnetIds attached.
	// +optional
	// +listType=atomic
	SubnetIDs []string `json:"subnetIds,omitempty"`

	// securityGroupIds put on the load balancer.
	// +optional
	// +listType=atomic
	SecurityGroupIDs []string `json:"securityGroupIds,omitempty"`

	// listeners of a classic load balancer.
	// +optional
	// +listType=atomic
	ClassicELBListeners []ClassicELBListener `json:"listeners,omitempty"`

	// healthChecks is the health check of a classic load balancer.
	// +optional
	HealthCheck *ClassicELBHealthCheck `json:"healthChecks,omitempty"`

	// attributes of a classic load balancer.
	// +optional
	ClassicElbAttributes ClassicELBAttributes `json:"attributes,omitzero"`

	// tags of the load balancer.
	// +optional
	Tags map[string]string `json:"tags,omitempty"`

	// elbListeners are the listeners of a load balancer that isn't classic.
	// +optional
	// +listType=atomic
	ELBListeners []Listener `json:"elbListeners,omitempty"`

	// elbAttributes are the attributes of a load balancer that isn't classic.
	// +optional
	ELBAttributes map[string]string `json:"elbAttributes,omitempty"`

	// loadBalancerType is the kind of load balancer.
	// +optional
	LoadBalancerType LoadBalancerType `json:"loadBalancerType,omitempty"`

	// loadBalancerIPAddressType is the address family of the load balancer.
	// +optional
	LoadBalancerIPAddressType LoadBalancerIPAddressType `json:"loadBalancerIPAddressType,omitempty"`
}

// LoadBalancerIPAddressType is the address family of a load balancer.
// +enum
type LoadBalancerIPAddressType string

// The address families of load balancers.
const (
	LoadBalancerIPAddressTypeIPv4                       LoadBalancerIPAddressType = "ipv4"
	LoadBalancerIPAddressTypeDualstack                  LoadBalancerIPAddressType = "dualstack"
	LoadBalancerIPAddressTypeDualstackWithoutPublicIPv4 LoadBalancerIPAddressType = "dualstack-without-public-ipv4"
)

// ClassicELBAttributes are attributes of a classic load balancer.
type ClassicELBAttributes struct {
	// idleTimeout ends idle connections, in nanoseconds.
	// +optional
	IdleTimeout time.Duration `json:"idleTimeout,omitempty"`

	// crossZoneLoadBalancing spreads requests over the targets of all zones.
	// +optional
	CrossZoneLoadBalancing bool `json:"crossZoneLoadBalancing,omitempty"`
}

// ClassicELBListener is a listener of a classic load balancer.
type ClassicELBListener struct {
	// protocol of the listener.
	// +required
	Protocol ELBProtocol `json:"protocol"`

	// port of the listener.
	// +required
	Port int64 `json:"port"`

	// instanceProtocol is the protocol spoken to the instances.
	// +required
	InstanceProtocol ELBProtocol `json:"instanceProtocol"`

	// instancePort is the port of the instances.
	// +required
	InstancePort int64 `json:"instancePort"`
}

// ClassicELBHealthCheck is the health check of a classic load balancer. Times are in nanoseconds.
type ClassicELBHealthCheck struct {
	// target of the check, for example SSL:6443.
	// +required
	Target string `json:"target"`

	// interval between two checks, in nanoseconds.
	// +required
	Interval time.Duration `json:"interval"`

	// timeout of a check, in nanoseconds.
	// +required
	Timeout time.Duration `json:"timeout"`

	// healthyThreshold is the number of good checks in a row that make an instance healthy.
	// +required
	HealthyThreshold int64 `json:"healthyThreshold"`

	// unhealthyThreshold is the number of failed checks in a row that make an instance unhealthy.
	// +required
	UnhealthyThreshold int64 `json:"unhealthyThreshold"`
}

// Listener is a listener of a load balancer that isn't classic.
type Listener struct {
	// protocol of the listener.
	// +required
	Protocol ELBProtocol `json:"protocol"`

	// port of the listener.
	// +required
	Port int64 `json:"port"`

	// targetGroup that requests are sent to.
	// +required
	TargetGroup TargetGroupSpec `json:"targetGroup"`
}

// TargetGroupSpec is a target group as seen in AWS.
type TargetGroupSpec struct {
	// name of the target group.
	// +required
	// +k8s:validation:maxLength=32
	Name string `json:"name"`

	// port of the targets.
	// +required
	Port int64 `json:"port"`

	// protocol spoken to the targets.
	// +required
	Protocol TargetGroupProtocol `json:"protocol"`

	// vpcId of the targets.
	// +required
	VpcID string `json:"vpcId"`

	// ipType is the address family of the targets.
	// +optional
	IPType TargetGroupIPType `json:"ipType,omitempty"`

	// targetGroupHealthCheck is the health check of the targets.
	// +optional
	HealthCheck *TargetGroupHealthCheck `json:"targetGroupHealthCheck,omitempty"`
}

// TargetGroupHealthCheck is the health check of a target group as seen in AWS.
type TargetGroupHealthCheck struct {
	// protocol of the check.
	// +optional
	Protocol *string `json:"protocol,omitempty"`

	// path of the check.
	// +optional
	// +k8s:validation:maxLength=1024
	Path *string `json:"path,omitempty"`

	// port of the check.
	// +optional
	// +k8s:validation:maxLength=16
	Port *string `json:"port,omitempty"`

	// intervalSeconds is the time between two checks.
	// +optional
	IntervalSeconds *int64 `json:"intervalSeconds,omitempty"`

	// timeoutSeconds without an answer make a check fail.
	// +optional
	TimeoutSeconds *int64 `json:"timeoutSeconds,omitempty"`

	// thresholdCount is the number of good checks in a row that make a target healthy.
	// +optional
	ThresholdCount *int64 `json:"thresholdCount,omitempty"`

	// unhealthyThresholdCount is the number of failed checks in a row that make a target unhealthy.
	// +optional
	UnhealthyThresholdCount *int64 `json:"unhealthyThresholdCount,omitempty"`
}

// TargetGroupProtocol is a protocol spoken to targets.
// +enum
type TargetGroupProtocol string

// The protocols spoken to targets; the lower-case ones come from older objects.
const (
	TargetGroupProtocolTCP      TargetGroupProtocol = "TCP"
	TargetGroupProtocolTLS      TargetGroupProtocol = "TLS"
	TargetGroupProtocolUDP      TargetGroupProtocol = "UDP"
	TargetGroupProtocolLowerTCP TargetGroupProtocol = "tcp"
	TargetGroupProtocolLowerTLS TargetGroupProtocol = "tls"
	TargetGroupProtocolLowerUDP TargetGroupProtocol = "udp"
)
