// Package awsclusteridentity is the room of the three kinds of identities.
package awsclusteridentity

import (
	"k8s.io/apimachinery/pkg/runtime"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure"
)

// Kinds are the kinds' rows.
func Kinds() []generic.Kind {
	controller := kind("AWSClusterControllerIdentity", "awsci")
	controller.New = func() runtime.Object { return &infrav1.AWSClusterControllerIdentity{} }
	controller.NewList = func() runtime.Object { return &infrav1.AWSClusterControllerIdentityList{} }

	role := kind("AWSClusterRoleIdentity", "awsri")
	role.New = func() runtime.Object { return &infrav1.AWSClusterRoleIdentity{} }
	role.NewList = func() runtime.Object { return &infrav1.AWSClusterRoleIdentityList{} }

	static := kind("AWSClusterStaticIdentity", "awssi")
	static.New = func() runtime.Object { return &infrav1.AWSClusterStaticIdentity{} }
	static.NewList = func() runtime.Object { return &infrav1.AWSClusterStaticIdentityList{} }

	return []generic.Kind{controller, role, static}
}

// kind is the row of an identity: of the whole cluster, without status, and moved
// by clusterctl with the clusters that refer to it.
func kind(name, short string) generic.Kind {
	k := infrastructure.Kind(name, short)
	k.Namespaced = false
	k.Labels = map[string]string{"clusterctl.cluster.x-k8s.io/move-hierarchy": ""}
	k.Columns = []generic.Column{generic.AgeColumn}
	return k
}
