package awsmanagedmachinepool

import (
	"context"
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

// TestANodeGroupThatCAPAMadeIsTakenOverWithoutAWrite: it has CAPA's names and tags, which know of no UID.
func TestANodeGroupThatCAPAMadeIsTakenOverWithoutAWrite(t *testing.T) {
	for name, change := range map[string]func(*infrav1.AWSManagedMachinePool){
		"plain": func(*infrav1.AWSManagedMachinePool) {},
		"with labels, scaling and tags": func(p *infrav1.AWSManagedMachinePool) {
			p.Spec.Labels, p.Spec.AdditionalTags = map[string]string{"a": "b"}, infrav1.Tags{"team": "a"}
			p.Spec.Scaling = &infrav1.ManagedMachinePoolScaling{MinSize: aws.Int32(1), MaxSize: aws.Int32(4)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, true, newPool(testName, change))
			w.buildCluster()
			w.settle(testName, w.quiet(testName))
			group, ours := w.describe(testName), []string{names.TagUID, names.TagNamespace}
			if tag := names.TagCloudProviderPrefix + aws.ToString(group.ClusterName); group.Tags[tag] != names.Owned || group.Tags[names.TagCloudProviderPrefix+enginetest.ClusterName] != "" {
				t.Errorf("it carries %v, and CAPA looks for %s", group.Tags, tag) // else it is somebody's to CAPA
			}
			_, err := w.Session().EKS.UntagResource(t.Context(), &awseks.UntagResourceInput{ResourceArn: group.NodegroupArn, TagKeys: ours})
			w.Must(err)
			_, role, _ := strings.Cut(aws.ToString(group.NodeRole), "role/")
			_, err = w.Session().IAM.UntagRole(t.Context(), &iam.UntagRoleInput{RoleName: &role, TagKeys: ours})
			w.Must(err)
			before, spec := w.Resources(), w.get(testName).Spec

			w.replace(newPool(testName, change))
			w.change(testName, func(p *infrav1.AWSManagedMachinePool) { p.Spec.RoleName = spec.RoleName }) // as CAPA records it
			w.restart()
			w.AWS.ResetCounts()
			w.settle(testName, w.quiet(testName))
			for op := range w.AWS.Counts() {
				if _, call, _ := strings.Cut(op, "."); !strings.HasPrefix(call, "Describe") && !strings.HasPrefix(call, "List") && !strings.HasPrefix(call, "Get") {
					t.Errorf("%s was called", op)
				}
			}
			if after := w.Resources(); !maps.Equal(before, after) {
				t.Errorf("there is %v, want %v", after, before)
			}
			w.Must(w.Kube.Delete(context.Background(), w.get(testName)))
			w.settle(testName, w.gone(testName))
			if left := w.Resources(); left["nodegroup"] != 0 {
				t.Errorf("left are %v", left)
			}
		})
	}
}

// replace puts another object in a pool's place, without a word to AWS.
func (w *world) replace(next *infrav1.AWSManagedMachinePool) {
	w.T.Helper()
	old := w.get(next.Name)
	old.Finalizers = nil
	w.Must(w.Kube.Update(context.Background(), old))
	w.Must(w.Kube.Delete(context.Background(), old))
	next.UID = "another"
	w.Must(w.Kube.Create(context.Background(), next))
}
