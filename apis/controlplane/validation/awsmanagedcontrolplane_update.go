package validation

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	shared "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/validation"
	"github.com/capa-apiserver/capa-apiserver/apis/validation"
)

// ValidateAWSManagedControlPlaneUpdate judges the update of an AWSManagedControlPlane: all
// that is judged on create, unless it was wrong before, and what may change at all.
func ValidateAWSManagedControlPlaneUpdate(updated, old *controlplanev1.AWSManagedControlPlane) field.ErrorList {
	errs := validateChange(&updated.Spec, &old.Spec, specPath)
	errs = append(errs, validateRoleKept(updated, old)...)
	errs = append(errs, shared.ValidateManagedByKept(updated.Annotations, old.Annotations)...)
	// What can't change is put back before the rest is judged: nothing is wrong because of it.
	kept := *updated
	kept.Spec.Region, kept.Spec.EKSClusterName = old.Spec.Region, old.Spec.EKSClusterName
	if id := old.Spec.Network.VPC.ID; id != "" {
		kept.Spec.Network.VPC.ID = id
	}
	return append(errs, validation.Ratchet(ValidateAWSManagedControlPlane, &kept, old)...)
}

func validateChange(updated, old *controlplanev1.AWSManagedControlPlaneSpec, path *field.Path) field.ErrorList {
	errs := shared.ValidateFoundationChange(foundation(updated), foundation(old), path)
	if old.EKSClusterName != "" && updated.EKSClusterName != old.EKSClusterName {
		errs = append(errs, field.Invalid(path.Child("eksClusterName"), updated.EKSClusterName,
			fmt.Sprintf("is different to the current cluster name: write %s, or create a new cluster", old.EKSClusterName)))
	}
	errs = append(errs, validateVersionChange(updated.Version, old.Version, path.Child("version"))...)
	errs = append(errs, validateEncryptionChange(updated.EncryptionConfig, old.EncryptionConfig, path.Child("encryptionConfig"))...)
	errs = append(errs, validateAccessChange(updated.AccessConfig, old.AccessConfig, path.Child("accessConfig"))...)
	errs = append(errs, validateEntryChange(updated.AccessEntries, old.AccessEntries, path.Child("accessEntries"))...)
	if before, after := old.Network.VPC.IPv6 != nil, updated.Network.VPC.IPv6 != nil; before != after {
		advice := "leave it out"
		if before {
			advice = "write it as it was"
		}
		errs = append(errs, field.Invalid(path.Child("network", "vpc", "ipv6"), after, "EKS can't change the IP family of a cluster: "+advice+", or create a new cluster"))
	}
	if a, b := updated.AutoMode, old.AutoMode; a != nil && b != nil && b.Enabled && a.Enabled && b.NodeRoleARN != "" && a.NodeRoleARN != "" && a.NodeRoleARN != b.NodeRoleARN {
		errs = append(errs, field.Invalid(path.Child("autoMode", "nodeRoleARN"), a.NodeRoleARN, "can't be changed while Auto Mode is on: write "+b.NodeRoleARN))
	}
	return errs
}

// validateRoleKept: EKS gives no other role to a cluster that is there.
func validateRoleKept(updated, old *controlplanev1.AWSManagedControlPlane) field.ErrorList {
	after, before := updated.Spec.RoleName, old.Spec.RoleName
	if !old.Initialized() || after == nil || before == nil || *after == *before {
		return nil
	}
	return field.ErrorList{field.Invalid(specPath.Child("roleName"), *after, fmt.Sprintf("EKS can't change the role of a cluster: write %s, or create a new cluster", *before))}
}

func validateVersionChange(updated, old *string, path *field.Path) field.ErrorList {
	after, ok := controlplanev1.MinorOf(updated)
	before, had := controlplanev1.MinorOf(old)
	if !ok || !had || !after.Less(before) {
		return nil
	}
	return field.ErrorList{field.Invalid(path, *updated, fmt.Sprintf("is less than the old version, and EKS doesn't go back: write %s or later", *old))}
}

func validateEncryptionChange(updated, old *controlplanev1.EncryptionConfig, path *field.Path) field.ErrorList {
	switch {
	case old == nil || old.Provider == nil || len(old.Resources) == 0:
		return nil
	case updated == nil:
		return field.ErrorList{field.Invalid(path, nil, "encryption can't be taken away from a cluster: write provider "+*old.Provider+" and resources [secrets]")}
	case updated.Provider == nil || *updated.Provider != *old.Provider:
		return field.ErrorList{field.Invalid(path.Child("provider"), updated.Provider, "the key of a cluster can't be changed: write "+*old.Provider)}
	}
	return nil
}

// modes are the authentication modes in the order in which EKS goes through them.
var modes = []controlplanev1.EKSAuthenticationMode{
	controlplanev1.EKSAuthenticationModeConfigMap, controlplanev1.EKSAuthenticationModeAPIAndConfigMap, controlplanev1.EKSAuthenticationModeAPI,
}

func validateAccessChange(updated, old *controlplanev1.AccessConfig, path *field.Path) field.ErrorList {
	switch {
	case old == nil:
		return nil
	case updated == nil:
		return field.ErrorList{field.Invalid(path, nil, fmt.Sprintf("cannot be removed once set: write authenticationMode: %s", old.AuthenticationMode))}
	case slices.Index(modes, updated.AuthenticationMode) >= slices.Index(modes, old.AuthenticationMode) || !slices.Contains(modes, updated.AuthenticationMode):
		return nil
	}
	return field.ErrorList{field.Invalid(path.Child("authenticationMode"), updated.AuthenticationMode,
		fmt.Sprintf("EKS only goes from config_map to api_and_config_map to api, never back: write %s", old.AuthenticationMode))}
}

// validateEntryChange keeps the type of an entry, which belongs to its principal.
func validateEntryChange(updated, old []controlplanev1.AccessEntry, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, entry := range updated {
		before := slices.IndexFunc(old, func(o controlplanev1.AccessEntry) bool { return o.PrincipalARN == entry.PrincipalARN })
		if before >= 0 && old[before].Type != entry.Type {
			errs = append(errs, field.Invalid(path.Index(i).Child("type"), entry.Type,
				fmt.Sprintf("the type of an entry can't be changed: write %s, or take the entry out and add it again later", old[before].Type)))
		}
	}
	return errs
}

// recorded are the fields that every kind of cluster has, and the endpoint.
func recorded(updated, old *controlplanev1.AWSManagedControlPlane) field.ErrorList {
	return shared.ChangedFoundation(foundation(&updated.Spec), foundation(&old.Spec), specPath)
}
