package awsmanagedmachinepool

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	awseks "github.com/aws/aws-sdk-go-v2/service/eks"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
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

// TestALaunchTemplateOfSomebodyElseRunsNoNodes: what is in its user data, whoever has the nodes reads.
func TestALaunchTemplateOfSomebodyElseRunsNoNodes(t *testing.T) {
	w := newWorld(t, true, newPool(testName, func(p *infrav1.AWSManagedMachinePool) {
		p.Spec.LaunchTemplateRef = &infrav1.LaunchTemplateReference{Name: "theirs", Version: 1}
	}))
	w.buildCluster()
	out, err := w.Session().EC2.CreateLaunchTemplate(t.Context(), &ec2.CreateLaunchTemplateInput{LaunchTemplateName: aws.String("theirs"), LaunchTemplateData: &ec2types.RequestLaunchTemplateData{UserData: aws.String("c2VjcmV0")},
		TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeLaunchTemplate, Tags: []ec2types.Tag{{Key: aws.String(names.TagOwnedPrefix + "prod"), Value: aws.String(names.Owned)},
			{Key: aws.String(names.TagUID), Value: aws.String("uid-of-somebody")}, {Key: aws.String(names.TagNamespace), Value: aws.String("theirs")}}}}})
	w.Must(err)
	w.settle(testName, func() bool {
		return strings.Contains(w.condition(testName, nodegroup.Area).Message, "launch template "+*out.LaunchTemplate.LaunchTemplateId+" belongs to cluster prod")
	})
	if w.count("eks.CreateNodegroup") > 0 {
		t.Fatal("nodes run it")
	}
	_, err = w.Session().EC2.CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: []string{*out.LaunchTemplate.LaunchTemplateId},
		Tags: []ec2types.Tag{{Key: aws.String(names.TagOwnedPrefix + enginetest.ClusterName), Value: aws.String(names.Shared + ":default")}}})
	w.Must(err)
	w.settle(testName, func() bool { return w.count("eks.CreateNodegroup") > 0 })
}
