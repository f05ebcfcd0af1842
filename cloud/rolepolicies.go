package cloud

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// RolePolicies are patterns of the ARNs of IAM policies that specs may give to roles which are made, as ArnLike has them.
type RolePolicies []string

// CommonRolePolicies are those of AWS that let EKS, its nodes and their drivers do what they are for, and nothing else.
var CommonRolePolicies = RolePolicies{
	"arn:*:iam::aws:policy/AmazonEKS*",
	"arn:*:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly", "arn:*:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly",
	"arn:*:iam::aws:policy/AmazonSSMManagedInstanceCore",
	"arn:*:iam::aws:policy/CloudWatchAgentServerPolicy", "arn:*:iam::aws:policy/AWSXRayDaemonWriteAccess",
	"arn:*:iam::aws:policy/service-role/AmazonEBSCSIDriver*", "arn:*:iam::aws:policy/service-role/AmazonEFSCSIDriver*",
}

// Allow tells whether a role may have the policy.
func (p RolePolicies) Allow(arn string) bool {
	return slices.ContainsFunc(slices.Concat(CommonRolePolicies, p), func(pattern string) bool { return arnLike(pattern, arn) })
}

// sections makes "/" of what separates the sections of an ARN, and the reverse.
var sections = strings.NewReplacer(":", "/", "/", ":")

// arnLike compares as IAM does: wildcards reach beyond slashes and not beyond a colon, and path.Match has it the other way round.
func arnLike(pattern, arn string) bool {
	like, err := path.Match(sections.Replace(pattern), sections.Replace(arn))
	return like && err == nil
}

// policyPattern has none of the characters that path.Match gives a meaning of its own; no ARN has them.
var policyPattern = regexp.MustCompile(`^arn:[^:\[\\]+:iam::[^:\[\\]*:policy/[^:\[\\]+$`)

// Wrong returns the first that can't be the pattern of a policy's ARN, "" for none.
func (p RolePolicies) Wrong() string {
	if i := slices.IndexFunc(p, func(pattern string) bool { return !policyPattern.MatchString(pattern) }); i >= 0 {
		return p[i]
	}
	return ""
}
