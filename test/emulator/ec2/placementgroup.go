package ec2

import (
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

func createPlacementGroup(r *core.Request, in *sdk.CreatePlacementGroupInput) (*sdk.CreatePlacementGroupOutput, error) {
	n := Of(r.Region)
	tags, err := tagsFor(in.TagSpecifications, types.ResourceTypePlacementGroup)
	if err != nil {
		return nil, err
	}
	name := val(in.GroupName)
	switch {
	case name == "":
		return nil, core.Missing("groupName")
	case n.placements.Any(func(g *types.PlacementGroup) bool { return *g.GroupName == name }):
		return nil, core.Refuse("InvalidPlacementGroup.Duplicate", "The placement group '%s' already exists.", name)
	}
	made := &types.PlacementGroup{GroupId: ptr(r.NewID("pg")), GroupName: &name, Strategy: in.Strategy, PartitionCount: in.PartitionCount,
		State: types.PlacementGroupStateAvailable, GroupArn: ptr(r.ARN("ec2", "placement-group/"+name))}
	if made.Strategy == "" {
		made.Strategy = types.PlacementStrategyCluster
	}
	n.placements.Put(*made.GroupId, made, r.Now())
	n.setTags(*made.GroupId, tags)
	r.Touch(*made.GroupId)
	return &sdk.CreatePlacementGroupOutput{PlacementGroup: made}, nil
}

var placementFilters = filters[types.PlacementGroup]{
	"group-name": func(g *types.PlacementGroup) []string { return one(g.GroupName) },
	"state":      func(g *types.PlacementGroup) []string { return []string{string(g.State)} },
	"strategy":   func(g *types.PlacementGroup) []string { return []string{string(g.Strategy)} },
}

// describePlacementGroups has no pages.
func describePlacementGroups(r *core.Request, in *sdk.DescribePlacementGroupsInput) (*sdk.DescribePlacementGroupsOutput, error) {
	n := Of(r.Region)
	rows, err := selected(r, &n.placements, in.GroupIds, noPlacement)
	if err != nil {
		return nil, err
	}
	for _, name := range in.GroupNames {
		if !n.placements.Any(func(g *types.PlacementGroup) bool { return *g.GroupName == name }) {
			return nil, noPlacement(name)
		}
	}
	out := &sdk.DescribePlacementGroupsOutput{PlacementGroups: []types.PlacementGroup{}}
	for _, row := range rows {
		ok, err := matches(n.tags[row.ID], row.Value, in.Filters, placementFilters)
		if err != nil {
			return nil, err
		}
		if ok && (len(in.GroupNames) == 0 || slices.Contains(in.GroupNames, *row.Value.GroupName)) {
			shown := *row.Value
			shown.Tags = n.tags[row.ID]
			out.PlacementGroups = append(out.PlacementGroups, shown)
		}
	}
	return out, nil
}

func deletePlacementGroup(r *core.Request, in *sdk.DeletePlacementGroupInput) (*sdk.DeletePlacementGroupOutput, error) {
	n, name := Of(r.Region), val(in.GroupName)
	for _, row := range n.placements.Rows() {
		if *row.Value.GroupName != name {
			continue
		}
		if n.instances.Any(func(i *instance) bool { return !i.gone() && val(i.placement().GroupName) == name }) {
			return nil, core.Refuse("InvalidPlacementGroup.InUse", "The placement group '%s' is in use and may not be deleted.", name)
		}
		n.placements.Delete(row.ID)
		delete(n.tags, row.ID)
		return nil, nil
	}
	return nil, noPlacement(name)
}
