package mirror

import (
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// VPC is a VPC with the attributes that only DescribeVpcAttribute tells.
type VPC struct {
	ec2types.Vpc
	// DNSHostnames and DNSSupport are nil until they have been read.
	DNSHostnames, DNSSupport *bool
	// New tells that this process made the VPC, empty, and has noted since what it
	// put in: the tables of its contents need not be listed to know them.
	New bool
}

// ClassicLoadBalancer is a classic load balancer with its tags and attributes.
type ClassicLoadBalancer struct {
	elbtypes.LoadBalancerDescription
	// TagSet is nil until the tags have been read.
	TagSet map[string]string
	// Attributes is nil until they have been read.
	Attributes *elbtypes.LoadBalancerAttributes
}

// LoadBalancer is a network, application or gateway load balancer with what
// separate calls tell of it.
type LoadBalancer struct {
	elbv2types.LoadBalancer
	// TagSet is nil until the tags have been read.
	TagSet map[string]string
	// Attributes is nil until they have been read.
	Attributes map[string]string
	// Listeners is nil until they have been read, and empty when there are none.
	Listeners []elbv2types.Listener
}

// TargetGroup is a target group with what separate calls tell of it.
type TargetGroup struct {
	elbv2types.TargetGroup
	// TagSet is nil until the tags have been read.
	TagSet map[string]string
	// Attributes is nil until they have been read.
	Attributes map[string]string
	// Targets are the ids of what is registered, in order; nil until they have
	// been read, and empty when there are none.
	Targets []string
}
