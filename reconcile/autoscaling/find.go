package autoscaling

import (
	"fmt"

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

// Claimed is what AWS has under the name that a pool wants, and whose it is. Only a
// look with an owner makes one, and only what is the owner's can be got out of it.
// The zero Claimed is nothing at all.
type Claimed[T any] struct {
	row   *T
	claim ownership.Claim
}

// Own returns the resource, nil unless it is there and the owner's.
func (c Claimed[T]) Own() *T {
	if !c.claim.Ours() {
		return nil
	}
	return c.row
}

// Moved tells that it is the owner's, with the UID tag of what the owner was before
// it was moved.
func (c Claimed[T]) Moved() bool { return c.claim.Verdict == ownership.Moved }

// Undecided tells that it may turn out to be the owner's.
func (c Claimed[T]) Undecided() bool { return c.claim.Undecided }

// Foreign tells that the name is somebody else's; of says whose.
func (c Claimed[T]) Foreign() (of string, foreign bool) {
	return c.claim.Of, c.row != nil && !c.claim.Ours()
}

// FindGroup returns the group of the owner's name. arn is that which the object
// records, or "": a wish, for which the tags decide.
func FindGroup(snap *mirror.Snapshot, arn string, owner ownership.Owner) Claimed[mirror.AutoScalingGroup] {
	row, ok := mirror.Get(snap, mirror.AutoScalingGroups, owner.Name)
	if !ok {
		return Claimed[mirror.AutoScalingGroup]{}
	}
	id := aws.ToString(row.AutoScalingGroupARN)
	return Claimed[mirror.AutoScalingGroup]{row, owner.Claim(ownership.Resource{ID: id, Tags: mirror.AutoScalingGroups.Tags(row), Recorded: id != "" && id == arn})}
}

// FindTemplate returns the launch template of the name. id is that which the object's
// status records, or "". That the owner's group uses a template proves nothing.
func FindTemplate(snap *mirror.Snapshot, name, id string, owner ownership.Owner) Claimed[mirror.LaunchTemplate] {
	for _, row := range mirror.Select(snap, mirror.LaunchTemplates, func(t *mirror.LaunchTemplate) bool { return aws.ToString(t.LaunchTemplateName) == name }) {
		return Claimed[mirror.LaunchTemplate]{row, claimTemplate(row, id, owner)}
	}
	return Claimed[mirror.LaunchTemplate]{}
}

// claimTemplate judges a template. Its name is for users to choose, so that of one
// without a living UID the tag Name has to say for which pool it was made.
func claimTemplate(t *mirror.LaunchTemplate, id string, owner ownership.Owner) ownership.Claim {
	tags := mirror.LaunchTemplates.Tags(t)
	recorded := id != "" && id == aws.ToString(t.LaunchTemplateId)
	claim := owner.Claim(ownership.Resource{ID: aws.ToString(t.LaunchTemplateId), Tags: tags, Recorded: recorded})
	if claim.Ours() && !recorded && tags[names.TagUID] != owner.UID && tags[names.TagName] != owner.Name {
		return ownership.Claim{Of: fmt.Sprintf("pool %q of the cluster, by its tag Name", tags[names.TagName])}
	}
	return claim
}

// OtherTemplates returns the owner's templates of other names: the name was another
// one before. One that the group still uses is left out, and so are those without a
// UID, which another tool may have made for anything.
func OtherTemplates(snap *mirror.Snapshot, name string, group *mirror.AutoScalingGroup, owner ownership.Owner) []*mirror.LaunchTemplate {
	return mirror.Select(snap, mirror.LaunchTemplates, func(t *mirror.LaunchTemplate) bool {
		return aws.ToString(t.LaunchTemplateName) != name && mirror.LaunchTemplates.Tags(t)[names.TagUID] != "" &&
			(group == nil || aws.ToString(templateOf(group).LaunchTemplateId) != aws.ToString(t.LaunchTemplateId)) && claimTemplate(t, "", owner).Ours()
	})
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
