package admission

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capa-apiserver/capa-apiserver/apis/group"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// kinds are the kinds with their rules, as the server's table has them.
var kinds = []Kind{
	namespaced(&infrav1.AWSCluster{}, Clusters),
	namespaced(&infrav1.AWSClusterTemplate{}, ClusterTemplates),
	namespaced(&infrav1.AWSMachine{}, Machines),
	namespaced(&infrav1.AWSMachineTemplate{}, MachineTemplates),
	namespaced(&infrav1.AWSMachinePool{}, Machines),
	ofTheCluster(&infrav1.AWSClusterRoleIdentity{}, RoleIdentities),
	ofTheCluster(&infrav1.AWSClusterStaticIdentity{}, Identities),
	ofTheCluster(&infrav1.AWSClusterControllerIdentity{}, Identities),
}

func namespaced(object client.Object, rules func(Options) Rules) Kind {
	name := group.KindName(object)
	return Kind{
		GroupVersionKind: infrav1.SchemeGroupVersion.WithKind(name), Resource: strings.ToLower(name) + "s", Namespaced: true,
		New: func() runtime.Object { return object.DeepCopyObject() }, Rules: rules,
	}
}

func ofTheCluster(object client.Object, rules func(Options) Rules) Kind {
	k := namespaced(object, rules)
	k.Resource, k.Namespaced = strings.TrimSuffix(k.Resource, "ys")+"ies", false
	return k
}
