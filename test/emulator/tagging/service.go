// Package tagging emulates the Resource Groups Tagging API as far as it finds resources by their tags.
package tagging

import (
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// Service returns the tagging API as the emulator's frame takes it.
func Service() *core.Service {
	return &core.Service{Name: "tagging", SigningName: "tagging", Protocol: &core.CBOR{}, Older: &core.JSON{}, Operations: []core.Operation{core.Op(getResources)}}
}

func getResources(r *core.Request, in *sdk.GetResourcesInput) (*sdk.GetResourcesOutput, error) {
	all := []types.ResourceTagMapping{}
	for _, x := range r.Inventory() {
		if len(x.Tags) > 0 && isOf(arn(r.Region, x), in.ResourceTypeFilters) && !slices.ContainsFunc(in.TagFilters, func(f types.TagFilter) bool { return !fits(f, x.Tags) }) {
			mapping := types.ResourceTagMapping{ResourceARN: core.Ptr(arn(r.Region, x))}
			for key, value := range x.Tags {
				mapping.Tags = append(mapping.Tags, types.Tag{Key: &key, Value: &value})
			}
			all = append(all, mapping)
		}
	}
	items, next, err := core.PaginateList(r, all, core.Val(in.PaginationToken), int(core.Val(in.ResourcesPerPage)), 100)
	return &sdk.GetResourcesOutput{ResourceTagMappingList: items, PaginationToken: core.Ptr(next)}, err
}

// isOf tells whether a resource is of one of the types, each a service or service:type as in ARNs; of any where none is named.
func isOf(arn string, filters []string) bool {
	parts := strings.SplitN(arn, ":", 6)
	kind, _, _ := strings.Cut(parts[5], "/")
	return len(filters) == 0 || slices.Contains(filters, parts[2]) || slices.Contains(filters, parts[2]+":"+kind)
}

func fits(f types.TagFilter, tags map[string]string) bool {
	value, ok := tags[core.Val(f.Key)]
	return ok && (len(f.Values) == 0 || slices.Contains(f.Values, value))
}

// arn is a resource's, whose id may be one.
func arn(r *core.Region, x core.Resource) string {
	switch {
	case strings.HasPrefix(x.ID, "arn:"):
		return x.ID
	case x.Service == "elb":
		return r.ARN("elasticloadbalancing", "loadbalancer/"+x.ID)
	}
	return r.ARN(x.Service, x.Type+"/"+x.ID)
}
