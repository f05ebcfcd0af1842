package foundation

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// recorded returns what the object records in AWS, which tells the UIDs that it had before.
func (in *Intent) recorded(snap *mirror.Snapshot) []ownership.Resource {
	var all []ownership.Resource
	all = recordedIn(all, in.Recorded, snap, mirror.VPCs)
	all = recordedIn(all, in.Recorded, snap, mirror.Subnets)
	all = recordedIn(all, in.Recorded, snap, mirror.InternetGateways)
	all = recordedIn(all, in.Recorded, snap, mirror.NATGateways)
	all = recordedIn(all, in.Recorded, snap, mirror.RouteTables)
	all = recordedIn(all, in.Recorded, snap, mirror.SecurityGroups)
	named := func(dns *string) bool { return in.Endpoint != "" && strings.EqualFold(aws.ToString(dns), in.Endpoint) }
	for _, lb := range mirror.Select(snap, mirror.LoadBalancers, func(lb *mirror.LoadBalancer) bool { return named(lb.DNSName) }) {
		all = append(all, ownership.Resource{ID: aws.ToString(lb.LoadBalancerArn), Tags: mirror.LoadBalancers.Tags(lb)})
	}
	for _, lb := range mirror.Select(snap, mirror.ClassicLoadBalancers, func(lb *mirror.ClassicLoadBalancer) bool { return named(lb.DNSName) }) {
		all = append(all, ownership.Resource{ID: ownership.LoadBalancer(aws.ToString(lb.LoadBalancerName)), Tags: mirror.ClassicLoadBalancers.Tags(lb)})
	}
	return all
}

// recordedIn adds the rows of a table that the object records.
func recordedIn[T any](all []ownership.Resource, ids []string, snap *mirror.Snapshot, t *mirror.Table[T]) []ownership.Resource {
	for _, id := range ids {
		if row, ok := mirror.Get(snap, t, id); ok {
			all = append(all, ownership.Resource{ID: id, Tags: t.Tags(row)})
		}
	}
	return all
}
