package instance

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/infrastructure"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// PoolSubnets returns the subnets that a pool's instances are spread over: those it
// names or filters; else those of the cluster in its zones, or failure domains, of
// the kind that it says, or all of them; else the cluster's private ones. CAPA
// chooses the same, so that a pool that it made stays where it is.
func PoolSubnets(spec *infrav1.AWSMachinePoolSpec, infra *infrastructure.Cluster, failureDomains []string, living ownership.Living, snap *mirror.Snapshot) ([]string, error) {
	ids, err := poolSubnets(spec, infra, failureDomains, snap)
	lender := infra.Lender(living, snap)
	for _, id := range ids {
		err = cmp.Or(err, lender.Subnet(id))
	}
	if err != nil {
		return nil, err
	}
	return ids, nil
}

func poolSubnets(spec *infrav1.AWSMachinePoolSpec, infra *infrastructure.Cluster, failureDomains []string, snap *mirror.Snapshot) ([]string, error) {
	if len(spec.Subnets) > 0 {
		return referencedSubnets(spec.Subnets, infra, snap)
	}
	zones := spec.AvailabilityZones
	if len(zones) == 0 {
		zones = failureDomains
	}
	if len(zones) == 0 {
		return privateSubnets(infra)
	}
	kind := infrav1.AZSubnetTypeAll
	if spec.AvailabilityZoneSubnetType != nil {
		kind = *spec.AvailabilityZoneSubnetType
	}
	var ids []string
	for _, zone := range zones {
		found := zoneSubnets(infra, zone, kind)
		if len(found) == 0 {
			return nil, fmt.Errorf("the cluster has no %s in %s", describeKind(kind), zone)
		}
		for _, id := range found {
			ids = appendNew(ids, id)
		}
	}
	return ids, nil
}

// zoneSubnets returns the cluster's subnets of a kind in a zone. Only whoever wants
// all of them wants those of pods too.
func zoneSubnets(infra *infrastructure.Cluster, zone string, kind infrav1.AZSubnetType) []string {
	return subnetsWith(infra, func(s infrav1.SubnetSpec) bool {
		return s.AvailabilityZone == zone && (kind == infrav1.AZSubnetTypeAll || s.IsPublic == (kind == infrav1.AZSubnetTypePublic) && !forPods(s))
	})
}

func privateSubnets(infra *infrastructure.Cluster) ([]string, error) {
	ids := subnetsWith(infra, func(s infrav1.SubnetSpec) bool { return !s.IsPublic && !s.IsEdge() && !forPods(s) })
	if len(ids) == 0 {
		return nil, errors.New("the cluster has no private subnet; name zones in spec.availabilityZones, or subnets in spec.subnets")
	}
	return ids, nil
}

func subnetsWith(infra *infrastructure.Cluster, wanted func(infrav1.SubnetSpec) bool) []string {
	var ids []string
	for _, s := range infra.Subnets {
		if id := realID(s); id != "" && wanted(s) {
			ids = appendNew(ids, id)
		}
	}
	return ids
}

func forPods(s infrav1.SubnetSpec) bool { return s.Tags[associationTag] == associationSecondary }

func describeKind(kind infrav1.AZSubnetType) string {
	if kind == infrav1.AZSubnetTypeAll {
		return "subnet"
	}
	return string(kind) + " subnet"
}

func referencedSubnets(refs []infrav1.AWSResourceReference, infra *infrastructure.Cluster, snap *mirror.Snapshot) ([]string, error) {
	var ids []string
	look := newSearch()
	for _, ref := range refs {
		if ref.ID != nil {
			s, err := namedSubnet(*ref.ID, infra, snap)
			if err != nil {
				return nil, fmt.Errorf("spec.subnets: %w", err)
			}
			ids = appendNew(ids, s.ID)
			continue
		}
		before := len(ids)
		rows, where := within(snap, mirror.Subnets, ref.Filters, infra)
		for _, row := range rows {
			ok, err := look.pass(subnetAttributes(row), ref.Filters)
			if err != nil {
				return nil, fmt.Errorf("spec.subnets: %w", err)
			}
			if ok && row.State == ec2types.SubnetStateAvailable {
				ids = appendNew(ids, aws.ToString(row.SubnetId))
			}
		}
		if len(ids) == before {
			return nil, fmt.Errorf("no subnet passes the filters of spec.subnets in %s", where)
		}
	}
	return ids, nil
}

// AtTheEdge tells whether one of the subnets lies in a local or wavelength zone.
func AtTheEdge(ids []string, infra *infrastructure.Cluster) bool {
	return slices.ContainsFunc(infra.Subnets, func(s infrav1.SubnetSpec) bool { return s.IsEdge() && slices.Contains(ids, realID(s)) })
}
