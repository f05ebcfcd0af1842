package ssm

import (
	"regexp"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/ec2"
)

// Names of public parameters, by "Retrieve recommended Amazon Linux AMI IDs" of the EKS user guide and what it says of Bottlerocket and Windows and Canonical's documentation.
var (
	amazonLinux2    = regexp.MustCompile(`^/aws/service/eks/optimized-ami/(1\.\d+)/amazon-linux-2(-gpu|-arm64)?/recommended/image_id$`)
	amazonLinux2023 = regexp.MustCompile(`^/aws/service/eks/optimized-ami/(1\.\d+)/amazon-linux-2023/(x86_64|arm64)/(standard|nvidia|neuron)/recommended/image_id$`)
	bottlerocket    = regexp.MustCompile(`^/aws/service/bottlerocket/aws-k8s-(1\.\d+)(-nvidia|-fips)?/(x86_64|arm64)/latest/image_id$`)
	windows         = regexp.MustCompile(`^/aws/service/ami-windows-latest/(Windows_Server-\d+-English-(?:Core|Full)-EKS_Optimized-1\.\d+)/image_id$`)
	ubuntu          = regexp.MustCompile(`^/aws/service/canonical/ubuntu/server/([\d.]+)/stable/current/(amd64|arm64)/hvm/ebs-gp[23]/ami-id$`)
)

// public is the value of AWS's own parameter, "" if there is none.
func public(r *core.Region, name string) string {
	arch := types.ArchitectureValuesX8664
	image := (*types.Image)(nil)
	if part := amazonLinux2.FindStringSubmatch(name); part != nil {
		prefix := "amazon-eks-node-"
		switch part[2] {
		case "-gpu":
			prefix = "amazon-eks-gpu-node-"
		case "-arm64":
			prefix, arch = "amazon-eks-arm64-node-", types.ArchitectureValuesArm64
		}
		image = ec2.PublicImage(r, ec2.OwnerEKS, prefix+part[1]+"-v*", arch)
	} else if part := amazonLinux2023.FindStringSubmatch(name); part != nil {
		image = ec2.PublicImage(r, ec2.OwnerEKS, "amazon-eks-node-al2023-"+part[2]+"-"+part[3]+"-"+part[1]+"-v*", types.ArchitectureValues(part[2]))
	} else if part := bottlerocket.FindStringSubmatch(name); part != nil {
		said := "x86_64"
		if part[3] == "arm64" {
			said, arch = "aarch64", types.ArchitectureValuesArm64
		}
		image = ec2.PublicImage(r, ec2.OwnerBottlerocket, "bottlerocket-aws-k8s-"+part[1]+part[2]+"-"+said+"-v*", arch)
	} else if part := windows.FindStringSubmatch(name); part != nil {
		image = ec2.PublicImage(r, ec2.OwnerWindows, part[1]+"-*", arch)
	} else if part := ubuntu.FindStringSubmatch(name); part != nil {
		if part[2] == "arm64" {
			arch = types.ArchitectureValuesArm64
		}
		image = ec2.PublicImage(r, ec2.OwnerCanonical, "ubuntu/images/*-"+part[1]+"-"+part[2]+"-server-*", arch)
	}
	if image == nil {
		return ""
	}
	return *image.ImageId
}
