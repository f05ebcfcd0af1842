package ninth

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/capa-apiserver/capa-apiserver/admission"
	"github.com/capa-apiserver/capa-apiserver/apis/group"
	"github.com/capa-apiserver/capa-apiserver/apis/validation"
	"github.com/capa-apiserver/capa-apiserver/apiserver"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
)

// Group is the group.
var Group = &group.Group{
	Hub: group.Version{GroupVersion: GroupVersion, Kinds: kinds, AddToScheme: func(scheme *runtime.Scheme) error {
		scheme.AddKnownTypes(GroupVersion, kinds()...)
		metav1.AddToGroupVersion(scheme, GroupVersion)
		return nil
	}},
	OpenAPI: definitions,
}

func kinds() []runtime.Object { return []runtime.Object{&AWSNinth{}, &AWSNinthList{}} }

var rules = validation.NewTable(Group, validation.Own[*AWSNinth]{Create: func(n *AWSNinth) field.ErrorList {
	if n.Spec.ClusterName == "" {
		return field.ErrorList{field.Required(field.NewPath("spec", "clusterName"), "name the cluster")}
	}
	return nil
}})

// Row is the kind's row in the server's table.
func Row() apiserver.Row {
	return apiserver.Row{Kind: generic.KindOf(Group, rules, &AWSNinth{}, "awsn"), Admission: judge}
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
