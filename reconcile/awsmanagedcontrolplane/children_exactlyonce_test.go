package awsmanagedcontrolplane

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
)

const pinnedAddon = "vpc-cni"

// withPinnedAddon names an add-on whose workload stays, which is kept as a tag on it.
func withPinnedAddon(c *controlplanev1.AWSManagedControlPlane) {
	c.Spec.Addons = []controlplanev1.Addon{{Name: pinnedAddon, PreserveOnDelete: true}}
}

// changedAddon configures it, tags it, and takes that tag away.
func changedAddon(c *controlplanev1.AWSManagedControlPlane) {
	c.Spec.Addons = []controlplanev1.Addon{{Name: pinnedAddon, Configuration: `{"env":{"WARM_IP_TARGET":"3"}}`}}
	c.Spec.AdditionalTags = map[string]string{"team": "a"}
}

func (w *world) addon(name string) *ekstypes.Addon {
	w.T.Helper()
	out, err := w.Session().EKS.DescribeAddon(w.T.Context(), &awseks.DescribeAddonInput{ClusterName: aws.String(eksName), AddonName: &name})
	w.Must(err)
	return out.Addon
}

// had are how often AWS did what an operation is for.
func (w *world) had(operation string) (n int) {
	for _, e := range w.AWS.Log() {
		if e.Key() == operation && (e.Outcome == "ok" || e.Outcome == "dropped-after-effect") {
			n++
		}
	}
	return n
}

// TestAnAddonIsUpdatedAndTaggedOnceHoweverTheProcessDies ends the process at each update
// and each change of tags, drops all its memory, and goes on with another.
func TestAnAddonIsUpdatedAndTaggedOnceHoweverTheProcessDies(t *testing.T) {
	whole := newWorld(t, newControlPlane(withPinnedAddon))
	whole.settle(whole.addonsAreThere)
	operations := []string{"eks.UpdateAddon", "eks.TagResource", "eks.UntagResource"}
	before := map[string]int{}
	for _, op := range operations {
		before[op] = whole.count(op)
	}
	whole.change(changedAddon)
	whole.settle(whole.addonsAreThere)
	for _, op := range operations {
		times := whole.count(op) - before[op]
		if times == 0 {
			t.Errorf("%s never happens", op)
		}
		for i := range times {
			for _, death := range deaths {
				t.Run(fmt.Sprintf("%s/%d/%s", op, i, death), func(t *testing.T) {
					t.Parallel()
					w := newWorld(t, newControlPlane(withPinnedAddon))
					w.settle(w.addonsAreThere)
					skip := i
					if death == afterTheAnswer {
						skip += w.count(op)
					}
					happened := w.arm(op, skip, death)
					w.change(changedAddon)
					w.settle(happened)
					w.writes = nil
					w.restart()
					w.settle(w.addonsAreThere)
					tags := w.addon(pinnedAddon).Tags
					if n := w.had("eks.UpdateAddon"); n != 1 || tags["team"] != "a" || tags["capa-apiserver.cluster.x-k8s.io/preserve-on-delete"] != "" ||
						!strings.Contains(aws.ToString(w.addon(pinnedAddon).ConfigurationValues), "WARM_IP_TARGET") {
						t.Errorf("%d updates; the add-on is %+v", n, w.addon(pinnedAddon))
					}
					if c := w.cluster(); c.Tags["team"] != "a" {
						t.Errorf("the cluster's tags are %v", c.Tags)
					}
					made := len(w.Mutations())
					for range 5 {
						w.Pass(time.Minute)
						_, err := w.reconcile()
						w.Must(err)
					}
					if again := w.Mutations()[made:]; len(again) > 0 {
						t.Errorf("then it did %q", again)
					}
				})
			}
		}
	}
}
