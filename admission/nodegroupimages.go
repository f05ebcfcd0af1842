package admission

import (
	"fmt"
	"regexp"
	"strings"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

func architectureOf(kind infrav1.ManagedMachineAMIType) ec2types.ArchitectureValues {
	switch {
	case kind == infrav1.AMITypeCustom:
		return ""
	case kind.IsARM():
		return ec2types.ArchitectureValuesArm64
	default:
		return ec2types.ArchitectureValuesX8664
	}
}

// oneArchitecture: a node group has one image, so that all its instance types run it.
func oneArchitecture(v verdict, types []wish, known []*ec2types.InstanceTypeInfo) verdict {
	first := ""
	for _, t := range types {
		row := find(known, t.value)
		switch {
		case row == nil || row.ProcessorInfo == nil:
		case first == "":
			first = t.value
		case architectures(row) != architectures(find(known, first)):
			v.errs = append(v.errs, t.invalid("is %s, and %s is %s: the nodes of a group have one image: list types of one architecture, and make another AWSManagedMachinePool for the others",
				architectures(row), first, architectures(find(known, first))))
		}
	}
	return v
}

// imageNames are those of EKS's own images, by kind; %s is the version of Kubernetes.
// https://docs.aws.amazon.com/eks/latest/userguide/retrieve-ami-id.html
var imageNames = map[infrav1.ManagedMachineAMIType]string{
	infrav1.AMITypeAL2023x86_64Standard: "amazon-eks-node-al2023-x86_64-standard-%s-v",
	infrav1.AMITypeAL2023ARM64Standard:  "amazon-eks-node-al2023-arm64-standard-%s-v",
	infrav1.AMITypeAL2023x86_64NVIDIA:   "amazon-eks-node-al2023-x86_64-nvidia-%s-v",
	infrav1.AMITypeAL2023ARM64NVIDIA:    "amazon-eks-node-al2023-arm64-nvidia-%s-v",
	infrav1.AMITypeAL2023x86_64Neuron:   "amazon-eks-node-al2023-x86_64-neuron-%s-v",
	infrav1.AMITypeAL2x86_64:            "amazon-eks-node-%s-v",
	infrav1.AMITypeAL2ARM64:             "amazon-eks-arm64-node-%s-v",
	infrav1.AMITypeAL2x86_64GPU:         "amazon-eks-gpu-node-%s-v",
}

var builtOn = regexp.MustCompile(`^[0-9]{8}$`)

// imageName is the image of a release such as 1.34.2-20251112; "" for those of which no name
// follows from the release.
func imageName(spec *infrav1.AWSManagedMachinePoolSpec, version controlplanev1.Minor, release string) (name, architecture string) {
	if spec.AMIType == nil || spec.LaunchTemplateRef != nil {
		return "", ""
	}
	_, day, _ := strings.Cut(release, "-")
	pattern, ok := imageNames[*spec.AMIType]
	if !ok || !builtOn.MatchString(day) {
		return "", ""
	}
	return fmt.Sprintf(pattern, version) + day, string(architectureOf(*spec.AMIType))
}

// anyRelease is the pattern of an image's siblings.
func anyRelease(name string) string { return name[:strings.LastIndex(name, "-v")+2] + "*" }

// forbiddenInTemplate is what EKS takes in no launch template, or not beside what a spec says.
// https://docs.aws.amazon.com/eks/latest/userguide/launch-templates.html
func forbiddenInTemplate(data *ec2types.ResponseLaunchTemplateData, spec *infrav1.AWSManagedMachinePoolSpec) []string {
	var why []string
	forbid := func(there bool, text string) {
		if there {
			why = append(why, text)
		}
	}
	forbid(data.IamInstanceProfile != nil, "it has an instance profile, which EKS makes itself, of roleName")
	forbid(data.InstanceMarketOptions != nil && data.InstanceMarketOptions.MarketType == ec2types.MarketTypeSpot, "it asks for spot instances, which capacityType: spot does")
	forbid(data.HibernationOptions != nil && data.HibernationOptions.Configured != nil && *data.HibernationOptions.Configured, "it has hibernation")
	forbid(data.InstanceInitiatedShutdownBehavior != "", "it says what a shutdown does")
	for _, n := range data.NetworkInterfaces {
		forbid(n.SubnetId != nil, "a network interface of it has a subnet, which subnetIDs names")
	}
	types := spec.InstanceType != nil || len(spec.InstanceTypes) > 0
	forbid(data.InstanceType != "" && types, "it has an instance type, and so has the pool")
	own := data.ImageId != nil
	forbid(own && spec.AMIType != nil && *spec.AMIType != infrav1.AMITypeCustom, "it has an image, with which amiType is CUSTOM or left out")
	forbid(own && spec.AMIVersion != nil, "it has an image, beside which no amiVersion may be given")
	return why
}
