package ec2

import (
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
