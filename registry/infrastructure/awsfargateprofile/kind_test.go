package awsfargateprofile

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

func TestAProfileIsNamedAndLabelled(t *testing.T) {
	p := &infrav1.AWSFargateProfile{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "pods"}}
	p.Spec = infrav1.AWSFargateProfileSpec{ClusterName: "quickstart", Selectors: []infrav1.FargateSelector{{Namespace: "default"}}}
	again := p.DeepCopy()
	prepare(p, nil)
	if p.Spec.ProfileName != "default_pods" || p.Labels[clusterv1.ClusterNameLabel] != "quickstart" {
		t.Errorf("%q, labels %v", p.Spec.ProfileName, p.Labels)
	}
	if name := p.GeneratedRoleName(); name != "quickstart-default_pods_fargate" {
		t.Errorf("the role is %q", name)
	}
	prepare(again, p)
	if errs := Kind().Rules.Update(again, p); len(errs) > 0 {
		t.Errorf("its manifest can't replace it: %v", errs)
	}
}
