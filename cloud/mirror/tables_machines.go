package mirror

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

const (
	// InstancesRest keeps instances no older than 15 s, a tenth of jitter included:
	// what happens to an instance behind the cluster's back is what users wait for.
	InstancesRest = 13 * time.Second
	// instanceTypesRest: AWS adds types every few weeks.
	instanceTypesRest = 12 * time.Hour
)

// The tables of machines.
var (
	// Instances holds terminated ones too, for as long as AWS shows them: look at State.
	Instances = &Table[ec2types.Instance]{
		Kind: "ec2/instance",
		ID:   func(i *ec2types.Instance) string { return aws.ToString(i.InstanceId) },
		Tags: func(i *ec2types.Instance) map[string]string { return tagMap(i.Tags) },
		VPC:  func(i *ec2types.Instance) string { return aws.ToString(i.VpcId) },
		List: listInstances,
		ByID: instancesByID,
		Busy: instanceBusy,
		Rest: InstancesRest,
	}
	// InstanceTypes holds what the region offers, in whatever zone.
	InstanceTypes = &Table[ec2types.InstanceTypeInfo]{
		Kind: "ec2/instance-type",
		ID:   func(t *ec2types.InstanceTypeInfo) string { return string(t.InstanceType) },
		Tags: noTags[ec2types.InstanceTypeInfo],
		VPC:  noVPC[ec2types.InstanceTypeInfo],
		List: listInstanceTypes,
		Rest: instanceTypesRest,
	}
)

// Hosts holds dedicated hosts, released ones too for as long as AWS shows them: look
// at State.
var Hosts = &Table[ec2types.Host]{
	Kind: "ec2/host",
	ID:   func(h *ec2types.Host) string { return aws.ToString(h.HostId) },
	Tags: func(h *ec2types.Host) map[string]string { return tagMap(h.Tags) },
	VPC:  noVPC[ec2types.Host],
	List: listHosts,
	ByID: hostsByID,
	Busy: func(h *ec2types.Host) bool { return h.State == ec2types.AllocationStatePending },
}

// MachineTables are what machines need besides the network.
var MachineTables = []Resource{Instances, InstanceTypes, Hosts}

// instanceBusy tells that AWS is moving the instance from one state to another.
func instanceBusy(i *ec2types.Instance) bool {
	if i.State == nil {
		return false
	}
	switch i.State.Name {
	case ec2types.InstanceStateNamePending, ec2types.InstanceStateNameShuttingDown, ec2types.InstanceStateNameStopping:
		return true
	}
	return false
}
