package autoscaling

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/launchtemplate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

const arnOfPool = "arn:aws:autoscaling:us-east-1:1:autoScalingGroup:x:autoScalingGroupName/pool"

func TestAPoolsGroupAndTemplateAreThoseThatTagsProve(t *testing.T) {
	twin := ownership.Object{Kind: ownership.KindPool, Namespace: "b", Name: "pool", UID: "twin", Cluster: "c1"}
	recording := twin
	recording.Records = []string{arnOfPool, "lt-1"}
	decoy := recording
	decoy.Stray = true
	for name, c := range map[string]struct {
		uid, namespace, pool string
		recorded             bool
		former               []string
		living               ownership.Fixed
		group, template      bool
	}{
		"made for it":                                               {uid: "u", group: true, template: true},
		"made for another one":                                      {uid: "twin", living: ownership.Fixed{twin}},
		"made for another one, recorded":                            {uid: "twin", recorded: true, living: ownership.Fixed{twin}},
		"made by another controller":                                {group: true, template: true},
		"made by another controller, for two":                       {living: ownership.Fixed{twin}},
		"made by another controller for two, recorded by it":        {recorded: true, living: ownership.Fixed{twin}, group: true, template: true},
		"made by another controller for two, recorded by the other": {living: ownership.Fixed{recording}},
		"made by another controller, recorded by a decoy":           {recorded: true, living: ownership.Fixed{decoy}, group: true, template: true},
		"made by another controller for another pool":               {pool: "other", group: true},
		"left by somebody":                                          {uid: "gone"},
		"left by somebody, recorded":                                {uid: "gone", recorded: true, group: true, template: true},
		"left by somebody of another namespace, recorded":           {uid: "gone", namespace: "b", recorded: true},
		"its own of before the move":                                {uid: "gone", former: []string{"gone"}, group: true, template: true},
	} {
		tags := map[string]string{names.TagOwnedPrefix + "c1": names.Owned, names.TagName: "pool"}
		for key, value := range map[string]string{names.TagUID: c.uid, names.TagNamespace: c.namespace, names.TagName: c.pool} {
			if value != "" {
				tags[key] = value
			}
		}
		group := mirror.AutoScalingGroup{AutoScalingGroup: astypes.AutoScalingGroup{AutoScalingGroupName: aws.String("pool"), AutoScalingGroupARN: aws.String(arnOfPool)}}
		template := mirror.LaunchTemplate{LaunchTemplate: ec2types.LaunchTemplate{LaunchTemplateId: aws.String("lt-1"), LaunchTemplateName: aws.String("pool")}}
		for _, key := range names.SortedKeys(tags) {
			group.Tags = append(group.Tags, astypes.TagDescription{Key: aws.String(key), Value: aws.String(tags[key])})
			template.Tags = append(template.Tags, ec2types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
		}
		snap := mirror.With(mirror.NewSnapshot(cloud.Scope{}), mirror.AutoScalingGroups, time.Unix(0, 0), group)
		snap = mirror.With(snap, mirror.LaunchTemplates, time.Unix(0, 0), template)
		owner := ownership.Owner{Owner: names.Owner{Cluster: "c1", UID: "u", Namespace: "a"}, Kind: ownership.KindPool, Name: "pool", Former: c.former, Living: c.living,
			Created: time.Unix(1, 0)}
		arn, id := "", ""
		if c.recorded {
			arn, id = arnOfPool, "lt-1"
		}
		if got := FindGroup(snap, arn, owner).Own() != nil; got != c.group {
			t.Errorf("%s: the group is the pool's: %v", name, got)
		}
		if got := launchtemplate.Find(snap, "pool", id, owner).Own() != nil; got != c.template {
			t.Errorf("%s: the template is the pool's: %v", name, got)
		}
	}
}
