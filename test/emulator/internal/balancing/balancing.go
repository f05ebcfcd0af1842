// Package balancing is what classic and v2 load balancers have in common: where they stand in a network, their names, tags and pages.
package balancing

import (
	"net/netip"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/ec2"
)

// Face is a load balancer's presence in one subnet.
type Face struct {
	SubnetID     string
	Zone         string
	InterfaceID  string
	AllocationID string
}

// Placement is what a load balancer needs of its network.
type Placement struct {
	Subnets []string
	Groups  []string
	// Public load balancers need an internet gateway and get public addresses.
	Public bool
}

// Check looks the subnets and groups up and returns the VPC they share, and a face for each subnet.
func (p Placement) Check(r *core.Request) (vpc string, faces []Face, err error) {
	n, zones := ec2.Of(r.Region), map[string]bool{}
	for _, id := range p.Subnets {
		subnet, err := n.Subnet(r, id)
		if err != nil {
			return "", nil, core.Refuse("SubnetNotFound", "The subnet ID '%s' does not exist", id)
		}
		if vpc != "" && vpc != *subnet.VpcId {
			return "", nil, core.Refuse("InvalidSubnet", "The subnets must all be in the same VPC.")
		}
		if zones[*subnet.AvailabilityZone] {
			return "", nil, core.Refuse("InvalidConfigurationRequest",
				"A load balancer cannot be attached to multiple subnets in the same Availability Zone (%s).", *subnet.AvailabilityZone)
		}
		vpc, zones[*subnet.AvailabilityZone] = *subnet.VpcId, true
		faces = append(faces, Face{SubnetID: id, Zone: *subnet.AvailabilityZone})
	}
	if p.Public && vpc != "" && !n.HasGateway(vpc) {
		return "", nil, core.Refuse("InvalidSubnet", "VPC %s has no internet gateway", vpc)
	}
	return vpc, faces, CheckGroups(r, vpc, p.Groups)
}

// CheckGroups says whether the security groups exist in the VPC.
func CheckGroups(r *core.Request, vpc string, groups []string) error {
	for _, id := range groups {
		of, err := ec2.Of(r.Region).GroupVPC(r, id)
		if err != nil || of != vpc {
			return core.Refuse("InvalidSecurityGroup", "One or more security groups are invalid: '%s' does not exist in %s", id, vpc)
		}
	}
	return nil
}

// Open puts a network interface into the face's subnet.
func (f *Face) Open(r *core.Request, description string, kind types.NetworkInterfaceType, p Placement) error {
	n := ec2.Of(r.Region)
	eni, err := n.AddInterface(r, ec2.InterfaceSpec{SubnetID: f.SubnetID, Groups: p.Groups, Description: description, Owner: "amazon-elb",
		Type: kind, Public: p.Public && f.AllocationID == ""})
	if err != nil {
		return core.Refuse("InvalidSubnet", "Not enough IP space available in %s.", f.SubnetID)
	}
	f.InterfaceID = *eni.NetworkInterfaceId
	if f.AllocationID == "" {
		return nil
	}
	if err := n.AssociateAddress(r, f.AllocationID, f.InterfaceID); err != nil {
		n.RemoveInterface(f.InterfaceID)
		return core.Refuse("AllocationIdNotFound", "The allocation IDs '%s' are not available for use", f.AllocationID)
	}
	return nil
}

// OpenAll opens every face, or none of them.
func OpenAll(r *core.Request, faces []Face, description string, kind types.NetworkInterfaceType, p Placement) error {
	for i := range faces {
		if err := faces[i].Open(r, description, kind, p); err != nil {
			for _, opened := range faces[:i] {
				ec2.Of(r.Region).RemoveInterface(opened.InterfaceID)
			}
			return err
		}
	}
	return nil
}

// Close removes the interfaces once the deletion delay has passed. Until then they keep subnets and security groups from being deleted.
func Close(r *core.Request, faces []Face) {
	n := ec2.Of(r.Region)
	r.After(r.Config.DeletionDelay, func() {
		for _, face := range faces {
			n.RemoveInterface(face.InterfaceID)
		}
	})
}

// Addresses are what the load balancer's DNS name resolves to.
func Addresses(r *core.Region, faces []Face, public bool) []netip.Addr {
	var out []netip.Addr
	for _, face := range faces {
		eni := ec2.Of(r).Interface(face.InterfaceID)
		if eni == nil {
			continue
		}
		text := core.Val(eni.PrivateIpAddress)
		if public && eni.Association != nil {
			text = core.Val(eni.Association.PublicIp)
		}
		if address, err := netip.ParseAddr(text); err == nil {
			out = append(out, address)
		}
	}
	return out
}

var name = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?$`)

// CheckName holds names of load balancers and target groups to ELB's rule: at most 32 letters, digits and inner hyphens.
func CheckName(what, given string) error {
	switch {
	case given == "":
		return core.Refuse("ValidationError", "%s name must be specified", what)
	case !name.MatchString(given):
		return core.Refuse("ValidationError", "%s name '%s' must have at most 32 letters, digits and hyphens, and neither begin nor end with a hyphen", what, given)
	case strings.HasPrefix(given, "internal-"):
		return core.Refuse("ValidationError", "%s name '%s' cannot begin with 'internal-'", what, given)
	}
	return nil
}

// mostPerPage is the largest page of ELB's describes.
const mostPerPage = 400

// Paginate cuts rows by ELB's parameters Marker and PageSize.
func Paginate[T any](r *core.Request, rows []*core.Row[T], marker *string, size *int32) (core.Page[T], error) {
	if size != nil && (*size < 1 || *size > mostPerPage) {
		return core.Page[T]{}, core.Refuse("ValidationError", "Page size '%d' must be from 1 to %d", *size, mostPerPage)
	}
	page, err := core.Paginate(r, rows, core.Val(marker), int(core.Val(size)), mostPerPage)
	if err != nil {
		return page, core.Refuse("ValidationError", "The marker is not valid.")
	}
	return page, nil
}
