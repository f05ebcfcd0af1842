package admission

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
)

func TestConfigurationsWithoutAScriptInTheImageAreRefused(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := clusterv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	pool := func(kind, name, version string) client.Object {
		p := &clusterv1.MachinePool{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "p"}}
		p.Spec.Template.Spec.Version = version
		p.Spec.Template.Spec.Bootstrap.ConfigRef = clusterv1.ContractVersionedObjectReference{APIGroup: bootstrapv1.GroupName, Kind: kind, Name: name}
		return p
	}
	machine := &clusterv1.Machine{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "m"}, Spec: clusterv1.MachineSpec{Version: "v1.34.1"}}
	yes, own := true, "/opt/join"
	for name, x := range map[string]struct {
		user    client.Object
		change  func(*bootstrapv1.EKSConfig)
		updated bool
		refused bool
	}{
		"nobody uses it":         {},
		"a pool that may":        {user: pool("EKSConfig", "x", "v1.32.4")},
		"a pool that may not":    {user: pool("EKSConfig", "x", "v1.33.0-eks-cb19647"), refused: true},
		"of another":             {user: pool("EKSConfig", "y", "v1.33.0")},
		"of another kind":        {user: pool("NodeadmConfig", "x", "v1.33.0")},
		"of no version":          {user: pool("EKSConfig", "x", "")},
		"a command of one's own": {user: pool("EKSConfig", "x", "v1.33.0"), change: func(c *bootstrapv1.EKSConfig) { c.Spec.BootstrapCommandOverride = &own }},
		"an update":              {user: pool("EKSConfig", "x", "v1.33.0"), updated: true},
		"a Machine that may not": {user: machine, refused: true, change: func(c *bootstrapv1.EKSConfig) {
			c.OwnerReferences = []metav1.OwnerReference{{Kind: "Machine", Name: "m", Controller: &yes}}
		}},
		"a Machine that is gone": {change: func(c *bootstrapv1.EKSConfig) {
			c.OwnerReferences = []metav1.OwnerReference{{Kind: "Machine", Name: "m", Controller: &yes}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b := fake.NewClientBuilder().WithScheme(scheme)
			if x.user != nil {
				b = b.WithObjects(x.user)
			}
			config := &bootstrapv1.EKSConfig{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "x"}}
			if x.change != nil {
				x.change(config)
			}
			r := Request{Object: config, Namespace: "team-a"}
			if x.updated {
				r.Old = config.DeepCopy()
			}
			_, errs := EKSConfigs(Options{Host: b.Build()}).Validate[0](t.Context(), r)
			if got := errs.ToAggregate(); (got != nil) != x.refused || x.refused && !strings.Contains(got.Error(), "refer to a NodeadmConfig") {
				t.Errorf("the answer is %v", got)
			}
		})
	}
}
