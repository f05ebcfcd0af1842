// Package awsmachinetemplate is the room of the kind AWSMachineTemplate.
package awsmachinetemplate

import (
	"k8s.io/apimachinery/pkg/runtime"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure"
)

// Kind is the kind's row. That the spec can't be changed is not among its rules
// but an admission plugin's, which sees the dry runs that have to pass. The status
// is a subresource, so that its capacity can be filled in nevertheless.
func Kind() generic.Kind {
	k := infrastructure.Kind("AWSMachineTemplate", "awsmt")
	k.New = func() runtime.Object { return &infrav1.AWSMachineTemplate{} }
	k.NewList = func() runtime.Object { return &infrav1.AWSMachineTemplateList{} }
	k.HasStatus = true
	k.Columns = []generic.Column{generic.AgeColumn}
	return k
}
