package admission

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/facts"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

// askTime is how long a user waits for AWS's answers to all questions about an
// object. What comes later serves the next one.
const askTime = 1500 * time.Millisecond

// Sessions gives sessions by identity; a *cloud.Sessions does.
type Sessions interface {
	For(ctx context.Context, site cloud.Site) (*cloud.Session, error)
}

var _ Sessions = (*cloud.Sessions)(nil)

// Live is what it takes to compare machines with what AWS has.
type Live struct {
	// Ours reads AWSClusters and Host reads Clusters and Machines, both from a cache:
	// a live read of an AWSCluster would itself look at AWS.
	Ours, Host client.Reader
	Sessions   Sessions
	Facts      *facts.Facts
	// Lender tells of what may be used for a cluster; nil: all of it.
	Lender func(*infrav1.AWSCluster, *mirror.Snapshot) Lender
}

// Lender judges what users name for a cluster to use, by what a snapshot shows.
type Lender interface {
	// Subnet, Group and Network tell what speaks against a subnet, a security group or a VPC.
	Subnet(id string) error
	Group(id string) error
	Network(id string) error
}

// machineRules compare what machines ask for with what AWS has. They let pass what
// belongs to no cluster yet, and what AWS can't be asked about.
type machineRules struct{ live *Live }

// site is where a machine will be, and the way to ask about it.
type site struct {
	*facts.Facts
	live    *Live
	session *cloud.Session
	infra   *infrav1.AWSCluster
	// controlPlane is that of a cluster on EKS, whose infra is what it has in common with an
	// AWSCluster.
	controlPlane *controlplanev1.AWSManagedControlPlane
	// pool is the MachinePool that refers to the object, if one does.
	pool *clusterv1.MachinePool
	// zone is the failure domain of the Machine, or "".
	zone string
}

func (s *site) region() string { return s.session.Scope.Region }

// owner is the kind of the object that says what machines get that say nothing.
func (s *site) owner() string {
	if s.controlPlane != nil {
		return "AWSManagedControlPlane"
	}
	return "AWSCluster"
}

// verdict is what a check says. err tells that AWS couldn't be asked about the paths.
type verdict struct {
	warnings []string
	errs     field.ErrorList
	paths    []string
	err      error
}

// check is one comparison. subject is what it looks at: an update that leaves that as
// it was isn't judged again.
type check struct {
	subject func(w *wishes) any
	judge   func(ctx context.Context, s *site, w *wishes) verdict
}

// checks are all comparisons; their answers are given in this order.
var checks = []check{
	{func(w *wishes) any { return [][]wish{w.types, w.zones, w.subnets} }, judgeTypes},
	{func(w *wishes) any { return []any{w.image, w.types} }, judgeImage},
	{func(w *wishes) any { return w.key }, judgeKey},
	{func(w *wishes) any { return w.profile }, judgeProfile},
	{func(w *wishes) any { return w.subnets }, judgeSubnets},
	{func(w *wishes) any { return []any{w.groups, w.subnets, w.filtersVPC} }, judgeGroups},
	{func(w *wishes) any { return []any{w.types, w.replicas} }, judgeQuota},
}

func (rules machineRules) exists(ctx context.Context, r Request) ([]string, field.ErrorList) {
	return rules.judge(ctx, r, checks)
}

// judge makes those comparisons whose subject is new.
func (rules machineRules) judge(ctx context.Context, r Request, all []check) ([]string, field.ErrorList) {
	updated := wishesOf(r.Object)
	if updated == nil || rules.live == nil {
		return nil, nil
	}
	due := all
	if old := wishesOf(r.Old); old != nil {
		due = slices.DeleteFunc(slices.Clone(all), func(c check) bool { return reflect.DeepEqual(c.subject(old), c.subject(updated)) })
	}
	if len(due) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(cloud.WithPriority(ctx, cloud.Interactive), askTime)
	defer cancel()
	s, err := rules.site(ctx, r.Object)
	if err != nil {
		return []string{fmt.Sprintf("%s was not compared with AWS: %s", updated.at, cloud.Explain(err))}, nil
	}
	if s == nil {
		return nil, nil
	}
	return compare(ctx, s, updated, due)
}

// compare makes comparisons, side by side.
func compare(ctx context.Context, s *site, w *wishes, due []check) ([]string, field.ErrorList) {
	verdicts := make([]verdict, len(due))
	ctx = facts.WithNamespace(ctx, s.infra.Namespace)
	var group errgroup.Group
	for i, c := range due {
		group.Go(func() error { verdicts[i] = c.judge(ctx, s, w); return nil })
	}
	_ = group.Wait()
	return sum(verdicts)
}

// sum puts verdicts together, and says once for each cause what couldn't be asked. All that
// the identity's rights don't let us ask is one warning.
func sum(verdicts []verdict) (warnings []string, errs field.ErrorList) {
	var kinds []string
	causes, unasked := map[string][]string{}, map[string][]string{}
	for _, v := range verdicts {
		warnings, errs = append(warnings, v.warnings...), append(errs, v.errs...)
		if v.err == nil {
			continue
		}
		cause := cloud.Explain(v.err)
		kind := cause
		if cloud.IsUnauthorized(v.err) {
			kind = string(cloud.Unauthorized)
		}
		if causes[kind] == nil {
			kinds = append(kinds, kind)
		}
		causes[kind], unasked[kind] = union(causes[kind], cause), union(unasked[kind], v.paths...)
	}
	for _, kind := range kinds {
		warnings = append(warnings, fmt.Sprintf("%s: accepted as written, because AWS could not be asked: %s", strings.Join(unasked[kind], ", "), strings.Join(causes[kind], "; ")))
	}
	return warnings, errs
}

// union is a list with what it lacks of more.
func union(list []string, more ...string) []string {
	for _, item := range more {
		if !slices.Contains(list, item) {
			list = append(list, item)
		}
	}
	return list
}

// site finds where an object's machine will be; nil while that isn't known.
func (rules machineRules) site(ctx context.Context, object client.Object) (*site, error) {
	s := &site{Facts: rules.live.Facts, live: rules.live}
	name := object.GetLabels()[clusterv1.ClusterNameLabel]
	for _, ref := range object.GetOwnerReferences() {
		if ref.Kind != "Machine" || !strings.HasPrefix(ref.APIVersion, clusterv1.GroupVersion.Group+"/") {
			continue
		}
		owner := &clusterv1.Machine{}
		if err := rules.live.Host.Get(ctx, client.ObjectKey{Namespace: object.GetNamespace(), Name: ref.Name}, owner); err == nil {
			s.zone, name = owner.Spec.FailureDomain, owner.Spec.ClusterName
		}
	}
	if s.pool = poolOf(ctx, rules.live.Host, object); s.pool != nil {
		name = s.pool.Spec.ClusterName
	}
	if name == "" {
		return nil, nil
	}
	cluster := &clusterv1.Cluster{}
	if err := rules.live.Host.Get(ctx, client.ObjectKey{Namespace: object.GetNamespace(), Name: name}, cluster); err != nil {
		return nil, ignoreNotFound(err, "Cluster "+name)
	}
	if err := s.findInfra(ctx, cluster); err != nil || s.infra == nil || s.infra.Spec.Region == "" {
		return nil, err
	}
	var err error
	if s.session, err = rules.live.Sessions.For(ctx, cloud.SiteOf(s.infra)); err != nil {
		return nil, err
	}
	return s, nil
}

// findInfra finds what a Cluster stands on: an AWSCluster, or an AWSManagedControlPlane.
func (s *site) findInfra(ctx context.Context, cluster *clusterv1.Cluster) error {
	key := client.ObjectKey{Namespace: cluster.Namespace, Name: cluster.Spec.InfrastructureRef.Name}
	if ref := cluster.Spec.ControlPlaneRef; ref.Kind == "AWSManagedControlPlane" && ref.APIGroup == controlplanev1.GroupName {
		found := &controlplanev1.AWSManagedControlPlane{}
		key.Name = ref.Name
		if err := s.live.Ours.Get(ctx, key, found); err != nil {
			return ignoreNotFound(err, "AWSManagedControlPlane "+key.Name)
		}
		s.controlPlane, s.infra = found, clusterOf(found)
		return nil
	}
	if ref := cluster.Spec.InfrastructureRef; ref.Kind != "AWSCluster" || ref.APIGroup != infrav1.GroupName {
		return nil
	}
	found := &infrav1.AWSCluster{}
	if err := s.live.Ours.Get(ctx, key, found); err != nil {
		return ignoreNotFound(err, "AWSCluster "+key.Name)
	}
	s.infra = found
	return nil
}

// poolOf is the MachinePool that refers to a node group's object, nil for none and for other
// kinds of objects.
func poolOf(ctx context.Context, host client.Reader, object client.Object) *clusterv1.MachinePool {
	if _, ok := object.(*infrav1.AWSManagedMachinePool); !ok {
		return nil
	}
	pools := &clusterv1.MachinePoolList{}
	if host.List(ctx, pools, client.InNamespace(object.GetNamespace()), client.UnsafeDisableDeepCopy) != nil {
		return nil // only an early word is lost
	}
	for i := range pools.Items {
		if ref := pools.Items[i].Spec.Template.Spec.InfrastructureRef; ref.Kind == "AWSManagedMachinePool" && ref.APIGroup == infrav1.GroupName && ref.Name == object.GetName() {
			return &pools.Items[i]
		}
	}
	return nil
}

// withheld tells what speaks against the use of something in a VPC, nil for nothing.
func (s *site) withheld(ctx context.Context, id, vpc string, judge func(Lender, string) error) error {
	if s.live.Lender == nil {
		return nil
	}
	if _, err := s.VPC(ctx, s.session, vpc); err != nil {
		return nil //nolint:nilerr // only an early word is lost
	}
	return judge(s.live.Lender(s.infra, s.Snapshot(s.session)), id)
}

func ignoreNotFound(err error, what string) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return fmt.Errorf("reading %s: %w", what, err)
}

// clusterZones returns the zones of the cluster's subnets where machines go that
// nobody sends elsewhere, sorted.
func (s *site) clusterZones() []string {
	var zones []string
	for _, sub := range s.infra.Spec.Network.Subnets {
		if sub.AvailabilityZone != "" && !sub.IsEdge() && !slices.Contains(zones, sub.AvailabilityZone) {
			zones = append(zones, sub.AvailabilityZone)
		}
	}
	slices.Sort(zones)
	return zones
}

// ownSubnet returns the cluster's subnet of an id or name, nil if it isn't one.
func (s *site) ownSubnet(id string) *infrav1.SubnetSpec {
	for i := range s.infra.Spec.Network.Subnets {
		if sub := &s.infra.Spec.Network.Subnets[i]; sub.ID == id || sub.ResourceID == id {
			return sub
		}
	}
	return nil
}

// subnetPlace returns zone and VPC of a subnet, as far as they are known.
func (s *site) subnetPlace(ctx context.Context, id string) (zone, vpc string, err error) {
	if own := s.ownSubnet(id); own != nil {
		return own.AvailabilityZone, s.infra.Spec.Network.VPC.ID, nil
	}
	row, err := s.Subnet(ctx, s.session, id)
	if err != nil || row == nil {
		return "", "", err
	}
	return aws.ToString(row.AvailabilityZone), aws.ToString(row.VpcId), nil
}
