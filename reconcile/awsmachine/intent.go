package awsmachine

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/events"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bootstrap"
	"github.com/capa-apiserver/capa-apiserver/reconcile/infrastructure"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// Intent is what is wanted: the object, and what belongs to it elsewhere.
type Intent struct {
	// former are the UIDs that the object had before, as far as the snapshot tells.
	former []string
	// Machine is the AWSMachine, Owner its Machine. They are never changed.
	Machine *infrav1.AWSMachine
	Owner   *clusterv1.Machine
	// Pool is the AWSMachinePool of a machine that stands for an instance of one.
	Pool *infrav1.AWSMachinePool
	// Infra is the cluster's infrastructure, nil while there is none.
	Infra *infrastructure.Cluster
	// Started is since when this process has looked at AWS without a break, and since
	// when it may know of the instance: from then on AWS may hide it for a while.
	Started time.Time
	// Living knows which other objects there are; nil means none.
	Living ownership.Living
	// Failures are the errors of the latest attempts, by area.
	Failures map[string][]string
	// Acting tells whether the intent is of who acts, and not of who only looks.
	Acting bool

	// What follows is only known to who launches.

	// Bootstrap is the bootstrap data.
	Bootstrap *bootstrap.Data
	// ImageID and, where it is looked at, Image are what the instance runs.
	ImageID string
	Image   *ec2types.Image
	// ObjectURL is the link to the data in the cluster's bucket.
	ObjectURL string
	// Proven are the keys of secrets that the object had before it was moved, and that AWS
	// shows to be its own.
	Proven map[string]bool
	// Stored are the digests of what was stored of the data, by the action's key.
	Stored map[string]string
	// Removed are the keys of what certainly isn't stored any more.
	Removed map[string]bool
	// InLine tells that other machines launch first.
	InLine bool
	// Awaited says what AWS may still not show of a machine that is to go; "" for nothing.
	Awaited string
	// Notice is what AWS announced of the instance, nil where it is not known here;
	// then what the object says of it holds.
	Notice *events.Notice
	// Ended are the keys of journal entries that stand for nothing any more.
	Ended map[string]bool
	// PoolExhausted tells that the user's address pool had none left.
	PoolExhausted bool
	// Tolerated are the keys of actions that hold nothing up: they failed, and needn't
	// succeed, or succeeded, and AWS doesn't say so.
	Tolerated map[string]bool
}

func newIntent(obj *infrav1.AWSMachine, r related, living ownership.Living) Intent {
	in := Intent{Machine: obj.DeepCopy(), Owner: r.machine, Pool: r.pool, Infra: r.infra, Living: living}
	infrav1.SetObjectDefaults_AWSMachine(in.Machine)
	return in
}

func (in *Intent) deleting() bool { return !in.Machine.DeletionTimestamp.IsZero() }

// controlPlane tells whether the machine belongs to the control plane.
func (in *Intent) controlPlane() bool {
	if in.Owner != nil {
		if _, ok := in.Owner.Labels[clusterv1.MachineControlPlaneLabel]; ok {
			return true
		}
	}
	_, ok := in.Machine.Labels[clusterv1.MachineControlPlaneLabel]
	return ok
}

func (in *Intent) role() string {
	if in.controlPlane() {
		return instance.RoleControlPlane
	}
	return instance.RoleNode
}

func (in *Intent) version() string {
	if in.Owner == nil {
		return ""
	}
	return in.Owner.Spec.Version
}

func (in *Intent) failureDomain() string {
	if in.Owner == nil {
		return ""
	}
	return in.Owner.Spec.FailureDomain
}

// owner is on whose behalf resources are judged.
func (in *Intent) owner() ownership.Owner {
	owner := ownership.Owner{Owner: names.Owner{UID: string(in.Machine.UID), Namespace: in.Machine.Namespace}, Kind: ownership.KindMachine, Former: in.former,
		Name: in.Machine.Name, Created: in.Machine.CreationTimestamp.Time, Living: in.Living}
	if in.Infra != nil {
		owner.Cluster, owner.Additional = in.Infra.Cluster, in.Infra.Tags
		owner.Account, owner.Region = in.Infra.Account, in.Infra.Region
	}
	return owner
}

// tags returns the tags of the instance and its parts.
func (in *Intent) tags() map[string]string {
	return instance.Tags(in.Infra, &in.Machine.Spec, in.owner().Owner, in.Machine.Name, in.machineName(), in.controlPlane())
}

// machineName is the Machine's, as instances are tagged with it.
func (in *Intent) machineName() string {
	if in.Owner != nil {
		return in.Machine.Namespace + "/" + in.Owner.Name
	}
	return in.Machine.Namespace + "/" + in.Machine.Name
}

// leaving tells that the Machine is to go, though something may still hold it: its
// node is being drained, say.
func (in *Intent) leaving() bool { return in.Owner != nil && !in.Owner.DeletionTimestamp.IsZero() }

// joined tells that the node is there, so that the bootstrap data was read.
func (in *Intent) joined() bool { return in.Owner != nil && in.Owner.Status.NodeRef.IsDefined() }

// secrets returns how the machine's bootstrap data is kept as secrets; false
// where it isn't.
func (in *Intent) secrets() (bootstrap.Secrets, bool) {
	c := in.Machine.Spec.CloudInit
	if c == nil || in.ignitionSpec() != nil || c.InsecureSkipSecretsManager {
		return bootstrap.Secrets{}, false
	}
	// The prefix follows from the object, whatever is written down: under another one
	// there may be anything.
	s := bootstrap.Secrets{Backend: c.SecureSecretsBackend, Prefix: bootstrap.Prefix(c.SecureSecretsBackend, string(in.Machine.UID)), Area: infrav1.InstanceReadyCondition}
	if in.Infra != nil {
		s.Tags = in.tags()
	}
	return s, true
}

// recorded returns the secrets that the object records, as far as they can be its own:
// those under the prefix that follows from it, or under that of what it was before it
// was moved, which AWS has yet to prove. former tells the latter.
func (in *Intent) recorded() (s bootstrap.Secrets, count int, former bool) {
	s, ok := in.secrets()
	if !ok {
		return s, 0, false
	}
	c := in.Machine.Spec.CloudInit
	if c.SecretPrefix == "" || c.SecretPrefix == s.Prefix {
		return s, bootstrap.Recorded(c.SecretCount), false
	}
	if !bootstrap.Former(c.SecretPrefix) {
		return s, 0, false
	}
	s.Prefix = c.SecretPrefix
	return s, bootstrap.Recorded(c.SecretCount), true
}

// ignitionSpec returns how Ignition gets the bootstrap data, nil where it isn't known
// to be Ignition. Templates needn't say anything: the format of the data does.
func (in *Intent) ignitionSpec() *infrav1.Ignition {
	if i := in.Machine.Spec.Ignition; i != nil {
		return i
	}
	if in.Bootstrap == nil || in.Bootstrap.Format != bootstrap.Ignition {
		return nil
	}
	return &infrav1.Ignition{StorageType: infrav1.IgnitionStorageClusterObjectStore, Version: infrav1.IgnitionVersion23}
}

// inBucket tells whether the bootstrap data is kept in the cluster's bucket.
func (in *Intent) inBucket() bool {
	i := in.ignitionSpec()
	return i != nil && i.StorageType == infrav1.IgnitionStorageClusterObjectStore && in.hasBucket()
}

// mayBeInBucket tells whether the bootstrap data has to be looked for in the cluster's
// bucket by who doesn't know its format any more.
func (in *Intent) mayBeInBucket() bool {
	if in.Machine.Spec.Ignition != nil || in.Bootstrap != nil {
		return in.inBucket()
	}
	c := in.Machine.Spec.CloudInit
	return in.hasBucket() && (c == nil || c.SecretCount == 0)
}

func (in *Intent) hasBucket() bool { return in.Infra != nil && in.Infra.Bucket != nil }

func (in *Intent) objectKey() string { return bootstrap.ObjectKey(in.role(), in.Machine.Name) }

// Kinds returns the tables that the machine is judged by.
func (in *Intent) Kinds() []mirror.Kind { return append(in.lifeKinds(), in.partKinds()...) }

// lifeKinds are the tables without which nothing is known of the machine.
func (in *Intent) lifeKinds() []mirror.Kind {
	return append([]mirror.Kind{mirror.Instances.Kind}, in.leaveKinds()...)
}

// partKinds are the tables of what belongs to an instance. Who may not see one of
// them still sees the instance.
func (in *Intent) partKinds() []mirror.Kind {
	return slices.Concat(in.balancerKinds(), in.hostKinds(), in.addressKinds(), in.groupKinds())
}

func (in *Intent) balancerKinds() []mirror.Kind {
	if !in.controlPlane() || in.Infra == nil {
		return nil
	}
	var kinds []mirror.Kind
	for _, lb := range in.Infra.LoadBalancers {
		if lb.Classic {
			kinds = appendNew(kinds, mirror.ClassicLoadBalancers.Kind)
			continue
		}
		kinds = appendNew(appendNew(kinds, mirror.LoadBalancers.Kind), mirror.TargetGroups.Kind)
	}
	return kinds
}

// hostKinds are those of the machine's own host, and of one that the user names until
// there is an instance: whose it is has to be seen before the launch.
func (in *Intent) hostKinds() []mirror.Kind {
	if spec := &in.Machine.Spec; !in.ownHost() && (aws.ToString(spec.HostID) == "" || in.deleting() || instance.RecordedID(spec) != "") {
		return nil
	}
	return []mirror.Kind{mirror.Hosts.Kind}
}

func (in *Intent) addressKinds() []mirror.Kind {
	if !in.ownAddress() {
		return nil
	}
	return []mirror.Kind{mirror.Addresses.Kind}
}

func (in *Intent) groupKinds() []mirror.Kind {
	if in.deleting() || len(in.Machine.Spec.AdditionalSecurityGroups)+len(in.Machine.Spec.SecurityGroupOverrides) == 0 {
		return nil
	}
	return []mirror.Kind{mirror.VPCs.Kind, mirror.SecurityGroups.Kind}
}

// launchKinds returns the tables that a launch is decided by.
func (in *Intent) launchKinds() []mirror.Kind {
	kinds := append(in.hostKinds(), in.groupKinds()...)
	if instance.NeedsArchitecture(&in.Machine.Spec) {
		kinds = append(kinds, mirror.InstanceTypes.Kind)
	}
	if in.Machine.Spec.Subnet != nil {
		kinds = append(kinds, mirror.Subnets.Kind)
	}
	if in.Machine.Spec.Subnet != nil || len(in.Machine.Spec.NetworkInterfaces) > 0 {
		kinds = appendNew(kinds, mirror.VPCs.Kind)
	}
	return kinds
}

func appendNew[T comparable](list []T, item T) []T {
	for _, have := range list {
		if have == item {
			return list
		}
	}
	return append(list, item)
}
