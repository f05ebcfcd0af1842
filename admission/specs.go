package admission

import (
	"context"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// specRule judges the spec of a cluster, wherever it stands. old is nil when
// there is none.
type specRule func(ctx context.Context, r Request, updated, old *infrav1.AWSClusterSpec, path *field.Path) ([]string, field.ErrorList)

// onClusters judges all kinds of clusters that say themselves where their AWS is.
func onClusters(rule specRule) Rule {
	return func(ctx context.Context, r Request) ([]string, field.ErrorList) {
		updated := placeOf(r.Object)
		if updated == nil {
			return nil, nil
		}
		return rule(ctx, r, updated, placeOf(r.Old), field.NewPath("spec"))
	}
}

// inItsPlace judges where a cluster is, and then by what AWS has there: that there is no such identity or region is said
// once, and not again by each who wanted to ask it.
func inItsPlace(o Options, rules ...Rule) Rule {
	identity, region := onClusters(identitiesOf(o).usable), onClusters(regionRules{regions: o.Regions}.known)
	return func(ctx context.Context, r Request) ([]string, field.ErrorList) {
		warnings, errs := identity(ctx, r)
		nowhere := len(warnings) > 0 || misnamed(placeOf(r.Object))
		warned, refused := region(ctx, r)
		warnings, errs = append(warnings, warned...), append(errs, refused...)
		if nowhere || len(errs) > 0 {
			return warnings, errs
		}
		for _, rule := range rules {
			w, e := rule(ctx, r)
			warnings, errs = append(warnings, w...), append(errs, e...)
		}
		return warnings, errs
	}
}

// misnamed tells that a cluster names a controller identity that there can't be, of which the static warnings speak.
func misnamed(place *infrav1.AWSClusterSpec) bool {
	if place == nil || place.IdentityRef == nil {
		return false
	}
	ref := place.IdentityRef
	return ref.Kind == infrav1.ControllerIdentityKind && ref.Name != infrav1.AWSClusterControllerIdentityName
}

// onTemplates turns what would be refused into warnings: a template may be
// written before what its clusters will need.
func onTemplates(rule specRule) Rule {
	return func(ctx context.Context, r Request) ([]string, field.ErrorList) {
		updated := templatePlaceOf(r.Object)
		if updated == nil {
			return nil, nil
		}
		warnings, errs := rule(ctx, r, updated, templatePlaceOf(r.Old), field.NewPath("spec", "template", "spec"))
		for _, err := range errs {
			warnings = append(warnings, err.Error())
		}
		return warnings, nil
	}
}

// placeOf is what the spec of a cluster says of identity and region; nil for other objects.
func placeOf(object client.Object) *infrav1.AWSClusterSpec {
	placed, ok := object.(cloud.Placed)
	if !ok {
		return nil
	}
	identity, region, _ := placed.Place()
	return &infrav1.AWSClusterSpec{IdentityRef: identity, Region: region}
}

func templatePlaceOf(object client.Object) *infrav1.AWSClusterSpec {
	switch template := object.(type) {
	case *infrav1.AWSClusterTemplate:
		return &template.Spec.Template.Spec
	case *controlplanev1.AWSManagedControlPlaneTemplate:
		spec := &template.Spec.Template.Spec
		return &infrav1.AWSClusterSpec{IdentityRef: spec.IdentityRef, Region: spec.Region}
	}
	return nil
}
