package network

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// tagSpec gives tags to a resource in the call that makes it.
func tagSpec(kind ec2types.ResourceType, tags map[string]string) []ec2types.TagSpecification {
	return []ec2types.TagSpecification{{ResourceType: kind, Tags: tagList(tags)}}
}

func tagList(tags map[string]string) []ec2types.Tag {
	list := make([]ec2types.Tag, 0, len(tags))
	for _, k := range names.SortedKeys(tags) {
		list = append(list, ec2types.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
	}
	return list
}

// tag plans the tags that a resource lacks. Tags that nobody here wants are left
// alone: others may have put them there.
func (s *State) tag(area, key, id string, want, have map[string]string) {
	missing := names.Missing(want, have)
	if len(missing) == 0 {
		return
	}
	s.add(plan.Action{Key: key + "/tags", Area: area, Verb: plan.Update, Operation: "ec2.CreateTags",
		Input:   &ec2.CreateTagsInput{Resources: []string{id}, Tags: tagList(missing)},
		Summary: fmt.Sprintf("tag %s with %s", id, strings.Join(names.SortedKeys(missing), ", "))})
}

// optional returns nil for an id that isn't known yet.
func optional(id string) *string {
	if id == "" {
		return nil
	}
	return aws.String(id)
}
