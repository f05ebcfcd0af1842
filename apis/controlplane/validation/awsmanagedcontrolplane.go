package validation

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	shared "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/validation"
)

var specPath = field.NewPath("spec")

// ValidateAWSManagedControlPlane judges a new AWSManagedControlPlane.
func ValidateAWSManagedControlPlane(c *controlplanev1.AWSManagedControlPlane) field.ErrorList {
	errs := shared.ValidateEKSName(c.Spec.EKSClusterName, specPath.Child("eksClusterName"))
	// The Cluster's label and owner reference come later than the object.
	clusters := append(shared.ClustersOf(c), c.Name, c.ClusterName())
	errs = append(errs, shared.ClusterOwnership(foundation(&c.Spec), clusters, specPath)...)
	errs = append(errs, validateSpec(&c.Spec, specPath)...)
	return append(errs, validateEntry(&c.Spec, specPath)...)
}

// foundation is what a control plane has in common with an AWSCluster.
func foundation(spec *controlplanev1.AWSManagedControlPlaneSpec) *infrav1.AWSClusterSpec {
	return &infrav1.AWSClusterSpec{
		Network: spec.Network, Region: spec.Region, Partition: spec.Partition, SSHKeyName: spec.SSHKeyName, ControlPlaneEndpoint: shared.BareEndpoint(spec.ControlPlaneEndpoint),
		AdditionalTags: spec.AdditionalTags, ImageLookupFormat: spec.ImageLookupFormat, Bastion: spec.Bastion, IdentityRef: spec.IdentityRef,
	}
}

// validateSpec is what a template must keep too.
func validateSpec(spec *controlplanev1.AWSManagedControlPlaneSpec, path *field.Path) field.ErrorList {
	errs := shared.ValidateFoundation(foundation(spec), path)
	errs = append(errs, validateNetwork(spec, path)...)
	errs = append(errs, validateRole(spec, path)...)
	errs = append(errs, validateEncryption(spec.EncryptionConfig, path.Child("encryptionConfig"))...)
	errs = append(errs, validateEndpointAccess(spec.EndpointAccess, path.Child("endpointAccess"))...)
	errs = append(errs, validateIAMAuthenticator(spec.IAMAuthenticatorConfig, path.Child("iamAuthenticatorConfig"))...)
	errs = append(errs, validateAddons(spec, path.Child("addons"))...)
	errs = append(errs, validateCNI(spec, path)...)
	errs = append(errs, validateOIDC(spec.OIDCIdentityProviderConfig, path.Child("oidcIdentityProviderConfig"))...)
	errs = append(errs, validatePodIdentity(spec.PodIdentityAssociations, path.Child("podIdentityAssociations"))...)
	return append(errs, validateAutoMode(spec, path.Child("autoMode"))...)
}

func validateRole(spec *controlplanev1.AWSManagedControlPlaneSpec, path *field.Path) field.ErrorList {
	role := shared.RoleSpec{Path: spec.RolePath, Boundary: spec.RolePermissionsBoundary, Policies: spec.RoleAdditionalPolicies}
	if spec.RoleName != nil {
		role.Name = *spec.RoleName
	}
	return shared.ValidateRole(role, path)
}
