package eks

import (
	"regexp"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/iam"
)

var roleARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:role/.+$`)

// role looks up a role that a request passes to EKS.
func role(r *core.Request, arn *string) (iam.Role, error) {
	if !roleARN.MatchString(core.Val(arn)) {
		return iam.Role{}, invalid("Error in role params: %s is not the ARN of a role", core.Val(arn))
	}
	x, ok := iam.RoleOf(r.Region, *arn)
	if !ok {
		return iam.Role{}, invalid("Role with arn: %s, does not exist", *arn)
	}
	return x, nil
}

// clusterRole checks the role of a control plane.
func clusterRole(r *core.Request, arn *string) error {
	x, err := role(r, arn)
	switch {
	case err != nil:
		return err
	case !x.Trusts("eks.amazonaws.com"):
		return invalid("Role could not be assumed because the trusted entity is not correct")
	case !x.Has("AmazonEKSClusterPolicy") && !x.May("ec2:DescribeSubnets"):
		return invalid("The provided role doesn't have the Amazon EKS Managed Policies associated with it. Please ensure the following policies [arn:%s:iam::aws:policy/AmazonEKSClusterPolicy] are attached",
			core.Partition(r.Name))
	}
	return nil
}
