package autoscaling

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/infrastructure"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// OwnerOf returns the owner as whom a pool's group and template are judged. infra may
// be nil; then nothing is the pool's.
func OwnerOf(pool *infrav1.AWSMachinePool, infra *infrastructure.Cluster, living ownership.Living) ownership.Owner {
	owner := ownership.Owner{Owner: names.Owner{UID: string(pool.UID), Namespace: pool.Namespace}, Kind: ownership.KindPool, Former: pool.Status.FormerUIDs,
		Name: pool.Name, Created: pool.CreationTimestamp.Time, Living: living}
	if infra != nil {
		owner.Cluster, owner.Additional = infra.Cluster, infra.Tags
		owner.Account, owner.Region = infra.Account, infra.Region
	}
	return owner
}

// Learn returns the UIDs that a pool had before: the group and the template tell that it
// records.
func Learn(snap *mirror.Snapshot, pool *infrav1.AWSMachinePool, owner ownership.Owner) []string {
	var recorded []ownership.Resource
	if row, ok := mirror.Get(snap, mirror.AutoScalingGroups, owner.Name); ok && pool.Spec.ProviderID != "" && aws.ToString(row.AutoScalingGroupARN) == pool.Spec.ProviderID {
		recorded = append(recorded, ownership.Resource{ID: pool.Spec.ProviderID, Tags: mirror.AutoScalingGroups.Tags(row)})
	}
	if row, ok := mirror.Get(snap, mirror.LaunchTemplates, pool.Status.LaunchTemplateID); ok {
		recorded = append(recorded, ownership.Resource{ID: pool.Status.LaunchTemplateID, Tags: mirror.LaunchTemplates.Tags(row)})
	}
	return owner.Learn(recorded...)
}

// FindGroup returns the group of the owner's name. arn is that which the object
// records, or "": a wish, for which the tags decide.
func FindGroup(snap *mirror.Snapshot, arn string, owner ownership.Owner) ownership.Claimed[mirror.AutoScalingGroup] {
	row, ok := mirror.Get(snap, mirror.AutoScalingGroups, owner.Name)
	if !ok {
		return ownership.Claimed[mirror.AutoScalingGroup]{}
	}
	id := aws.ToString(row.AutoScalingGroupARN)
	return ownership.NewClaimed(row, owner.Claim(ownership.Resource{ID: id, Tags: mirror.AutoScalingGroups.Tags(row), Recorded: id != "" && id == arn}))
}

// templateOf returns which template and version a group uses.
func templateOf(g *mirror.AutoScalingGroup) astypes.LaunchTemplateSpecification {
	if p := g.MixedInstancesPolicy; p != nil && p.LaunchTemplate != nil && p.LaunchTemplate.LaunchTemplateSpecification != nil {
		return *p.LaunchTemplate.LaunchTemplateSpecification
	}
	if g.LaunchTemplate != nil {
		return *g.LaunchTemplate
	}
	return astypes.LaunchTemplateSpecification{}
}

// Deleting tells that AWS is deleting the group.
func Deleting(g *mirror.AutoScalingGroup) bool { return g.Status != nil }
