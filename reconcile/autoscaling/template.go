package autoscaling

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
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// keptVersions is how many of the newest versions stay, so that there is one to
// go back to.
const keptVersions = 2

// PlanTemplate returns what makes the launch template as it has to be. group may be
// nil.
func PlanTemplate(w *Wanted, template *mirror.LaunchTemplate, group *mirror.AutoScalingGroup) []plan.Action {
	switch {
	case template == nil && w.Data == nil:
		return nil
	case template == nil:
		return []plan.Action{createTemplate(w)}
	}
	actions := templateTags(w, template)
	if w.Data != nil && template.Latest != nil {
		if names := changed(w.Data, template.Latest.LaunchTemplateData); len(names) > 0 {
			return append(actions, createVersion(w, template, names))
		}
	}
	return append(actions, prune(w, template, group)...)
}

// createTemplate is idempotent because names of templates are unique.
func createTemplate(w *Wanted) plan.Action {
	name := TemplateName(w.Spec, w.Name)
	return plan.Action{Key: "launch-template", Area: infrav1.LaunchTemplateReadyCondition, Verb: plan.Create, Operation: "ec2.CreateLaunchTemplate",
		Input: &ec2.CreateLaunchTemplateInput{LaunchTemplateName: aws.String(name), LaunchTemplateData: w.Data,
			TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeLaunchTemplate, Tags: instance.TagList(w.Tags)}}},
		Summary: fmt.Sprintf("create launch template %s", name)}
}

// createVersion carries a token of what the version holds and of the version that
// it follows: asked for twice, it is made once.
func createVersion(w *Wanted, template *mirror.LaunchTemplate, names []string) plan.Action {
	id := aws.ToString(template.LaunchTemplateId)
	return plan.Action{Key: "launch-template-version", Area: infrav1.LaunchTemplateReadyCondition, Verb: plan.Create, Operation: "ec2.CreateLaunchTemplateVersion",
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
	return names.Token(w.Owner.UID, aws.ToString(template.LaunchTemplateId), numberText(aws.ToInt64(template.LatestVersionNumber)), string(text))
}

func numberText(n int64) string { return strconv.FormatInt(n, 10) }

func templateTags(w *Wanted, template *mirror.LaunchTemplate) []plan.Action {
	id, have := aws.ToString(template.LaunchTemplateId), mirror.LaunchTemplates.Tags(template)
	var actions []plan.Action
	if missing := names.Missing(w.Tags, have); len(missing) > 0 {
		action := tagTemplate(id, missing)
		action.By = movedTo(w, have)
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

func tagTemplate(id string, tags map[string]string) plan.Action {
	_, claims := tags[names.TagUID]
	return plan.Action{Key: "launch-template-tags", Area: AreaSettings, Verb: plan.Update, Operation: "ec2.CreateTags", Claims: claims,
		Input:   &ec2.CreateTagsInput{Resources: []string{id}, Tags: instance.TagList(tags)},
		Summary: fmt.Sprintf("tag launch template %s with %s", id, strings.Join(names.SortedKeys(tags), ", "))}
}

// ClaimTemplate puts the UID of the object that has the template now on it.
func ClaimTemplate(template *mirror.LaunchTemplate, owner names.Owner) plan.Action {
	return tagTemplate(aws.ToString(template.LaunchTemplateId), owner.Identity())
}

// prune deletes versions that nobody needs: not the newest ones, the default (AWS
// wouldn't let it go), nor those that an instance was launched from, by which it is
// told whether the instance is outdated.
func prune(w *Wanted, template *mirror.LaunchTemplate, group *mirror.AutoScalingGroup) []plan.Action {
	if group == nil || group.Refreshing() || len(template.Versions) <= keptVersions {
		return nil
	}
	needed := []string{w.templateVersion(), numberText(aws.ToInt64(template.DefaultVersionNumber))}
	for _, i := range group.Instances {
		if i.LaunchTemplate != nil {
			needed = append(needed, aws.ToString(i.LaunchTemplate.Version))
		}
	}
	var old []string
	for _, v := range template.Versions[keptVersions:] {
		if number := numberText(aws.ToInt64(v.VersionNumber)); !slices.Contains(needed, number) {
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

// DeleteTemplate deletes the template with all its versions.
func DeleteTemplate(template *mirror.LaunchTemplate) plan.Action {
	id := aws.ToString(template.LaunchTemplateId)
	return plan.Action{Key: "launch-template/" + id, Area: infrav1.LaunchTemplateReadyCondition, Verb: plan.Delete, Operation: "ec2.DeleteLaunchTemplate",
		Input:   &ec2.DeleteLaunchTemplateInput{LaunchTemplateId: template.LaunchTemplateId},
		Summary: fmt.Sprintf("delete launch template %s (%s)", id, aws.ToString(template.LaunchTemplateName))}
}
