package awsmachinepool

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

// TestWhatIsUndoneIsRedoneMoreAndMoreRarely counts what ten minutes cost in which
// something else undoes each time what the pool's reconciler does.
func TestWhatIsUndoneIsRedoneMoreAndMoreRarely(t *testing.T) {
	const most = 10
	for name, x := range map[string]struct {
		undo            func(w *world)
		undone          func(w *world) bool
		operation, kind string
		says            string
	}{
		"a version of the launch template": {
			undo: func(w *world) {
				_, err := w.Session().EC2.CreateLaunchTemplateVersion(t.Context(), &ec2.CreateLaunchTemplateVersionInput{
					LaunchTemplateId: aws.String(w.get("pool-1").Status.LaunchTemplateID),
					LaunchTemplateData: &ec2types.RequestLaunchTemplateData{InstanceType: ec2types.InstanceTypeM5Xlarge,
						TagSpecifications: []ec2types.LaunchTemplateTagSpecificationRequest{{ResourceType: ec2types.ResourceTypeInstance,
							Tags: []ec2types.Tag{{Key: aws.String(names.TagUID), Value: aws.String("elsewhere")}}}}}})
				w.Must(err)
			},
			undone: func(w *world) bool {
				return w.versions("pool-1")[0].LaunchTemplateData.InstanceType == ec2types.InstanceTypeM5Xlarge
			},
			operation: "ec2.CreateLaunchTemplateVersion", kind: infrav1.LaunchTemplateReadyCondition, says: "by an object with UID elsewhere, which isn't in this server",
		},
		"a tag of the group": {
			undo: func(w *world) {
				_, err := w.Session().AutoScaling.DeleteTags(t.Context(), &autoscaling.DeleteTagsInput{Tags: []astypes.Tag{{Key: aws.String("Name"),
					ResourceId: aws.String("pool-1"), ResourceType: aws.String("auto-scaling-group")}}})
				w.Must(err)
			},
			undone: func(w *world) bool {
				for _, tag := range w.group("pool-1").Tags {
					if aws.ToString(tag.Key) == "Name" {
						return false
					}
				}
				return true
			},
			operation: "autoscaling.CreateOrUpdateTags", kind: infrav1.PoolSettingsReadyCondition, says: "by something else",
		},
		"the size of the group": {
			undo: func(w *world) {
				_, err := w.Session().AutoScaling.UpdateAutoScalingGroup(t.Context(), &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("pool-1"),
					MaxSize: aws.Int32(9)})
				w.Must(err)
			},
			undone:    func(w *world) bool { return aws.ToInt32(w.group("pool-1").MaxSize) == 9 },
			operation: "autoscaling.UpdateAutoScalingGroup", kind: infrav1.ASGReadyCondition, says: "by something else",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.pool("pool-1")
			w.settle("pool-1", w.ready("pool-1", 2))
			w.Pass(2 * time60)
			w.AWS.ResetCounts()
			undone := 0
			for end := w.Now.Now().Add(10 * time.Minute); w.Now.Now().Before(end); {
				if !x.undone(w) {
					x.undo(w)
					undone++
				}
				w.Pass(time.Second)
				_, _ = w.reconcile("pool-1")
			}
			calls := w.AWS.Counts()[x.operation]
			if name != "a tag of the group" {
				calls -= undone
			}
			if calls > most || calls < 3 {
				t.Errorf("%s was called %d times in ten minutes", x.operation, calls)
			}
			if c := w.condition("pool-1", x.kind); c.Status != metav1.ConditionFalse || !strings.Contains(c.Message, "undone again, "+x.says) {
				t.Errorf("the condition is %+v", c)
			}
			if c := w.condition("pool-1", infrav1.ReadyCondition); c.Status != metav1.ConditionTrue {
				t.Errorf("the pool isn't ready: %+v", c)
			}
			w.delete("pool-1")
		})
	}
}
