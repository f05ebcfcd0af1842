package engine

import (
	"maps"
	"reflect"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
)

// All kinds have the same fields, by the conventions of the API. They are found by their
// names, so that no kind has to say so.

func field(obj any, path ...string) reflect.Value {
	v := reflect.ValueOf(obj).Elem()
	for _, name := range path {
		v = v.FieldByName(name)
	}
	return v
}

// metaOf returns the object's metadata, which share all that pointers lead to.
func metaOf(obj any) metav1.ObjectMeta {
	return field(obj, "ObjectMeta").Interface().(metav1.ObjectMeta)
}

// statusOf returns a pointer to the object's status.
func statusOf(obj any) any { return field(obj, "Status").Addr().Interface() }

// setStatus gives the object the status of another one.
func setStatus(obj, from any) { field(obj, "Status").Set(field(from, "Status")) }

// setAll makes an object the same as another one.
func setAll(obj, from any) { reflect.ValueOf(obj).Elem().Set(reflect.ValueOf(from).Elem()) }

// pendingOf returns the object's journal, nil for a kind that has none.
func pendingOf(obj any) *[]infrav1.PendingCreation {
	return optional[[]infrav1.PendingCreation](obj, "PendingCreations")
}

// accountOf returns where the object records its account, nil for a kind that doesn't.
func accountOf(obj any) *string { return optional[string](obj, "AccountID") }

// formerOf returns where the object records the UIDs that it had before.
func formerOf(obj any) *[]string { return optional[[]string](obj, "FormerUIDs") }

func optional[F any](obj any, name string) *F {
	if f := field(obj, "Status").FieldByName(name); f.IsValid() {
		return f.Addr().Interface().(*F)
	}
	return nil
}

// setFailures writes down what failed of late.
func setFailures(obj any, failures map[string][]string) {
	var list []infrav1.Failure
	for _, area := range slices.Sorted(maps.Keys(failures)) {
		for _, message := range failures[area] {
			list = append(list, infrav1.Failure{Condition: area, Message: message})
		}
	}
	*optional[[]infrav1.Failure](obj, "Failures") = list
}

// FailuresOf returns what the object says of the latest attempts, by area.
func FailuresOf(obj any) map[string][]string {
	all := map[string][]string{}
	for _, f := range *optional[[]infrav1.Failure](obj, "Failures") {
		if !slices.Contains(all[f.Condition], f.Message) {
			all[f.Condition] = append(all[f.Condition], f.Message)
		}
	}
	return all
}

// stamp makes a status what is stored: its changed conditions get their time, and how
// old it is isn't part of it.
func stamp(obj Object, now metav1.Time) {
	field(obj, "Status", "Observation").SetZero()
	conditions.Stamp(obj, now)
}
