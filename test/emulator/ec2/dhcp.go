package ec2

import (
	"net/netip"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// allDHCP is the table of DHCP option sets with the one that every region has.
func (n *Network) allDHCP(r *core.Region) *core.Table[types.DhcpOptions] {
	if n.defaultDHCP == "" {
		n.defaultDHCP = r.NewID("dopt")
		configuration := func(key, value string) types.DhcpConfiguration {
			return types.DhcpConfiguration{Key: ptr(key), Values: []types.AttributeValue{{Value: ptr(value)}}}
		}
		n.dhcp.Put(n.defaultDHCP, &types.DhcpOptions{DhcpOptionsId: ptr(n.defaultDHCP), OwnerId: ptr(r.Account), DhcpConfigurations: []types.DhcpConfiguration{
			configuration("domain-name", internalDomain(r.Name)), configuration("domain-name-servers", "AmazonProvidedDNS")}}, time.Time{})
	}
	return &n.dhcp
}

// dhcpDefault is the option set that new VPCs get.
func (n *Network) dhcpDefault(r *core.Region) string {
	n.allDHCP(r)
	return n.defaultDHCP
}

var dhcpFilters = filters[types.DhcpOptions]{
	"dhcp-options-id": func(d *types.DhcpOptions) []string { return one(d.DhcpOptionsId) },
	"key": func(d *types.DhcpOptions) []string {
		return each(d.DhcpConfigurations, func(c types.DhcpConfiguration) *string { return c.Key })
	},
	"value": func(d *types.DhcpOptions) []string {
		var out []string
		for _, c := range d.DhcpConfigurations {
			out = append(out, each(c.Values, func(v types.AttributeValue) *string { return v.Value })...)
		}
		return out
	},
}

func describeDhcpOptions(r *core.Request, in *sdk.DescribeDhcpOptionsInput) (*sdk.DescribeDhcpOptionsOutput, error) {
	n := Of(r.Region)
	page, err := describe(r, n.allDHCP(r.Region), query{in.DhcpOptionsIds, in.Filters, in.NextToken, in.MaxResults}, dhcpFilters, noDHCP)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeDhcpOptionsOutput{DhcpOptions: []types.DhcpOptions{}, NextToken: next(page.Next)}
	for _, d := range page.Items {
		shown := *d
		shown.Tags = n.tags[*d.DhcpOptionsId]
		out.DhcpOptions = append(out.DhcpOptions, shown)
	}
	return out, nil
}

func createDhcpOptions(r *core.Request, in *sdk.CreateDhcpOptionsInput) (*sdk.CreateDhcpOptionsOutput, error) {
	n := Of(r.Region)
	tags, err := tagsFor(in.TagSpecifications, types.ResourceTypeDhcpOptions)
	if err != nil {
		return nil, err
	}
	if len(in.DhcpConfigurations) == 0 {
		return nil, core.Missing("dhcpConfiguration")
	}
	made := &types.DhcpOptions{DhcpOptionsId: ptr(r.NewID("dopt")), OwnerId: ptr(r.Account)}
	for _, given := range in.DhcpConfigurations {
		configuration := types.DhcpConfiguration{Key: given.Key}
		for _, value := range given.Values {
			configuration.Values = append(configuration.Values, types.AttributeValue{Value: ptr(value)})
		}
		made.DhcpConfigurations = append(made.DhcpConfigurations, configuration)
	}
	n.allDHCP(r.Region).Put(*made.DhcpOptionsId, made, r.Now())
	n.setTags(*made.DhcpOptionsId, tags)
	r.Touch(*made.DhcpOptionsId)
	return &sdk.CreateDhcpOptionsOutput{DhcpOptions: made}, nil
}

// associateDhcpOptions takes "default" for no options at all.
func associateDhcpOptions(r *core.Request, in *sdk.AssociateDhcpOptionsInput) (*sdk.AssociateDhcpOptionsOutput, error) {
	n := Of(r.Region)
	v, err := find(r, &n.vpcs, in.VpcId, "vpcId", noVPC)
	if err != nil {
		return nil, err
	}
	if val(in.DhcpOptionsId) != "default" {
		if _, err := find(r, n.allDHCP(r.Region), in.DhcpOptionsId, "dhcpOptionsId", noDHCP); err != nil {
			return nil, err
		}
	}
	v.DhcpOptionsId = in.DhcpOptionsId
	return nil, nil
}

func deleteDhcpOptions(r *core.Request, in *sdk.DeleteDhcpOptionsInput) (*sdk.DeleteDhcpOptionsOutput, error) {
	n := Of(r.Region)
	d, err := find(r, n.allDHCP(r.Region), in.DhcpOptionsId, "dhcpOptionsId", noDHCP)
	if err != nil {
		return nil, err
	}
	if n.vpcs.Any(func(v *vpc) bool { return val(v.DhcpOptionsId) == *d.DhcpOptionsId }) {
		return nil, hasDependencies("dhcpOptions", *d.DhcpOptionsId)
	}
	n.dhcp.Delete(*d.DhcpOptionsId)
	delete(n.tags, *d.DhcpOptionsId)
	return nil, nil
}

func addrFrom16(bytes [16]byte) string { return netip.AddrFrom16(bytes).String() }
