package nodegroup

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// retagGroup puts the users' tags on the Auto Scaling group, which EKS doesn't, so that its
// instances have them. The node group proves whose the group is.
func (s *State) retagGroup() []plan.Action {
	if s.Group == nil {
		return nil
	}
	want, have := s.Owner.UserTags(), mirror.AutoScalingGroups.Tags(s.Group)
	for k, v := range s.Owner.Allowed(s.OwnTags) {
		if want == nil {
			want = map[string]string{}
		}
		want[k] = v
	}
	var actions []plan.Action
	if missing := names.Missing(want, have); len(missing) > 0 {
		in := &autoscaling.CreateOrUpdateTagsInput{}
		for _, k := range names.SortedKeys(missing) {
			in.Tags = append(in.Tags, s.groupTag(k, aws.String(missing[k])))
		}
		actions = append(actions, plan.Action{Key: key + "/group-tags", Area: Area, Verb: plan.Update, Operation: "autoscaling.CreateOrUpdateTags", Input: in,
			Summary: fmt.Sprintf("tag Auto Scaling group %s with %s", s.GroupName(), strings.Join(names.SortedKeys(missing), ", "))})
	}
	removed := &autoscaling.DeleteTagsInput{}
	var keys []string
	for _, k := range s.Removed {
		if _, there := have[k]; there && want[k] == "" {
			removed.Tags, keys = append(removed.Tags, s.groupTag(k, nil)), append(keys, k)
		}
	}
	if len(keys) > 0 {
		actions = append(actions, plan.Action{Key: key + "/removed-group-tags", Area: Area, Verb: plan.Update, Operation: "autoscaling.DeleteTags", Input: removed,
			Summary: fmt.Sprintf("delete tags %s of Auto Scaling group %s", strings.Join(keys, ", "), s.GroupName())})
	}
	return actions
}

func (s *State) groupTag(k string, value *string) astypes.Tag {
	return astypes.Tag{Key: aws.String(k), Value: value, PropagateAtLaunch: aws.Bool(true), ResourceId: aws.String(s.GroupName()), ResourceType: aws.String("auto-scaling-group")}
}
