package cloud

import (
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
)

// Session is one identity's way into one account and region.
type Session struct {
	Scope Scope
	// Partition is the AWS partition of the region: aws, aws-cn, aws-us-gov ...
	Partition string

	EC2   *ec2.Client
	ELB   *elb.Client
	ELBv2 *elbv2.Client
}
