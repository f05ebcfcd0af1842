package awscluster

import (
	"context"
	"maps"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// TestNetworkOfAnotherToolIsAdoptedWithoutAChange takes over what carries the
// names and tags that other tools write, which know of no UID: with the manifest
// as it was first written, and with all that had been recorded in it.
func TestNetworkOfAnotherToolIsAdoptedWithoutAChange(t *testing.T) {
	type form struct {
		name  string
		world func(testing.TB) *world
	}
	forms := []form{
		{"bastion", func(t testing.TB) *world { return newWorld(t, newCluster(withBastion)) }},
		{"a VPC of somebody's", func(t testing.TB) *world { w, _ := newUsersWorld(t); return w }},
		{"a VPC of somebody's, classic load balancer", func(t testing.TB) *world {
			w, _ := newUsersWorld(t, func(c *infrav1.AWSCluster) {
				c.Spec.ControlPlaneLoadBalancer = &infrav1.AWSLoadBalancerSpec{LoadBalancerType: infrav1.LoadBalancerTypeClassic}
			})
			return w
		}},
	}
	for _, life := range lives {
		forms = append(forms, form{life.name, func(t testing.TB) *world { return newWorld(t, newCluster(life.change)) }})
	}
	for _, form := range forms {
		for _, recorded := range []bool{false, true} {
			name := form.name
			if recorded {
				name += ", recorded"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				old := form.world(t)
				written, empty := old.get().Spec, old.Resources()
				old.create()
				old.stripUID()
				before := old.Resources()
				old.Stop()

				successor := newCluster()
				successor.UID, successor.Spec = "another", written
				if recorded {
					successor.Spec = old.get().Spec
				}
				w := old.with(enginetest.NewKube(t, enginetest.Owner(successor), successor))
				w.AWS.ResetCounts()
				w.create()
				w.settle(func() bool { return len(w.plan()) == 0 })
				if mutations, _ := w.calls(); mutations > 0 {
					t.Errorf("adoption changed AWS: %v", w.AWS.Counts())
				}
				if after := w.Resources(); !maps.Equal(before, after) {
					t.Errorf("there is %v, want %v", after, before)
				}
				w.delete()
				if left := w.Resources(); !maps.Equal(left, empty) {
					t.Errorf("left are %v, want %v", left, empty)
				}
				old.boot() // its cleanup stops a process
			})
		}
	}
}

// stripUID takes our UID tag from every resource.
func (w *world) stripUID() {
	w.T.Helper()
	ctx := context.Background()
	session := w.Session()
	stripped := 0
	defer func() {
		if stripped < 5 {
			w.T.Errorf("only %d resources carried the UID", stripped)
		}
	}()
	for _, r := range w.AWS.Resources(emulator.DefaultAccount, testRegion) {
		if r.Tags[names.TagUID] == "" {
			continue
		}
		stripped++
		var err error
		switch r.Service {
		case "ec2":
			_, err = session.EC2.DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: []string{r.ID}, Tags: []ec2types.Tag{{Key: aws.String(names.TagUID)}, {Key: aws.String(names.TagNamespace)}}})
		case "elb":
			_, err = session.ELB.RemoveTags(ctx, &elb.RemoveTagsInput{LoadBalancerNames: []string{r.ID}, Tags: []elbtypes.TagKeyOnly{{Key: aws.String(names.TagUID)}, {Key: aws.String(names.TagNamespace)}}})
		case "elbv2":
			_, err = session.ELBv2.RemoveTags(ctx, &elbv2.RemoveTagsInput{ResourceArns: []string{r.ID}, TagKeys: []string{names.TagUID, names.TagNamespace}})
		default:
			w.T.Fatalf("a tagged resource of service %q", r.Service)
		}
		w.Must(err)
	}
}

// TestClustersOfOneNameDoNotTakeEachOthersResources has the same name twice, in
// two namespaces of one management cluster.
func TestClustersOfOneNameDoNotTakeEachOthersResources(t *testing.T) {
	first := newWorld(t, newCluster())
	first.create()
	before := first.Resources()

	twin := newCluster(func(c *infrav1.AWSCluster) { c.Namespace, c.UID = "other", "uid-of-twin" })
	first.add(twin)
	w := first.with(first.Kube)
	w.namespace = "other"
	w.create()
	both := w.Resources()
	for kind, n := range before {
		if both[kind] != 2*n {
			t.Errorf("%d of %s, want %d", both[kind], kind, 2*n)
		}
	}
	w.delete()
	if after := w.Resources(); !maps.Equal(before, after) {
		t.Errorf("there is %v, want %v", after, before)
	}
	if left := first.plan(); len(left) > 0 {
		t.Errorf("the first cluster needs repair: %q", left)
	}
}
