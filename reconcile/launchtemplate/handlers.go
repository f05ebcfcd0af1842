package launchtemplate

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Handlers carry out the actions of this package.
func Handlers() []plan.Handler {
	table := mirror.LaunchTemplates.Kind
	return []plan.Handler{
		plan.Call("CreateLaunchTemplate", (*ec2.Client).CreateLaunchTemplate, writeTemplate, table),
		plan.Call("CreateLaunchTemplateVersion", (*ec2.Client).CreateLaunchTemplateVersion,
			func(w *plan.Writer, in *ec2.CreateLaunchTemplateVersionInput, out *ec2.CreateLaunchTemplateVersionOutput) {
				if out.LaunchTemplateVersion != nil {
					plan.Modify(w, mirror.LaunchTemplates, aws.ToString(in.LaunchTemplateId), func(t *mirror.LaunchTemplate) { addVersion(t, out.LaunchTemplateVersion) })
				}
			}, table),
		plan.Custom("DeleteLaunchTemplateVersions", deleteVersions,
			func(w *plan.Writer, in *ec2.DeleteLaunchTemplateVersionsInput, _ *ec2.DeleteLaunchTemplateVersionsOutput) {
				plan.Modify(w, mirror.LaunchTemplates, aws.ToString(in.LaunchTemplateId), func(t *mirror.LaunchTemplate) {
					t.Versions = slices.DeleteFunc(t.Versions, func(v ec2types.LaunchTemplateVersion) bool {
						return slices.Contains(in.Versions, Number(v.VersionNumber))
					})
				})
			}, table),
		plan.Call("DeleteLaunchTemplate", (*ec2.Client).DeleteLaunchTemplate, func(w *plan.Writer, in *ec2.DeleteLaunchTemplateInput, _ *ec2.DeleteLaunchTemplateOutput) {
			plan.Drop(w, mirror.LaunchTemplates, aws.ToString(in.LaunchTemplateId))
		}, table),
		plan.Call("TagLaunchTemplate", (*ec2.Client).CreateTags, func(w *plan.Writer, in *ec2.CreateTagsInput, _ *ec2.CreateTagsOutput) {
			for _, id := range in.Resources {
				plan.Modify(w, mirror.LaunchTemplates, id, func(t *mirror.LaunchTemplate) {
					for _, tag := range in.Tags {
						t.Tags = append(withoutTag(t.Tags, tag), tag)
					}
				})
			}
		}, table),
		plan.Call("UntagLaunchTemplate", (*ec2.Client).DeleteTags, func(w *plan.Writer, in *ec2.DeleteTagsInput, _ *ec2.DeleteTagsOutput) {
			for _, id := range in.Resources {
				plan.Modify(w, mirror.LaunchTemplates, id, func(t *mirror.LaunchTemplate) {
					for _, tag := range in.Tags {
						t.Tags = withoutTag(t.Tags, tag)
					}
				})
			}
		}, table),
	}
}

func withoutTag(tags []ec2types.Tag, tag ec2types.Tag) []ec2types.Tag {
	return slices.DeleteFunc(slices.Clone(tags), func(t ec2types.Tag) bool { return aws.ToString(t.Key) == aws.ToString(tag.Key) })
}

// writeTemplate notes the new template. AWS's answer leaves out what it holds.
func writeTemplate(w *plan.Writer, in *ec2.CreateLaunchTemplateInput, out *ec2.CreateLaunchTemplateOutput) {
	if out.LaunchTemplate == nil {
		return
	}
	row := mirror.LaunchTemplate{LaunchTemplate: *out.LaunchTemplate}
	if len(row.Tags) == 0 {
		row.Tags = in.TagSpecifications[0].Tags
	}
	addVersion(&row, &ec2types.LaunchTemplateVersion{LaunchTemplateId: row.LaunchTemplateId, LaunchTemplateName: row.LaunchTemplateName,
		VersionNumber: aws.Int64(1), DefaultVersion: aws.Bool(true), CreateTime: row.CreateTime, LaunchTemplateData: answered(in.LaunchTemplateData)})
	plan.Put(w, mirror.LaunchTemplates, row)
}

// answered returns data as AWS answers it: the fields have the same names.
func answered(data *ec2types.RequestLaunchTemplateData) *ec2types.ResponseLaunchTemplateData {
	out := &ec2types.ResponseLaunchTemplateData{}
	if text, err := json.Marshal(data); err != nil || json.Unmarshal(text, out) != nil {
		panic("the SDK's structs can be written out and read") // they hold nothing else
	}
	return out
}

// addVersion notes a new version. A repeated answer adds nothing.
func addVersion(t *mirror.LaunchTemplate, v *ec2types.LaunchTemplateVersion) {
	number := aws.ToInt64(v.VersionNumber)
	if number < aws.ToInt64(t.LatestVersionNumber) {
		return
	}
	t.Latest, t.LatestVersionNumber = v, aws.Int64(number)
	if number > 1 && t.Versions == nil || len(t.Versions) > 0 && aws.ToInt64(t.Versions[0].VersionNumber) == number {
		return
	}
	t.Versions = slices.Insert(t.Versions, 0, mirror.WithoutUserData(*v))
}

// deleteVersions deletes versions. AWS answers for each of them; one that is gone
// already is no failure.
func deleteVersions(ctx context.Context, s *cloud.Session, in *ec2.DeleteLaunchTemplateVersionsInput) (*ec2.DeleteLaunchTemplateVersionsOutput, error) {
	out, err := s.EC2.DeleteLaunchTemplateVersions(ctx, in)
	if err != nil {
		return out, err
	}
	for _, failed := range out.UnsuccessfullyDeletedLaunchTemplateVersions {
		if e := failed.ResponseError; e != nil && e.Code != ec2types.LaunchTemplateErrorCodeLaunchTemplateVersionDoesNotExist {
			return out, fmt.Errorf("version %d: %s: %s", aws.ToInt64(failed.VersionNumber), e.Code, aws.ToString(e.Message))
		}
	}
	return out, nil
}
