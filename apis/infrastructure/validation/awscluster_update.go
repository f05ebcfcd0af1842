package validation

import (
	"fmt"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/validation/field"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/apis/validation"
)

// ValidateAWSClusterUpdate judges the update of an AWSCluster: all that is judged on
// create, unless it was wrong before, and what may change at all. What the provider itself
// writes into spec (endpoint, ids, ranges, zones) may be set once.
func ValidateAWSClusterUpdate(newCluster, oldCluster *infrav1.AWSCluster) field.ErrorList {
	errs := validateClusterSpecChange(&newCluster.Spec, &oldCluster.Spec, field.NewPath("spec"))
	errs = append(errs, ValidateManagedByKept(newCluster.Annotations, oldCluster.Annotations)...)
	// What can't change is put back before the rest is judged: nothing is wrong because of it.
	kept := *newCluster
	kept.Spec.Region = oldCluster.Spec.Region
	if id := oldCluster.Spec.Network.VPC.ID; id != "" {
		kept.Spec.Network.VPC.ID = id
	}
	return append(errs, validation.Ratchet(ValidateAWSCluster, &kept, oldCluster)...)
}

func validateClusterSpecChange(newSpec, oldSpec *infrav1.AWSClusterSpec, path *field.Path) field.ErrorList {
	return append(ValidateFoundationChange(newSpec, oldSpec, path), validateLoadBalancersChange(newSpec, oldSpec, path)...)
}

// ValidateFoundationChange judges what may change of all that every kind of cluster stands on.
func ValidateFoundationChange(newSpec, oldSpec *infrav1.AWSClusterSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if newSpec.Region != oldSpec.Region {
		errs = append(errs, field.Invalid(path.Child("region"), newSpec.Region,
			fmt.Sprintf("field is immutable: write %q, or create a new cluster in the other region", oldSpec.Region)))
	}
	if !oldSpec.ControlPlaneEndpoint.IsZero() && newSpec.ControlPlaneEndpoint != oldSpec.ControlPlaneEndpoint {
		errs = append(errs, field.Invalid(path.Child("controlPlaneEndpoint"), newSpec.ControlPlaneEndpoint,
			fmt.Sprintf("field is immutable once set: write host %s and port %d; the cluster's certificates and kubeconfigs name it",
				oldSpec.ControlPlaneEndpoint.Host, oldSpec.ControlPlaneEndpoint.Port)))
	}
	newID, oldID := newSpec.Network.VPC.ID, oldSpec.Network.VPC.ID
	if oldID != "" && newID != oldID {
		errs = append(errs, field.Invalid(path.Child("network", "vpc", "id"), newID,
			fmt.Sprintf("cannot be modified once set: write %s, or create a new cluster in the other VPC", oldID)))
	}
	if oldSpec.IdentityRef != nil && newSpec.IdentityRef == nil {
		errs = append(errs, field.Invalid(path.Child("identityRef"), nil,
			fmt.Sprintf("cannot be set to nil: write kind %s and name %s, or another identity", oldSpec.IdentityRef.Kind, oldSpec.IdentityRef.Name)))
	}
	return errs
}

// ValidateManagedByKept lets the annotation neither come nor go that says that somebody else
// manages an object.
func ValidateManagedByKept(newAnnotations, oldAnnotations map[string]string) field.ErrorList {
	_, before := oldAnnotations[clusterv1.ManagedByAnnotation]
	_, after := newAnnotations[clusterv1.ManagedByAnnotation]
	path := field.NewPath("metadata", "annotations").Key(clusterv1.ManagedByAnnotation)
	switch {
	case before && !after:
		return field.ErrorList{field.Invalid(path, nil,
			"removal is not allowed: the infrastructure is managed by someone else, and this provider would take it over")}
	case after && !before:
		return field.ErrorList{field.Forbidden(path,
			"cannot be added later, because what this provider recorded would then count as somebody else's word: leave it out, or delete the object and create it anew with the annotation")}
	}
	return nil
}

func validateLoadBalancersChange(newSpec, oldSpec *infrav1.AWSClusterSpec, path *field.Path) field.ErrorList {
	hasEndpoint := !oldSpec.ControlPlaneEndpoint.IsZero()
	errs := validateLoadBalancerChange(newSpec.ControlPlaneLoadBalancer, oldSpec.ControlPlaneLoadBalancer, hasEndpoint, path.Child("controlPlaneLoadBalancer"))
	return append(errs, validateLoadBalancerChange(newSpec.SecondaryControlPlaneLoadBalancer, oldSpec.SecondaryControlPlaneLoadBalancer, false, path.Child("secondaryControlPlaneLoadBalancer"))...)
}

// validateLoadBalancerChange judges the change of one load balancer. With hasEndpoint the
// control plane endpoint is the load balancer's name, so that its kind can't change any more.
func validateLoadBalancerChange(newLB, oldLB *infrav1.AWSLoadBalancerSpec, hasEndpoint bool, path *field.Path) field.ErrorList {
	switch {
	case newLB == nil && oldLB == nil:
		return nil
	case newLB == nil:
		return field.ErrorList{field.Invalid(path, nil, "cannot be removed once set: write it as it was, or create a new cluster")}
	case oldLB == nil:
		return validateLoadBalancerAdded(newLB, path)
	}
	errs := validateLoadBalancerTypeChange(newLB.LoadBalancerType, oldLB.LoadBalancerType, hasEndpoint, path.Child("loadBalancerType"))
	errs = append(errs, immutable(newLB.Scheme, oldLB.Scheme, path.Child("scheme"))...)
	errs = append(errs, immutable(newLB.Name, oldLB.Name, path.Child("name"))...)
	errs = append(errs, immutable(newLB.TargetGroupIPType, oldLB.TargetGroupIPType, path.Child("targetGroupIPType"))...)
	if oldLB.LoadBalancerType != infrav1.LoadBalancerTypeClassic {
		errs = append(errs, immutable(newLB.HealthCheckProtocol, oldLB.HealthCheckProtocol, path.Child("healthCheckProtocol"))...)
	}
	return errs
}

// validateLoadBalancerAdded keeps a rule that users of this API know: what is added to an
// existing cluster counts as a change of the default scheme.
func validateLoadBalancerAdded(lb *infrav1.AWSLoadBalancerSpec, path *field.Path) field.ErrorList {
	if lb.Scheme == nil || *lb.Scheme == infrav1.ELBSchemeInternetFacing {
		return nil
	}
	return field.ErrorList{field.Invalid(path.Child("scheme"), *lb.Scheme,
		"field is immutable, and internet-facing by default: a load balancer added to an existing cluster must be internet-facing; create a new cluster for an internal one")}
}

func validateLoadBalancerTypeChange(newType, oldType infrav1.LoadBalancerType, hasEndpoint bool, path *field.Path) field.ErrorList {
	if newType == oldType {
		return nil
	}
	disabled := infrav1.LoadBalancerTypeDisabled
	if newType == disabled || oldType == disabled || hasEndpoint {
		return field.ErrorList{field.Invalid(path, newType,
			fmt.Sprintf("field is immutable: write %s, or create a new cluster; the control plane endpoint depends on it", oldType))}
	}
	return nil
}

// immutable refuses any change of an optional field, setting and unsetting included.
func immutable[T ~string](newValue, oldValue *T, path *field.Path) field.ErrorList {
	if apiequality.Semantic.DeepEqual(newValue, oldValue) {
		return nil
	}
	advice := "leave it out"
	if oldValue != nil {
		advice = "write " + string(*oldValue)
	}
	var value any
	if newValue != nil {
		value = *newValue
	}
	return field.ErrorList{field.Invalid(path, value, "field is immutable: "+advice+", or create a new cluster")}
}
