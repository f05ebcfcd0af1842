package core

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Event is something that happened by AWS's doing, as EventBridge's default bus carries it.
type Event struct {
	ID         string
	Time       time.Time
	Source     string // "aws.ec2"
	DetailType string
	Resources  []string
	Detail     map[string]any
}

// Emit tells every service of an event in this region and returns the event's id.
func (r *Region) Emit(event Event) string {
	event.Time = r.Now()
	event.ID = r.Hex(8) + "-" + r.Hex(4) + "-4" + r.Hex(3) + "-8" + r.Hex(3) + "-" + r.Hex(12)
	for _, service := range r.world.services {
		if service.Event != nil {
			service.Event(r, event)
		}
	}
	return event.ID
}

// Settings is the configuration, for what happens by itself.
func (r *Region) Settings() *Config { return r.world.config }

// System is a request that AWS makes in the account by itself, for example Auto Scaling launching instances.
func (r *Region) System(service, operation string) *Request {
	return &Request{Context: context.Background(), Region: r, ID: "system", system: true, Operation: operation, Config: r.world.config,
		Caller: Caller{Account: r.Account, ARN: "arn:" + Partition(r.Name) + ":iam::" + r.Account + ":role/aws-service-role/" + service}}
}

// Inventory is what exists in this region, of all services, without what is gone but still listed.
func (r *Region) Inventory() []Resource {
	var out []Resource
	for _, service := range r.world.services {
		if service.Inventory == nil {
			continue
		}
		for _, resource := range service.Inventory(r) {
			resource.Service = service.Name
			out = append(out, resource)
		}
	}
	return out
}

// Call carries out another service's operation as somebody who asked for it earlier: what CloudFormation makes, it makes with the rights of
// its caller. in is a pointer to the operation's input.
func (r *Region) Call(caller Caller, service string, in any) (any, error) {
	request := r.System(service, strings.TrimSuffix(reflect.TypeOf(in).Elem().Name(), "Input"))
	request.Caller = caller
	for _, s := range r.world.services {
		if s.Name != service {
			continue
		}
		operation := s.operation(request.Operation)
		if operation == nil {
			return nil, fmt.Errorf("the emulator's %s has no %s", service, request.Operation)
		}
		if lacking, ok := r.world.lacks(request, s, textsOf(in)); ok {
			return nil, s.Protocol.Standard(AccessDenied).denying(caller.ARN, lacking)
		}
		return operation.call(request, in)
	}
	return nil, fmt.Errorf("the emulator has no service %s", service)
}

// textsOf are what a request for an input would have as parameters: those that are text, and the first of each list.
func textsOf(in any) map[string]string {
	out, of := map[string]string{}, reflect.ValueOf(in).Elem()
	for i := range of.NumField() {
		name := of.Type().Field(i).Name
		if !of.Type().Field(i).IsExported() {
			continue
		}
		switch value := of.Field(i).Interface().(type) {
		case *string:
			out[name] = Val(value)
		default:
			if of.Field(i).Kind() == reflect.Slice && of.Field(i).Len() > 0 {
				out[name+".member.1"] = fmt.Sprint(of.Field(i).Index(0).Interface())
			}
		}
	}
	return out
}
