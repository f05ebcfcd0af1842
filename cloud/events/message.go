package events

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

// pattern is what the rule lets through. The sources of the detail types:
//
//	https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html
//	https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
//	https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/rebalance-recommendations.html
//	https://docs.aws.amazon.com/autoscaling/ec2/userguide/automating-ec2-auto-scaling-with-eventbridge.html
//	https://docs.aws.amazon.com/health/latest/ug/aws-health-events-eventbridge-schema.html
var pattern = map[string][]string{
	"source": {"aws.ec2", "aws.autoscaling", "aws.health"},
	"detail-type": {
		stateChange, spotInterruption, rebalance, healthEvent,
		"EC2 Instance Launch Successful", "EC2 Instance Launch Unsuccessful",
		"EC2 Instance Terminate Successful", "EC2 Instance Terminate Unsuccessful",
		"EC2 Instance-launch Lifecycle Action", "EC2 Instance-terminate Lifecycle Action",
	},
}

const (
	stateChange      = "EC2 Instance State-change Notification"
	spotInterruption = "EC2 Spot Instance Interruption Warning"
	rebalance        = "EC2 Instance Rebalance Recommendation"
	healthEvent      = "AWS Health Event"
)

// Notice is what AWS announced about an instance, and no read of it tells.
type Notice struct {
	InstanceID string
	// Reason is infrav1.SpotInterruptionReason, RebalanceRecommendedReason or
	// ScheduledChangeReason.
	Reason string
	// Message says what was announced, in a sentence.
	Message string
	// Time is when AWS announced it.
	Time time.Time
}

// message is an event as EventBridge puts it into the queue. The detail holds the
// fields of all the detail types that are read.
type message struct {
	Account    string    `json:"account"`
	Region     string    `json:"region"`
	DetailType string    `json:"detail-type"`
	Time       time.Time `json:"time"`
	Detail     struct {
		InstanceID        string `json:"instance-id"`
		State             string `json:"state"`
		InstanceAction    string `json:"instance-action"`
		GroupInstanceID   string `json:"EC2InstanceId"`
		GroupName         string `json:"AutoScalingGroupName"`
		Service           string `json:"service"`
		EventTypeCode     string `json:"eventTypeCode"`
		EventTypeCategory string `json:"eventTypeCategory"`
		StartTime         string `json:"startTime"`
		AffectedEntities  []struct {
			EntityValue string `json:"entityValue"`
		} `json:"affectedEntities"`
	} `json:"detail"`
}

// parse reads a message of a scope's queue.
func parse(scope cloud.Scope, body string) (*message, error) {
	m := &message{}
	if err := json.Unmarshal([]byte(body), m); err != nil {
		return nil, fmt.Errorf("not an event: %w", err)
	}
	if m.Account != scope.Account || m.Region != scope.Region {
		return nil, fmt.Errorf("an event of %s/%s", m.Account, m.Region)
	}
	return m, nil
}

// instances are the ids of the instances that the message is about.
func (m *message) instances() []string {
	var ids []string
	add := func(id string) {
		if strings.HasPrefix(id, "i-") {
			ids = append(ids, id)
		}
	}
	add(m.Detail.InstanceID)
	add(m.Detail.GroupInstanceID)
	for _, e := range m.Detail.AffectedEntities {
		// Health names instances by id, or by ARN.
		add(e.EntityValue[strings.LastIndex(e.EntityValue, "/")+1:])
	}
	return ids
}

// hints are what the message says is worth a look.
func (m *message) hints() []mirror.Hint {
	var hints []mirror.Hint
	for _, id := range m.instances() {
		h := mirror.Hint{Kind: mirror.Instances.Kind, ID: id}
		if m.DetailType == stateChange {
			h.Shown = func(row any) bool { return reached(row.(*ec2types.Instance), m.Detail.State) }
		}
		hints = append(hints, h)
	}
	if m.Detail.GroupName != "" {
		hints = append(hints, mirror.Hint{Kind: mirror.AutoScalingGroups.Kind, ID: m.Detail.GroupName})
	}
	return hints
}

// reached tells whether an instance is in the state, or past all states.
func reached(i *ec2types.Instance, state string) bool {
	return i.State != nil && (string(i.State.Name) == state || i.State.Name == ec2types.InstanceStateNameTerminated)
}

// notices are what the message announces.
func (m *message) notices() []Notice {
	reason, text := m.announces()
	if reason == "" {
		return nil
	}
	var notices []Notice
	for _, id := range m.instances() {
		notices = append(notices, Notice{InstanceID: id, Reason: reason, Time: m.Time,
			Message: fmt.Sprintf("at %s AWS announced for instance %s: %s", m.Time.UTC().Format(time.RFC3339), id, text)})
	}
	return notices
}

func (m *message) announces() (reason, text string) {
	d := m.Detail
	switch {
	case m.DetailType == spotInterruption:
		return infrav1.SpotInterruptionReason, fmt.Sprintf("it takes this spot instance away in two minutes (%s)", d.InstanceAction)
	case m.DetailType == rebalance:
		return infrav1.RebalanceRecommendedReason, "the risk has grown that it takes this spot instance away; replace it while there is time"
	case m.DetailType == healthEvent && d.Service == "EC2" && d.EventTypeCategory == "scheduledChange":
		return infrav1.ScheduledChangeReason, fmt.Sprintf("%s, scheduled for %s", d.EventTypeCode, d.StartTime)
	}
	return "", ""
}

// patternJSON is the pattern as EventBridge takes it.
func patternJSON() *string {
	text, err := json.Marshal(pattern)
	if err != nil {
		panic(err) // strings can be written
	}
	return aws.String(string(text))
}
