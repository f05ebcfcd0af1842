package validation

import (
	"net/netip"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// maxPresign is how long a presigned URL can be good, from the S3 User Guide.
const maxPresign = 7 * 24 * time.Hour

func validateS3Bucket(bucket *infrav1.S3Bucket, path *field.Path) field.ErrorList {
	if bucket == nil {
		return nil
	}
	errs := validateBucketName(bucket.Name, path.Child("name"))
	if bucket.PresignedURLDuration != nil {
		errs = append(errs, validatePresign(*bucket.PresignedURLDuration, path.Child("presignedURLDuration"))...)
	} else {
		errs = append(errs, validateBucketProfiles(bucket, path)...)
	}
	for i, role := range bucket.AdditionalIAMRoles {
		if strings.HasPrefix(role.Prefix, "/") {
			errs = append(errs, field.Invalid(path.Child("additionalIAMRoles").Index(i).Child("prefix"), role.Prefix,
				"must not start with a slash: write "+strings.TrimLeft(role.Prefix, "/")))
		}
	}
	return errs
}

func validateBucketName(name string, path *field.Path) field.ErrorList {
	if _, err := netip.ParseAddr(name); err == nil {
		return field.ErrorList{field.Invalid(path, name, "must not be an IP address: write a DNS-like name such as my-bucket")}
	}
	if strings.Contains(name, "..") {
		return field.ErrorList{field.Invalid(path, name, "must not hold two dots in a row: write a DNS-like name such as my.bucket")}
	}
	return nil
}

func validatePresign(value string, path *field.Path) field.ErrorList {
	if duration, err := time.ParseDuration(value); err == nil && duration > 0 && duration <= maxPresign {
		return nil
	}
	return field.ErrorList{field.Invalid(path, value, "must be a duration of more than 0s and at most 168h, such as 1h")}
}

// validateBucketProfiles wants to know who reads the bucket when no presigned URL does.
func validateBucketProfiles(bucket *infrav1.S3Bucket, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	const otherwise = "; or set presignedURLDuration"
	if bucket.ControlPlaneIAMInstanceProfile == "" {
		errs = append(errs, field.Required(path.Child("controlPlaneIAMInstanceProfile"),
			"can't be empty: write the control plane's instance profile, such as control-plane.cluster-api-provider-aws.sigs.k8s.io"+otherwise))
	}
	profiles := path.Child("nodesIAMInstanceProfiles")
	if len(bucket.NodesIAMInstanceProfiles) == 0 {
		errs = append(errs, field.Required(profiles,
			"can't be empty: write the nodes' instance profiles, such as nodes.cluster-api-provider-aws.sigs.k8s.io"+otherwise))
	}
	for i, profile := range bucket.NodesIAMInstanceProfiles {
		if profile == "" {
			errs = append(errs, field.Required(profiles.Index(i), "can't be empty: write an instance profile or remove the item"))
		}
	}
	return errs
}
