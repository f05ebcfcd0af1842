package network

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Handlers carry out what networks plan.
func Handlers() []plan.Handler {
	var all []plan.Handler
	all = append(all, vpcHandlers()...)
	all = append(all, gatewayHandlers()...)
	all = append(all, routeHandlers()...)
	all = append(all, groupHandlers()...)
	all = append(all, endpointHandlers()...)
	all = append(all, carrierHandlers()...)
	all = append(all, plan.Call("DeleteNetworkInterface", (*ec2.Client).DeleteNetworkInterface, nil))
	return append(all, plan.Call("TagResources", (*ec2.Client).CreateTags, func(w *plan.Writer, in *ec2.CreateTagsInput, _ *ec2.CreateTagsOutput) {
		for _, id := range in.Resources {
			writeTags(w, id, in.Tags)
		}
	}))
}

func vpcHandlers() []plan.Handler {
	return []plan.Handler{
		plan.Call("CreateVPC", (*ec2.Client).CreateVpc, func(w *plan.Writer, in *ec2.CreateVpcInput, out *ec2.CreateVpcOutput) {
			if out.Vpc == nil {
				return
			}
			row := *out.Vpc
			row.Tags = tagsOr(row.Tags, in.TagSpecifications)
			// A new VPC has DNS support and no DNS host names (CreateVpc's documentation).
			plan.Put(w, mirror.VPCs, mirror.VPC{Vpc: row, DNSSupport: aws.Bool(true), DNSHostnames: aws.Bool(false), New: true})
		}, mirror.VPCs.Kind),
		plan.Call("ModifyVPCAttributes", (*ec2.Client).ModifyVpcAttribute, func(w *plan.Writer, in *ec2.ModifyVpcAttributeInput, _ *ec2.ModifyVpcAttributeOutput) {
			plan.Modify(w, mirror.VPCs, aws.ToString(in.VpcId), func(v *mirror.VPC) {
				if in.EnableDnsHostnames != nil {
					v.DNSHostnames = in.EnableDnsHostnames.Value
				}
				if in.EnableDnsSupport != nil {
					v.DNSSupport = in.EnableDnsSupport.Value
				}
			})
		}),
		plan.Call("AssociateVPCCidrBlock", (*ec2.Client).AssociateVpcCidrBlock, func(w *plan.Writer, in *ec2.AssociateVpcCidrBlockInput, out *ec2.AssociateVpcCidrBlockOutput) {
			plan.Modify(w, mirror.VPCs, aws.ToString(in.VpcId), func(v *mirror.VPC) {
				if a := out.CidrBlockAssociation; a != nil {
					v.CidrBlockAssociationSet = append(append([]ec2types.VpcCidrBlockAssociation{}, v.CidrBlockAssociationSet...), *a)
				}
				if a := out.Ipv6CidrBlockAssociation; a != nil {
					v.Ipv6CidrBlockAssociationSet = append(append([]ec2types.VpcIpv6CidrBlockAssociation{}, v.Ipv6CidrBlockAssociationSet...), *a)
				}
			})
		}, mirror.VPCs.Kind),
		plan.Call("DisassociateVPCCidrBlock", (*ec2.Client).DisassociateVpcCidrBlock, func(w *plan.Writer, in *ec2.DisassociateVpcCidrBlockInput, out *ec2.DisassociateVpcCidrBlockOutput) {
			plan.Modify(w, mirror.VPCs, aws.ToString(out.VpcId), func(v *mirror.VPC) {
				var left []ec2types.VpcCidrBlockAssociation
				for _, a := range v.CidrBlockAssociationSet {
					if aws.ToString(a.AssociationId) != aws.ToString(in.AssociationId) {
						left = append(left, a)
					}
				}
				v.CidrBlockAssociationSet = left
			})
		}, mirror.VPCs.Kind),
		plan.Call("DeleteVPC", (*ec2.Client).DeleteVpc, func(w *plan.Writer, in *ec2.DeleteVpcInput, _ *ec2.DeleteVpcOutput) {
			plan.Drop(w, mirror.VPCs, aws.ToString(in.VpcId))
		}),
		plan.Call("CreateSubnet", (*ec2.Client).CreateSubnet, func(w *plan.Writer, in *ec2.CreateSubnetInput, out *ec2.CreateSubnetOutput) {
			if out.Subnet == nil {
				return
			}
			row := *out.Subnet
			row.Tags = tagsOr(row.Tags, in.TagSpecifications)
			plan.Put(w, mirror.Subnets, row)
		}, mirror.Subnets.Kind),
		plan.Call("ModifySubnetAttributes", (*ec2.Client).ModifySubnetAttribute, func(w *plan.Writer, in *ec2.ModifySubnetAttributeInput, _ *ec2.ModifySubnetAttributeOutput) {
			plan.Modify(w, mirror.Subnets, aws.ToString(in.SubnetId), func(s *ec2types.Subnet) { writeSubnetAttributes(s, in) })
		}, mirror.Subnets.Kind),
		plan.Call("DeleteSubnet", (*ec2.Client).DeleteSubnet, func(w *plan.Writer, in *ec2.DeleteSubnetInput, _ *ec2.DeleteSubnetOutput) {
			plan.Drop(w, mirror.Subnets, aws.ToString(in.SubnetId))
		}),
	}
}

func writeSubnetAttributes(s *ec2types.Subnet, in *ec2.ModifySubnetAttributeInput) {
	if in.MapPublicIpOnLaunch != nil {
		s.MapPublicIpOnLaunch = in.MapPublicIpOnLaunch.Value
	}
	if in.AssignIpv6AddressOnCreation != nil {
		s.AssignIpv6AddressOnCreation = in.AssignIpv6AddressOnCreation.Value
	}
	if in.EnableDns64 != nil {
		s.EnableDns64 = in.EnableDns64.Value
	}
	if in.PrivateDnsHostnameTypeOnLaunch != "" {
		options := ec2types.PrivateDnsNameOptionsOnLaunch{}
		if s.PrivateDnsNameOptionsOnLaunch != nil {
			options = *s.PrivateDnsNameOptionsOnLaunch
		}
		options.HostnameType = in.PrivateDnsHostnameTypeOnLaunch
		s.PrivateDnsNameOptionsOnLaunch = &options
	}
}

func gatewayHandlers() []plan.Handler {
	return []plan.Handler{
		plan.Call("CreateInternetGateway", (*ec2.Client).CreateInternetGateway, func(w *plan.Writer, in *ec2.CreateInternetGatewayInput, out *ec2.CreateInternetGatewayOutput) {
			if out.InternetGateway == nil {
				return
			}
			row := *out.InternetGateway
			row.Tags = tagsOr(row.Tags, in.TagSpecifications)
			plan.Put(w, mirror.InternetGateways, row)
		}, mirror.InternetGateways.Kind),
		plan.Call("AttachInternetGateway", (*ec2.Client).AttachInternetGateway, func(w *plan.Writer, in *ec2.AttachInternetGatewayInput, _ *ec2.AttachInternetGatewayOutput) {
			plan.Modify(w, mirror.InternetGateways, aws.ToString(in.InternetGatewayId), func(g *ec2types.InternetGateway) {
				g.Attachments = []ec2types.InternetGatewayAttachment{{VpcId: in.VpcId, State: ec2types.AttachmentStatusAttached}}
			})
		}, mirror.InternetGateways.Kind),
		plan.Call("DetachInternetGateway", (*ec2.Client).DetachInternetGateway, func(w *plan.Writer, in *ec2.DetachInternetGatewayInput, _ *ec2.DetachInternetGatewayOutput) {
			plan.Modify(w, mirror.InternetGateways, aws.ToString(in.InternetGatewayId), func(g *ec2types.InternetGateway) { g.Attachments = nil })
		}),
		plan.Call("DeleteInternetGateway", (*ec2.Client).DeleteInternetGateway, func(w *plan.Writer, in *ec2.DeleteInternetGatewayInput, _ *ec2.DeleteInternetGatewayOutput) {
			plan.Drop(w, mirror.InternetGateways, aws.ToString(in.InternetGatewayId))
		}),
		plan.Call("CreateEgressOnlyInternetGateway", (*ec2.Client).CreateEgressOnlyInternetGateway, func(w *plan.Writer, in *ec2.CreateEgressOnlyInternetGatewayInput, out *ec2.CreateEgressOnlyInternetGatewayOutput) {
			if out.EgressOnlyInternetGateway == nil {
				return
			}
			row := *out.EgressOnlyInternetGateway
			row.Tags = tagsOr(row.Tags, in.TagSpecifications)
			if len(row.Attachments) == 0 {
				row.Attachments = []ec2types.InternetGatewayAttachment{{VpcId: in.VpcId, State: ec2types.AttachmentStatusAttached}}
			}
			plan.Put(w, mirror.EgressOnlyInternetGateways, row)
		}, mirror.EgressOnlyInternetGateways.Kind),
		plan.Call("DeleteEgressOnlyInternetGateway", (*ec2.Client).DeleteEgressOnlyInternetGateway, func(w *plan.Writer, in *ec2.DeleteEgressOnlyInternetGatewayInput, _ *ec2.DeleteEgressOnlyInternetGatewayOutput) {
			plan.Drop(w, mirror.EgressOnlyInternetGateways, aws.ToString(in.EgressOnlyInternetGatewayId))
		}),
		plan.Call("AllocateEIP", (*ec2.Client).AllocateAddress, func(w *plan.Writer, in *ec2.AllocateAddressInput, out *ec2.AllocateAddressOutput) {
			plan.Put(w, mirror.Addresses, ec2types.Address{AllocationId: out.AllocationId, PublicIp: out.PublicIp, Domain: out.Domain,
				PublicIpv4Pool: out.PublicIpv4Pool, NetworkBorderGroup: out.NetworkBorderGroup, Tags: tagsOr(nil, in.TagSpecifications)})
		}, mirror.Addresses.Kind),
		plan.Call("ReleaseEIP", (*ec2.Client).ReleaseAddress, func(w *plan.Writer, in *ec2.ReleaseAddressInput, _ *ec2.ReleaseAddressOutput) {
			plan.Drop(w, mirror.Addresses, aws.ToString(in.AllocationId))
		}),
		plan.Call("CreateNATGateway", (*ec2.Client).CreateNatGateway, func(w *plan.Writer, in *ec2.CreateNatGatewayInput, out *ec2.CreateNatGatewayOutput) {
			if out.NatGateway == nil {
				return
			}
			row := *out.NatGateway
			row.Tags = tagsOr(row.Tags, in.TagSpecifications)
			if len(row.NatGatewayAddresses) == 0 {
				row.NatGatewayAddresses = []ec2types.NatGatewayAddress{{AllocationId: in.AllocationId}}
			}
			plan.Put(w, mirror.NATGateways, row)
		}, mirror.NATGateways.Kind, mirror.Addresses.Kind),
		plan.Call("DeleteNATGateway", (*ec2.Client).DeleteNatGateway, func(w *plan.Writer, in *ec2.DeleteNatGatewayInput, _ *ec2.DeleteNatGatewayOutput) {
			plan.Modify(w, mirror.NATGateways, aws.ToString(in.NatGatewayId), func(g *ec2types.NatGateway) {
				if g.State != ec2types.NatGatewayStateDeleted {
					g.State = ec2types.NatGatewayStateDeleting
				}
			})
		}),
	}
}

// tagsOr returns the tags of an answer, or where it has none those of the
// request.
func tagsOr(tags []ec2types.Tag, asked []ec2types.TagSpecification) []ec2types.Tag {
	if len(tags) > 0 || len(asked) == 0 {
		return tags
	}
	return asked[0].Tags
}

// writeTags notes new tags of a resource of any kind.
func writeTags(w *plan.Writer, id string, tags []ec2types.Tag) {
	prefix, _, _ := strings.Cut(id, "-")
	switch prefix {
	case "vpc":
		plan.Modify(w, mirror.VPCs, id, func(r *mirror.VPC) { r.Tags = withTags(r.Tags, tags) })
	case "subnet":
		plan.Modify(w, mirror.Subnets, id, func(r *ec2types.Subnet) { r.Tags = withTags(r.Tags, tags) })
	case "igw":
		plan.Modify(w, mirror.InternetGateways, id, func(r *ec2types.InternetGateway) { r.Tags = withTags(r.Tags, tags) })
	case "eigw":
		plan.Modify(w, mirror.EgressOnlyInternetGateways, id, func(r *ec2types.EgressOnlyInternetGateway) { r.Tags = withTags(r.Tags, tags) })
	case "nat":
		plan.Modify(w, mirror.NATGateways, id, func(r *ec2types.NatGateway) { r.Tags = withTags(r.Tags, tags) })
	case "eipalloc":
		plan.Modify(w, mirror.Addresses, id, func(r *ec2types.Address) { r.Tags = withTags(r.Tags, tags) })
	case "rtb":
		plan.Modify(w, mirror.RouteTables, id, func(r *ec2types.RouteTable) { r.Tags = withTags(r.Tags, tags) })
	case "cagw":
		plan.Modify(w, mirror.CarrierGateways, id, func(r *ec2types.CarrierGateway) { r.Tags = withTags(r.Tags, tags) })
	case "vpce":
		plan.Modify(w, mirror.VPCEndpoints, id, func(r *ec2types.VpcEndpoint) { r.Tags = withTags(r.Tags, tags) })
	case "sg":
		plan.Modify(w, mirror.SecurityGroups, id, func(r *ec2types.SecurityGroup) { r.Tags = withTags(r.Tags, tags) })
	}
}

func withTags(old, added []ec2types.Tag) []ec2types.Tag {
	all := map[string]string{}
	for _, t := range append(append([]ec2types.Tag{}, old...), added...) {
		all[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return tagList(all)
}
