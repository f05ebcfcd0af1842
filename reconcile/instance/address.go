package instance

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// AddressKey is the key of the actions about an object's own public address.
const AddressKey = "elastic-ip"

// FindAddress returns the public address that was allocated for an object, nil when
// none is to be seen: the one that carries its UID, or of an object that was moved the
// one that was made for its instance.
func FindAddress(owner ownership.Owner, instanceID string, snap *mirror.Snapshot) *ec2types.Address {
	var moved *ec2types.Address
	for _, a := range mirror.Tagged(snap, mirror.Addresses, names.TagOwnedPrefix+owner.Cluster, names.Owned) {
		switch {
		case !ClaimOf(aws.ToString(a.AllocationId), a.Tags, owner, instanceID != "" && Tag(a.Tags, names.TagRole) == addressRole(instanceID)).Ours():
		case Tag(a.Tags, names.TagUID) == owner.UID:
			return a
		case instanceID != "" && Tag(a.Tags, names.TagRole) == addressRole(instanceID):
			moved = a
		}
	}
	return moved
}

// addressRole is the role tag of an instance's address, which tells it from those of
// NAT gateways.
func addressRole(instanceID string) string { return "ec2-" + instanceID }

// AllocateAddress returns the allocation of an address for an instance, from the pool
// of the spec unless that is exhausted. AWS can't be asked to do it only once.
func AllocateAddress(pool *infrav1.ElasticIPPool, exhausted bool, instanceID, cluster string, tags map[string]string) plan.Action {
	role := addressRole(instanceID)
	all := map[string]string{}
	for k, v := range tags {
		all[k] = v
	}
	all[names.TagRole], all[names.TagName] = role, cluster+"-eip-"+role
	in := &ec2.AllocateAddressInput{Domain: ec2types.DomainTypeVpc,
		TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeElasticIp, Tags: TagList(all)}}}
	summary := "create public address for instance " + instanceID
	if id := aws.ToString(pool.PublicIpv4Pool); id != "" && (!exhausted || !FallsBack(pool)) {
		in.PublicIpv4Pool = aws.String(id)
		summary += " from " + id
	}
	return plan.Action{Key: AddressKey, Area: infrav1.PublicAddressReadyCondition, Verb: plan.Create, Operation: "ec2.AllocateAddress",
		Input: in, Journal: true, Summary: summary}
}

// FallsBack tells whether Amazon's addresses may be used when the pool has none left.
func FallsBack(pool *infrav1.ElasticIPPool) bool {
	return pool != nil && pool.PublicIpv4PoolFallBackOrder != nil &&
		*pool.PublicIpv4PoolFallBackOrder == infrav1.PublicIpv4PoolFallbackOrderAmazonPool
}

// PoolExhausted tells that an action failed because the user's pool has no address to
// give.
func PoolExhausted(r plan.Result) bool {
	in, ok := r.Action.Input.(*ec2.AllocateAddressInput)
	return ok && in.PublicIpv4Pool != nil && r.Outcome == plan.Failed &&
		(r.Err.Class == cloud.Capacity || r.Err.Class == cloud.InvalidParameter || r.Err.Class == cloud.QuotaExceeded)
}

// Interface returns the id of an instance's first network interface, "" while AWS
// doesn't tell.
func Interface(i *ec2types.Instance) string {
	for _, n := range i.NetworkInterfaces {
		if n.Attachment == nil || aws.ToInt32(n.Attachment.DeviceIndex) == 0 {
			return aws.ToString(n.NetworkInterfaceId)
		}
	}
	return ""
}

// AssociateAddress returns the association of an address with a network interface.
func AssociateAddress(a *ec2types.Address, networkInterface, instanceID string) plan.Action {
	return plan.Action{Key: AddressKey + "-association", Area: infrav1.PublicAddressReadyCondition, Verb: plan.Update, Operation: "ec2.AssociateAddress",
		Input: &ec2.AssociateAddressInput{AllocationId: a.AllocationId, NetworkInterfaceId: aws.String(networkInterface),
			// What somebody else gave the address to is not taken from him.
			AllowReassociation: aws.Bool(false)},
		Summary: fmt.Sprintf("associate public address %s with instance %s", aws.ToString(a.PublicIp), instanceID)}
}

// ReleaseAddress returns the release of an address.
func ReleaseAddress(a *ec2types.Address) plan.Action {
	return plan.Action{Key: AddressKey, Area: infrav1.PublicAddressReadyCondition, Verb: plan.Delete, Operation: "ec2.ReleaseAddress",
		Input: &ec2.ReleaseAddressInput{AllocationId: a.AllocationId}, Summary: "release public address " + aws.ToString(a.PublicIp)}
}

func addressHandlers() []plan.Handler {
	return []plan.Handler{
		plan.Call("AllocateEIP", (*ec2.Client).AllocateAddress, func(w *plan.Writer, in *ec2.AllocateAddressInput, out *ec2.AllocateAddressOutput) {
			plan.Put(w, mirror.Addresses, ec2types.Address{AllocationId: out.AllocationId, PublicIp: out.PublicIp, Domain: out.Domain,
				PublicIpv4Pool: out.PublicIpv4Pool, NetworkBorderGroup: out.NetworkBorderGroup, Tags: in.TagSpecifications[0].Tags})
		}, mirror.Addresses.Kind),
		plan.Call("AssociateEIP", (*ec2.Client).AssociateAddress, func(w *plan.Writer, in *ec2.AssociateAddressInput, out *ec2.AssociateAddressOutput) {
			plan.Modify(w, mirror.Addresses, aws.ToString(in.AllocationId), func(a *ec2types.Address) {
				a.AssociationId, a.NetworkInterfaceId = out.AssociationId, in.NetworkInterfaceId
			})
		}, mirror.Addresses.Kind, mirror.Instances.Kind),
		plan.Call("ReleaseEIP", (*ec2.Client).ReleaseAddress, func(w *plan.Writer, in *ec2.ReleaseAddressInput, _ *ec2.ReleaseAddressOutput) {
			plan.Drop(w, mirror.Addresses, aws.ToString(in.AllocationId))
		}, mirror.Addresses.Kind),
	}
}
