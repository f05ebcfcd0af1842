package bootstrap

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
)

func cells(obj runtime.Object) map[string]any {
	out := map[string]any{}
	for _, column := range Columns[:3] {
		out[column.Name] = column.Value(obj)
	}
	return out
}

func TestTheTableShowsWhatUsersOfTheKindsKnow(t *testing.T) {
	name := "n"
	meta := metav1.ObjectMeta{Labels: map[string]string{"cluster.x-k8s.io/cluster-name": "c"}}
	status := bootstrapv1.ConfigStatus{Ready: true, DataSecretName: &name}
	for _, obj := range []runtime.Object{&bootstrapv1.NodeadmConfig{ObjectMeta: meta, Status: status}, &bootstrapv1.EKSConfig{ObjectMeta: meta, Status: status}} {
		if d := cmp.Diff(map[string]any{"Cluster": "c", "Ready": true, "DataSecretName": "n"}, cells(obj)); d != "" {
			t.Error(d)
		}
	}
	if d := cmp.Diff(map[string]any{"Cluster": "", "Ready": false, "DataSecretName": nil}, cells(&bootstrapv1.EKSConfig{})); d != "" {
		t.Error(d)
	}
}
