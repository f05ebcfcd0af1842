package apiserver

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsmachine"
	room "github.com/capa-apiserver/capa-apiserver/registry/infrastructure/awsmachine"
)

// consoles reads the consoles of machines' instances and speaks of failures as
// the API does.
type consoles struct{ observer *awsmachine.Observer }

var _ room.Consoles = consoles{}

// Output returns the console's text.
func (c consoles) Output(ctx context.Context, machine *infrav1.AWSMachine) (string, error) {
	text, err := c.observer.Console(ctx, machine)
	switch {
	case err == nil:
		return text, nil
	case errors.Is(err, awsmachine.ErrNoInstance), cloud.IsNotFound(err):
		return "", apierrors.NewBadRequest(fmt.Sprintf("AWSMachine %s has no console: %v", machine.Name, err))
	default:
		return "", apierrors.NewServiceUnavailable(fmt.Sprintf("the console of AWSMachine %s can't be read: %s", machine.Name, cloud.Classify(err).Message))
	}
}
