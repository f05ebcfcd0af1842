package instance

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

// The tag that keeps a subnet for pods.
const (
	associationTag       = "sigs.k8s.io/cluster-api-provider-aws/association"
	associationSecondary = "secondary"
)

// Subnet is where an instance goes.
type Subnet struct {
	ID   string
	IPv6 bool
	// Zone is "" while it isn't known.
	Zone string
}

// ChooseSubnet returns the machine's subnet: the named one; else one that passes
// the filters; else one of the cluster's in the failure domain; else the first of
// the cluster's. A public address wants a public subnet.
func ChooseSubnet(spec *infrav1.AWSMachineSpec, infra *Infra, failureDomain string, snap *mirror.Snapshot) (Subnet, error) {
	switch {
	case spec.Subnet != nil && spec.Subnet.ID != nil:
		return namedSubnet(*spec.Subnet.ID, infra, snap)
	case spec.Subnet != nil && len(spec.Subnet.Filters) > 0:
		return filteredSubnet(spec, infra, failureDomain, snap)
	}
	public := aws.ToBool(spec.PublicIP)
	kind := "private"
	if public {
		kind = "public"
	}
	for _, s := range infra.Subnets {
		if failureDomain == "" && s.IsEdge() || s.Tags[associationTag] == associationSecondary || s.IsPublic != public ||
			failureDomain != "" && s.AvailabilityZone != failureDomain {
			continue
		}
		if id := realID(s); id != "" {
			return Subnet{id, s.IsIPv6, s.AvailabilityZone}, nil
		}
	}
	if failureDomain != "" {
		return Subnet{}, fmt.Errorf("the cluster has no %s subnet in failure domain %s", kind, failureDomain)
	}
	return Subnet{}, fmt.Errorf("the cluster has no %s subnet", kind)
}

func realID(s infrav1.SubnetSpec) string { return first(s.ResourceID, s.ID) }

func namedSubnet(id string, infra *Infra, snap *mirror.Snapshot) (Subnet, error) {
	for _, s := range infra.Subnets {
		if s.ID == id || s.ResourceID == id {
			return Subnet{realID(s), s.IsIPv6, s.AvailabilityZone}, nil
		}
	}
	row, ok := mirror.Get(snap, mirror.Subnets, id)
	if !ok {
		return Subnet{}, fmt.Errorf("subnet %s doesn't exist in %s", id, infra.Region)
	}
	return Subnet{id, len(row.Ipv6CidrBlockAssociationSet) > 0, aws.ToString(row.AvailabilityZone)}, nil
}

func filteredSubnet(spec *infrav1.AWSMachineSpec, infra *Infra, failureDomain string, snap *mirror.Snapshot) (Subnet, error) {
	for _, row := range mirror.InVPC(snap, mirror.Subnets, infra.VPCID) {
		ok, err := subnetAttributes(row).pass(spec.Subnet.Filters)
		if err != nil {
			return Subnet{}, fmt.Errorf("spec.subnet: %w", err)
		}
		if ok && row.State == ec2types.SubnetStateAvailable && (failureDomain == "" || aws.ToString(row.AvailabilityZone) == failureDomain) {
			return Subnet{aws.ToString(row.SubnetId), len(row.Ipv6CidrBlockAssociationSet) > 0, aws.ToString(row.AvailabilityZone)}, nil
		}
	}
	where := "VPC " + infra.VPCID
	if failureDomain != "" {
		where += ", failure domain " + failureDomain
	}
	return Subnet{}, fmt.Errorf("no subnet passes the filters of spec.subnet in %s", where)
}

// Groups returns the ids of the machine's security groups: those that the
// cluster's machines of its role have, and its own. waits names a group of the
// cluster that doesn't exist yet.
func Groups(spec *infrav1.AWSMachineSpec, infra *Infra, controlPlane bool, snap *mirror.Snapshot) (ids []string, waits string, err error) {
	if !infra.External {
		roles := []infrav1.SecurityGroupRole{infrav1.SecurityGroupNode, infrav1.SecurityGroupLB}
		if controlPlane {
			roles = append(roles, infrav1.SecurityGroupControlPlane)
		}
		for _, role := range roles {
			id := first(spec.SecurityGroupOverrides[role], infra.Groups[role])
			if id == "" {
				return nil, fmt.Sprintf("the cluster's security group %s", role), nil
			}
			ids = appendNew(ids, id)
		}
	}
	for _, ref := range spec.AdditionalSecurityGroups {
		switch {
		case ref.ID != nil:
			ids = appendNew(ids, *ref.ID)
		case !infra.External:
			found, err := filteredGroups(ref.Filters, infra, snap)
			if err != nil {
				return nil, "", err
			}
			for _, id := range found {
				ids = appendNew(ids, id)
			}
		}
	}
	return ids, "", nil
}

func filteredGroups(filters []infrav1.Filter, infra *Infra, snap *mirror.Snapshot) ([]string, error) {
	var ids []string
	for _, row := range mirror.InVPC(snap, mirror.SecurityGroups, infra.VPCID) {
		ok, err := groupAttributes(row).pass(filters)
		if err != nil {
			return nil, fmt.Errorf("spec.additionalSecurityGroups: %w", err)
		}
		if ok {
			ids = append(ids, aws.ToString(row.GroupId))
		}
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("no security group passes the filters of spec.additionalSecurityGroups in VPC %s", infra.VPCID)
	}
	return ids, nil
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
