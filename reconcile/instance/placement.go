package instance

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/infrastructure"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
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
	// VPC is where it lies, "" for one of the cluster's.
	VPC string
	// Listed tells that the cluster lists it, Public that a route leads there from
	// the internet; of others nobody knows that.
	Listed, Public bool
}

// ChooseSubnet returns the machine's subnet: the named one; else one that passes
// the filters; else one of the cluster's in the failure domain; else the first of
// the cluster's. A public address wants a public subnet.
func ChooseSubnet(spec *infrav1.AWSMachineSpec, infra *infrastructure.Cluster, failureDomain string, living ownership.Living, snap *mirror.Snapshot) (Subnet, error) {
	lender := infra.Lender(living, snap)
	switch {
	case spec.Subnet != nil && spec.Subnet.ID != nil:
		s, err := namedSubnet(*spec.Subnet.ID, infra, snap)
		if err != nil {
			return Subnet{}, err
		}
		if err := s.suits(spec, failureDomain); err != nil {
			return Subnet{}, err
		}
		return s, lender.Subnet(s.ID)
	case spec.Subnet != nil && len(spec.Subnet.Filters) > 0:
		return filteredSubnet(spec, infra, failureDomain, lender)
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
			return listed(s), lender.Subnet(id)
		}
	}
	if failureDomain != "" {
		return Subnet{}, fmt.Errorf("the cluster has no %s subnet in failure domain %s", kind, failureDomain)
	}
	return Subnet{}, fmt.Errorf("the cluster has no %s subnet", kind)
}

func realID(s infrav1.SubnetSpec) string { return first(s.ResourceID, s.ID) }

// listed is a subnet that the cluster lists.
func listed(s infrav1.SubnetSpec) Subnet {
	return Subnet{ID: realID(s), IPv6: s.IsIPv6, Zone: s.AvailabilityZone, Listed: true, Public: s.IsPublic}
}

// subnetOf returns a subnet that AWS shows, which may be one of the cluster's.
func subnetOf(row *ec2types.Subnet, infra *infrastructure.Cluster) Subnet {
	for _, s := range infra.Subnets {
		if realID(s) == aws.ToString(row.SubnetId) {
			return listed(s)
		}
	}
	return Subnet{ID: aws.ToString(row.SubnetId), IPv6: len(row.Ipv6CidrBlockAssociationSet) > 0, Zone: aws.ToString(row.AvailabilityZone), VPC: aws.ToString(row.VpcId)}
}

func namedSubnet(id string, infra *infrastructure.Cluster, snap *mirror.Snapshot) (Subnet, error) {
	for _, s := range infra.Subnets {
		if s.ID == id || s.ResourceID == id {
			return listed(s), nil
		}
	}
	row, ok := mirror.Get(snap, mirror.Subnets, id)
	if !ok {
		return Subnet{}, fmt.Errorf("subnet %s doesn't exist in %s", id, infra.Region)
	}
	return subnetOf(row, infra), nil
}

// suits tells what speaks against a subnet that the machine wishes for: it has to be
// where the Machine is to be, and a public address has to be of use.
func (s Subnet) suits(spec *infrav1.AWSMachineSpec, failureDomain string) error {
	switch {
	case failureDomain != "" && s.Zone != "" && s.Zone != failureDomain:
		return fmt.Errorf("subnet %s of spec.subnet is in %s, and the Machine's failure domain is %s: name a subnet there, or none", s.ID, s.Zone, failureDomain)
	case !aws.ToBool(spec.PublicIP) || s.Public:
		return nil
	case s.Listed:
		return fmt.Errorf("subnet %s of spec.subnet is private, so that no route leads to the address of publicIP: name a public subnet, or leave publicIP out", s.ID)
	}
	return fmt.Errorf("subnet %s of spec.subnet is none of the AWSCluster's, so that nobody knows whether a route leads to the address of publicIP: "+
		"add it to spec.network.subnets there, or leave publicIP out", s.ID)
}

// filteredSubnet returns the first subnet that passes the filters and suits, of the
// cluster's VPC rather than of another one, which only a filter on vpc-id leads to.
func filteredSubnet(spec *infrav1.AWSMachineSpec, infra *infrastructure.Cluster, failureDomain string, lender ownership.Lender) (Subnet, error) {
	rows, where := within(lender.Snap, mirror.Subnets, spec.Subnet.Filters, infra)
	var unsuitable error
	look := newSearch()
	for _, row := range rows {
		ok, err := look.pass(subnetAttributes(row), spec.Subnet.Filters)
		if err != nil {
			return Subnet{}, fmt.Errorf("spec.subnet: %w", err)
		}
		if !ok || row.State != ec2types.SubnetStateAvailable {
			continue
		}
		s := subnetOf(row, infra)
		if err := cmp.Or(s.suits(spec, failureDomain), lender.Subnet(s.ID)); err == nil {
			return s, nil
		} else if unsuitable == nil {
			unsuitable = err
		}
	}
	if unsuitable != nil {
		return Subnet{}, unsuitable
	}
	return Subnet{}, fmt.Errorf("no subnet passes the filters of spec.subnet in %s", where)
}

// Groups returns the ids of the machine's security groups: those that the
// cluster's machines of its role have, and its own. waits names a group of the
// cluster that doesn't exist yet.
func Groups(spec *infrav1.AWSMachineSpec, infra *infrastructure.Cluster, controlPlane bool, living ownership.Living, snap *mirror.Snapshot) (ids []string, waits string, err error) {
	if !infra.External {
		for _, role := range infra.GroupRoles(controlPlane) {
			id := first(spec.SecurityGroupOverrides[role], infra.Groups[role])
			if id == "" {
				return nil, fmt.Sprintf("the cluster's security group %s", role), nil
			}
			ids = appendNew(ids, id)
		}
	}
	look := newSearch()
	for _, ref := range spec.AdditionalSecurityGroups {
		switch {
		case ref.ID != nil:
			ids = appendNew(ids, *ref.ID)
		case !infra.External:
			found, err := filteredGroups(look, ref.Filters, infra, snap)
			if err != nil {
				return nil, "", err
			}
			for _, id := range found {
				ids = appendNew(ids, id)
			}
		}
	}
	lender := infra.Lender(living, snap)
	for _, id := range ids {
		if err := lender.Group(id); err != nil {
			return nil, "", err
		}
	}
	return ids, "", nil
}

// Reaches tells what speaks against the cluster's security groups on a machine in the
// subnet: AWS takes none of another VPC.
func (s Subnet) Reaches(spec *infrav1.AWSMachineSpec, infra *infrastructure.Cluster, controlPlane bool) error {
	if infra.External || s.VPC == "" || s.VPC == infra.VPCID {
		return nil
	}
	for _, role := range infra.GroupRoles(controlPlane) {
		if spec.SecurityGroupOverrides[role] == "" {
			return fmt.Errorf("subnet %s is in VPC %s, and the cluster's security group %s in %s: write a group of %s into spec.securityGroupOverrides.%s, or choose a subnet of the cluster's VPC",
				s.ID, s.VPC, role, infra.VPCID, s.VPC, role)
		}
	}
	return nil
}

// within returns what filters are compared with, and where that is: in the cluster's VPC,
// and after that in all others where a filter on vpc-id may lead there.
func within[T any](snap *mirror.Snapshot, t *mirror.Table[T], filters []infrav1.Filter, infra *infrastructure.Cluster) (rows []*T, where string) {
	rows = mirror.InVPC(snap, t, infra.VPCID)
	if !slices.ContainsFunc(filters, func(f infrav1.Filter) bool { return f.Name == filterVPC }) {
		return rows, "VPC " + infra.VPCID
	}
	return append(slices.Clone(rows), mirror.Select(snap, t, func(row *T) bool { return t.VPC(row) != infra.VPCID })...), infra.Region
}

func filteredGroups(look *search, filters []infrav1.Filter, infra *infrastructure.Cluster, snap *mirror.Snapshot) ([]string, error) {
	var ids []string
	rows, where := within(snap, mirror.SecurityGroups, filters, infra)
	for _, row := range rows {
		ok, err := look.pass(groupAttributes(row), filters)
		if err != nil {
			return nil, fmt.Errorf("spec.additionalSecurityGroups: %w", err)
		}
		if ok {
			ids = append(ids, aws.ToString(row.GroupId))
		}
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("no security group passes the filters of spec.additionalSecurityGroups in %s; write filters that one passes, or leave them out", where)
	}
	return ids, nil
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
