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

// Runs is what an image has to run.
type Runs struct {
	// Version is the Machine's Kubernetes version.
	Version string
	// Architecture is the processors' one, "" while it isn't known.
	Architecture string
	// BootstrapKind is the kind of the bootstrap configuration, "" where there is none.
	BootstrapKind string
}

// ImageQuery returns which image a machine wants.
func ImageQuery(spec *infrav1.AWSMachineSpec, infra *infrastructure.Cluster, r Runs) (cloud.ImageQuery, error) {
	switch {
	case spec.AMI.ID != nil && *spec.AMI.ID != "":
		return cloud.ImageQuery{ID: *spec.AMI.ID}, nil
	case r.Version == "":
		return cloud.ImageQuery{}, fmt.Errorf("no image can be looked up without a Kubernetes version: set the version of the Machine or MachinePool, or ami.id")
	case r.Architecture == "":
		return cloud.ImageQuery{}, fmt.Errorf("the instance type %s isn't offered in %s: write another instanceType", spec.InstanceType, infra.Region)
	case spec.AMI.EKSOptimizedLookupType != nil:
		return eksQuery(*spec.AMI.EKSOptimizedLookupType, r)
	}
	format, baseOS, owner := first(spec.ImageLookupFormat, infra.LookupFormat), first(spec.ImageLookupBaseOS, infra.LookupBaseOS), first(spec.ImageLookupOrg, infra.LookupOrg)
	if infra.EKS != "" && format+baseOS+owner == "" {
		return eksQuery(familyFor(r.BootstrapKind), r)
	}
	name, err := infrav1.ImageName(first(format, defaultImageFormat), first(baseOS, defaultImageBaseOS), strings.TrimPrefix(r.Version, "v"))
	if err != nil {
		return cloud.ImageQuery{}, fmt.Errorf("imageLookupFormat: %w", err)
	}
	return cloud.ImageQuery{Owner: first(owner, defaultImageOwner), Name: name, Architecture: r.Architecture}, nil
}

// NotOffered says which of some instance types a region doesn't have, "" for none.
func NotOffered(snap *mirror.Snapshot, region string, instanceTypes ...string) string {
	var missing []string
	for _, name := range instanceTypes {
		if Architecture(snap, name) == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return ""
	}
	return fmt.Sprintf("the instance type %s isn't offered in %s", strings.Join(missing, ", "), region)
}

// NeedsImage tells whether the image itself is looked at, not only its id.
func NeedsImage(spec *infrav1.AWSMachineSpec) bool {
	return spec.AMI.ID == nil || *spec.AMI.ID == "" || spec.RootVolume != nil
}

// NeedsArchitecture tells whether the image depends on the instance type.
func NeedsArchitecture(spec *infrav1.AWSMachineSpec) bool {
	return spec.AMI.ID == nil || *spec.AMI.ID == ""
}

// Where EKS, Bottlerocket and Windows tell the recommended images of a Kubernetes minor version.
// https://docs.aws.amazon.com/eks/latest/userguide/retrieve-ami-id.html and its neighbours
const (
	eksParameter          = "/aws/service/eks/optimized-ami/%s/%s/recommended/image_id"
	bottlerocketParameter = "/aws/service/bottlerocket/aws-k8s-%s%s/%s/latest/image_id"
	windowsParameter      = "/aws/service/ami-windows-latest/Windows_Server-%s-EKS_Optimized-%s/image_id"
)

// amazonLinux2End is the first minor version of Kubernetes without images of Amazon Linux 2.
const amazonLinux2End = 33

var (
	linux2023 = map[infrav1.EKSAMILookupType]string{infrav1.EKSAMILookupAmazonLinux2023: "standard", infrav1.EKSAMILookupAmazonLinux2023GPU: "nvidia",
		infrav1.EKSAMILookupAmazonLinux2023Neuron: "neuron"}
	bottlerocket = map[infrav1.EKSAMILookupType]string{infrav1.EKSAMILookupBottlerocket: "", infrav1.EKSAMILookupBottlerocketGPU: "-nvidia",
		infrav1.EKSAMILookupBottlerocketFIPS: "-fips"}
	windows = map[infrav1.EKSAMILookupType]string{infrav1.EKSAMILookupWindows2019Core: "2019-English-Core", infrav1.EKSAMILookupWindows2019Full: "2019-English-Full",
		infrav1.EKSAMILookupWindows2022Core: "2022-English-Core", infrav1.EKSAMILookupWindows2022Full: "2022-English-Full",
		infrav1.EKSAMILookupWindows2025Core: "2025-English-Core", infrav1.EKSAMILookupWindows2025Full: "2025-English-Full"}
)

// IsWindows tells the nodes that run Windows.
func IsWindows(kind *infrav1.EKSAMILookupType) bool { return kind != nil && windows[*kind] != "" }

// familyFor is the kind of image that reads what a kind of bootstrap configuration writes.
func familyFor(bootstrapKind string) infrav1.EKSAMILookupType {
	if bootstrapKind == "EKSConfig" {
		return infrav1.EKSAMILookupAmazonLinux
	}
	return infrav1.EKSAMILookupAmazonLinux2023
}

// eksQuery finds the images that are published for EKS.
func eksQuery(kind infrav1.EKSAMILookupType, r Runs) (cloud.ImageQuery, error) {
	var major, minor int
	if _, err := fmt.Sscanf(strings.TrimPrefix(r.Version, "v"), "%d.%d", &major, &minor); err != nil {
		return cloud.ImageQuery{}, fmt.Errorf("the Kubernetes version %q has no minor version", r.Version)
	}
	version, arm := fmt.Sprintf("%d.%d", major, minor), r.Architecture == string(ec2types.ArchitectureTypeArm64)
	var parameter string
	switch {
	case arm && (kind == infrav1.EKSAMILookupAmazonLinuxGPU || kind == infrav1.EKSAMILookupAmazonLinux2023Neuron || IsWindows(&kind)):
		return cloud.ImageQuery{}, fmt.Errorf("there is no image of ami.eksLookupType %s for %s: choose an instance type of %s, or another eksLookupType", kind, r.Architecture, ec2types.ArchitectureTypeX8664)
	case kind == infrav1.EKSAMILookupAmazonLinux || kind == infrav1.EKSAMILookupAmazonLinuxGPU:
		if minor >= amazonLinux2End {
			return cloud.ImageQuery{}, fmt.Errorf("there are no images of Amazon Linux 2 for Kubernetes %s: set ami.eksLookupType %s, with a NodeadmConfig", version, infrav1.EKSAMILookupAmazonLinux2023)
		}
		parameter = fmt.Sprintf(eksParameter, version, "amazon-linux-2"+suffix(kind == infrav1.EKSAMILookupAmazonLinuxGPU, "-gpu")+suffix(arm, "-arm64"))
	case linux2023[kind] != "":
		parameter = fmt.Sprintf(eksParameter, version, "amazon-linux-2023/"+r.Architecture+"/"+linux2023[kind])
	case strings.HasPrefix(string(kind), string(infrav1.EKSAMILookupBottlerocket)):
		parameter = fmt.Sprintf(bottlerocketParameter, version, bottlerocket[kind], r.Architecture)
	case IsWindows(&kind):
		parameter = fmt.Sprintf(windowsParameter, windows[kind], version)
	default:
		return cloud.ImageQuery{}, fmt.Errorf("ami.eksLookupType %q is unknown", kind)
	}
	return cloud.ImageQuery{Parameter: parameter}, nil
}

func suffix(wanted bool, text string) string {
	if wanted {
		return text
	}
	return ""
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
