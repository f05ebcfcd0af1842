package sqs

import (
	"crypto/md5"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// message is a message; it can be received when it is visible, and each time it is, it gets another receipt.
type message struct {
	id, body, receipt string
	sent, visible     time.Time
	received          int
}

// Limits of ReceiveMessage and the batches.
const (
	mostMessages = 10
	longestWait  = 20
)

func checksum(text string) string { return fmt.Sprintf("%x", md5.Sum([]byte(text))) }

func (q *queue) put(r *core.Region, body string, delay time.Duration) *message {
	m := &message{id: r.Hex(8) + "-" + r.Hex(4) + "-" + r.Hex(4) + "-" + r.Hex(4) + "-" + r.Hex(12), body: body, sent: r.Now(), visible: r.Now().Add(delay)}
	q.messages = append(q.messages, m)
	becomesVisible(r, delay)
	r.Wake()
	return m
}

// becomesVisible lets receivers that wait look again once a message can be received.
func becomesVisible(r *core.Region, after time.Duration) { r.After(after, func() {}) }

// Deliver puts an event into the queue of an ARN, if its policy lets the service do so for the source (an ARN); false means it was lost.
func Deliver(r *core.Region, arn, service, source, body string) bool {
	for _, q := range of(r).queues.All() {
		if q.arn == arn && q.allows(service, source) {
			q.put(r, body, time.Duration(q.number("DelaySeconds"))*time.Second)
			return true
		}
	}
	return false
}

// allows is a short reading of the queue's policy: it must name the service and the right to send, and the source if it asks for one.
func (q *queue) allows(service, source string) bool {
	policy := strings.ToLower(q.attribute("Policy"))
	if strings.Contains(policy, "aws:sourcearn") && !strings.Contains(policy, `"`+strings.ToLower(source)+`"`) {
		return false
	}
	return strings.Contains(policy, service) && (strings.Contains(policy, `"sqs:sendmessage"`) || strings.Contains(policy, `"sqs:*"`))
}

func sendMessage(r *core.Request, in *sdk.SendMessageInput) (*sdk.SendMessageOutput, error) {
	q, _, err := find(r, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	if body := core.Val(in.MessageBody); body == "" || len(body) > q.number("MaximumMessageSize") {
		return nil, refuse("InvalidParameterValue", "One or more parameters are invalid. Reason: Message must be 1 to %d bytes long.", q.number("MaximumMessageSize"))
	}
	delay := max(int(in.DelaySeconds), q.number("DelaySeconds"))
	m := q.put(r.Region, *in.MessageBody, time.Duration(delay)*time.Second)
	return &sdk.SendMessageOutput{MessageId: &m.id, MD5OfMessageBody: core.Ptr(checksum(m.body))}, nil
}

// receiveMessage waits for a message if asked to. Time-outs of visibility wake waiting receivers, because they are events of the clock.
func receiveMessage(r *core.Request, in *sdk.ReceiveMessageInput) (*sdk.ReceiveMessageOutput, error) {
	q, _, err := find(r, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	switch {
	case in.MaxNumberOfMessages < 0 || in.MaxNumberOfMessages > mostMessages:
		return nil, refuse("InvalidParameterValue", "Value %d for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and %d, if provided.", in.MaxNumberOfMessages, mostMessages)
	case in.WaitTimeSeconds < 0 || in.WaitTimeSeconds > longestWait:
		return nil, refuse("InvalidParameterValue", "Value %d for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= %d, if provided.", in.WaitTimeSeconds, longestWait)
	}
	q.expire(r.Now())
	hidden := time.Duration(in.VisibilityTimeout) * time.Second
	if hidden == 0 {
		hidden = time.Duration(q.number("VisibilityTimeout")) * time.Second
	}
	out := &sdk.ReceiveMessageOutput{}
	for _, m := range q.messages {
		if len(out.Messages) == max(1, int(in.MaxNumberOfMessages)) {
			break
		}
		if !m.visible.After(r.Now()) {
			out.Messages = append(out.Messages, q.receive(r, m, hidden, in))
		}
	}
	wait := max(int(in.WaitTimeSeconds), q.number("ReceiveMessageWaitTimeSeconds"))
	until := r.Since().Add(time.Duration(wait) * time.Second)
	if len(out.Messages) == 0 && r.Now().Before(until) {
		return nil, &core.Wait{Until: until}
	}
	return out, nil
}

// expire drops messages that have been kept for as long as the queue keeps any.
func (q *queue) expire(now time.Time) {
	kept := time.Duration(q.number("MessageRetentionPeriod")) * time.Second
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool { return !now.Before(m.sent.Add(kept)) })
}

func (q *queue) receive(r *core.Request, m *message, hidden time.Duration, in *sdk.ReceiveMessageInput) types.Message {
	m.receipt, m.visible = r.Hex(64), r.Now().Add(hidden)
	m.received++
	becomesVisible(r.Region, hidden)
	shown := types.Message{MessageId: &m.id, Body: &m.body, MD5OfBody: core.Ptr(checksum(m.body)), ReceiptHandle: core.Ptr(m.receipt)}
	all := map[string]string{"SentTimestamp": strconv.FormatInt(m.sent.UnixMilli(), 10), "ApproximateReceiveCount": strconv.Itoa(m.received)}
	for name, value := range all {
		asked := slices.Contains(in.MessageSystemAttributeNames, types.MessageSystemAttributeName(name)) ||
			slices.Contains(in.MessageSystemAttributeNames, types.MessageSystemAttributeNameAll)
		if asked {
			if shown.Attributes == nil {
				shown.Attributes = map[string]string{}
			}
			shown.Attributes[name] = value
		}
	}
	return shown
}

// drop deletes the message of a receipt; an old receipt does nothing, a malformed one is refused.
func (q *queue) drop(receipt string) error {
	if len(receipt) != 64 {
		return refuse("ReceiptHandleIsInvalid", "The input receipt handle \"%s\" is not a valid receipt handle.", receipt)
	}
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool { return m.receipt == receipt })
	return nil
}

func deleteMessage(r *core.Request, in *sdk.DeleteMessageInput) (*sdk.DeleteMessageOutput, error) {
	q, _, err := find(r, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return nil, q.drop(core.Val(in.ReceiptHandle))
}

func deleteMessageBatch(r *core.Request, in *sdk.DeleteMessageBatchInput) (*sdk.DeleteMessageBatchOutput, error) {
	q, _, err := find(r, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	switch {
	case len(in.Entries) == 0:
		return nil, refuse("EmptyBatchRequest", "There should be at least one DeleteMessageBatchRequestEntry in the request.")
	case len(in.Entries) > mostMessages:
		return nil, refuse("TooManyEntriesInBatchRequest", "Maximum number of entries per request are %d. You have sent %d.", mostMessages, len(in.Entries))
	}
	out := &sdk.DeleteMessageBatchOutput{Successful: []types.DeleteMessageBatchResultEntry{}, Failed: []types.BatchResultErrorEntry{}}
	for _, entry := range in.Entries {
		if err := q.drop(core.Val(entry.ReceiptHandle)); err != nil {
			out.Failed = append(out.Failed, types.BatchResultErrorEntry{Id: entry.Id, Code: core.Ptr("ReceiptHandleIsInvalid"), SenderFault: true, Message: core.Ptr(err.Error())})
			continue
		}
		out.Successful = append(out.Successful, types.DeleteMessageBatchResultEntry{Id: entry.Id})
	}
	return out, nil
}

func changeMessageVisibility(r *core.Request, in *sdk.ChangeMessageVisibilityInput) (*sdk.ChangeMessageVisibilityOutput, error) {
	q, _, err := find(r, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	for _, m := range q.messages {
		if m.receipt == core.Val(in.ReceiptHandle) {
			hidden := time.Duration(in.VisibilityTimeout) * time.Second
			m.visible = r.Now().Add(hidden)
			becomesVisible(r.Region, hidden)
		}
	}
	return nil, nil
}

func purgeQueue(r *core.Request, in *sdk.PurgeQueueInput) (*sdk.PurgeQueueOutput, error) {
	q, _, err := find(r, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	q.messages = nil
	return nil, nil
}
