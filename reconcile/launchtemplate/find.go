package launchtemplate

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// Find returns the launch template of the name. id is that which the object's
// status records, or "". That the owner's group uses a template proves nothing.
func Find(snap *mirror.Snapshot, name, id string, owner ownership.Owner) ownership.Claimed[mirror.LaunchTemplate] {
	for _, row := range mirror.Select(snap, mirror.LaunchTemplates, func(t *mirror.LaunchTemplate) bool { return aws.ToString(t.LaunchTemplateName) == name }) {
		return ownership.NewClaimed(row, claim(row, id, owner))
	}
	return ownership.Claimed[mirror.LaunchTemplate]{}
}

// claim judges a template. Its name is for users to choose, so that of one
// without a living UID the tag Name has to say for which pool it was made.
func claim(t *mirror.LaunchTemplate, id string, owner ownership.Owner) ownership.Claim {
	tags := mirror.LaunchTemplates.Tags(t)
	recorded := id != "" && id == aws.ToString(t.LaunchTemplateId)
	c := owner.Claim(ownership.Resource{ID: aws.ToString(t.LaunchTemplateId), Tags: tags, Recorded: recorded})
	if c.Ours() && !recorded && tags[names.TagUID] != owner.UID && tags[names.TagName] != owner.Name {
		return ownership.Claim{Of: fmt.Sprintf("pool %q of the cluster, by its tag Name", tags[names.TagName])}
	}
	return c
}

// Others returns the owner's templates of other names: the name was another
// one before. The one of the id used is left out, and so are those without a UID, which
// another tool may have made for anything.
func Others(snap *mirror.Snapshot, name, used string, owner ownership.Owner) []*mirror.LaunchTemplate {
	return mirror.Select(snap, mirror.LaunchTemplates, func(t *mirror.LaunchTemplate) bool {
		return aws.ToString(t.LaunchTemplateName) != name && mirror.LaunchTemplates.Tags(t)[names.TagUID] != "" &&
			aws.ToString(t.LaunchTemplateId) != used && claim(t, "", owner).Ours()
	})
}
