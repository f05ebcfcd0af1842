// Package elbv2 emulates Elastic Load Balancing v2: network and application load balancers, their target groups and listeners.
package elbv2

import (
	_ "embed"
	"net/netip"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/internal/balancing"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/internal/wire"
)

//go:embed wire.json
var wireTable []byte

// Service returns ELB v2 as the emulator's frame takes it.
func Service() *core.Service {
	return &core.Service{
		Name:        "elbv2",
		SigningName: "elasticloadbalancing",
		Version:     "2015-12-01",
		Protocol:    &core.Query{Table: wire.MustLoad(wireTable), Namespace: "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"},
		Operations: []core.Operation{
			core.Op(createLoadBalancer), core.Op(describeLoadBalancers), core.Op(deleteLoadBalancer),
			core.Op(describeLoadBalancerAttributes), core.Op(modifyLoadBalancerAttributes), core.Op(setSecurityGroups), core.Op(setSubnets),
			core.Op(createTargetGroup), core.Op(describeTargetGroups), core.Op(modifyTargetGroup), core.Op(deleteTargetGroup),
			core.Op(describeTargetGroupAttributes), core.Op(modifyTargetGroupAttributes),
			core.Op(createListener), core.Op(describeListeners), core.Op(modifyListener), core.Op(deleteListener),
			core.Op(registerTargets), core.Op(deregisterTargets), core.Op(describeTargetHealth),
			core.Op(describeTags), core.Op(addTags), core.Op(removeTags),
		},
		Event:     forget,
		Inventory: inventory,
		Lookup:    lookup,
	}
}

// state is what ELB v2 remembers of one account and region; tables are keyed by ARN.
type state struct {
	balancers core.Table[balancer]
	groups    core.Table[targetGroup]
	listeners core.Table[listener]
	tags      balancing.Tags
}

func of(r *core.Region) *state { return core.Of[state](r) }

func refuse(code, format string, args ...any) error { return core.Refuse(code, format, args...) }

// generous is the default of quotas that tests lower by configuration.
const generous = 1000

func withinQuota(r *core.Request, have int, quota string, otherwise int, code, what string) error {
	if have >= r.Config.Quota(quota, otherwise) {
		return refuse(code, "The maximum number of %s has been reached", what)
	}
	return nil
}

// seen is the rows that the request may see.
func seen[T any](r *core.Request, table *core.Table[T]) []*core.Row[T] {
	var out []*core.Row[T]
	for _, row := range table.Rows() {
		if !r.Hidden(row.Created) {
			out = append(out, row)
		}
	}
	return out
}

// byARN finds a resource that the request may see.
func byARN[T any](r *core.Request, table *core.Table[T], arn *string, code, what string) (*T, error) {
	row := table.Row(core.Val(arn))
	if row == nil || r.Hidden(row.Created) {
		return nil, refuse(code, "One or more %s not found: '%s'", what, core.Val(arn))
	}
	return row.Value, nil
}

// choose selects the rows of a describe by ARN or name; one that isn't there is an error.
func choose[T any](r *core.Request, table *core.Table[T], arns, names []string, nameOf func(*T) string, code, what string) ([]*core.Row[T], error) {
	rows := seen(r, table)
	if len(arns) == 0 && len(names) == 0 {
		return rows, nil
	}
	wanted := map[string]bool{}
	for _, key := range append(append([]string{}, arns...), names...) {
		wanted[key] = false
	}
	var out []*core.Row[T]
	for _, row := range rows {
		for _, key := range []string{row.ID, nameOf(row.Value)} {
			if _, asked := wanted[key]; asked {
				wanted[key] = true
				out = append(out, row)
			}
		}
	}
	for key, found := range wanted {
		if !found {
			return nil, refuse(code, "One or more %s not found: '%s'", what, key)
		}
	}
	return out, nil
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
		out = append(out, core.Resource{Type: "load-balancer", ID: row.ID, State: string(row.Value.State.Code), Tags: s.tags.Map(row.ID), Content: row.Value})
	}
	for _, row := range s.groups.Rows() {
		out = append(out, core.Resource{Type: "target-group", ID: row.ID, Tags: s.tags.Map(row.ID), Content: row.Value})
	}
	for _, row := range s.listeners.Rows() {
		out = append(out, core.Resource{Type: "listener", ID: row.ID, Tags: s.tags.Map(row.ID), Content: row.Value})
	}
	return out
}

func lookup(r *core.Region, name string) ([]netip.Addr, bool) {
	for _, b := range of(r).balancers.All() {
		if strings.EqualFold(core.Val(b.DNSName), name) && b.State.Code == types.LoadBalancerStateEnumActive {
			return balancing.Addresses(r, b.faces, b.public()), true
		}
	}
	return nil, false
}
