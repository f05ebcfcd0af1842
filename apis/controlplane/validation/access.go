package validation

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	shared "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/validation"
)

var (
	principalPattern    = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:(role|user)/[\w+=,.@/-]+$`)
	accessPolicyPattern = regexp.MustCompile(`^arn:aws[a-z-]*:eks::aws:cluster-access-policy/\w+$`)
	// reserved are what names of users must not begin with.
	reserved = []string{"system:", "eks:", "aws:", "amazon:", "iam:"}
)

func validateIAMAuthenticator(config *controlplanev1.IAMAuthenticatorConfig, path *field.Path) field.ErrorList {
	if config == nil {
		return nil
	}
	var errs field.ErrorList
	seen := map[string]*field.Path{}
	judge := func(arn, kind, name string, mapping controlplanev1.KubernetesMapping, at *field.Path) {
		switch before := seen[arn]; {
		case arn == "":
		case !principalPattern.MatchString(arn) || !strings.Contains(arn, ":"+kind+"/"):
			errs = append(errs, field.Invalid(at.Child(name), arn, fmt.Sprintf("must be the ARN of an IAM %s, such as arn:aws:iam::123456789012:%s/my-%s", kind, kind, kind)))
		case before != nil:
			errs = append(errs, field.Invalid(at.Child(name), arn, fmt.Sprintf("is also that of %s; list each %s once", before, kind)))
		default:
			seen[arn] = at
		}
		if mapping.Groups != nil && len(mapping.Groups) == 0 {
			errs = append(errs, field.Required(at.Child("groups"), "write the groups in Kubernetes, such as system:masters"))
		}
	}
	for i, m := range config.RoleMappings {
		judge(m.RoleARN, "role", "rolearn", m.KubernetesMapping, path.Child("mapRoles").Index(i))
	}
	for i, m := range config.UserMappings {
		judge(m.UserARN, "user", "userarn", m.KubernetesMapping, path.Child("mapUsers").Index(i))
	}
	return errs
}

func usesEntries(spec *controlplanev1.AWSManagedControlPlaneSpec) bool {
	return spec.AccessConfig != nil && (spec.AccessConfig.AuthenticationMode == controlplanev1.EKSAuthenticationModeAPI || spec.AccessConfig.AuthenticationMode == controlplanev1.EKSAuthenticationModeAPIAndConfigMap)
}

// validateEntry judges by whom the cluster is entered. A template needn't keep it: a patch may
// change it.
func validateEntry(spec *controlplanev1.AWSManagedControlPlaneSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if c := spec.AccessConfig; c != nil && c.AuthenticationMode == controlplanev1.EKSAuthenticationModeConfigMap && c.BootstrapClusterCreatorAdminPermissions != nil && !*c.BootstrapClusterCreatorAdminPermissions {
		errs = append(errs, field.Invalid(path.Child("accessConfig", "bootstrapClusterCreatorAdminPermissions"), false,
			"must be true if authenticationMode is config_map, or nobody could enter the cluster: write true, or authenticationMode: api_and_config_map"))
	}
	entries := path.Child("accessEntries")
	if len(spec.AccessEntries) > 0 && !usesEntries(spec) {
		errs = append(errs, field.Invalid(entries, len(spec.AccessEntries), "access entries need accessConfig.authenticationMode: api or api_and_config_map; write one of them"))
	}
	for i := range spec.AccessEntries {
		errs = append(errs, validateAccessEntry(&spec.AccessEntries[i], entries.Index(i))...)
	}
	return errs
}

func validateAccessEntry(entry *controlplanev1.AccessEntry, path *field.Path) field.ErrorList {
	errs := validatePrincipal(entry.PrincipalARN, path.Child("principalARN"))
	standard := entry.Type == "" || entry.Type == controlplanev1.AccessEntryTypeStandard
	if !standard && len(entry.KubernetesGroups) > 0 {
		errs = append(errs, field.Forbidden(path.Child("kubernetesGroups"), fmt.Sprintf("EKS chooses the groups of the type %s: leave them out, or write type: standard", entry.Type)))
	}
	if !standard && entry.Type != controlplanev1.AccessEntryTypeEC2 && len(entry.AccessPolicies) > 0 {
		errs = append(errs, field.Forbidden(path.Child("accessPolicies"), fmt.Sprintf("EKS decides what the type %s may do: leave them out, or write type: standard", entry.Type)))
	}
	for i, group := range entry.KubernetesGroups {
		at := path.Child("kubernetesGroups").Index(i)
		switch {
		case group == "":
			errs = append(errs, field.Required(at, "write the name of a group, such as viewers"))
		case strings.HasPrefix(group, "system:"):
			errs = append(errs, field.Invalid(at, group, "must not begin with system:, which EKS refuses: use accessPolicies, such as AmazonEKSClusterAdminPolicy, for what its groups may do"))
		}
	}
	for _, prefix := range reserved {
		if strings.HasPrefix(entry.Username, prefix) {
			errs = append(errs, field.Invalid(path.Child("username"), entry.Username, "must not begin with "+prefix+", which EKS keeps for itself: write another name, or leave it out to have one chosen"))
		}
	}
	return append(errs, validateAccessPolicies(entry.AccessPolicies, path.Child("accessPolicies"))...)
}

func validatePrincipal(arn string, path *field.Path) field.ErrorList {
	switch {
	case arn == "" || principalPattern.MatchString(arn):
		return nil
	case strings.Contains(arn, ":assumed-role/"):
		return shared.ValidateRoleARN(arn, path)
	default:
		return field.ErrorList{field.Invalid(path, arn, "must be the ARN of an IAM role or user, such as arn:aws:iam::123456789012:role/my-role")}
	}
}

func validateAccessPolicies(policies []controlplanev1.AccessPolicyReference, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, policy := range policies {
		at := path.Index(i)
		if policy.PolicyARN != "" && !accessPolicyPattern.MatchString(policy.PolicyARN) {
			errs = append(errs, field.Invalid(at.Child("policyARN"), policy.PolicyARN, "must be an access policy of EKS and not an IAM policy, such as arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"))
		}
		if slices.ContainsFunc(policies[:i], func(p controlplanev1.AccessPolicyReference) bool { return p.PolicyARN == policy.PolicyARN }) {
			errs = append(errs, field.Duplicate(at.Child("policyARN"), policy.PolicyARN))
		}
		namespaces, scope := at.Child("accessScope", "namespaces"), policy.AccessScope
		switch {
		case scope.Type == controlplanev1.AccessScopeTypeNamespace && len(scope.Namespaces) == 0:
			errs = append(errs, field.Required(namespaces, "the type namespace needs them: write names of namespaces, such as default"))
		case scope.Type == controlplanev1.AccessScopeTypeCluster && len(scope.Namespaces) > 0:
			errs = append(errs, field.Forbidden(namespaces, "the type cluster is for all of them: leave them out, or write type: namespace"))
		}
		for j, name := range scope.Namespaces {
			if name == "" || len(utilvalidation.IsDNS1123Label(strings.ReplaceAll(name, "*", "x"))) > 0 {
				errs = append(errs, field.Invalid(namespaces.Index(j), name, "must be the name of a namespace, such as default"))
			}
		}
	}
	return errs
}

func validatePodIdentity(associations []controlplanev1.PodIdentityAssociation, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, a := range associations {
		at := path.Index(i)
		errs = append(errs, shared.ValidateRoleARN(a.RoleARN, at.Child("roleARN"))...)
		errs = append(errs, shared.ValidateRoleARN(a.TargetRoleARN, at.Child("targetRoleARN"))...)
		if a.Namespace != "" && len(utilvalidation.IsDNS1123Label(a.Namespace)) > 0 {
			errs = append(errs, field.Invalid(at.Child("namespace"), a.Namespace, "must be the name of a namespace, such as default"))
		}
		if a.ServiceAccount != "" && len(utilvalidation.IsDNS1123Subdomain(a.ServiceAccount)) > 0 {
			errs = append(errs, field.Invalid(at.Child("serviceAccount"), a.ServiceAccount, "must be the name of a service account, such as default"))
		}
	}
	return errs
}
