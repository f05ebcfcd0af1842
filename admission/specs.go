package admission

import (
	"context"

	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// specRule judges the spec of a cluster, wherever it stands. old is nil when
// there is none.
type specRule func(ctx context.Context, r Request, updated, old *infrav1.AWSClusterSpec, path *field.Path) ([]string, field.ErrorList)

func onClusters(rule specRule) Rule {
	return func(ctx context.Context, r Request) ([]string, field.ErrorList) {
		updated, ok := r.Object.(*infrav1.AWSCluster)
		if !ok {
			return nil, nil
		}
		var old *infrav1.AWSClusterSpec
		if o, ok := r.Old.(*infrav1.AWSCluster); ok {
			old = &o.Spec
		}
		return rule(ctx, r, &updated.Spec, old, field.NewPath("spec"))
	}
}

// onTemplates turns what would be refused into warnings: a template may be
// written before what its clusters will need.
func onTemplates(rule specRule) Rule {
	return func(ctx context.Context, r Request) ([]string, field.ErrorList) {
		updated, ok := r.Object.(*infrav1.AWSClusterTemplate)
		if !ok {
			return nil, nil
		}
		var old *infrav1.AWSClusterSpec
		if o, ok := r.Old.(*infrav1.AWSClusterTemplate); ok {
			old = &o.Spec.Template.Spec
		}
		warnings, errs := rule(ctx, r, &updated.Spec.Template.Spec, old, field.NewPath("spec", "template", "spec"))
		for _, err := range errs {
			warnings = append(warnings, err.Error())
		}
		return warnings, nil
	}
}
