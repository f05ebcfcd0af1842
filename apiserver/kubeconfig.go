package apiserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/audit"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/client-go/tools/clientcmd"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsmanagedcontrolplane"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/kubeconfig"
	room "github.com/capa-apiserver/capa-apiserver/registry/controlplane/awsmanagedcontrolplane"
)

// The annotations of the audit log that say into which cluster somebody was let, as whom, and how long.
const (
	auditCluster  = "kubeconfig." + controlplanev1.GroupName + "/eks-cluster"
	auditIdentity = "kubeconfig." + controlplanev1.GroupName + "/identity"
	auditIn       = "kubeconfig." + controlplanev1.GroupName + "/account"
	auditExpires  = "kubeconfig." + controlplanev1.GroupName + "/expires"
)

// kubeconfigs let into EKS clusters, and speak of failures as the API does.
type kubeconfigs struct {
	observer *engine.Observer[*controlplanev1.AWSManagedControlPlane]
}

var _ room.Kubeconfigs = kubeconfigs{}

// For makes a kubeconfig with a new token, and leaves in the audit log for what.
func (k kubeconfigs) For(ctx context.Context, controlPlane *controlplanev1.AWSManagedControlPlane) ([]byte, error) {
	if who, ok := request.UserFrom(ctx); !ok || anonymous(who) {
		return nil, kubeconfigError(controlPlane.Name, errNobody)
	}
	at, err := awsmanagedcontrolplane.AccessOf(ctx, k.observer, controlPlane)
	if err != nil {
		return nil, kubeconfigError(controlPlane.Name, err)
	}
	token, err := at.Session.Token(ctx, at.Target.Name)
	if err != nil {
		return nil, kubeconfigError(controlPlane.Name, err)
	}
	audit.AddAuditAnnotations(ctx, auditCluster, at.Target.Name, auditIdentity, at.Session.Identity, auditIn, at.Session.Scope.Account,
		auditExpires, time.Now().Add(token.Life).UTC().Format(time.RFC3339))
	return clientcmd.Write(*kubeconfig.WithToken(at.Target, token.Value))
}

var errNobody = errors.New("it isn't known who asks: log in")

// anonymous tells that nobody stands behind a user, whatever he may do.
func anonymous(who user.Info) bool {
	return who.GetName() == "" || who.GetName() == user.Anonymous || slices.Contains(who.GetGroups(), user.AllUnauthenticated)
}

func kubeconfigError(name string, err error) error {
	code, reason, says := int32(http.StatusServiceUnavailable), metav1.StatusReasonServiceUnavailable, cloud.Explain(err)
	_, identity := cloud.AsIdentityError(err)
	switch {
	case errors.Is(err, errNobody), errors.Is(err, awsmanagedcontrolplane.ErrForeignCluster), errors.Is(err, awsmanagedcontrolplane.ErrTwin):
		code, reason = http.StatusForbidden, metav1.StatusReasonForbidden
	case errors.Is(err, awsmanagedcontrolplane.ErrNoEndpoint):
		code, reason = http.StatusConflict, metav1.StatusReasonConflict
	case !identity && cloud.IsUnauthorized(err):
		code, reason, says = http.StatusForbidden, metav1.StatusReasonForbidden, says+": give the cluster's identity the right eks:DescribeCluster"
	default:
		says += ": try again later"
	}
	return &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: code, Reason: reason,
		Message: fmt.Sprintf("there is no kubeconfig of AWSManagedControlPlane %s: %s", name, says)}}
}
