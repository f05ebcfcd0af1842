package eks

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/ec2"
)

// vpcConfig reads how a new cluster is reached, and where it stands.
func vpcConfig(r *core.Request, in *types.VpcConfigRequest) (*types.VpcConfigResponse, error) {
	if in == nil {
		in = &types.VpcConfigRequest{}
	}
	out := &types.VpcConfigResponse{EndpointPublicAccess: true, PublicAccessCidrs: []string{"0.0.0.0/0"},
		ControlPlaneEgressMode: types.ControlPlaneEgressModeTypeAwsManaged}
	if err := reach(out, in); err != nil {
		return nil, err
	}
	return out, place(r, out, in)
}

// reach applies what a request says of the endpoint.
func reach(out *types.VpcConfigResponse, in *types.VpcConfigRequest) error {
	if in.EndpointPublicAccess != nil {
		out.EndpointPublicAccess = *in.EndpointPublicAccess
	}
	if in.EndpointPrivateAccess != nil {
		out.EndpointPrivateAccess = *in.EndpointPrivateAccess
	}
	if !out.EndpointPublicAccess && !out.EndpointPrivateAccess {
		return invalid("Private and public endpoint access cannot be false")
	}
	if len(in.PublicAccessCidrs) > mostCIDRs {
		return invalid("At most %d public access CIDRs can be given", mostCIDRs)
	}
	for _, cidr := range in.PublicAccessCidrs {
		if _, err := netip.ParsePrefix(cidr); err != nil {
			return invalid("The following CIDRs are invalid: %s", cidr)
		}
	}
	if len(in.PublicAccessCidrs) > 0 {
		out.PublicAccessCidrs = in.PublicAccessCidrs
	}
	return nil
}

// place applies what a request says of subnets and security groups.
func place(r *core.Request, out *types.VpcConfigResponse, in *types.VpcConfigRequest) error {
	n, zones, vpc := ec2.Of(r.Region), map[string]bool{}, core.Val(out.VpcId)
	for _, id := range in.SubnetIds {
		subnet, err := n.Subnet(r, id)
		switch {
		case err != nil:
			return invalid("The subnet ID '%s' does not exist", id)
		case vpc != "" && vpc != *subnet.VpcId:
			return invalid("Subnets specified must belong to the same VPC: %s is in %s and not in %s", id, *subnet.VpcId, vpc)
		}
		if slices.Contains(withoutControlPlanes, core.Val(subnet.AvailabilityZoneId)) {
			return &core.Error{Code: "UnsupportedAvailabilityZoneException", Message: fmt.Sprintf("Cannot create cluster because EKS does not support creating control plane instances in %s, the targeted availability zone. "+
				"Retry cluster creation using control plane subnets that span at least two of these availability zones: %s.", *subnet.AvailabilityZone, strings.Join(validZones(r), ", ")),
				Members: map[string]any{"validZones": validZones(r)}}
		}
		vpc, zones[*subnet.AvailabilityZone] = *subnet.VpcId, true
	}
	if len(zones) < fewestZones {
		return invalid("Subnets specified must be in at least two different AZs")
	}
	if len(in.SecurityGroupIds) > mostGroups {
		return invalid("At most %d security groups can be given", mostGroups)
	}
	for _, id := range in.SecurityGroupIds {
		if of, err := n.GroupVPC(r, id); err != nil || of != vpc {
			return invalid("The security group '%s' does not exist in %s", id, vpc)
		}
	}
	out.SubnetIds, out.SecurityGroupIds, out.VpcId = in.SubnetIds, in.SecurityGroupIds, &vpc
	return nil
}

// withoutControlPlanes are the ids of zones where no control plane can stand ("Amazon EKS VPC and subnet requirements").
var withoutControlPlanes = []string{"use1-az3", "usw1-az2", "cac1-az3"}

func validZones(r *core.Request) []string {
	out := []string{}
	for name, id := range ec2.ZoneIDs(r.Region) {
		if !slices.Contains(withoutControlPlanes, id) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// mostInterfaces is how many interfaces a control plane has in its subnets.
const mostInterfaces = 4

// settle makes what EKS makes in the VPC: the cluster's security group, and interfaces that carry it.
func (c *cluster) settle(r *core.Request) error {
	n, config := ec2.Of(r.Region), c.ResourcesVpcConfig
	group := fmt.Sprintf("eks-cluster-sg-%s-%d", *c.Name, 1_000_000_000+r.Random(1_000_000_000))
	id := n.AddGroup(r, *config.VpcId, group, "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, as well as any managed workloads.")
	config.ClusterSecurityGroupId = &id
	n.TagByAWS(id, map[string]string{"Name": group, "kubernetes.io/cluster/" + *c.Name: "owned", "aws:eks:cluster-name": *c.Name})
	for i, subnet := range config.SubnetIds {
		if i == mostInterfaces {
			break
		}
		eni, err := n.AddInterface(r, ec2.InterfaceSpec{SubnetID: subnet, Groups: append([]string{id}, config.SecurityGroupIds...), Owner: "amazon-eks",
			Description: "Amazon EKS " + *c.Name, Type: ec2types.NetworkInterfaceTypeInterface})
		if err != nil {
			c.vacate(n)
			return invalid("Subnet %s has not enough free addresses", subnet)
		}
		c.interfaces = append(c.interfaces, *eni.NetworkInterfaceId)
	}
	return nil
}

// vacate takes all of that away.
func (c *cluster) vacate(n *ec2.Network) {
	for _, id := range c.interfaces {
		n.RemoveInterface(id)
	}
	c.interfaces = nil
	n.RemoveGroup(*c.ResourcesVpcConfig.ClusterSecurityGroupId)
}
