package admission

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
)

// scriptRules know which versions of Kubernetes nodes are to have.
type scriptRules struct{ host client.Reader }

// exists refuses a new configuration whose nodes would find no bootstrap.sh in their images, as
// far as somebody uses it already. What is used later, conditions tell of.
func (s scriptRules) exists(ctx context.Context, r Request) ([]string, field.ErrorList) {
	config, ok := r.Object.(*bootstrapv1.EKSConfig)
	if !ok || r.Old != nil || s.host == nil {
		return nil, nil
	}
	for _, version := range s.versions(ctx, config) {
		if why := config.Spec.Unfit(version); why != "" {
			return nil, field.ErrorList{field.Forbidden(field.NewPath("spec"), why)}
		}
	}
	return nil, nil
}

// versions are those of the Machine that owns a configuration, and of the MachinePools that
// refer to it.
func (s scriptRules) versions(ctx context.Context, config *bootstrapv1.EKSConfig) []string {
	var all []string
	if owner := metav1.GetControllerOf(config); owner != nil && owner.Kind == "Machine" {
		machine := &clusterv1.Machine{}
		if s.host.Get(ctx, client.ObjectKey{Namespace: config.Namespace, Name: owner.Name}, machine) == nil {
			all = append(all, machine.Spec.Version)
		}
	}
	pools := &clusterv1.MachinePoolList{}
	if s.host.List(ctx, pools, client.InNamespace(config.Namespace)) != nil {
		return all // the conditions tell later
	}
	for i := range pools.Items {
		template := &pools.Items[i].Spec.Template.Spec
		if ref := template.Bootstrap.ConfigRef; ref.Kind == "EKSConfig" && ref.Name == config.Name {
			all = append(all, template.Version)
		}
	}
	return all
}
