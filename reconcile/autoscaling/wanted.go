package autoscaling

import (
	"cmp"

	"github.com/aws/aws-sdk-go-v2/aws"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// The areas of actions are condition types; these have none.
const (
	// AreaSettings is that of tags and old versions: a pool works without.
	AreaSettings = "PoolSettings"
)

// latestVersion makes a group follow its template.
const latestVersion = "$Latest"

// Wanted is a group and its template as they have to be.
type Wanted struct {
	// Name of the group; UID of the object that wants it.
	Name, UID string
	Spec      *infrav1.AWSMachinePoolSpec
	// Tags of the group and the template.
	Tags map[string]string
	// Removed are keys of tags that were wanted once and aren't any more.
	Removed []string
	// Data describes the instances; nil while it isn't known.
	Data *ec2types.RequestLaunchTemplateData
	// Subnets are where the instances go; empty while it isn't known.
	Subnets []string
	// Desired is the wanted number of instances; nil where somebody else decides.
	Desired *int32
}

// TemplateName returns the name of the launch template.
func TemplateName(spec *infrav1.AWSMachinePoolSpec, pool string) string {
	return cmp.Or(spec.AWSLaunchTemplate.Name, pool)
}

// templateVersion returns which version of its template the group uses.
func (w *Wanted) templateVersion() string {
	if n := w.Spec.AWSLaunchTemplate.VersionNumber; n != nil {
		return numberText(*n)
	}
	return latestVersion
}

// FindGroup returns the owner's group of the name, nil while none is to be seen.
// arn is that which the object records, or "". foreign tells that the group is
// somebody else's.
func FindGroup(snap *mirror.Snapshot, name, arn string, owner ownership.Owner) (group *mirror.AutoScalingGroup, foreign bool) {
	row, ok := mirror.Get(snap, mirror.AutoScalingGroups, name)
	if !ok {
		return nil, false
	}
	known := arn != "" && aws.ToString(row.AutoScalingGroupARN) == arn
	if !owner.Claim(ownership.Resource{Tags: mirror.AutoScalingGroups.Tags(row), Inside: known}).Ours() {
		return nil, true
	}
	return row, false
}

// FindTemplate returns the owner's launch template of the name likewise. id is that
// which the object records, or "". The one that the owner's group uses is the
// owner's too.
func FindTemplate(snap *mirror.Snapshot, name, id string, group *mirror.AutoScalingGroup, owner ownership.Owner) (template *mirror.LaunchTemplate, foreign bool) {
	for _, row := range mirror.Select(snap, mirror.LaunchTemplates, func(t *mirror.LaunchTemplate) bool { return aws.ToString(t.LaunchTemplateName) == name }) {
		rowID := aws.ToString(row.LaunchTemplateId)
		known := rowID == id || group != nil && aws.ToString(templateOf(group).LaunchTemplateId) == rowID
		if owner.Claim(ownership.Resource{Tags: mirror.LaunchTemplates.Tags(row), Inside: known}).Ours() {
			return row, false
		}
		foreign = true
	}
	return nil, foreign
}

// OtherTemplates returns the owner's templates of other names: the name was another
// one before. One that the group still uses is left out.
func OtherTemplates(snap *mirror.Snapshot, name string, group *mirror.AutoScalingGroup, owner ownership.Owner) []*mirror.LaunchTemplate {
	return mirror.Select(snap, mirror.LaunchTemplates, func(t *mirror.LaunchTemplate) bool {
		tags := mirror.LaunchTemplates.Tags(t)
		return owner.HasOwnedTag(tags) && tags[names.TagUID] == owner.UID && aws.ToString(t.LaunchTemplateName) != name &&
			(group == nil || aws.ToString(templateOf(group).LaunchTemplateId) != aws.ToString(t.LaunchTemplateId))
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
