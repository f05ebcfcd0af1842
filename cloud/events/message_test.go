package events

import (
	"fmt"
	"strings"
	"testing"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// TestMessagesAreHints reads events of the forms that AWS documents.
func TestMessagesAreHints(t *testing.T) {
	for name, c := range map[string]struct {
		detailType, detail string
		hints, reason      string
	}{
		"state":        {stateChange, `{"instance-id":"i-1","state":"terminated"}`, "[ec2/instance i-1]", ""},
		"interruption": {spotInterruption, `{"instance-id":"i-1","instance-action":"terminate"}`, "[ec2/instance i-1]", infrav1.SpotInterruptionReason},
		"rebalance":    {rebalance, `{"instance-id":"i-1"}`, "[ec2/instance i-1]", infrav1.RebalanceRecommendedReason},
		"retirement": {healthEvent, `{"service":"EC2","eventTypeCode":"AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED","eventTypeCategory":"scheduledChange",
			"startTime":"Sat, 05 Jun 2027 15:10:09 GMT","affectedEntities":[{"entityValue":"i-1"},{"entityValue":"arn:aws:ec2:us-east-1:1:instance/i-2"}]}`,
			"[ec2/instance i-1 ec2/instance i-2]", infrav1.ScheduledChangeReason},
		"other health":    {healthEvent, `{"service":"RDS","eventTypeCategory":"scheduledChange","affectedEntities":[{"entityValue":"db-1"}]}`, "[]", ""},
		"group's launch":  {"EC2 Instance Launch Successful", `{"AutoScalingGroupName":"pool","EC2InstanceId":"i-1"}`, "[ec2/instance i-1 autoscaling/group pool]", ""},
		"lifecycle":       {"EC2 Instance-terminate Lifecycle Action", `{"AutoScalingGroupName":"pool","EC2InstanceId":"i-1","LifecycleHookName":"h"}`, "[ec2/instance i-1 autoscaling/group pool]", ""},
		"something else":  {"Something", `{}`, "[]", ""},
		"other resources": {stateChange, `{"instance-id":"vol-1"}`, "[]", ""},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := parse(home, fmt.Sprintf(`{"version":"0","account":%q,"region":%q,"time":"2026-11-26T08:00:00Z","detail-type":%q,"detail":%s}`,
				home.Account, home.Region, c.detailType, c.detail))
			if err != nil {
				t.Fatal(err)
			}
			var hints []string
			for _, h := range m.hints() {
				hints = append(hints, string(h.Kind)+" "+h.ID)
			}
			if got := fmt.Sprint(hints); got != c.hints {
				t.Errorf("hints %s, want %s", got, c.hints)
			}
			notices := m.notices()
			if c.reason == "" && len(notices) != 0 || c.reason != "" && (len(notices) == 0 || notices[0].Reason != c.reason || !strings.Contains(notices[0].Message, "i-1")) {
				t.Errorf("notices %+v, want reason %q", notices, c.reason)
			}
		})
	}
}

func TestWhatIsNoEventOfTheScopeIsRefused(t *testing.T) {
	for _, body := range []string{"", "{", `"text"`, `{}`, `{"account":"1","region":"us-east-1"}`, `{"account":"` + home.Account + `","region":"eu-west-1"}`} {
		if m, err := parse(home, body); err == nil {
			t.Errorf("%s is read as %+v", body, m)
		}
	}
}

func TestEndedInstanceHasReachedEveryState(t *testing.T) {
	for state, want := range map[ec2types.InstanceStateName]bool{"pending": false, "running": true, "shutting-down": false, "terminated": true} {
		i := &ec2types.Instance{State: &ec2types.InstanceState{Name: state}}
		if got := reached(i, "running"); got != want {
			t.Errorf("an instance that is %s reached running: %v", state, got)
		}
	}
	if reached(&ec2types.Instance{}, "running") {
		t.Error("an instance without a state reached one")
	}
}
