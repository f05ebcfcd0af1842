package validation

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// AWSClusterWarnings returns what isn't wrong but likely not meant.
func AWSClusterWarnings(cluster *infrav1.AWSCluster) []string {
	path := field.NewPath("spec")
	warnings := loadBalancerWarnings(cluster.Spec.ControlPlaneLoadBalancer, path.Child("controlPlaneLoadBalancer"))
	if ref := cluster.Spec.IdentityRef; ref != nil && ref.Kind == infrav1.ControllerIdentityKind && ref.Name != infrav1.AWSClusterControllerIdentityName {
		warnings = append(warnings, fmt.Sprintf("%s: %q can't exist: the only %s is named %s",
			path.Child("identityRef", "name"), ref.Name, ref.Kind, infrav1.AWSClusterControllerIdentityName))
	}
	return warnings
}

func loadBalancerWarnings(lb *infrav1.AWSLoadBalancerSpec, path *field.Path) []string {
	if lb == nil || lb.LoadBalancerType != infrav1.LoadBalancerTypeClassic {
		return nil
	}
	warnings := []string{fmt.Sprintf("%s: classic load balancers are discouraged: AWS has superseded them; write nlb", path.Child("loadBalancerType"))}
	if lb.HealthCheckProtocol != nil && *lb.HealthCheckProtocol == infrav1.ELBProtocolSSL {
		warnings = append(warnings, fmt.Sprintf("%s: SSL fails with Kubernetes 1.30 and later, whose API server doesn't offer the ciphers that classic load balancers know: write TCP or HTTPS",
			path.Child("healthCheckProtocol")))
	}
	ignored := []struct {
		name string
		set  bool
	}{
		{"additionalListeners", len(lb.AdditionalListeners) > 0},
		{"healthCheck", lb.HealthCheck != nil},
		{"preserveClientIP", lb.PreserveClientIP},
	}
	for _, f := range ignored {
		if f.set {
			warnings = append(warnings, fmt.Sprintf("%s: has no effect with a classic load balancer", path.Child(f.name)))
		}
	}
	return warnings
}
