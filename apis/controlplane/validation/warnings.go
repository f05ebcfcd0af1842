package validation

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// AWSManagedControlPlaneWarnings returns what isn't wrong but likely not meant.
func AWSManagedControlPlaneWarnings(c *controlplanev1.AWSManagedControlPlane) []string {
	warnings := specWarnings(&c.Spec, specPath)
	if c.Spec.Version == nil {
		warnings = append(warnings, "spec.version: left out, EKS chooses one when the cluster is made, and nothing is upgraded: write one, such as v1.34")
	}
	return warnings
}

func specWarnings(spec *controlplanev1.AWSManagedControlPlaneSpec, path *field.Path) []string {
	var warnings []string
	warn := func(condition bool, at *field.Path, format string, args ...any) {
		if condition {
			warnings = append(warnings, fmt.Sprintf("%s: %s", at, fmt.Sprintf(format, args...)))
		}
	}
	if ref := spec.IdentityRef; ref != nil && ref.Kind == infrav1.ControllerIdentityKind {
		warn(ref.Name != infrav1.AWSClusterControllerIdentityName, path.Child("identityRef", "name"), "%q can't exist: the only %s is named %s", ref.Name, ref.Kind, infrav1.AWSClusterControllerIdentityName)
	}
	warn(!spec.EndpointAccess.IsPublic() && len(spec.EndpointAccess.PublicCIDRs) > 0, path.Child("endpointAccess", "publicCIDRs"), "has no effect while public is false")
	warn(spec.VpcCni.Disable && len(spec.VpcCni.Env) > 0, path.Child("vpcCni", "env"), "has no effect while vpcCni is disabled")
	warn(spec.IAMAuthenticatorConfig != nil && spec.AccessConfig != nil && spec.AccessConfig.AuthenticationMode == controlplanev1.EKSAuthenticationModeAPI,
		path.Child("iamAuthenticatorConfig"), "has no effect while accessConfig.authenticationMode is api: use accessEntries")
	auto := spec.AutoMode != nil && spec.AutoMode.Enabled
	warn(len(spec.PodIdentityAssociations) > 0 && !auto && !hasAddon(spec, addonPodIdentity),
		path.Child("podIdentityAssociations"), "pods get their roles from an agent: list the add-on %s, unless it runs already", addonPodIdentity)
	return warnings
}
