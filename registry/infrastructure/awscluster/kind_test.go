package awscluster

import (
	"testing"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

func withIdentity(ref *infrav1.AWSIdentityReference) *infrav1.AWSCluster {
	c := &infrav1.AWSCluster{Spec: infrav1.AWSClusterSpec{Region: "us-east-1", IdentityRef: ref}}
	infrav1.SetObjectDefaults_AWSCluster(c)
	return c
}

func TestAClusterThatNamesNoIdentityGetsTheServersOwn(t *testing.T) {
	c := withIdentity(nil)
	prepare(c, nil)
	if *c.Spec.IdentityRef != *infrav1.DefaultIdentity() {
		t.Errorf("a new cluster has %v", c.Spec.IdentityRef)
	}
	again := withIdentity(nil)
	prepare(again, c)
	if errs := Kind().Rules.Update(again, c); len(errs) > 0 {
		t.Errorf("its manifest can't replace it: %v", errs)
	}
}

func TestAnIdentityThatIsTakenAwayIsNotReplacedByTheDefault(t *testing.T) {
	old := withIdentity(&infrav1.AWSIdentityReference{Kind: infrav1.ClusterStaticIdentityKind, Name: "team"})
	patched := withIdentity(nil)
	prepare(patched, old)
	errs := Kind().Rules.Update(patched, old)
	if patched.Spec.IdentityRef != nil || len(errs) != 1 || errs[0].Field != "spec.identityRef" {
		t.Errorf("identity %v, errors %v, want the removal refused", patched.Spec.IdentityRef, errs)
	}
	chosen := withIdentity(infrav1.DefaultIdentity())
	prepare(chosen, old)
	if errs := Kind().Rules.Update(chosen, old); len(errs) > 0 {
		t.Errorf("the default can't be chosen: %v", errs)
	}
}
