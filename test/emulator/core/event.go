package core

import (
	"context"
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
