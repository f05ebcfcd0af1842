package validation

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// Limits of tags, from the EC2 User Guide.
const (
	maxTags        = 50
	maxTagKeyLen   = 128
	maxTagValueLen = 256
)

var tagPattern = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

const tagCharacters = "may only hold letters, digits, spaces and _.:/=+-@"

// ValidateTags judges tags that users want on what belongs to an object.
func ValidateTags(tags infrav1.Tags, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if len(tags) > maxTags {
		errs = append(errs, field.TooMany(path, len(tags), maxTags))
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		errs = append(errs, validateTag(key, tags[key], path.Key(key))...)
	}
	return errs
}

func validateTag(key, value string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if n := utf8.RuneCountInString(key); n < 1 || n > maxTagKeyLen {
		errs = append(errs, field.Invalid(path, key, fmt.Sprintf("the key must be 1 to %d characters long", maxTagKeyLen)))
	}
	if utf8.RuneCountInString(value) > maxTagValueLen {
		errs = append(errs, field.Invalid(path, value, fmt.Sprintf("the value must be at most %d characters long", maxTagValueLen)))
	}
	if strings.HasPrefix(key, "aws:") {
		errs = append(errs, field.Invalid(path, key, "the key must not begin with aws:, which AWS keeps for itself"))
	}
	if !tagPattern.MatchString(key) {
		errs = append(errs, field.Invalid(path, key, "the key "+tagCharacters))
	}
	if !tagPattern.MatchString(value) {
		errs = append(errs, field.Invalid(path, value, "the value "+tagCharacters))
	}
	return errs
}

// The keys of tags that say whose a resource is. Whoever could write them could make
// things that look like those of somebody else.
const (
	providerTags      = "sigs.k8s.io/cluster-api-provider-aws/"
	serverTags        = "capa-apiserver.cluster.x-k8s.io/"
	cloudProviderTags = "kubernetes.io/cluster/"
)

// ValidateOwnership refuses tags that say whose a resource is. clusters are the names by
// which the object's Cluster may go; none where that isn't known. recorded tells that the
// provider itself writes down there what tags the cluster's own things have.
func ValidateOwnership(tags infrav1.Tags, clusters []string, recorded bool, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		cluster, isCluster := strings.CutPrefix(key, cloudProviderTags)
		switch {
		case isCluster && (len(clusters) == 0 || slices.Contains(clusters, cluster)):
		case recorded && ownKey(key, clusters):
		case isCluster:
			errs = append(errs, field.Invalid(path.Key(key), key, "the key says that it is for a cluster of another name: leave it out"))
		case strings.HasPrefix(key, providerTags), strings.HasPrefix(key, serverTags):
			errs = append(errs, field.Invalid(path.Key(key), key, "the key says whose a resource is, which only the server writes: leave it out"))
		}
	}
	return errs
}

// ownKey tells the keys that a cluster's own VPC and subnets have anyway, and the one by
// which users keep a subnet for pods.
func ownKey(key string, clusters []string) bool {
	switch rest := strings.TrimPrefix(key, providerTags); rest {
	case key:
		return false
	case "role", "association":
		return true
	default:
		cluster, ok := strings.CutPrefix(rest, "cluster/")
		return ok && slices.Contains(clusters, cluster)
	}
}

// ClustersOf returns the names by which the Cluster of an object may go: its owner
// reference and label come later than the object, and for an AWSCluster its own name
// counts before.
func ClustersOf(obj metav1.Object) []string {
	var clusters []string
	if name := obj.GetLabels()[clusterv1.ClusterNameLabel]; name != "" {
		clusters = append(clusters, name)
	}
	for _, ref := range obj.GetOwnerReferences() {
		if ref.Kind == clusterv1.ClusterKind && strings.HasPrefix(ref.APIVersion, clusterv1.GroupVersion.Group+"/") {
			clusters = append(clusters, ref.Name)
		}
	}
	if _, ok := obj.(*infrav1.AWSCluster); ok {
		clusters = append(clusters, obj.GetName())
	}
	return clusters
}

// ClusterOwnership judges all tags of a cluster's spec.
func ClusterOwnership(spec *infrav1.AWSClusterSpec, clusters []string, path *field.Path) field.ErrorList {
	errs := ValidateOwnership(spec.AdditionalTags, clusters, false, path.Child("additionalTags"))
	network := path.Child("network")
	errs = append(errs, ValidateOwnership(spec.Network.VPC.Tags, clusters, true, network.Child("vpc", "tags"))...)
	for i := range spec.Network.Subnets {
		errs = append(errs, ValidateOwnership(spec.Network.Subnets[i].Tags, clusters, true, network.Child("subnets").Index(i).Child("tags"))...)
	}
	return errs
}

// machineOwnership judges all tags of a machine's spec.
func machineOwnership(spec *infrav1.AWSMachineSpec, clusters []string, path *field.Path) field.ErrorList {
	errs := ValidateOwnership(spec.AdditionalTags, clusters, false, path.Child("additionalTags"))
	if host := spec.DynamicHostAllocation; host != nil {
		errs = append(errs, ValidateOwnership(host.Tags, clusters, false, path.Child("dynamicHostAllocation", "tags"))...)
	}
	return errs
}
