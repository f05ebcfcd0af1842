package ec2

import (
	"sort"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// Limits of "Tag your Amazon EC2 resources".
const (
	mostTags        = 50
	longestTagKey   = 128
	longestTagValue = 256
)

// tagsFor checks the tag specifications of a creation and returns the tags for the kind that is being created.
func tagsFor(specs []types.TagSpecification, kind types.ResourceType) ([]types.Tag, error) {
	var out []types.Tag
	for _, spec := range specs {
		if spec.ResourceType == "" {
			return nil, invalid("Tag specification resource type must have a value")
		}
		if spec.ResourceType != kind {
			return nil, invalid("'%s' is not a valid taggable resource type for this operation.", spec.ResourceType)
		}
		out = append(out, spec.Tags...)
	}
	return out, checkTags(out)
}

func checkTags(tags []types.Tag) error {
	seen := map[string]bool{}
	for _, tag := range tags {
		key := val(tag.Key)
		switch {
		case key == "":
			return invalid("Tag key cannot be empty")
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return invalid("Tag keys starting with 'aws:' are reserved for internal use")
		case len([]rune(key)) > longestTagKey:
			return invalid("Tag key exceeds the maximum length of %d characters", longestTagKey)
		case len([]rune(val(tag.Value))) > longestTagValue:
			return invalid("Tag value exceeds the maximum length of %d characters", longestTagValue)
		case seen[key]:
			return invalid("Duplicate tag key '%s' specified.", key)
		}
		seen[key] = true
	}
	if len(tags) > mostTags {
		return core.Refuse("TagLimitExceeded", "More than %d tags are not allowed.", mostTags)
	}
	return nil
}

// setTags adds or replaces tags of a resource; values may be absent, which means empty.
func (n *Network) setTags(id string, tags []types.Tag) {
	if len(tags) == 0 {
		return
	}
	if n.tags == nil {
		n.tags = map[string][]types.Tag{}
	}
	merged := merge(n.tags[id], tags)
	sort.Slice(merged, func(i, j int) bool { return *merged[i].Key < *merged[j].Key })
	n.tags[id] = merged
}

func merge(have, more []types.Tag) []types.Tag {
	values := map[string]string{}
	for _, tag := range append(append([]types.Tag(nil), have...), more...) {
		values[val(tag.Key)] = val(tag.Value)
	}
	out := make([]types.Tag, 0, len(values))
	for key, value := range values {
		out = append(out, types.Tag{Key: ptr(key), Value: ptr(value)})
	}
	return out
}

// kindOf is the resource type of an existing id, "" if nothing has that id or it is still hidden.
func (n *Network) kindOf(r *core.Request, id string) types.ResourceType {
	for _, kind := range n.kinds() {
		if created, ok := kind.created(id); ok && !r.Hidden(created) {
			return kind.name
		}
	}
	return ""
}

func createTags(r *core.Request, in *sdk.CreateTagsInput) (*sdk.CreateTagsOutput, error) {
	n := Of(r.Region)
	if len(in.Resources) == 0 {
		return nil, core.Missing("resourceIdSet")
	}
	if len(in.Tags) == 0 {
		return nil, core.Missing("tagSet")
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	for _, id := range in.Resources {
		if n.kindOf(r, id) == "" {
			return nil, missingByPrefix(id)
		}
		if len(merge(n.tags[id], in.Tags)) > mostTags {
			return nil, core.Refuse("TagLimitExceeded", "The maximum number of Tags for resource '%s' has been reached.", id)
		}
	}
	for _, id := range in.Resources {
		n.setTags(id, in.Tags)
	}
	return nil, nil
}

// missingByPrefix is the NotFound that CreateTags gives for an id of that shape.
func missingByPrefix(id string) error {
	prefix, _, _ := strings.Cut(id, "-")
	byPrefix := map[string]refusal{
		"vpc": noVPC, "subnet": noSubnet, "sg": noGroup, "rtb": noRouteTable, "igw": noGateway, "nat": noNAT, "eipalloc": noAllocation,
		"eni": noInterface, "vpce": noEndpoint, "eigw": noEgress, "cagw": noCarrier, "i": noInstance, "vol": noVolume, "ami": noImage, "h": noHost, "sir": noSpot, "lt": noTemplate,
	}
	if refuse, ok := byPrefix[prefix]; ok {
		return refuse(id)
	}
	return noResource(id)
}

// deleteTags takes tags away: with a value only where it is equal, with an empty value only if that is the value, without tags all.
func deleteTags(r *core.Request, in *sdk.DeleteTagsInput) (*sdk.DeleteTagsOutput, error) {
	n := Of(r.Region)
	for _, id := range in.Resources {
		if n.kindOf(r, id) == "" {
			return nil, missingByPrefix(id)
		}
	}
	for _, id := range in.Resources {
		kept := []types.Tag{}
		for _, tag := range n.tags[id] {
			if len(in.Tags) > 0 && !namedIn(tag, in.Tags) {
				kept = append(kept, tag)
			}
		}
		n.tags[id] = kept
	}
	return nil, nil
}

func namedIn(tag types.Tag, list []types.Tag) bool {
	for _, named := range list {
		if val(named.Key) == val(tag.Key) && (named.Value == nil || *named.Value == val(tag.Value)) {
			return true
		}
	}
	return false
}

func describeTags(r *core.Request, in *sdk.DescribeTagsInput) (*sdk.DescribeTagsOutput, error) {
	known := filters[types.TagDescription]{
		"key":           func(t *types.TagDescription) []string { return one(t.Key) },
		"value":         func(t *types.TagDescription) []string { return one(t.Value) },
		"resource-id":   func(t *types.TagDescription) []string { return one(t.ResourceId) },
		"resource-type": func(t *types.TagDescription) []string { return []string{string(t.ResourceType)} },
	}
	if err := checkMax(in.MaxResults); err != nil {
		return nil, err
	}
	all, err := Of(r.Region).tagDescriptions(r, in.Filters, known)
	if err != nil {
		return nil, err
	}
	page, token, err := core.PaginateList(r, all, val(in.NextToken), int(val(in.MaxResults)), mostResults)
	return &sdk.DescribeTagsOutput{Tags: page, NextToken: next(token)}, err
}

func (n *Network) tagDescriptions(r *core.Request, wanted []types.Filter, known filters[types.TagDescription]) ([]types.TagDescription, error) {
	if _, err := matches(nil, &types.TagDescription{}, wanted, known); err != nil {
		return nil, err
	}
	ids := make([]string, 0, len(n.tags))
	for id := range n.tags {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	out := []types.TagDescription{}
	for _, id := range ids {
		kind := n.kindOf(r, id)
		for _, tag := range n.tags[id] {
			line := types.TagDescription{Key: tag.Key, Value: tag.Value, ResourceId: ptr(id), ResourceType: kind}
			// "tag:key" filters look at this one tag.
			if ok, _ := matches([]types.Tag{tag}, &line, wanted, known); ok && kind != "" {
				out = append(out, line)
			}
		}
	}
	return out, nil
}
