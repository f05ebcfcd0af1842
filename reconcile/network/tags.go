package network

import (
	"fmt"
	"slices"
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
	delete(missing, names.TagUID) // see planClaims
	delete(missing, names.TagNamespace)
	if len(missing) == 0 {
		return
	}
	s.add(plan.Action{Key: key + "/tags", Area: area, Verb: plan.Update, Operation: "ec2.CreateTags",
		Input:   &ec2.CreateTagsInput{Resources: []string{id}, Tags: tagList(missing)},
		Summary: tagSummary([]string{id}, tagList(missing))})
}

// optional returns nil for an id that isn't known yet.
func optional(id string) *string {
	if id == "" {
		return nil
	}
	return aws.String(id)
}

// mergeTags puts actions of one area that set the same tags into one call: AWS
// takes many resources at once (CreateTags: 1000).
func mergeTags(actions []plan.Action) []plan.Action {
	var merged []plan.Action
	first := map[string]int{}
	for _, a := range actions {
		in, ok := a.Input.(*ec2.CreateTagsInput)
		if !ok {
			merged = append(merged, a)
			continue
		}
		var same strings.Builder
		same.WriteString(a.Area)
		for _, t := range in.Tags {
			fmt.Fprintf(&same, "\x00%s\x00%s", aws.ToString(t.Key), aws.ToString(t.Value))
		}
		if i, ok := first[same.String()]; ok {
			before := merged[i].Input.(*ec2.CreateTagsInput)
			next := &ec2.CreateTagsInput{Resources: append(slices.Clone(before.Resources), in.Resources...), Tags: before.Tags}
			merged[i].Input = next
			merged[i].Summary = tagSummary(next.Resources, next.Tags)
			continue
		}
		first[same.String()] = len(merged)
		merged = append(merged, a)
	}
	return merged
}

func tagSummary(ids []string, tags []ec2types.Tag) string {
	var keys []string
	for _, t := range tags {
		keys = append(keys, aws.ToString(t.Key))
	}
	what := ids[0]
	if len(ids) > 1 {
		what += fmt.Sprintf(" and %d more", len(ids)-1)
	}
	return fmt.Sprintf("tag %s with %s", what, strings.Join(keys, ", "))
}
