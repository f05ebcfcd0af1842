package instance

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// Names of resources that device plugins give to nodes.
const (
	resourceNvidia = "nvidia.com/gpu"
	resourceAMD    = "amd.com/gpu"
	resourceNeuron = "aws.amazon.com/neuron"
	resourceEFA    = "vpc.amazonaws.com/efa"
)

// Capacity returns what a node of the instance type has: cpu and memory, the root
// volume as ephemeral storage where its size is known, and accelerators.
func Capacity(t *ec2types.InstanceTypeInfo, spec *infrav1.AWSMachineSpec) corev1.ResourceList {
	list := corev1.ResourceList{}
	count := func(name corev1.ResourceName, n int32) {
		if n > 0 {
			list[name] = *resource.NewQuantity(list.Name(name, resource.DecimalSI).Value()+int64(n), resource.DecimalSI)
		}
	}
	if t.VCpuInfo != nil {
		count(corev1.ResourceCPU, aws.ToInt32(t.VCpuInfo.DefaultVCpus))
	}
	if t.MemoryInfo != nil {
		list[corev1.ResourceMemory] = resource.MustParse(fmt.Sprintf("%dMi", aws.ToInt64(t.MemoryInfo.SizeInMiB)))
	}
	if v := spec.RootVolume; v != nil {
		list[corev1.ResourceEphemeralStorage] = resource.MustParse(fmt.Sprintf("%dGi", v.Size))
	}
	if t.GpuInfo != nil {
		for _, g := range t.GpuInfo.Gpus {
			switch strings.ToLower(aws.ToString(g.Manufacturer)) {
			case "nvidia":
				count(resourceNvidia, aws.ToInt32(g.Count))
			case "amd":
				count(resourceAMD, aws.ToInt32(g.Count))
			}
		}
	}
	if t.NeuronInfo != nil {
		for _, d := range t.NeuronInfo.NeuronDevices {
			count(resourceNeuron, aws.ToInt32(d.Count))
		}
	}
	if spec.NetworkInterfaceType == infrav1.NetworkInterfaceTypeEFA {
		count(resourceEFA, 1)
	}
	return list
}

// NodeInfo returns what software fits the instance type; nil for a processor that
// Kubernetes doesn't know.
func NodeInfo(t *ec2types.InstanceTypeInfo) *infrav1.NodeInfo {
	if t.ProcessorInfo == nil {
		return nil
	}
	for _, a := range t.ProcessorInfo.SupportedArchitectures {
		switch a {
		case ec2types.ArchitectureTypeX8664:
			return &infrav1.NodeInfo{Architecture: infrav1.ArchitectureAMD64, OperatingSystem: infrav1.OperatingSystemLinux}
		case ec2types.ArchitectureTypeArm64:
			return &infrav1.NodeInfo{Architecture: infrav1.ArchitectureARM64, OperatingSystem: infrav1.OperatingSystemLinux}
		}
	}
	return nil
}
