package admission

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// clusterRules compare what a cluster asks for with what AWS has: the key pair that its
// machines and pools inherit, its bastion, and the network that it names.
type clusterRules struct{ live *Live }

// clusterChecks are all comparisons of clusters; their answers are given in this order.
var clusterChecks = []check{
	{func(w *wishes) any { return w.key }, judgeOwnKey},
	{func(w *wishes) any { return w.types }, judgeTypes},
	{func(w *wishes) any { return [][]wish{w.vpcs, w.subnets} }, judgeNetwork},
}

// clusterWishes is what a cluster asks for. What the server records of the network isn't
// part of it: the network that is named counts when the object is made.
func clusterWishes(cluster *infrav1.AWSCluster, created bool) *wishes {
	at, spec := field.NewPath("spec"), &cluster.Spec
	w := &wishes{at: at, key: spec.SSHKeyName}
	if spec.Bastion.Enabled {
		w.types = given(w.types, at.Child("bastion", "instanceType"), spec.Bastion.InstanceType)
	}
	if !created {
		return w
	}
	w.vpcs = given(w.vpcs, at.Child("network", "vpc", "id"), spec.Network.VPC.ID)
	for i := range spec.Network.Subnets {
		if id := spec.Network.Subnets[i].ID; infrav1.IsSubnetID(id) {
			w.subnets = given(w.subnets, at.Child("network", "subnets").Index(i).Child("id"), id)
		}
	}
	return w
}

func (rules clusterRules) exists(ctx context.Context, r Request) ([]string, field.ErrorList) {
	updated := clusterOf(r.Object)
	if updated == nil || rules.live == nil || updated.Spec.Region == "" || !updated.DeletionTimestamp.IsZero() {
		return nil, nil
	}
	old := clusterOf(r.Old)
	w, before := clusterWishes(updated, old == nil), &wishes{}
	if old != nil {
		before = clusterWishes(old, false)
	}
	due := slices.DeleteFunc(slices.Clone(clusterChecks), func(c check) bool { return reflect.DeepEqual(c.subject(before), c.subject(w)) })
	if len(due) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(cloud.WithPriority(ctx, cloud.Interactive), askTime)
	defer cancel()
	site, err := rules.site(ctx, updated)
	if err != nil {
		return []string{fmt.Sprintf("%s was not compared with AWS: %s", w.at, cloud.Explain(err))}, nil
	}
	return compare(ctx, site, w, due)
}

// clusterOf is what the kinds of clusters have in common, as an AWSCluster has it; nil for
// other objects.
func clusterOf(object client.Object) *infrav1.AWSCluster {
	switch o := object.(type) {
	case *infrav1.AWSCluster:
		return o
	case *controlplanev1.AWSManagedControlPlane:
		s := &o.Spec
		return &infrav1.AWSCluster{ObjectMeta: o.ObjectMeta,
			Spec:   infrav1.AWSClusterSpec{IdentityRef: s.IdentityRef, Region: s.Region, Network: s.Network, SSHKeyName: s.SSHKeyName, Bastion: s.Bastion},
			Status: infrav1.AWSClusterStatus{AccountID: o.Status.AccountID}}
	}
	return nil
}

func (rules clusterRules) site(ctx context.Context, cluster *infrav1.AWSCluster) (*site, error) {
	session, err := rules.live.Sessions.For(ctx, cloud.SiteOf(cluster))
	if err != nil {
		return nil, err
	}
	return &site{Facts: rules.live.Facts, live: rules.live, session: session, infra: cluster}, nil
}

// judgeOwnKey: the key pair that a cluster names is there. That it names none says
// nothing of its machines, which may name their own.
func judgeOwnKey(ctx context.Context, s *site, w *wishes) verdict {
	if w.key == nil {
		return verdict{}
	}
	return judgeKey(ctx, s, w)
}

// judgeNetwork warns of a VPC and subnets that aren't there, or that the cluster may not
// use: they may be made or shared a moment later, and nothing is made in AWS before.
func judgeNetwork(ctx context.Context, s *site, w *wishes) verdict {
	v := verdict{paths: append(paths(w.vpcs), paths(w.subnets)...)}
	missing := func(x wish, what string) {
		v.warnings = append(v.warnings, fmt.Sprintf("%s: there is no %s %s in %s that account %s shows: the cluster waits until there is; ids differ from region to region",
			x.path, what, x.value, s.region(), s.session.Scope.Account))
	}
	for _, x := range w.vpcs {
		row, err := s.VPC(ctx, s.session, x.value)
		if err != nil {
			v.err = err
			return v
		}
		if row == nil {
			missing(x, "VPC")
			return v // and so no subnet of it
		}
		if err := s.withheld(ctx, x.value, x.value, Lender.Network); err != nil {
			v.warnings = append(v.warnings, fmt.Sprintf("%s: %s", x.path, err))
		}
	}
	for _, x := range w.subnets {
		row, err := s.Subnet(ctx, s.session, x.value)
		if err != nil {
			v.err = err
			return v
		}
		if row == nil {
			missing(x, "subnet")
		}
	}
	return v
}
