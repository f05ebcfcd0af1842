package ec2

import (
	"regexp"
	"strconv"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// template is a launch template with the versions that have not been deleted, oldest first.
type template struct {
	types.LaunchTemplate
	versions []templateVersion
}

type templateVersion struct {
	types.LaunchTemplateVersion
	asked types.RequestLaunchTemplateData
}

// templateName says whether a launch template may be called so.
var templateName = regexp.MustCompile(`^[a-zA-Z0-9().\-/_]{3,128}$`).MatchString

const longestDescription = 255

var (
	noTemplate      = notFound("InvalidLaunchTemplateId.NotFound", "launch template ID")
	noTemplateNamed = notFound("InvalidLaunchTemplateName.NotFoundException", "launch template name")
)

// findTemplate looks a template up by id or by name, of which exactly one must be given.
func (n *Network) findTemplate(r *core.Request, id, name *string) (*template, error) {
	switch {
	case id != nil && name != nil:
		return nil, core.Refuse("InvalidParameterCombination", "You can't specify both the launch template ID and the launch template name")
	case id != nil:
		return find(r, &n.templates, id, "LaunchTemplateId", noTemplate)
	case val(name) == "":
		return nil, core.Missing("LaunchTemplateId or LaunchTemplateName")
	}
	for _, row := range n.templates.Rows() {
		if *row.Value.LaunchTemplateName == *name && !r.Hidden(row.Created) {
			return row.Value, nil
		}
	}
	return nil, noTemplateNamed(*name)
}

// version finds a version by number, "$Latest" or "$Default", which is meant by "" too.
func (t *template) version(wanted string) (*templateVersion, error) {
	switch wanted {
	case "$Latest":
		return &t.versions[len(t.versions)-1], nil
	case "$Default", "":
		wanted = strconv.FormatInt(*t.DefaultVersionNumber, 10)
	}
	for i := range t.versions {
		if strconv.FormatInt(*t.versions[i].VersionNumber, 10) == wanted {
			return &t.versions[i], nil
		}
	}
	return nil, core.Refuse("InvalidLaunchTemplateId.VersionNotFound", "Could not find the specified version %s for the launch template with ID %s.",
		wanted, *t.LaunchTemplateId)
}

// add makes the next version.
func (t *template) add(r *core.Request, data types.RequestLaunchTemplateData, description *string) {
	number := ptr(val(t.LatestVersionNumber) + 1)
	t.LatestVersionNumber = number
	made := templateVersion{asked: data, LaunchTemplateVersion: types.LaunchTemplateVersion{LaunchTemplateId: t.LaunchTemplateId, LaunchTemplateName: t.LaunchTemplateName,
		VersionNumber: number, VersionDescription: description, CreateTime: ptr(r.Now()), CreatedBy: ptr(r.Caller.ARN), LaunchTemplateData: &types.ResponseLaunchTemplateData{}}}
	transcribe(&data, made.LaunchTemplateData)
	t.versions = append(t.versions, made)
}

func createLaunchTemplate(r *core.Request, in *sdk.CreateLaunchTemplateInput) (*sdk.CreateLaunchTemplateOutput, error) {
	n := Of(r.Region)
	id, err := core.Once(r, in, in.ClientToken, func() (string, error) {
		tags, err := tagsFor(in.TagSpecifications, types.ResourceTypeLaunchTemplate)
		if err != nil {
			return "", err
		}
		name := val(in.LaunchTemplateName)
		switch {
		case !templateName(name):
			return "", core.Refuse("InvalidLaunchTemplateName.MalformedException",
				"A launch template name must be between 3 and 128 characters, and may contain letters, numbers, and the following characters: - ( ) . / _ : '%s'", name)
		case len(val(in.VersionDescription)) > longestDescription:
			return "", invalid("Version descriptions have at most %d characters", longestDescription)
		case in.LaunchTemplateData == nil:
			return "", core.Missing("LaunchTemplateData")
		case n.templates.Any(func(t *template) bool { return *t.LaunchTemplateName == name }):
			return "", core.Refuse("InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use.")
		}
		if err := checkTemplateData(in.LaunchTemplateData); err != nil {
			return "", err
		}
		t := &template{LaunchTemplate: types.LaunchTemplate{LaunchTemplateId: ptr(r.NewID("lt")), LaunchTemplateName: &name, CreateTime: ptr(r.Now()),
			CreatedBy: ptr(r.Caller.ARN), DefaultVersionNumber: ptr(int64(1))}}
		t.add(r, *in.LaunchTemplateData, in.VersionDescription)
		n.templates.Put(*t.LaunchTemplateId, t, r.Now())
		n.setTags(*t.LaunchTemplateId, tags)
		return *t.LaunchTemplateId, nil
	})
	if err != nil {
		return nil, err
	}
	t := n.templates.Get(id)
	if t == nil {
		return nil, noTemplate(id)
	}
	r.Touch(id)
	return &sdk.CreateLaunchTemplateOutput{LaunchTemplate: n.showTemplate(t)}, nil
}

// checkTemplateData refuses what EC2 refuses before anything is launched: very little.
func checkTemplateData(data *types.RequestLaunchTemplateData) error {
	if data.UserData != nil && len(decode(*data.UserData)) > mostUserData {
		return invalid("User data is limited to %d bytes", mostUserData)
	}
	if data.UserData != nil && decode(*data.UserData) == nil && *data.UserData != "" {
		return core.Refuse("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.")
	}
	if id := val(data.ImageId); id != "" && (len(id) < 4 || id[:4] != "ami-") && id[:1] != "r" {
		return core.Refuse("InvalidAMIID.Malformed", "Invalid id: \"%s\" (expecting \"ami-...\")", id)
	}
	for _, spec := range data.TagSpecifications {
		if err := checkTags(spec.Tags); err != nil {
			return err
		}
	}
	return nil
}

func (n *Network) showTemplate(t *template) *types.LaunchTemplate {
	out := t.LaunchTemplate
	out.Tags = n.tags[*t.LaunchTemplateId]
	return &out
}

func createLaunchTemplateVersion(r *core.Request, in *sdk.CreateLaunchTemplateVersionInput) (*sdk.CreateLaunchTemplateVersionOutput, error) {
	n := Of(r.Region)
	t, err := n.findTemplate(r, in.LaunchTemplateId, in.LaunchTemplateName)
	if err != nil {
		return nil, err
	}
	number, err := core.Once(r, in, in.ClientToken, func() (string, error) {
		if in.LaunchTemplateData == nil {
			return "", core.Missing("LaunchTemplateData")
		}
		if len(val(in.VersionDescription)) > longestDescription {
			return "", invalid("Version descriptions have at most %d characters", longestDescription)
		}
		data := *in.LaunchTemplateData
		if in.SourceVersion != nil {
			source, err := t.version(*in.SourceVersion)
			if err != nil {
				return "", err
			}
			merged := source.asked
			overlayFields(&data, &merged)
			data = merged
		}
		if err := checkTemplateData(&data); err != nil {
			return "", err
		}
		t.add(r, data, in.VersionDescription)
		return strconv.FormatInt(*t.LatestVersionNumber, 10), nil
	})
	if err != nil {
		return nil, err
	}
	made, err := t.version(number)
	if err != nil {
		return nil, err
	}
	r.Touch(*t.LaunchTemplateId)
	return &sdk.CreateLaunchTemplateVersionOutput{LaunchTemplateVersion: t.showVersion(made)}, nil
}

func (t *template) showVersion(v *templateVersion) *types.LaunchTemplateVersion {
	out := v.LaunchTemplateVersion
	out.DefaultVersion = ptr(*v.VersionNumber == *t.DefaultVersionNumber)
	return &out
}

var templateFilters = filters[template]{
	"launch-template-name": func(t *template) []string { return one(t.LaunchTemplateName) },
}

func describeLaunchTemplates(r *core.Request, in *sdk.DescribeLaunchTemplatesInput) (*sdk.DescribeLaunchTemplatesOutput, error) {
	n, ids := Of(r.Region), in.LaunchTemplateIds
	for _, name := range in.LaunchTemplateNames {
		t, err := n.findTemplate(r, nil, &name)
		if err != nil {
			return nil, err
		}
		ids = append(ids, *t.LaunchTemplateId)
	}
	page, err := describe(r, &n.templates, query{ids, in.Filters, in.NextToken, in.MaxResults}, templateFilters, noTemplate)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeLaunchTemplatesOutput{LaunchTemplates: []types.LaunchTemplate{}, NextToken: next(page.Next)}
	for _, t := range page.Items {
		out.LaunchTemplates = append(out.LaunchTemplates, *n.showTemplate(t))
	}
	return out, nil
}

// mostVersions is the largest page of DescribeLaunchTemplateVersions.
const mostVersions = 200

// describeLaunchTemplateVersions lists a template's versions, newest first; without a template the latest or default ones of all.
func describeLaunchTemplateVersions(r *core.Request, in *sdk.DescribeLaunchTemplateVersionsInput) (*sdk.DescribeLaunchTemplateVersionsOutput, error) {
	n := Of(r.Region)
	var chosen []*template
	if in.LaunchTemplateId == nil && in.LaunchTemplateName == nil {
		for _, wanted := range in.Versions {
			if wanted != "$Latest" && wanted != "$Default" {
				return nil, core.Missing("LaunchTemplateId")
			}
		}
		if len(in.Versions) == 0 {
			return nil, core.Missing("LaunchTemplateId")
		}
		for _, row := range n.templates.Rows() {
			if !r.Hidden(row.Created) {
				chosen = append(chosen, row.Value)
			}
		}
	} else {
		t, err := n.findTemplate(r, in.LaunchTemplateId, in.LaunchTemplateName)
		if err != nil {
			return nil, err
		}
		chosen = []*template{t}
	}
	found := []types.LaunchTemplateVersion{}
	for _, t := range chosen {
		versions, err := t.wanted(in)
		if err != nil {
			return nil, err
		}
		found = append(found, versions...)
	}
	page, token, err := core.PaginateList(r, found, val(in.NextToken), int(val(in.MaxResults)), mostVersions)
	return &sdk.DescribeLaunchTemplateVersionsOutput{LaunchTemplateVersions: page, NextToken: next(token)}, err
}

func (t *template) wanted(in *sdk.DescribeLaunchTemplateVersionsInput) ([]types.LaunchTemplateVersion, error) {
	var out []types.LaunchTemplateVersion
	for _, wanted := range in.Versions {
		v, err := t.version(wanted)
		if err != nil {
			return nil, err
		}
		out = append(out, *t.showVersion(v))
	}
	if len(in.Versions) > 0 {
		return out, nil
	}
	least, _ := strconv.ParseInt(val(in.MinVersion), 10, 64) // absent means from the first
	most, err := strconv.ParseInt(val(in.MaxVersion), 10, 64)
	for i := len(t.versions) - 1; i >= 0; i-- {
		if number := *t.versions[i].VersionNumber; number >= least && (err != nil || number <= most) {
			out = append(out, *t.showVersion(&t.versions[i]))
		}
	}
	return out, nil
}

func deleteLaunchTemplate(r *core.Request, in *sdk.DeleteLaunchTemplateInput) (*sdk.DeleteLaunchTemplateOutput, error) {
	n := Of(r.Region)
	t, err := n.findTemplate(r, in.LaunchTemplateId, in.LaunchTemplateName)
	if err != nil {
		return nil, err
	}
	shown := n.showTemplate(t)
	n.templates.Delete(*t.LaunchTemplateId)
	delete(n.tags, *t.LaunchTemplateId)
	return &sdk.DeleteLaunchTemplateOutput{LaunchTemplate: shown}, nil
}

// deleteLaunchTemplateVersions answers for each version whether it was deleted: the default one can't be.
func deleteLaunchTemplateVersions(r *core.Request, in *sdk.DeleteLaunchTemplateVersionsInput) (*sdk.DeleteLaunchTemplateVersionsOutput, error) {
	t, err := Of(r.Region).findTemplate(r, in.LaunchTemplateId, in.LaunchTemplateName)
	if err != nil {
		return nil, err
	}
	out := &sdk.DeleteLaunchTemplateVersionsOutput{}
	for _, given := range in.Versions {
		number, err := strconv.ParseInt(given, 10, 64)
		if err != nil {
			return nil, invalid("Value (%s) for parameter Versions is invalid: version numbers are wanted", given)
		}
		code, message := types.LaunchTemplateErrorCode(""), ""
		if _, err := t.version(given); err != nil {
			code, message = types.LaunchTemplateErrorCodeLaunchTemplateVersionDoesNotExist, "The version doesn't exist."
		} else if number == *t.DefaultVersionNumber {
			code, message = types.LaunchTemplateErrorCodeUnexpectedError, "The default version of a launch template can't be deleted."
		}
		if code != "" {
			out.UnsuccessfullyDeletedLaunchTemplateVersions = append(out.UnsuccessfullyDeletedLaunchTemplateVersions,
				types.DeleteLaunchTemplateVersionsResponseErrorItem{LaunchTemplateId: t.LaunchTemplateId, LaunchTemplateName: t.LaunchTemplateName,
					VersionNumber: &number, ResponseError: &types.ResponseError{Code: code, Message: &message}})
			continue
		}
		kept := []templateVersion{}
		for _, v := range t.versions {
			if *v.VersionNumber != number {
				kept = append(kept, v)
			}
		}
		t.versions = kept
		out.SuccessfullyDeletedLaunchTemplateVersions = append(out.SuccessfullyDeletedLaunchTemplateVersions,
			types.DeleteLaunchTemplateVersionsResponseSuccessItem{LaunchTemplateId: t.LaunchTemplateId, LaunchTemplateName: t.LaunchTemplateName, VersionNumber: &number})
	}
	return out, nil
}

func modifyLaunchTemplate(r *core.Request, in *sdk.ModifyLaunchTemplateInput) (*sdk.ModifyLaunchTemplateOutput, error) {
	n := Of(r.Region)
	t, err := n.findTemplate(r, in.LaunchTemplateId, in.LaunchTemplateName)
	if err != nil {
		return nil, err
	}
	v, err := t.version(val(in.DefaultVersion))
	if err != nil {
		return nil, err
	}
	t.DefaultVersionNumber = v.VersionNumber
	return &sdk.ModifyLaunchTemplateOutput{LaunchTemplate: n.showTemplate(t)}, nil
}

// withTemplate is the request with what it leaves open taken from its launch template. Tags of both are used.
func (n *Network) withTemplate(r *core.Request, in *sdk.RunInstancesInput) (*sdk.RunInstancesInput, error) {
	if in.LaunchTemplate == nil {
		return in, nil
	}
	t, err := n.findTemplate(r, in.LaunchTemplate.LaunchTemplateId, in.LaunchTemplate.LaunchTemplateName)
	if err != nil {
		return nil, err
	}
	v, err := t.version(val(in.LaunchTemplate.Version))
	if err != nil {
		return nil, err
	}
	merged := &sdk.RunInstancesInput{}
	transcribe(&v.asked, merged)
	tags := merged.TagSpecifications
	overlayFields(in, merged)
	merged.TagSpecifications = joined(tags, in.TagSpecifications)
	if len(merged.NetworkInterfaces) > 0 && len(in.NetworkInterfaces) == 0 && in.SubnetId != nil {
		merged.NetworkInterfaces[0].SubnetId, merged.SubnetId = in.SubnetId, nil
	}
	return merged, nil
}

// joined puts the tags of two lists of specifications together; those of the second win.
func joined(under, over []types.TagSpecification) []types.TagSpecification {
	byKind, kinds := map[types.ResourceType][]types.Tag{}, []types.ResourceType{}
	for _, spec := range append(append([]types.TagSpecification{}, under...), over...) {
		if _, known := byKind[spec.ResourceType]; !known {
			kinds = append(kinds, spec.ResourceType)
		}
		byKind[spec.ResourceType] = merge(byKind[spec.ResourceType], spec.Tags)
	}
	var out []types.TagSpecification
	for _, kind := range kinds {
		out = append(out, types.TagSpecification{ResourceType: kind, Tags: byKind[kind]})
	}
	return out
}

// TemplateVersion resolves a template and its version for another service; image and type are what that version launches.
func (n *Network) TemplateVersion(r *core.Request, id, name *string, version string) (number int64, image, instanceType string, err error) {
	t, err := n.findTemplate(r, id, name)
	if err != nil {
		return 0, "", "", err
	}
	v, err := t.version(version)
	if err != nil {
		return 0, "", "", err
	}
	return *v.VersionNumber, val(v.asked.ImageId), string(v.asked.InstanceType), nil
}

// Template is the id and name of a template, which is given by one of them.
func (n *Network) Template(r *core.Request, id, name *string) (foundID, foundName string, err error) {
	t, err := n.findTemplate(r, id, name)
	if err != nil {
		return "", "", err
	}
	return *t.LaunchTemplateId, *t.LaunchTemplateName, nil
}
