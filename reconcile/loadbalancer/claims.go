package loadbalancer

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

// claims tells whether a call rewrites the UID tag that the object had before it was
// moved: an absent one is never written.
func claims(input any) bool {
	switch in := input.(type) {
	case *elbv2.AddTagsInput:
		return slices.ContainsFunc(in.Tags, func(t elbv2types.Tag) bool { return aws.ToString(t.Key) == names.TagUID })
	case *elb.AddTagsInput:
		return slices.ContainsFunc(in.Tags, func(t elbtypes.Tag) bool { return aws.ToString(t.Key) == names.TagUID })
	}
	return false
}
