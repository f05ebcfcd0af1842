package validation

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// Types of volumes with rules of their own, and the range of gp3's throughput in MiB/s, from
// the EBS User Guide.
const (
	volumeTypeGP3 infrav1.VolumeType = "gp3"
	volumeTypeIO1 infrav1.VolumeType = "io1"
	volumeTypeIO2 infrav1.VolumeType = "io2"

	minThroughput = 125
	maxThroughput = 2000
)

// volumeTypes are all types of volumes, from the same guide.
var volumeTypes = []infrav1.VolumeType{"gp2", volumeTypeGP3, volumeTypeIO1, volumeTypeIO2, "st1", "sc1", "standard"}

// validateRootVolume judges the volume that an instance boots from.
func validateRootVolume(volume *infrav1.Volume, path *field.Path) field.ErrorList {
	if volume == nil {
		return nil
	}
	errs := validateIOPS(volume, path)
	if volume.Throughput == nil {
		return errs
	}
	at, value := path.Child("throughput"), *volume.Throughput
	errs = append(errs, validateThroughputType(volume, at)...)
	if value < minThroughput || value > maxThroughput {
		errs = append(errs, field.Invalid(at, value, fmt.Sprintf("must be between %d and %d MiB/s", minThroughput, maxThroughput)))
	}
	return errs
}

// validateTemplateRootVolume judges less: a patch may still complete it.
func validateTemplateRootVolume(volume *infrav1.Volume, path *field.Path) field.ErrorList {
	if volume == nil {
		return nil
	}
	return append(validateIOPS(volume, path), validateThroughputSign(volume, path.Child("throughput"))...)
}

// validateNonRootVolumes judges further volumes, which need a device each.
func validateNonRootVolumes(volumes []infrav1.Volume, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	devices := map[string]*field.Path{}
	for i := range volumes {
		volume, at := &volumes[i], path.Index(i)
		errs = append(errs, validateIOPS(volume, at)...)
		if volume.Throughput != nil {
			errs = append(errs, validateThroughputType(volume, at.Child("throughput"))...)
			errs = append(errs, validateThroughputSign(volume, at.Child("throughput"))...)
		}
		device := at.Child("deviceName")
		switch before, found := devices[volume.DeviceName]; {
		case volume.DeviceName == "":
			errs = append(errs, field.Required(device, "a further volume should have a device name: write one such as /dev/sdb"))
		case found:
			errs = append(errs, field.Invalid(device, volume.DeviceName, fmt.Sprintf("is also that of %s; give each volume its own device", before)))
		default:
			devices[volume.DeviceName] = at
		}
	}
	return errs
}

func validateIOPS(volume *infrav1.Volume, path *field.Path) field.ErrorList {
	at := path.Child("iops")
	switch {
	case volume.IOPS < 0:
		return field.ErrorList{field.Invalid(at, volume.IOPS, "must not be negative")}
	case volume.IOPS == 0 && (volume.Type == volumeTypeIO1 || volume.Type == volumeTypeIO2):
		return field.ErrorList{field.Required(at, fmt.Sprintf("iops required if type is %s: write a number such as 3000", volume.Type))}
	}
	return nil
}

func validateThroughputType(volume *infrav1.Volume, path *field.Path) field.ErrorList {
	if volume.Type == volumeTypeGP3 {
		return nil
	}
	return field.ErrorList{field.Invalid(path, *volume.Throughput, "throughput is valid only for type gp3: write type: gp3, or remove throughput")}
}

func validateThroughputSign(volume *infrav1.Volume, path *field.Path) field.ErrorList {
	if volume.Throughput == nil || *volume.Throughput >= 0 {
		return nil
	}
	return field.ErrorList{field.Invalid(path, *volume.Throughput, "must not be negative")}
}

func rootVolumeWarnings(volume *infrav1.Volume, path *field.Path) []string {
	if volume == nil {
		return nil
	}
	warnings := volumeWarnings(volume, path)
	if volume.DeviceName != "" {
		warnings = append(warnings, fmt.Sprintf("%s: has no effect: the root volume has the device of the image", path.Child("deviceName")))
	}
	return warnings
}

// volumeWarnings warns of a type that AWS isn't known to have: it may be a new one.
func volumeWarnings(volume *infrav1.Volume, path *field.Path) []string {
	if volume.Type == "" || slices.Contains(volumeTypes, volume.Type) {
		return nil
	}
	return []string{fmt.Sprintf("%s: %q is no type of volume that is known here: instances can't be launched if AWS doesn't know it either; known are %s",
		path.Child("type"), volume.Type, joined(volumeTypes))}
}

func joined[T ~string](values []T) string {
	var plain []string
	for _, v := range values {
		plain = append(plain, string(v))
	}
	return strings.Join(plain, ", ")
}

func nonRootVolumeWarnings(volumes []infrav1.Volume, path *field.Path) []string {
	var warnings []string
	for i := range volumes {
		warnings = append(warnings, volumeWarnings(&volumes[i], path.Index(i))...)
	}
	return warnings
}
