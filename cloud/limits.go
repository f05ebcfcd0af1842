package cloud

import "strings"

// Limit is a token bucket of AWS, for one account and region.
type Limit struct {
	// Bucket names the bucket within its service. Operations with the same bucket
	// name share it; empty means that the operation has one of its own.
	Bucket string
	// Burst is how many requests the bucket holds.
	Burst float64
	// Refill is how many requests a second come back.
	Refill float64
	// Learned says that AWS publishes no numbers: Burst and Refill are then only
	// where the limiter begins to look for them.
	Learned bool
}

// The documents the numbers below are from.
//
//	ec2: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
//	elb: https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-throttling.html
//	     (it publishes the bucket of reads, which each API version shares
//	     between its Describe actions; for the others it gives no lasting number)
//	secrets-manager: https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
//	ssm: https://docs.aws.amazon.com/general/latest/gr/ssm.html
var (
	ec2Read     = Limit{Burst: 100, Refill: 20}
	ec2Mutate   = Limit{Burst: 50, Refill: 5}
	elbRead     = Limit{Bucket: "Describe", Burst: 40, Refill: 10}
	elbMutate   = Limit{Bucket: "Mutate", Burst: 20, Refill: 3, Learned: true}
	anyUnlisted = Limit{Burst: 20, Refill: 5, Learned: true}
	// Secrets Manager counts creations, deletions and most others together; the
	// parameter store allows few writes.
	secretWrite    = Limit{Bucket: "Write", Burst: 50, Refill: 50}
	parameterWrite = Limit{Bucket: "Write", Burst: 10, Refill: 3, Learned: true}
)

// ec2Limits are the EC2 actions with buckets of their own size. The limiter
// counts on paginated reads, which is how this program reads.
var ec2Limits = map[string]Limit{
	"RunInstances":                {Burst: 5, Refill: 2},
	"StartInstances":              {Burst: 5, Refill: 2},
	"TerminateInstances":          {Burst: 100, Refill: 5},
	"CreateTags":                  {Burst: 100, Refill: 10},
	"DeleteTags":                  {Burst: 100, Refill: 10},
	"CreateLaunchTemplateVersion": {Burst: 100, Refill: 5},
	"CreateNetworkInterface":      {Burst: 100, Refill: 5},
	"CreateNatGateway":            {Burst: 10, Refill: 1},
	"DeleteNatGateway":            {Burst: 10, Refill: 1},
	"CreateVpcEndpoint":           {Burst: 4, Refill: 0.3},
}

// LimitOf returns the bucket of an operation. Services are the names of
// metrics: ec2, elb, elbv2, sts.
func LimitOf(service, operation string) Limit {
	switch service {
	case "ec2":
		if l, ok := ec2Limits[operation]; ok {
			return l
		}
		if reads(operation) {
			return ec2Read
		}
		return ec2Mutate
	case "elb", "elbv2":
		if reads(operation) {
			return elbRead
		}
		return elbMutate
	case "secrets-manager":
		if !reads(operation) {
			return secretWrite
		}
	case "ssm":
		if !reads(operation) {
			return parameterWrite
		}
	}
	return anyUnlisted
}

// throttledIn returns the scope whose requests AWS counts together: a service that is
// in no region has one budget per account.
func throttledIn(service string, scope Scope) Scope {
	if service == "iam" {
		return scope.Global()
	}
	return scope
}

// reads tells that an operation changes nothing, so that it may be tried again
// whatever became of the first try. AWS names its operations consistently.
func reads(operation string) bool {
	for _, prefix := range []string{"Describe", "Get", "List", "AssumeRole", "Search"} {
		if strings.HasPrefix(operation, prefix) {
			return true
		}
	}
	return false
}
