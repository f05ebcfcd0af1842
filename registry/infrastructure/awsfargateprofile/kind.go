// Package awsfargateprofile is the room of the kind AWSFargateProfile.
package awsfargateprofile

import (
	"k8s.io/apimachinery/pkg/runtime"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure"
)

// Kind is the kind's row.
func Kind() generic.Kind {
	k := infrastructure.Kind(&infrav1.AWSFargateProfile{}, "awsfp")
	k.Columns = columns
	k.Prepare = prepare
	return k
}

// prepare names the profile, and labels it as its cluster's. Validation refuses another name.
func prepare(obj, _ runtime.Object) {
	p := profile(obj)
	p.Spec.ProfileName = p.EKSProfileName()
	if p.Labels[clusterv1.ClusterNameLabel] == p.Spec.ClusterName {
		return
	}
	if p.Labels == nil {
		p.Labels = map[string]string{}
	}
	p.Labels[clusterv1.ClusterNameLabel] = p.Spec.ClusterName
}

// columns are the ones that users of these kinds know, and the age of what they show.
var columns = []generic.Column{
	{Name: "Ready", Type: "boolean", Description: "Whether pods can run on the profile.",
		Value: func(obj runtime.Object) any { return profile(obj).Status.Ready }},
	{Name: "ProfileName", Type: "string", Description: "Name of the profile in EKS.",
		Value: func(obj runtime.Object) any { return profile(obj).Spec.ProfileName }},
	{Name: "FailureReason", Type: "string", Description: "Why there is no profile, of failures that need a person.",
		Value: func(obj runtime.Object) any { return failureReason(profile(obj)) }},
	{Name: "Observed", Type: "string", Description: "Time since AWS was last seen to be as shown.",
		Value: func(obj runtime.Object) any {
			if o := profile(obj).Status.Observation; o != nil {
				return o.Summary()
			}
			return nil
		}},
}

func profile(obj runtime.Object) *infrav1.AWSFargateProfile { return obj.(*infrav1.AWSFargateProfile) }

func failureReason(p *infrav1.AWSFargateProfile) any {
	d := p.Status.Deprecated
	if d == nil || d.V1Beta1 == nil || d.V1Beta1.FailureReason == nil {
		return nil
	}
	return *d.V1Beta1.FailureReason
}
