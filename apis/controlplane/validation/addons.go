package validation

import (
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/yaml"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	shared "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/validation"
)

// The add-ons that this server knows by name.
const (
	addonCNI         = "vpc-cni"
	addonProxy       = "kube-proxy"
	addonPodIdentity = "eks-pod-identity-agent"
)

var (
	addonNamePattern    = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)
	addonVersionPattern = regexp.MustCompile(`^v?\d+(\.\d+)+(-[0-9A-Za-z.-]+)?$`)
	// oldestAddons is the first version of Kubernetes that EKS takes add-ons with, and
	// oldestIPv6CNI the first version of vpc-cni that knows IPv6.
	oldestAddons  = controlplanev1.Minor{Major: 1, Minor: 18}
	oldestIPv6CNI = version.MustParseGeneric("1.10.2")
)

func validateAddons(spec *controlplanev1.AWSManagedControlPlaneSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if v, ok := controlplanev1.MinorOf(spec.Version); ok && len(spec.Addons) > 0 && v.Less(oldestAddons) {
		errs = append(errs, field.Invalid(path, len(spec.Addons), "add-ons need at least version v1.18: write a later spec.version, or leave them out"))
	}
	for i := range spec.Addons {
		addon, at := &spec.Addons[i], path.Index(i)
		errs = append(errs, validateAddon(addon, at)...)
		if parsed, err := version.ParseGeneric(addon.Version); err == nil && addon.Name == addonCNI && spec.Network.VPC.IPv6 != nil && parsed.LessThan(oldestIPv6CNI) {
			errs = append(errs, field.Invalid(at.Child("version"), addon.Version, "IPv6 needs at least v1.10.2 of vpc-cni: write a later version, or default"))
		}
	}
	return errs
}

func validateAddon(addon *controlplanev1.Addon, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if addon.Name != "" && !addonNamePattern.MatchString(addon.Name) {
		errs = append(errs, field.Invalid(path.Child("name"), addon.Name, "must be the name of an add-on of EKS, such as vpc-cni or coredns"))
	}
	if addon.Channel() == "" && !addonVersionPattern.MatchString(addon.Version) {
		errs = append(errs, field.Invalid(path.Child("version"), addon.Version, "must be a version such as v1.19.0-eksbuild.1, or default or latest, which follow the version of the cluster"))
	}
	if addon.Configuration != "" {
		var content any
		if err := yaml.Unmarshal([]byte(addon.Configuration), &content); err != nil {
			errs = append(errs, field.Invalid(path.Child("configuration"), field.OmitValueType{}, "must be JSON or YAML: "+strings.TrimPrefix(err.Error(), "error converting YAML to JSON: ")))
		} else if _, ok := content.(map[string]any); !ok {
			errs = append(errs, field.Invalid(path.Child("configuration"), field.OmitValueType{}, `must be an object in JSON or YAML, such as {"replicaCount": 3}`))
		}
	}
	if addon.ServiceAccountRoleARN != nil {
		errs = append(errs, shared.ValidateRoleARN(*addon.ServiceAccountRoleARN, path.Child("serviceAccountRoleARN"))...)
		if len(addon.PodIdentityAssociations) > 0 {
			errs = append(errs, field.Forbidden(path.Child("podIdentityAssociations"), "an add-on gets its roles in one way: leave them out, or leave serviceAccountRoleARN out"))
		}
	}
	for i, a := range addon.PodIdentityAssociations {
		errs = append(errs, shared.ValidateRoleARN(a.RoleARN, path.Child("podIdentityAssociations").Index(i).Child("roleARN"))...)
	}
	return errs
}

// validateCNI judges what runs on the nodes besides: an add-on that is also taken out of the
// cluster would come and go for ever.
func validateCNI(spec *controlplanev1.AWSManagedControlPlaneSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, pair := range []struct {
		disabled    bool
		name, field string
	}{{spec.VpcCni.Disable, addonCNI, "vpcCni"}, {spec.KubeProxy.Disable, addonProxy, "kubeProxy"}} {
		if pair.disabled && hasAddon(spec, pair.name) {
			errs = append(errs, field.Invalid(path.Child(pair.field, "disable"), true, fmt.Sprintf("cannot disable what is listed in addons: take %s out there, or write false", pair.name)))
		}
	}
	for i := range spec.VpcCni.Env {
		errs = append(errs, validateEnv(&spec.VpcCni.Env[i], path.Child("vpcCni", "env").Index(i))...)
	}
	return errs
}

func hasAddon(spec *controlplanev1.AWSManagedControlPlaneSpec, name string) bool {
	for _, addon := range spec.Addons {
		if addon.Name == name {
			return true
		}
	}
	return false
}

func validateEnv(env *controlplanev1.EnvVar, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if strings.ContainsAny(env.Name, "= \t\n") {
		errs = append(errs, field.Invalid(path.Child("name"), env.Name, "must be the name of an environment variable, such as ENABLE_PREFIX_DELEGATION"))
	}
	source := env.ValueFrom
	if source == nil {
		return errs
	}
	count := 0
	for _, set := range []bool{source.FieldRef != nil, source.ResourceFieldRef != nil, source.ConfigMapKeyRef != nil, source.SecretKeyRef != nil, source.FileKeyRef != nil} {
		if set {
			count++
		}
	}
	if count != 1 {
		errs = append(errs, field.Invalid(path.Child("valueFrom"), field.OmitValueType{}, "must have exactly one source: write one of fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef and fileKeyRef"))
	}
	if env.Value != "" {
		errs = append(errs, field.Forbidden(path.Child("value"), "excludes valueFrom; remove one of the two"))
	}
	return errs
}
