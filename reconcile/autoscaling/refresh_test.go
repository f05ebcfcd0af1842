package autoscaling

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

// day is when version 1 was made; version n followed n-1 hours later.
var day = time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)

// templateWith has a version per image, the oldest first.
func templateWith(images ...string) *mirror.LaunchTemplate {
	t := &mirror.LaunchTemplate{LaunchTemplate: ec2types.LaunchTemplate{LaunchTemplateId: aws.String("lt-1"), DefaultVersionNumber: aws.Int64(1)}}
	for i, image := range images {
		t.Versions = slices.Insert(t.Versions, 0, ec2types.LaunchTemplateVersion{VersionNumber: aws.Int64(int64(i + 1)), CreateTime: aws.Time(day.Add(time.Duration(i) * time.Hour)),
			LaunchTemplateData: &ec2types.ResponseLaunchTemplateData{ImageId: aws.String(image)}})
	}
	return t
}

// groupWith has an instance per version.
func groupWith(refresh *astypes.InstanceRefresh, versions ...string) *mirror.AutoScalingGroup {
	g := &mirror.AutoScalingGroup{Hooks: []astypes.LifecycleHook{}, Refresh: refresh}
	for _, v := range versions {
		g.Instances = append(g.Instances, astypes.Instance{LifecycleState: astypes.LifecycleStateInService,
			LaunchTemplate: &astypes.LaunchTemplateSpecification{LaunchTemplateId: aws.String("lt-1"), Version: aws.String(v)}})
	}
	return g
}

func refreshed(status astypes.InstanceRefreshStatus, hours float64) *astypes.InstanceRefresh {
	return &astypes.InstanceRefresh{InstanceRefreshId: aws.String("r"), Status: status, StartTime: aws.Time(day.Add(time.Duration(hours * float64(time.Hour))))}
}

func TestARefreshIsBegunOncePerConfiguration(t *testing.T) {
	const running, failed = astypes.InstanceRefreshStatusInProgress, astypes.InstanceRefreshStatusFailed
	for name, x := range map[string]struct {
		group    *mirror.AutoScalingGroup
		template *mirror.LaunchTemplate
		want     string // the call, "wait", "problem" or ""
	}{
		"all are new":                                 {groupWith(nil, "2", "2"), templateWith("a", "b"), ""},
		"one is old":                                  {groupWith(nil, "2", "1"), templateWith("a", "b"), "start"},
		"only the data differed":                      {groupWith(nil, "1"), templateWith("a", "a"), ""},
		"there and back":                              {groupWith(nil, "1"), templateWith("a", "b", "a"), ""},
		"its version is gone":                         {groupWith(nil, "7"), templateWith("a", "b"), ""},
		"one has begun":                               {groupWith(refreshed(running, 1.5), "1"), templateWith("a", "b"), ""},
		"it began before other data":                  {groupWith(refreshed(running, 1.5), "1"), templateWith("a", "b", "b"), ""},
		"it began before the change":                  {groupWith(refreshed(running, 1.5), "1"), templateWith("a", "b", "c"), "cancel"},
		"the one before is ending":                    {groupWith(refreshed(astypes.InstanceRefreshStatusCancelling, 1.5), "1"), templateWith("a", "b", "c"), "wait"},
		"the one before has ended":                    {groupWith(refreshed(astypes.InstanceRefreshStatusCancelled, 1.5), "1"), templateWith("a", "b", "c"), "start"},
		"it failed":                                   {groupWith(refreshed(failed, 1.5), "1"), templateWith("a", "b"), "problem"},
		"an earlier one failed":                       {groupWith(refreshed(failed, 1.5), "1"), templateWith("a", "b", "c"), "start"},
		"it succeeded and left one":                   {groupWith(refreshed(astypes.InstanceRefreshStatusSuccessful, 1.5), "1"), templateWith("a", "b"), ""},
		"it has no time yet":                          {groupWith(&astypes.InstanceRefresh{Status: astypes.InstanceRefreshStatusPending}, "1"), templateWith("a", "b"), ""},
		"hooks and refreshes haven't been read":       {&mirror.AutoScalingGroup{AutoScalingGroup: groupWith(nil, "1").AutoScalingGroup}, templateWith("a", "b"), ""},
		"the old one is on its way out":               {withEnding(groupWith(nil, "1")), templateWith("a", "b"), ""},
		"the version is fixed, and another one newer": {groupWith(nil, "1"), templateWith("a", "b"), "fixed"},
	} {
		t.Run(name, func(t *testing.T) {
			w := &Wanted{Name: "pool", Spec: &infrav1.AWSMachinePoolSpec{}}
			if x.want == "fixed" {
				w.Spec.AWSLaunchTemplate.VersionNumber, x.want = aws.Int64(1), ""
			}
			p := PlanRefresh(w, x.group, x.template)
			got := ""
			switch {
			case len(p.Waits) > 0:
				got = "wait"
			case len(p.Problems) > 0:
				got = "problem"
			case len(p.Actions) == 1:
				if _, ok := p.Actions[0].Input.(*autoscaling.StartInstanceRefreshInput); ok {
					got = "start"
				} else {
					got = "cancel"
				}
			}
			if got != x.want {
				t.Errorf("the plan is %q (%+v), want %q", got, p, x.want)
			}
			w.Spec.RefreshPreferences = &infrav1.RefreshPreferences{Disable: true}
			if !PlanRefresh(w, x.group, x.template).Done() {
				t.Error("it refreshes though refreshes are turned off")
			}
		})
	}
}

func withEnding(g *mirror.AutoScalingGroup) *mirror.AutoScalingGroup {
	g.Instances[0].LifecycleState = astypes.LifecycleStateTerminatingWait
	return g
}

func TestAKeyPairThatAPoolInheritsReplacesNoInstances(t *testing.T) {
	withKeys := func(keys ...string) *mirror.LaunchTemplate {
		template := templateWith(slices.Repeat([]string{"a"}, len(keys))...)
		for i, key := range keys {
			template.Versions[len(keys)-1-i].LaunchTemplateData.KeyName = aws.String(key)
		}
		return template
	}
	w := &Wanted{Name: "pool", Spec: &infrav1.AWSMachinePoolSpec{}}
	if p := PlanRefresh(w, groupWith(nil, "1"), withKeys("old", "new")); len(p.Actions) > 0 {
		t.Errorf("the cluster's key changed, and instances are replaced: %v", p.Actions)
	}
	w.Spec.AWSLaunchTemplate.SSHKeyName = aws.String("new")
	if p := PlanRefresh(w, groupWith(nil, "1"), withKeys("old", "new")); len(p.Actions) != 1 {
		t.Errorf("the pool's own key changed, and the plan is %+v, want a refresh", p)
	}
}
