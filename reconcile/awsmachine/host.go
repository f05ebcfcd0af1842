package awsmachine

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
)

// ownHost tells whether the machine has a dedicated host of its own.
func (in *Intent) ownHost() bool { return in.Machine.Spec.DynamicHostAllocation != nil }

// host is the machine's dedicated host, nil while none is to be seen.
func (v *view) host() *ec2types.Host { return instance.FindHost(v.owner(), v.machineName(), v.snap) }

// reclaimHost puts the object's UID onto the host of a machine that was moved.
func (v *view) reclaimHost() {
	if !v.ownHost() || v.unseen(v.hostKinds()) != "" {
		return
	}
	if h := v.host(); h != nil {
		if a := instance.Reclaim(instance.HostKey, infrav1.InstanceReadyCondition, "dedicated host", aws.ToString(h.HostId), v.owner().Owner, h.Tags); a != nil {
			v.plan.Add(*a)
		}
	}
}

// planHost allocates the machine's host, if it wants one, and returns the id of the
// host to launch on, or "". first is what the launch waits for.
func (v *view) planHost(subnet instance.Subnet) (id, first string) {
	if !v.ownHost() {
		id := aws.ToString(v.Machine.Spec.HostID)
		if err := v.Infra.Lender(v.Living, v.snap).Host(id); err != nil {
			v.plan.Problem(infrav1.InstanceReadyCondition, infrav1.InstanceProvisionFailedReason, "spec.hostID: %s", err)
		}
		return id, ""
	}
	host := v.host()
	switch {
	case host == nil && subnet.Zone == "":
		return "", fmt.Sprintf("the zone of subnet %s to be known", subnet.ID)
	case host == nil:
		v.plan.Add(instance.AllocateHost(v.owner().Owner, &v.Machine.Spec, subnet.Zone, v.tags()))
		return "", "the dedicated host"
	case host.State == ec2types.AllocationStatePermanentFailure || host.State == ec2types.AllocationStateUnderAssessment:
		v.plan.Problem(infrav1.InstanceReadyCondition, infrav1.InstanceProvisionFailedReason,
			"dedicated host %s is in the state %s; delete the Machine to have another one", aws.ToString(host.HostId), host.State)
	}
	return aws.ToString(host.HostId), ""
}

// releaseHost releases the machine's host, once its instance is gone.
func (v *view) releaseHost() {
	if !v.ownHost() || !v.sees(infrav1.DedicatedHostReleaseCondition, v.hostKinds()) {
		return
	}
	if host := v.host(); host != nil {
		v.plan.Add(instance.ReleaseHost(aws.ToString(host.HostId)))
	}
}

// hostStatus tells the id of the machine's host.
func (v *view) hostStatus(status *infrav1.AWSMachineStatus) {
	if !v.ownHost() || v.unseen(v.hostKinds()) != "" {
		return
	}
	status.DedicatedHost = nil
	if host := v.host(); host != nil {
		status.DedicatedHost = &infrav1.DedicatedHostStatus{ID: host.HostId}
	}
}
