// Package eventbridge emulates the default event bus of Amazon EventBridge: rules that put AWS's own events into SQS queues.
package eventbridge

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/sqs"
)

// Service returns EventBridge as the emulator's frame takes it.
func Service() *core.Service {
	return &core.Service{
		Name:        "events",
		SigningName: "events",
		Protocol:    &core.JSON{},
		Operations: []core.Operation{
			core.Op(putRule), core.Op(describeRule), core.Op(listRules), core.Op(deleteRule), core.Op(enableRule), core.Op(disableRule),
			core.Op(putTargets), core.Op(listTargetsByRule), core.Op(removeTargets), core.Op(listRuleNamesByTarget),
			core.Op(tagResource), core.Op(untagResource), core.Op(listTagsForResource), core.Op(putEvents),
		},
		Inventory: inventory,
		Event:     deliver,
	}
}

type rule struct {
	types.Rule
	pattern map[string]any
	targets []types.Target
	tags    []types.Tag
}

type state struct{ rules core.Table[rule] }

func of(r *core.Region) *state { return core.Of[state](r) }

func refuse(code, format string, args ...any) error { return core.Refuse(code, format, args...) }

const (
	defaultBus = "default"
	// mostTargets is the quota of targets per rule.
	mostTargets = 5
	// mostListed is the largest page of the lists.
	mostListed = 100
)

var ruleName = regexp.MustCompile(`^[.\-_A-Za-z0-9]{1,64}$`)

func checkBus(name *string) error {
	if bus := core.Val(name); bus != "" && bus != defaultBus && !strings.HasSuffix(bus, ":event-bus/"+defaultBus) {
		return refuse("ResourceNotFoundException", "Event bus %s does not exist.", bus)
	}
	return nil
}

func find(r *core.Request, name, bus *string) (*rule, error) {
	if err := checkBus(bus); err != nil {
		return nil, err
	}
	row := of(r.Region).rules.Row(core.Val(name))
	if row == nil || r.Hidden(row.Created) {
		return nil, refuse("ResourceNotFoundException", "Rule %s does not exist on EventBus %s.", core.Val(name), defaultBus)
	}
	return row.Value, nil
}

// putRule makes a rule or replaces all of it but its targets and tags.
func putRule(r *core.Request, in *sdk.PutRuleInput) (*sdk.PutRuleOutput, error) {
	s, name := of(r.Region), core.Val(in.Name)
	if err := checkBus(in.EventBusName); err != nil {
		return nil, err
	}
	switch {
	case !ruleName.MatchString(name):
		return nil, refuse("ValidationException", "1 validation error detected: Value '%s' at 'name' failed to satisfy constraint: [\\.\\-_A-Za-z0-9]+", name)
	case in.EventPattern == nil && in.ScheduleExpression == nil:
		return nil, refuse("ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified.")
	case s.rules.Get(name) == nil && s.rules.Len() >= r.Config.Quota("rules", 300):
		return nil, refuse("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
	}
	var pattern map[string]any
	if in.EventPattern != nil {
		if json.Unmarshal([]byte(*in.EventPattern), &pattern) != nil || !wellFormed(pattern) {
			return nil, refuse("InvalidEventPatternException", "Event pattern is not valid. Reason: values are arrays of what is allowed, and none is empty")
		}
	}
	made := s.rules.Get(name)
	if made == nil {
		made = &rule{tags: in.Tags}
	}
	made.pattern = pattern
	made.Rule = types.Rule{Name: &name, Arn: core.Ptr(r.ARN("events", "rule/"+name)), EventBusName: core.Ptr(defaultBus), EventPattern: in.EventPattern,
		Description: in.Description, RoleArn: in.RoleArn, ScheduleExpression: in.ScheduleExpression, State: in.State}
	if made.State == "" {
		made.State = types.RuleStateEnabled
	}
	s.rules.Put(name, made, r.Now())
	r.Touch(name)
	return &sdk.PutRuleOutput{RuleArn: made.Arn}, nil
}

func describeRule(r *core.Request, in *sdk.DescribeRuleInput) (*sdk.DescribeRuleOutput, error) {
	x, err := find(r, in.Name, in.EventBusName)
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeRuleOutput{Name: x.Name, Arn: x.Arn, EventBusName: x.EventBusName, EventPattern: x.EventPattern, State: x.State, Description: x.Description,
		RoleArn: x.RoleArn, ScheduleExpression: x.ScheduleExpression, CreatedBy: core.Ptr(r.Account)}, nil
}

func listRules(r *core.Request, in *sdk.ListRulesInput) (*sdk.ListRulesOutput, error) {
	found := []types.Rule{}
	for _, row := range of(r.Region).rules.Rows() {
		if strings.HasPrefix(row.ID, core.Val(in.NamePrefix)) && !r.Hidden(row.Created) {
			found = append(found, row.Value.Rule)
		}
	}
	page, token, err := core.PaginateList(r, found, core.Val(in.NextToken), int(core.Val(in.Limit)), mostListed)
	return &sdk.ListRulesOutput{Rules: page, NextToken: core.Next(token)}, err
}

// deleteRule succeeds for one that isn't there, and refuses one with targets.
func deleteRule(r *core.Request, in *sdk.DeleteRuleInput) (*sdk.DeleteRuleOutput, error) {
	if err := checkBus(in.EventBusName); err != nil {
		return nil, err
	}
	rules := &of(r.Region).rules
	if x := rules.Get(core.Val(in.Name)); x != nil && len(x.targets) > 0 {
		return nil, refuse("ValidationException", "Rule can't be deleted since it has targets.")
	}
	rules.Delete(core.Val(in.Name))
	return nil, nil
}

func enableRule(r *core.Request, in *sdk.EnableRuleInput) (*sdk.EnableRuleOutput, error) {
	x, err := find(r, in.Name, in.EventBusName)
	if err != nil {
		return nil, err
	}
	x.State = types.RuleStateEnabled
	return nil, nil
}

func disableRule(r *core.Request, in *sdk.DisableRuleInput) (*sdk.DisableRuleOutput, error) {
	x, err := find(r, in.Name, in.EventBusName)
	if err != nil {
		return nil, err
	}
	x.State = types.RuleStateDisabled
	return nil, nil
}

func putTargets(r *core.Request, in *sdk.PutTargetsInput) (*sdk.PutTargetsOutput, error) {
	x, err := find(r, in.Rule, in.EventBusName)
	if err != nil {
		return nil, err
	}
	changed := x.targets
	for _, target := range in.Targets {
		if core.Val(target.Id) == "" || !strings.HasPrefix(core.Val(target.Arn), "arn:") {
			return nil, refuse("ValidationException", "Parameter %s is not valid. Reason: Provided Arn is not in correct format.", core.Val(target.Arn))
		}
		changed = append(without(changed, *target.Id), target)
	}
	if len(changed) > mostTargets {
		return nil, refuse("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
	}
	x.targets = changed
	return &sdk.PutTargetsOutput{FailedEntries: []types.PutTargetsResultEntry{}}, nil
}

func without(targets []types.Target, ids ...string) []types.Target {
	return slices.DeleteFunc(slices.Clone(targets), func(t types.Target) bool { return slices.Contains(ids, *t.Id) })
}

func listTargetsByRule(r *core.Request, in *sdk.ListTargetsByRuleInput) (*sdk.ListTargetsByRuleOutput, error) {
	x, err := find(r, in.Rule, in.EventBusName)
	if err != nil {
		return nil, err
	}
	page, token, err := core.PaginateList(r, append([]types.Target{}, x.targets...), core.Val(in.NextToken), int(core.Val(in.Limit)), mostListed)
	return &sdk.ListTargetsByRuleOutput{Targets: page, NextToken: core.Next(token)}, err
}

func removeTargets(r *core.Request, in *sdk.RemoveTargetsInput) (*sdk.RemoveTargetsOutput, error) {
	x, err := find(r, in.Rule, in.EventBusName)
	if err != nil {
		return nil, err
	}
	x.targets = without(x.targets, in.Ids...)
	return &sdk.RemoveTargetsOutput{FailedEntries: []types.RemoveTargetsResultEntry{}}, nil
}

func listRuleNamesByTarget(r *core.Request, in *sdk.ListRuleNamesByTargetInput) (*sdk.ListRuleNamesByTargetOutput, error) {
	names := []string{}
	for _, row := range of(r.Region).rules.Rows() {
		if slices.ContainsFunc(row.Value.targets, func(t types.Target) bool { return *t.Arn == core.Val(in.TargetArn) }) {
			names = append(names, row.ID)
		}
	}
	page, token, err := core.PaginateList(r, names, core.Val(in.NextToken), int(core.Val(in.Limit)), mostListed)
	return &sdk.ListRuleNamesByTargetOutput{RuleNames: page, NextToken: core.Next(token)}, err
}

func byARN(r *core.Request, arn *string) (*rule, error) {
	return find(r, core.Ptr(core.Val(arn)[strings.LastIndex(core.Val(arn), "/")+1:]), nil)
}

func tagResource(r *core.Request, in *sdk.TagResourceInput) (*sdk.TagResourceOutput, error) {
	x, err := byARN(r, in.ResourceARN)
	if err != nil {
		return nil, err
	}
	for _, tag := range in.Tags {
		x.tags = append(untagged(x.tags, core.Val(tag.Key)), tag)
	}
	return nil, nil
}

func untagResource(r *core.Request, in *sdk.UntagResourceInput) (*sdk.UntagResourceOutput, error) {
	x, err := byARN(r, in.ResourceARN)
	if err != nil {
		return nil, err
	}
	x.tags = untagged(x.tags, in.TagKeys...)
	return nil, nil
}

func untagged(tags []types.Tag, keys ...string) []types.Tag {
	return slices.DeleteFunc(slices.Clone(tags), func(t types.Tag) bool { return slices.Contains(keys, core.Val(t.Key)) })
}

func listTagsForResource(r *core.Request, in *sdk.ListTagsForResourceInput) (*sdk.ListTagsForResourceOutput, error) {
	x, err := byARN(r, in.ResourceARN)
	if err != nil {
		return nil, err
	}
	return &sdk.ListTagsForResourceOutput{Tags: append([]types.Tag{}, x.tags...)}, nil
}

// putEvents puts a user's own events onto the bus.
func putEvents(r *core.Request, in *sdk.PutEventsInput) (*sdk.PutEventsOutput, error) {
	out := &sdk.PutEventsOutput{}
	for _, entry := range in.Entries {
		detail := map[string]any{}
		if json.Unmarshal([]byte(core.Val(entry.Detail)), &detail) != nil {
			out.FailedEntryCount++
			out.Entries = append(out.Entries, types.PutEventsResultEntry{ErrorCode: core.Ptr("MalformedDetail"), ErrorMessage: core.Ptr("Detail is malformed.")})
			continue
		}
		id := r.Emit(core.Event{Source: core.Val(entry.Source), DetailType: core.Val(entry.DetailType), Resources: entry.Resources, Detail: detail})
		out.Entries = append(out.Entries, types.PutEventsResultEntry{EventId: &id})
	}
	return out, nil
}

// deliver puts an event into the queues of all rules that it matches.
func deliver(r *core.Region, event core.Event) {
	document := map[string]any{"version": "0", "id": event.ID, "detail-type": event.DetailType, "source": event.Source, "account": r.Account,
		"time": event.Time.UTC().Format(time.RFC3339), "region": r.Name, "resources": event.Resources, "detail": event.Detail}
	body, err := json.Marshal(document)
	if err != nil {
		panic(err) // details are plain data
	}
	var plain map[string]any
	if err := json.Unmarshal(body, &plain); err != nil {
		panic(err) // it has just been written
	}
	for _, x := range of(r).rules.All() {
		if x.State == types.RuleStateDisabled || x.pattern == nil || !matches(x.pattern, plain) {
			continue
		}
		for _, target := range x.targets {
			text := string(body)
			if target.Input != nil {
				text = *target.Input
			}
			sqs.Deliver(r, *target.Arn, "events.amazonaws.com", *x.Arn, text)
		}
	}
}

func inventory(r *core.Region) []core.Resource {
	out := []core.Resource{}
	for _, row := range of(r).rules.Rows() {
		tags := map[string]string{}
		for _, tag := range row.Value.tags {
			tags[core.Val(tag.Key)] = core.Val(tag.Value)
		}
		out = append(out, core.Resource{Type: "rule", ID: row.ID, State: string(row.Value.State), Tags: tags, Content: row.Value})
	}
	return out
}
