package events

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

const (
	// TagInstallation on queue and rule holds the UID of the installation they serve.
	TagInstallation = "capa-apiserver.cluster.x-k8s.io/installation"
	// targetID names the queue among the rule's targets.
	targetID = "queue"
)

// queueAttributes are those of every queue. Old hints are of no use: by then sweeps
// have told. A message that wasn't done with in half a minute comes again.
var queueAttributes = map[string]string{"MessageRetentionPeriod": "300", "VisibilityTimeout": "30", "ReceiveMessageWaitTimeSeconds": "20"}

// place is the queue and rule of one account and region.
type place struct {
	scope cloud.Scope
	// queue and rule are their names.
	queue, rule string
	// installation is whose they are.
	installation string
}

func placeOf(scope cloud.Scope, prefix, installation string) place {
	return place{scope: scope, queue: prefix + "-queue", rule: prefix + "-ec2-rule", installation: installation}
}

func (p place) arn(s *cloud.Session, service, resource string) string {
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", s.Partition, service, p.scope.Region, p.scope.Account, resource)
}

func (p place) queueARN(s *cloud.Session) string { return p.arn(s, "sqs", p.queue) }
func (p place) ruleARN(s *cloud.Session) string  { return p.arn(s, "events", "rule/"+p.rule) }

// policy lets EventBridge send for this rule, and nobody for another.
func (p place) policy(s *cloud.Session) (string, error) {
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
		"Sid": "EventBridge", "Effect": "Allow", "Principal": map[string]string{"Service": "events.amazonaws.com"},
		"Action": "sqs:SendMessage", "Resource": p.queueARN(s),
		"Condition": map[string]any{"ArnEquals": map[string]string{"aws:SourceArn": p.ruleARN(s)}},
	}}})
	return string(text), err
}

// ensure makes queue and rule as they have to be, and returns the queue's URL. It
// can be repeated; what another installation owns it refuses to touch.
func (p place) ensure(ctx context.Context, s *cloud.Session) (string, error) {
	policy, err := p.policy(s)
	if err != nil {
		return "", err
	}
	attributes := maps.Clone(queueAttributes)
	attributes["Policy"] = policy
	url, err := p.ensureQueue(ctx, s, attributes)
	if err != nil {
		return "", err
	}
	return url, p.ensureRule(ctx, s)
}

func (p place) ensureQueue(ctx context.Context, s *cloud.Session, attributes map[string]string) (string, error) {
	url, err := p.findQueue(ctx, s)
	if cloud.IsNotFound(err) {
		made, err := s.SQS.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &p.queue, Attributes: attributes,
			Tags: map[string]string{TagInstallation: p.installation}})
		if err != nil {
			return "", err
		}
		return aws.ToString(made.QueueUrl), nil
	}
	if err != nil {
		return "", err
	}
	_, err = s.SQS.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: &url, Attributes: attributes})
	return url, err
}

// findQueue returns the URL of the queue if it is ours.
func (p place) findQueue(ctx context.Context, s *cloud.Session) (string, error) {
	found, err := s.SQS.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &p.queue})
	if err != nil {
		return "", err
	}
	tags, err := s.SQS.ListQueueTags(ctx, &sqs.ListQueueTagsInput{QueueUrl: found.QueueUrl})
	if err != nil {
		return "", err
	}
	return aws.ToString(found.QueueUrl), p.own("queue "+p.queue, tags.Tags[TagInstallation])
}

// own returns an error unless the owner is this installation.
func (p place) own(what, owner string) error {
	if owner == p.installation {
		return nil
	}
	return fmt.Errorf("the %s in %s doesn't belong to this installation: its tag %s is %q and not %q; give each installation an --events-prefix of its own",
		what, p.scope, TagInstallation, owner, p.installation)
}

func (p place) ensureRule(ctx context.Context, s *cloud.Session) error {
	if err := p.findRule(ctx, s); err != nil && !cloud.IsNotFound(err) {
		return err
	}
	if _, err := s.EventBridge.PutRule(ctx, &eventbridge.PutRuleInput{
		Name: &p.rule, EventPattern: patternJSON(), State: ebtypes.RuleStateEnabled,
		Description: aws.String("What happens to instances, told to capa-apiserver"),
		Tags:        []ebtypes.Tag{{Key: aws.String(TagInstallation), Value: &p.installation}},
	}); err != nil {
		return err
	}
	out, err := s.EventBridge.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: &p.rule,
		Targets: []ebtypes.Target{{Id: aws.String(targetID), Arn: aws.String(p.queueARN(s))}}})
	if err != nil {
		return err
	}
	for _, failed := range out.FailedEntries {
		return fmt.Errorf("EventBridge doesn't take queue %s as target of rule %s: %s: %s", p.queue, p.rule,
			aws.ToString(failed.ErrorCode), aws.ToString(failed.ErrorMessage))
	}
	return nil
}

// findRule returns an error unless the rule is there and ours.
func (p place) findRule(ctx context.Context, s *cloud.Session) error {
	if _, err := s.EventBridge.DescribeRule(ctx, &eventbridge.DescribeRuleInput{Name: &p.rule}); err != nil {
		return err
	}
	tags, err := s.EventBridge.ListTagsForResource(ctx, &eventbridge.ListTagsForResourceInput{ResourceARN: aws.String(p.ruleARN(s))})
	if err != nil {
		return err
	}
	owner := ""
	for _, tag := range tags.Tags {
		if aws.ToString(tag.Key) == TagInstallation {
			owner = aws.ToString(tag.Value)
		}
	}
	return p.own("rule "+p.rule, owner)
}

// remove removes rule and queue. What is gone already, or isn't ours, is left.
func (p place) remove(ctx context.Context, s *cloud.Session) error {
	err := p.findRule(ctx, s)
	if err == nil {
		if _, err = s.EventBridge.RemoveTargets(ctx, &eventbridge.RemoveTargetsInput{Rule: &p.rule, Ids: []string{targetID}}); err == nil {
			_, err = s.EventBridge.DeleteRule(ctx, &eventbridge.DeleteRuleInput{Name: &p.rule})
		}
	}
	if err != nil && !cloud.IsNotFound(err) {
		return err
	}
	url, err := p.findQueue(ctx, s)
	if err == nil {
		_, err = s.SQS.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: &url})
	}
	if cloud.IsNotFound(err) {
		return nil
	}
	return err
}

// receive waits up to 20 s for messages.
func receive(ctx context.Context, s *cloud.Session, url string) ([]sqstypes.Message, error) {
	out, err := s.SQS.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10,
		MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{sqstypes.MessageSystemAttributeNameApproximateReceiveCount}})
	if err != nil {
		return nil, err
	}
	return out.Messages, nil
}

// discard deletes messages.
func discard(ctx context.Context, s *cloud.Session, url string, messages []sqstypes.Message) error {
	if len(messages) == 0 {
		return nil
	}
	entries := make([]sqstypes.DeleteMessageBatchRequestEntry, len(messages))
	for i, m := range messages {
		entries[i] = sqstypes.DeleteMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), ReceiptHandle: m.ReceiptHandle}
	}
	// What couldn't be deleted comes again, and says nothing new then.
	_, err := s.SQS.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &url, Entries: entries})
	return err
}
