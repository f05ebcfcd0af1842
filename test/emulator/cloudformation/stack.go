package cloudformation

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// stack works with the rights of who asked for the last change.
type stack struct {
	types.Stack
	region    *core.Region
	caller    core.Caller
	template  *template
	resources map[string]*resource
	order     []string // logical ids in the order of their first event
	events    []types.StackEvent
}

// resource of a stack, there if it has a physical id.
type resource struct {
	logical, kind, physical, arn string
	properties                   map[string]any // resolved
	status                       types.ResourceStatus
	reason                       string
	changed                      time.Time
}

// settled are the states in which a stack may be updated.
var settled = []types.StackStatus{types.StackStatusCreateComplete, types.StackStatusUpdateComplete, types.StackStatusUpdateRollbackComplete}

func (x *stack) listed() []*resource {
	var out []*resource
	for _, id := range x.order {
		if y := x.resources[id]; y != nil {
			out = append(out, y)
		}
	}
	return out
}

// to moves the stack to a status, with an event.
func (x *stack) to(status types.StackStatus, reason string) {
	x.StackStatus, x.StackStatusReason = status, core.Next(reason)
	now := core.Ptr(x.region.Now())
	switch {
	case status == types.StackStatusDeleteComplete:
		x.DeletionTime = now
	case strings.HasPrefix(string(status), "UPDATE"):
		x.LastUpdatedTime = now
	}
	x.event(*x.StackName, "AWS::CloudFormation::Stack", *x.StackId, types.ResourceStatus(status), reason, nil)
}

func (x *stack) event(logical, kind, physical string, status types.ResourceStatus, reason string, properties map[string]any) {
	e := types.StackEvent{StackId: x.StackId, StackName: x.StackName, EventId: core.Ptr(uuid(x.region)), Timestamp: core.Ptr(x.region.Now()), LogicalResourceId: &logical,
		ResourceType: &kind, PhysicalResourceId: &physical, ResourceStatus: status, ResourceStatusReason: core.Next(reason)}
	if properties != nil {
		text, _ := json.Marshal(properties) // what came as JSON marshals
		e.ResourceProperties = core.Ptr(string(text))
	}
	x.events = append(x.events, e)
}

func (x *stack) mark(y *resource, status types.ResourceStatus, reason string) {
	y.status, y.reason, y.changed = status, reason, x.region.Now()
	if !slices.Contains(x.order, y.logical) {
		x.order = append(x.order, y.logical)
	}
	x.event(y.logical, y.kind, y.physical, status, reason, y.properties)
}

// job is a resource's part of a change.
type job struct {
	resource                *resource
	after                   []string // logical ids whose jobs come first
	begun, done, failedWith types.ResourceStatus
	do                      func() error
}

// perform carries out jobs, those at once that wait for no other, and then tells which failed and why. After a failure nothing new begins.
func (x *stack) perform(jobs []*job, then func(failed []string)) {
	var now, later []*job
	for _, j := range jobs {
		waits := slices.ContainsFunc(jobs, func(other *job) bool { return slices.Contains(j.after, other.resource.logical) && other != j })
		if waits {
			later = append(later, j)
		} else {
			now = append(now, j)
		}
	}
	if len(now) == 0 {
		then(nil)
		return
	}
	for _, j := range now {
		x.mark(j.resource, j.begun, "")
	}
	x.region.After(x.region.Settings().StackDelay, func() {
		var failed []string
		for _, j := range now {
			if err := j.do(); err != nil {
				x.mark(j.resource, j.failedWith, x.words(err))
				failed = append(failed, j.resource.logical)
				continue
			}
			x.mark(j.resource, j.done, "")
		}
		if len(failed) > 0 {
			then(failed)
			return
		}
		x.perform(later, then)
	})
}

// words are how an event tells a service's refusal.
func (x *stack) words(err error) string {
	code, status, message := "GeneralServiceException", 400, err.Error()
	if refused := (*core.Error)(nil); errors.As(err, &refused) {
		status, message = refused.HTTPStatus(), refused.Message
		switch refused.Code {
		case "EntityAlreadyExists":
			code = "AlreadyExists"
		case "NoSuchEntity":
			code = "NotFound"
		case "LimitExceeded":
			code = "ServiceLimitExceeded"
		case "AccessDenied":
			code = "AccessDenied"
		case "ValidationError", "MalformedPolicyDocument", "InvalidInput":
			code = "InvalidRequest"
		}
	}
	return fmt.Sprintf(`Resource handler returned message: "%s (Service: Iam, Status Code: %d, Request ID: %s) (SDK Attempt Count: 1)" (RequestToken: %s, HandlerErrorCode: %s)`,
		message, status, uuid(x.region), uuid(x.region), code)
}

func bracketed(ids []string) string {
	return "[" + strings.Join(slices.Sorted(slices.Values(ids)), ", ") + "]"
}

func (x *stack) create(onFailure types.OnFailure) {
	x.to(types.StackStatusCreateInProgress, "User Initiated")
	x.perform(x.creations(slices.Sorted(maps.Keys(x.template.resources)), x.template), func(failed []string) {
		switch {
		case len(failed) == 0:
			x.to(types.StackStatusCreateComplete, "")
		case onFailure == types.OnFailureDelete:
			x.to(types.StackStatusDeleteInProgress, "The following resource(s) failed to create: "+bracketed(failed)+". Delete requested by user.")
			x.clear(types.StackStatusDeleteComplete, types.StackStatusDeleteFailed)
		case *x.DisableRollback:
			x.to(types.StackStatusCreateFailed, "The following resource(s) failed to create: "+bracketed(failed)+". ")
		default:
			x.to(types.StackStatusRollbackInProgress, "The following resource(s) failed to create: "+bracketed(failed)+". Rollback requested by user.")
			x.clear(types.StackStatusRollbackComplete, types.StackStatusRollbackFailed)
		}
	})
}

// creations are the jobs that make resources of a template.
func (x *stack) creations(ids []string, t *template) []*job {
	var out []*job
	for _, id := range ids {
		d := t.resources[id]
		y := &resource{logical: id, kind: d.Type}
		x.resources[id] = y
		out = append(out, &job{resource: y, after: d.after, begun: types.ResourceStatusCreateInProgress, done: types.ResourceStatusCreateComplete, failedWith: types.ResourceStatusCreateFailed,
			do: func() error {
				y.properties = x.resolved(d.Properties).(map[string]any)
				return kinds[d.Type].create(x, y)
			}})
	}
	return out
}

// deletions are the jobs that delete resources, those first that others don't depend on.
func (x *stack) deletions(ys []*resource, t *template) []*job {
	var out []*job
	for _, y := range ys {
		var after []string
		for id, d := range t.resources {
			if slices.Contains(d.after, y.logical) {
				after = append(after, id)
			}
		}
		out = append(out, &job{resource: y, after: after, begun: types.ResourceStatusDeleteInProgress, done: types.ResourceStatusDeleteComplete, failedWith: types.ResourceStatusDeleteFailed,
			do: func() error {
				if err := kinds[y.kind].remove(x, y); !missing(err) {
					return err
				}
				return nil // somebody deleted it
			}})
	}
	return out
}

// clear deletes all that is there.
func (x *stack) clear(done, failedWith types.StackStatus) {
	var there []*resource
	for _, y := range x.listed() {
		if y.physical != "" && y.status != types.ResourceStatusDeleteComplete {
			there = append(there, y)
		}
	}
	x.perform(x.deletions(there, x.template), func(failed []string) {
		if len(failed) > 0 {
			x.to(failedWith, "The following resource(s) failed to delete: "+bracketed(failed)+". ")
			return
		}
		x.to(done, "")
	})
}

func (x *stack) remove() {
	x.to(types.StackStatusDeleteInProgress, "User Initiated")
	x.clear(types.StackStatusDeleteComplete, types.StackStatusDeleteFailed)
}

// update brings the stack to another template, or back.
func (x *stack) update(t *template) {
	before, were := x.template, maps.Clone(x.resources)
	x.to(types.StackStatusUpdateInProgress, "User Initiated")
	jobs, gone := x.changes(t)
	x.template = t
	x.perform(jobs, func(failed []string) {
		if len(failed) == 0 {
			x.to(types.StackStatusUpdateCompleteCleanupInProgress, "")
			x.cleanUp(gone, before, types.StackStatusUpdateComplete)
			return
		}
		x.to(types.StackStatusUpdateRollbackInProgress, "The following resource(s) failed to update: "+bracketed(failed)+". ")
		var made []*resource
		for id, y := range x.resources {
			if were[id] != y && y.physical != "" {
				made = append(made, y)
			}
		}
		x.resources, x.template = were, before
		back, _ := x.changes(before)
		x.perform(back, func(stuck []string) {
			if len(stuck) > 0 {
				x.to(types.StackStatusUpdateRollbackFailed, "The following resource(s) failed to update: "+bracketed(stuck)+". ")
				return
			}
			x.to(types.StackStatusUpdateRollbackCompleteCleanupInProgress, "")
			x.cleanUp(made, t, types.StackStatusUpdateRollbackComplete)
		})
	})
}

// cleanUp deletes what a stack doesn't have any more; what can't be deleted is left, as CloudFormation does.
func (x *stack) cleanUp(gone []*resource, of *template, done types.StackStatus) {
	x.perform(x.deletions(gone, of), func([]string) {
		for _, y := range gone {
			if x.template.resources[y.logical].Type == "" {
				delete(x.resources, y.logical)
				x.order = slices.DeleteFunc(x.order, func(id string) bool { return id == y.logical })
			}
		}
		x.to(done, "")
	})
}

// changes are the jobs that lead to a template, and the resources that are over after them.
func (x *stack) changes(t *template) (jobs []*job, gone []*resource) {
	var fresh, kept []string
	for _, id := range slices.Sorted(maps.Keys(t.resources)) {
		d, y := t.resources[id], x.resources[id]
		switch {
		case y == nil || y.physical == "" || y.status == types.ResourceStatusDeleteComplete:
			fresh = append(fresh, id)
		case y.kind != d.Type || y.properties[kinds[y.kind].name] != x.resolved(d.Properties).(map[string]any)[kinds[y.kind].name]:
			gone, fresh = append(gone, y), append(fresh, id) // replaced
		default:
			kept = append(kept, id)
		}
	}
	for _, id := range kept {
		d, y := t.resources[id], x.resources[id]
		follows := slices.ContainsFunc(d.after, func(other string) bool { return slices.Contains(fresh, other) })
		if !follows && reflect.DeepEqual(y.properties, x.resolved(d.Properties)) && y.status != types.ResourceStatusUpdateFailed {
			continue
		}
		jobs = append(jobs, &job{resource: y, after: d.after, begun: types.ResourceStatusUpdateInProgress, done: types.ResourceStatusUpdateComplete, failedWith: types.ResourceStatusUpdateFailed,
			do: func() error {
				was := y.properties
				y.properties = x.resolved(d.Properties).(map[string]any)
				return kinds[y.kind].update(x, y, was)
			}})
	}
	for _, y := range x.listed() {
		if t.resources[y.logical].Type == "" && y.physical != "" && y.status != types.ResourceStatusDeleteComplete {
			gone = append(gone, y)
		}
	}
	return append(jobs, x.creations(fresh, t)...), gone
}
