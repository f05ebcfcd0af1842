package ec2

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// Accounts that publish images.
const (
	ownerCAPA      = "819546954734" // Cluster API's images since Kubernetes 1.30
	ownerCAPAOld   = "258751437250" // Cluster API's images before that
	OwnerCanonical = "099720109477"
	ownerFlatcar   = "075585003325"
	OwnerEKS       = "602401143452"
	// OwnerBottlerocket and OwnerWindows publish the images of their systems for EKS.
	OwnerBottlerocket = "092701018921"
	OwnerWindows      = "801119661308"
)

// publicImage is an image as its publisher names it.
type publicImage struct {
	owner, name, root string
	arch              types.ArchitectureValues
	size              int32 // of the root volume, GiB
	created           time.Time
	description       string // the name if empty
}

// Kubernetes versions with images: minors and the number of their patches.
const (
	oldestMinor, newestMinor  = 27, 36
	patches                   = 12
	firstMinorOfNewPublishing = 30
	lastMinorOfAmazonLinux2   = 32
)

var firstBuild = time.Date(2024, 1, 15, 12, 0, 0, 0, time.UTC)

// publicImages are what every region has: Cluster API's images by Kubernetes version, Canonical's, Flatcar's and EKS's.
func publicImages() []publicImage {
	var out []publicImage
	both := func(owner, x86, arm, root string, size int32, created time.Time) {
		out = append(out, publicImage{owner, x86, root, types.ArchitectureValuesX8664, size, created, ""},
			publicImage{owner, arm, root, types.ArchitectureValuesArm64, size, created, ""})
	}
	for minor := oldestMinor; minor <= newestMinor; minor++ {
		for patch := range patches {
			at := firstBuild.Add(time.Duration((minor-oldestMinor)*120+patch*10) * 24 * time.Hour)
			owner := ownerCAPA
			if minor < firstMinorOfNewPublishing {
				owner = ownerCAPAOld
			}
			for _, system := range []struct{ name, root string }{{"ubuntu-22.04", "/dev/sda1"}, {"ubuntu-24.04", "/dev/sda1"},
				{"flatcar-stable", "/dev/xvda"}, {"amazon-2", "/dev/xvda"}} {
				name := fmt.Sprintf("capa-ami-%s-v1.%d.%d-", system.name, minor, patch)
				both(owner, name+fmt.Sprint(at.Unix()), name+fmt.Sprint(at.Unix()+600), system.root, 8, at)
			}
		}
		at := firstBuild.Add(time.Duration(minor-oldestMinor) * 120 * 24 * time.Hour)
		for _, kind := range []string{"standard", "nvidia"} {
			name := func(arch string) string {
				return fmt.Sprintf("amazon-eks-node-al2023-%s-%s-1.%d-v%s", arch, kind, minor, at.Format("20060102"))
			}
			both(OwnerEKS, name("x86_64"), name("arm64"), "/dev/xvda", 20, at)
		}
		out = append(out, nodeImages(minor, at)...)
		if minor > lastMinorOfAmazonLinux2 {
			continue
		}
		for _, kind := range []string{"node", "gpu-node"} {
			name := func(prefix string) string {
				return fmt.Sprintf("amazon-eks-%s%s-1.%d-v%s", prefix, kind, minor, at.Format("20060102"))
			}
			both(OwnerEKS, name(""), name("arm64-"), "/dev/xvda", 20, at)
		}
	}
	out = append(out, canonicalImages()...)
	for i, version := range []string{"4081.2.1", "4152.2.3", "4230.2.3"} {
		both(ownerFlatcar, "Flatcar-stable-"+version+"-hvm", "Flatcar-stable-"+version+"-arm64-hvm", "/dev/xvda", 8, firstBuild.AddDate(1, 3*i, 0))
	}
	return out
}

// nodeImages are those of EKS nodes for some processors only, and those of other systems.
func nodeImages(minor int, at time.Time) []publicImage {
	day := at.Format("20060102")
	out := []publicImage{{OwnerEKS, fmt.Sprintf("amazon-eks-node-al2023-x86_64-neuron-1.%d-v%s", minor, day), "/dev/xvda", types.ArchitectureValuesX8664, 20, at, ""}}
	for _, variant := range []string{"", "-nvidia", "-fips"} {
		for said, arch := range map[string]types.ArchitectureValues{"x86_64": types.ArchitectureValuesX8664, "aarch64": types.ArchitectureValuesArm64} {
			out = append(out, publicImage{OwnerBottlerocket, fmt.Sprintf("bottlerocket-aws-k8s-1.%d%s-%s-v1.50.0-0a1b2c3d", minor, variant, said), "/dev/xvda", arch, 2, at, ""})
		}
	}
	for _, release := range []string{"2019", "2022", "2025"} {
		for _, edition := range []string{"Core", "Full"} {
			out = append(out, publicImage{OwnerWindows, fmt.Sprintf("Windows_Server-%s-English-%s-EKS_Optimized-1.%d-%s", release, edition, minor, at.Format("2006.01.02")), "/dev/sda1", types.ArchitectureValuesX8664, 50, at, ""})
		}
	}
	return out
}

// canonicalImages are Ubuntu's. Canonical names release, architecture and code name in the description; long term releases said so until 24.04.
func canonicalImages() []publicImage {
	var out []publicImage
	for _, release := range []struct{ class, code, version, said string }{{"hvm-ssd", "focal", "20.04", "20.04 LTS"}, {"hvm-ssd", "jammy", "22.04", "22.04 LTS"},
		{"hvm-ssd-gp3", "noble", "24.04", "24.04"}} {
		for _, day := range []string{"20250115", "20250610"} {
			at, _ := time.Parse("20060102", day)
			for _, arch := range []struct {
				said string
				is   types.ArchitectureValues
			}{{"amd64", types.ArchitectureValuesX8664}, {"arm64", types.ArchitectureValuesArm64}} {
				out = append(out, publicImage{OwnerCanonical, fmt.Sprintf("ubuntu/images/%s/ubuntu-%s-%s-%s-server-%s", release.class, release.code, release.version, arch.said, day),
					"/dev/sda1", arch.is, 8, at, fmt.Sprintf("Canonical, Ubuntu, %s, %s %s image", release.said, arch.said, release.code)})
			}
		}
	}
	return out
}

// ImageID is the id which the named public image of an architecture has in a region.
func ImageID(region, owner, name string, arch types.ArchitectureValues) string {
	sum := sha256.Sum256([]byte(region + "/" + owner + "/" + name + "/" + string(arch)))
	return fmt.Sprintf("ami-%x", sum)[:len("ami-")+17]
}

// PublicImage is the newest image of an owner whose name fits the pattern, or nil.
func PublicImage(r *core.Region, owner, pattern string, arch types.ArchitectureValues) *types.Image {
	var newest *types.Image
	for _, image := range Of(r).allImages(r).All() {
		if *image.OwnerId == owner && image.Architecture == arch && core.Match(pattern, *image.Name) &&
			(newest == nil || *image.CreationDate > *newest.CreationDate) {
			newest = image
		}
	}
	return newest
}

// allImages is the table of images, filled with the public ones at its first use.
func (n *Network) allImages(r *core.Region) *core.Table[types.Image] {
	if n.images.Len() > 0 {
		return &n.images
	}
	for _, p := range publicImages() {
		id := ImageID(r.Name, p.owner, p.name, p.arch)
		snapshot := "snap-" + id[len("ami-"):]
		if p.description == "" {
			p.description = p.name
		}
		var alias *string // which AWS gives its own accounts
		if p.owner == OwnerEKS {
			alias = ptr("amazon")
		}
		n.images.Put(id, &types.Image{
			ImageOwnerAlias: alias, ImageId: ptr(id), Name: ptr(p.name), OwnerId: ptr(p.owner), Architecture: p.arch, State: types.ImageStateAvailable, Public: ptr(true),
			CreationDate: ptr(p.created.Format("2006-01-02T15:04:05.000Z")), RootDeviceName: ptr(p.root), RootDeviceType: types.DeviceTypeEbs,
			VirtualizationType: types.VirtualizationTypeHvm, ImageType: types.ImageTypeValuesMachine, Hypervisor: types.HypervisorTypeXen,
			EnaSupport: ptr(true), Description: ptr(p.description), ImageLocation: ptr(p.owner + "/" + p.name), PlatformDetails: ptr("Linux/UNIX"),
			BlockDeviceMappings: []types.BlockDeviceMapping{{DeviceName: ptr(p.root), Ebs: &types.EbsBlockDevice{SnapshotId: ptr(snapshot),
				VolumeSize: ptr(p.size), VolumeType: types.VolumeTypeGp3, DeleteOnTermination: ptr(true), Encrypted: ptr(false)}}},
		}, time.Time{})
	}
	return &n.images
}

var imageFilters = filters[types.Image]{
	"architecture":        func(i *types.Image) []string { return []string{string(i.Architecture)} },
	"creation-date":       func(i *types.Image) []string { return one(i.CreationDate) },
	"description":         func(i *types.Image) []string { return one(i.Description) },
	"image-id":            func(i *types.Image) []string { return one(i.ImageId) },
	"image-type":          func(i *types.Image) []string { return []string{string(i.ImageType)} },
	"is-public":           func(i *types.Image) []string { return flag(i.Public) },
	"name":                func(i *types.Image) []string { return one(i.Name) },
	"owner-id":            func(i *types.Image) []string { return one(i.OwnerId) },
	"owner-alias":         func(i *types.Image) []string { return one(i.ImageOwnerAlias) },
	"root-device-name":    func(i *types.Image) []string { return one(i.RootDeviceName) },
	"root-device-type":    func(i *types.Image) []string { return []string{string(i.RootDeviceType)} },
	"state":               func(i *types.Image) []string { return []string{string(i.State)} },
	"virtualization-type": func(i *types.Image) []string { return []string{string(i.VirtualizationType)} },
	"hypervisor":          func(i *types.Image) []string { return []string{string(i.Hypervisor)} },
	"platform":            func(i *types.Image) []string { return []string{string(i.Platform)} },
}

func describeImages(r *core.Request, in *sdk.DescribeImagesInput) (*sdk.DescribeImagesOutput, error) {
	n := Of(r.Region)
	table := n.allImages(r.Region)
	for _, id := range in.ImageIds {
		if len(id) < 8 || id[:4] != "ami-" {
			return nil, core.Refuse("InvalidAMIID.Malformed", "Invalid id: \"%s\" (expecting \"ami-...\")", id)
		}
	}
	page, err := describeWhere(r, table, query{in.ImageIds, in.Filters, in.NextToken, in.MaxResults}, imageFilters, noImage, func(i *types.Image) bool {
		return len(in.Owners) == 0 || slices.Contains(in.Owners, *i.OwnerId) || i.ImageOwnerAlias != nil && slices.Contains(in.Owners, *i.ImageOwnerAlias) || (slices.Contains(in.Owners, "self") && *i.OwnerId == r.Account)
	})
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeImagesOutput{Images: []types.Image{}, NextToken: next(page.Next)}
	for _, image := range page.Items {
		shown := *image
		shown.Tags = n.tags[*image.ImageId]
		out.Images = append(out.Images, shown)
	}
	return out, nil
}

// registerImage makes an image of the account itself.
func registerImage(r *core.Request, in *sdk.RegisterImageInput) (*sdk.RegisterImageOutput, error) {
	n := Of(r.Region)
	table := n.allImages(r.Region)
	if val(in.Name) == "" {
		return nil, core.Missing("name")
	}
	if table.Any(func(i *types.Image) bool { return *i.OwnerId == r.Account && *i.Name == *in.Name }) {
		return nil, core.Refuse("InvalidAMIName.Duplicate", "AMI name %s is already in use by another AMI", *in.Name)
	}
	tags, err := tagsFor(in.TagSpecifications, types.ResourceTypeImage)
	if err != nil {
		return nil, err
	}
	made := &types.Image{
		ImageId: ptr(r.NewID("ami")), Name: in.Name, OwnerId: ptr(r.Account), Architecture: in.Architecture, State: types.ImageStateAvailable,
		Public: ptr(false), CreationDate: ptr(r.Now().UTC().Format("2006-01-02T15:04:05.000Z")), RootDeviceName: in.RootDeviceName,
		RootDeviceType: types.DeviceTypeEbs, VirtualizationType: types.VirtualizationTypeHvm, ImageType: types.ImageTypeValuesMachine,
		Hypervisor: types.HypervisorTypeXen, EnaSupport: in.EnaSupport, Description: in.Description, BlockDeviceMappings: in.BlockDeviceMappings,
	}
	if made.Architecture == "" {
		made.Architecture = types.ArchitectureValuesX8664
	}
	if made.RootDeviceName == nil {
		made.RootDeviceName = ptr("/dev/sda1")
	}
	table.Put(*made.ImageId, made, r.Now())
	n.setTags(*made.ImageId, tags)
	r.Touch(*made.ImageId)
	return &sdk.RegisterImageOutput{ImageId: made.ImageId}, nil
}

func deregisterImage(r *core.Request, in *sdk.DeregisterImageInput) (*sdk.DeregisterImageOutput, error) {
	n := Of(r.Region)
	image, err := find(r, n.allImages(r.Region), in.ImageId, "imageId", noImage)
	if err != nil {
		return nil, err
	}
	if *image.OwnerId != r.Account {
		return nil, &core.Error{Code: "AuthFailure", Message: "Not authorized for image:" + *image.ImageId, Status: 403}
	}
	n.images.Delete(*image.ImageId)
	delete(n.tags, *image.ImageId)
	return &sdk.DeregisterImageOutput{Return: ptr(true)}, nil
}

// copyImage makes an image of the account after one of the same or another region. It is there at once.
func copyImage(r *core.Request, in *sdk.CopyImageInput) (*sdk.CopyImageOutput, error) {
	source := r.In(val(in.SourceRegion))
	from := Of(source).allImages(source).Get(val(in.SourceImageId))
	switch {
	case val(in.Name) == "":
		return nil, core.Missing("name")
	case from == nil:
		return nil, core.Refuse("InvalidAMIID.NotFound", "The image id '[%s]' does not exist", val(in.SourceImageId))
	case val(in.KmsKeyId) != "" && !val(in.Encrypted):
		return nil, core.Refuse("InvalidParameterDependency", "The parameter KmsKeyId requires the parameter Encrypted to be set.")
	case val(in.DryRun):
		return nil, &core.Error{Code: "DryRunOperation", Message: "Request would have succeeded, but DryRun flag is set.", Status: 412}
	}
	n, made := Of(r.Region), *from
	made.ImageId, made.Name, made.OwnerId, made.Public = ptr(r.NewID("ami")), in.Name, ptr(r.Account), ptr(false)
	made.CreationDate, made.SourceImageId, made.SourceImageRegion = ptr(r.Now().UTC().Format("2006-01-02T15:04:05.000Z")), in.SourceImageId, in.SourceRegion
	if in.Description != nil {
		made.Description = in.Description
	}
	made.BlockDeviceMappings = nil
	for _, m := range from.BlockDeviceMappings {
		if m.Ebs != nil {
			ebs := *m.Ebs
			ebs.SnapshotId, ebs.Encrypted, ebs.KmsKeyId = ptr(r.NewID("snap")), ptr(val(m.Ebs.Encrypted) || val(in.Encrypted)), in.KmsKeyId
			m.Ebs = &ebs
		}
		made.BlockDeviceMappings = append(made.BlockDeviceMappings, m)
	}
	n.allImages(r.Region).Put(*made.ImageId, &made, r.Now())
	r.Touch(*made.ImageId)
	return &sdk.CopyImageOutput{ImageId: made.ImageId}, nil
}
