// Package ssm emulates the Parameter Store of AWS Systems Manager, with the public parameters that name machine images.
package ssm

import (
	"fmt"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// Service returns Systems Manager as the emulator's frame takes it.
func Service() *core.Service {
	return &core.Service{
		Name:        "ssm",
		SigningName: "ssm",
		Protocol:    &core.JSON{},
		Operations: []core.Operation{
			core.Op(putParameter), core.Op(getParameter), core.Op(getParameters), core.Op(getParametersByPath), core.Op(describeParameters),
			core.Op(deleteParameter), core.Op(deleteParameters), core.Op(addTagsToResource), core.Op(removeTagsFromResource), core.Op(listTagsForResource),
		},
		Inventory: inventory,
	}
}

type parameter struct {
	types.ParameterMetadata
	value string
	tags  []types.Tag
}

type state struct{ parameters core.Table[parameter] }

func of(r *core.Region) *state { return core.Of[state](r) }

func refuse(code, format string, args ...any) error { return core.Refuse(code, format, args...) }

// Limits of the Parameter Store, in bytes.
const (
	biggestStandard = 4096
	biggestAdvanced = 8192
)

const nameLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/"

// Limits of parameters' names; the length is that of the ARN.
const (
	longestARN    = 1011
	deepestLevels = 15
)

func checkName(r *core.Request, name string) error {
	lower := strings.ToLower(name)
	switch {
	case len(arn(r, name)) > longestARN:
		return refuse("ValidationException", "Parameter name: exceeds maximum length")
	case strings.Count(strings.TrimPrefix(name, "/"), "/") >= deepestLevels:
		return refuse("HierarchyLevelLimitExceededException", "Parameter hierarchies have at most %d levels.", deepestLevels)
	case strings.HasSuffix(name, "/"):
		return refuse("ValidationException", "Parameter name must not end with slash.")
	case name == "" || strings.Trim(name, nameLetters) != "":
		return refuse("ValidationException", "Parameter name: can't be empty and may only contain letters, digits and _.-/")
	case strings.Contains(name, "/") && !strings.HasPrefix(name, "/"):
		return refuse("ValidationException", "Parameter name must be a fully qualified name.")
	case strings.HasPrefix(lower, "aws") || strings.HasPrefix(lower, "ssm") || strings.HasPrefix(lower, "/aws") || strings.HasPrefix(lower, "/ssm"):
		return refuse("ValidationException", "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive).")
	}
	return nil
}

func arn(r *core.Request, name string) string {
	return r.ARN("ssm", "parameter/"+strings.TrimPrefix(name, "/"))
}

func find(r *core.Request, name string) (*parameter, error) {
	r.Touch(name)
	row := of(r.Region).parameters.Row(name)
	if row == nil || r.Hidden(row.Created) {
		return nil, refuse("ParameterNotFound", "Parameter %s not found.", name)
	}
	return row.Value, nil
}

func putParameter(r *core.Request, in *sdk.PutParameterInput) (*sdk.PutParameterOutput, error) {
	s, name, value := of(r.Region), core.Val(in.Name), core.Val(in.Value)
	if err := checkName(r, name); err != nil {
		return nil, err
	}
	tier := in.Tier
	if tier == "" || (tier == types.ParameterTierIntelligentTiering && len(value) <= biggestStandard) {
		tier = types.ParameterTierStandard
	} else if tier == types.ParameterTierIntelligentTiering {
		tier = types.ParameterTierAdvanced
	}
	have := s.parameters.Get(name)
	switch {
	case value == "":
		return nil, refuse("ValidationException", "Value: length must be at least 1")
	case tier == types.ParameterTierStandard && len(value) > biggestStandard:
		return nil, refuse("ValidationException", "Standard tier parameters support a maximum parameter value of %d characters. To create a larger parameter value, "+
			"upgrade the parameter to use the advanced-parameter tier.", biggestStandard)
	case len(value) > biggestAdvanced:
		return nil, refuse("ValidationException", "Advanced tier parameters support a maximum parameter value of %d characters.", biggestAdvanced)
	case have == nil && in.Type == "":
		return nil, refuse("ValidationException", "A parameter type is required when you create a parameter.")
	case have != nil && !core.Val(in.Overwrite):
		return nil, refuse("ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
	case core.Val(in.Overwrite) && len(in.Tags) > 0:
		return nil, refuse("ValidationException", "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.")
	case have == nil && s.parameters.Len() >= r.Config.Quota("parameters", 10_000):
		return nil, refuse("ParameterLimitExceeded", "You have exceeded the number of parameters for this AWS account.")
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	if have == nil {
		have = &parameter{ParameterMetadata: types.ParameterMetadata{Name: &name, Type: in.Type, ARN: core.Ptr(arn(r, name)),
			DataType: core.Ptr("text"), LastModifiedUser: core.Ptr(r.Caller.ARN)}, tags: in.Tags}
		s.parameters.Put(name, have, r.Now())
	}
	have.value, have.Tier, have.LastModifiedDate, have.Description, have.KeyId = value, tier, core.Ptr(r.Now()), in.Description, in.KeyId
	have.Version++
	r.Touch(name)
	return &sdk.PutParameterOutput{Version: have.Version, Tier: tier}, nil
}

func (p *parameter) show() types.Parameter {
	return types.Parameter{Name: p.Name, ARN: p.ARN, Type: p.Type, Value: core.Ptr(p.value), Version: p.Version, DataType: p.DataType, LastModifiedDate: p.LastModifiedDate}
}

// get reads a parameter of the account, or one of AWS's.
func get(r *core.Request, name string) (types.Parameter, error) {
	if strings.HasPrefix(name, "/aws/service/") {
		if value := public(r.Region, name); value != "" {
			return types.Parameter{Name: &name, ARN: core.Ptr(fmt.Sprintf("arn:%s:ssm:%s::parameter%s", core.Partition(r.Region.Name), r.Region.Name, name)),
				Type: types.ParameterTypeString, Value: &value, Version: 1, DataType: core.Ptr("text"), LastModifiedDate: core.Ptr(r.Now())}, nil
		}
	}
	p, err := find(r, name)
	if err != nil {
		return types.Parameter{}, err
	}
	return p.show(), nil
}

func getParameter(r *core.Request, in *sdk.GetParameterInput) (*sdk.GetParameterOutput, error) {
	p, err := get(r, core.Val(in.Name))
	if err != nil {
		return nil, err
	}
	return &sdk.GetParameterOutput{Parameter: &p}, nil
}

// mostNames is how many names a batch may have.
const mostNames = 10

func getParameters(r *core.Request, in *sdk.GetParametersInput) (*sdk.GetParametersOutput, error) {
	if len(in.Names) == 0 || len(in.Names) > mostNames {
		return nil, refuse("ValidationException", "Names must have 1 to %d members", mostNames)
	}
	out := &sdk.GetParametersOutput{Parameters: []types.Parameter{}, InvalidParameters: []string{}}
	for _, name := range in.Names {
		if p, err := get(r, name); err == nil {
			out.Parameters = append(out.Parameters, p)
		} else {
			out.InvalidParameters = append(out.InvalidParameters, name)
		}
	}
	return out, nil
}

func getParametersByPath(r *core.Request, in *sdk.GetParametersByPathInput) (*sdk.GetParametersByPathOutput, error) {
	path := strings.TrimSuffix(core.Val(in.Path), "/") + "/"
	rows := seen(r, func(p *parameter) bool {
		rest, under := strings.CutPrefix(*p.Name, path)
		return under && (core.Val(in.Recursive) || !strings.Contains(rest, "/"))
	})
	page, err := core.Paginate(r, rows, core.Val(in.NextToken), int(core.Val(in.MaxResults)), mostNames)
	if err != nil {
		return nil, refuse("InvalidNextToken", "The specified token isn't valid.")
	}
	out := &sdk.GetParametersByPathOutput{Parameters: []types.Parameter{}, NextToken: core.Next(page.Next)}
	for _, p := range page.Items {
		out.Parameters = append(out.Parameters, p.show())
	}
	return out, nil
}

func seen(r *core.Request, match func(*parameter) bool) []*core.Row[parameter] {
	var out []*core.Row[parameter]
	for _, row := range of(r.Region).parameters.Rows() {
		if !r.Hidden(row.Created) && match(row.Value) {
			out = append(out, row)
		}
	}
	return out
}

// mostDescribed is the largest page of DescribeParameters.
const mostDescribed = 50

func describeParameters(r *core.Request, in *sdk.DescribeParametersInput) (*sdk.DescribeParametersOutput, error) {
	for _, filter := range in.ParameterFilters {
		if key := core.Val(filter.Key); key != "Name" && key != "Type" && !strings.HasPrefix(key, "tag:") {
			return nil, refuse("InvalidFilterKey", "The filter key %q is not valid.", key)
		}
	}
	rows := seen(r, func(p *parameter) bool { return p.matches(in.ParameterFilters) })
	page, err := core.Paginate(r, rows, core.Val(in.NextToken), int(core.Val(in.MaxResults)), mostDescribed)
	if err != nil {
		return nil, refuse("InvalidNextToken", "The specified token isn't valid.")
	}
	out := &sdk.DescribeParametersOutput{Parameters: []types.ParameterMetadata{}, NextToken: core.Next(page.Next)}
	for _, p := range page.Items {
		out.Parameters = append(out.Parameters, p.ParameterMetadata)
	}
	return out, nil
}

func (p *parameter) matches(filters []types.ParameterStringFilter) bool {
	for _, filter := range filters {
		key, have := core.Val(filter.Key), []string{}
		switch key {
		case "Name":
			have = append(have, *p.Name)
		case "Type":
			have = append(have, string(p.Type))
		default:
			for _, tag := range p.tags {
				if "tag:"+core.Val(tag.Key) == key {
					have = append(have, core.Val(tag.Value))
				}
			}
		}
		if !anyFits(have, filter) {
			return false
		}
	}
	return true
}

func anyFits(have []string, filter types.ParameterStringFilter) bool {
	if len(filter.Values) == 0 {
		return len(have) > 0
	}
	for _, value := range have {
		for _, wanted := range filter.Values {
			switch core.Val(filter.Option) {
			case "BeginsWith":
				if strings.HasPrefix(value, wanted) {
					return true
				}
			case "Contains":
				if strings.Contains(value, wanted) {
					return true
				}
			default:
				if value == wanted {
					return true
				}
			}
		}
	}
	return false
}

func deleteParameter(r *core.Request, in *sdk.DeleteParameterInput) (*sdk.DeleteParameterOutput, error) {
	p, err := find(r, core.Val(in.Name))
	if err != nil {
		return nil, err
	}
	of(r.Region).parameters.Delete(*p.Name)
	return nil, nil
}

func deleteParameters(r *core.Request, in *sdk.DeleteParametersInput) (*sdk.DeleteParametersOutput, error) {
	if len(in.Names) == 0 || len(in.Names) > mostNames {
		return nil, refuse("ValidationException", "Names must have 1 to %d members", mostNames)
	}
	out := &sdk.DeleteParametersOutput{DeletedParameters: []string{}, InvalidParameters: []string{}}
	for _, name := range in.Names {
		if _, err := find(r, name); err != nil {
			out.InvalidParameters = append(out.InvalidParameters, name)
			continue
		}
		of(r.Region).parameters.Delete(name)
		out.DeletedParameters = append(out.DeletedParameters, name)
	}
	return out, nil
}

func tagged(r *core.Request, kind types.ResourceTypeForTagging, id *string) (*parameter, error) {
	if kind != types.ResourceTypeForTaggingParameter {
		return nil, refuse("InvalidResourceType", "The resource type %q is not emulated", kind)
	}
	p, err := find(r, core.Val(id))
	if err != nil {
		return nil, refuse("InvalidResourceId", "The resource ID %q is not valid. Verify that you entered the correct ID and try again.", core.Val(id))
	}
	return p, nil
}

func checkTags(tags []types.Tag) error {
	for _, tag := range tags {
		if problem := core.TagProblem(core.Val(tag.Key), core.Val(tag.Value)); problem != "" {
			return refuse("ValidationException", "Tag %q: %s", core.Val(tag.Key), problem)
		}
	}
	if len(tags) > core.MostTags {
		return refuse("TooManyTagsError", "A parameter has at most %d tags.", core.MostTags)
	}
	return nil
}

func addTagsToResource(r *core.Request, in *sdk.AddTagsToResourceInput) (*sdk.AddTagsToResourceOutput, error) {
	p, err := tagged(r, in.ResourceType, in.ResourceId)
	if err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	tags := p.tags
	for _, tag := range in.Tags {
		tags = append(without(tags, core.Val(tag.Key)), tag)
	}
	if len(tags) > core.MostTags {
		return nil, refuse("TooManyTagsError", "A parameter has at most %d tags.", core.MostTags)
	}
	p.tags = tags
	return nil, nil
}

func removeTagsFromResource(r *core.Request, in *sdk.RemoveTagsFromResourceInput) (*sdk.RemoveTagsFromResourceOutput, error) {
	p, err := tagged(r, in.ResourceType, in.ResourceId)
	if err != nil {
		return nil, err
	}
	p.tags = without(p.tags, in.TagKeys...)
	return nil, nil
}

func without(tags []types.Tag, keys ...string) []types.Tag {
	out := []types.Tag{}
	for _, tag := range tags {
		if !slices.Contains(keys, core.Val(tag.Key)) {
			out = append(out, tag)
		}
	}
	return out
}

func listTagsForResource(r *core.Request, in *sdk.ListTagsForResourceInput) (*sdk.ListTagsForResourceOutput, error) {
	p, err := tagged(r, in.ResourceType, in.ResourceId)
	if err != nil {
		return nil, err
	}
	return &sdk.ListTagsForResourceOutput{TagList: append([]types.Tag{}, p.tags...)}, nil
}

func inventory(r *core.Region) []core.Resource {
	out := []core.Resource{}
	for _, row := range of(r).parameters.Rows() {
		tags := map[string]string{}
		for _, tag := range row.Value.tags {
			tags[core.Val(tag.Key)] = core.Val(tag.Value)
		}
		out = append(out, core.Resource{Type: "parameter", ID: row.ID, Tags: tags, Content: row.Value})
	}
	return out
}
