package v2beta1

// AWSLoadBalancerSpec describes a load balancer of the API server.
type AWSLoadBalancerSpec struct {
	// name of the load balancer. Left out, one is derived from the cluster's name.
	// Can't be changed.
	// +optional
	// +k8s:validation:maxLength=32
	// +k8s:validation:pattern="^[A-Za-z0-9]([A-Za-z0-9]{0,31}|[-A-Za-z0-9]{0,30}[A-Za-z0-9])$"
	Name *string `json:"name,omitempty"`

	// scheme says whether the load balancer has public addresses. Can't be changed.
	// +optional
	// +default="internet-facing"
	Scheme *ELBScheme `json:"scheme,omitempty"`

	// crossZoneLoadBalancing spreads requests over the targets of all zones.
	// +optional
	CrossZoneLoadBalancing bool `json:"crossZoneLoadBalancing"`

	// subnets the load balancer is attached to, by id. Left empty, one subnet of each zone is used.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=100
	// +k8s:validation:items:maxLength=256
	Subnets []string `json:"subnets,omitzero"`

	// healthCheckProtocol is the protocol of the health check.
	// +optional
	HealthCheckProtocol *ELBProtocol `json:"healthCheckProtocol,omitempty"`

	// healthCheck tunes the health check of the API server's target group. Not for classic.
	// +optional
	HealthCheck *TargetGroupHealthCheckAPISpec `json:"healthCheck,omitempty"`

	// additionalSecurityGroups are put on the load balancer too, by id.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=16
	// +k8s:validation:items:maxLength=128
	AdditionalSecurityGroups []string `json:"additionalSecurityGroups,omitzero"`

	// additionalListeners are further ports that lead to the control plane. Not for classic.
	// +optional
	// +listType=map
	// +listMapKey=port
	// +k8s:validation:maxItems=50
	AdditionalListeners []AdditionalListenerSpec `json:"additionalListeners,omitzero"`

	// ingressRules replace the rule that lets everybody reach the API server.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=1000
	IngressRules []IngressRule `json:"ingressRules,omitzero"`

	// loadBalancerType is the kind of load balancer; disabled means you bring your own endpoint.
	// AWS's other kinds, alb and elb (gateway), can't have an API server's TCP listener.
	// +optional
	// +default="classic"
	LoadBalancerType LoadBalancerType `json:"loadBalancerType,omitempty"`

	// disableHostsRewrite leaves /etc/hosts of the control plane machines alone. Without it, an internal
	// network load balancer's name leads to the machine itself there.
	// +optional
	DisableHostsRewrite bool `json:"disableHostsRewrite"`

	// preserveClientIP shows the client's address to the targets. Not for classic.
	// +optional
	PreserveClientIP bool `json:"preserveClientIP"`

	// targetGroupIPType is the address family of the targets. Not for classic; ipv6 needs vpc.ipv6. Can't be changed.
	// +optional
	TargetGroupIPType *TargetGroupIPType `json:"targetGroupIPType,omitempty"`

	// dnsResolutionCheck None makes the endpoint count without waiting for its name to resolve.
	// +optional
	DNSResolutionCheck *DNSResolutionCheck `json:"dnsResolutionCheck,omitempty"`
}

// AdditionalListenerSpec is a further port of a load balancer.
type AdditionalListenerSpec struct {
	// port of the listener and its targets.
	// +required
	// +k8s:validation:minimum=1
	// +k8s:validation:maximum=65535
	Port int64 `json:"port,omitempty"`

	// protocol of the listener.
	// +optional
	// +default="TCP"
	Protocol ListenerProtocol `json:"protocol,omitempty"`

	// healthCheck tunes the health check of this listener's target group.
	// +optional
	HealthCheck *TargetGroupHealthCheckAdditionalSpec `json:"healthCheck,omitempty"`

	// targetGroupIPType is the address family of the targets; ipv6 needs vpc.ipv6.
	// +optional
	TargetGroupIPType *TargetGroupIPType `json:"targetGroupIPType,omitempty"`
}

// TargetGroupHealthCheckAPISpec tunes the health check of the API server.
type TargetGroupHealthCheckAPISpec struct {
	// intervalSeconds is the time between two checks of a target.
	// +optional
	// +k8s:validation:minimum=5
	// +k8s:validation:maximum=300
	IntervalSeconds *int64 `json:"intervalSeconds,omitempty"`

	// timeoutSeconds without an answer make a check fail.
	// +optional
	// +k8s:validation:minimum=2
	// +k8s:validation:maximum=120
	TimeoutSeconds *int64 `json:"timeoutSeconds,omitempty"`

	// thresholdCount is the number of good checks in a row that make a target healthy.
	// +optional
	// +k8s:validation:minimum=2
	// +k8s:validation:maximum=10
	ThresholdCount *int64 `json:"thresholdCount,omitempty"`

	// unhealthyThresholdCount is the number of failed checks in a row that make a target unhealthy.
	// +optional
	// +k8s:validation:minimum=2
	// +k8s:validation:maximum=10
	UnhealthyThresholdCount *int64 `json:"unhealthyThresholdCount,omitempty"`
}

// TargetGroupHealthCheckAdditionalSpec tunes the health check of an additional listener.
type TargetGroupHealthCheckAdditionalSpec struct {
	// protocol of the check.
	// +optional
	Protocol *HealthCheckProtocol `json:"protocol,omitempty"`

	// port of the check; left out, the listener's.
	// +optional
	// +k8s:validation:maxLength=16
	Port *string `json:"port,omitempty"`

	// path of the check, for HTTP and HTTPS.
	// +optional
	// +k8s:validation:maxLength=1024
	Path *string `json:"path,omitempty"`

	// intervalSeconds is the time between two checks of a target.
	// +optional
	// +k8s:validation:minimum=5
	// +k8s:validation:maximum=300
	IntervalSeconds *int64 `json:"intervalSeconds,omitempty"`

	// timeoutSeconds without an answer make a check fail.
	// +optional
	// +k8s:validation:minimum=2
	// +k8s:validation:maximum=120
	TimeoutSeconds *int64 `json:"timeoutSeconds,omitempty"`

	// thresholdCount is the number of good checks in a row that make a target healthy.
	// +optional
	// +k8s:validation:minimum=2
	// +k8s:validation:maximum=10
	ThresholdCount *int64 `json:"thresholdCount,omitempty"`

	// unhealthyThresholdCount is the number of failed checks in a row that make a target unhealthy.
	// +optional
	// +k8s:validation:minimum=2
	// +k8s:validation:maximum=10
	UnhealthyThresholdCount *int64 `json:"unhealthyThresholdCount,omitempty"`
}

// ELBScheme says whether a load balancer has public addresses.
// +enum
type ELBScheme string

// The schemes of load balancers.
const (
	ELBSchemeInternetFacing ELBScheme = "internet-facing"
	ELBSchemeInternal       ELBScheme = "internal"
)

// ELBProtocol is a protocol of listeners and health checks.
// +enum
type ELBProtocol string

// The protocols of listeners and health checks.
const (
	ELBProtocolTCP   ELBProtocol = "TCP"
	ELBProtocolSSL   ELBProtocol = "SSL"
	ELBProtocolHTTP  ELBProtocol = "HTTP"
	ELBProtocolHTTPS ELBProtocol = "HTTPS"
	ELBProtocolTLS   ELBProtocol = "TLS"
	ELBProtocolUDP   ELBProtocol = "UDP"
)

// LoadBalancerType is the kind of a load balancer.
// +enum
type LoadBalancerType string

// The kinds of load balancers.
const (
	LoadBalancerTypeClassic  LoadBalancerType = "classic"
	LoadBalancerTypeNLB      LoadBalancerType = "nlb"
	LoadBalancerTypeDisabled LoadBalancerType = "disabled"
)

// Kinds that AWS has besides, and that can't have the listener of an API server: an
// application load balancer has no TCP, and a gateway no port. Nobody may choose them.
const (
	LoadBalancerTypeELB = "elb"
	LoadBalancerTypeALB = "alb"
)

// TargetGroupIPType is the address family of targets.
// +enum
type TargetGroupIPType string

// The address families of targets.
const (
	TargetGroupIPTypeIPv4 TargetGroupIPType = "ipv4"
	TargetGroupIPTypeIPv6 TargetGroupIPType = "ipv6"
)

// DNSResolutionCheck says whether an endpoint's name must resolve before it counts.
// +enum
type DNSResolutionCheck string

// Whether an endpoint's name must resolve before it counts.
const (
	DNSResolutionCheckNone    DNSResolutionCheck = "None"
	DNSResolutionCheckEnabled DNSResolutionCheck = "Enabled"
)

// ListenerProtocol is a protocol of additional listeners.
// +enum
type ListenerProtocol string

// The protocols of additional listeners.
const (
	ListenerProtocolTCP ListenerProtocol = "TCP"
)

// HealthCheckProtocol is a protocol of an additional listener's health check.
// +enum
type HealthCheckProtocol string

// The protocols of an additional listener's health check.
const (
	HealthCheckProtocolTCP   HealthCheckProtocol = "TCP"
	HealthCheckProtocolHTTP  HealthCheckProtocol = "HTTP"
	HealthCheckProtocolHTTPS HealthCheckProtocol = "HTTPS"
)
