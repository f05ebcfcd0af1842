package cloud

import "testing"

func TestRolesMayHaveWhatEKSNeedsAndWhatThePatternsName(t *testing.T) {
	own := RolePolicies{"arn:aws:iam::123456789012:policy/nodes/*", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAcces?"}
	for arn, want := range map[string]bool{
		"arn:aws:iam::aws:policy/AmazonEKSVPCResourceController":             true,
		"arn:aws-us-gov:iam::aws:policy/AmazonEKS_CNI_Policy":                true,
		"arn:aws-cn:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy":   true,
		"arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore":               true,
		"arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy":                true,
		"arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess":                     true,
		"arn:aws:iam::123456789012:policy/nodes/storage":                     true,
		"arn:aws:iam::aws:policy/AdministratorAccess":                        false,
		"arn:aws:iam::aws:policy/IAMFullAccess":                              false,
		"arn:aws:iam::aws:policy/PowerUserAccess":                            false,
		"arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryFullAccess":       false,
		"arn:aws:iam::aws:policy/job-function/AmazonEKSx":                    false,
		"arn:aws:iam::123456789012:policy/AmazonEKSClusterPolicy":            false,
		"arn:aws:iam::123456789012:policy/storage":                           false,
		"arn:aws:iam::210987654321:policy/nodes/storage":                     false,
		"arn:aws:iam::123456789012:policy/x:aws:policy/AmazonEKS":            false,
		"arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess/x":                   false,
		"arn:x:iam::123456789012:policy/x:iam::aws:policy/AmazonEKSAnything": false,
	} {
		if own.Allow(arn) != want {
			t.Errorf("%s: allowed is %v", arn, !want)
		}
	}
	for pattern, want := range map[string]bool{"arn:*:iam::*:policy/*": true, "*": false, "AmazonS3ReadOnlyAccess": false, "arn:aws:iam::123456789012:role/x": false} {
		if got := (RolePolicies{"arn:aws:iam::aws:policy/x", pattern}).Wrong() == ""; got != want {
			t.Errorf("%s: taken is %v", pattern, got)
		}
	}
}
