package ec2

import (
	"slices"
	"strconv"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// What other services need of instances.

// Launch is a launch request.
type Launch = sdk.RunInstancesInput

// Try checks a launch without starting anything.
func (n *Network) Try(r *core.Request, in *sdk.RunInstancesInput) error {
	in, err := n.withTemplate(r, in)
	if err != nil {
		return err
	}
	_, err = n.order(r, in)
	return err
}

// Reservation lists the instances of a launch.
func (n *Network) Reservation(id string) []types.Instance {
	var out []types.Instance
	for _, i := range n.instances.Where(func(i *instance) bool { return i.reservation == id }) {
		out = append(out, i.Instance)
	}
	return out
}

// StateOf is an instance's state; gone is true for one that isn't listed any more.
func (n *Network) StateOf(id string) (state types.InstanceStateName, gone bool) {
	i := n.instances.Get(id)
	if i == nil {
		return "", true
	}
	return i.State.Name, false
}

// HasCapacity says whether a type can be started in a subnet's zone now.
func (n *Network) HasCapacity(r *core.Region, name, subnetID string) bool {
	subnet, kind := n.subnets.Get(subnetID), typeNamed(name)
	if subnet == nil || kind == nil {
		return false
	}
	for _, pattern := range append(append([]string{}, r.Settings().NoCapacity...), r.Settings().NotOffered...) {
		if core.Match(pattern, name+"/"+*subnet.AvailabilityZone) {
			return false
		}
	}
	return true
}

// AddGroup makes a security group of another service's, whose members reach each other, and returns its id.
func (n *Network) AddGroup(r *core.Request, vpcID, name, description string) string {
	g := n.addGroup(r, vpcID, name, description)
	itself := types.SecurityGroupRule{IpProtocol: ptr("-1"), IsEgress: ptr(false),
		ReferencedGroupInfo: &types.ReferencedSecurityGroup{GroupId: g.GroupId, UserId: ptr(r.Account)}}
	g.rules = append(g.rules, completeRule(r, g, itself))
	return *g.GroupId
}

// RemoveGroup takes it away unless it is in use.
func (n *Network) RemoveGroup(id string) {
	if !n.groupInUse(id) {
		n.groups.Delete(id)
		delete(n.tags, id)
	}
}

// TagByAWS sets tags that only AWS may set: their keys begin with "aws:".
func (n *Network) TagByAWS(id string, tags map[string]string) {
	list := []types.Tag{}
	for key, value := range tags {
		list = append(list, types.Tag{Key: ptr(key), Value: ptr(value)})
	}
	n.setTags(id, list)
}

// IsPublic says whether a subnet's route table leads to an internet gateway.
func (n *Network) IsPublic(subnetID string) bool {
	table, _ := n.association(func(a types.RouteTableAssociation) bool { return val(a.SubnetId) == subnetID })
	if subnet := n.subnets.Get(subnetID); table == nil && subnet != nil {
		table = n.mainRouteTable(*subnet.VpcId)
	}
	return table != nil && slices.ContainsFunc(table.Routes, func(route types.Route) bool { return strings.HasPrefix(val(route.GatewayId), "igw-") })
}

func (n *Network) mainRouteTable(vpcID string) *types.RouteTable {
	tables := n.routeTables.Where(func(t *types.RouteTable) bool {
		return *t.VpcId == vpcID && slices.ContainsFunc(t.Associations, func(a types.RouteTableAssociation) bool { return val(a.Main) })
	})
	if len(tables) == 0 {
		return nil
	}
	return tables[0]
}

// HasInstanceTagged says whether an instance runs that has a tag.
func (n *Network) HasInstanceTagged(key, value string) bool {
	return n.instances.Any(func(i *instance) bool {
		return i.in(types.InstanceStateNameRunning) && slices.ContainsFunc(n.tags[*i.InstanceId], func(t types.Tag) bool { return *t.Key == key && val(t.Value) == value })
	})
}

// ZoneIDs are the ids of a region's Availability Zones, by name.
func ZoneIDs(r *core.Region) map[string]string {
	out := map[string]string{}
	for _, zone := range zones(r) {
		if *zone.ZoneType == zonePlain {
			out[*zone.ZoneName] = *zone.ZoneId
		}
	}
	return out
}

// MakeTemplate makes a launch template of AWS's own, and returns its id.
func (n *Network) MakeTemplate(r *core.Request, name string, data types.RequestLaunchTemplateData, tags map[string]string) (string, error) {
	out, err := createLaunchTemplate(r, &sdk.CreateLaunchTemplateInput{LaunchTemplateName: &name, LaunchTemplateData: &data})
	if err != nil {
		return "", err
	}
	n.TagByAWS(*out.LaunchTemplate.LaunchTemplateId, tags)
	return *out.LaunchTemplate.LaunchTemplateId, nil
}

// AddTemplateVersion makes the next version, and returns its number.
func (n *Network) AddTemplateVersion(r *core.Request, id string, data types.RequestLaunchTemplateData) (string, error) {
	t, err := n.findTemplate(r, &id, nil)
	if err != nil {
		return "", err
	}
	t.add(r, data, nil)
	return strconv.FormatInt(*t.LatestVersionNumber, 10), nil
}

// DropTemplate takes it away.
func (n *Network) DropTemplate(id string) {
	n.templates.Delete(id)
	delete(n.tags, id)
}

// TemplateData is what a launch template's version says, with its id, name and number.
func (n *Network) TemplateData(r *core.Request, id, name *string, version string) (data types.RequestLaunchTemplateData, is types.LaunchTemplate, number string, err error) {
	t, err := n.findTemplate(r, id, name)
	if err != nil {
		return data, is, "", err
	}
	v, err := t.version(version)
	if err != nil {
		return data, is, "", err
	}
	return v.asked, t.LaunchTemplate, strconv.FormatInt(*v.VersionNumber, 10), nil
}
