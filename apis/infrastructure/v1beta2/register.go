package v1beta2

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// GroupName is the API group of the infrastructure kinds.
const GroupName = infrav1.GroupName

// SchemeGroupVersion is the group and version of the types of this package.
var SchemeGroupVersion = schema.GroupVersion{Group: GroupName, Version: "v1beta2"}

var (
	// SchemeBuilder collects the functions that fill a scheme with this version.
	SchemeBuilder = runtime.NewSchemeBuilder(addKnownTypes, addDefaultingFuncs)

	localSchemeBuilder = &SchemeBuilder

	// AddToScheme registers the types of this version, their defaults and their
	// conversions to and from v2beta1.
	AddToScheme = SchemeBuilder.AddToScheme
)

// Kinds returns one empty object of every kind of this package, lists included.
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

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(SchemeGroupVersion, Kinds()...)
	metav1.AddToGroupVersion(scheme, SchemeGroupVersion)
	return nil
}
