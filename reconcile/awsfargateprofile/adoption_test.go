package awsfargateprofile

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

// TestAProfileThatCAPAMadeIsTakenOverWithoutAWrite: it has CAPA's names and tags, which know of no UID.
func TestAProfileThatCAPAMadeIsTakenOverWithoutAWrite(t *testing.T) {
	w := newWorld(t, true, newProfile("apps"))
	w.buildCluster()
	w.settle("apps", w.ready("apps"))
	profile, ours := w.describe("apps").FargateProfile, []string{names.TagUID, names.TagNamespace}
	_, err := w.Session().EKS.UntagResource(t.Context(), &awseks.UntagResourceInput{ResourceArn: profile.FargateProfileArn, TagKeys: ours})
	w.Must(err)
	_, role, _ := strings.Cut(*profile.PodExecutionRoleArn, "role/")
	_, err = w.Session().IAM.UntagRole(t.Context(), &iam.UntagRoleInput{RoleName: &role, TagKeys: ours})
	w.Must(err)
	before, old := w.Resources(), w.get("apps")

	next := newProfile("apps")
	next.UID, next.Spec = "another", old.Spec
	old.Finalizers = nil
	w.Must(w.Kube.Update(context.Background(), old))
	w.Must(w.Kube.Delete(context.Background(), old))
	w.Must(w.Kube.Create(context.Background(), next))
	w.Stop()
	w.Boot()
	w.profiles = New(Options{Options: w.Options(w.Process), MakeRoles: true})
	w.AWS.ResetCounts()
	w.settle("apps", w.ready("apps"))
	for range 5 {
		_, err := enginetest.Reconcile(w.profiles, "apps")
		w.Must(err)
		w.Pass(3 * time.Second)
	}
	for op := range w.AWS.Counts() {
		if _, call, _ := strings.Cut(op, "."); !strings.HasPrefix(call, "Describe") && !strings.HasPrefix(call, "List") && !strings.HasPrefix(call, "Get") {
			t.Errorf("%s was called", op)
		}
	}
	if after := w.Resources(); !maps.Equal(before, after) {
		t.Errorf("there is %v, want %v", after, before)
	}
}
