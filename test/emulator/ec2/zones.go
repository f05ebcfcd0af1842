package ec2

import (
	"fmt"
	"sort"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// regions that every account has, and the letters of their Availability Zones as a new account sees them. A region that isn't listed
// works too, with zones a, b and c, but DescribeRegions doesn't know it.
var regions = map[string]string{
	"us-east-1": "abcdef", "us-east-2": "abc", "us-west-1": "ac", "us-west-2": "abcd", "ca-central-1": "abd", "sa-east-1": "abc",
	"eu-west-1": "abc", "eu-west-2": "abc", "eu-west-3": "abc", "eu-central-1": "abc", "eu-north-1": "abc",
	"ap-south-1": "abc", "ap-northeast-1": "acd", "ap-northeast-2": "abcd", "ap-northeast-3": "abc", "ap-southeast-1": "abc", "ap-southeast-2": "abc",
}

// optInRegions exist but are not enabled in a new account.
var optInRegions = []string{
	"af-south-1", "ap-east-1", "ap-south-2", "ap-southeast-3", "ap-southeast-4", "ca-west-1", "eu-central-2", "eu-south-1", "eu-south-2",
	"il-central-1", "me-central-1", "me-south-1",
}

// edgeZones are Local Zones and Wavelength Zones: zone → group. They must be opted in to.
var edgeZones = map[string]map[string]string{
	"us-east-1": {
		"us-east-1-bos-1a": "us-east-1-bos-1", "us-east-1-mia-1a": "us-east-1-mia-1",
		"us-east-1-wl1-bos-wlz-1": "us-east-1-wl1", "us-east-1-wl1-nyc-wlz-1": "us-east-1-wl1",
	},
	"us-west-2": {
		"us-west-2-lax-1a": "us-west-2-lax-1", "us-west-2-lax-1b": "us-west-2-lax-1",
		"us-west-2-wl1-las-wlz-1": "us-west-2-wl1", "us-west-2-wl1-sfo-wlz-1": "us-west-2-wl1",
	},
}

const (
	zonePlain      = "availability-zone"
	zoneLocal      = "local-zone"
	zoneWavelength = "wavelength-zone"
)

func describeRegions(r *core.Request, in *sdk.DescribeRegionsInput) (*sdk.DescribeRegionsOutput, error) {
	known := filters[types.Region]{
		"endpoint":      func(x *types.Region) []string { return one(x.Endpoint) },
		"opt-in-status": func(x *types.Region) []string { return one(x.OptInStatus) },
		"region-name":   func(x *types.Region) []string { return one(x.RegionName) },
	}
	all := allRegions()
	for _, name := range in.RegionNames {
		if !anyRegion(all, name) {
			return nil, invalid("Invalid region name '%s'", name)
		}
	}
	out := []types.Region{}
	for _, region := range all {
		if len(in.RegionNames) > 0 && !anyMatch(in.RegionNames, one(region.RegionName)) {
			continue
		}
		if val(region.OptInStatus) == "not-opted-in" && !val(in.AllRegions) {
			continue
		}
		ok, err := matches(nil, &region, in.Filters, known)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, region)
		}
	}
	return &sdk.DescribeRegionsOutput{Regions: out}, nil
}

func allRegions() []types.Region {
	status := map[string]string{}
	for name := range regions {
		status[name] = "opt-in-not-required"
	}
	for _, name := range optInRegions {
		status[name] = "not-opted-in"
	}
	out := []types.Region{}
	for name, opt := range status {
		out = append(out, types.Region{RegionName: ptr(name), Endpoint: ptr("ec2." + name + ".amazonaws.com"), OptInStatus: ptr(opt)})
	}
	sort.Slice(out, func(i, j int) bool { return *out[i].RegionName < *out[j].RegionName })
	return out
}

func anyRegion(all []types.Region, name string) bool {
	for _, region := range all {
		if *region.RegionName == name {
			return true
		}
	}
	return false
}

// zones lists the zones of a region: Availability Zones first, then Local and Wavelength Zones with their opt-in status.
func zones(r *core.Region) []types.AvailabilityZone {
	letters := regions[r.Name]
	if letters == "" {
		letters = "abc"
	}
	out := []types.AvailabilityZone{}
	for i, letter := range letters {
		out = append(out, types.AvailabilityZone{
			ZoneName: ptr(r.Name + string(letter)), ZoneId: ptr(fmt.Sprintf("%s-az%d", shortName(r.Name), i+1)), ZoneType: ptr(zonePlain),
			GroupName: ptr(r.Name), OptInStatus: types.AvailabilityZoneOptInStatusOptInNotRequired,
		})
	}
	edge := edgeZones[r.Name]
	names := make([]string, 0, len(edge))
	for name := range edge {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		out = append(out, edgeZone(r, name, edge[name], out[0]))
	}
	for i := range out {
		out[i].RegionName, out[i].NetworkBorderGroup, out[i].State = ptr(r.Name), out[i].GroupName, types.AvailabilityZoneStateAvailable
		out[i].Messages = []types.AvailabilityZoneMessage{}
	}
	return out
}

func edgeZone(r *core.Region, name, group string, parent types.AvailabilityZone) types.AvailabilityZone {
	zone := types.AvailabilityZone{
		ZoneName: ptr(name), ZoneId: ptr(shortName(r.Name) + strings.TrimPrefix(name, r.Name)), ZoneType: ptr(zoneLocal), GroupName: ptr(group),
		OptInStatus: types.AvailabilityZoneOptInStatusNotOptedIn, ParentZoneName: parent.ZoneName, ParentZoneId: parent.ZoneId,
	}
	if strings.Contains(name, "-wlz-") {
		zone.ZoneType = ptr(zoneWavelength)
	}
	if Of(r).zoneGroups[group] {
		zone.OptInStatus = types.AvailabilityZoneOptInStatusOptedIn
	}
	return zone
}

// shortName is the beginning of zone ids: "use1" for us-east-1.
func shortName(region string) string {
	short := map[string]string{"east": "e", "west": "w", "north": "n", "south": "s", "central": "c", "southeast": "se", "northeast": "ne", "gov": "g"}
	out := ""
	for _, part := range strings.Split(region, "-") {
		if abbreviated, ok := short[part]; ok {
			part = abbreviated
		}
		out += part
	}
	return out
}

// zone finds a zone that may be used, by name or by id.
func zone(r *core.Region, name, id *string) (types.AvailabilityZone, error) {
	usable := []string{}
	for _, zone := range zones(r) {
		if zone.OptInStatus == types.AvailabilityZoneOptInStatusNotOptedIn {
			continue
		}
		if (name == nil && id == nil) || (name != nil && *zone.ZoneName == *name) || (name == nil && id != nil && *zone.ZoneId == *id) {
			return zone, nil
		}
		usable = append(usable, *zone.ZoneName)
	}
	if name == nil {
		return types.AvailabilityZone{}, invalid("Value (%s) for parameter availabilityZoneId is invalid.", *id)
	}
	return types.AvailabilityZone{}, invalid("Value (%s) for parameter availabilityZone is invalid. Subnets can currently only be created in the "+
		"following availability zones: %s.", *name, strings.Join(usable, ", "))
}

func describeAvailabilityZones(r *core.Request, in *sdk.DescribeAvailabilityZonesInput) (*sdk.DescribeAvailabilityZonesOutput, error) {
	known := filters[types.AvailabilityZone]{
		"group-name":       func(z *types.AvailabilityZone) []string { return one(z.GroupName) },
		"opt-in-status":    func(z *types.AvailabilityZone) []string { return []string{string(z.OptInStatus)} },
		"parent-zone-id":   func(z *types.AvailabilityZone) []string { return one(z.ParentZoneId) },
		"parent-zone-name": func(z *types.AvailabilityZone) []string { return one(z.ParentZoneName) },
		"region-name":      func(z *types.AvailabilityZone) []string { return one(z.RegionName) },
		"state":            func(z *types.AvailabilityZone) []string { return []string{string(z.State)} },
		"zone-id":          func(z *types.AvailabilityZone) []string { return one(z.ZoneId) },
		"zone-name":        func(z *types.AvailabilityZone) []string { return one(z.ZoneName) },
		"zone-type":        func(z *types.AvailabilityZone) []string { return one(z.ZoneType) },
		"message":          func(*types.AvailabilityZone) []string { return nil },
	}
	out, named := []types.AvailabilityZone{}, 0
	for _, zone := range zones(r.Region) {
		byName := anyMatch(in.ZoneNames, one(zone.ZoneName)) || anyMatch(in.ZoneIds, one(zone.ZoneId))
		if (len(in.ZoneNames)+len(in.ZoneIds) > 0) && !byName {
			continue
		}
		if zone.OptInStatus == types.AvailabilityZoneOptInStatusNotOptedIn && !val(in.AllAvailabilityZones) {
			continue
		}
		named++
		ok, err := matches(nil, &zone, in.Filters, known)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, zone)
		}
	}
	if named < len(in.ZoneNames) || named < len(in.ZoneIds) {
		return nil, invalid("Invalid availability zones: [%s]", strings.Join(append(in.ZoneNames, in.ZoneIds...), ", "))
	}
	return &sdk.DescribeAvailabilityZonesOutput{AvailabilityZones: out}, nil
}

func modifyAvailabilityZoneGroup(r *core.Request, in *sdk.ModifyAvailabilityZoneGroupInput) (*sdk.ModifyAvailabilityZoneGroupOutput, error) {
	n := Of(r.Region)
	for _, group := range edgeZones[r.Region.Name] {
		if group != val(in.GroupName) {
			continue
		}
		if n.zoneGroups == nil {
			n.zoneGroups = map[string]bool{}
		}
		n.zoneGroups[group] = in.OptInStatus == types.ModifyAvailabilityZoneOptInStatusOptedIn
		return &sdk.ModifyAvailabilityZoneGroupOutput{Return: ptr(true)}, nil
	}
	return nil, invalid("Value (%s) for parameter groupName is invalid.", val(in.GroupName))
}
