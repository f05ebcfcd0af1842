package apiserver

import (
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/initializer"
	"k8s.io/apiserver/pkg/admission/plugin/resourcequota"
	"k8s.io/apiserver/pkg/quota/v1/generic"
	genericoptions "k8s.io/apiserver/pkg/server/options"
)

// addQuota has the host's ResourceQuotas count these kinds, as count/PLURAL.GROUP: the plugin
// of kube-apiserver sees only what that stores itself. It comes last, so that what another
// plugin refuses isn't charged.
func addQuota(plugins *genericoptions.AdmissionOptions) {
	resourcequota.Register(plugins.Plugins)
	plugins.RecommendedPluginOrder = append(plugins.RecommendedPluginOrder, resourcequota.PluginName)
}

// counted tells the quota plugin that there is nothing to measure but the number of objects.
type counted struct{}

var _ admission.PluginInitializer = counted{}

func (counted) Initialize(plugin admission.Interface) {
	if wants, ok := plugin.(initializer.WantsQuotaConfiguration); ok {
		wants.SetQuotaConfiguration(generic.NewConfiguration(nil, nil))
	}
}
