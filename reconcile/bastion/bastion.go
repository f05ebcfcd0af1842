// Package bastion plans the host through which people reach machines in private
// subnets. All of it is pure.
package bastion

import (
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Area is the condition type that reports on the bastion.
const Area = infrav1.BastionHostReadyCondition

// Role is the value of the role tag.
const Role = "bastion"

const (
	key = "bastion"
	// The image is Canonical's: its accounts, and how it names images, are in
	// https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/
	canonical    = "099720109477"
	canonicalGov = "513442679011"
	imageName    = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*"
)

// Intent is what the bastion has to be.
type Intent struct {
	Owner             ownership.Owner
	Region, Partition string
	Spec              infrav1.Bastion
	SSHKeyName        *string
	// Claim tells whose something is, by its id, its tags and its VPC.
	Claim func(id string, tags map[string]string, vpcID string) ownership.Claim
	// Recorded is the instance that the object tells of, or "".
	Recorded string
	// VPCID, SubnetID (the first public subnet) and GroupID are where it belongs,
	// "" while they don't exist.
	VPCID, SubnetID, GroupID string
	// ImageID is what to launch, "" while that was not looked up.
	ImageID string
	// Started is since when the observer has looked at AWS without a break.
	Started time.Time
}

// State is a bastion as a snapshot shows it, beside what is wanted of it.
type State struct {
	Intent
	// Row is the living instance, or nil.
	Row *ec2types.Instance

	snap *mirror.Snapshot
}

// Observe finds the bastion in a snapshot.
func Observe(in Intent, snap *mirror.Snapshot) *State {
	s := &State{Intent: in, snap: snap}
	for _, i := range mirror.Tagged(snap, mirror.Instances, names.TagRole, Role) {
		if instance.State(i) != infrav1.InstanceStateTerminated && in.here(i) &&
			in.Claim(aws.ToString(i.InstanceId), mirror.Instances.Tags(i), aws.ToString(i.VpcId)).Ours() &&
			(s.Row == nil || in.surer(i) && !in.surer(s.Row)) {
			s.Row = i
		}
	}
	return s
}

// here tells that an instance lies in the cluster's VPC, where its bastion is made.
func (in *Intent) here(i *ec2types.Instance) bool {
	return in.VPCID != "" && aws.ToString(i.VpcId) == in.VPCID
}

// surer tells that an instance is the cluster's by more than the name in its tags.
func (in *Intent) surer(i *ec2types.Instance) bool {
	return instance.Tag(i.Tags, names.TagUID) == in.Owner.UID || aws.ToString(i.InstanceId) == in.Recorded
}

// Image says which image to look up, unless it is given or nothing is launched.
func (s *State) Image() (query cloud.ImageQuery, needed bool) {
	if !s.Spec.Enabled || s.Row != nil || s.Spec.AMI != "" {
		return query, false
	}
	owner := canonical
	if s.Partition == "aws-us-gov" {
		owner = canonicalGov
	}
	return cloud.ImageQuery{Owner: owner, Name: imageName, Architecture: string(ec2types.ArchitectureTypeX8664)}, true
}

// Plan returns what is left to do until the bastion is as wanted. One that runs is
// not compared with the spec: to get another, terminate it.
func (s *State) Plan() plan.Plan {
	switch {
	case !s.Spec.Enabled:
		p, _ := s.PlanDelete()
		return p
	case s.Row == nil:
		return s.planLaunch()
	}
	id := aws.ToString(s.Row.InstanceId)
	switch instance.State(s.Row) {
	case infrav1.InstanceStateRunning:
		if a := instance.Reclaim(key, Area, "bastion host", id, s.Owner.Owner, s.Row.Tags); a != nil {
			return plan.Plan{Actions: []plan.Action{*a}}
		}
		return plan.Plan{}
	case infrav1.InstanceStateStopped, infrav1.InstanceStateStopping:
		return plan.Plan{Problems: []plan.Problem{{Area: Area, Reason: infrav1.BastionHostFailedReason,
			Summary: fmt.Sprintf("the bastion host %s is stopped; start it, or terminate it to get a new one", id)}}}
	case infrav1.InstanceStateShuttingDown:
		return waiting(infrav1.BastionHostFailedReason, "the end of the bastion host "+id)
	}
	return waiting(infrav1.BastionCreationStartedReason, "the bastion host "+id+" to run")
}

func waiting(reason, summary string) plan.Plan {
	return plan.Plan{Waits: []plan.Wait{{Area: Area, Reason: reason, Summary: summary}}}
}

// planLaunch plans the launch. The client token makes it one launch; it holds the
// instance before, so that one that somebody terminated is replaced.
func (s *State) planLaunch() plan.Plan {
	_, seen := mirror.Get(s.snap, mirror.Instances, s.Recorded)
	if s.Recorded != "" && !seen && !s.snap.AbsentSince(mirror.Instances.Kind, s.Started.Add(s.snap.Grace)) {
		return waiting(infrav1.BastionHostFailedReason, s.Recorded+", which the status tells of and AWS doesn't show, to appear or to be proven gone")
	}
	a := plan.Action{Key: key, Area: Area, Verb: plan.Create, Operation: "ec2.RunInstances", Input: s.launch(),
		Summary: fmt.Sprintf("create bastion host %s-bastion", s.Owner.Cluster)}
	switch {
	case s.SubnetID == "":
		a.WaitsFor = "a public subnet"
	case s.GroupID == "":
		a.WaitsFor = "its security group"
	case s.image() == "":
		a.WaitsFor = "the image"
	}
	return plan.Plan{Actions: []plan.Action{a}}
}

func (s *State) image() string {
	if s.Spec.AMI != "" {
		return s.Spec.AMI
	}
	return s.ImageID
}

func (s *State) launch() *ec2.RunInstancesInput {
	tags := instance.TagList(s.Owner.Tags(s.Owner.Cluster+"-bastion", Role, nil))
	in := &ec2.RunInstancesInput{
		MinCount: aws.Int32(1), MaxCount: aws.Int32(1), ClientToken: aws.String(names.Token(s.Owner.UID, key, s.Recorded)),
		ImageId: aws.String(s.image()), InstanceType: ec2types.InstanceType(s.instanceType()), KeyName: instance.SSHKey(s.SSHKeyName),
		NetworkInterfaces: []ec2types.InstanceNetworkInterfaceSpecification{{DeviceIndex: aws.Int32(0), SubnetId: aws.String(s.SubnetID),
			Groups: []string{s.GroupID}, DeleteOnTermination: aws.Bool(true), AssociatePublicIpAddress: aws.Bool(true)}},
		MetadataOptions: &ec2types.InstanceMetadataOptionsRequest{HttpTokens: ec2types.HttpTokensStateRequired},
	}
	for _, kind := range []ec2types.ResourceType{ec2types.ResourceTypeInstance, ec2types.ResourceTypeVolume, ec2types.ResourceTypeNetworkInterface} {
		in.TagSpecifications = append(in.TagSpecifications, ec2types.TagSpecification{ResourceType: kind, Tags: tags})
	}
	return in
}

// instanceType is the smallest that the region has.
func (s *State) instanceType() string {
	switch {
	case s.Spec.InstanceType != "":
		return s.Spec.InstanceType
	case s.Region == "us-east-1":
		return "t2.micro" // not all of its zones offer t3
	}
	return "t3.micro"
}

// PlanDelete returns what is left until there is no bastion, and the instance that
// still is there, if only as one that AWS is ending.
func (s *State) PlanDelete() (p plan.Plan, left string) {
	if s.Row == nil {
		return plan.Plan{}, ""
	}
	id := aws.ToString(s.Row.InstanceId)
	if instance.Ended(s.Row) {
		return waiting(infrav1.DeletingReason, "the end of the bastion host "+id), "bastion host " + id
	}
	return plan.Plan{Actions: []plan.Action{{Key: key, Area: Area, Verb: plan.Delete, Operation: "ec2.TerminateInstances",
		Input: &ec2.TerminateInstancesInput{InstanceIds: []string{id}}, Summary: "delete bastion host " + id}}}, "bastion host " + id
}

// Status returns what the object tells of the bastion, nil while there is none.
// before is what it told: of an instance that ended and is to be replaced, the id is
// kept, because the next launch's token is made from it.
func (s *State) Status(before *infrav1.Instance) *infrav1.Instance {
	i := s.Row
	switch {
	case i == nil && before != nil && s.Spec.Enabled:
		return &infrav1.Instance{ID: before.ID, State: infrav1.InstanceStateTerminated}
	case i == nil:
		return nil
	}
	status := &infrav1.Instance{
		ID: aws.ToString(i.InstanceId), State: instance.State(i), Type: string(i.InstanceType), SubnetID: aws.ToString(i.SubnetId),
		ImageID: aws.ToString(i.ImageId), SSHKeyName: i.KeyName, Addresses: instance.Addresses(i), PrivateIP: i.PrivateIpAddress,
		PublicIP: i.PublicIpAddress, IPv6Address: i.Ipv6Address, ENASupport: i.EnaSupport, EBSOptimized: i.EbsOptimized,
		AvailabilityZone: instance.Zone(i), Tags: mirror.Instances.Tags(i),
	}
	for _, g := range i.SecurityGroups {
		status.SecurityGroupIDs = append(status.SecurityGroupIDs, aws.ToString(g.GroupId))
	}
	for _, n := range i.NetworkInterfaces {
		status.NetworkInterfaces = append(status.NetworkInterfaces, aws.ToString(n.NetworkInterfaceId))
	}
	return status
}
