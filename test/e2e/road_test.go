package e2e

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/takeover"
)

// TestMovesFromCAPAAndBackWriteNothing takes a self-managed and an EKS cluster from a management cluster with CAPA to one with this
// server, and back, as docs/from-capa.md says: the real clusterctl writes a folder, clusterawsadm converts it, clusterctl makes
// what it has. AWS shows nothing of this server before, and nothing is written there. The one management cluster is in turn the
// one with CAPA's CRDs and the one with the server.
func TestMovesFromCAPAAndBackWriteNothing(t *testing.T) {
	r := &road{capa: newCAPA(t, "wanderer", "--eks-sweep-period=10s")}
	r.moved = &moved{world: r.world, ns: r.ns, cluster: r.cluster}
	r.eks = &eksCluster{r.newJoinedCluster(r.ns, "eks")}
	timed(t, "a cluster with machines and a pool, and one on EKS", func() {
		r.apply(r.ns, single)
		r.make()
		r.initialize(r.ns, r.cluster, "cp-0")
		r.arrived()
	})
	timed(t, "they are CAPA's", func() { r.leaveToCAPA(); r.look(); r.pause(false) })
	r.stripOurTags()
	had, before := r.wanted(), r.moved.contents()
	if len(had) < 6 {
		t.Fatalf("CAPA has %v", slices.Sorted(maps.Keys(had)))
	}
	r.aws.ClearLog()
	untouched := func() {
		t.Helper()
		if calls := r.aws.Changes(); len(calls) > 0 {
			t.Errorf("AWS was changed:\n%s", wrote(calls))
		}
		if diff := gocmp.Diff(before, r.moved.contents()); diff != "" {
			t.Errorf("AWS has something else:\n%s", diff)
		}
	}

	timed(t, "from CAPA to the server", func() {
		r.move(takeover.VersionOfServer, func(folder string) {
			r.webhooksAnswer()
			r.forgetCopies(folder)
			r.empty()
			r.startServer()
		})
		r.arrived()
	})
	untouched()

	timed(t, "and back to CAPA", func() {
		r.move(takeover.VersionOfCAPA, func(string) {
			r.moved.forget(letGo)
			r.replaceByCAPA()
		})
	})
	untouched()
	if diff := gocmp.Diff(had, r.wanted()); diff != "" {
		t.Errorf("CAPA's objects aren't what they were (-was +is):\n%s", diff)
	}
	r.pause(true)
	r.moved.forget("")
}

// road is what goes from CAPA to the server and back.
type road struct {
	*capa
	moved *moved
	eks   *eksCluster
}

// arrived waits until all is well in the server and Cluster API knows the machines' nodes, without which clusterctl moves nothing.
func (r *road) arrived() {
	r.waitAll()
	r.eventually("the pool is ready", func(ctx context.Context) error { return r.poolIsReady(ctx, r.ns, "workers", 1) })
	r.eks.waitAvailable()
	r.join(r.ns)
	r.moved.waitQuiet()
}

// move writes the namespace into a folder, makes another management cluster of this one, and has it take what the folder says.
func (r *road) move(to string, another func(folder string)) {
	folder := r.t.TempDir()
	r.moved.clusterctl(r.t, "move", "--to-directory="+folder, "--namespace="+r.ns)
	r.pause(true)
	another(folder)
	r.look()
	convertFolder(r.t, folder, to)
	r.moved.clusterctl(r.t, "move", "--from-directory="+folder)
}

// look has kubectl find out anew which versions there are.
func (r *road) look() { _, _ = r.tryKubectl("", "api-resources") }

// webhooksAnswer has CAPA judge nothing, where before nobody answered for it.
func (r *road) webhooksAnswer() {
	r.kubectl("delete", "validatingwebhookconfiguration", "capa-validating-webhook-configuration")
}

// forgetCopies does what the page says of copies that nobody needs any more: what a folder has of the namespace is deleted without a word to AWS.
func (r *road) forgetCopies(folder string) {
	files, err := filepath.Glob(filepath.Join(folder, "*_"+r.ns+"_*"))
	must(r.t, err)
	var named []string
	for _, file := range files {
		named = append(named, "-f", file)
	}
	r.kubectl(append([]string{"delete", "--wait=false", "--cascade=orphan"}, named...)...)
	// Some are gone already.
	said, _ := r.tryKubectl("", append([]string{"patch", "--type=merge", "-p", `{"metadata": {"finalizers": null}}`}, named...)...)
	r.eventually("the copies are gone", func(context.Context) error {
		if left := r.kubectl("get", strings.Join(movable, ","), "-n", r.ns, "-o", "name"); left != "" {
			return fmt.Errorf("still there: %s\n%s", left, said)
		}
		return nil
	})
}

// empty leaves a management cluster that never had CAPA.
func (r *road) empty() {
	r.deleteCRDs()
	r.kubectl("delete", "crd", "rosanetworks.infrastructure.cluster.x-k8s.io")
}

// wanted is what users and Cluster API say of CAPA's objects, by kind and name.
func (r *road) wanted() map[string]any {
	out := map[string]any{}
	for name, o := range r.all("v1beta2", "v1beta2") {
		out[name] = map[string]any{"labels": o.GetLabels(), "annotations": o.GetAnnotations(), "finalizers": o.GetFinalizers(), "spec": o.Object["spec"]}
	}
	return out
}

// stripOurTags takes from AWS what tells that this server made it: CAPA leaves no such tags.
func (r *road) stripOurTags() {
	t, ctx, config, ours := r.t, r.t.Context(), r.awsConfig(), []string{tagUID, tagNamespace}
	t.Helper()
	for _, record := range r.records() {
		if record.Tags[tagUID] == "" {
			continue
		}
		var err error
		switch record.Service {
		case "ec2":
			_, err = r.ec2().DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: []string{record.ID}, Tags: []ec2types.Tag{{Key: aws.String(tagUID)}, {Key: aws.String(tagNamespace)}}})
		case "elbv2":
			_, err = elasticloadbalancingv2.NewFromConfig(config).RemoveTags(ctx, &elasticloadbalancingv2.RemoveTagsInput{ResourceArns: []string{record.ID}, TagKeys: ours})
		case "autoscaling":
			tag := func(key string) astypes.Tag {
				return astypes.Tag{Key: &key, ResourceId: &record.ID, ResourceType: aws.String("auto-scaling-group")}
			}
			_, err = r.scaling(t).DeleteTags(ctx, &autoscaling.DeleteTagsInput{Tags: []astypes.Tag{tag(tagUID), tag(tagNamespace)}})
		case "eks":
			_, err = r.world.eks().UntagResource(ctx, &awseks.UntagResourceInput{ResourceArn: aws.String("arn:aws:eks:" + region + ":" + account + ":" + record.Type + "/" + record.ID), TagKeys: ours})
		case "iam":
			_, err = iam.NewFromConfig(config).UntagRole(ctx, &iam.UntagRoleInput{RoleName: &record.ID, TagKeys: ours})
		default:
			t.Fatalf("%s carries our tags", record.Key())
		}
		must(t, err)
	}
	for _, record := range r.records() {
		if record.Tags[tagUID] != "" {
			t.Errorf("%s carries our tags still", record.Key())
		}
	}
}
