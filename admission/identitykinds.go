package admission

import (
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// identityObjects makes empty objects of each kind of identity.
var identityObjects = map[infrav1.AWSIdentityKind]struct {
	object func() client.Object
	list   func() client.ObjectList
}{
	infrav1.ControllerIdentityKind: {
		func() client.Object { return &infrav1.AWSClusterControllerIdentity{} },
		func() client.ObjectList { return &infrav1.AWSClusterControllerIdentityList{} },
	},
	infrav1.ClusterRoleIdentityKind: {
		func() client.Object { return &infrav1.AWSClusterRoleIdentity{} },
		func() client.ObjectList { return &infrav1.AWSClusterRoleIdentityList{} },
	},
	infrav1.ClusterStaticIdentityKind: {
		func() client.Object { return &infrav1.AWSClusterStaticIdentity{} },
		func() client.ObjectList { return &infrav1.AWSClusterStaticIdentityList{} },
	},
}

// describeIdentity gives what the kinds have in common; the zero value for any
// other object.
func describeIdentity(object runtime.Object) identity {
	switch o := object.(type) {
	case *infrav1.AWSClusterControllerIdentity:
		return identity{kind: infrav1.ControllerIdentityKind, name: o.Name, allowed: o.Spec.AllowedNamespaces}
	case *infrav1.AWSClusterStaticIdentity:
		return identity{kind: infrav1.ClusterStaticIdentityKind, name: o.Name, allowed: o.Spec.AllowedNamespaces}
	case *infrav1.AWSClusterRoleIdentity:
		return identity{kind: infrav1.ClusterRoleIdentityKind, name: o.Name, allowed: o.Spec.AllowedNamespaces, source: o.Spec.SourceIdentityRef}
	}
	return identity{}
}
