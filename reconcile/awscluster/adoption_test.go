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
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// TestNetworkOfAnotherToolIsAdoptedWithoutAChange takes over what carries the
// names and tags that other tools write, which know of no UID: with the manifest
// as it was first written, and with all that had been recorded in it.
func TestNetworkOfAnotherToolIsAdoptedWithoutAChange(t *testing.T) {
	for _, life := range lives {
		for _, recorded := range []bool{false, true} {
			name := life.name
			if recorded {
				name += ", recorded"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				old := newWorld(t, newCluster(life.change))
				old.create()
				old.stripUID()
				before := old.resources()
				old.process.stop()

				successor := newCluster(life.change)
				successor.UID = "another"
				if recorded {
					successor.Spec = old.get().Spec
				}
				w := &world{t: t, aws: old.aws, url: old.url, now: old.now, awsNow: old.awsNow, events: &eventLog{}, dns: old.dns, kube: newKube(t, successor)}
				w.boot()
				t.Cleanup(func() { w.process.stop() })
				w.aws.ResetCounts()
				w.create()
				w.settle(func() bool { return len(w.plan()) == 0 })
				if mutations, _ := w.calls(); mutations > 0 {
					t.Errorf("adoption changed AWS: %v", w.aws.Counts())
				}
				if after := w.resources(); !maps.Equal(before, after) {
					t.Errorf("there is %v, want %v", after, before)
				}
				w.delete()
				if left := w.resources(); len(left) > 0 {
					t.Errorf("the account isn't empty: %v", left)
				}
				old.boot() // its cleanup stops a process
			})
		}
	}
}

// stripUID takes our UID tag from every resource.
func (w *world) stripUID() {
	w.t.Helper()
	ctx := context.Background()
	session, err := w.sessions.For(ctx, cloud.Site{Namespace: "default", Region: testRegion})
	w.must(err)
	stripped := 0
	defer func() {
		if stripped < 5 {
			w.t.Errorf("only %d resources carried the UID", stripped)
		}
	}()
	for _, r := range w.aws.Resources(emulator.DefaultAccount, testRegion) {
		if r.Tags[names.TagUID] == "" {
			continue
		}
		stripped++
		switch r.Service {
		case "ec2":
			_, err = session.EC2.DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: []string{r.ID}, Tags: []ec2types.Tag{{Key: aws.String(names.TagUID)}}})
		case "elb":
			_, err = session.ELB.RemoveTags(ctx, &elb.RemoveTagsInput{LoadBalancerNames: []string{r.ID}, Tags: []elbtypes.TagKeyOnly{{Key: aws.String(names.TagUID)}}})
		case "elbv2":
			_, err = session.ELBv2.RemoveTags(ctx, &elbv2.RemoveTagsInput{ResourceArns: []string{r.ID}, TagKeys: []string{names.TagUID}})
		default:
			w.t.Fatalf("a tagged resource of service %q", r.Service)
		}
		w.must(err)
	}
}

// TestClustersOfOneNameDoNotTakeEachOthersResources has the same name twice, in
// two namespaces of one management cluster.
func TestClustersOfOneNameDoNotTakeEachOthersResources(t *testing.T) {
	first := newWorld(t, newCluster())
	first.create()
	before := first.resources()

	twin := newCluster(func(c *infrav1.AWSCluster) { c.Namespace, c.UID = "other", "uid-of-twin" })
	first.add(twin)
	w := &world{t: t, aws: first.aws, url: first.url, now: first.now, awsNow: first.awsNow, events: &eventLog{}, dns: first.dns,
		kube: first.kube, namespace: "other"}
	w.boot()
	t.Cleanup(func() { w.process.stop() })
	w.create()
	both := w.resources()
	for kind, n := range before {
		if both[kind] != 2*n {
			t.Errorf("%d of %s, want %d", both[kind], kind, 2*n)
		}
	}
	w.delete()
	if after := w.resources(); !maps.Equal(before, after) {
		t.Errorf("there is %v, want %v", after, before)
	}
	if left := first.plan(); len(left) > 0 {
		t.Errorf("the first cluster needs repair: %q", left)
	}
}
