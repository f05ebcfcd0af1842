package awsfargateprofile

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awseks "github.com/aws/aws-sdk-go-v2/service/eks"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksfargate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

func TestProfilesOfAClusterThatIsNotTheControlPlanesOwnAreNobodysToTouch(t *testing.T) {
	const cluster = "default_" + controlPlane
	w := newWorld(t, true, newProfile("first"), newProfile("apps"), newProfile("new"))
	w.buildCluster()
	w.settle("first", w.ready("first"))
	like := w.describe("first").FargateProfile
	_, err := w.Session().EKS.CreateFargateProfile(t.Context(), &awseks.CreateFargateProfileInput{ClusterName: aws.String(cluster), FargateProfileName: aws.String("default_apps"),
		PodExecutionRoleArn: like.PodExecutionRoleArn, Subnets: like.Subnets, Selectors: like.Selectors, Tags: map[string]string{names.TagCloudProviderPrefix + enginetest.ClusterName: names.Owned}})
	w.Must(err)
	out, err := w.Session().EKS.DescribeCluster(t.Context(), &awseks.DescribeClusterInput{Name: aws.String(cluster)})
	w.Must(err)
	_, err = w.Session().EKS.TagResource(t.Context(), &awseks.TagResourceInput{ResourceArn: out.Cluster.Arn, Tags: map[string]string{names.TagUID: "uid-of-somebody", names.TagNamespace: "theirs"}})
	w.Must(err)
	w.Stop()
	w.Boot()
	w.profiles = New(Options{Options: w.Options(w.Process), MakeRoles: true})
	before := w.AWS.Counts()["eks.CreateFargateProfile"]
	for _, name := range []string{"apps", "new"} {
		w.settle(name, func() bool {
			return strings.Contains(w.condition(name, eksfargate.Area).Message, "EKS cluster "+cluster+" is of an object with UID uid-of-somebody")
		})
	}
	w.Must(w.Kube.Delete(context.Background(), w.get("apps")))
	w.settle("apps", func() bool { return w.Gone(&infrav1.AWSFargateProfile{}, "apps") })
	if got := w.describe("apps").FargateProfile; got.Tags[names.TagUID] != "" || w.AWS.Counts()["eks.DeleteFargateProfile"] > 0 || w.AWS.Counts()["eks.CreateFargateProfile"] != before {
		t.Errorf("%v was touched: %v", got.Tags, w.AWS.Counts())
	}
}
