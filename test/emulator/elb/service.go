// Package elb emulates Elastic Load Balancing's classic load balancers.
package elb

import (
	_ "embed"
	"net/netip"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/internal/balancing"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/internal/wire"
)

//go:embed wire.json
var wireTable []byte

// Service returns classic ELB as the emulator's frame takes it.
func Service() *core.Service {
	return &core.Service{
		Name:        "elb",
		SigningName: "elasticloadbalancing",
		Version:     "2012-06-01",
		Protocol:    &core.Query{Table: wire.MustLoad(wireTable), Namespace: "http://elasticloadbalancing.amazonaws.com/doc/2012-06-01/"},
		Operations: []core.Operation{
			core.Op(createLoadBalancer), core.Op(describeLoadBalancers), core.Op(deleteLoadBalancer),
			core.Op(describeLoadBalancerAttributes), core.Op(modifyLoadBalancerAttributes), core.Op(configureHealthCheck),
			core.Op(applySecurityGroupsToLoadBalancer), core.Op(attachLoadBalancerToSubnets), core.Op(detachLoadBalancerFromSubnets),
			core.Op(createLoadBalancerListeners), core.Op(deleteLoadBalancerListeners),
			core.Op(registerInstancesWithLoadBalancer), core.Op(deregisterInstancesFromLoadBalancer), core.Op(describeInstanceHealth),
			core.Op(describeTags), core.Op(addTags), core.Op(removeTags),
		},
		Event:     forget,
		Inventory: inventory,
		Lookup:    lookup,
	}
}

// state is what classic ELB remembers of one account and region, by load balancer name.
type state struct {
	balancers core.Table[balancer]
	tags      balancing.Tags
}

func of(r *core.Region) *state { return core.Of[state](r) }

func refuse(code, format string, args ...any) error { return core.Refuse(code, format, args...) }

// find returns the load balancer of that name if the request may see it.
func find(r *core.Request, name *string) (*balancer, error) {
	row := of(r.Region).balancers.Row(core.Val(name))
	if row == nil || r.Hidden(row.Created) {
		return nil, refuse("LoadBalancerNotFound", "There is no ACTIVE Load Balancer named '%s'", core.Val(name))
	}
	return row.Value, nil
}

func plainTags(tags []types.Tag) []balancing.Tag {
	out := make([]balancing.Tag, len(tags))
	for i, tag := range tags {
		out[i] = balancing.Tag{Key: core.Val(tag.Key), Value: core.Val(tag.Value)}
	}
	return out
}

func inventory(r *core.Region) []core.Resource {
	s, out := of(r), []core.Resource{}
	for _, row := range s.balancers.Rows() {
		out = append(out, core.Resource{Type: "classic-load-balancer", ID: row.ID, Tags: s.tags.Map(row.ID), Content: row.Value})
	}
	return out
}

func lookup(r *core.Region, name string) ([]netip.Addr, bool) {
	for _, b := range of(r).balancers.All() {
		if strings.EqualFold(*b.DNSName, name) {
			return balancing.Addresses(r, b.faces, b.public()), true
		}
	}
	return nil, false
}
