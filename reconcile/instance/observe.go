package instance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// RecordedID returns the id of the instance that an object records, or "".
func RecordedID(spec *infrav1.AWSMachineSpec) string {
	if id := aws.ToString(spec.InstanceID); id != "" {
		return id
	}
	provider := aws.ToString(spec.ProviderID)
	return provider[strings.LastIndex(provider, "/")+1:]
}

// Found is an instance that an object names, or that names it, and whose it is.
type Found struct {
	Row   *ec2types.Instance
	Claim ownership.Claim
}

// Own returns the instance, nil unless it is there and the object's.
func (f Found) Own() *ec2types.Instance {
	if !f.Claim.Ours() {
		return nil
	}
	return f.Row
}

// Find returns an object's instance: the recorded one, which is a wish, else one that
// carries the object's UID, else one that another tool made for a machine of this name
// and cluster, which is alive. The zero Found when none is to be seen.
func Find(spec *infrav1.AWSMachineSpec, owner ownership.Owner, snap *mirror.Snapshot) Found {
	if id := RecordedID(spec); id != "" {
		row, ok := mirror.Get(snap, mirror.Instances, id)
		if !ok {
			return Found{}
		}
		return Found{row, ClaimOf(id, row.Tags, owner, true)}
	}
	var found Found
	for _, row := range candidates(owner, snap) {
		claim := ClaimOf(aws.ToString(row.InstanceId), row.Tags, owner, false)
		if old := found.Row; claim.Ours() &&
			(old == nil || !Ended(old) && Tag(row.Tags, names.TagUID) == owner.UID || Ended(old) && !Ended(row)) {
			found = Found{row, claim}
		}
	}
	return found
}

// candidates returns the instances that may be an object's, in the order of their ids:
// those with its UID, and those of its cluster that another tool may have made for it.
func candidates(owner ownership.Owner, snap *mirror.Snapshot) []*ec2types.Instance {
	rows := mirror.Tagged(snap, mirror.Instances, names.TagUID, owner.UID)
	for _, i := range mirror.Tagged(snap, mirror.Instances, names.TagOwnedPrefix+owner.Cluster, names.Owned) {
		if adoptable(i, owner) {
			rows = append(rows, i)
		}
	}
	slices.SortFunc(rows, func(a, b *ec2types.Instance) int {
		return strings.Compare(aws.ToString(a.InstanceId), aws.ToString(b.InstanceId))
	})
	return rows
}

// ClaimOf tells whether what AWS shows of an instance, or of what belongs to one, is
// the owner's. Machines keep their namespace when they are moved: what says that it was
// made for a Machine of another one was not the owner's before.
func ClaimOf(id string, list []ec2types.Tag, owner ownership.Owner, recorded bool) ownership.Claim {
	return ClaimTags(id, TagMap(list), owner, recorded)
}

// ClaimTags does the same for tags by key.
func ClaimTags(id string, tags map[string]string, owner ownership.Owner, recorded bool) ownership.Claim {
	claim := owner.Claim(ownership.Resource{ID: id, Tags: tags, Recorded: recorded})
	machine := tags[tagMachineName]
	if namespace, _, _ := strings.Cut(machine, "/"); claim.Ours() && machine != "" && tags[names.TagUID] != owner.UID && namespace != owner.Namespace {
		return ownership.Claim{Of: "a Machine in another namespace, by its tag " + tagMachineName}
	}
	return claim
}

// adoptable tells whether an instance was made for the machine without our UID tag.
func adoptable(i *ec2types.Instance, owner ownership.Owner) bool {
	state := State(i)
	return Tag(i.Tags, names.TagName) == owner.Name && Tag(i.Tags, names.TagUID) == "" &&
		(state == infrav1.InstanceStatePending || state == infrav1.InstanceStateRunning)
}

// TagMap returns the tags by key.
func TagMap(list []ec2types.Tag) map[string]string {
	tags := make(map[string]string, len(list))
	for _, t := range list {
		tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return tags
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
