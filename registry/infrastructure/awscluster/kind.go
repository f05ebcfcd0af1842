// Package awscluster is the room of the kind AWSCluster.
package awscluster

import (
	"k8s.io/apimachinery/pkg/runtime"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure"
)

// Kind is the kind's row.
func Kind() generic.Kind {
	k := infrastructure.Kind(&infrav1.AWSCluster{}, "awsc")
	k.Columns = columns
	k.Prepare = prepare
	return k
}

// prepare names the identity of a cluster that names none: a new one, or one whose
// identity is the default already. Validation refuses to take another identity away.
func prepare(obj, old runtime.Object) {
	if old == nil {
		infrav1.SetIdentityDefault(&cluster(obj).Spec)
		return
	}
	if before := cluster(old).Spec.IdentityRef; before == nil || *before == *infrav1.DefaultIdentity() {
		infrav1.SetIdentityDefault(&cluster(obj).Spec)
	}
}
