// Package nodegroup plans a managed node group of an EKS cluster: instances that EKS keeps in
// an Auto Scaling group of its own, and replaces where their version or launch template
// changes. AWS makes one change of a node group at a time. All of it but the handlers is pure.
package nodegroup

import (
	"strings"

	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ekschild"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksupdate"
)

// The conditions that tell of a node group: of itself, and of what EKS changes in it.
const (
	Area         = infrav1.EKSNodegroupReadyCondition
	AreaUpdating = infrav1.EKSNodegroupUpdatingCondition
)

// Failed is the reason of what isn't as wanted.
const Failed = infrav1.EKSNodegroupReconciliationFailedReason

// Intent is what a node group has to be. What is nil or empty is EKS's choice, or is left as it is.
type Intent struct {
	ekschild.Parent
	Name string
	// WaitsFor is what has to be there before the node group is made, "" for nothing.
	WaitsFor string
	// ClusterVersion is the minor version of the control plane, which no node may be newer than.
	ClusterVersion string
	// OwnTags are the node group's own, over those of the cluster.
	OwnTags map[string]string
	RoleARN string
	// Subnets are where its nodes run. Chosen tells that they aren't the user's choice: a node
	// group that was made keeps those that it has.
	Subnets []string
	Chosen  bool
	// Version is the minor version of the nodes, Release that of their image.
	Version, Release string
	AMIType          ekstypes.AMITypes
	InstanceTypes    []string
	CapacityType     ekstypes.CapacityTypes
	DiskSize         *int32
	RemoteAccess     *ekstypes.RemoteAccessConfig
	Labels           map[string]string
	Taints           []ekstypes.Taint
	Scaling          Scaling
	UpdateConfig     *ekstypes.NodegroupUpdateConfig
	// Repair is what is done about nodes that aren't healthy; nothing where it is nil.
	Repair *ekstypes.NodeRepairConfig
	// Template describes the instances; nil for a node group that has none.
	Template *Template
	// Force replaces nodes whose pods can't be evicted.
	Force bool
	// RotationWaitsFor is what has to happen before nodes are replaced, so that they are once
	// for all that changes; "" for nothing.
	RotationWaitsFor string
	Updates          eksupdate.Intent
}

// Scaling is how many nodes there are.
type Scaling struct {
	// Min and Max bound it; nil leaves a bound as it is.
	Min, Max *int32
	// Desired is the wanted number; nil where somebody else decides. Then Initial is that of
	// a new node group.
	Desired *int32
	Initial int32
}

// Template is a launch template, by its id or its name.
type Template struct {
	// ID and Name are "" while there is none, Version the one that the nodes are to have.
	ID, Name, Version string
	// Custom tells that the template names the image, so that EKS chooses none.
	Custom bool
	// Given tells that it is the user's, of which nothing else is known. One with an image
	// takes no version and no kind of image beside it.
	Given bool
}

// Wants are the rows that tell of the node group.
func (in *Intent) Wants() []mirror.Interest { return in.Rows(mirror.EKSNodegroups.Kind, in.Name) }

// The tags that EKS puts on the Auto Scaling groups of node groups, and on their instances.
const (
	tagCluster   = "eks:cluster-name"
	tagNodegroup = "eks:nodegroup-name"
)

// OfGroup is the node group that an Auto Scaling group belongs to by its tags, as
// mirror.NameIn of its cluster and its name; "" for none.
func OfGroup(tags map[string]string) string {
	if tags[tagCluster] == "" || tags[tagNodegroup] == "" {
		return ""
	}
	return mirror.NameIn(tags[tagCluster], tags[tagNodegroup])
}

// DefaultAMIType is the image of nodes of which nobody says otherwise: Amazon Linux 2023 for
// the processors of an instance type. In names of types with AWS's own a "g" follows the
// generation, and a1 was the first of them.
// https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
func DefaultAMIType(instanceTypes []string) ekstypes.AMITypes {
	if len(instanceTypes) == 0 {
		return ekstypes.AMITypesAl2023X8664Standard
	}
	family, _, _ := strings.Cut(instanceTypes[0], ".")
	generation := strings.TrimLeft(family, "abcdefghijklmnopqrstuvwxyz")
	if family == "a1" || strings.HasPrefix(strings.TrimLeft(generation, "0123456789"), "g") {
		return ekstypes.AMITypesAl2023Arm64Standard
	}
	return ekstypes.AMITypesAl2023X8664Standard
}
