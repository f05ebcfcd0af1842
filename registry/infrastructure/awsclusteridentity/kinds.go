// Package awsclusteridentity is the room of the three kinds of identities.
package awsclusteridentity

import (
	"k8s.io/apimachinery/pkg/runtime"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure"
)

// Controller is the identity of the server itself.
func Controller() generic.Kind { return kind(&infrav1.AWSClusterControllerIdentity{}, "awsci") }

// Role is an identity that is assumed.
func Role() generic.Kind { return kind(&infrav1.AWSClusterRoleIdentity{}, "awsri") }

// Static is an identity whose keys stand in a Secret.
func Static() generic.Kind { return kind(&infrav1.AWSClusterStaticIdentity{}, "awssi") }

// kind is the row of an identity: of the whole cluster, without status, and moved
// by clusterctl with the clusters that refer to it.
func kind(object runtime.Object, short string) generic.Kind {
	k := infrastructure.Kind(object, short)
	k.Namespaced = false
	k.Labels = map[string]string{infrav1.MoveHierarchyLabel: ""}
	return k
}
