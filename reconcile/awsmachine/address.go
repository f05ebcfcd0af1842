package awsmachine

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
)

// ownAddress tells whether the machine has a public address of its own, from a pool.
func (in *Intent) ownAddress() bool {
	return in.Machine.Spec.ElasticIPPool != nil && aws.ToBool(in.Machine.Spec.PublicIP)
}

// address is the machine's public address, nil while none is to be seen.
func (v *view) address() *ec2types.Address {
	return instance.FindAddress(v.owner(), instance.RecordedID(&v.Machine.Spec), v.snap)
}

// planAddress gives the running instance its public address.
func (v *view) planAddress() {
	const area = infrav1.PublicAddressReadyCondition
	if !v.ownAddress() || !v.sees(area, v.addressKinds()) {
		return
	}
	id, network := aws.ToString(v.row.InstanceId), instance.Interface(v.row)
	address := v.address()
	if address != nil {
		if a := instance.Reclaim(instance.AddressKey, area, "public address", aws.ToString(address.AllocationId), v.owner().Owner, address.Tags); a != nil {
			v.plan.Add(*a)
		}
	}
	switch {
	case address == nil && v.allocating():
		v.waitForAllocation()
	case address == nil:
		v.plan.Add(instance.AllocateAddress(v.Machine.Spec.ElasticIPPool, v.PoolExhausted, id, v.Infra.Cluster, v.tags()))
	case network == "":
		v.plan.Wait(area, infrav1.PublicAddressFailedReason, "the network interface of instance "+id)
	case address.AssociationId == nil:
		v.plan.Add(instance.AssociateAddress(address, network, id))
	case aws.ToString(address.NetworkInterfaceId) != network:
		v.plan.Problem(area, infrav1.PublicAddressFailedReason, "public address %s, which is the machine's, is associated with %s; disassociate it there",
			aws.ToString(address.PublicIp), aws.ToString(address.NetworkInterfaceId))
	}
}

// releaseAddress releases the machine's address, once its instance is gone.
func (v *view) releaseAddress() {
	if !v.ownAddress() || !v.sees(infrav1.PublicAddressReadyCondition, v.addressKinds()) {
		return
	}
	if address := v.address(); address != nil {
		v.plan.Add(instance.ReleaseAddress(address))
	} else if v.allocating() {
		v.waitForAllocation()
	}
}

func (v *view) waitForAllocation() {
	v.plan.Wait(infrav1.PublicAddressReadyCondition, conditions.WaitingForObservation,
		"whether an earlier ec2.AllocateAddress went through, which two complete listings will tell")
}

// allocating tells that an allocation may have gone through that is not to be seen.
func (v *view) allocating() bool {
	for _, e := range v.unsettled() {
		if e.Key == instance.AddressKey {
			return true
		}
	}
	return false
}

// unsettled are the journal's entries that have to stand: those that may still come
// true unseen, and those whose address another process might not see yet and make
// again.
func (v *view) unsettled() []infrav1.PendingCreation {
	var rest []infrav1.PendingCreation
	for _, e := range v.Machine.Status.PendingCreations {
		visible := e.Since.Add(v.snap.Grace)
		seen := v.address() != nil && v.snap.Observed(mirror.Addresses.Kind).After(visible)
		if !v.Ended[e.Key] && !seen && !v.snap.AbsentSince(mirror.Addresses.Kind, visible) {
			rest = append(rest, e)
		}
	}
	return rest
}
