package network

import (
	"crypto/sha256"
	"sort"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// defaultZones chooses the zones of the default subnets: those a region offers
// to everybody, at most as many as the spec allows. Random choice is drawn from
// the cluster's UID, so that it is the same whenever it is made.
func (s *State) defaultZones() []string {
	var zones []string
	for name, z := range s.zones {
		if infrav1.ZoneType(aws.ToString(z.ZoneType)) == infrav1.ZoneTypeAvailabilityZone && z.State == ec2types.AvailabilityZoneStateAvailable &&
			z.OptInStatus != ec2types.AvailabilityZoneOptInStatusNotOptedIn && (s.Groups.EKS == "" || !WithoutEKS(aws.ToString(z.ZoneId))) {
			zones = append(zones, name)
		}
	}
	sort.Strings(zones)
	limit := defaultZoneLimit
	if l := s.Spec.VPC.AvailabilityZoneUsageLimit; l != nil {
		limit = max(*l, 1) // as it has to be, whatever is stored
	}
	if len(zones) <= limit {
		return zones
	}
	if choice := s.Spec.VPC.AvailabilityZoneSelection; choice != nil && *choice == infrav1.AZSelectionSchemeRandom {
		draw(zones, s.Owner.UID)
	}
	zones = zones[:limit]
	sort.Strings(zones)
	return zones
}

// WithoutEKS tells, by their ids, the zones in which control planes of EKS can't have subnets:
// https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html
func WithoutEKS(zoneID string) bool {
	switch zoneID {
	case "use1-az3", "usw1-az2", "cac1-az3":
		return true
	}
	return false
}

// ZoneID returns the id of a zone, which is the same for all accounts; "" where it isn't known.
func (s *State) ZoneID(zone string) string {
	if z := s.zones[zone]; z != nil {
		return aws.ToString(z.ZoneId)
	}
	return ""
}

// draw puts the zones into an order that depends on the seed only.
func draw(zones []string, seed string) {
	lot := func(zone string) string {
		sum := sha256.Sum256([]byte(seed + "\x00" + zone))
		return string(sum[:])
	}
	sort.Slice(zones, func(i, j int) bool { return lot(zones[i]) < lot(zones[j]) })
}

// recordZone notes in the record what kind of zone a subnet lies in.
func (s *State) recordZone(spec *infrav1.SubnetSpec) {
	zone, ok := s.zones[spec.AvailabilityZone]
	if !ok {
		return
	}
	if kind := infrav1.ZoneType(aws.ToString(zone.ZoneType)); kind != "" {
		spec.ZoneType = &kind
	}
	if parent := aws.ToString(zone.ParentZoneName); parent != "" {
		spec.ParentZoneName = &parent
	}
}

func sortedKeys(set map[string]bool) []string {
	keys := make([]string, 0, len(set))
	for k := range set {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
