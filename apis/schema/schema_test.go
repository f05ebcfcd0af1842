package schema

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kube-openapi/pkg/validation/spec"

	"github.com/capa-apiserver/capa-apiserver/apis/infrastructure/install"
	"github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v1beta2"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/apis/openapi"
)

var schemas = New(install.Group)

var clusterKind = infrav1.SchemeGroupVersion.WithKind("AWSCluster")

func TestEveryPatternHasWords(t *testing.T) {
	found := 0
	for name, definition := range openapi.GetOpenAPIDefinitions(spec.MustCreateRef) {
		for property, s := range definition.Schema.Properties {
			if s.Pattern == "" {
				continue
			}
			found++
			if patternWords[s.Pattern] == "" {
				t.Errorf("%s.%s has the pattern %s, which patternWords doesn't explain", name, property, s.Pattern)
			}
		}
	}
	if found == 0 {
		t.Error("no pattern found")
	}
}

func TestAMissingFieldIsReportedWithItsDescription(t *testing.T) {
	cluster := &infrav1.AWSCluster{Spec: infrav1.AWSClusterSpec{S3Bucket: &infrav1.S3Bucket{}}}
	errs := schemas.Validate(clusterKind, cluster)
	want := "spec.s3Bucket.name: Required value: name of the bucket."
	if len(errs) != 1 || errs[0].Error() != want {
		t.Errorf("got %v, want %s", errs, want)
	}
}

func TestAnAbsentSpecIsAnEmptyOne(t *testing.T) {
	errs := schemas.Validate(infrav1.SchemeGroupVersion.WithKind("AWSClusterStaticIdentity"), &infrav1.AWSClusterStaticIdentity{})
	if len(errs) != 1 || errs[0].Field != "spec.secretRef" || errs[0].Type != field.ErrorTypeRequired {
		t.Errorf("got %v", errs)
	}
}

func TestSpecAndStatusAreJudgedApart(t *testing.T) {
	cluster := &v1beta2.AWSCluster{}
	cluster.Spec.IdentityRef = &infrav1.AWSIdentityReference{Name: "a", Kind: "b"}
	cluster.Status.Conditions = []infrav1.V1Beta1Condition{{Type: "", Status: "True", LastTransitionTime: metav1.Now()}}
	gvk := v1beta2.SchemeGroupVersion.WithKind("AWSCluster")
	expectField(t, schemas.Validate(gvk, cluster), "spec.identityRef.kind")
	expectField(t, schemas.ValidateStatus(gvk, cluster), "status.conditions[0].type")
}

func TestAWellFormedStatusIsTaken(t *testing.T) {
	yes := true
	cluster := &infrav1.AWSCluster{Status: infrav1.AWSClusterStatus{
		Conditions:       []metav1.Condition{{Type: "Ready", Status: metav1.ConditionTrue, Reason: "Ready", LastTransitionTime: metav1.Now()}},
		Initialization:   &infrav1.Initialization{Provisioned: &yes},
		FailureDomains:   []infrav1.FailureDomain{{Name: "us-east-1a", ControlPlane: &yes}},
		PendingCreations: []infrav1.PendingCreation{{Key: "eip/us-east-1a", Operation: "AllocateAddress", Since: metav1.NowMicro()}},
		Bastion:          &infrav1.Instance{ID: "i-1"},
		NetworkStatus: infrav1.NetworkStatus{
			APIServerELB:   infrav1.LoadBalancer{Name: "api", LoadBalancerType: infrav1.LoadBalancerTypeNLB},
			SecurityGroups: map[infrav1.SecurityGroupRole]infrav1.SecurityGroup{infrav1.SecurityGroupNode: {ID: "sg-1", Name: "node"}},
		},
	}}
	if errs := schemas.ValidateStatus(clusterKind, cluster); len(errs) > 0 {
		t.Error(errs.ToAggregate())
	}
}

func TestAStatusWithTwoItemsOfOneKeyIsRefused(t *testing.T) {
	cluster := &infrav1.AWSCluster{Status: infrav1.AWSClusterStatus{
		FailureDomains: []infrav1.FailureDomain{{Name: "us-east-1a"}, {Name: "us-east-1a"}},
	}}
	expectField(t, schemas.ValidateStatus(clusterKind, cluster), "status.failureDomains[1]")
}

func TestAKindWithoutStatusHasNothingToJudgeThere(t *testing.T) {
	errs := schemas.ValidateStatus(infrav1.SchemeGroupVersion.WithKind("AWSClusterTemplate"), &infrav1.AWSClusterTemplate{})
	if len(errs) > 0 {
		t.Error(errs.ToAggregate())
	}
}

func TestAnUnpublishedKindIsAnErrorThatSaysWhatToDo(t *testing.T) {
	errs := schemas.Validate(schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Thing"}, &infrav1.AWSCluster{})
	if len(errs) != 1 || !strings.Contains(errs[0].Error(), "run make update") {
		t.Errorf("got %v", errs)
	}
}

func TestOnlyWhatBecameWrongStopsAnUpdate(t *testing.T) {
	bad := func(kind infrav1.AWSIdentityKind, region string) *infrav1.AWSCluster {
		return &infrav1.AWSCluster{Spec: infrav1.AWSClusterSpec{Region: region, IdentityRef: &infrav1.AWSIdentityReference{Name: "a", Kind: kind}}}
	}
	if errs := schemas.ValidateUpdate(clusterKind, bad("Wrong", "eu-west-1"), bad("Wrong", "us-east-1")); len(errs) > 0 {
		t.Errorf("the unchanged field stops the update: %v", errs)
	}
	expectField(t, schemas.ValidateUpdate(clusterKind, bad("Other", "us-east-1"), bad("Wrong", "us-east-1")), "spec.identityRef.kind")
}

func TestErrorsOfTheOldObjectAreOnlyLookedForWhenNeeded(t *testing.T) {
	errs := NewErrors(nil, func() field.ErrorList {
		t.Error("the old object is judged")
		return nil
	})
	if errs != nil {
		t.Errorf("got %v", errs)
	}
}

func expectField(t *testing.T, errs field.ErrorList, want string) {
	t.Helper()
	if len(errs) != 1 || errs[0].Field != want {
		t.Errorf("got %v, want one error of %s", errs, want)
	}
}

func BenchmarkValidate(b *testing.B) {
	cluster := &infrav1.AWSCluster{Spec: infrav1.AWSClusterSpec{Region: "us-east-1"}}
	for b.Loop() {
		if errs := schemas.Validate(clusterKind, cluster); len(errs) > 0 {
			b.Fatal(errs)
		}
	}
}
