// Package awsmachinetemplate is the room of the kind AWSMachineTemplate.
package awsmachinetemplate

import (
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure"
)

// Kind is the kind's row.
func Kind() generic.Kind {
	k := infrastructure.Kind(&infrav1.AWSMachineTemplate{}, "awsmt")
	k.Template.Allowing = allowing
	return k
}

// allowing lets the metadata of the machines change, and options of the metadata service
// where the old template has the ones that nobody needs to write.
func allowing(old, updated runtime.Object) runtime.Object {
	to := updated.(*infrav1.AWSMachineTemplate)
	out := old.(*infrav1.AWSMachineTemplate).DeepCopy()
	out.Spec.Template.ObjectMeta = to.Spec.Template.ObjectMeta
	var unwritten infrav1.AWSMachineTemplate
	infrav1.SetObjectDefaults_AWSMachineTemplate(&unwritten)
	options := &out.Spec.Template.Spec.InstanceMetadataOptions
	if equality.Semantic.DeepEqual(*options, unwritten.Spec.Template.Spec.InstanceMetadataOptions) {
		*options = to.Spec.Template.Spec.InstanceMetadataOptions
	}
	return out
}
