package awsmanagedmachinepool

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awseks "github.com/aws/aws-sdk-go-v2/service/eks"

	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/nodegroup"
)

// handOver makes the EKS cluster somebody else's, by its tags.
func (w *world) handOver() {
	w.T.Helper()
	out, err := w.Session().EKS.DescribeCluster(w.T.Context(), &awseks.DescribeClusterInput{Name: aws.String(eksName)})
	w.Must(err)
	_, err = w.Session().EKS.TagResource(w.T.Context(), &awseks.TagResourceInput{ResourceArn: out.Cluster.Arn, Tags: map[string]string{names.TagUID: "uid-of-somebody", names.TagNamespace: "theirs"}})
	w.Must(err)
	w.restart()
}

// theirs makes a node group as CAPA and others do, with no tag but the cloud provider's.
func (w *world) theirs(name string) {
	w.T.Helper()
	like := w.describe("first")
	_, err := w.Session().EKS.CreateNodegroup(w.T.Context(), &awseks.CreateNodegroupInput{ClusterName: aws.String(eksName), NodegroupName: aws.String("default_" + name), NodeRole: like.NodeRole,
		Subnets: like.Subnets, Tags: map[string]string{names.TagCloudProviderPrefix + enginetest.ClusterName: names.Owned}})
	w.Must(err)
}

func TestNodeGroupsOfAClusterThatIsNotTheControlPlanesOwnAreNobodysToTouch(t *testing.T) {
	w := newWorld(t, true, newPool("first"), newPool(testName), newPool("new"))
	w.buildCluster()
	w.settle("first", w.ready("first"))
	w.theirs(testName)
	w.handOver()
	before := w.count("eks.CreateNodegroup")
	for _, name := range []string{testName, "new"} {
		w.settle(name, func() bool {
			return strings.Contains(w.condition(name, nodegroup.Area).Message, "EKS cluster "+eksName+" is of an object with UID uid-of-somebody")
		})
	}
	w.Must(w.Kube.Delete(context.Background(), w.get(testName)))
	w.settle(testName, w.gone(testName))
	w.Pass(time.Hour)
	if got := w.describe(testName); got.Tags[names.TagUID] != "" || w.count("eks.DeleteNodegroup")+w.count("eks.CreateNodegroup") != before {
		t.Errorf("%v was touched: %v", got.Tags, w.AWS.Counts())
	}
}

// TestANodeGroupThatWasMadeHereGoesThoughItsClusterIsSomebodyElsesNow: its UID proves it.
func TestANodeGroupThatWasMadeHereGoesThoughItsClusterIsSomebodyElsesNow(t *testing.T) {
	w := newWorld(t, true, newPool("first"))
	w.buildCluster()
	w.settle("first", w.ready("first"))
	w.handOver()
	w.Must(w.Kube.Delete(context.Background(), w.get("first")))
	w.settle("first", w.gone("first"))
	if w.count("eks.DeleteNodegroup") != 1 {
		t.Error("it is left")
	}
}
