package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	gocmp "github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// beside is a cluster of the server's own at its own version. Cluster API looks at CAPA's, so that
// the user says whose it is.
const beside = `
apiVersion: infrastructure.cluster.x-k8s.io/v2beta1
kind: AWSCluster
metadata:
  name: beside
  ownerReferences: [{apiVersion: cluster.x-k8s.io/v1beta2, kind: Cluster, name: beside, uid: %s}]
spec:
  region: us-east-1
  sshKeyName: default
%s`

// besideCAPA has the server make, change and delete a cluster of its own, while CAPA's stay as they
// are: to the letter in the host, and all of it in AWS, with what somebody else changed there.
func (c *capa) besideCAPA(t *testing.T) {
	const ours, theirs = "awsclusters.v2beta1.infrastructure.cluster.x-k8s.io", "awsclusters.v1beta2.infrastructure.cluster.x-k8s.io"
	ns := c.namespace()
	vpc, _, _ := unstructured.NestedString(c.all("v1beta2", "v1beta2")["AWSCluster/"+c.cluster].Object, "spec", "network", "vpc", "id")
	drift := []ec2types.Tag{{Key: aws.String("sigs.k8s.io/cluster-api-provider-aws/role"), Value: aws.String("common")}}
	_, err := c.ec2().DeleteTags(t.Context(), &ec2.DeleteTagsInput{Resources: []string{vpc}, Tags: drift})
	must(t, err)
	before, victims := c.all("v1beta2", "v1beta2"), c.records()
	untouched := func() {
		t.Helper()
		if diff := gocmp.Diff(before, c.all("v1beta2", "v1beta2")); diff != "" {
			t.Errorf("CAPA's objects were written:\n%s", diff)
		}
		c.stayed(t, victims)
	}

	cluster, _, _ := strings.Cut(quickStartIn("beside", region, ""), "---\n")
	c.apply(ns, cluster)
	uid := c.kubectl("get", "cluster", "-n", ns, "beside", "-o", "jsonpath={.metadata.uid}")
	c.apply(ns, fmt.Sprintf(beside, uid, indent(oneZone)))
	c.waitReady(ns, "beside")
	c.kubectl("patch", ours, "-n", ns, "beside", "--type=merge", "-p", `{"spec": {"additionalTags": {"team": "b"}}}`)
	c.waitStill()
	untouched()
	for kind, others := range map[string]string{ours: c.ns, theirs: ns} {
		if out, err := c.tryKubectl("", "get", kind, "-n", others, "-o", "name"); err != nil || out != "" {
			t.Errorf("%s of the other's: %s (%v)", kind, out, err)
		}
	}
	c.kubectl("delete", ours, "-n", ns, "beside", "--timeout=180s")
	c.kubectl("delete", "cluster", "-n", ns, "beside", "--timeout=60s")
	untouched()
	_, err = c.ec2().CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: []string{vpc}, Tags: drift})
	must(t, err)
}
