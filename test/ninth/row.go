// Package ninth is the row of a further kind, of a group of its own, for tests: what it takes to add one
// stands in row.go, view.go and v2beta1, and what the group takes in group.go and v2beta1/doc.go.
package ninth

import (
	"context"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/capa-apiserver/capa-apiserver/admission"
	"github.com/capa-apiserver/capa-apiserver/apis/validation"
	"github.com/capa-apiserver/capa-apiserver/apiserver"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
	"github.com/capa-apiserver/capa-apiserver/test/ninth/v2beta1"
)

type (
	// AWSNinth is the kind.
	AWSNinth = v2beta1.AWSNinth
	// AWSNinthList is a list of them.
	AWSNinthList = v2beta1.AWSNinthList
)

var rules = validation.NewTable(Group, validation.Own[*AWSNinth]{Create: func(n *AWSNinth) field.ErrorList {
	if n.Spec.ClusterName == "" {
		return field.ErrorList{field.Required(field.NewPath("spec", "clusterName"), "name the cluster")}
	}
	return nil
}})

// Row is the kind's row in the server's table.
func Row() apiserver.Row {
	return apiserver.Row{Kind: generic.KindOf(Group, rules, &AWSNinth{}, "awsn"), Admission: judge, Live: apiserver.LiveOf(Kind())}
}

// judge refuses what needs something outside of the object to be judged.
func judge(admission.Options) admission.Rules {
	return admission.Rules{Validate: []admission.Rule{func(_ context.Context, r admission.Request) ([]string, field.ErrorList) {
		if r.Object.(*AWSNinth).Spec.ClusterName == r.Namespace {
			return nil, field.ErrorList{field.Invalid(field.NewPath("spec", "clusterName"), r.Namespace, "is the namespace")}
		}
		return []string{"the ninth kind was judged"}, nil
	}}}
}
