package v2beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName is the API group of the infrastructure kinds.
const GroupName = "infrastructure.cluster.x-k8s.io"

// SchemeGroupVersion is the group and version of the types of this package.
var SchemeGroupVersion = schema.GroupVersion{Group: GroupName, Version: "v2beta1"}

var (
	// SchemeBuilder collects the functions that fill a scheme with this version.
	SchemeBuilder = runtime.NewSchemeBuilder(addKnownTypes, addDefaultingFuncs)

	// AddToScheme registers the types of this version and their defaults.
	AddToScheme = SchemeBuilder.AddToScheme
)

// Kinds returns one empty object of every kind of this package, lists included.
// A new kind is added here and nowhere else in the registration.
func Kinds() []runtime.Object {
	return []runtime.Object{
		&AWSCluster{}, &AWSClusterList{},
		&AWSClusterTemplate{}, &AWSClusterTemplateList{},
		&AWSClusterControllerIdentity{}, &AWSClusterControllerIdentityList{},
		&AWSClusterRoleIdentity{}, &AWSClusterRoleIdentityList{},
		&AWSClusterStaticIdentity{}, &AWSClusterStaticIdentityList{},
		&AWSMachine{}, &AWSMachineList{},
		&AWSMachineTemplate{}, &AWSMachineTemplateList{},
		&AWSMachinePool{}, &AWSMachinePoolList{},
		&AWSManagedCluster{}, &AWSManagedClusterList{},
		&AWSManagedClusterTemplate{}, &AWSManagedClusterTemplateList{},
		&AWSManagedMachinePool{}, &AWSManagedMachinePoolList{},
		&AWSManagedMachinePoolTemplate{}, &AWSManagedMachinePoolTemplateList{},
		&AWSFargateProfile{}, &AWSFargateProfileList{},
	}
}

// Kind returns the GroupKind of a kind of this group.
func Kind(kind string) schema.GroupKind {
	return SchemeGroupVersion.WithKind(kind).GroupKind()
}

// Resource returns the GroupResource of a resource of this group.
func Resource(resource string) schema.GroupResource {
	return SchemeGroupVersion.WithResource(resource).GroupResource()
}

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(SchemeGroupVersion, Kinds()...)
	metav1.AddToGroupVersion(scheme, SchemeGroupVersion)
	return nil
}
