// Package awsmanagedcontrolplane is the room of the kind AWSManagedControlPlane.
package awsmanagedcontrolplane

import (
	"k8s.io/apimachinery/pkg/runtime"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/registry/controlplane"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
)

// Kind is the kind's row.
func Kind() generic.Kind {
	k := controlplane.Kind(&controlplanev1.AWSManagedControlPlane{}, "awsmcp")
	k.Columns = columns
	k.Prepare = prepare
	return k
}

// prepare names the EKS cluster of a control plane that names none, and the identity of one
// that names none: a new one, or one whose identity is the default already. Validation refuses
// to take another identity away, and another name.
func prepare(obj, old runtime.Object) {
	c := controlPlane(obj)
	c.Spec.EKSClusterName = c.ClusterName()
	if old == nil {
		controlplanev1.SetIdentityDefault(&c.Spec.AWSManagedControlPlaneCommonSpec)
		return
	}
	if before := controlPlane(old).Spec.IdentityRef; before == nil || *before == *infrav1.DefaultIdentity() {
		controlplanev1.SetIdentityDefault(&c.Spec.AWSManagedControlPlaneCommonSpec)
	}
}
