// Package sqs emulates Amazon SQS's standard queues.
package sqs

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// Service returns SQS as the emulator's frame takes it.
func Service() *core.Service {
	return &core.Service{
		Name:        "sqs",
		SigningName: "sqs",
		Protocol: &core.JSON{QueryCodes: map[string]string{
			"QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue", "QueueNameExists": "QueueAlreadyExists",
			"QueueDeletedRecently": "AWS.SimpleQueueService.QueueDeletedRecently", "EmptyBatchRequest": "AWS.SimpleQueueService.EmptyBatchRequest",
			"TooManyEntriesInBatchRequest": "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
			"BatchEntryIdsNotDistinct":     "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
		}},
		Operations: []core.Operation{
			core.Op(createQueue), core.Op(getQueueURL), core.Op(listQueues), core.Op(deleteQueue), core.Op(getQueueAttributes), core.Op(setQueueAttributes),
			core.Op(tagQueue), core.Op(untagQueue), core.Op(listQueueTags),
			core.Op(sendMessage), core.Op(receiveMessage), core.Op(deleteMessage), core.Op(deleteMessageBatch), core.Op(changeMessageVisibility), core.Op(purgeQueue),
		},
		Inventory: inventory,
	}
}

type queue struct {
	url, arn   string
	attributes map[string]string
	tags       map[string]string
	messages   []*message
}

type state struct {
	queues core.Table[queue]
	// deleted keeps the names of deleted queues from being used for a minute.
	deleted map[string]time.Time
}

func of(r *core.Region) *state { return core.Of[state](r) }

func refuse(code, format string, args ...any) error { return core.Refuse(code, format, args...) }

// nameKept is how long a deleted queue's name can't be used.
const nameKept = time.Minute

// bounds are the attributes that can be set, with their default and the range of those that are numbers.
var bounds = map[string]struct {
	otherwise   string
	least, most int
}{
	"DelaySeconds": {"0", 0, 900}, "MaximumMessageSize": {"1048576", 1024, 1048576}, "MessageRetentionPeriod": {"345600", 60, 1209600},
	"ReceiveMessageWaitTimeSeconds": {"0", 0, 20}, "VisibilityTimeout": {"30", 0, 43200}, "Policy": {"", 0, 0}, "KmsMasterKeyId": {"", 0, 0},
	"KmsDataKeyReusePeriodSeconds": {"", 60, 86400}, "SqsManagedSseEnabled": {"true", 0, 0}, "RedrivePolicy": {"", 0, 0},
}

func checkAttributes(given map[string]string) error {
	for name, value := range given {
		bound, known := bounds[name]
		number, err := strconv.Atoi(value)
		switch {
		case !known:
			return refuse("InvalidAttributeName", "Unknown Attribute %s.", name)
		case bound.most > 0 && (err != nil || number < bound.least || number > bound.most):
			return refuse("InvalidAttributeValue", "Invalid value for the parameter %s.", name)
		case name == "Policy" && value != "" && !json.Valid([]byte(value)):
			return refuse("InvalidAttributeValue", "Invalid value for the parameter Policy.")
		}
	}
	return nil
}

var queueName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// createQueue returns the queue that is there if its attributes are equal to those given.
func createQueue(r *core.Request, in *sdk.CreateQueueInput) (*sdk.CreateQueueOutput, error) {
	s, name := of(r.Region), core.Val(in.QueueName)
	if !queueName.MatchString(name) {
		return nil, refuse("InvalidParameterValue", "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	if err := checkAttributes(in.Attributes); err != nil {
		return nil, err
	}
	if have := s.queues.Get(name); have != nil {
		for key, value := range in.Attributes {
			if have.attribute(key) != value {
				return nil, refuse("QueueNameExists", "A queue already exists with the same name and a different value for attribute %s", key)
			}
		}
		return &sdk.CreateQueueOutput{QueueUrl: &have.url}, nil
	}
	if at, ok := s.deleted[name]; ok && r.Now().Before(at.Add(nameKept)) {
		return nil, refuse("QueueDeletedRecently", "You must wait 60 seconds after deleting a queue before you can create another with the same name.")
	}
	made := &queue{url: fmt.Sprintf("https://sqs.%s.amazonaws.com/%s/%s", r.Region.Name, r.Account, name), arn: r.ARN("sqs", name),
		attributes: map[string]string{}, tags: map[string]string{}}
	for key, value := range in.Attributes {
		made.attributes[key] = value
	}
	for key, value := range in.Tags {
		made.tags[key] = value
	}
	s.queues.Put(name, made, r.Now())
	r.Touch(name)
	return &sdk.CreateQueueOutput{QueueUrl: &made.url}, nil
}

func (q *queue) attribute(name string) string {
	if value, ok := q.attributes[name]; ok {
		return value
	}
	return bounds[name].otherwise
}

// number is an attribute's value as a number of seconds or bytes.
func (q *queue) number(name string) int {
	value, err := strconv.Atoi(q.attribute(name))
	if err != nil {
		return 0 // checkAttributes lets only numbers in
	}
	return value
}

// find looks a queue up by its URL, of which only the name counts.
func find(r *core.Request, url *string) (*queue, string, error) {
	name := core.Val(url)[strings.LastIndex(core.Val(url), "/")+1:]
	row := of(r.Region).queues.Row(name)
	if row == nil || r.Hidden(row.Created) {
		return nil, "", &core.Error{Code: "QueueDoesNotExist", Message: "The specified queue does not exist."}
	}
	return row.Value, name, nil
}

func getQueueURL(r *core.Request, in *sdk.GetQueueUrlInput) (*sdk.GetQueueUrlOutput, error) {
	q, _, err := find(r, in.QueueName)
	if err != nil {
		return nil, err
	}
	return &sdk.GetQueueUrlOutput{QueueUrl: &q.url}, nil
}

// mostQueues is the largest page of ListQueues.
const mostQueues = 1000

func listQueues(r *core.Request, in *sdk.ListQueuesInput) (*sdk.ListQueuesOutput, error) {
	urls := []string{}
	for _, row := range of(r.Region).queues.Rows() {
		if strings.HasPrefix(row.ID, core.Val(in.QueueNamePrefix)) && !r.Hidden(row.Created) {
			urls = append(urls, row.Value.url)
		}
	}
	page, token, err := core.PaginateList(r, urls, core.Val(in.NextToken), int(core.Val(in.MaxResults)), mostQueues)
	return &sdk.ListQueuesOutput{QueueUrls: page, NextToken: core.Next(token)}, err
}

func deleteQueue(r *core.Request, in *sdk.DeleteQueueInput) (*sdk.DeleteQueueOutput, error) {
	_, name, err := find(r, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	s := of(r.Region)
	s.queues.Delete(name)
	if s.deleted == nil {
		s.deleted = map[string]time.Time{}
	}
	s.deleted[name] = r.Now()
	r.Wake()
	return nil, nil
}

func getQueueAttributes(r *core.Request, in *sdk.GetQueueAttributesInput) (*sdk.GetQueueAttributesOutput, error) {
	q, _, err := find(r, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	visible, inFlight := 0, 0
	for _, m := range q.messages {
		if m.visible.After(r.Now()) {
			inFlight++
		} else {
			visible++
		}
	}
	all := map[string]string{"QueueArn": q.arn, "ApproximateNumberOfMessages": strconv.Itoa(visible), "ApproximateNumberOfMessagesNotVisible": strconv.Itoa(inFlight)}
	for name := range bounds {
		if value := q.attribute(name); value != "" {
			all[name] = value
		}
	}
	out := &sdk.GetQueueAttributesOutput{Attributes: map[string]string{}}
	for name, value := range all {
		if slices.Contains(in.AttributeNames, types.QueueAttributeNameAll) || slices.Contains(in.AttributeNames, types.QueueAttributeName(name)) {
			out.Attributes[name] = value
		}
	}
	return out, nil
}

func setQueueAttributes(r *core.Request, in *sdk.SetQueueAttributesInput) (*sdk.SetQueueAttributesOutput, error) {
	q, _, err := find(r, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	if err := checkAttributes(in.Attributes); err != nil {
		return nil, err
	}
	for name, value := range in.Attributes {
		q.attributes[name] = value
	}
	return nil, nil
}

func tagQueue(r *core.Request, in *sdk.TagQueueInput) (*sdk.TagQueueOutput, error) {
	q, _, err := find(r, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	for key, value := range in.Tags {
		q.tags[key] = value
	}
	return nil, nil
}

func untagQueue(r *core.Request, in *sdk.UntagQueueInput) (*sdk.UntagQueueOutput, error) {
	q, _, err := find(r, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	for _, key := range in.TagKeys {
		delete(q.tags, key)
	}
	return nil, nil
}

func listQueueTags(r *core.Request, in *sdk.ListQueueTagsInput) (*sdk.ListQueueTagsOutput, error) {
	q, _, err := find(r, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return &sdk.ListQueueTagsOutput{Tags: q.tags}, nil
}

func inventory(r *core.Region) []core.Resource {
	out := []core.Resource{}
	for _, row := range of(r).queues.Rows() {
		out = append(out, core.Resource{Type: "queue", ID: row.ID, Tags: row.Value.tags, Content: row.Value.attributes})
	}
	return out
}
