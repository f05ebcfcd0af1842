// Package cloudformation emulates stacks of IAM resources: created, changed, rolled back and deleted step by step, with their events.
package cloudformation

import (
	"fmt"
	"regexp"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/internal/wire"
)

// Service returns CloudFormation as the emulator's frame takes it.
func Service() *core.Service {
	return &core.Service{
		Name:        "cloudformation",
		SigningName: "cloudformation",
		Protocol:    &core.Query{Table: wire.Plain(), Namespace: "http://cloudformation.amazonaws.com/doc/2010-05-15/"},
		Operations: []core.Operation{
			core.Op(createStack), core.Op(updateStack), core.Op(deleteStack), core.Op(describeStacks), core.Op(describeStackEvents),
			core.Op(describeStackResources), core.Op(listStackResources), core.Op(listStacks), core.Op(getTemplate),
		},
		Inventory: inventory,
	}
}

type state struct{ stacks core.Table[stack] } // by their ids; deleted ones stay

func of(r *core.Region) *state { return core.Of[state](r) }

// The errors of the API reference, in CloudFormation's words.

func invalid(format string, args ...any) error {
	return core.Refuse("ValidationError", format, args...)
}

var stackName = regexp.MustCompile(`^[a-zA-Z][-a-zA-Z0-9]{0,127}$`)

// named is the stack of a name, or by its id one that is deleted too.
func (s *state) named(name string) *stack {
	if x := s.stacks.Get(name); x != nil {
		return x
	}
	for _, x := range s.stacks.All() {
		if *x.StackName == name && x.StackStatus != types.StackStatusDeleteComplete {
			return x
		}
	}
	return nil
}

// stack looks up one that this request may see.
func (s *state) stack(r *core.Request, name *string) (*stack, error) {
	x := s.named(core.Val(name))
	if x == nil || r.Hidden(*x.CreationTime) {
		return nil, invalid("Stack with id %s does not exist", core.Val(name))
	}
	r.Touch(*x.StackName, *x.StackId)
	return x, nil
}

func createStack(r *core.Request, in *sdk.CreateStackInput) (*sdk.CreateStackOutput, error) {
	s, name := of(r.Region), core.Val(in.StackName)
	if !stackName.MatchString(name) {
		return nil, invalid("1 validation error detected: Value '%s' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*", name)
	}
	t, err := templateOf(core.Val(in.TemplateBody), in.Capabilities)
	if err != nil {
		return nil, err
	}
	if err := tagsProblem(in.Tags); err != nil {
		return nil, err
	}
	if x := s.named(name); x != nil {
		return nil, core.Refuse("AlreadyExistsException", "Stack [%s] already exists", name)
	}
	id := r.ARN("cloudformation", "stack/"+name+"/"+uuid(r.Region))
	x := &stack{region: r.Region, caller: r.Caller, template: t, resources: map[string]*resource{}, Stack: types.Stack{StackName: &name, StackId: &id, CreationTime: core.Ptr(r.Now()),
		Capabilities: in.Capabilities, Tags: in.Tags, DisableRollback: core.Ptr(core.Val(in.DisableRollback) || in.OnFailure == types.OnFailureDoNothing), Description: t.description(),
		EnableTerminationProtection: in.EnableTerminationProtection, RoleARN: in.RoleARN, DriftInformation: &types.StackDriftInformation{StackDriftStatus: types.StackDriftStatusNotChecked}}}
	s.stacks.Put(id, x, r.Now())
	r.Touch(name, id)
	x.create(in.OnFailure)
	return &sdk.CreateStackOutput{StackId: &id}, nil
}

func updateStack(r *core.Request, in *sdk.UpdateStackInput) (*sdk.UpdateStackOutput, error) {
	x, err := of(r.Region).stack(r, in.StackName)
	if err != nil {
		return nil, invalid("Stack [%s] does not exist", core.Val(in.StackName))
	}
	t := x.template
	if !core.Val(in.UsePreviousTemplate) {
		if t, err = templateOf(core.Val(in.TemplateBody), in.Capabilities); err != nil {
			return nil, err
		}
	}
	if !slices.Contains(settled, x.StackStatus) {
		return nil, invalid("Stack:%s is in %s state and can not be updated.", *x.StackId, x.StackStatus)
	}
	if t.same(x.template) && (in.Tags == nil || sameTags(in.Tags, x.Tags)) {
		return nil, invalid("No updates are to be performed.")
	}
	if in.Tags != nil {
		x.Tags = in.Tags
	}
	x.caller = r.Caller
	x.update(t)
	return &sdk.UpdateStackOutput{StackId: x.StackId}, nil
}

func deleteStack(r *core.Request, in *sdk.DeleteStackInput) (*sdk.DeleteStackOutput, error) {
	x := of(r.Region).named(core.Val(in.StackName))
	switch {
	case x == nil || x.StackStatus == types.StackStatusDeleteComplete || x.StackStatus == types.StackStatusDeleteInProgress:
		return nil, nil // "If you call DeleteStack on a stack that doesn't exist, it succeeds."
	case core.Val(x.EnableTerminationProtection):
		return nil, invalid("Stack [%s] cannot be deleted while TerminationProtection is enabled", *x.StackName)
	}
	r.Touch(*x.StackName, *x.StackId)
	x.caller = r.Caller
	x.remove()
	return nil, nil
}

func describeStacks(r *core.Request, in *sdk.DescribeStacksInput) (*sdk.DescribeStacksOutput, error) {
	s, out := of(r.Region), &sdk.DescribeStacksOutput{Stacks: []types.Stack{}}
	if in.StackName != nil {
		x, err := s.stack(r, in.StackName)
		if err == nil {
			out.Stacks = append(out.Stacks, x.Stack)
		}
		return out, err
	}
	for _, x := range s.stacks.Where(func(x *stack) bool { return x.StackStatus != types.StackStatusDeleteComplete }) {
		out.Stacks = append(out.Stacks, x.Stack)
	}
	var next string
	var err error
	out.Stacks, next, err = core.PaginateList(r, out.Stacks, core.Val(in.NextToken), 0, 100)
	out.NextToken = core.Next(next)
	return out, err
}

func listStacks(r *core.Request, in *sdk.ListStacksInput) (*sdk.ListStacksOutput, error) {
	all := []types.StackSummary{}
	for _, x := range slices.Backward(of(r.Region).stacks.All()) {
		if len(in.StackStatusFilter) == 0 || slices.Contains(in.StackStatusFilter, x.StackStatus) {
			all = append(all, types.StackSummary{StackName: x.StackName, StackId: x.StackId, StackStatus: x.StackStatus, StackStatusReason: x.StackStatusReason,
				CreationTime: x.CreationTime, DeletionTime: x.DeletionTime, LastUpdatedTime: x.LastUpdatedTime, TemplateDescription: x.Description, DriftInformation: nil})
		}
	}
	items, next, err := core.PaginateList(r, all, core.Val(in.NextToken), 0, 100)
	return &sdk.ListStacksOutput{StackSummaries: items, NextToken: core.Next(next)}, err
}

// describeStackEvents lists the newest first.
func describeStackEvents(r *core.Request, in *sdk.DescribeStackEventsInput) (*sdk.DescribeStackEventsOutput, error) {
	x := of(r.Region).named(core.Val(in.StackName))
	if x == nil {
		return nil, invalid("Stack [%s] does not exist", core.Val(in.StackName))
	}
	events := slices.Clone(x.events)
	slices.Reverse(events)
	items, next, err := core.PaginateList(r, events, core.Val(in.NextToken), 0, 100)
	return &sdk.DescribeStackEventsOutput{StackEvents: items, NextToken: core.Next(next)}, err
}

func describeStackResources(r *core.Request, in *sdk.DescribeStackResourcesInput) (*sdk.DescribeStackResourcesOutput, error) {
	x, err := of(r.Region).stack(r, in.StackName)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeStackResourcesOutput{StackResources: []types.StackResource{}}
	for _, y := range x.listed() {
		if in.LogicalResourceId == nil || *in.LogicalResourceId == y.logical {
			out.StackResources = append(out.StackResources, types.StackResource{StackId: x.StackId, StackName: x.StackName, LogicalResourceId: &y.logical, PhysicalResourceId: core.Next(y.physical),
				ResourceType: &y.kind, ResourceStatus: y.status, ResourceStatusReason: core.Next(y.reason), Timestamp: &y.changed})
		}
	}
	if in.LogicalResourceId != nil && len(out.StackResources) == 0 {
		return nil, invalid("Resource %s does not exist for stack %s", *in.LogicalResourceId, *x.StackName)
	}
	return out, nil
}

func listStackResources(r *core.Request, in *sdk.ListStackResourcesInput) (*sdk.ListStackResourcesOutput, error) {
	x, err := of(r.Region).stack(r, in.StackName)
	if err != nil {
		return nil, err
	}
	all := []types.StackResourceSummary{}
	for _, y := range x.listed() {
		all = append(all, types.StackResourceSummary{LogicalResourceId: &y.logical, PhysicalResourceId: core.Next(y.physical), ResourceType: &y.kind, ResourceStatus: y.status,
			ResourceStatusReason: core.Next(y.reason), LastUpdatedTimestamp: &y.changed})
	}
	items, next, err := core.PaginateList(r, all, core.Val(in.NextToken), 0, 100)
	return &sdk.ListStackResourcesOutput{StackResourceSummaries: items, NextToken: core.Next(next)}, err
}

func getTemplate(r *core.Request, in *sdk.GetTemplateInput) (*sdk.GetTemplateOutput, error) {
	x, err := of(r.Region).stack(r, in.StackName)
	if err != nil {
		return nil, err
	}
	return &sdk.GetTemplateOutput{TemplateBody: &x.template.text, StagesAvailable: []types.TemplateStage{types.TemplateStageOriginal}}, nil
}

func tagsProblem(tags []types.Tag) error {
	for _, tag := range tags {
		if problem := core.TagProblem(core.Val(tag.Key), core.Val(tag.Value)); problem != "" {
			return invalid("Tag %s: %s", core.Val(tag.Key), problem)
		}
	}
	if len(tags) > core.MostTags {
		return invalid("The number of tags exceeds the maximum of %d", core.MostTags)
	}
	return nil
}

func sameTags(a, b []types.Tag) bool { return fmt.Sprint(tagMap(a)) == fmt.Sprint(tagMap(b)) }

func tagMap(tags []types.Tag) map[string]string {
	out := map[string]string{}
	for _, tag := range tags {
		out[*tag.Key] = core.Val(tag.Value)
	}
	return out
}

func uuid(r *core.Region) string {
	return r.Hex(8) + "-" + r.Hex(4) + "-11ee-8" + r.Hex(3) + "-" + r.Hex(12)
}

func inventory(r *core.Region) []core.Resource {
	out := []core.Resource{}
	for _, x := range of(r).stacks.All() {
		if x.StackStatus != types.StackStatusDeleteComplete {
			out = append(out, core.Resource{Service: "cloudformation", Type: "stack", ID: *x.StackName, State: string(x.StackStatus), Tags: tagMap(x.Tags), Content: x.Stack})
		}
	}
	return out
}
