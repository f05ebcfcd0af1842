package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/iamconfig"
	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/policy"
)

// Stack is one in an account and region. What happens to it is told to Progress as it happens.
type Stack struct {
	Client   *cloudformation.Client
	Progress io.Writer
	// Every is how often it is looked at while something happens.
	Every time.Duration
}

// Changed makes the stack, or brings the one that is there to the template, and waits for the end of it.
func (s Stack) Changed(ctx context.Context, spec *iamconfig.Spec) error {
	if err := policy.Fit(spec); err != nil {
		return err
	}
	body, err := New(spec).YAML()
	if err != nil {
		return err
	}
	now, err := s.settled(ctx, spec.StackName)
	if err != nil {
		return err
	}
	if now != nil && slices.Contains(empty, now.StackStatus) {
		s.tell("Stack %s is %s: it can only be deleted, which comes first\n", spec.StackName, now.StackStatus)
		if err := s.Deleted(ctx, spec.StackName); err != nil {
			return err
		}
		now = nil
	}
	capabilities, tags := []types.Capability{types.CapabilityCapabilityIam, types.CapabilityCapabilityNamedIam}, stackTags(spec.StackTags)
	if now == nil {
		s.tell("Attempting to create AWS CloudFormation stack %s\n", spec.StackName)
		made, err := s.Client.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: &spec.StackName, TemplateBody: &body, Capabilities: capabilities, Tags: tags})
		if err != nil {
			return explained(err)
		}
		return s.watch(ctx, aws.ToString(made.StackId), nil, types.StackStatusCreateComplete)
	}
	before, err := s.events(ctx, *now.StackId, nil)
	if err != nil {
		return err
	}
	s.tell("Attempting to update AWS CloudFormation stack %s\n", spec.StackName)
	_, err = s.Client.UpdateStack(ctx, &cloudformation.UpdateStackInput{StackName: now.StackId, TemplateBody: &body, Capabilities: capabilities, Tags: tags})
	if said(err, "No updates are to be performed") {
		s.tell("It is as the template says already\n")
		return nil
	}
	if err != nil {
		return explained(err)
	}
	return s.watch(ctx, *now.StackId, before, types.StackStatusUpdateComplete)
}

// empty are the states of a stack that can only be deleted.
var empty = []types.StackStatus{types.StackStatusRollbackComplete, types.StackStatusCreateFailed, types.StackStatusRollbackFailed, types.StackStatusDeleteFailed}

// Deleted deletes the stack, and waits for the end of it. One that isn't there is deleted.
func (s Stack) Deleted(ctx context.Context, name string) error {
	now, err := s.find(ctx, name)
	if err != nil {
		return err
	}
	if now == nil {
		s.tell("There is no AWS CloudFormation stack %s\n", name)
		return nil
	}
	before, err := s.events(ctx, *now.StackId, nil)
	if err != nil {
		return err
	}
	s.tell("Attempting to delete AWS CloudFormation stack %s\n", name)
	if _, err := s.Client.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &name}); err != nil {
		return explained(err)
	}
	return s.watch(ctx, *now.StackId, before, types.StackStatusDeleteComplete)
}

func (s Stack) tell(format string, args ...any) { _, _ = fmt.Fprintf(s.Progress, format, args...) }

// find is the stack, nil if there is none.
func (s Stack) find(ctx context.Context, name string) (*types.Stack, error) {
	out, err := s.Client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	switch {
	case said(err, "does not exist"):
		return nil, nil
	case err != nil:
		return nil, explained(err)
	}
	return &out.Stacks[0], nil
}

// settled is the stack once nothing happens to it any more.
func (s Stack) settled(ctx context.Context, name string) (*types.Stack, error) {
	for told := false; ; told = true {
		now, err := s.find(ctx, name)
		if err != nil || now == nil || !busy(now.StackStatus) {
			return now, err
		}
		if !told {
			s.tell("Stack %s is %s; waiting for the end of it\n", name, now.StackStatus)
		}
		if err := s.pause(ctx); err != nil {
			return nil, err
		}
	}
}

func busy(status types.StackStatus) bool { return strings.HasSuffix(string(status), "_IN_PROGRESS") }

func (s Stack) pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("%w; the stack goes on without being watched: the same command watches again", ctx.Err())
	case <-time.After(s.Every):
		return nil
	}
}

// events are those that aren't known yet, oldest first.
func (s Stack) events(ctx context.Context, id string, known []types.StackEvent) ([]types.StackEvent, error) {
	var out []types.StackEvent
	pages := cloudformation.NewDescribeStackEventsPaginator(s.Client, &cloudformation.DescribeStackEventsInput{StackName: &id})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, explained(err)
		}
		for _, e := range page.StackEvents {
			if slices.ContainsFunc(known, func(k types.StackEvent) bool { return *k.EventId == *e.EventId }) {
				slices.Reverse(out)
				return out, nil
			}
			out = append(out, e)
		}
	}
	slices.Reverse(out)
	return out, nil
}

// watch tells what happens until nothing does any more, and fails unless it ends as wanted.
func (s Stack) watch(ctx context.Context, id string, known []types.StackEvent, want types.StackStatus) error {
	var failures []types.StackEvent
	for {
		now, err := s.find(ctx, id)
		if err != nil {
			return err
		}
		fresh, err := s.events(ctx, id, known)
		if err != nil {
			return err
		}
		for _, e := range fresh {
			s.tell("%s  %-20s  %-26s  %s\n", e.Timestamp.Format(time.TimeOnly), e.ResourceStatus, aws.ToString(e.ResourceType), subject(e))
			if failed(e) {
				failures = append(failures, e)
			}
		}
		known = append(known, fresh...)
		switch {
		case now == nil && want == types.StackStatusDeleteComplete:
			return nil
		case now == nil:
			return fmt.Errorf("the stack is gone: somebody deleted it meanwhile")
		case busy(now.StackStatus):
		case now.StackStatus == want:
			return nil
		default:
			return failure(now, failures)
		}
		if err := s.pause(ctx); err != nil {
			return err
		}
	}
}

// subject is what an event is about, by its name if it has one.
func subject(e types.StackEvent) string {
	if name := aws.ToString(e.PhysicalResourceId); name != "" && aws.ToString(e.ResourceType) != "AWS::CloudFormation::Stack" {
		return aws.ToString(e.LogicalResourceId) + "  " + name
	}
	return aws.ToString(e.LogicalResourceId)
}

func failed(e types.StackEvent) bool {
	return strings.HasSuffix(string(e.ResourceStatus), "_FAILED") && aws.ToString(e.ResourceType) != "AWS::CloudFormation::Stack" &&
		!strings.Contains(aws.ToString(e.ResourceStatusReason), "cancelled")
}

// failure tells which resources failed and why, and what to do about it.
func failure(now *types.Stack, failures []types.StackEvent) error {
	lines := []string{fmt.Sprintf("the stack %s is %s", *now.StackName, now.StackStatus)}
	reasons := ""
	for _, e := range failures {
		reason := aws.ToString(e.ResourceStatusReason)
		reasons += reason
		lines = append(lines, fmt.Sprintf("  %s (%s) %s: %s", aws.ToString(e.LogicalResourceId), aws.ToString(e.ResourceType), e.ResourceStatus, reason))
	}
	if len(failures) == 0 {
		lines = append(lines, "  "+aws.ToString(now.StackStatusReason))
	}
	for _, cure := range cures {
		if slices.ContainsFunc(cure.words, func(words string) bool { return strings.Contains(reasons, words) }) {
			lines = append(lines, cure.do)
		}
	}
	return errors.New(strings.Join(lines, "\n"))
}

// cures are what to do about reasons, by their words.
var cures = []struct {
	words []string
	do    string
}{
	{[]string{"AlreadyExists"}, "What is there already was made by another stack (IAM is one for all regions: look for a stack of this name in the others), by hand, or by an earlier installation. " +
		"Delete it, or give this stack names of its own with nameSuffix in --config."},
	{[]string{"AccessDenied", "not authorized"}, "Whoever makes the stack needs the rights to make its resources, iam:CreateRole and its likes: use an administrator's credentials, or grant them."},
	{[]string{"DeleteConflict", "Cannot delete"}, "Something that the stack didn't make uses it: detach it, remove its instance profiles and policies, and run the command again."},
	{[]string{"LimitExceeded"}, "A quota of the account is used up: raise it in Service Quotas, or delete what isn't needed."},
}

// said says whether AWS's refusal has these words. CloudFormation has one code, ValidationError, for most of what it says.
func said(err error, words string) bool {
	var refused smithy.APIError
	return errors.As(err, &refused) && strings.Contains(refused.ErrorMessage(), words)
}

// explained adds to AWS's refusal what to do about it.
func explained(err error) error {
	var refused smithy.APIError
	if !errors.As(err, &refused) {
		return err
	}
	switch refused.ErrorCode() {
	case "AccessDenied", "AccessDeniedException":
		return fmt.Errorf("%w\nuse credentials that may use CloudFormation and IAM, for example an administrator's", err)
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired":
		return fmt.Errorf("%w\nget new credentials", err)
	case "InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch":
		return fmt.Errorf("%w\ncheck AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or the profile", err)
	}
	return err
}

func stackTags(of map[string]string) []types.Tag {
	var out []types.Tag
	for _, key := range slices.Sorted(maps.Keys(of)) {
		out = append(out, types.Tag{Key: aws.String(key), Value: aws.String(of[key])})
	}
	return out
}

// Show prints the stack's resources as a table: their types, names and how they are.
func (s Stack) Show(ctx context.Context, name string, out io.Writer) error {
	list, err := s.Client.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{StackName: &name})
	if err != nil {
		return explained(err)
	}
	slices.SortFunc(list.StackResources, func(a, b types.StackResource) int {
		return strings.Compare(*a.ResourceType+" "+aws.ToString(a.PhysicalResourceId), *b.ResourceType+" "+aws.ToString(b.PhysicalResourceId))
	})
	_, _ = fmt.Fprint(out, "\nFollowing resources are in the stack: \n\n")
	w := tabwriter.NewWriter(out, 0, 0, 1, ' ', tabwriter.Debug)
	_, _ = fmt.Fprintln(w, "Resource\tType\tStatus")
	for _, r := range list.StackResources {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", *r.ResourceType, aws.ToString(r.PhysicalResourceId), r.ResourceStatus)
	}
	return w.Flush()
}
