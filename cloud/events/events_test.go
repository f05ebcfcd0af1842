package events

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

func TestInstanceThatEndsIsSeenWithoutASweep(t *testing.T) {
	w := newWorld(t)
	id := w.instance(false)
	w.watch("one")
	w.receiving()
	before := w.Counts()["ec2.DescribeInstances"]
	w.terminate(id)
	w.eventually("the mirror shows that the instance ends", func() bool { return w.state(id) == ec2types.InstanceStateNameShuttingDown })
	if n := w.Counts()["ec2.DescribeInstances"] - before; n != 1 {
		t.Errorf("%d calls, want one look", n)
	}
}

func TestForgedMessageChangesNothing(t *testing.T) {
	w := newWorld(t)
	id := w.instance(false)
	w.watch("one")
	w.receiving()
	before := w.Counts()["sqs.DeleteMessageBatch"]
	w.send("hello")
	w.send(map[string]any{"account": "999999999999", "region": home.Region, "detail-type": spotInterruption, "detail": map[string]string{"instance-id": id}})
	w.send(map[string]any{"account": home.Account, "region": home.Region, "detail-type": stateChange, "detail": map[string]string{"instance-id": id, "state": "terminated"}})
	w.eventually("the mirror asked AWS, in vain", func() bool { return w.Counts()["ec2.DescribeInstances"] >= 2 })
	w.eventually("the messages are gone", func() bool { return w.Counts()["sqs.DeleteMessageBatch"] > before })
	if w.state(id) != ec2types.InstanceStateNameRunning || len(w.noticed()) != 0 {
		t.Errorf("the instance is %s, notices %v", w.state(id), w.noticed())
	}
}

func TestAnnouncementComesTwiceAndNoMore(t *testing.T) {
	w := newWorld(t)
	id := w.instance(true)
	w.watch("one")
	w.receiving()
	w.act("spot-interruption", id)
	w.eventually("it is told", func() bool { return len(w.noticed()) == 1 })
	w.passes("it is told again", func() bool { return len(w.noticed()) == 2 })
	n := w.noticed()[0]
	if n.InstanceID != id || n.Reason != infrav1.SpotInterruptionReason || !strings.Contains(n.Message, id) || n.Time.IsZero() || n != w.noticed()[1] {
		t.Errorf("notices %+v", w.noticed())
	}
	for range 60 {
		w.clock.Step(time.Second)
		w.now.Advance(time.Second)
	}
	w.act("rebalance-recommendation", id)
	w.eventually("the next is told", func() bool { return len(w.noticed()) == 3 })
	if w.noticed()[2].Reason != infrav1.RebalanceRecommendedReason {
		t.Errorf("notices %+v", w.noticed())
	}
}

func TestQueueAndRuleAreMadeOnceAndAreOurs(t *testing.T) {
	w := newWorld(t)
	p := placeOf(home, "capa", "one")
	for range 2 {
		if _, err := p.ensure(t.Context(), w.session); err != nil {
			t.Fatal(err)
		}
	}
	left := w.left()
	if len(left) != 2 || left["queue/capa-queue"][TagInstallation] != "one" || left["rule/capa-ec2-rule"][TagInstallation] != "one" {
		t.Errorf("there are %v", left)
	}
	for _, refused := range []func(context.Context, *cloud.Session) error{
		func(ctx context.Context, s *cloud.Session) error {
			_, err := placeOf(home, "capa", "two").ensure(ctx, s)
			return err
		},
		placeOf(home, "capa", "two").remove,
	} {
		if err := refused(t.Context(), w.session); err == nil || !strings.Contains(err.Error(), "--events-prefix") {
			t.Errorf("another installation gets %v", err)
		}
	}
	if len(w.left()) != 2 {
		t.Errorf("there are %v", w.left())
	}
}

func TestWhatNobodyNeedsIsRemoved(t *testing.T) {
	w := newWorld(t)
	w.watch("one")
	w.receiving()
	w.mu.Lock()
	w.needed = nil
	w.mu.Unlock()
	w.passes("queue and rule are gone", func() bool { return len(w.left()) == 0 })
	w.mu.Lock()
	w.needed = []cloud.Scope{home}
	w.mu.Unlock()
	// AWS keeps the name for a minute.
	w.passes("they are back", func() bool { return len(w.left()) == 2 })
}

func TestTheQueueIsRemovedThoughTheLastObjectTookItsSessionAlong(t *testing.T) {
	w := newWorld(t)
	w.watch("one")
	w.receiving()
	w.mu.Lock()
	w.needed = nil
	w.mu.Unlock()
	w.mirror.LetGo("test")
	w.passes("queue and rule are gone", func() bool { return len(w.left()) == 0 })
}

func TestEventsAreNotReceivedAsSomebodyWhomNoObjectNames(t *testing.T) {
	w := newWorld(t)
	w.watch("one")
	w.receiving()
	w.mirror.LetGo("test") // the identity was withdrawn, and the objects are there
	w.passes("it is reported", func() bool { return len(w.reported()) == 1 })
	before := w.Counts()
	for range 120 {
		w.clock.Step(time.Second)
		w.now.Advance(time.Second)
	}
	for call, n := range w.Counts() {
		if n != before[call] {
			t.Errorf("%d calls of %s", n-before[call], call)
		}
	}
	w.mirror.Want("test", w.session)
	w.passes("it recovers", func() bool { return w.Counts()["sqs.ReceiveMessage"] > before["sqs.ReceiveMessage"] })
}

func TestQueueStaysForTheNextProcess(t *testing.T) {
	w := newWorld(t)
	id := w.instance(false)
	stop := w.watch("one")
	w.receiving()
	stop()
	w.terminate(id)
	w.watch("one")
	// The poll that the first process gave up may have taken the message with it: then
	// it comes again when its time to work on it is over.
	w.passes("the next process learns of it", func() bool { return w.state(id) != ec2types.InstanceStateNameRunning })
}

// TestDeletedQueueAndRuleComeBack: the rule silently, when the time is over for
// which it is taken for granted.
func TestDeletedQueueAndRuleComeBack(t *testing.T) {
	w := newWorld(t)
	w.watch("one")
	w.receiving()
	url, err := w.session.SQS.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("capa-queue")})
	w.must(err)
	_, err = w.session.SQS.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: url.QueueUrl})
	w.must(err)
	w.passes("the queue is back", func() bool { return w.left()["queue/capa-queue"] != nil })
	_, err = w.session.EventBridge.RemoveTargets(t.Context(), &eventbridge.RemoveTargetsInput{Rule: aws.String("capa-ec2-rule"), Ids: []string{targetID}})
	w.must(err)
	_, err = w.session.EventBridge.DeleteRule(t.Context(), &eventbridge.DeleteRuleInput{Name: aws.String("capa-ec2-rule")})
	w.must(err)
	w.passes("the rule is back", func() bool { return w.left()["rule/capa-ec2-rule"] != nil })
}

// TestMissingRightsAreReportedOnceAndTriedSeldom bounds the calls: with pauses of 5,
// 10, 20 ... up to 300 seconds, an hour has at most 18 attempts.
func TestMissingRightsAreReportedOnceAndTriedSeldom(t *testing.T) {
	w := newWorld(t)
	w.Faults().Set(emulator.Fault{ID: "rights", Service: "sqs", Code: "AccessDenied", Message: "User is not authorized to perform: sqs:GetQueueUrl", Status: 403})
	w.watch("one")
	w.eventually("it is reported", func() bool { return len(w.reported()) == 1 })
	if r := w.reported()[0]; r.Class != cloud.Unauthorized || !strings.Contains(r.Message, "sqs:GetQueueUrl") {
		t.Errorf("the report is %+v", r)
	}
	for range 3600 {
		w.clock.Step(time.Second)
	}
	if n := w.Counts()["sqs.GetQueueUrl"]; n > 18 || len(w.reported()) != 1 {
		t.Errorf("%d attempts in an hour, %d reports", n, len(w.reported()))
	}
	w.must(w.mirror.Refresh(t.Context(), home, 0, "ec2/instance"))
	w.Faults().Clear()
	w.passes("it recovers", func() bool { return w.Counts()["sqs.ReceiveMessage"] > 0 })
}
