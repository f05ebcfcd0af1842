package awsmachine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/autoscaling"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// Why a machine has no console that could be read.
var (
	// ErrNoInstance: nothing was launched yet.
	ErrNoInstance = errors.New("it has no instance yet: wait until its condition InstanceReady is True, or see there what it waits for")
	// ErrInstanceGone: AWS doesn't show the instance any more.
	ErrInstanceGone = errors.New("AWS doesn't show it any more, so nothing can be read from it: delete the Machine to have another one made")
	// ErrForeignInstance: the object names an instance that isn't its own.
	ErrForeignInstance = errors.New("it isn't this machine's own, so its console isn't shown here: read it in AWS, or through the object to which it belongs")
)

const (
	// consoleClaimAge is how old the proof may be that an instance is the machine's.
	consoleClaimAge = time.Minute
	// consoleMissingAge is how old what says that there is none.
	consoleMissingAge = 10 * time.Second
)

// Console is where a machine's console is to be read.
type Console struct {
	Session    *cloud.Session
	InstanceID string
}

// ConsoleOf returns where the machine's console is: that of its own instance and of no
// other, whatever the object names. It sees what the observer sees.
func ConsoleOf(ctx context.Context, o *engine.Observer[*infrav1.AWSMachine], machine *infrav1.AWSMachine) (Console, error) {
	rel, err := relativesOf(ctx, o.Ours, o.Host, machine)
	if err != nil {
		return Console{}, err
	}
	if rel.infra == nil {
		return Console{}, ErrNoInstance
	}
	session, err := o.Sessions.For(ctx, rel.infra.Site)
	if err != nil {
		return Console{}, err
	}
	o.Mirror.WantFor(string(machine.UID), session, consoleClaimAge, mirror.Whole(mirror.Instances.Kind)...)
	in := newIntent(machine, rel, o.Living)
	var row *ec2types.Instance
	for _, age := range []time.Duration{consoleClaimAge, consoleMissingAge} {
		if err := o.Mirror.Refresh(cloud.WithPriority(ctx, cloud.Interactive), session.Scope, age, mirror.Instances.Kind); err != nil {
			return Console{}, err
		}
		if row = observe(in, o.Mirror.Snapshot(session.Scope)).row; row != nil && in.owns(row) {
			return Console{session, aws.ToString(row.InstanceId)}, nil
		}
		if recorded := instance.RecordedID(&machine.Spec); recorded == "" {
			return Console{}, ErrNoInstance
		} else if _, exists := mirror.Get(o.Mirror.Snapshot(session.Scope), mirror.Instances, recorded); exists {
			return Console{}, fmt.Errorf("instance %s: %w", recorded, ErrForeignInstance)
		}
	}
	return Console{}, fmt.Errorf("instance %s: %w", instance.RecordedID(&machine.Spec), ErrInstanceGone)
}

// owns tells whether an instance is the machine's, or that of the pool for whose instance
// the machine stands.
func (in *Intent) owns(row *ec2types.Instance) bool {
	id := aws.ToString(row.InstanceId)
	resource := ownership.Resource{ID: id, Tags: mirror.Instances.Tags(row), Recorded: instance.RecordedID(&in.Machine.Spec) == id}
	if !in.pooled() {
		return in.owner().Claim(resource).Ours()
	}
	return in.Infra != nil && in.Pool != nil && autoscaling.OwnerOf(in.Pool, in.Infra, in.Living).Claim(resource).Ours()
}
