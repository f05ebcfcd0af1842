package apiserver

import (
	"slices"
	"testing"

	validatingpolicy "k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/admission/plugin/resourcequota"
	mutatingwebhook "k8s.io/apiserver/pkg/admission/plugin/webhook/mutating"
	validatingwebhook "k8s.io/apiserver/pkg/admission/plugin/webhook/validating"

	"github.com/capa-apiserver/capa-apiserver/admission"
)

// What the host's policies refuse asks AWS nothing and is charged to no quota.
func TestOwnRulesComeAfterTheHostsPolicies(t *testing.T) {
	order := NewOptions(NewTable(Kinds()...)).Recommended.Admission.RecommendedPluginOrder
	own := slices.Index(order, admission.PluginName)
	if own < 0 {
		t.Fatalf("%s isn't switched on: %v", admission.PluginName, order)
	}
	for _, earlier := range []string{mutatingwebhook.PluginName, validatingpolicy.PluginName, validatingwebhook.PluginName} {
		if at := slices.Index(order, earlier); at < 0 || at > own {
			t.Errorf("%s comes after %s: %v", earlier, admission.PluginName, order)
		}
	}
	if order[len(order)-1] != resourcequota.PluginName {
		t.Errorf("the quota isn't the last: %v", order)
	}
}
