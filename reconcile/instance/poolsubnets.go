package instance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

// PoolSubnets returns the subnets that a pool's instances are spread over: those it
// names or filters; else the cluster's of the wanted kind (private unless it says
// otherwise) in its zones or failure domains; else all of that kind.
func PoolSubnets(spec *infrav1.AWSMachinePoolSpec, infra *Infra, failureDomains []string, snap *mirror.Snapshot) ([]string, error) {
	if len(spec.Subnets) > 0 {
		return referencedSubnets(spec.Subnets, infra, snap)
	}
	zones := spec.AvailabilityZones
	if len(zones) == 0 {
		zones = failureDomains
	}
	kind := infrav1.AZSubnetTypePrivate
	if spec.AvailabilityZoneSubnetType != nil {
		kind = *spec.AvailabilityZoneSubnetType
	}
	var ids []string
	for _, s := range infra.Subnets {
		wanted := kind == infrav1.AZSubnetTypeAll || s.IsPublic == (kind == infrav1.AZSubnetTypePublic)
		if !wanted || len(zones) == 0 && s.IsEdge() || len(zones) > 0 && !slices.Contains(zones, s.AvailabilityZone) ||
			s.Tags[associationTag] == associationSecondary || realID(s) == "" {
			continue
		}
		ids = appendNew(ids, realID(s))
	}
	if len(ids) > 0 {
		return ids, nil
	}
	if kind == infrav1.AZSubnetTypeAll {
		kind = "such"
	}
	if len(zones) > 0 {
		return nil, fmt.Errorf("the cluster has no %s subnet in %s", kind, strings.Join(zones, ", "))
	}
	return nil, fmt.Errorf("the cluster has no %s subnet", kind)
}

func referencedSubnets(refs []infrav1.AWSResourceReference, infra *Infra, snap *mirror.Snapshot) ([]string, error) {
	var ids []string
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
		for _, row := range mirror.InVPC(snap, mirror.Subnets, infra.VPCID) {
			ok, err := subnetAttributes(row).pass(ref.Filters)
			if err != nil {
				return nil, fmt.Errorf("spec.subnets: %w", err)
			}
			if ok && row.State == ec2types.SubnetStateAvailable {
				ids = appendNew(ids, aws.ToString(row.SubnetId))
			}
		}
		if len(ids) == before {
			return nil, fmt.Errorf("no subnet passes the filters of spec.subnets in VPC %s", infra.VPCID)
		}
	}
	return ids, nil
}

// AtTheEdge tells whether one of the subnets lies in a local or wavelength zone.
func AtTheEdge(ids []string, infra *Infra) bool {
	return slices.ContainsFunc(infra.Subnets, func(s infrav1.SubnetSpec) bool { return s.IsEdge() && slices.Contains(ids, realID(s)) })
}
