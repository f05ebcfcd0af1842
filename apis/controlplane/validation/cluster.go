package validation

import (
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	shared "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/validation"
)

var keyPattern = regexp.MustCompile(`^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:(key|alias)/.+$`)

// validateEncryption wants both fields: with one of them nothing would be encrypted.
func validateEncryption(config *controlplanev1.EncryptionConfig, path *field.Path) field.ErrorList {
	if config == nil {
		return nil
	}
	var errs field.ErrorList
	switch {
	case config.Provider == nil || *config.Provider == "":
		errs = append(errs, field.Required(path.Child("provider"), "write the ARN of a KMS key, such as arn:aws:kms:us-east-1:123456789012:key/0123abcd-…; nothing is encrypted without"))
	case !keyPattern.MatchString(*config.Provider):
		errs = append(errs, field.Invalid(path.Child("provider"), *config.Provider, "must be the ARN of a KMS key, such as arn:aws:kms:us-east-1:123456789012:key/0123abcd-…"))
	}
	if len(config.Resources) == 0 {
		errs = append(errs, field.Required(path.Child("resources"), "write secrets, the only kind that can be encrypted; nothing is encrypted without"))
	}
	for i, resource := range config.Resources {
		if resource != "secrets" {
			errs = append(errs, field.NotSupported(path.Child("resources").Index(i), resource, []string{"secrets"}))
		}
	}
	return errs
}

func validateEndpointAccess(access controlplanev1.EndpointAccess, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if !access.IsPublic() && !access.IsPrivate() {
		errs = append(errs, field.Invalid(path.Child("private"), false, "the API server could be reached from nowhere: write private: true, or public: true"))
	}
	blocks := path.Child("publicCIDRs")
	for i, text := range access.PublicCIDRs {
		block, err := netip.ParsePrefix(text)
		switch {
		case err != nil:
			errs = append(errs, field.Invalid(blocks.Index(i), text, "must be a CIDR such as 203.0.113.0/24"))
		case block != block.Masked():
			errs = append(errs, field.Invalid(blocks.Index(i), text, "is an address in "+block.Masked().String()+", not the range: write "+block.Masked().String()))
		case block.Addr().IsPrivate() || block.Addr().IsLoopback() || block.Addr().IsLinkLocalUnicast():
			errs = append(errs, field.Invalid(blocks.Index(i), text, "is a private range, from which nobody comes by the internet: write public ones, and private: true for access from the VPC"))
		}
		if slices.Contains(access.PublicCIDRs[:i], text) {
			errs = append(errs, field.Duplicate(blocks.Index(i), text))
		}
	}
	return errs
}

// validateOIDC judges the provider whose users are let in.
func validateOIDC(config *controlplanev1.OIDCIdentityProviderConfig, path *field.Path) field.ErrorList {
	if config == nil {
		return nil
	}
	errs := shared.ValidateTags(config.Tags, path.Child("tags"))
	if name := config.IdentityProviderConfigName; len(shared.ValidateEKSName(name, path)) > 0 {
		errs = append(errs, field.Invalid(path.Child("identityProviderConfigName"), name, "must begin with a letter or digit and hold only letters, digits, hyphens and underscores, such as my-provider"))
	}
	if issuer, err := url.Parse(config.IssuerURL); config.IssuerURL != "" && (err != nil || issuer.Scheme != "https" || issuer.Host == "" || issuer.RawQuery != "" || issuer.Fragment != "") {
		errs = append(errs, field.Invalid(path.Child("issuerUrl"), config.IssuerURL, "must be an https URL without query, such as https://accounts.example.com"))
	}
	for _, claim := range slices.Sorted(maps.Keys(config.RequiredClaims)) {
		if claim == "" || len(claim) > 63 || config.RequiredClaims[claim] == "" {
			errs = append(errs, field.Invalid(path.Child("requiredClaims").Key(claim), config.RequiredClaims[claim], "a claim has a name of 1 to 63 characters and a value: write both"))
		}
	}
	return errs
}

// validateAutoMode judges what AWS wants together.
func validateAutoMode(spec *controlplanev1.AWSManagedControlPlaneSpec, path *field.Path) field.ErrorList {
	mode := spec.AutoMode
	if mode == nil {
		return nil
	}
	errs := shared.ValidateRoleARN(mode.NodeRoleARN, path.Child("nodeRoleARN"))
	for i, pool := range mode.NodePools {
		if slices.Contains(mode.NodePools[:i], pool) {
			errs = append(errs, field.Duplicate(path.Child("nodePools").Index(i), pool))
		}
	}
	switch {
	case !mode.Enabled && (len(mode.NodePools) > 0 || mode.NodeRoleARN != ""):
		return append(errs, field.Invalid(path.Child("enabled"), false, "nodePools and nodeRoleARN are of no use without: write true, or leave them out"))
	case !mode.Enabled:
		return errs
	case len(mode.NodePools) > 0 && mode.NodeRoleARN == "":
		errs = append(errs, field.Required(path.Child("nodeRoleARN"), "the nodes of nodePools need a role: write its ARN, such as arn:aws:iam::123456789012:role/my-role, or leave nodePools out"))
	case len(mode.NodePools) == 0 && mode.NodeRoleARN != "":
		errs = append(errs, field.Required(path.Child("nodePools"), "nodeRoleARN is the role of their nodes: write general-purpose, system or both, or leave nodeRoleARN out"))
	}
	if !usesEntries(spec) {
		errs = append(errs, field.Invalid(path.Child("enabled"), true, "nodes of Auto Mode come in by access entries: write accessConfig.authenticationMode: api or api_and_config_map"))
	}
	if spec.BootstrapSelfManagedAddons == nil || *spec.BootstrapSelfManagedAddons {
		errs = append(errs, field.Invalid(path.Child("enabled"), true, "Auto Mode brings what the add-ons do: write bootstrapSelfManagedAddons: false"))
	}
	return errs
}
