package instance

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

// RecordedID returns the id of the instance that an object records, or "".
func RecordedID(spec *infrav1.AWSMachineSpec) string {
	if id := aws.ToString(spec.InstanceID); id != "" {
		return id
	}
	provider := aws.ToString(spec.ProviderID)
	return provider[strings.LastIndex(provider, "/")+1:]
}

// Find returns an object's instance: the recorded one, else one that carries the
// object's UID, else one that another tool made for a machine of this name and
// cluster, which is alive. Nil when none is to be seen.
func Find(spec *infrav1.AWSMachineSpec, uid, cluster, name string, snap *mirror.Snapshot) *ec2types.Instance {
	if id := RecordedID(spec); id != "" {
		row, _ := mirror.Get(snap, mirror.Instances, id)
		return row
	}
	var found *ec2types.Instance
	for _, row := range mirror.Select(snap, mirror.Instances, func(i *ec2types.Instance) bool {
		return Tag(i.Tags, names.TagUID) == uid || adoptable(i, cluster, name)
	}) {
		if found == nil || !Ended(found) && Tag(row.Tags, names.TagUID) == uid || Ended(found) && !Ended(row) {
			found = row
		}
	}
	return found
}

// adoptable tells whether an instance was made for the machine without our UID tag.
func adoptable(i *ec2types.Instance, cluster, name string) bool {
	state := State(i)
	return Tag(i.Tags, names.TagName) == name && Tag(i.Tags, names.TagOwnedPrefix+cluster) == names.Owned &&
		Tag(i.Tags, names.TagUID) == "" && (state == infrav1.InstanceStatePending || state == infrav1.InstanceStateRunning)
}

// Tag returns the value of a tag, "" without it.
func Tag(tags []ec2types.Tag, key string) string {
	for _, t := range tags {
		if aws.ToString(t.Key) == key {
			return aws.ToString(t.Value)
		}
	}
	return ""
}

// State returns the instance's state, pending while AWS tells none.
func State(i *ec2types.Instance) infrav1.InstanceState {
	if i.State == nil {
		return infrav1.InstanceStatePending
	}
	return infrav1.InstanceState(i.State.Name)
}

// Ended tells that the instance is terminated or about to be.
func Ended(i *ec2types.Instance) bool {
	state := State(i)
	return state == infrav1.InstanceStateTerminated || state == infrav1.InstanceStateShuttingDown
}

// Zone returns the zone of an instance.
func Zone(i *ec2types.Instance) string {
	if i.Placement == nil {
		return ""
	}
	return aws.ToString(i.Placement.AvailabilityZone)
}

// ProviderID returns the id by which Kubernetes knows the instance, "" while AWS
// doesn't tell its zone.
func ProviderID(i *ec2types.Instance) string {
	zone := Zone(i)
	if zone == "" {
		return ""
	}
	return fmt.Sprintf("aws:///%s/%s", zone, aws.ToString(i.InstanceId))
}

// Addresses returns the addresses of an instance, interface by interface.
func Addresses(i *ec2types.Instance) []infrav1.MachineAddress {
	var list []infrav1.MachineAddress
	add := func(kind infrav1.MachineAddressType, address string) {
		for _, a := range list {
			if a.Type == kind && a.Address == address {
				return
			}
		}
		if address != "" {
			list = append(list, infrav1.MachineAddress{Type: kind, Address: address})
		}
	}
	for _, n := range i.NetworkInterfaces {
		add(infrav1.MachineAddressInternalDNS, aws.ToString(n.PrivateDnsName))
		add(infrav1.MachineAddressInternalIP, aws.ToString(n.PrivateIpAddress))
		for _, v6 := range n.Ipv6Addresses {
			add(infrav1.MachineAddressInternalIP, aws.ToString(v6.Ipv6Address))
		}
		if n.Association != nil {
			add(infrav1.MachineAddressExternalDNS, aws.ToString(n.Association.PublicDnsName))
			add(infrav1.MachineAddressExternalIP, aws.ToString(n.Association.PublicIp))
		}
	}
	add(infrav1.MachineAddressInternalDNS, aws.ToString(i.PrivateDnsName))
	add(infrav1.MachineAddressInternalIP, aws.ToString(i.PrivateIpAddress))
	add(infrav1.MachineAddressExternalDNS, aws.ToString(i.PublicDnsName))
	add(infrav1.MachineAddressExternalIP, aws.ToString(i.PublicIpAddress))
	return list
}
