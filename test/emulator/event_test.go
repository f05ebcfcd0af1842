package emulator_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func (c *cloud) sqs() *sqs.Client { return sqs.NewFromConfig(c.config("AKIATEST", "us-east-1")) }

func (c *cloud) events() *eventbridge.Client {
	return eventbridge.NewFromConfig(c.config("AKIATEST", "us-east-1"))
}

const letEventsIn = `{"Statement":[{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"*"}]}`

func (c *cloud) queue(name string) *string {
	c.t.Helper()
	return must[*sqs.CreateQueueOutput](c.t)(c.sqs().CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: map[string]string{"Policy": letEventsIn},
		Tags: map[string]string{"k": "v"}})).QueueUrl
}

// rule sends what matches the pattern to the queue.
func (c *cloud) rule(pattern, queue string) {
	c.t.Helper()
	wantCode(c.t, second(c.events().PutRule(ctx, &eventbridge.PutRuleInput{Name: aws.String("instances"), EventPattern: &pattern})), "")
	wantCode(c.t, second(c.events().PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: aws.String("instances"), Targets: []types.Target{
		{Id: aws.String("queue"), Arn: aws.String("arn:aws:sqs:us-east-1:123456789012:" + queue)}}})), "")
}

func (c *cloud) receive(url *string) []sqstypes.Message {
	c.t.Helper()
	return must[*sqs.ReceiveMessageOutput](c.t)(c.sqs().ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: 10})).Messages
}

func TestMessagesComeBackUntilTheyAreDeleted(t *testing.T) {
	c := newCloud(t)
	url := c.queue("one")
	if again := c.queue("one"); *again != *url {
		t.Errorf("queues %s and %s", *url, *again)
	}
	wantCode(t, second(c.sqs().SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("hello")})), "")
	got := c.receive(url)
	if len(got) != 1 || *got[0].Body != "hello" || len(c.receive(url)) != 0 {
		t.Fatalf("received %+v, want hello once", got)
	}
	c.clock.Advance(30 * time.Second)
	again := c.receive(url)
	if len(again) != 1 || *again[0].ReceiptHandle == *got[0].ReceiptHandle {
		t.Fatalf("after its time-out received %+v", again)
	}
	out := must[*sqs.DeleteMessageBatchOutput](t)(c.sqs().DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: url, Entries: []sqstypes.DeleteMessageBatchRequestEntry{
		{Id: aws.String("1"), ReceiptHandle: again[0].ReceiptHandle}, {Id: aws.String("2"), ReceiptHandle: aws.String("none")}}}))
	c.clock.Advance(30 * time.Second)
	if len(out.Successful) != 1 || len(out.Failed) != 1 || len(c.receive(url)) != 0 {
		t.Errorf("deleted %+v", out)
	}
}

func TestLongPollWaitsForAMessageAndNoLonger(t *testing.T) {
	c := newCloud(t)
	url := c.queue("one")
	type answer struct {
		out *sqs.ReceiveMessageOutput
		err error
	}
	poll := func() <-chan answer {
		done := make(chan answer, 1)
		go func() {
			out, err := c.sqs().ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: url, WaitTimeSeconds: 20})
			done <- answer{out, err}
		}()
		for c.clock.Waiting() == 0 {
			time.Sleep(time.Millisecond)
		}
		return done
	}
	done := poll()
	wantCode(t, second(c.sqs().SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("hello")})), "")
	if got := <-done; got.err != nil || len(got.out.Messages) != 1 {
		t.Errorf("received %+v, %v", got.out, got.err)
	}
	c.clock.Advance(time.Minute)
	wantCode(t, second(c.sqs().PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: url})), "")
	done = poll()
	c.clock.Advance(20 * time.Second)
	if got := <-done; got.err != nil || len(got.out.Messages) != 0 {
		t.Errorf("received %+v, %v", got.out, got.err)
	}
}

func TestQueueIsDeletedAndItsNameKept(t *testing.T) {
	c := newCloud(t)
	url := c.queue("one")
	attributes := must[*sqs.GetQueueAttributesOutput](t)(c.sqs().GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: url,
		AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll}})).Attributes
	if attributes["QueueArn"] != "arn:aws:sqs:us-east-1:123456789012:one" || attributes["VisibilityTimeout"] != "30" {
		t.Errorf("attributes %v", attributes)
	}
	wantCode(t, second(c.sqs().CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("one"), Attributes: map[string]string{"VisibilityTimeout": "5"}})), "QueueAlreadyExists")
	if got := c.Resources("", ""); len(got) != 1 || got[0].Type != "queue" || got[0].Tags["k"] != "v" {
		t.Errorf("resources %+v", got)
	}
	wantCode(t, second(c.sqs().DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: url})), "")
	wantCode(t, second(c.sqs().GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String("one")})), "AWS.SimpleQueueService.NonExistentQueue")
	wantCode(t, second(c.sqs().CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("one")})), "AWS.SimpleQueueService.QueueDeletedRecently")
	c.clock.Advance(time.Minute)
	wantCode(t, second(c.sqs().CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("one")})), "")
}

// states are the states that state-change events in a queue tell of, in order.
func (c *cloud) states(url *string) []string {
	c.t.Helper()
	out := []string{}
	for _, m := range c.receive(url) {
		var event struct {
			Source string
			Detail struct {
				InstanceID string `json:"instance-id"`
				State      string
			}
		}
		if err := json.Unmarshal([]byte(*m.Body), &event); err != nil || event.Source != "aws.ec2" || event.Detail.InstanceID == "" {
			c.t.Errorf("event %s (%v)", *m.Body, err)
		}
		out = append(out, event.Detail.State)
	}
	return out
}

func TestInstanceStatesReachTheQueueOfTheRule(t *testing.T) {
	c := newCloud(t)
	url := c.queue("one")
	c.rule(`{"source":["aws.ec2"],"detail-type":["EC2 Instance State-change Notification"],"detail":{"state":["running","shutting-down","terminated"]}}`, "one")
	id := *c.run(c.launch(c.zoneSubnet())).InstanceId
	c.clock.Advance(c.Config().InstanceDelay)
	wantCode(t, second(c.ec2().TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{id}})), "")
	c.clock.Advance(c.Config().TerminationDelay)
	if got := fmt.Sprint(c.states(url)); got != "[running shutting-down terminated]" {
		t.Errorf("events %s", got)
	}
	wantCode(t, second(c.events().DisableRule(ctx, &eventbridge.DisableRuleInput{Name: aws.String("instances")})), "")
	c.run(c.launch(c.zoneSubnet()))
	c.clock.Advance(c.Config().InstanceDelay)
	if got := c.states(url); len(got) != 0 {
		t.Errorf("a disabled rule delivers %v", got)
	}
}

func TestQueueWithoutPolicyGetsNoEvents(t *testing.T) {
	c := newCloud(t)
	url := must[*sqs.CreateQueueOutput](t)(c.sqs().CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("shut")})).QueueUrl
	c.rule(`{"source":["aws.ec2"]}`, "shut")
	c.run(c.launch(c.zoneSubnet()))
	if got := c.receive(url); len(got) != 0 {
		t.Errorf("received %+v", got)
	}
}

func TestLongPollSeesWhatHappensByItself(t *testing.T) {
	c := newCloud(t)
	url := c.queue("one")
	c.rule(`{"detail":{"state":["running"]}}`, "one")
	done := make(chan int, 1)
	go func() {
		out, err := c.sqs().ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: url, WaitTimeSeconds: 20})
		if err != nil {
			done <- -1
			return
		}
		done <- len(out.Messages)
	}()
	for c.clock.Waiting() == 0 {
		time.Sleep(time.Millisecond)
	}
	before := c.clock.Waiting()
	c.run(c.launch(c.zoneSubnet()))
	for c.clock.Waiting() == before {
		time.Sleep(time.Millisecond) // until the poll waits for the instance
	}
	c.clock.Advance(c.Config().InstanceDelay)
	if got := <-done; got != 1 {
		t.Errorf("received %d messages, want one without any other request", got)
	}
}

func TestSpotInterruptionIsAnnounced(t *testing.T) {
	c := newCloud(t)
	url := c.queue("one")
	c.rule(`{"source":["aws.ec2"],"detail-type":[{"prefix":"EC2 Spot"},"EC2 Instance Rebalance Recommendation"]}`, "one")
	spot := *c.run(c.launch(c.zoneSubnet(), func(in *ec2.RunInstancesInput) {
		in.InstanceMarketOptions = &ec2types.InstanceMarketOptionsRequest{MarketType: ec2types.MarketTypeSpot}
	})).InstanceId
	other := *c.run(c.launch(c.zoneSubnet())).InstanceId
	for action, want := range map[string]int{"spot-interruption": 204, "rebalance-recommendation": 204, "earthquake": 400} {
		if got := c.control("POST", "act", `{"action":"`+action+`","region":"us-east-1","id":"`+spot+`"}`, nil); got != want {
			t.Errorf("%s answers %d, want %d", action, got, want)
		}
	}
	if got := c.control("POST", "act", `{"action":"spot-interruption","region":"us-east-1","id":"`+other+`"}`, nil); got != 404 {
		t.Errorf("the interruption of an on-demand instance answers %d", got)
	}
	if got := c.receive(url); len(got) != 2 {
		t.Errorf("received %+v, want both notices", got)
	}
	c.clock.Advance(2 * time.Minute)
	if i := c.instance(spot); i.State.Name != ec2types.InstanceStateNameShuttingDown || *i.StateReason.Code != "Server.SpotInstanceTermination" {
		t.Errorf("state %+v, reason %+v", i.State, i.StateReason)
	}
}

func TestScheduledRetirementIsAnnounced(t *testing.T) {
	c := newCloud(t)
	url := c.queue("one")
	c.rule(`{"source":["aws.health"],"detail":{"service":["EC2"],"eventTypeCategory":["scheduledChange"]}}`, "one")
	id := *c.run(c.launch(c.zoneSubnet())).InstanceId
	if got := c.control("POST", "act", `{"action":"scheduled-change","region":"us-east-1","id":"`+id+`"}`, nil); got != 204 {
		t.Errorf("it answers %d", got)
	}
	if got := c.receive(url); len(got) != 1 {
		t.Errorf("received %+v, want the announcement", got)
	}
}

func TestQueueThatNamesItsRuleTakesNoEventsOfAnother(t *testing.T) {
	c := newCloud(t)
	for rule, want := range map[string]int{"instances": 1, "others": 0} {
		policy := strings.Replace(letEventsIn, `"Resource":"*"`, `"Resource":"*","Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:events:us-east-1:123456789012:rule/`+rule+`"}}`, 1)
		url := must[*sqs.CreateQueueOutput](t)(c.sqs().CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &rule, Attributes: map[string]string{"Policy": policy}})).QueueUrl
		c.rule(`{"source":["aws.ec2"],"detail":{"state":["pending"]}}`, rule)
		c.run(c.launch(c.zoneSubnet()))
		if got := c.receive(url); len(got) != want {
			t.Errorf("the queue of rule %s received %+v, want %d", rule, got, want)
		}
	}
}

func TestRulesAreKeptWithTheirTargets(t *testing.T) {
	c := newCloud(t)
	c.queue("one")
	name := aws.String("instances")
	wantCode(t, second(c.events().PutRule(ctx, &eventbridge.PutRuleInput{Name: name, EventPattern: aws.String(`{"source":"aws.ec2"}`)})), "InvalidEventPatternException")
	wantCode(t, second(c.events().DescribeRule(ctx, &eventbridge.DescribeRuleInput{Name: name})), "ResourceNotFoundException")
	c.rule(`{"source":["aws.ec2"]}`, "one")
	if got := must[*eventbridge.DescribeRuleOutput](t)(c.events().DescribeRule(ctx, &eventbridge.DescribeRuleInput{Name: name})); *got.EventPattern != `{"source":["aws.ec2"]}` || got.State != types.RuleStateEnabled {
		t.Errorf("rule %+v", got)
	}
	wantCode(t, second(c.events().DeleteRule(ctx, &eventbridge.DeleteRuleInput{Name: name})), "ValidationException")
	targets := must[*eventbridge.ListTargetsByRuleOutput](t)(c.events().ListTargetsByRule(ctx, &eventbridge.ListTargetsByRuleInput{Rule: name})).Targets
	if len(targets) != 1 || *targets[0].Id != "queue" || c.count("rule") != 1 {
		t.Errorf("targets %+v", targets)
	}
	wantCode(t, second(c.events().RemoveTargets(ctx, &eventbridge.RemoveTargetsInput{Rule: name, Ids: []string{"queue"}})), "")
	wantCode(t, second(c.events().DeleteRule(ctx, &eventbridge.DeleteRuleInput{Name: name})), "")
	if c.count("rule") != 0 {
		t.Error("the rule is left")
	}
}
