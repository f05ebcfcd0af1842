package validation

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

func validateLoadBalancers(spec *infrav1.AWSClusterSpec, path *field.Path) field.ErrorList {
	dualStack := spec.Network.VPC.IPv6 != nil
	primary, secondary := spec.ControlPlaneLoadBalancer, spec.SecondaryControlPlaneLoadBalancer
	var errs field.ErrorList
	if primary != nil {
		errs = append(errs, validateLoadBalancer(primary, dualStack, path.Child("controlPlaneLoadBalancer"))...)
	}
	if secondary != nil {
		at := path.Child("secondaryControlPlaneLoadBalancer")
		errs = append(errs, validateLoadBalancer(secondary, dualStack, at)...)
		errs = append(errs, validateSecondary(secondary, primary, at)...)
	}
	return errs
}

func validateLoadBalancer(lb *infrav1.AWSLoadBalancerSpec, dualStack bool, path *field.Path) field.ErrorList {
	if lb.LoadBalancerType == infrav1.LoadBalancerTypeDisabled {
		return validateDisabled(lb, path)
	}
	var errs field.ErrorList
	if lb.Name != nil && strings.HasPrefix(*lb.Name, "internal-") {
		errs = append(errs, field.Invalid(path.Child("name"), *lb.Name, "must not begin with internal-, which AWS keeps for itself"))
	}
	for i, id := range lb.AdditionalSecurityGroups {
		errs = append(errs, validatePrefixedItem(id, "sg-", path.Child("additionalSecurityGroups").Index(i))...)
	}
	errs = append(errs, validateIngressRules(lb.IngressRules, path.Child("ingressRules"))...)
	if check := lb.HealthCheck; check != nil {
		errs = append(errs, validateTimeout(check.TimeoutSeconds, check.IntervalSeconds, path.Child("healthCheck"))...)
	}
	errs = append(errs, validateTargetGroupIPType(lb.TargetGroupIPType, lb.LoadBalancerType, dualStack, path.Child("targetGroupIPType"))...)
	return append(errs, validateListeners(lb, dualStack, path.Child("additionalListeners"))...)
}

func validateListeners(lb *infrav1.AWSLoadBalancerSpec, dualStack bool, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i := range lb.AdditionalListeners {
		listener, at := &lb.AdditionalListeners[i], path.Index(i)
		errs = append(errs, validateTargetGroupIPType(listener.TargetGroupIPType, lb.LoadBalancerType, dualStack, at.Child("targetGroupIPType"))...)
		if check := listener.HealthCheck; check != nil {
			errs = append(errs, validateTimeout(check.TimeoutSeconds, check.IntervalSeconds, at.Child("healthCheck"))...)
		}
	}
	return errs
}

func validateTimeout(timeout, interval *int64, path *field.Path) field.ErrorList {
	if timeout == nil || interval == nil || *timeout <= *interval {
		return nil
	}
	return field.ErrorList{field.Invalid(path.Child("timeoutSeconds"), *timeout,
		fmt.Sprintf("must not be greater than intervalSeconds, which is %d", *interval))}
}

func validateTargetGroupIPType(ipType *infrav1.TargetGroupIPType, lbType infrav1.LoadBalancerType, dualStack bool, path *field.Path) field.ErrorList {
	switch {
	case ipType == nil:
		return nil
	case lbType == infrav1.LoadBalancerTypeClassic:
		return field.ErrorList{field.Invalid(path, *ipType, "is not supported with a classic load balancer: remove it, or write loadBalancerType: nlb")}
	case *ipType == infrav1.TargetGroupIPTypeIPv6 && !dualStack:
		return field.ErrorList{field.Invalid(path, *ipType, "requires an IPv6 VPC: write an object, which may be empty, in spec.network.vpc.ipv6")}
	}
	return nil
}

// validateDisabled refuses all that would have no effect without a load balancer.
func validateDisabled(lb *infrav1.AWSLoadBalancerSpec, path *field.Path) field.ErrorList {
	set := []struct {
		name string
		set  bool
	}{
		{"name", lb.Name != nil},
		{"crossZoneLoadBalancing", lb.CrossZoneLoadBalancing},
		{"subnets", len(lb.Subnets) > 0},
		{"healthCheckProtocol", lb.HealthCheckProtocol != nil},
		{"additionalSecurityGroups", len(lb.AdditionalSecurityGroups) > 0},
		{"additionalListeners", len(lb.AdditionalListeners) > 0},
		{"ingressRules", len(lb.IngressRules) > 0},
		{"preserveClientIP", lb.PreserveClientIP},
		{"disableHostsRewrite", lb.DisableHostsRewrite},
		{"targetGroupIPType", lb.TargetGroupIPType != nil},
	}
	var errs field.ErrorList
	for _, f := range set {
		if f.set {
			errs = append(errs, field.Forbidden(path.Child(f.name), "cannot be set when load balancer reconciliation is disabled: remove it, or write another loadBalancerType"))
		}
	}
	return errs
}

func validateSecondary(secondary, primary *infrav1.AWSLoadBalancerSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	switch {
	case secondary.Name == nil || *secondary.Name == "":
		errs = append(errs, field.Required(path.Child("name"), "cannot be empty: name the second load balancer, such as my-cluster-internal"))
	case primary != nil && primary.Name != nil && *primary.Name == *secondary.Name:
		errs = append(errs, field.Invalid(path.Child("name"), *secondary.Name, "must differ from the name of spec.controlPlaneLoadBalancer"))
	}
	if secondary.LoadBalancerType != infrav1.LoadBalancerTypeNLB {
		errs = append(errs, field.Invalid(path.Child("loadBalancerType"), secondary.LoadBalancerType, "the secondary load balancer must be an NLB: write nlb"))
	}
	if primary != nil && schemeOf(primary) == schemeOf(secondary) {
		errs = append(errs, field.Invalid(path.Child("scheme"), schemeOf(secondary),
			fmt.Sprintf("the two load balancers must have different schemes: write %s here", otherScheme(schemeOf(primary)))))
	}
	return errs
}

func schemeOf(lb *infrav1.AWSLoadBalancerSpec) infrav1.ELBScheme {
	if lb.Scheme == nil {
		return infrav1.ELBSchemeInternetFacing
	}
	return *lb.Scheme
}

func otherScheme(scheme infrav1.ELBScheme) infrav1.ELBScheme {
	if scheme == infrav1.ELBSchemeInternal {
		return infrav1.ELBSchemeInternetFacing
	}
	return infrav1.ELBSchemeInternal
}
