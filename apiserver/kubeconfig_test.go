package apiserver

import (
	"context"
	"errors"
	"fmt"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/endpoints/request"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsmanagedcontrolplane"
)

func TestNobodyWhoIsNotKnownGetsAKubeconfig(t *testing.T) {
	for name, who := range map[string]user.Info{
		"nobody": nil, "anonymous": &user.DefaultInfo{Name: user.Anonymous}, "unauthenticated": &user.DefaultInfo{Name: "x", Groups: []string{user.AllUnauthenticated}},
	} {
		ctx := context.Background()
		if who != nil {
			ctx = request.WithUser(ctx, who)
		}
		// Nothing is asked of anybody for them: there is no observer.
		if config, err := (kubeconfigs{}).For(ctx, &controlplanev1.AWSManagedControlPlane{}); !apierrors.IsForbidden(err) || config != nil {
			t.Errorf("%s gets %q, %v", name, config, err)
		}
	}
}

func TestWhyThereIsNoKubeconfig(t *testing.T) {
	for _, c := range []struct {
		err  error
		want metav1.StatusReason
	}{
		{awsmanagedcontrolplane.ErrNoEndpoint, metav1.StatusReasonConflict},
		{fmt.Errorf("EKS cluster x: %w", awsmanagedcontrolplane.ErrForeignCluster), metav1.StatusReasonForbidden},
		{errors.New("away"), metav1.StatusReasonServiceUnavailable},
	} {
		if err := kubeconfigError("cp", c.err); apierrors.ReasonForError(err) != c.want {
			t.Errorf("%v: %v", c.err, err)
		}
	}
}
