package apiserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/audit"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsmachine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	room "github.com/capa-apiserver/capa-apiserver/registry/infrastructure/awsmachine"
)

// The annotations of the audit log that say whose console was asked for.
const (
	auditInstance = "console." + infrav1.GroupName + "/instance"
	auditAccount  = "console." + infrav1.GroupName + "/account"
)

// consoles reads the consoles of machines' instances and speaks of failures as
// the API does.
type consoles struct {
	observer *engine.Observer[*infrav1.AWSMachine]
	reader   *cloud.Consoles
}

var _ room.Consoles = consoles{}

// Output returns the console's text, and leaves in the audit log which instance's.
func (c consoles) Output(ctx context.Context, machine *infrav1.AWSMachine) (string, error) {
	at, err := awsmachine.ConsoleOf(ctx, c.observer, machine)
	if err != nil {
		return "", consoleError(machine.Name, err)
	}
	audit.AddAuditAnnotation(ctx, auditInstance, at.InstanceID)
	audit.AddAuditAnnotation(ctx, auditAccount, at.Session.Scope.Account)
	text, err := c.reader.Output(cloud.WithPriority(ctx, cloud.Interactive), at.Session, at.InstanceID)
	if err != nil {
		return "", consoleError(machine.Name, err)
	}
	return text, nil
}

func consoleError(name string, err error) error {
	_, identity := cloud.AsIdentityError(err)
	code, reason, says := int32(http.StatusServiceUnavailable), metav1.StatusReasonServiceUnavailable, cloud.Explain(err)
	switch {
	case errors.Is(err, awsmachine.ErrNoInstance):
		code, reason = http.StatusConflict, metav1.StatusReasonConflict
	case errors.Is(err, awsmachine.ErrForeignInstance):
		code, reason = http.StatusForbidden, metav1.StatusReasonForbidden
	case errors.Is(err, awsmachine.ErrInstanceGone), !identity && cloud.IsNotFound(err):
		code, reason = http.StatusNotFound, metav1.StatusReasonNotFound
	case !identity && cloud.IsUnauthorized(err):
		code, reason, says = http.StatusForbidden, metav1.StatusReasonForbidden, says+": give the cluster's identity the right ec2:GetConsoleOutput"
	default:
		says += ": try again later"
	}
	return &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: code, Reason: reason,
		Message: fmt.Sprintf("the console of AWSMachine %s can't be read: %s", name, says)}}
}
