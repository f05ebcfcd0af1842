package ec2

import (
	"fmt"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// terminateBucket is the resource bucket of TerminateInstances and StopInstances.
var terminateBucket = core.Bucket{Size: 1000, Refill: 20}

// named finds all instances of a batch, or fails for the first that isn't there.
func (n *Network) named(r *core.Request, ids []string) ([]*instance, error) {
	if len(ids) == 0 {
		return nil, core.Missing("InstanceId")
	}
	var out []*instance
	for _, id := range ids {
		i, err := find(r, &n.instances, &id, "InstanceId", noInstance)
		if err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	return out, nil
}

func terminateInstances(r *core.Request, in *sdk.TerminateInstancesInput) (*sdk.TerminateInstancesOutput, error) {
	n := Of(r.Region)
	batch, err := n.named(r, in.InstanceIds)
	if err != nil {
		return nil, err
	}
	for _, i := range batch {
		if i.protected && !i.gone() {
			return nil, core.Refuse("OperationNotPermitted", "The instance '%s' may not be terminated. Modify its 'disableApiTermination' "+
				"instance attribute and try again.", *i.InstanceId)
		}
	}
	if !r.Take("ec2.TerminateInstances", terminateBucket, len(batch)) {
		return nil, &core.Error{Code: "RequestLimitExceeded", Message: "Request limit exceeded.", Status: 503}
	}
	out := &sdk.TerminateInstancesOutput{}
	for _, i := range batch {
		before := i.State
		n.Terminate(r.Region, *i.InstanceId, types.StateReason{Code: ptr("Client.UserInitiatedShutdown"), Message: ptr("Client.UserInitiatedShutdown: User initiated shutdown")})
		out.TerminatingInstances = append(out.TerminatingInstances, change(i, before))
	}
	return out, nil
}

func change(i *instance, before *types.InstanceState) types.InstanceStateChange {
	return types.InstanceStateChange{InstanceId: i.InstanceId, PreviousState: before, CurrentState: i.State}
}

// Terminate shuts an instance down, if it isn't already, and takes away what goes with it.
func (n *Network) Terminate(r *core.Region, id string, why types.StateReason) {
	i := n.instances.Get(id)
	if i == nil || i.gone() {
		return
	}
	i.StateReason = &why
	i.StateTransitionReason = ptr(fmt.Sprintf("User initiated (%s GMT)", r.Now().UTC().Format("2006-01-02 15:04:05")))
	if i.SpotInstanceRequestId != nil {
		n.closeSpot(*i.SpotInstanceRequestId, val(why.Code))
	}
	n.enter(r, i, types.InstanceStateNameShuttingDown)
	r.After(r.Settings().TerminationDelay, func() {
		n.release(i)
		n.enter(r, i, types.InstanceStateNameTerminated)
		r.After(r.Settings().TerminatedListedFor, func() {
			n.instances.Delete(id)
			delete(n.tags, id)
		})
	})
}

// release takes interfaces, volumes, host and reservation from an instance: what is deleted on termination goes, the rest is free again.
func (n *Network) release(i *instance) {
	for _, id := range i.interfaces {
		eni := n.interfaces.Get(id)
		if eni == nil {
			continue
		}
		if val(eni.Attachment.DeleteOnTermination) {
			n.RemoveInterface(id)
			continue
		}
		eni.Attachment, eni.Status = nil, types.NetworkInterfaceStatusAvailable
		if eni.Association != nil && eni.Association.AllocationId == nil {
			eni.Association = nil
		}
	}
	for _, mapping := range i.BlockDeviceMappings {
		n.detachVolume(mapping)
	}
	if host := n.hosts.Get(val(i.placement().HostId)); host != nil {
		kept := []types.HostInstance{}
		for _, other := range host.Instances {
			if *other.InstanceId != *i.InstanceId {
				kept = append(kept, other)
			}
		}
		host.Instances = kept
	}
	if reserved := n.reservations.Get(val(i.CapacityReservationId)); reserved != nil {
		*reserved.AvailableInstanceCount++
	}
	i.interfaces, i.BlockDeviceMappings = nil, []types.InstanceBlockDeviceMapping{}
	i.SubnetId, i.VpcId = nil, nil
}

func stopInstances(r *core.Request, in *sdk.StopInstancesInput) (*sdk.StopInstancesOutput, error) {
	n := Of(r.Region)
	batch, err := n.named(r, in.InstanceIds)
	if err != nil {
		return nil, err
	}
	for _, i := range batch {
		switch {
		case i.InstanceLifecycle == types.InstanceLifecycleTypeSpot:
			return nil, core.Refuse("UnsupportedOperation", "You can't stop the Spot Instance '%s' because it is associated with a one-time Spot Instance request.", *i.InstanceId)
		case i.stopProtected:
			return nil, core.Refuse("OperationNotPermitted", "The instance '%s' may not be stopped. Modify its 'disableApiStop' instance attribute and try again.", *i.InstanceId)
		case !i.in(types.InstanceStateNameRunning, types.InstanceStateNameStopping, types.InstanceStateNameStopped):
			return nil, wrongState(i)
		}
	}
	out := &sdk.StopInstancesOutput{}
	for _, i := range batch {
		before := i.State
		n.stop(r.Region, i)
		out.StoppingInstances = append(out.StoppingInstances, change(i, before))
	}
	return out, nil
}

func wrongState(i *instance) error {
	return core.Refuse("IncorrectInstanceState", "The instance '%s' is not in a state from which it can be changed: it is %s.", *i.InstanceId, i.State.Name)
}

func (n *Network) stop(r *core.Region, i *instance) {
	if !i.in(types.InstanceStateNameRunning) {
		return
	}
	n.enter(r, i, types.InstanceStateNameStopping)
	r.After(r.Settings().InstanceDelay, func() {
		if !i.in(types.InstanceStateNameStopping) {
			return
		}
		if eni := n.primary(i); eni != nil && eni.Association != nil && eni.Association.AllocationId == nil {
			eni.Association = nil
		}
		n.enter(r, i, types.InstanceStateNameStopped)
	})
}

func startInstances(r *core.Request, in *sdk.StartInstancesInput) (*sdk.StartInstancesOutput, error) {
	n := Of(r.Region)
	batch, err := n.named(r, in.InstanceIds)
	if err != nil {
		return nil, err
	}
	for _, i := range batch {
		if !i.in(types.InstanceStateNameStopped, types.InstanceStateNamePending, types.InstanceStateNameRunning) {
			return nil, wrongState(i)
		}
	}
	out := &sdk.StartInstancesOutput{}
	for _, i := range batch {
		before := i.State
		if i.in(types.InstanceStateNameStopped) {
			i.LaunchTime = ptr(r.Now())
			n.enter(r.Region, i, types.InstanceStateNamePending)
			region := r.Region
			region.After(r.Config.InstanceDelay, func() { n.run(region, i) })
		}
		out.StartingInstances = append(out.StartingInstances, change(i, before))
	}
	return out, nil
}

func rebootInstances(r *core.Request, in *sdk.RebootInstancesInput) (*sdk.RebootInstancesOutput, error) {
	_, err := Of(r.Region).named(r, in.InstanceIds)
	return nil, err
}

// Running says whether an instance runs, and in which VPC it is; found is false for one that isn't there.
func (n *Network) Running(id string) (vpc string, running, found bool) {
	i := n.instances.Get(id)
	if i == nil {
		return "", false, false
	}
	return val(i.VpcId), i.in(types.InstanceStateNameRunning), true
}
