package instance

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// HostKey is the key of the actions about an object's dedicated host.
const HostKey = "host"

// FindHost returns the dedicated host that was allocated for an object, nil when none
// is to be seen: the one that carries its UID, or of an object that was moved the one
// that was made for a Machine of this name, which is NAMESPACE/NAME.
func FindHost(owner ownership.Owner, machineName string, snap *mirror.Snapshot) *ec2types.Host {
	var moved *ec2types.Host
	for _, h := range mirror.Tagged(snap, mirror.Hosts, names.TagOwnedPrefix+owner.Cluster, names.Owned) {
		switch {
		case h.State == ec2types.AllocationStateReleased, h.State == ec2types.AllocationStateReleasedPermanentFailure,
			!ClaimOf(aws.ToString(h.HostId), h.Tags, owner, false).Ours():
		case Tag(h.Tags, names.TagUID) == owner.UID:
			return h
		case Tag(h.Tags, names.TagUID) != "" && Tag(h.Tags, tagMachineName) == machineName:
			moved = h
		}
	}
	return moved
}

// AllocateHost returns the allocation of a host for one instance of the type, in the
// zone of its subnet. tags are the machine's; those of the spec come on top. The client
// token makes it happen once.
func AllocateHost(owner names.Owner, spec *infrav1.AWSMachineSpec, zone string, tags map[string]string) plan.Action {
	all := map[string]string{}
	maps.Copy(all, owner.Allowed(spec.DynamicHostAllocation.Tags))
	maps.Copy(all, tags)
	return plan.Action{Key: HostKey, Area: infrav1.InstanceReadyCondition, Verb: plan.Create, Operation: "ec2.AllocateHosts",
		Input: &ec2.AllocateHostsInput{AvailabilityZone: aws.String(zone), InstanceType: aws.String(spec.InstanceType), Quantity: aws.Int32(1),
			// Nothing but the machine's instance goes there.
			AutoPlacement: ec2types.AutoPlacementOff, ClientToken: aws.String(names.Token(owner.UID, HostKey)),
			TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeDedicatedHost, Tags: TagList(all)}}},
		Summary: fmt.Sprintf("create dedicated host for %s in %s", spec.InstanceType, zone)}
}

// ReleaseHost returns the release of a host.
func ReleaseHost(id string) plan.Action {
	return plan.Action{Key: HostKey, Area: infrav1.DedicatedHostReleaseCondition, Verb: plan.Delete, Operation: "ec2.ReleaseHosts",
		Input: &ec2.ReleaseHostsInput{HostIds: []string{id}}, Summary: "release dedicated host " + id}
}

func hostHandlers() []plan.Handler {
	return []plan.Handler{
		plan.Call("AllocateHost", (*ec2.Client).AllocateHosts, func(w *plan.Writer, in *ec2.AllocateHostsInput, out *ec2.AllocateHostsOutput) {
			for _, id := range out.HostIds {
				plan.Put(w, mirror.Hosts, ec2types.Host{HostId: aws.String(id), AvailabilityZone: in.AvailabilityZone, State: ec2types.AllocationStatePending,
					AutoPlacement: in.AutoPlacement, Tags: in.TagSpecifications[0].Tags})
			}
		}, mirror.Hosts.Kind),
		plan.Custom("ReleaseHost", releaseHosts, func(w *plan.Writer, in *ec2.ReleaseHostsInput, _ *ec2.ReleaseHostsOutput) {
			for _, id := range in.HostIds {
				plan.Drop(w, mirror.Hosts, id)
			}
		}, mirror.Hosts.Kind),
	}
}

// releaseHosts makes an error of AWS's saying, in an answer that is none, that a host
// was not released.
func releaseHosts(ctx context.Context, s *cloud.Session, in *ec2.ReleaseHostsInput) (*ec2.ReleaseHostsOutput, error) {
	out, err := s.EC2.ReleaseHosts(ctx, in)
	if err != nil {
		return nil, err
	}
	for _, u := range out.Unsuccessful {
		if u.Error != nil {
			return nil, &smithy.OperationError{ServiceID: "EC2", OperationName: "ReleaseHosts", Err: &smithy.GenericAPIError{
				Code: strings.TrimPrefix(aws.ToString(u.Error.Code), "Client."), Message: aws.ToString(u.Error.Message)}}
		}
	}
	return out, nil
}
