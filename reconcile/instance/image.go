package instance

import (
	"fmt"
	"strings"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/infrastructure"
)

// Where images are looked for unless somebody says otherwise: those that the
// makers of Cluster API for AWS publish.
const (
	defaultImageOwner  = "819546954734"
	defaultImageFormat = "capa-ami-{{.BaseOS}}-?{{.K8sVersion}}-*"
	defaultImageBaseOS = "ubuntu-24.04"
)

// Architecture returns the processor architecture of an instance type, as images
// name it, "" while the type isn't known.
func Architecture(snap *mirror.Snapshot, instanceType string) string {
	row, ok := mirror.Get(snap, mirror.InstanceTypes, instanceType)
	if !ok || row.ProcessorInfo == nil {
		return ""
	}
	best := ""
	for _, a := range row.ProcessorInfo.SupportedArchitectures {
		// Old types know i386 too, and Macs have names of their own.
		switch a {
		case ec2types.ArchitectureTypeX8664, ec2types.ArchitectureTypeArm64:
			return string(a)
		}
		best = string(a)
	}
	return best
}

// ImageQuery returns which image a machine wants. version is the Machine's
// Kubernetes version.
func ImageQuery(spec *infrav1.AWSMachineSpec, infra *infrastructure.Cluster, version, architecture string) (cloud.ImageQuery, error) {
	switch {
	case spec.AMI.ID != nil && *spec.AMI.ID != "":
		return cloud.ImageQuery{ID: *spec.AMI.ID}, nil
	case version == "":
		return cloud.ImageQuery{}, fmt.Errorf("no image can be looked up without a Kubernetes version: set spec.version of the Machine, or spec.ami.id")
	case architecture == "":
		return cloud.ImageQuery{}, fmt.Errorf("the instance type %s isn't offered in %s: choose another one, or set spec.ami.id", spec.InstanceType, infra.Region)
	case spec.AMI.EKSOptimizedLookupType != nil:
		return eksQuery(*spec.AMI.EKSOptimizedLookupType, version, architecture)
	}
	name, err := infrav1.ImageName(first(spec.ImageLookupFormat, infra.LookupFormat, defaultImageFormat),
		first(spec.ImageLookupBaseOS, infra.LookupBaseOS, defaultImageBaseOS), strings.TrimPrefix(version, "v"))
	if err != nil {
		return cloud.ImageQuery{}, fmt.Errorf("imageLookupFormat: %w", err)
	}
	return cloud.ImageQuery{Owner: first(spec.ImageLookupOrg, infra.LookupOrg, defaultImageOwner), Name: name, Architecture: architecture}, nil
}

// NeedsImage tells whether the image itself is looked at, not only its id.
func NeedsImage(spec *infrav1.AWSMachineSpec) bool {
	return spec.AMI.ID == nil || *spec.AMI.ID == "" || spec.RootVolume != nil
}

// NeedsArchitecture tells whether the image depends on the instance type.
func NeedsArchitecture(spec *infrav1.AWSMachineSpec) bool {
	return spec.AMI.ID == nil || *spec.AMI.ID == ""
}

// eksQuery finds the images that EKS publishes, by the parameters that tell the
// recommended one of a Kubernetes minor version.
// https://docs.aws.amazon.com/eks/latest/userguide/retrieve-ami-id.html
func eksQuery(kind infrav1.EKSAMILookupType, version, architecture string) (cloud.ImageQuery, error) {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	if len(parts) < 2 {
		return cloud.ImageQuery{}, fmt.Errorf("the Kubernetes version %q has no minor version", version)
	}
	var family string
	switch kind {
	case infrav1.EKSAMILookupAmazonLinux:
		family = "amazon-linux-2"
		if architecture == string(ec2types.ArchitectureTypeArm64) {
			family += "-arm64"
		}
	case infrav1.EKSAMILookupAmazonLinuxGPU:
		family = "amazon-linux-2-gpu"
	case infrav1.EKSAMILookupAmazonLinux2023:
		family = "amazon-linux-2023/" + architecture + "/standard"
	case infrav1.EKSAMILookupAmazonLinux2023GPU:
		family = "amazon-linux-2023/" + architecture + "/nvidia"
	default:
		return cloud.ImageQuery{}, fmt.Errorf("ami.eksLookupType %q is unknown", kind)
	}
	return cloud.ImageQuery{Parameter: fmt.Sprintf("/aws/service/eks/optimized-ami/%s.%s/%s/recommended/image_id", parts[0], parts[1], family)}, nil
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
