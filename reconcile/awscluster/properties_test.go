package awscluster

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// ignoreUnexported compares SDK structs, whose unexported fields carry nothing.
var ignoreUnexported = cmp.FilterPath(func(p cmp.Path) bool {
	field, ok := p.Last().(cmp.StructField)
	return ok && field.Name() == "noSmithyDocumentSerde"
}, cmp.Ignore())

// drawCluster draws a wish that validation accepts.
func drawCluster(t *rapid.T) *infrav1.AWSCluster {
	return newCluster(func(c *infrav1.AWSCluster) {
		vpc := &c.Spec.Network.VPC
		lb := c.Spec.ControlPlaneLoadBalancer
		lb.LoadBalancerType = rapid.SampledFrom([]infrav1.LoadBalancerType{infrav1.LoadBalancerTypeNLB, infrav1.LoadBalancerTypeClassic}).Draw(t, "type")
		lb.CrossZoneLoadBalancing = rapid.Bool().Draw(t, "crossZone")
		lb.PreserveClientIP = lb.LoadBalancerType == infrav1.LoadBalancerTypeNLB && rapid.Bool().Draw(t, "preserve")
		if rapid.Bool().Draw(t, "internal") {
			internal := infrav1.ELBSchemeInternal
			lb.Scheme = &internal
		}
		if lb.LoadBalancerType == infrav1.LoadBalancerTypeNLB && rapid.Bool().Draw(t, "listener") {
			lb.AdditionalListeners = []infrav1.AdditionalListenerSpec{{Port: int64(rapid.IntRange(7000, 9000).Draw(t, "port")), Protocol: "TCP"}}
		}
		if rapid.Bool().Draw(t, "ipv6") {
			vpc.IPv6 = &infrav1.IPv6{}
		}
		vpc.AvailabilityZoneUsageLimit = aws.Int(rapid.IntRange(1, 4).Draw(t, "zones"))
		choice := rapid.SampledFrom([]infrav1.AZSelectionScheme{infrav1.AZSelectionSchemeOrdered, infrav1.AZSelectionSchemeRandom}).Draw(t, "choice")
		schema := rapid.SampledFrom([]infrav1.SubnetSchemaType{infrav1.SubnetSchemaPreferPrivate, infrav1.SubnetSchemaPreferPublic}).Draw(t, "schema")
		vpc.AvailabilityZoneSelection, vpc.SubnetSchema = &choice, &schema
		if rapid.Bool().Draw(t, "tags") {
			c.Spec.AdditionalTags = infrav1.Tags{"team": "a", "kubernetes.io/cluster/c1": "owned"}
		}
		if rapid.Bool().Draw(t, "bastion") {
			c.Spec.Bastion.Enabled = true
		}
		if rapid.Bool().Draw(t, "rules") {
			c.Spec.Network.AdditionalNodeIngressRules = []infrav1.IngressRule{{Description: "nat", Protocol: "udp", FromPort: aws.Int64(53), ToPort: aws.Int64(53),
				NatGatewaysIPsSource: true}, {Description: "all", Protocol: "-1", SourceSecurityGroupRoles: []infrav1.SecurityGroupRole{"lb"}}}
		}
	})
}

func TestAfterAPlanIsCarriedOutNothingIsLeftToDo(t *testing.T) {
	draw := rapid.Custom(drawCluster)
	for seed := range 16 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, draw.Example(seed))
			w.create()
			w.settleReads(w.observed)
			if left := w.plan(); len(left) > 0 {
				t.Errorf("left to do: %q", left)
			}
			w.delete()
			if left := w.Resources(); len(left) > 0 {
				t.Errorf("the account isn't empty: %v", left)
			}
		})
	}
}

// completeWorld returns a complete cluster and what the mirror shows of it to a
// process that didn't make it.
func completeWorld(t testing.TB) (*infrav1.AWSCluster, *mirror.Snapshot) {
	w := newWorld(t, newCluster())
	w.create()
	w.settleReads(w.observed)
	snap := w.Mirror.Snapshot(w.Mirror.Scopes()[0])
	vpc := *mirror.Select(snap, mirror.VPCs, nil)[0]
	vpc.New = false
	return w.get(), mirror.With(snap, mirror.VPCs, time.Now(), vpc)
}

// copier copies a table of a snapshot into another one, without the row of an id.
type copier struct {
	kind mirror.Kind
	ids  func(*mirror.Snapshot) []string
	copy func(to, from *mirror.Snapshot, without string) *mirror.Snapshot
}

func copierOf[T any](t *mirror.Table[T]) copier {
	return copier{kind: t.Kind,
		ids: func(s *mirror.Snapshot) []string {
			var ids []string
			for _, row := range mirror.Select(s, t, nil) {
				ids = append(ids, t.ID(row))
			}
			return ids
		},
		copy: func(to, from *mirror.Snapshot, without string) *mirror.Snapshot {
			var rows []T
			for _, row := range mirror.Select(from, t, nil) {
				if t.ID(row) != without {
					rows = append(rows, *row)
				}
			}
			return mirror.With(to, t, time.Now(), rows...)
		}}
}

var copiers = []copier{copierOf(mirror.AvailabilityZones), copierOf(mirror.VPCs), copierOf(mirror.Subnets), copierOf(mirror.InternetGateways),
	copierOf(mirror.EgressOnlyInternetGateways), copierOf(mirror.NATGateways), copierOf(mirror.Addresses), copierOf(mirror.RouteTables),
	copierOf(mirror.SecurityGroups), copierOf(mirror.ClassicLoadBalancers), copierOf(mirror.LoadBalancers), copierOf(mirror.TargetGroups)}

func TestPlanningTwiceIsEqual(t *testing.T) {
	_, complete := completeWorld(t)
	rapid.Check(t, func(t *rapid.T) {
		cluster, snap := drawCluster(t), mirror.NewSnapshot(complete.Scope)
		for _, c := range copiers {
			snap = c.copy(snap, complete, rapid.SampledFrom(append(c.ids(complete), "")).Draw(t, string(c.kind)))
		}
		before := cluster.DeepCopy()
		in := NewIntent(cluster, nil)
		first, again := Plan(in, snap), Plan(in, snap)
		if diff := cmp.Diff(first, again, ignoreUnexported); diff != "" {
			t.Fatalf("the plans differ: %s", diff)
		}
		if diff := cmp.Diff(Project(in, snap), Project(in, snap)); diff != "" {
			t.Fatalf("the projections differ: %s", diff)
		}
		if diff := cmp.Diff(before, cluster); diff != "" {
			t.Fatalf("the object was changed: %s", diff)
		}
	})
}

func TestTablesThatWereNeverSeenJustifyNothing(t *testing.T) {
	obj, complete := completeWorld(t)
	rapid.Check(t, func(t *rapid.T) {
		cluster := obj.DeepCopy()
		if rapid.Bool().Draw(t, "deleting") {
			now := metav1.Now()
			cluster.DeletionTimestamp = &now
		}
		in := NewIntent(cluster, nil)
		needed := map[mirror.Kind]bool{}
		for _, kind := range kindsOf(cluster) {
			needed[kind] = true
		}
		snap, missing := mirror.NewSnapshot(complete.Scope), false
		for _, c := range copiers {
			if rapid.Bool().Draw(t, string(c.kind)) {
				snap = c.copy(snap, complete, "")
			} else {
				missing = missing || needed[c.kind]
			}
		}
		p := Plan(in, snap)
		if missing && len(p.Actions) > 0 {
			t.Fatalf("planned by half of the tables: %v", p.Actions)
		}
		if !missing && cluster.DeletionTimestamp.IsZero() && !p.Done() {
			t.Fatalf("a complete cluster has a plan: %+v", p)
		}
		if missing {
			if status := Project(in, snap).Status; !cmp.Equal(status, cluster.Status) {
				t.Fatalf("half of the tables changed the status: %s", cmp.Diff(cluster.Status, status))
			}
		}
	})
}

func TestAMissingRowNeverLeadsToADeletion(t *testing.T) {
	obj, complete := completeWorld(t)
	in := NewIntent(obj, nil)
	for _, missing := range copiers {
		for _, id := range missing.ids(complete) {
			snap := mirror.NewSnapshot(complete.Scope)
			for _, c := range copiers {
				without := ""
				if c.kind == missing.kind {
					without = id
				}
				snap = c.copy(snap, complete, without)
			}
			for _, a := range Plan(in, snap).Actions {
				if a.Verb == plan.Delete {
					t.Errorf("without %s %s it plans to %s", missing.kind, id, a.Summary)
				}
			}
		}
	}
}

func TestAJournalEntryKeepsTheSecondCreationBack(t *testing.T) {
	scope := cloud.Scope{Account: "123456789012", Region: testRegion}
	begun := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	cluster := newCluster()
	cluster.Status.PendingCreations = []infrav1.PendingCreation{{Key: "vpc", Operation: "ec2.CreateVpc", Since: metav1.NewMicroTime(begun)}}
	for _, c := range []struct {
		name   string
		listed time.Time
		want   bool
	}{
		{"listed before the call", begun.Add(-time.Second), false},
		{"listed within the grace", begun.Add(mirror.DefaultGrace / 2), false},
		{"listed twice after the grace", begun.Add(mirror.DefaultGrace + 5*time.Second), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			snap := mirror.NewSnapshot(scope)
			for _, k := range copiers {
				snap = k.copy(snap, mirror.NewSnapshot(scope), "")
			}
			zone := ec2types.AvailabilityZone{ZoneName: aws.String("us-east-1a"), ZoneType: aws.String("availability-zone"), State: "available"}
			snap = mirror.With(snap, mirror.AvailabilityZones, c.listed, zone)
			snap = mirror.With[mirror.VPC](snap, mirror.VPCs, c.listed)
			created := false
			for _, a := range Plan(NewIntent(cluster, nil), snap).Ready() {
				created = created || a.Operation == "ec2.CreateVpc"
			}
			if created != c.want {
				t.Errorf("a VPC is created: %v, want %v", created, c.want)
			}
		})
	}
}
