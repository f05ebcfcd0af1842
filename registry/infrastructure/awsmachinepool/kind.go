// Package awsmachinepool is the room of the kind AWSMachinePool.
package awsmachinepool

import (
	"k8s.io/apimachinery/pkg/runtime"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure"
)

// Kind is the kind's row.
func Kind() generic.Kind {
	k := infrastructure.Kind("AWSMachinePool", "awsmp")
	k.New = func() runtime.Object { return &infrav1.AWSMachinePool{} }
	k.NewList = func() runtime.Object { return &infrav1.AWSMachinePoolList{} }
	k.HasStatus = true
	k.Columns = columns
	return k
}
