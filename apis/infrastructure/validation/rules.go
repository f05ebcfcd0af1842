// Package validation judges objects of the group infrastructure.cluster.x-k8s.io by
// what they say themselves. What needs another object, or AWS, is admission's.
//
// All functions are pure and take the hub's types, with defaults applied. Limits of
// single fields are markers beside the fields and enforced by package apis/schema;
// here are the rules between fields, and the ones that words explain better.
package validation

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/apis/schema"
)

// kindRules are the rules of one kind. update and warnings may be nil.
type kindRules struct {
	create   func(obj runtime.Object) field.ErrorList
	update   func(newObj, oldObj runtime.Object) field.ErrorList
	warnings func(obj runtime.Object) []string
}

// rulesOf returns the rules of an object's kind, and the kind. A further kind is one case.
func rulesOf(obj runtime.Object) (string, kindRules) {
	switch obj.(type) {
	case *infrav1.AWSCluster:
		return "AWSCluster", rules(ValidateAWSCluster, ValidateAWSClusterUpdate, AWSClusterWarnings)
	case *infrav1.AWSClusterTemplate:
		return "AWSClusterTemplate", rules(ValidateAWSClusterTemplate, ValidateAWSClusterTemplateUpdate, AWSClusterTemplateWarnings)
	case *infrav1.AWSClusterControllerIdentity:
		return "AWSClusterControllerIdentity", rules(ValidateAWSClusterControllerIdentity, ValidateAWSClusterControllerIdentityUpdate, nil)
	case *infrav1.AWSClusterRoleIdentity:
		return "AWSClusterRoleIdentity", rules(ValidateAWSClusterRoleIdentity, ValidateAWSClusterRoleIdentityUpdate, nil)
	case *infrav1.AWSClusterStaticIdentity:
		return "AWSClusterStaticIdentity", rules(ValidateAWSClusterStaticIdentity, ValidateAWSClusterStaticIdentityUpdate, nil)
	case *infrav1.AWSMachine:
		return "AWSMachine", rules(ValidateAWSMachine, ValidateAWSMachineUpdate, AWSMachineWarnings)
	case *infrav1.AWSMachineTemplate:
		return "AWSMachineTemplate", rules(ValidateAWSMachineTemplate, ValidateAWSMachineTemplateUpdate, AWSMachineTemplateWarnings)
	case *infrav1.AWSMachinePool:
		return "AWSMachinePool", rules(ValidateAWSMachinePool, ValidateAWSMachinePoolUpdate, AWSMachinePoolWarnings)
	}
	return "", kindRules{}
}

// Create judges a new object: the published schema of its spec, and the kind's rules.
func Create(obj runtime.Object) field.ErrorList {
	kind, rules := rulesOf(obj)
	if kind == "" {
		return unknownKind(obj)
	}
	errs := schema.Validate(infrav1.SchemeGroupVersion.WithKind(kind), obj)
	return append(errs, rules.create(obj)...)
}

// Update judges an object as fully as Create does, except for what was wrong before and
// hasn't been changed, and judges what may change at all.
func Update(newObj, oldObj runtime.Object) field.ErrorList {
	kind, rules := rulesOf(newObj)
	if kind == "" {
		return unknownKind(newObj)
	}
	errs := schema.ValidateUpdate(infrav1.SchemeGroupVersion.WithKind(kind), newObj, oldObj)
	return append(errs, rules.update(newObj, oldObj)...)
}

// StatusUpdate judges the status of an object by its published schema.
func StatusUpdate(newObj, oldObj runtime.Object) field.ErrorList {
	kind, _ := rulesOf(newObj)
	if kind == "" {
		return unknownKind(newObj)
	}
	return schema.ValidateStatusUpdate(infrav1.SchemeGroupVersion.WithKind(kind), newObj, oldObj)
}

// Warnings returns what isn't wrong but likely not meant.
func Warnings(obj runtime.Object) []string {
	if _, rules := rulesOf(obj); rules.warnings != nil {
		return rules.warnings(obj)
	}
	return nil
}

func unknownKind(obj runtime.Object) field.ErrorList {
	return field.ErrorList{field.InternalError(nil, fmt.Errorf("no validation rules are registered for %T", obj))}
}

// rules gives a kind's typed functions the shape of the table.
func rules[T runtime.Object](create func(T) field.ErrorList, update func(newObj, oldObj T) field.ErrorList, warnings func(T) []string) kindRules {
	out := kindRules{
		create: func(obj runtime.Object) field.ErrorList { return create(obj.(T)) },
		update: func(newObj, oldObj runtime.Object) field.ErrorList { return update(newObj.(T), oldObj.(T)) },
	}
	if warnings != nil {
		out.warnings = func(obj runtime.Object) []string { return warnings(obj.(T)) }
	}
	return out
}

// ratchet returns the errors of newObj that oldObj hasn't.
func ratchet[T any](judge func(T) field.ErrorList, newObj, oldObj T) field.ErrorList {
	return schema.NewErrors(judge(newObj), func() field.ErrorList { return judge(oldObj) })
}
