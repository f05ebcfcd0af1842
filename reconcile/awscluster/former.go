package awscluster

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// learn returns the UIDs that the object had before: what it records in AWS tells. The
// endpoint records the load balancer of its name.
func (in *Intent) learn(snap *mirror.Snapshot) []string {
	in.former = in.Cluster.Status.FormerUIDs
	ids := ownership.RecordsOfCluster(in.Cluster)
	var recorded []ownership.Resource
	recorded = recordedIn(recorded, ids, snap, mirror.VPCs)
	recorded = recordedIn(recorded, ids, snap, mirror.Subnets)
	recorded = recordedIn(recorded, ids, snap, mirror.InternetGateways)
	recorded = recordedIn(recorded, ids, snap, mirror.NATGateways)
	recorded = recordedIn(recorded, ids, snap, mirror.RouteTables)
	recorded = recordedIn(recorded, ids, snap, mirror.SecurityGroups)
	endpoint := in.Cluster.Spec.ControlPlaneEndpoint.Host
	named := func(dns *string) bool { return endpoint != "" && strings.EqualFold(aws.ToString(dns), endpoint) }
	for _, lb := range mirror.Select(snap, mirror.LoadBalancers, func(lb *mirror.LoadBalancer) bool { return named(lb.DNSName) }) {
		recorded = append(recorded, ownership.Resource{ID: aws.ToString(lb.LoadBalancerArn), Tags: mirror.LoadBalancers.Tags(lb)})
	}
	for _, lb := range mirror.Select(snap, mirror.ClassicLoadBalancers, func(lb *mirror.ClassicLoadBalancer) bool { return named(lb.DNSName) }) {
		recorded = append(recorded, ownership.Resource{ID: ownership.LoadBalancer(aws.ToString(lb.LoadBalancerName)), Tags: mirror.ClassicLoadBalancers.Tags(lb)})
	}
	owner := in.owner()
	return owner.Learn(recorded...)
}

// recordedIn adds the rows of a table that the object records.
func recordedIn[T any](all []ownership.Resource, ids []string, snap *mirror.Snapshot, t *mirror.Table[T]) []ownership.Resource {
	for _, id := range ids {
		if row, ok := mirror.Get(snap, t, id); ok {
			all = append(all, ownership.Resource{ID: id, Tags: t.Tags(row)})
		}
	}
	return slices.Clip(all)
}

// Former are the UIDs that the object had before.
func (v *view) Former() []string { return v.former }
