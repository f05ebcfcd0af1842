package ec2

import (
	"sort"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// instanceType is a line of the catalogue: memory in MiB, storage in GB of local disks, threads per core.
type instanceType struct {
	name    string
	vcpus   int32
	memory  int64
	arch    types.ArchitectureType
	threads int32
	storage int64
	gpu     *types.GpuDeviceInfo
	xen     bool
	// ipv4Only types of earlier generations know no IPv6.
	ipv4Only bool
}

const (
	intel = types.ArchitectureTypeX8664
	arm   = types.ArchitectureTypeArm64
)

func gpu(name string, count, memory int32) *types.GpuDeviceInfo {
	return &types.GpuDeviceInfo{Name: ptr(name), Manufacturer: ptr("NVIDIA"), Count: ptr(count), MemoryInfo: &types.GpuDeviceMemoryInfo{SizeInMiB: ptr(memory)}}
}

// catalogue is a selection of EC2's instance types with the figures of "Amazon EC2 instance types".
var catalogue = []instanceType{
	{name: "t2.micro", vcpus: 1, memory: 1024, arch: intel, threads: 1, xen: true},
	{name: "t2.medium", vcpus: 2, memory: 4096, arch: intel, threads: 1, xen: true},
	{name: "t3.micro", vcpus: 2, memory: 1024, arch: intel, threads: 2},
	{name: "t3.small", vcpus: 2, memory: 2048, arch: intel, threads: 2},
	{name: "t3.medium", vcpus: 2, memory: 4096, arch: intel, threads: 2},
	{name: "t3.large", vcpus: 2, memory: 8192, arch: intel, threads: 2},
	{name: "t3.xlarge", vcpus: 4, memory: 16384, arch: intel, threads: 2},
	{name: "t3a.medium", vcpus: 2, memory: 4096, arch: intel, threads: 2},
	{name: "t4g.small", vcpus: 2, memory: 2048, arch: arm, threads: 1},
	{name: "t4g.medium", vcpus: 2, memory: 4096, arch: arm, threads: 1},
	{name: "t4g.large", vcpus: 2, memory: 8192, arch: arm, threads: 1},
	{name: "m4.large", vcpus: 2, memory: 8192, arch: intel, threads: 2, xen: true},
	{name: "m5.large", vcpus: 2, memory: 8192, arch: intel, threads: 2},
	{name: "m5.xlarge", vcpus: 4, memory: 16384, arch: intel, threads: 2},
	{name: "m5.2xlarge", vcpus: 8, memory: 32768, arch: intel, threads: 2},
	{name: "m5a.large", vcpus: 2, memory: 8192, arch: intel, threads: 2},
	{name: "m5d.large", vcpus: 2, memory: 8192, arch: intel, threads: 2, storage: 75},
	{name: "m5.metal", vcpus: 96, memory: 393216, arch: intel, threads: 2},
	{name: "m6i.large", vcpus: 2, memory: 8192, arch: intel, threads: 2},
	{name: "m6a.large", vcpus: 2, memory: 8192, arch: intel, threads: 2},
	{name: "m6g.large", vcpus: 2, memory: 8192, arch: arm, threads: 1},
	{name: "m7g.xlarge", vcpus: 4, memory: 16384, arch: arm, threads: 1},
	{name: "c5.large", vcpus: 2, memory: 4096, arch: intel, threads: 2},
	{name: "c5.xlarge", vcpus: 4, memory: 8192, arch: intel, threads: 2},
	{name: "c6i.large", vcpus: 2, memory: 4096, arch: intel, threads: 2},
	{name: "c7g.large", vcpus: 2, memory: 4096, arch: arm, threads: 1},
	{name: "r5.large", vcpus: 2, memory: 16384, arch: intel, threads: 2},
	{name: "r5.2xlarge", vcpus: 8, memory: 65536, arch: intel, threads: 2},
	{name: "m3.large", vcpus: 2, memory: 7680, arch: intel, threads: 2, storage: 32, xen: true, ipv4Only: true},
	{name: "i3.large", vcpus: 2, memory: 15616, arch: intel, threads: 2, storage: 475, xen: true},
	{name: "g4dn.xlarge", vcpus: 4, memory: 16384, arch: intel, threads: 2, storage: 125, gpu: gpu("T4", 1, 16384)},
	{name: "p3.2xlarge", vcpus: 8, memory: 62464, arch: intel, threads: 2, xen: true, gpu: gpu("V100", 1, 16384)},
	{name: "p5.48xlarge", vcpus: 192, memory: 2097152, arch: intel, threads: 2, storage: 30400, gpu: gpu("H100", 8, 81920)},
}

func typeNamed(name string) *instanceType {
	for i := range catalogue {
		if catalogue[i].name == name {
			return &catalogue[i]
		}
	}
	return nil
}

// edgeFamilies are what Local and Wavelength Zones have; rareFamilies stand only in the first two zones of a region.
var (
	edgeFamilies = map[string]bool{"t3": true, "c5": true, "r5": true, "m5": true, "g4dn": true}
	rareFamilies = map[string]bool{"p3": true, "p5": true}
)

func (t *instanceType) family() string {
	family, _, _ := strings.Cut(t.name, ".")
	return family
}

// offered says whether a zone has the type; index is the zone's place among the region's.
func (t *instanceType) offered(config *core.Config, zone types.AvailabilityZone, index int) bool {
	for _, pattern := range config.NotOffered {
		if core.Match(pattern, t.name+"/"+*zone.ZoneName) {
			return false
		}
	}
	if *zone.ZoneType != zonePlain {
		return edgeFamilies[t.family()]
	}
	return index < 2 || !rareFamilies[t.family()]
}

func (t *instanceType) info() types.InstanceTypeInfo {
	bare := strings.HasSuffix(t.name, ".metal")
	out := types.InstanceTypeInfo{
		InstanceType: types.InstanceType(t.name), CurrentGeneration: ptr(t.family() != "t2" && t.family() != "m4" && !t.ipv4Only), BareMetal: ptr(bare),
		BurstablePerformanceSupported: ptr(t.name[0] == 't'), FreeTierEligible: ptr(strings.HasSuffix(t.name, ".micro")),
		DedicatedHostsSupported: ptr(t.name[0] != 't'), HibernationSupported: ptr(false), AutoRecoverySupported: ptr(!bare),
		InstanceStorageSupported: ptr(t.storage > 0), MemoryInfo: &types.MemoryInfo{SizeInMiB: ptr(t.memory)},
		VCpuInfo: &types.VCpuInfo{DefaultVCpus: ptr(t.vcpus), DefaultCores: ptr(t.vcpus / t.threads), DefaultThreadsPerCore: ptr(t.threads)},
		ProcessorInfo: &types.ProcessorInfo{SupportedArchitectures: []types.ArchitectureType{t.arch}, Manufacturer: ptr("Intel"),
			SustainedClockSpeedInGhz: ptr(2.5)},
		NetworkInfo: &types.NetworkInfo{EnaSupport: types.EnaSupportRequired, Ipv6Supported: ptr(!t.ipv4Only), MaximumNetworkInterfaces: ptr(int32(3)),
			Ipv4AddressesPerInterface: ptr(int32(10)), Ipv6AddressesPerInterface: ptr(int32(10)), NetworkPerformance: ptr("Up to 10 Gigabit"),
			MaximumNetworkCards: ptr(int32(1)), DefaultNetworkCardIndex: ptr(int32(0)), EfaSupported: ptr(false)},
		EbsInfo: &types.EbsInfo{EbsOptimizedSupport: types.EbsOptimizedSupportDefault, EncryptionSupport: types.EbsEncryptionSupportSupported,
			NvmeSupport: types.EbsNvmeSupportRequired},
		SupportedUsageClasses:        []types.UsageClassType{types.UsageClassTypeOnDemand, types.UsageClassTypeSpot},
		SupportedRootDeviceTypes:     []types.RootDeviceType{types.RootDeviceTypeEbs},
		SupportedVirtualizationTypes: []types.VirtualizationType{types.VirtualizationTypeHvm},
		SupportedBootModes:           []types.BootModeType{types.BootModeTypeLegacyBios, types.BootModeTypeUefi},
		PlacementGroupInfo: &types.PlacementGroupInfo{SupportedStrategies: []types.PlacementGroupStrategy{
			types.PlacementGroupStrategyPartition, types.PlacementGroupStrategySpread, types.PlacementGroupStrategyCluster}},
		NitroEnclavesSupport: types.NitroEnclavesSupportUnsupported,
	}
	if t.arch == arm {
		out.ProcessorInfo.Manufacturer, out.SupportedBootModes = ptr("AWS"), []types.BootModeType{types.BootModeTypeUefi}
	}
	if t.xen {
		out.Hypervisor, out.NetworkInfo.EnaSupport, out.EbsInfo.NvmeSupport = types.InstanceTypeHypervisorXen, types.EnaSupportUnsupported, types.EbsNvmeSupportUnsupported
	} else if !bare {
		out.Hypervisor = types.InstanceTypeHypervisorNitro
	}
	if !t.xen && t.name[0] != 't' && !bare && t.vcpus/t.threads > 1 {
		out.NitroEnclavesSupport = types.NitroEnclavesSupportSupported
	}
	if t.storage > 0 {
		out.InstanceStorageInfo = &types.InstanceStorageInfo{TotalSizeInGB: ptr(t.storage), NvmeSupport: types.EphemeralNvmeSupportRequired,
			Disks: []types.DiskInfo{{Count: ptr(int32(1)), SizeInGB: ptr(t.storage), Type: types.DiskTypeSsd}}}
	}
	if t.gpu != nil {
		out.GpuInfo = &types.GpuInfo{Gpus: []types.GpuDeviceInfo{*t.gpu}, TotalGpuMemoryInMiB: ptr(*t.gpu.Count * *t.gpu.MemoryInfo.SizeInMiB)}
	}
	return out
}

var typeFilters = filters[types.InstanceTypeInfo]{
	"bare-metal":                      func(t *types.InstanceTypeInfo) []string { return flag(t.BareMetal) },
	"burstable-performance-supported": func(t *types.InstanceTypeInfo) []string { return flag(t.BurstablePerformanceSupported) },
	"current-generation":              func(t *types.InstanceTypeInfo) []string { return flag(t.CurrentGeneration) },
	"free-tier-eligible":              func(t *types.InstanceTypeInfo) []string { return flag(t.FreeTierEligible) },
	"hypervisor":                      func(t *types.InstanceTypeInfo) []string { return []string{string(t.Hypervisor)} },
	"instance-storage-supported":      func(t *types.InstanceTypeInfo) []string { return flag(t.InstanceStorageSupported) },
	"instance-type":                   func(t *types.InstanceTypeInfo) []string { return []string{string(t.InstanceType)} },
	"processor-info.supported-architecture": func(t *types.InstanceTypeInfo) []string {
		if t.ProcessorInfo == nil {
			return nil
		}
		return each(t.ProcessorInfo.SupportedArchitectures, func(a types.ArchitectureType) *string { return ptr(string(a)) })
	},
	"vcpu-info.default-vcpus": func(t *types.InstanceTypeInfo) []string {
		if t.VCpuInfo == nil {
			return nil
		}
		return one(number(t.VCpuInfo.DefaultVCpus))
	},
}

// mostTypes is the largest page of DescribeInstanceTypes.
const mostTypes = 100

func describeInstanceTypes(r *core.Request, in *sdk.DescribeInstanceTypesInput) (*sdk.DescribeInstanceTypesOutput, error) {
	if len(in.InstanceTypes) > mostTypes {
		return nil, invalid("At most %d instance types can be specified", mostTypes)
	}
	if in.MaxResults != nil && (len(in.InstanceTypes) > 0 || *in.MaxResults < 5 || *in.MaxResults > mostTypes) {
		return nil, invalid("maxResults must be between 5 and %d, and not be used together with instance types", mostTypes)
	}
	wanted := map[string]bool{}
	for _, name := range in.InstanceTypes {
		if typeNamed(string(name)) == nil {
			return nil, core.Refuse("InvalidInstanceType", "The following supplied instance types do not exist: [%s]", name)
		}
		wanted[string(name)] = true
	}
	found := []types.InstanceTypeInfo{}
	for i := range catalogue {
		info := catalogue[i].info()
		ok, err := matches(nil, &info, in.Filters, typeFilters)
		if err != nil {
			return nil, err
		}
		if ok && (len(wanted) == 0 || wanted[catalogue[i].name]) {
			found = append(found, info)
		}
	}
	page, token, err := core.PaginateList(r, found, val(in.NextToken), int(val(in.MaxResults)), mostTypes)
	return &sdk.DescribeInstanceTypesOutput{InstanceTypes: page, NextToken: next(token)}, err
}

var offeringFilters = filters[types.InstanceTypeOffering]{
	"instance-type": func(o *types.InstanceTypeOffering) []string { return []string{string(o.InstanceType)} },
	"location":      func(o *types.InstanceTypeOffering) []string { return one(o.Location) },
}

func describeInstanceTypeOfferings(r *core.Request, in *sdk.DescribeInstanceTypeOfferingsInput) (*sdk.DescribeInstanceTypeOfferingsOutput, error) {
	if err := checkMax(in.MaxResults); err != nil {
		return nil, err
	}
	if in.LocationType == "" {
		in.LocationType = types.LocationTypeRegion
	}
	kept := []types.InstanceTypeOffering{}
	for i := range catalogue {
		for _, where := range catalogue[i].locations(r, in.LocationType) {
			offering := types.InstanceTypeOffering{InstanceType: types.InstanceType(catalogue[i].name), Location: ptr(where), LocationType: in.LocationType}
			ok, err := matches(nil, &offering, in.Filters, offeringFilters)
			if err != nil {
				return nil, err
			}
			if ok {
				kept = append(kept, offering)
			}
		}
	}
	page, token, err := core.PaginateList(r, kept, val(in.NextToken), int(val(in.MaxResults)), mostResults)
	return &sdk.DescribeInstanceTypeOfferingsOutput{InstanceTypeOfferings: page, NextToken: next(token)}, err
}

// locations are the names of regions, or names or ids of zones, that offer the type.
func (t *instanceType) locations(r *core.Request, kind types.LocationType) []string {
	found := map[string]bool{}
	for i, zone := range zones(r.Region) {
		if !t.offered(r.Config, zone, i) {
			continue
		}
		switch kind {
		case types.LocationTypeAvailabilityZone:
			found[*zone.ZoneName] = true
		case types.LocationTypeAvailabilityZoneId:
			found[*zone.ZoneId] = true
		case types.LocationTypeRegion:
			found[r.Region.Name] = true
		}
	}
	out := make([]string, 0, len(found))
	for name := range found {
		out = append(out, name)
	}
	sort.Strings(out)
	return out
}
