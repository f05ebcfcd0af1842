// Package infrastructure holds what the kinds of the group
// infrastructure.cluster.x-k8s.io have in common.
package infrastructure

import (
	"strings"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/apis/infrastructure/validation"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
)

// Kind is a row with the group's names filled in.
func Kind(name, short string) generic.Kind {
	return generic.Kind{
		Group:      infrav1.GroupName,
		Name:       name,
		Singular:   strings.ToLower(name),
		Plural:     plural(strings.ToLower(name)),
		ShortNames: []string{short},
		Categories: []string{"cluster-api"},
		Namespaced: true,
		Rules: generic.Rules{
			Create: validation.Create, Update: validation.Update,
			StatusUpdate: validation.StatusUpdate, Recorded: validation.Recorded, Warnings: validation.Warnings,
		},
		Hub:    "v2beta1",
		Served: []string{"v2beta1", "v1beta2"},
	}
}

func plural(singular string) string {
	if stem, ok := strings.CutSuffix(singular, "y"); ok {
		return stem + "ies"
	}
	return singular + "s"
}
