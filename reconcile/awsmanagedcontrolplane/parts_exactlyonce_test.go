package awsmanagedcontrolplane

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// lose loses a request or its answer, once, and ends the process if it dies of that.
func (w *world) lose(operation, mode string, dies bool) {
	w.T.Helper()
	service, name, _ := strings.Cut(operation, ".")
	w.AWS.Faults().Set(emulator.Fault{ID: "loss", Service: service, Operation: name, Count: 1, Mode: mode})
	w.settle(func() bool {
		for _, entry := range w.AWS.Log() {
			if entry.Fault == "loss" {
				return true
			}
		}
		return false
	})
	if dies {
		w.restart()
	}
}

// providers are how many OIDC providers the account has.
func (w *world) providers() int {
	w.T.Helper()
	out, err := w.Session().IAM.ListOpenIDConnectProviders(w.T.Context(), &iam.ListOpenIDConnectProvidersInput{})
	w.Must(err)
	return len(out.OpenIDConnectProviderList)
}

func eachLoss(t *testing.T, operations []string, f func(t *testing.T, operation, mode string, dies bool)) {
	for _, operation := range operations {
		for _, mode := range []string{emulator.DropBefore, emulator.DropAfter} {
			for _, dies := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/%s/dies %t", operation, mode, dies), func(t *testing.T) {
					t.Parallel()
					f(t, operation, mode, dies)
				})
			}
		}
	}
}

// TestWhatHangsBelowAControlPlaneIsMadeOnce loses a request or an answer of each kind.
func TestWhatHangsBelowAControlPlaneIsMadeOnce(t *testing.T) {
	eachLoss(t, []string{"eks.CreateAddon", "eks.CreateAccessEntry", "eks.AssociateAccessPolicy", "eks.AssociateIdentityProviderConfig", "eks.CreatePodIdentityAssociation",
		"iam.CreateOpenIDConnectProvider"}, func(t *testing.T, operation, mode string, dies bool) {
		w := newWorld(t, newControlPlane())
		w.change(everything(w.aRole("alice", "ec2.amazonaws.com"), w.aRole("pods", "pods.eks.amazonaws.com")))
		w.lose(operation, mode, dies)
		w.settle(w.partsAreThere)
		w.Pass(time.Minute)
		w.settle(w.partsAreThere)
		for kind, want := range map[string]int{"addon": 2, "access-entry": 2, "identity-provider-config": 1, "pod-identity-association": 1} {
			if n := w.Resources()[kind]; n != want {
				t.Errorf("%d of %s, want %d: %v", n, kind, want, w.Resources())
			}
		}
		if n := w.providers(); n != 1 {
			t.Errorf("%d OIDC providers, want 1", n)
		}
	})
}

func TestWhatHangsBelowAControlPlaneGoesHoweverAnswersGetLost(t *testing.T) {
	eachLoss(t, []string{"eks.DeleteAddon", "eks.DeleteAccessEntry", "eks.DisassociateIdentityProviderConfig", "eks.DeletePodIdentityAssociation", "iam.DeleteOpenIDConnectProvider"},
		func(t *testing.T, operation, mode string, dies bool) {
			w := newWorld(t, newControlPlane())
			w.change(everything(w.aRole("alice", "ec2.amazonaws.com"), w.aRole("pods", "pods.eks.amazonaws.com")))
			w.settle(w.partsAreThere)
			w.change(func(c *controlplanev1.AWSManagedControlPlane) {
				c.Spec.Addons, c.Spec.AccessEntries, c.Spec.PodIdentityAssociations = nil, nil, nil
				c.Spec.OIDCIdentityProviderConfig, c.Spec.AssociateOIDCProvider = nil, false
			})
			w.lose(operation, mode, dies)
			w.settle(func() bool {
				left := w.Resources()
				return w.quiet() && left["addon"]+left["identity-provider-config"]+left["pod-identity-association"]+w.providers() == 0 && left["access-entry"] == 1
			})
		})
}

// TestAnIdleControlPlaneWithAddonsCostsFewCalls counts the calls of an hour.
func TestAnIdleControlPlaneWithAddonsCostsFewCalls(t *testing.T) {
	w := newWorld(t, newControlPlane(func(c *controlplanev1.AWSManagedControlPlane) {
		c.Spec.Addons = []controlplanev1.Addon{{Name: "vpc-cni", Version: "latest"}, {Name: "kube-proxy"}, {Name: "eks-pod-identity-agent"}, {Name: "eks-node-monitoring-agent"}}
	}))
	w.create()
	w.settle(func() bool { return w.quiet() && len(w.get().Status.Addons) == 4 })
	for range 20 {
		w.Elapse(time.Minute)
	}
	before := map[string]int{}
	for op, n := range w.asked() {
		before[op] = n
	}
	for range 60 {
		w.Elapse(time.Minute)
		_, err := w.reconcile()
		w.Must(err)
	}
	total, each := 0, map[string]int{}
	for op, n := range w.asked() {
		if n -= before[op]; n > 0 && strings.HasPrefix(op, "eks.") {
			total, each[op] = total+n, n
		}
	}
	if total > 24 || total < 6 {
		t.Errorf("%d calls in an hour, want at most 4 in 10 minutes: %v", total, each)
	}
}
