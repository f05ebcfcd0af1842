package awsmanagedcontrolplane

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

func named(c *controlplanev1.AWSManagedControlPlane) { c.Spec.EKSClusterName = "production" }

// twin is a control plane of another namespace that has an EKS cluster of the same name.
func (w *world) twin(region string) {
	w.T.Helper()
	name := w.get().ClusterName()
	other := newControlPlane(func(c *controlplanev1.AWSManagedControlPlane) {
		c.Namespace, c.UID, c.Spec.EKSClusterName, c.Spec.Region = "other", "uid-of-other", name, region
	})
	account := w.Session().Scope.Account
	w.Make(owner(other), other)
	other.Status.AccountID = account
	w.Must(w.Kube.Status().Update(context.Background(), other))
}

// TestATokenForOneClusterOpensNoOtherOfItsName: EKS looks at the name in a token and at nothing else.
func TestATokenForOneClusterOpensNoOtherOfItsName(t *testing.T) {
	i := newInside(t)
	w := newWorld(t, newControlPlane(named), within(i))
	w.twin("eu-west-1")
	o := enginetest.Observer(w.World, Kind(Options{}))
	w.settle(func() bool {
		secret := &corev1.Secret{}
		if w.Kube.Get(context.Background(), enginetest.Key(enginetest.ClusterName+"-kubeconfig"), secret) != nil {
			return false
		}
		if strings.HasPrefix(string(secret.Data["token-file"]), cloud.TokenPrefix) {
			t.Fatal("the Secret lets into the other cluster too")
		}
		return w.isReady() && string(secret.Data["token-file"]) == "day"
	})
	if _, err := AccessOf(t.Context(), o, w.get()); !errors.Is(err, ErrTwin) {
		t.Errorf("whoever asks is let in: %v", err)
	}
}

// TestNobodyIsShutOutByWhoTakesTheNameOfHisCluster where one region has one of a name, or the name follows from the
// object's own.
func TestNobodyIsShutOutByWhoTakesTheNameOfHisCluster(t *testing.T) {
	for region, mine := range map[string]func(*controlplanev1.AWSManagedControlPlane){enginetest.Region: named, "eu-west-1": func(*controlplanev1.AWSManagedControlPlane) {}} {
		w := newWorld(t, newControlPlane(mine))
		w.create()
		w.twin(region)
		if _, err := AccessOf(t.Context(), enginetest.Observer(w.World, Kind(Options{})), w.get()); err != nil {
			t.Errorf("%s: %v", region, err)
		}
	}
}

// TestServicesOfAnotherEKSClusterKeepTheirLoadBalancers where a control plane that merely names it goes.
func TestServicesOfAnotherEKSClusterKeepTheirLoadBalancers(t *testing.T) {
	w := newWorld(t, newControlPlane())
	w.create()
	_, err := w.Session().EKS.TagResource(t.Context(), &awseks.TagResourceInput{ResourceArn: w.cluster().Arn, Tags: map[string]string{names.TagUID: "uid-of-somebody", names.TagNamespace: "theirs"}})
	w.Must(err)
	_, err = w.Session().ELB.CreateLoadBalancer(t.Context(), &elb.CreateLoadBalancerInput{LoadBalancerName: aws.String("service"), Subnets: []string{w.get().Spec.Network.Subnets[0].ResourceID},
		Listeners: []elbtypes.Listener{{InstancePort: aws.Int32(80), LoadBalancerPort: 80, Protocol: aws.String("TCP")}}, Tags: []elbtypes.Tag{{Key: aws.String(names.TagCloudProviderPrefix + eksName), Value: aws.String(names.Owned)}}})
	w.Must(err)
	w.restart()
	w.Must(w.Kube.Delete(context.Background(), w.get()))
	for range 10 {
		_, _ = w.reconcile()
		w.Pass(time.Minute)
	}
	if n := w.count("elb.DeleteLoadBalancer") + w.count("eks.DeleteCluster"); n > 0 {
		t.Errorf("%d deletions of what is somebody else's", n)
	}
}

// TestWhatUsersWriteIntoAnnotationsHasNothingLookedUpWithoutEnd: each name is a call, and a row of a table.
func TestWhatUsersWriteIntoAnnotationsHasNothingLookedUpWithoutEnd(t *testing.T) {
	var list []string
	for i := range 60_000 {
		list = append(list, fmt.Sprint(i), fmt.Sprintf("/%d", i))
	}
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	obj := &metav1.ObjectMeta{Annotations: map[string]string{accessEntriesAnnotation: string(text)}}
	if got := remembered(obj, accessEntriesAnnotation); len(got) > mostRemembered || !strings.HasPrefix(got[0], "/") {
		t.Errorf("%d are remembered, the first %q", len(got), got[0])
	}
}
