package awsmachine

import (
	"context"
	"errors"
	"fmt"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// ErrNoInstance tells that a machine has no instance whose console could be read.
var ErrNoInstance = errors.New("it has no instance yet; its conditions say what it waits for")

// Console returns what the machine's instance last wrote to its console. It is the
// one read that goes to AWS for each request: nobody keeps consoles.
func (o *Observer) Console(ctx context.Context, machine *infrav1.AWSMachine) (string, error) {
	if machine.Spec.InstanceID == nil || *machine.Spec.InstanceID == "" {
		return "", ErrNoInstance
	}
	rel, err := o.relatives().of(ctx, machine)
	if err != nil {
		return "", err
	}
	if rel.infra == nil {
		return "", fmt.Errorf("the AWSCluster of AWSMachine %s isn't there, which says with whose credentials to ask AWS", machine.Name)
	}
	session, err := o.Sessions.For(ctx, rel.infra.Spec.IdentityRef, machine.Namespace, rel.infra.Spec.Region)
	if err != nil {
		return "", err
	}
	return cloud.ConsoleOutput(cloud.WithPriority(ctx, cloud.Interactive), session, *machine.Spec.InstanceID)
}
