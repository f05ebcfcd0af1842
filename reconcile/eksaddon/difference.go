package eksaddon

import (
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"sigs.k8s.io/yaml"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

const podIdentities = "pod identities"

// differences names what of an add-on isn't as the spec says, where it says something.
func differences(a *Addon, version string, row *mirror.EKSAddon) []string {
	var differs []string
	if version != "" && version != aws.ToString(row.AddonVersion) {
		differs = append(differs, "version")
	}
	if a.Configuration != "" && !SameConfiguration(a.Configuration, aws.ToString(row.ConfigurationValues)) {
		differs = append(differs, "configuration")
	}
	if a.RoleARN != "" && a.RoleARN != aws.ToString(row.ServiceAccountRoleArn) {
		differs = append(differs, "role")
	}
	if a.Identities != nil && !sameIdentities(a.Identities, row) {
		differs = append(differs, podIdentities)
	}
	return differs
}

// SameConfiguration tells whether two configurations, JSON or YAML, say the same. What
// neither is is compared as it is written.
func SameConfiguration(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := values(a)
	y, errY := values(b)
	return errX == nil && errY == nil && reflect.DeepEqual(x, y)
}

// values reads a configuration; one that says nothing is an empty one.
func values(text string) (any, error) {
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		return nil, err
	}
	if v == nil {
		v = map[string]any{}
	}
	return v, nil
}

// sameIdentities tells whether an add-on has the pod identities, as far as they can be seen.
func sameIdentities(want []ekstypes.AddonPodIdentityAssociations, row *mirror.EKSAddon) bool {
	if len(row.PodIdentityAssociations) > 0 && row.Identities == nil {
		return true
	}
	has := func(w ekstypes.AddonPodIdentityAssociations) bool {
		return slices.ContainsFunc(row.Identities, func(h ekstypes.PodIdentityAssociation) bool {
			return aws.ToString(h.ServiceAccount) == aws.ToString(w.ServiceAccount) && aws.ToString(h.RoleArn) == aws.ToString(w.RoleArn)
		})
	}
	return len(want) == len(row.Identities) && !slices.ContainsFunc(want, func(w ekstypes.AddonPodIdentityAssociations) bool { return !has(w) })
}
