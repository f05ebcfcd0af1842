// Package awsmachine is the room of the kind AWSMachine.
package awsmachine

import (
	"k8s.io/apimachinery/pkg/runtime"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure"
)

// Kind is the kind's row.
func Kind() generic.Kind {
	k := infrastructure.Kind("AWSMachine", "awsm")
	k.New = func() runtime.Object { return &infrav1.AWSMachine{} }
	k.NewList = func() runtime.Object { return &infrav1.AWSMachineList{} }
	k.HasStatus = true
	k.Columns = columns
	return k
}
