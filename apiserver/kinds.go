package apiserver

import (
	"k8s.io/apiserver/pkg/registry/rest"

	"github.com/capa-apiserver/capa-apiserver/admission"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/registry/bootstrap/eksconfig"
	"github.com/capa-apiserver/capa-apiserver/registry/bootstrap/eksconfigtemplate"
	"github.com/capa-apiserver/capa-apiserver/registry/bootstrap/nodeadmconfig"
	"github.com/capa-apiserver/capa-apiserver/registry/bootstrap/nodeadmconfigtemplate"
	"github.com/capa-apiserver/capa-apiserver/registry/controlplane/awsmanagedcontrolplane"
	"github.com/capa-apiserver/capa-apiserver/registry/controlplane/awsmanagedcontrolplanetemplate"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure/awscluster"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure/awsclusteridentity"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure/awsclustertemplate"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure/awsfargateprofile"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure/awsmachine"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure/awsmachinepool"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure/awsmachinetemplate"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure/awsmanagedcluster"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure/awsmanagedclustertemplate"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure/awsmanagedmachinepool"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure/awsmanagedmachinepooltemplate"
)

// Kinds are all kinds that the server serves: the rows of its table.
func Kinds() []Row {
	return []Row{
		{Kind: awscluster.Kind(), Admission: admission.Clusters, Live: liveClusters},
		{Kind: awsclustertemplate.Kind(), Admission: admission.ClusterTemplates},
		{Kind: awsmachine.Kind(), Admission: admission.Machines, Live: liveMachines, Subresources: map[string]Subresource{"console": console}},
		{Kind: awsmachinetemplate.Kind(), Admission: admission.MachineTemplates},
		{Kind: awsmachinepool.Kind(), Admission: admission.Machines, Live: liveMachinePools},
		{Kind: awsmanagedcluster.Kind()},
		{Kind: awsmanagedclustertemplate.Kind()},
		{Kind: awsmanagedmachinepool.Kind(), Admission: admission.Nodegroups, Live: liveManagedPools},
		{Kind: awsmanagedmachinepooltemplate.Kind(), Admission: admission.NodegroupTemplates},
		{Kind: awsfargateprofile.Kind(), Admission: admission.FargateProfiles, Live: liveFargateProfiles},
		{Kind: awsclusteridentity.Controller(), Admission: admission.Identities},
		{Kind: awsclusteridentity.Role(), Admission: admission.RoleIdentities},
		{Kind: awsclusteridentity.Static(), Admission: admission.StaticIdentities},
		{Kind: awsmanagedcontrolplane.Kind(), Admission: admission.ControlPlanes, Live: liveControlPlanes, Subresources: map[string]Subresource{"kubeconfig": kubeconfigOf}},
		{Kind: awsmanagedcontrolplanetemplate.Kind(), Admission: admission.ControlPlaneTemplates},
		{Kind: nodeadmconfig.Kind()},
		{Kind: nodeadmconfigtemplate.Kind()},
		{Kind: eksconfig.Kind(), Admission: admission.EKSConfigs},
		{Kind: eksconfigtemplate.Kind()},
	}
}

// console shows what the instance of a machine wrote to its console.
func console(p Parts, getter rest.Getter) rest.Storage {
	return awsmachine.NewConsoleREST(getter, consoles{observeMachines(p), cloud.NewConsoles(nil)})
}

// kubeconfigOf lets whoever asks into an EKS cluster.
func kubeconfigOf(p Parts, getter rest.Getter) rest.Storage {
	return awsmanagedcontrolplane.NewKubeconfigREST(getter, kubeconfigs{observeControlPlanes(p)})
}
