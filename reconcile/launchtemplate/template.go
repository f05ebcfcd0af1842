// Package launchtemplate plans launch templates, of whatever starts instances from one:
// what to make, to put right and to delete. All of it but the handlers is pure.
package launchtemplate

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// keptVersions is how many of the newest versions stay, so that there is one to
// go back to.
const keptVersions = 2

// The conditions that tell of a template: of itself, and of its tags and old versions,
// without which its instances work.
const (
	Area         = infrav1.LaunchTemplateReadyCondition
	AreaSettings = infrav1.PoolSettingsReadyCondition
)

// Wanted is a template as it has to be.
type Wanted struct {
	// Name of the template; Owner is the object that wants it.
	Name  string
	Owner ownership.Owner
	Tags  map[string]string
	// Removed are keys of tags that were wanted once and aren't any more.
	Removed []string
	// Data describes the instances; nil while it isn't known.
	Data *ec2types.RequestLaunchTemplateData
	// InUse are the versions that have to stay; nil while all have to.
	InUse []string
}

// Plan returns what makes the launch template as it has to be.
func Plan(w *Wanted, template *mirror.LaunchTemplate) []plan.Action {
	switch {
	case template == nil && w.Data == nil:
		return nil
	case template == nil:
		return []plan.Action{create(w)}
	}
	actions := tags(w, template)
	if w.Data != nil && template.Latest != nil {
		if names := changed(w.Data, template.Latest.LaunchTemplateData); len(names) > 0 {
			return append(actions, createVersion(w, template, names))
		}
	}
	return append(actions, prune(w, template)...)
}

// create is idempotent because names of templates are unique.
func create(w *Wanted) plan.Action {
	return plan.Action{Key: "launch-template", Area: Area, Verb: plan.Create, Operation: "ec2.CreateLaunchTemplate",
		Input: &ec2.CreateLaunchTemplateInput{LaunchTemplateName: aws.String(w.Name), LaunchTemplateData: w.Data,
			TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeLaunchTemplate, Tags: instance.TagList(w.Tags)}}},
		Summary: fmt.Sprintf("create launch template %s", w.Name)}
}

// createVersion carries a token of what the version holds and of the version that
// it follows: asked for twice, it is made once.
func createVersion(w *Wanted, template *mirror.LaunchTemplate, names []string) plan.Action {
	id := aws.ToString(template.LaunchTemplateId)
	return plan.Action{Key: "launch-template-version", Area: Area, Verb: plan.Create, Operation: "ec2.CreateLaunchTemplateVersion",
		Input: &ec2.CreateLaunchTemplateVersionInput{LaunchTemplateId: template.LaunchTemplateId, LaunchTemplateData: w.Data,
			ClientToken: aws.String(versionToken(w, template))},
		By: madeBy(w, template.Latest),
		Summary: fmt.Sprintf("create version %d of launch template %s (%s), which changes %s", aws.ToInt64(template.LatestVersionNumber)+1,
			id, aws.ToString(template.LaunchTemplateName), strings.Join(names, ", "))}
}

// madeBy says who made a version that isn't as it was wanted: the object whose UID its
// instances get, if that is another one, else the principal that AWS names.
func madeBy(w *Wanted, v *ec2types.LaunchTemplateVersion) string {
	for _, spec := range v.LaunchTemplateData.TagSpecifications {
		if uid := instance.Tag(spec.Tags, names.TagUID); uid != "" && uid != w.Owner.UID {
			return w.Owner.Holder(uid)
		}
	}
	if by := aws.ToString(v.CreatedBy); by != "" {
		return "principal " + by
	}
	return ""
}

func versionToken(w *Wanted, template *mirror.LaunchTemplate) string {
	text, err := json.Marshal(w.Data)
	if err != nil {
		panic(err) // the SDK's structs can be written out
	}
	return names.Token(w.Owner.UID, aws.ToString(template.LaunchTemplateId), Number(template.LatestVersionNumber), string(text))
}

// Number is how a version's number is written where versions are chosen.
func Number(n *int64) string { return strconv.FormatInt(aws.ToInt64(n), 10) }

func tags(w *Wanted, template *mirror.LaunchTemplate) []plan.Action {
	id, have := aws.ToString(template.LaunchTemplateId), mirror.LaunchTemplates.Tags(template)
	var actions []plan.Action
	if missing := names.Missing(w.Tags, have); len(missing) > 0 {
		action := tag(id, missing)
		action.By = w.Owner.Before(have)
		actions = append(actions, action)
	}
	var removed []ec2types.Tag
	for _, key := range w.Removed {
		if _, there := have[key]; there {
			removed = append(removed, ec2types.Tag{Key: aws.String(key)})
		}
	}
	if len(removed) > 0 {
		actions = append(actions, plan.Action{Key: "launch-template-removed-tags", Area: AreaSettings, Verb: plan.Update, Operation: "ec2.DeleteTags",
			Input:   &ec2.DeleteTagsInput{Resources: []string{id}, Tags: removed},
			Summary: fmt.Sprintf("delete tags %s of launch template %s", strings.Join(w.Removed, ", "), id)})
	}
	return actions
}

func tag(id string, tags map[string]string) plan.Action {
	_, claims := tags[names.TagUID]
	return plan.Action{Key: "launch-template-tags", Area: AreaSettings, Verb: plan.Update, Operation: "ec2.CreateTags", Claims: claims,
		Input:   &ec2.CreateTagsInput{Resources: []string{id}, Tags: instance.TagList(tags)},
		Summary: fmt.Sprintf("tag launch template %s with %s", id, strings.Join(names.SortedKeys(tags), ", "))}
}

// Claim puts the UID of the object that has the template now on it.
func Claim(template *mirror.LaunchTemplate, owner names.Owner) plan.Action {
	return tag(aws.ToString(template.LaunchTemplateId), owner.Identity())
}

// prune deletes versions that nobody needs: not the newest ones, the default (AWS
// wouldn't let it go), nor those that an instance was launched from, by which it is
// told whether the instance is outdated.
func prune(w *Wanted, template *mirror.LaunchTemplate) []plan.Action {
	if w.InUse == nil || len(template.Versions) <= keptVersions {
		return nil
	}
	var old []string
	for _, v := range template.Versions[keptVersions:] {
		number := Number(v.VersionNumber)
		if number != Number(template.DefaultVersionNumber) && !slices.Contains(w.InUse, number) {
			old = append(old, number)
		}
	}
	if len(old) == 0 {
		return nil
	}
	return []plan.Action{{Key: "launch-template-old-versions", Area: AreaSettings, Verb: plan.Delete, Operation: "ec2.DeleteLaunchTemplateVersions",
		Input:   &ec2.DeleteLaunchTemplateVersionsInput{LaunchTemplateId: template.LaunchTemplateId, Versions: old},
		Summary: fmt.Sprintf("delete versions %s of launch template %s", strings.Join(old, ", "), aws.ToString(template.LaunchTemplateId))}}
}

// Delete deletes the template with all its versions.
func Delete(template *mirror.LaunchTemplate) plan.Action {
	id := aws.ToString(template.LaunchTemplateId)
	return plan.Action{Key: "launch-template/" + id, Area: Area, Verb: plan.Delete, Operation: "ec2.DeleteLaunchTemplate",
		Input:   &ec2.DeleteLaunchTemplateInput{LaunchTemplateId: template.LaunchTemplateId},
		Summary: fmt.Sprintf("delete launch template %s (%s)", id, aws.ToString(template.LaunchTemplateName))}
}
