package v2beta1

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// GetConditions returns the conditions, for the engine.
func (in *AWSNinth) GetConditions() []metav1.Condition { return in.Status.Conditions }

// SetConditions replaces them.
func (in *AWSNinth) SetConditions(list []metav1.Condition) { in.Status.Conditions = list }

// GetV1Beta1Conditions returns none: nobody reads the older form.
func (in *AWSNinth) GetV1Beta1Conditions() clusterv1.Conditions { return nil }

// SetV1Beta1Conditions keeps none.
func (in *AWSNinth) SetV1Beta1Conditions(clusterv1.Conditions) {}

// Provisioned tells that all is there.
func (in *AWSNinth) Provisioned() bool {
	return meta.IsStatusConditionTrue(in.Status.Conditions, infrav1.ReadyCondition)
}
